/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/image.h"

#include <elf.h>
#include <limits.h>

#define PHDRS_MAX                                                                                  \
	65536u /* bytes, as the kernel limits them: ELF_MIN_ALIGN is a page, this is not less */

enum wh_image_kind wh_image_kind(const char *head, size_t len)
{
	if (len >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0)
		return WH_IMAGE_ELF;
	if (len >= 2 && head[0] == '#' && head[1] == '!')
		return WH_IMAGE_SCRIPT;
	return WH_IMAGE_UNKNOWN;
}

bool wh_image_script(const char *head, size_t len, char *ret_program)
{
	size_t start = 2, end, line;
	bool ended = false;

	if (len > WH_IMAGE_HEAD)
		len = WH_IMAGE_HEAD;
	if (wh_image_kind(head, len) != WH_IMAGE_SCRIPT)
		return false;
	for (line = start; line < len; line++)
		if (head[line] == '\n' || head[line] == '\0') {
			ended = true;
			break;
		}
	while (start < line && (head[start] == ' ' || head[start] == '\t'))
		start++;
	for (end = start; end < line && head[end] != ' ' && head[end] != '\t'; end++)
		;
	/* A line cut short by the buffer could name another program: the kernel says ENOEXEC. */
	if (start == end || (!ended && end == line && len == WH_IMAGE_HEAD))
		return false;
	memcpy(ret_program, head + start, end - start);
	ret_program[end - start] = '\0';
	return true;
}

/* The parts of a program header table that matter, whatever the class. */
struct shape {
	uint64_t phoff;
	size_t phnum, phentsize;
	bool wide;
};

static bool read_shape(int fd, struct shape *ret)
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf32_Ehdr e32;
		Elf64_Ehdr e64;
	} h = {{0}};
	ssize_t n = pread(fd, &h, sizeof(h), 0);

	if (n < (ssize_t)sizeof(h.e32) || memcmp(h.ident, ELFMAG, SELFMAG) != 0)
		return false;
	ret->wide = h.ident[EI_CLASS] == ELFCLASS64;
	if (ret->wide && n < (ssize_t)sizeof(h.e64))
		return false;
	if (!ret->wide && h.ident[EI_CLASS] != ELFCLASS32)
		return false;
	ret->phoff = ret->wide ? h.e64.e_phoff : h.e32.e_phoff;
	ret->phnum = ret->wide ? h.e64.e_phnum : h.e32.e_phnum;
	ret->phentsize = ret->wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	if ((ret->wide ? h.e64.e_phentsize : h.e32.e_phentsize) != ret->phentsize)
		return false;
	return ret->phnum && ret->phnum * ret->phentsize <= PHDRS_MAX &&
	       ret->phoff <= (uint64_t)INT64_MAX - PHDRS_MAX;
}

bool wh_image_loader(int fd, char *ret_loader, size_t size)
{
	struct shape shape;

	if (!read_shape(fd, &shape))
		return false;
	for (size_t i = 0; i < shape.phnum; i++) {
		off_t at = (off_t)(shape.phoff + i * shape.phentsize);
		uint64_t type, offset, len;
		union {
			Elf32_Phdr p32;
			Elf64_Phdr p64;
		} p;

		if (pread(fd, &p, shape.phentsize, at) != (ssize_t)shape.phentsize)
			return false;
		type = shape.wide ? p.p64.p_type : p.p32.p_type;
		offset = shape.wide ? p.p64.p_offset : p.p32.p_offset;
		len = shape.wide ? p.p64.p_filesz : p.p32.p_filesz;
		if (type != PT_INTERP)
			continue;
		/* The kernel's conditions: 2 … PATH_MAX bytes with a NUL at the end. */
		if (len < 2 || len > PATH_MAX || len > size || offset > (uint64_t)INT64_MAX - len)
			return false;
		if (pread(fd, ret_loader, len, (off_t)offset) != (ssize_t)len ||
		    ret_loader[len - 1] != '\0')
			return false;
		return true;
	}
	ret_loader[0] = '\0';
	return true;
}
