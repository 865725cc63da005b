/* SPDX-License-Identifier: Apache-2.0 */
/* Interned sites: many facts are first seen at the same place. */
#ifndef WHITTLE_CORE_SITETAB_H
#define WHITTLE_CORE_SITETAB_H

#include "whittle/trace.h"

struct wh_sitetab {
	struct wh_site **v; /* sorted by wh_sitetab_compare() */
	size_t n, cap;
};

int wh_sitetab_compare(const struct wh_site *a, const struct wh_site *b);
/** wh_sitetab_intern() - @t's copy of @site, with strings interned in @t; NULL: out of memory. */
const struct wh_site *wh_sitetab_intern(struct wh_sitetab *tab, struct wh_trace *t,
					const struct wh_site *site);
void wh_sitetab_free(struct wh_sitetab *tab);

#endif
