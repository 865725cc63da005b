/* SPDX-License-Identifier: Apache-2.0 */
/* The model: merge is a union, the file is the model, and foreign text is refused in one line. */
#include <CUnit/Basic.h>

#include "whittle/escape.h"
#include "whittle/schema.h"

static uint64_t seed;

static unsigned roll(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static const char *word(unsigned n)
{
	static const char *const words[] = {"a", "b\n",		"c%25",		 "d\xff",
					    "é", "/etc/passwd", "/tmp/\xe2\x82", "zz"};

	return words[roll(n < WH_ARRAY_SIZE(words) ? n : WH_ARRAY_SIZE(words))];
}

/* Fill every member of a fact, whatever its kind, by the table. */
static void fill(struct wh_trace *t, const struct wh_field *field, void *p, bool key)
{
	const char *list[3];
	uint64_t tuple[WH_TUPLE_MAX] = {};
	struct wh_site site = {};

	switch (field->type) {
	case WH_FIELD_STR:
		*(const char **)p = wh_trace_intern(t, word(8));
		break;
	case WH_FIELD_U64:
	case WH_FIELD_COUNT:
		*(uint64_t *)p = roll(4) ? roll(3) : UINT64_MAX - roll(2);
		break;
	case WH_FIELD_ENUM:
		*(unsigned *)p = roll((unsigned)field->n_names);
		break;
	case WH_FIELD_ANY:
	case WH_FIELD_ALL:
		*(bool *)p = roll(2);
		break;
	case WH_FIELD_BITS:
		*(unsigned *)p = roll(1u << field->n_names);
		break;
	case WH_FIELD_SET:
		for (unsigned i = roll(40); i; i--) {
			char text[8];

			snprintf(text, sizeof(text), "%u", roll(80));
			CU_ASSERT(wh_trace_add_str(t, p, field->limit, text) >= 0);
		}
		break;
	case WH_FIELD_LIST:
		for (unsigned i = 0; i < 3; i++)
			list[i] = word(8);
		CU_ASSERT(wh_trace_set_list(t, p, list, roll(4)) >= 0);
		break;
	case WH_FIELD_COUNTS:
		for (unsigned i = roll(3); i; i--)
			CU_ASSERT(wh_trace_add_count(t, p, roll(2) ? "ok" : "ENOENT", roll(5)) >=
				  0);
		break;
	case WH_FIELD_TUPLES:
		for (unsigned i = roll(60); i; i--) {
			tuple[0] = roll(90);
			tuple[1] = UINT64_MAX;
			CU_ASSERT(wh_trace_add_tuple(t, p, 5, tuple) >= 0);
		}
		break;
	case WH_FIELD_SITE:
		list[0] = "main+0x1";
		site.program = word(8);
		site.stack.v = list;
		site.stack.n = roll(2);
		*(const struct wh_site **)p = wh_trace_site(t, &site);
		break;
	}
	(void)key;
}

static void add_random(struct wh_trace *t, enum wh_kind kind)
{
	const struct wh_kind_info *info = wh_schema_kind(kind);
	void *key = calloc(1, info->size), *fact;
	int r;

	for (size_t i = 0; i < info->n_fields; i++)
		if (info->fields[i].key)
			fill(t, &info->fields[i], (char *)key + info->fields[i].offset, true);
	r = wh_trace_put(t, kind, key, &fact);
	CU_ASSERT(r >= 0);
	for (size_t i = 0; r > 0 && i < info->n_fields; i++)
		if (!info->fields[i].key)
			fill(t, &info->fields[i], (char *)fact + info->fields[i].offset, false);
	free(key);
}

static struct wh_trace *random_trace(uint64_t from)
{
	struct wh_trace *t = wh_trace_new();

	seed = from;
	for (unsigned kind = 0; kind < WH_KINDS; kind++)
		for (unsigned i = roll(12); i; i--)
			add_random(t, kind);
	return t;
}

static char *print(struct wh_trace *t)
{
	char *text = NULL;

	CU_ASSERT_EQUAL_FATAL(wh_trace_json_print(t, &text, NULL), 0);
	return text;
}

static void merge(struct wh_trace *into, struct wh_trace *from)
{
	CU_ASSERT_EQUAL_FATAL(wh_trace_merge(into, from, NULL), 0);
}

static void test_round_trip(void)
{
	for (uint64_t i = 1; i <= 60; i++) {
		wh_auto(trace) a = random_trace(i);
		wh_auto(trace) b = NULL;
		wh_auto(str) text = print(a);
		wh_auto(str) again = NULL;
		struct wh_error e = {};

		CU_ASSERT_EQUAL_FATAL(wh_trace_json_parse(text, strlen(text), &b, &e), 0);
		again = print(b);
		CU_ASSERT_STRING_EQUAL(text, again);
	}
}

static void test_merge_commutes(void)
{
	for (uint64_t i = 1; i <= 40; i++) {
		wh_auto(trace) a = random_trace(i), b = random_trace(i + 1000);
		wh_auto(trace) ab = wh_trace_new(), ba = wh_trace_new();
		wh_auto(str) x = NULL, y = NULL;

		merge(ab, a);
		merge(ab, b);
		merge(ba, b);
		merge(ba, a);
		x = print(ab);
		y = print(ba);
		CU_ASSERT_STRING_EQUAL(x, y);
	}
}

static void test_merge_associates(void)
{
	for (uint64_t i = 1; i <= 40; i++) {
		wh_auto(trace) a = random_trace(i), b = random_trace(i + 1000),
			       c = random_trace(i + 2000);
		wh_auto(trace) left = wh_trace_new(), right = wh_trace_new(), bc = wh_trace_new();
		wh_auto(str) x = NULL, y = NULL;

		merge(left, a);
		merge(left, b);
		merge(left, c);
		merge(bc, b);
		merge(bc, c);
		merge(right, a);
		merge(right, bc);
		x = print(left);
		y = print(right);
		CU_ASSERT_STRING_EQUAL(x, y);
	}
}

/* Counts are added, everything else must stay as it was: set them to zero and compare. */
static void forget_counts(struct wh_trace *t)
{
	for (unsigned kind = 0; kind < WH_KINDS; kind++) {
		const struct wh_kind_info *info = wh_schema_kind(kind);
		size_t n;
		const void *const *facts = wh_trace_facts(t, kind, &n);

		for (size_t i = 0; i < n; i++) {
			for (size_t k = 0; k < info->n_fields; k++) {
				void *p = (char *)(uintptr_t)facts[i] + info->fields[k].offset;
				struct wh_counts *counts = p;

				if (info->fields[k].type == WH_FIELD_COUNT)
					*(uint64_t *)p = 0;
				for (size_t m = 0;
				     info->fields[k].type == WH_FIELD_COUNTS && m < counts->n; m++)
					counts->v[m].count = 0;
			}
		}
	}
}

static void test_merge_idempotent(void)
{
	for (uint64_t i = 1; i <= 40; i++) {
		wh_auto(trace) a = random_trace(i), twice = wh_trace_new();
		wh_auto(str) x = NULL, y = NULL;

		merge(twice, a);
		merge(twice, a);
		forget_counts(twice);
		forget_counts(a);
		x = print(a);
		y = print(twice);
		CU_ASSERT_STRING_EQUAL(x, y);
	}
}

static void test_limit_leaves_a_gap(void)
{
	wh_auto(trace) t = wh_trace_new();
	size_t limit = wh_schema_kind(WH_KIND_RLIMIT)->limit;
	struct wh_gap gap = {.kind = "limit", .detail = "rlimits"};
	char name[16];
	void *fact;
	int r = 0;

	for (size_t i = 0; i <= limit; i++) {
		snprintf(name, sizeof(name), "R%zu", i);
		r = wh_trace_put(t, WH_KIND_RLIMIT,
				 &(struct wh_rlimit){.resource = name, .change = "read"}, &fact);
	}
	CU_ASSERT_EQUAL(r, -ENOSPC);
	CU_ASSERT_EQUAL(wh_trace_count(t, WH_KIND_RLIMIT), limit);
	CU_ASSERT_PTR_NOT_NULL(wh_trace_find(t, WH_KIND_GAP, &gap));
}

static void test_too_many_gaps_leave_a_gap(void)
{
	wh_auto(trace) t = wh_trace_new();
	struct wh_gap gap = {.kind = "limit", .detail = "gaps"};
	char name[16];

	for (size_t i = 0; i <= wh_schema_kind(WH_KIND_GAP)->limit; i++) {
		snprintf(name, sizeof(name), "%zu", i);
		CU_ASSERT(wh_trace_gap(t, "decode", name, 0, NULL, NULL) >= 0);
	}
	CU_ASSERT_PTR_NOT_NULL(wh_trace_find(t, WH_KIND_GAP, &gap));
}

static void test_foreign_text_is_refused(void)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"", "not valid JSON: line 1: '[' or '{' expected near end of file"},
		{"[]", "not a whittle trace: it is no JSON object"},
		{"{}", "not a whittle trace: it has no \"format\":\"whittle-trace\""},
		{"{\"format\":\"whittle-trace\",\"version\":2}",
		 "trace version 2, but this whittle reads version 1: record it again, or use the "
		 "whittle "
		 "that made it"},
		{"{\"format\":\"whittle-trace\",\"version\":1,\"complete\":true}",
		 "\"complete\" does not agree with its runs"},
		{"{\"format\":\"whittle-trace\",\"version\":1,\"complete\":false,\"x\":[]}",
		 "unknown member \"x\""},
		{"{\"format\":\"whittle-trace\",\"version\":1,\"complete\":false,\"gaps\":[{}]}",
		 "gaps[0]: lacks \"kind\""},
		{"{\"format\":\"whittle-trace\",\"version\":1,\"complete\":false,\"gaps\":"
		 "[{\"kind\":\"%0\"}]}",
		 "gaps[0]: kind: has a '%' that is not followed by two hexadecimal digits"},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(cases); i++) {
		struct wh_error e = {};
		struct wh_trace *t = NULL;

		CU_ASSERT(wh_trace_json_parse(cases[i].text, strlen(cases[i].text), &t, &e) < 0);
		CU_ASSERT_PTR_NULL(t);
		CU_ASSERT_STRING_EQUAL(e.text, cases[i].error);
	}
}

static void test_schema_tables(void)
{
	size_t n;
	const struct wh_gap_info *gaps = wh_schema_gaps(&n);

	for (size_t i = 1; i < n; i++)
		CU_ASSERT(strcmp(gaps[i - 1].kind, gaps[i].kind) < 0);
	for (unsigned kind = 0; kind < WH_KINDS; kind++) {
		const struct wh_kind_info *info = wh_schema_kind(kind);

		CU_ASSERT(info->limit > 0);
		for (size_t i = 0; i < info->n_fields; i++) {
			const struct wh_field *f = &info->fields[i];

			CU_ASSERT(f->offset < info->size);
			if (f->type == WH_FIELD_SET)
				CU_ASSERT(f->limit > 0);
			if (f->type == WH_FIELD_ENUM || f->type == WH_FIELD_BITS)
				CU_ASSERT(f->n_names > 0);
			for (size_t k = 0; k < i; k++)
				CU_ASSERT_STRING_NOT_EQUAL(f->name, info->fields[k].name);
		}
	}
}

static void test_escape(void)
{
	static const char *const bytes[] = {"",
					    "%",
					    "a%b",
					    "\xff\xfe",
					    "\xed\xa0\x80",
					    "\xc0\xaf",
					    "é",
					    "\xf4\x90\x80\x80",
					    "\n\x01"};
	char *back = NULL;

	for (size_t i = 0; i < WH_ARRAY_SIZE(bytes); i++) {
		wh_auto(str) text = wh_escape_utf8(bytes[i]);

		CU_ASSERT_EQUAL_FATAL(wh_escape_decode(text, &back), 0);
		CU_ASSERT_STRING_EQUAL(back, bytes[i]);
		free(back);
	}
	CU_ASSERT_EQUAL(wh_escape_decode("%", &back), -EINVAL);
	CU_ASSERT_EQUAL(wh_escape_decode("%0", &back), -EINVAL);
	CU_ASSERT_EQUAL(wh_escape_decode("%00", &back), -EINVAL);
	CU_ASSERT_EQUAL(wh_escape_decode("%g1", &back), -EINVAL);
}

/* Only of a container's filter one can say how to do without. */
static void test_censored(void)
{
	const struct wh_run free = {.container_id = "x"}, bare = {.seccomp_mode = 2};
	const struct wh_run contained = {.container_id = "x", .seccomp_mode = 2};

	CU_ASSERT_PTR_NULL(wh_trace_censored(&free));
	CU_ASSERT_PTR_NOT_NULL_FATAL(wh_trace_censored(&bare));
	CU_ASSERT_PTR_NULL(strstr(wh_trace_censored(&bare), "unconfined"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(wh_trace_censored(&contained));
	CU_ASSERT_PTR_NOT_NULL(strstr(wh_trace_censored(&contained), "seccomp=unconfined"));
}

int main(void)
{
	CU_pSuite suite;
	unsigned failures;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("trace", NULL, NULL);
	CU_ADD_TEST(suite, test_round_trip);
	CU_ADD_TEST(suite, test_merge_commutes);
	CU_ADD_TEST(suite, test_merge_associates);
	CU_ADD_TEST(suite, test_merge_idempotent);
	CU_ADD_TEST(suite, test_limit_leaves_a_gap);
	CU_ADD_TEST(suite, test_too_many_gaps_leave_a_gap);
	CU_ADD_TEST(suite, test_foreign_text_is_refused);
	CU_ADD_TEST(suite, test_schema_tables);
	CU_ADD_TEST(suite, test_escape);
	CU_ADD_TEST(suite, test_censored);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}
