/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of functions, from the symbol tables of an ELF file. The file is foreign: all is checked. It is
 * read, never mapped: whoever truncates a mapped file kills with SIGBUS who looks at it.
 */
#ifndef WHITTLE_TRACER_SYMBOL_H
#define WHITTLE_TRACER_SYMBOL_H

#include "whittle/util.h"

#define WH_SYMBOL_NAME 200

/** struct wh_symbols - a file that is open to be looked into; @name is the answer of the last look. */
struct wh_symbols {
	int fd;
	char name[WH_SYMBOL_NAME];
};

/** wh_symbol_open() - Return: 0 or -errno; @ret is to be closed only after a success. */
int wh_symbol_open(int dir_fd, const char *path, struct wh_symbols *ret);
void wh_symbol_close(struct wh_symbols *s);

/**
 * wh_symbol_find() - the function that holds the byte at @offset of the file. Of several names for it
 * the plainest is taken: without leading underscores, then the shortest, then the first of the alphabet.
 * @ret_name: points into @s, until the next call
 * @ret_into: how far behind the function's beginning
 *
 * Return: false when no symbol with a size covers it.
 */
bool wh_symbol_find(struct wh_symbols *s, uint64_t offset, const char **ret_name,
		    uint64_t *ret_into);

/**
 * wh_symbol_unwind_table() - where the index of the unwind tables lies, PT_GNU_EH_FRAME.
 * @ret_address: the address that the file gives its byte at @offset
 * @ret_index: the address that it gives the index
 *
 * Return: false when the file has none, or does not load that byte.
 */
bool wh_symbol_unwind_table(const struct wh_symbols *s, uint64_t offset, uint64_t *ret_address,
			    uint64_t *ret_index);

#endif
