/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set-like parts of a fact. All strings given must be interned in one table: then membership is
 * mostly a comparison of pointers. Return: 1 when something was new, 0 when not, -ENOMEM.
 */
#ifndef WHITTLE_CORE_SET_H
#define WHITTLE_CORE_SET_H

#include "whittle/trace.h"

int wh_set_add_str(struct wh_strset *set, size_t limit, const char *s);
int wh_set_add_count(struct wh_counts *counts, const char *name, uint64_t n);
int wh_set_add_tuple(struct wh_tuples *tuples, unsigned args, const uint64_t v[WH_TUPLE_MAX]);

/** wh_set_overflow_tuples() - give up on a list of tuples: it is known not to be whole. */
void wh_set_overflow_tuples(struct wh_tuples *tuples);

int wh_set_compare_lists(const struct wh_strlist *a, const struct wh_strlist *b);
/** wh_set_compare_strs() - strcmp() where NULL comes first. */
int wh_set_compare_strs(const char *a, const char *b);

#endif
