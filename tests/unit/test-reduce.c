// SPDX-License-Identifier: Apache-2.0
/* The search for the least set, on made-up services: what is found, in how many runs, and what is called unstable. */
#include <CUnit/Basic.h>

#include "judge/reduce.h"

#define N 64

struct service {
	unsigned runs, cut_off_after;
	uint64_t needed; /* all of these */
	uint64_t either; /* one of these, if there are any */
	bool odd;	 /* member 40 breaks it as soon as member 0 is gone */
	uint64_t racy;	 /* without one of these it passes each second time */
};

static int serve(void *data, const struct wh_reduce_set *kept, char *ret_why, size_t size,
		 struct wh_error *e)
{
	struct service *s = data;
	uint64_t k = kept->bit[0];

	if (s->cut_off_after && s->runs == s->cut_off_after)
		return wh_error_set(e, EINTR, "cut off");
	s->runs++;
	snprintf(ret_why, size, "run %u", s->runs);
	if ((k & s->needed) != s->needed || (s->either && !(k & s->either)) ||
	    (s->odd && !(k & 1) && k & 1ull << 40))
		return 0;
	return !(s->racy & ~k) || s->runs % 2;
}

static const struct wh_reduce_set all = {.bit = {UINT64_MAX}};

static struct wh_reduce start(struct service *s, unsigned repeat, unsigned *order)
{
	for (unsigned i = 0; i < N; i++)
		order[i] = i;
	return (struct wh_reduce){.repeat = repeat, .run = serve, .data = s};
}

/* The whole course. Return: the least set. */
static uint64_t find(struct wh_reduce *r, const unsigned *order, struct wh_reduce_set *ret_mixed,
		     enum wh_reduce_verdict *ret, size_t *ret_sets, size_t *ret_odd)
{
	struct wh_reduce_set kept = all;

	CU_ASSERT_EQUAL(wh_reduce_search(r, order, N, &kept, NULL), 0);
	CU_ASSERT_EQUAL(wh_reduce_prove(r, order, N, &kept, ret_mixed, NULL), 0);
	CU_ASSERT_EQUAL(wh_reduce_confirm(r, &kept, ret, ret_sets, ret_odd, NULL), 0);
	return kept.bit[0];
}

static void check(struct service s, uint64_t want, unsigned most_runs, size_t want_odd)
{
	unsigned order[N];
	struct wh_reduce r = start(&s, 2, order);
	struct wh_reduce_set mixed;
	enum wh_reduce_verdict verdict;
	size_t sets, odd;

	CU_ASSERT_EQUAL(find(&r, order, &mixed, &verdict, &sets, &odd), want);
	CU_ASSERT_EQUAL(verdict, WH_REDUCE_PASSES);
	CU_ASSERT_EQUAL(sets, 0);
	CU_ASSERT_EQUAL(odd, want_odd);
	CU_ASSERT_EQUAL(mixed.bit[0], 0);
	CU_ASSERT_TRUE(s.runs <= most_runs);
	/* Each that is left fails without, as often as was asked for. */
	for (unsigned i = 0; i < N; i++) {
		struct wh_reduce_set less = {.bit = {want & ~(1ull << i)}};
		const struct wh_reduce_tried *t = wh_reduce_known(&r, &less);

		if (!(want >> i & 1))
			continue;
		CU_ASSERT_PTR_NOT_NULL_FATAL(t);
		CU_ASSERT_EQUAL(t->passed, 0);
		CU_ASSERT_TRUE(t->failed >= 2);
	}
	wh_reduce_forget(&r);
}

static void test_find(void)
{
	check((struct service){.needed = 0}, 0, 4, 0);
	check((struct service){.needed = 1ull << 17}, 1ull << 17, 30, 0);
	/* Four of 64, far apart: by far less than 64 runs, let alone 128. */
	check((struct service){.needed = 0x8000100000400001}, 0x8000100000400001, 60, 0);
	check((struct service){.needed = UINT64_MAX}, UINT64_MAX, 260, 0);
}

static void test_either(void)
{
	/* The last in order stays. */
	check((struct service){.needed = 1 << 2, .either = 1 << 5 | 1 << 9}, 1 << 2 | 1 << 9, 40,
	      0);
}

static void test_not_monotone(void)
{
	/* Member 0 can go once 40 has: that is found later, and the two sets with 40 and without 0 are told of. */
	check((struct service){.needed = 1 << 3, .odd = true}, 1 << 3, 60, 2);
}

/* What passes once and fails once is kept, named, and never called needed or not. */
static void test_unstable(void)
{
	struct service s = {.needed = 1 << 3, .racy = 1 << 7};
	unsigned order[N];
	struct wh_reduce r = start(&s, 3, order);
	struct wh_reduce_set mixed;
	enum wh_reduce_verdict verdict;
	size_t sets, odd;
	uint64_t least = find(&r, order, &mixed, &verdict, &sets, &odd);

	CU_ASSERT_EQUAL(least, 1 << 3 | 1 << 7);
	CU_ASSERT_EQUAL(mixed.bit[0], 1 << 7);
	CU_ASSERT_EQUAL(verdict, WH_REDUCE_PASSES);
	CU_ASSERT_TRUE(sets > 0);
	wh_reduce_forget(&r);

	/* Whatever there is, it fails each second time. */
	s = (struct service){.racy = UINT64_MAX};
	r = start(&s, 3, order);
	struct wh_reduce_set none = {0};
	CU_ASSERT_EQUAL(wh_reduce_ask(&r, &none, 3, 3, &verdict, NULL), 0);
	CU_ASSERT_EQUAL(verdict, WH_REDUCE_MIXED);
	CU_ASSERT_EQUAL(s.runs, 2);
	wh_reduce_forget(&r);
}

/* Cut off after any run, it goes on with what is known and asks for nothing twice. */
static void test_resume(void)
{
	struct service s = {.needed = 0x8000100000400001};
	unsigned order[N], whole;
	struct wh_reduce r = start(&s, 2, order);
	struct wh_reduce_set mixed;
	enum wh_reduce_verdict verdict;
	size_t sets, odd;

	find(&r, order, &mixed, &verdict, &sets, &odd);
	whole = s.runs;
	wh_reduce_forget(&r);
	for (unsigned cut = 1; cut < whole; cut++) {
		struct wh_reduce_set kept = all;
		struct wh_error e = {0};

		s.runs = 0;
		s.cut_off_after = cut;
		r = start(&s, 2, order);
		if (wh_reduce_search(&r, order, N, &kept, &e) == 0 &&
		    wh_reduce_prove(&r, order, N, &kept, &mixed, &e) == 0)
			wh_reduce_confirm(&r, &kept, &verdict, &sets, &odd, &e);
		CU_ASSERT_EQUAL(e.err, EINTR);
		s.cut_off_after = 0;
		CU_ASSERT_EQUAL(find(&r, order, &mixed, &verdict, &sets, &odd), s.needed);
		CU_ASSERT_EQUAL(s.runs, whole);
		wh_reduce_forget(&r);
	}
}

int main(void)
{
	unsigned failures;
	CU_pSuite suite;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("reduce", NULL, NULL);
	CU_ADD_TEST(suite, test_find);
	CU_ADD_TEST(suite, test_either);
	CU_ADD_TEST(suite, test_not_monotone);
	CU_ADD_TEST(suite, test_unstable);
	CU_ADD_TEST(suite, test_resume);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}
