/* SPDX-License-Identifier: Apache-2.0 */
#include "core/set.h"

/* Room for one more in an array that is full at each power of two: sets are small and many. */
static int grow(void *array, size_t n, size_t size)
{
	void **v = array, *bigger;

	if (n & (n - 1) || (n > 0 && n < 4))
		return 0;
	bigger = reallocarray(*v, n ? n * 2 : 4, size);
	if (!bigger)
		return -ENOMEM;
	*v = bigger;
	return 0;
}

int wh_set_add_str(struct wh_strset *set, size_t limit, const char *s)
{
	size_t low = 0, high = set->n, mid;
	int c;

	for (size_t i = 0; i < set->n && i < 4; i++)
		if (set->v[i] == s)
			return 0;
	while (low < high) {
		mid = low + (high - low) / 2;
		c = set->v[mid] == s ? 0 : strcmp(set->v[mid], s);
		if (c == 0)
			return 0;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (limit && set->n >= limit) {
		set->overflow = true;
		if (low == set->n)
			return 0;
		set->n--;
	} else if (grow(&set->v, set->n, sizeof(*set->v)) < 0) {
		return -ENOMEM;
	}
	memmove(set->v + low + 1, set->v + low, (set->n - low) * sizeof(*set->v));
	set->v[low] = s;
	set->n++;
	return 1;
}

int wh_set_add_count(struct wh_counts *counts, const char *name, uint64_t n)
{
	size_t at;
	int c = -1;

	for (at = 0; at < counts->n; at++) {
		c = counts->v[at].name == name ? 0 : strcmp(counts->v[at].name, name);
		if (c >= 0)
			break;
	}
	if (at < counts->n && c == 0) {
		if (__builtin_add_overflow(counts->v[at].count, n, &counts->v[at].count))
			counts->v[at].count = UINT64_MAX;
		return 0;
	}
	if (grow(&counts->v, counts->n, sizeof(*counts->v)) < 0)
		return -ENOMEM;
	memmove(counts->v + at + 1, counts->v + at, (counts->n - at) * sizeof(*counts->v));
	counts->v[at] = (struct wh_counts_item){.name = name, .count = n};
	counts->n++;
	return 1;
}

static int compare_tuples(const uint64_t *a, const uint64_t *b)
{
	for (size_t i = 0; i < WH_TUPLE_MAX; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

void wh_set_overflow_tuples(struct wh_tuples *tuples)
{
	free(tuples->v);
	tuples->v = NULL;
	tuples->n = 0;
	tuples->overflow = true;
}

int wh_set_add_tuple(struct wh_tuples *tuples, unsigned args, const uint64_t v[WH_TUPLE_MAX])
{
	size_t low = 0, high = tuples->n, mid;
	int c;

	if (tuples->overflow) {
		tuples->args |= args;
		return 0;
	}
	/* Two recordings that kept different arguments have no tuples in common. */
	if (tuples->args && tuples->args != args) {
		tuples->args |= args;
		wh_set_overflow_tuples(tuples);
		return 1;
	}
	while (low < high) {
		mid = low + (high - low) / 2;
		c = compare_tuples(tuples->v[mid], v);
		if (c == 0)
			return 0;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	tuples->args = args;
	if (tuples->n >= WH_LIMIT_TUPLES) {
		wh_set_overflow_tuples(tuples);
		return 1;
	}
	if (grow(&tuples->v, tuples->n, sizeof(*tuples->v)) < 0)
		return -ENOMEM;
	memmove(tuples->v + low + 1, tuples->v + low, (tuples->n - low) * sizeof(*tuples->v));
	memcpy(tuples->v[low], v, sizeof(*tuples->v));
	tuples->n++;
	return 1;
}

int wh_set_compare_strs(const char *a, const char *b)
{
	if (a == b)
		return 0;
	if (!a || !b)
		return a ? 1 : -1;
	return strcmp(a, b);
}

int wh_set_compare_lists(const struct wh_strlist *a, const struct wh_strlist *b)
{
	size_t n = a->n < b->n ? a->n : b->n;
	int c;

	for (size_t i = 0; i < n; i++) {
		c = wh_set_compare_strs(a->v[i], b->v[i]);
		if (c != 0)
			return c;
	}
	return a->n == b->n ? 0 : a->n < b->n ? -1 : 1;
}
