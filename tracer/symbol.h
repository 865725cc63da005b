/* SPDX-License-Identifier: Apache-2.0 */
/* Names of functions, from the symbol tables of an ELF file. The file is foreign: all is checked. */
#ifndef WHITTLE_TRACER_SYMBOL_H
#define WHITTLE_TRACER_SYMBOL_H

#include "whittle/util.h"

/** struct wh_symbols - a file that is mapped to be looked into. */
struct wh_symbols {
	const unsigned char *data;
	size_t len;
};

/** wh_symbol_open() - Return: 0 or -errno; @ret is to be closed only after a success. */
int wh_symbol_open(int dir_fd, const char *path, struct wh_symbols *ret);
void wh_symbol_close(struct wh_symbols *s);

/**
 * wh_symbol_find() - the function that holds the byte at @offset of the file. Of several names for it
 * the plainest is taken: without leading underscores, then the shortest, then the first of the alphabet.
 * @ret_name: points into the file, NUL-terminated
 * @ret_into: how far behind the function's beginning
 *
 * Return: false when no symbol with a size covers it.
 */
bool wh_symbol_find(const struct wh_symbols *s, uint64_t offset, const char **ret_name,
		    uint64_t *ret_into);

#endif
