/* SPDX-License-Identifier: Apache-2.0 */
/* Interned strings: one copy of each, so that equal strings are the same pointer. */
#ifndef WHITTLE_CORE_STRTAB_H
#define WHITTLE_CORE_STRTAB_H

#include "whittle/util.h"

struct wh_strtab {
	char **slot; /* open addressing, a power of two of them */
	size_t n, slots;
};

/** wh_strtab_hash() - of a NUL-terminated string; @seed chains several. */
uint64_t wh_strtab_hash(const char *s, uint64_t seed);
/** wh_strtab_intern() - the table's copy, valid as long as the table; NULL: out of memory. */
const char *wh_strtab_intern(struct wh_strtab *tab, const char *s);
void wh_strtab_free(struct wh_strtab *tab);

#endif
