/* SPDX-License-Identifier: Apache-2.0 */
#include "whittle/capability.h"

#include <CUnit/Basic.h>
#include <linux/capability.h>

static void test_rows(void)
{
	/* A new capability in the kernel's header wants a row. */
	CU_ASSERT(CAP_LAST_CAP + 1 <= WH_CAPABILITY_COUNT);
	for (unsigned i = 0; i < WH_CAPABILITY_COUNT; i++) {
		const struct wh_capability *row = wh_capability_row(i);

		CU_ASSERT_FATAL(row != NULL);
		CU_ASSERT_FATAL(row->name != NULL && row->means != NULL);
		CU_ASSERT(strncmp(row->name, "CAP_", 4) == 0);
		CU_ASSERT(row->risk < WH_RISKS);
		CU_ASSERT(wh_capability_number(row->name) == (int)i);
		CU_ASSERT(wh_capability_number(row->name + 4) == (int)i);
	}
	CU_ASSERT(wh_capability_row(WH_CAPABILITY_COUNT) == NULL);
	CU_ASSERT(wh_capability_row(UINT32_MAX) == NULL);
}

static void test_names(void)
{
	CU_ASSERT(wh_capability_number("CAP_CHOWN") == CAP_CHOWN);
	CU_ASSERT(wh_capability_number("cap_net_bind_service") == CAP_NET_BIND_SERVICE);
	CU_ASSERT(wh_capability_number("Sys_Admin") == CAP_SYS_ADMIN);
	CU_ASSERT(wh_capability_number("CAP_CHECKPOINT_RESTORE") == CAP_CHECKPOINT_RESTORE);
	CU_ASSERT(wh_capability_number("") == -1);
	CU_ASSERT(wh_capability_number("CAP_") == -1);
	CU_ASSERT(wh_capability_number("CAP_NO_SUCH") == -1);
	CU_ASSERT(wh_capability_number("ALL") == -1);
}

static void test_docker(void)
{
	static const char *const defaults[] = {
		"CHOWN",   "DAC_OVERRIDE", "FSETID",	       "FOWNER",
		"MKNOD",   "NET_RAW",	   "SETGID",	       "SETUID",
		"SETFCAP", "SETPCAP",	   "NET_BIND_SERVICE", "SYS_CHROOT",
		"KILL",	   "AUDIT_WRITE",
	};
	size_t n = 0;

	for (unsigned i = 0; i < WH_CAPABILITY_COUNT; i++)
		n += wh_capability_row(i)->docker_default;
	CU_ASSERT(n == WH_ARRAY_SIZE(defaults));
	for (size_t i = 0; i < WH_ARRAY_SIZE(defaults); i++) {
		int number = wh_capability_number(defaults[i]);

		CU_ASSERT_FATAL(number >= 0);
		CU_ASSERT(wh_capability_row((unsigned)number)->docker_default);
	}
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"rows", test_rows},
		{"names", test_names},
		{"Docker's default set", test_docker},
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = {{.pName = "capability", .pTests = tests}, CU_SUITE_INFO_NULL};
	unsigned failed;

	if (CU_initialize_registry() || CU_register_suites(suites))
		return EXIT_FAILURE;
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
