/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/caprule.h"

#include <CUnit/Basic.h>

/* Every rule that a row names exists, and is named by some row. */
static void test_rows(void)
{
	size_t n, with = 0;
	const struct wh_syscall_row *rows = wh_syscall_rows(&n);

	for (size_t i = 0; i < n; i++) {
		if (!rows[i].cap)
			continue;
		with++;
		if (!wh_caprule_known(rows[i].cap))
			printf("%s names the rule %s, which does not exist\n", rows[i].name,
			       rows[i].cap);
		CU_ASSERT(wh_caprule_known(rows[i].cap));
	}
	CU_ASSERT(with > 150);
	CU_ASSERT(!wh_caprule_known("no such rule"));
	CU_ASSERT(!wh_caprule_known(""));
}

static void test_covers(void)
{
	for (unsigned i = 0; i < WH_CAPABILITY_COUNT; i++) {
		const char *name = wh_capability_row(i)->name;

		if (!wh_caprule_covers(name))
			printf("no rule ever gives %s\n", name);
		CU_ASSERT(wh_caprule_covers(name));
	}
	CU_ASSERT(!wh_caprule_covers("CAP_NO_SUCH"));
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"every rule that is named exists", test_rows},
		{"every capability is covered", test_covers},
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = {{.pName = "caprule", .pTests = tests}, CU_SUITE_INFO_NULL};
	unsigned failed;

	if (CU_initialize_registry() || CU_register_suites(suites))
		return EXIT_FAILURE;
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
