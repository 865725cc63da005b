/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The comparison of two traces (the input is cut at a byte 0x1e): nothing differs from itself, and what
 * is wider in one direction is narrower in the other.
 */
#include "tests/fuzz/fuzz.h"

#include "judge/diff.h"

static struct wh_trace *parse(const void *text, size_t len)
{
	struct wh_trace *t = NULL;

	return wh_trace_json_parse(text, len, &t, NULL) == 0 ? t : NULL;
}

static struct wh_diff *compare(struct wh_trace *old, struct wh_trace *new)
{
	struct wh_diff *d = NULL;
	struct wh_error e = {};
	int r = wh_diff_new(old, new, &d, &e);

	wh_assert((r == 0) == (d != NULL));
	wh_assert(r == 0 || (e.text[0] && !strchr(e.text, '\n')));
	return d;
}

static bool has(const struct wh_diff_entry *v, size_t n, const struct wh_diff_entry *one)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].kind == one->kind && strcmp(v[i].what, one->what) == 0)
			return true;
	return false;
}

static void check_itself(struct wh_trace *t)
{
	wh_auto(diff) d = compare(t, t);

	wh_assert(!d || (d->n_widening == 0 && d->n_narrowing == 0));
}

static void check_two(struct wh_trace *a, struct wh_trace *b)
{
	wh_auto(diff) there = compare(a, b);
	wh_auto(diff) back = compare(b, a);

	wh_assert(!there == !back);
	if (!there)
		return;
	wh_assert(there->n_widening == back->n_narrowing);
	wh_assert(there->n_narrowing == back->n_widening);
	for (size_t i = 0; i < there->n_widening; i++)
		wh_assert(has(back->narrowing, back->n_narrowing, &there->widening[i]));
	for (size_t i = 0; i < there->n_narrowing; i++)
		wh_assert(has(back->widening, back->n_widening, &there->narrowing[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *cut = size ? memchr(data, 0x1e, size) : NULL;
	wh_auto(trace) a = parse(data, cut ? (size_t)(cut - data) : size);
	wh_auto(trace) b = cut ? parse(cut + 1, size - (size_t)(cut + 1 - data)) : NULL;

	if (a)
		check_itself(a);
	if (a && b)
		check_two(a, b);
	return 0;
}
