// SPDX-License-Identifier: Apache-2.0
#include "tracer/symbol.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define NAME_MAX_ 200

int wh_symbol_open(int dir_fd, const char *path, struct wh_symbols *ret)
{
	wh_auto(fd) fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(Elf64_Ehdr))
		return -ENOEXEC;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	ret->data = p;
	ret->len = (size_t)st.st_size;
	return 0;
}

void wh_symbol_close(struct wh_symbols *s)
{
	munmap((void *)s->data, s->len);
	*s = (struct wh_symbols){0};
}

static const void *at(const struct wh_symbols *s, uint64_t offset, uint64_t n, uint64_t size)
{
	if (size && n > s->len / size)
		return NULL;
	return offset <= s->len && n * size <= s->len - offset ? s->data + offset : NULL;
}

struct best {
	const char *name;
	uint64_t value;
};

static bool plainer(const char *a, const char *b)
{
	size_t au = strspn(a, "_"), bu = strspn(b, "_"), al = strlen(a), bl = strlen(b);

	if (au != bu)
		return au < bu;
	return al != bl ? al < bl : strcmp(a, b) < 0;
}

static void consider(struct best *best, const char *names, uint64_t names_len, uint64_t name,
		     uint64_t value)
{
	size_t most, len;

	if (name >= names_len)
		return;
	most = names_len - name < NAME_MAX_ ? (size_t)(names_len - name) : NAME_MAX_;
	len = strnlen(names + name, most);
	if (!len || len == most)
		return;
	/* The inner one of two that overlap; of aliases the plainest. */
	if (best->name &&
	    (value < best->value || (value == best->value && !plainer(names + name, best->name))))
		return;
	best->name = names + name;
	best->value = value;
}

/* Both ELF classes have the same members in structs of different layout. */
#define FIND(bits)                                                                                 \
	static bool address##bits(const struct wh_symbols *s, uint64_t offset, uint64_t *ret)      \
	{                                                                                          \
		const Elf##bits##_Ehdr *eh = (const void *)s->data;                                \
		const unsigned char *p =                                                           \
			at(s, eh->e_phoff, eh->e_phnum, sizeof(Elf##bits##_Phdr));                 \
                                                                                                   \
		for (unsigned i = 0; p && i < eh->e_phnum; i++) {                                  \
			Elf##bits##_Phdr ph;                                                       \
                                                                                                   \
			memcpy(&ph, p + i * sizeof(ph), sizeof(ph));                               \
			if (ph.p_type != PT_LOAD || offset < ph.p_offset ||                        \
			    offset - ph.p_offset >= ph.p_filesz)                                   \
				continue;                                                          \
			*ret = offset - ph.p_offset + ph.p_vaddr;                                  \
			return true;                                                               \
		}                                                                                  \
		return false;                                                                      \
	}                                                                                          \
                                                                                                   \
	static void table##bits(const struct wh_symbols *s, const Elf##bits##_Shdr *sh,            \
				const Elf##bits##_Shdr *str, uint64_t address, struct best *best)  \
	{                                                                                          \
		uint64_t n = sh->sh_size / sizeof(Elf##bits##_Sym);                                \
		const unsigned char *p = at(s, sh->sh_offset, n, sizeof(Elf##bits##_Sym));         \
		const char *names = at(s, str->sh_offset, str->sh_size, 1);                        \
                                                                                                   \
		for (uint64_t i = 0; p && names && i < n; i++) {                                   \
			Elf##bits##_Sym sym;                                                       \
			unsigned type;                                                             \
                                                                                                   \
			memcpy(&sym, p + i * sizeof(sym), sizeof(sym));                            \
			type = ELF##bits##_ST_TYPE(sym.st_info);                                   \
			if ((type == STT_FUNC || type == STT_GNU_IFUNC) && sym.st_shndx &&         \
			    address >= sym.st_value && address - sym.st_value < sym.st_size)       \
				consider(best, names, str->sh_size, sym.st_name, sym.st_value);    \
		}                                                                                  \
	}                                                                                          \
                                                                                                   \
	static void find##bits(const struct wh_symbols *s, uint64_t address, struct best *best)    \
	{                                                                                          \
		const Elf##bits##_Ehdr *eh = (const void *)s->data;                                \
		const unsigned char *p =                                                           \
			at(s, eh->e_shoff, eh->e_shnum, sizeof(Elf##bits##_Shdr));                 \
                                                                                                   \
		for (unsigned i = 0; p && i < eh->e_shnum; i++) {                                  \
			Elf##bits##_Shdr sh, str;                                                  \
                                                                                                   \
			memcpy(&sh, p + i * sizeof(sh), sizeof(sh));                               \
			if ((sh.sh_type != SHT_SYMTAB && sh.sh_type != SHT_DYNSYM) ||              \
			    sh.sh_link >= eh->e_shnum)                                             \
				continue;                                                          \
			memcpy(&str, p + sh.sh_link * sizeof(str), sizeof(str));                   \
			table##bits(s, &sh, &str, address, best);                                  \
		}                                                                                  \
	}
FIND(32)
FIND(64)

bool wh_symbol_find(const struct wh_symbols *s, uint64_t offset, const char **ret_name,
		    uint64_t *ret_into)
{
	bool wide = s->data[EI_CLASS] == ELFCLASS64;
	struct best best = {0};
	uint64_t address;

	if (memcmp(s->data, ELFMAG, SELFMAG) != 0 ||
	    !(wide ? address64 : address32)(s, offset, &address))
		return false;
	(wide ? find64 : find32)(s, address, &best);
	if (!best.name)
		return false;
	*ret_name = best.name;
	*ret_into = address - best.value;
	return true;
}
