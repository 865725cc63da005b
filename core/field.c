/* SPDX-License-Identifier: Apache-2.0 */
#include "core/field.h"

#include "core/set.h"
#include "core/sitetab.h"
#include "core/strtab.h"

static uint64_t key_number(const struct wh_field *field, const void *fact)
{
	const void *p = wh_field_at(field, fact);

	switch (field->type) {
	case WH_FIELD_ENUM:
		return *(const unsigned *)p;
	case WH_FIELD_ANY:
		return *(const bool *)p;
	case WH_FIELD_U64:
		return *(const uint64_t *)p;
	default:
		/* A key is a string or a number; core/schema.c has no other. */
		wh_assert(!"a key of this type");
		return 0;
	}
}

uint64_t wh_field_hash(const struct wh_field *field, const void *fact, uint64_t seed)
{
	const char *s;

	if (field->type == WH_FIELD_STR) {
		s = *(const char **)wh_field_at(field, fact);
		return wh_strtab_hash(s ? s : "", seed * 31);
	}
	return (seed ^ key_number(field, fact)) * 0x9e3779b97f4a7c15u;
}

int wh_field_compare(const struct wh_field *field, const void *a, const void *b)
{
	uint64_t x, y;

	if (field->type == WH_FIELD_STR)
		return wh_set_compare_strs(*(const char **)wh_field_at(field, a),
					   *(const char **)wh_field_at(field, b));
	x = key_number(field, a);
	y = key_number(field, b);
	return x == y ? 0 : x < y ? -1 : 1;
}

static int merge_str(struct wh_trace *t, const char **into, const char *from)
{
	const char *own;

	if (!from || (*into && strcmp(*into, from) <= 0))
		return 0;
	own = wh_trace_intern(t, from);
	if (!own)
		return -ENOMEM;
	*into = own;
	return 0;
}

static int merge_set(struct wh_trace *t, const struct wh_field *field, struct wh_strset *into,
		     const struct wh_strset *from)
{
	for (size_t i = 0; i < from->n; i++)
		if (wh_trace_add_str(t, into, field->limit, from->v[i]) < 0)
			return -ENOMEM;
	into->overflow |= from->overflow;
	return 0;
}

static int merge_counts(struct wh_trace *t, struct wh_counts *into, const struct wh_counts *from)
{
	for (size_t i = 0; i < from->n; i++)
		if (wh_trace_add_count(t, into, from->v[i].name, from->v[i].count) < 0)
			return -ENOMEM;
	return 0;
}

static int merge_tuples(struct wh_trace *t, struct wh_tuples *into, const struct wh_tuples *from)
{
	for (size_t i = 0; i < from->n; i++)
		if (wh_trace_add_tuple(t, into, from->args, from->v[i]) < 0)
			return -ENOMEM;
	if (from->overflow) {
		into->args |= from->args;
		wh_set_overflow_tuples(into);
	}
	return 0;
}

static int merge_site(struct wh_trace *t, const struct wh_site **into, const struct wh_site *from)
{
	const struct wh_site *own;

	if (!from || (*into && wh_sitetab_compare(*into, from) <= 0))
		return 0;
	own = wh_trace_site(t, from);
	if (!own)
		return -ENOMEM;
	*into = own;
	return 0;
}

int wh_field_merge(struct wh_trace *t, const struct wh_field *field, void *into_fact,
		   const void *from_fact)
{
	void *into = wh_field_at(field, into_fact), *from = wh_field_at(field, from_fact);
	uint64_t *number = into, more;

	switch (field->type) {
	case WH_FIELD_STR:
		return merge_str(t, into, *(const char **)from);
	case WH_FIELD_U64:
		more = *(const uint64_t *)from;
		*number = *number > more ? *number : more;
		return 0;
	case WH_FIELD_COUNT:
		if (__builtin_add_overflow(*number, *(const uint64_t *)from, number))
			*number = UINT64_MAX;
		return 0;
	case WH_FIELD_ENUM:
		*(unsigned *)into = *(const unsigned *)from;
		return 0;
	case WH_FIELD_ANY:
		*(bool *)into |= *(const bool *)from;
		return 0;
	case WH_FIELD_ALL:
		*(bool *)into &= *(const bool *)from;
		return 0;
	case WH_FIELD_BITS:
		*(unsigned *)into |= *(const unsigned *)from;
		return 0;
	case WH_FIELD_SET:
		return merge_set(t, field, into, from);
	case WH_FIELD_LIST: {
		struct wh_strlist *list = into, *other = from;

		if (!other->n || (list->n && wh_set_compare_lists(list, other) <= 0))
			return 0;
		return wh_trace_set_list(t, list, other->v, other->n);
	}
	case WH_FIELD_COUNTS:
		return merge_counts(t, into, from);
	case WH_FIELD_TUPLES:
		return merge_tuples(t, into, from);
	case WH_FIELD_SITE:
		return merge_site(t, into, *(const struct wh_site **)from);
	}
	wh_assert(!"a field of this type");
	return -EINVAL;
}

void wh_field_release(const struct wh_field *field, void *fact)
{
	void *p = wh_field_at(field, fact);

	switch (field->type) {
	case WH_FIELD_SET:
		free(((struct wh_strset *)p)->v);
		break;
	case WH_FIELD_LIST:
		free(((struct wh_strlist *)p)->v);
		break;
	case WH_FIELD_COUNTS:
		free(((struct wh_counts *)p)->v);
		break;
	case WH_FIELD_TUPLES:
		free(((struct wh_tuples *)p)->v);
		break;
	default:
		break;
	}
}
