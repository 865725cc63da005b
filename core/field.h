/* SPDX-License-Identifier: Apache-2.0 */
/* What can be done with one member of a fact, for each type of member: the only switches on it. */
#ifndef WHITTLE_CORE_FIELD_H
#define WHITTLE_CORE_FIELD_H

#include "whittle/schema.h"

/** wh_field_at() - the member of a fact. */
static inline void *wh_field_at(const struct wh_field *field, const void *fact)
{
	return (char *)(uintptr_t)fact + field->offset;
}

uint64_t wh_field_hash(const struct wh_field *field, const void *fact, uint64_t seed);
int wh_field_compare(const struct wh_field *field, const void *a, const void *b);
/**
 * wh_field_merge() - put the member of @from into that of @into, whose strings belong to @t; @from
 * may be another trace's. Merging into a new fact copies.
 */
int wh_field_merge(struct wh_trace *t, const struct wh_field *field, void *into, const void *from);
void wh_field_release(const struct wh_field *field, void *fact);

#endif
