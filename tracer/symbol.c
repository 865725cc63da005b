// SPDX-License-Identifier: Apache-2.0
#include "tracer/symbol.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

#define CHUNK	    32768u
#define SYMBOLS_MAX (4u << 20) /* looked at in one search, whatever the headers say */

int wh_symbol_open(int dir_fd, const char *path, struct wh_symbols *ret)
{
	wh_auto(fd) fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(Elf64_Ehdr))
		return -ENOEXEC;
	ret->fd = fd;
	fd = -1;
	return 0;
}

void wh_symbol_close(struct wh_symbols *s)
{
	wh_util_close(s->fd);
	s->fd = -1;
}

/* The bytes at @offset of the file: all of them, or none. */
static bool get(const struct wh_symbols *s, uint64_t offset, void *ret, size_t len)
{
	return offset <= (uint64_t)INT64_MAX - len &&
	       pread(s->fd, ret, len, (off_t)offset) == (ssize_t)len;
}

struct best {
	char name[WH_SYMBOL_NAME];
	uint64_t value;
};

static bool plainer(const char *a, const char *b)
{
	size_t au = strspn(a, "_"), bu = strspn(b, "_"), al = strlen(a), bl = strlen(b);

	if (au != bu)
		return au < bu;
	return al != bl ? al < bl : strcmp(a, b) < 0;
}

/* The table of names has @len bytes at @offset. */
static void consider(const struct wh_symbols *s, struct best *best, uint64_t offset, uint64_t len,
		     uint64_t name, uint64_t value)
{
	char text[WH_SYMBOL_NAME];
	size_t most;
	ssize_t n;

	/* The inner one of two that overlap; of aliases the plainest. */
	if (name >= len || (best->name[0] && value < best->value) ||
	    offset > (uint64_t)INT64_MAX - len)
		return;
	most = len - name < sizeof(text) ? (size_t)(len - name) : sizeof(text);
	n = pread(s->fd, text, most, (off_t)(offset + name));
	if (n <= 1 || !text[0] || !memchr(text, '\0', (size_t)n))
		return;
	if (best->name[0] && value == best->value && !plainer(text, best->name))
		return;
	strcpy(best->name, text);
	best->value = value;
}

/* Both ELF classes have the same members in structs of different layout. */
#define FIND(bits)                                                                                 \
	static bool address##bits(const struct wh_symbols *s, uint64_t offset, uint64_t *ret,      \
				  uint64_t *ret_index)                                             \
	{                                                                                          \
		bool loaded = false, indexed = false;                                              \
		Elf##bits##_Ehdr eh;                                                               \
		Elf##bits##_Phdr ph;                                                               \
                                                                                                   \
		if (!get(s, 0, &eh, sizeof(eh)))                                                   \
			return false;                                                              \
		for (unsigned i = 0; i < eh.e_phnum && !(loaded && indexed); i++) {                \
			if (!get(s, eh.e_phoff + i * sizeof(ph), &ph, sizeof(ph)))                 \
				return false;                                                      \
			if (ph.p_type == PT_GNU_EH_FRAME) {                                        \
				*ret_index = ph.p_vaddr;                                           \
				indexed = true;                                                    \
			} else if (ph.p_type == PT_LOAD && !loaded && offset >= ph.p_offset &&     \
				   offset - ph.p_offset < ph.p_filesz) {                           \
				*ret = offset - ph.p_offset + ph.p_vaddr;                          \
				loaded = true;                                                     \
			}                                                                          \
		}                                                                                  \
		if (!indexed)                                                                      \
			*ret_index = 0;                                                            \
		return loaded;                                                                     \
	}                                                                                          \
                                                                                                   \
	static void table##bits(const struct wh_symbols *s, const Elf##bits##_Shdr *sh,            \
				const Elf##bits##_Shdr *str, uint64_t address, uint64_t *left,     \
				struct best *best)                                                 \
	{                                                                                          \
		Elf##bits##_Sym sym[CHUNK / sizeof(Elf##bits##_Sym)];                              \
		uint64_t n = sh->sh_size / sizeof(sym[0]), at = sh->sh_offset;                     \
                                                                                                   \
		while (n && *left) {                                                               \
			size_t part = n < WH_ARRAY_SIZE(sym) ? (size_t)n : WH_ARRAY_SIZE(sym);     \
                                                                                                   \
			if (part > *left)                                                          \
				part = (size_t)*left;                                              \
			if (!get(s, at, sym, part * sizeof(sym[0])))                               \
				return;                                                            \
			for (size_t i = 0; i < part; i++) {                                        \
				unsigned type = ELF##bits##_ST_TYPE(sym[i].st_info);               \
                                                                                                   \
				if ((type == STT_FUNC || type == STT_GNU_IFUNC) &&                 \
				    sym[i].st_shndx && address >= sym[i].st_value &&               \
				    address - sym[i].st_value < sym[i].st_size)                    \
					consider(s, best, str->sh_offset, str->sh_size,            \
						 sym[i].st_name, sym[i].st_value);                 \
			}                                                                          \
			at += part * sizeof(sym[0]);                                               \
			n -= part;                                                                 \
			*left -= part;                                                             \
		}                                                                                  \
	}                                                                                          \
                                                                                                   \
	static void find##bits(const struct wh_symbols *s, uint64_t address, struct best *best)    \
	{                                                                                          \
		uint64_t left = SYMBOLS_MAX;                                                       \
		Elf##bits##_Ehdr eh;                                                               \
		Elf##bits##_Shdr sh, str;                                                          \
                                                                                                   \
		if (!get(s, 0, &eh, sizeof(eh)))                                                   \
			return;                                                                    \
		for (unsigned i = 0; i < eh.e_shnum; i++) {                                        \
			if (!get(s, eh.e_shoff + i * sizeof(sh), &sh, sizeof(sh)))                 \
				return;                                                            \
			if ((sh.sh_type != SHT_SYMTAB && sh.sh_type != SHT_DYNSYM) ||              \
			    sh.sh_link >= eh.e_shnum ||                                            \
			    !get(s, eh.e_shoff + sh.sh_link * sizeof(str), &str, sizeof(str)))     \
				continue;                                                          \
			table##bits(s, &sh, &str, address, &left, best);                           \
		}                                                                                  \
	}
FIND(32)
FIND(64)

/* Return: ELFCLASS32, ELFCLASS64, or 0 for what is no ELF file. */
static int class_of(const struct wh_symbols *s)
{
	unsigned char ident[EI_NIDENT];

	if (!get(s, 0, ident, sizeof(ident)) || memcmp(ident, ELFMAG, SELFMAG) != 0)
		return 0;
	return ident[EI_CLASS] == ELFCLASS64 ? ELFCLASS64 : ELFCLASS32;
}

bool wh_symbol_find(struct wh_symbols *s, uint64_t offset, const char **ret_name,
		    uint64_t *ret_into)
{
	int class = class_of(s);
	bool wide = class == ELFCLASS64;
	struct best best = {.name = ""};
	uint64_t address, index;

	if (!class || !(wide ? address64 : address32)(s, offset, &address, &index))
		return false;
	(wide ? find64 : find32)(s, address, &best);
	if (!best.name[0])
		return false;
	strcpy(s->name, best.name);
	*ret_name = s->name;
	*ret_into = address - best.value;
	return true;
}

bool wh_symbol_unwind_table(const struct wh_symbols *s, uint64_t offset, uint64_t *ret_address,
			    uint64_t *ret_index)
{
	int class = class_of(s);
	uint64_t address, index;

	if (!class || !(class == ELFCLASS64 ? address64 : address32)(s, offset, &address, &index) ||
	    !index)
		return false;
	*ret_address = address;
	*ret_index = index;
	return true;
}
