// SPDX-License-Identifier: Apache-2.0
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>

#include "tracer/disguise.h"

static void put(void *data, size_t at, char c)
{
	char *text = data;

	text[at] = c;
}

#define BEFORE "Name:\tx\nNoNewPrivs:\t1\n"
#define AFTER  "Speculation_Store_Bypass:\tvulnerable\n"

static const struct {
	unsigned ours, total;
	const char *is, *shown;
} table[] = {
	{1, 1, "Seccomp:\t2\nSeccomp_filters:\t1\n", "Seccomp:\t0\nSeccomp_filters:\t0\n"},
	{3, 3, "Seccomp:\t2\nSeccomp_filters:\t3\n", "Seccomp:\t0\nSeccomp_filters:\t0\n"},
	/* It has one of its own. */
	{2, 3, "Seccomp:\t2\nSeccomp_filters:\t3\n", "Seccomp:\t2\nSeccomp_filters:\t1\n"},
	{3, 12, "Seccomp:\t2\nSeccomp_filters:\t12\n", "Seccomp:\t2\nSeccomp_filters:\t 9\n"},
	{1, 12, "Seccomp:\t2\nSeccomp_filters:\t12\n", "Seccomp:\t2\nSeccomp_filters:\t11\n"},
	/* The file is older than what we know: nothing is better than something wrong. */
	{1, 2, "Seccomp:\t2\nSeccomp_filters:\t1\n", "Seccomp:\t2\nSeccomp_filters:\t1\n"},
	{1, 1, "Seccomp:\t0\nSeccomp_filters:\t0\n", "Seccomp:\t0\nSeccomp_filters:\t0\n"},
	/* A line that only looks like it. */
	{1, 1, "xSeccomp:\t2\n", "xSeccomp:\t2\n"},
};

/* However the text is cut in two, with only 24 bytes of the first part known. */
static void test_cut_anywhere(void)
{
	for (size_t row = 0; row < WH_ARRAY_SIZE(table); row++) {
		char is[256], shown[256];
		size_t n;

		snprintf(is, sizeof(is), "%s%s%s", BEFORE, table[row].is, AFTER);
		snprintf(shown, sizeof(shown), "%s%s%s", BEFORE, table[row].shown, AFTER);
		n = strlen(is);
		for (size_t cut = 0; cut <= n; cut++) {
			char text[256];
			size_t tail = cut < 24 ? cut : 24;

			memcpy(text, is, n + 1);
			wh_disguise_lines(NULL, 0, is, cut, table[row].ours, table[row].total, put,
					  text);
			wh_disguise_lines(is + cut - tail, tail, is + cut, n - cut, table[row].ours,
					  table[row].total, put, text + cut);
			CU_ASSERT_STRING_EQUAL(text, shown);
		}
	}
}

static void test_empty(void)
{
	wh_disguise_lines(NULL, 0, "", 0, 1, 1, put, NULL);
	wh_disguise_lines("\nSeccomp:\t", 10, "", 0, 1, 1, put, NULL);
	CU_PASS("nothing to change");
}

int main(void)
{
	CU_pSuite suite;
	unsigned failures;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	suite = CU_add_suite("disguise", NULL, NULL);
	if (!suite || !CU_add_test(suite, "cut anywhere", test_cut_anywhere) ||
	    !CU_add_test(suite, "empty", test_empty))
		return 1;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}
