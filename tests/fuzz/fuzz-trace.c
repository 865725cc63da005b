/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of traces. What it accepts is printed, read again and printed to the same bytes; merged
 * with itself it has the same facts; and two traces (the input is cut at a byte 0x1e) merge to the
 * same, whichever comes first.
 */
#include "tests/fuzz/fuzz.h"
#include "whittle/schema.h"

static struct wh_trace *parse(const void *text, size_t len)
{
	struct wh_error e = {};
	struct wh_trace *t = NULL;
	int r = wh_trace_json_parse(text, len, &t, &e);

	/* Either a trace, or one line that says what is wrong. */
	wh_assert((r == 0) == (t != NULL));
	wh_assert(r == 0 || (r < 0 && e.err == -r && e.text[0] && !strchr(e.text, '\n')));
	return t;
}

static char *print(struct wh_trace *t)
{
	char *text = NULL;

	wh_assert(wh_trace_json_print(t, &text, NULL) == 0);
	return text;
}

static struct wh_trace *merge(struct wh_trace *a, struct wh_trace *b)
{
	struct wh_trace *t = wh_trace_new();

	wh_assert(t);
	wh_assert(wh_trace_merge(t, a, NULL) == 0);
	wh_assert(wh_trace_merge(t, b, NULL) == 0);
	return t;
}

static void same_facts(struct wh_trace *a, struct wh_trace *b)
{
	for (unsigned kind = 0; kind < WH_KINDS; kind++) {
		size_t n, m;
		const void *const *x = wh_trace_facts(a, kind, &n);
		const void *const *y = wh_trace_facts(b, kind, &m);

		wh_assert(n == m);
		for (size_t i = 0; i < n; i++)
			wh_assert(wh_schema_compare(kind, x[i], y[i]) == 0);
	}
}

static void check_one(struct wh_trace *t)
{
	wh_auto(trace) again = NULL;
	wh_auto(trace) twice = NULL;
	wh_auto(str) text = print(t);
	wh_auto(str) text_again = NULL;

	again = parse(text, strlen(text));
	wh_assert(again);
	text_again = print(again);
	wh_assert(strcmp(text, text_again) == 0);
	twice = merge(t, again);
	same_facts(t, twice);
}

static void check_two(struct wh_trace *a, struct wh_trace *b)
{
	wh_auto(trace) ab = merge(a, b);
	wh_auto(trace) ba = merge(b, a);
	wh_auto(str) x = print(ab);
	wh_auto(str) y = print(ba);

	wh_assert(strcmp(x, y) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *cut = size ? memchr(data, 0x1e, size) : NULL;
	wh_auto(trace) a = parse(data, cut ? (size_t)(cut - data) : size);
	wh_auto(trace) b = NULL;

	if (a)
		check_one(a);
	if (!cut)
		return 0;
	b = parse(cut + 1, size - (size_t)(cut + 1 - data));
	if (b)
		check_one(b);
	if (a && b)
		check_two(a, b);
	return 0;
}
