/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/creds.h"

#include <CUnit/Basic.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/types.h>

#define TAIL                                                                                       \
	"CapInh:\t0000000000000001\nCapPrm:\t000001ffffffffff\nCapEff:\t0000000000000400\n"        \
	"CapBnd:\t000001feffffffff\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t0\n"

static void test_parse(void)
{
	static const char text[] = "Name:\tevil\\nUid:\t9\t9\t9\t9\nUmask:\t0022\n"
				   "Uid:\t1\t2\t3\t4294967294\nGid:\t5\t6\t7\t8\n"
				   "Groups:\t10 20 4294967294 \nNStgid:\t1\n" TAIL;
	struct wh_creds c;

	CU_ASSERT_FATAL(wh_creds_parse(text, &c) == 0);
	CU_ASSERT(c.ruid == 1 && c.euid == 2 && c.suid == 3 && c.fsuid == 4294967294u);
	CU_ASSERT(c.rgid == 5 && c.egid == 6 && c.sgid == 7 && c.fsgid == 8);
	CU_ASSERT_FATAL(c.n_groups == 3);
	CU_ASSERT(c.groups[0] == 10 && c.groups[1] == 20 && c.groups[2] == 4294967294u);
	CU_ASSERT(c.inheritable == 1 && c.permitted == 0x1ffffffffff && c.effective == 0x400);
	CU_ASSERT(c.bounding == 0x1feffffffff && c.ambient == 0);
	CU_ASSERT(c.no_new_privs);
	CU_ASSERT(wh_creds_in_group(&c, 8) && wh_creds_in_group(&c, 20));
	CU_ASSERT(!wh_creds_in_group(&c, 6) && !wh_creds_in_group(&c, 0));
	wh_creds_free(&c);
	wh_creds_free(&c);
	CU_ASSERT(c.groups == NULL && c.n_groups == 0);
}

static void test_no_groups(void)
{
	struct wh_creds c;

	CU_ASSERT_FATAL(wh_creds_parse("Name:\tx\nUid:\t0 0 0 0\nGid:\t0 0 0 0\nGroups:\t \n" TAIL,
				       &c) == 0);
	CU_ASSERT(c.n_groups == 0 && c.groups == NULL);
	CU_ASSERT(!wh_creds_in_group(&c, 1));
	wh_creds_free(&c);
}

/* What is no status file is refused, and the result stays as it was. */
static void test_bad(void)
{
	static const char *const bad[] = {
		"",
		"Name:\tx\n",
		"Uid:\t0 0 0\nGid:\t0 0 0 0\nGroups:\t\n" TAIL,
		"Uid:\t0 0 0 0 0\nGid:\t0 0 0 0\nGroups:\t\n" TAIL,
		"Uid:\t0 0 0 -1\nGid:\t0 0 0 0\nGroups:\t\n" TAIL,
		"Uid:\t0 0 0 4294967296\nGid:\t0 0 0 0\nGroups:\t\n" TAIL,
		"Uid:\t0 0 0 99999999999999999999999\nGid:\t0 0 0 0\nGroups:\t\n" TAIL,
		"Uid:\t0 0 0 0\nGid:\t0 0 x 0\nGroups:\t\n" TAIL,
		"Uid:\t0 0 0 0\nGid:\t0 0 0 0\nGroups:\t1 2 three\n" TAIL,
		"Uid:\t0 0 0 0\nGid:\t0 0 0 0\n" TAIL,
		"Uid:\t0 0 0 0\nGid:\t0 0 0 0\nGroups:\t\nCapInh:\t0\nNoNewPrivs:\t0\n",
		"Uid:\t0 0 0 0\nGid:\t0 0 0 0\nGroups:\t\nCapInh:\tzz\n" TAIL,
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(bad); i++) {
		struct wh_creds c = {.ruid = 77};
		int k = wh_creds_parse(bad[i], &c);

		if (k != -EINVAL)
			printf("accepted: %s\n", bad[i]);
		CU_ASSERT(k == -EINVAL);
		CU_ASSERT(c.ruid == 77);
	}
}

static void test_read(void)
{
	struct wh_recorder r = {.proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	struct wh_task task = {.tid = getpid()};
	const struct wh_creds *c;
	struct wh_creds other;

	CU_ASSERT_FATAL(r.proc_fd >= 0);
	c = wh_creds_get(&r, &task);
	CU_ASSERT_FATAL(c != NULL);
	CU_ASSERT(c->euid == geteuid() && c->rgid == getgid());
	CU_ASSERT(c->userns == wh_userns_of(r.proc_fd, getpid()) && c->userns);
	CU_ASSERT(wh_creds_get(&r, &task) == c && task.creds_valid);
	wh_creds_forget(&task);
	CU_ASSERT(!task.creds_valid);
	CU_ASSERT(wh_creds_get(&r, &task) == c && task.creds_valid);
	CU_ASSERT(wh_creds_read(&r, 0x7ffffff0, &other) < 0);
	wh_creds_free(&task.creds);
	close(r.proc_fd);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"a status file", test_parse},
		{"no groups", test_no_groups},
		{"no status file", test_bad},
		{"our own", test_read},
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = {{.pName = "creds", .pTests = tests}, CU_SUITE_INFO_NULL};
	unsigned failed;

	if (CU_initialize_registry() || CU_register_suites(suites))
		return EXIT_FAILURE;
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
