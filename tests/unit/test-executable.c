/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of executables, and of what executing them leaves as it is. */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <time.h>

#include "tracer/executable.h"

static void test_find(void)
{
	struct wh_executables *all = wh_executables_new();
	struct wh_place place = {.dev = 1, .ino = 2, .changed = 1000}, other;
	struct timespec now;

	CU_ASSERT_PTR_NOT_NULL_FATAL(all);
	CU_ASSERT_PTR_NULL(wh_executable_find(all, &place));
	CU_ASSERT_EQUAL(wh_executable_add(all, &place, "/lib/ld.so"), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(wh_executable_find(all, &place));
	CU_ASSERT_STRING_EQUAL(wh_executable_find(all, &place)->loader, "/lib/ld.so");
	/* Another file, on another device, or changed since: not the same. */
	other = place;
	other.ino++;
	CU_ASSERT_PTR_NULL(wh_executable_find(all, &other));
	other = place;
	other.dev++;
	CU_ASSERT_PTR_NULL(wh_executable_find(all, &other));
	other = place;
	other.changed++;
	CU_ASSERT_PTR_NULL(wh_executable_find(all, &other));
	/* It has changed: what was known is replaced, also by no loader. */
	CU_ASSERT_EQUAL(wh_executable_add(all, &other, ""), 0);
	CU_ASSERT_PTR_NULL(wh_executable_find(all, &place));
	CU_ASSERT_PTR_NOT_NULL_FATAL(wh_executable_find(all, &other));
	CU_ASSERT_STRING_EQUAL(wh_executable_find(all, &other)->loader, "");
	/* Changed just now: it may change again without a trace. */
	clock_gettime(CLOCK_REALTIME, &now);
	other.ino = 77;
	other.changed = (uint64_t)now.tv_sec * 1000000000;
	CU_ASSERT_EQUAL(wh_executable_add(all, &other, ""), 0);
	CU_ASSERT_PTR_NULL(wh_executable_find(all, &other));
	for (place.ino = 0; place.ino < 10000; place.ino++)
		CU_ASSERT_EQUAL(wh_executable_add(all, &place, "/lib/ld.so"), 0);
	wh_executables_free(all);
	wh_executables_free(NULL);
}

static void test_creds(void)
{
	struct wh_recorder r = {.home.ino = 7};
	struct wh_executable known = {0};
	struct wh_creds user = {.ruid = 5, .euid = 5, .suid = 5, .fsuid = 5, .userns = 7};
	struct wh_creds other = user;

	CU_ASSERT(!wh_executable_keeps(&r, &known, &user));
	/* The saved ids become the effective ones. */
	other.suid = 6;
	wh_executable_compare(&known, &other, &user);
	CU_ASSERT(!wh_executable_keeps(&r, &known, &other) &&
		  !wh_executable_keeps(&r, &known, &user));
	wh_executable_compare(&known, &user, &user);
	CU_ASSERT(wh_executable_keeps(&r, &known, &user) &&
		  !wh_executable_keeps(&r, &known, &other));
	other = user;
	other.bounding = 1;
	CU_ASSERT(!wh_executable_keeps(&r, &known, &other));
	r.securebits = true;
	CU_ASSERT(!wh_executable_keeps(&r, &known, &user));
	r.securebits = false;
	/* In another user namespace somebody else may be root. */
	user.userns = 8;
	wh_executable_compare(&known, &user, &user);
	CU_ASSERT(!wh_executable_keeps(&r, &known, &user));
}

int main(void)
{
	CU_pSuite suite;
	unsigned failed;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("executable", NULL, NULL);
	CU_add_test(suite, "which are known", test_find);
	CU_add_test(suite, "credentials across execve", test_creds);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed ? 1 : 0;
}
