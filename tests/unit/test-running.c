// SPDX-License-Identifier: Apache-2.0
/* What engines and runtimes say of a container that runs. */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>

#include "container/running.h"

static void test_inspect(void)
{
	struct wh_inspect about = {0};
	const char *docker = "[{\"Id\":\"ab\",\"Name\":\"/web\",\"State\":{\"Pid\":42},"
			     "\"Config\":{\"Image\":\"nginx\"},"
			     "\"HostConfig\":{\"Runtime\":\"runc\"}}]";
	const char *podman = "[{\"Id\":\"cd\",\"Name\":\"web\",\"State\":{\"Pid\":0},"
			     "\"ImageName\":\"localhost/nginx\",\"OCIRuntime\":\"crun\"}]";

	CU_ASSERT_EQUAL_FATAL(wh_inspect_container(docker, &about, NULL), 0);
	CU_ASSERT_EQUAL(about.pid, 42);
	CU_ASSERT_STRING_EQUAL(about.name, "web");
	CU_ASSERT_STRING_EQUAL(about.runtime, "runc");
	wh_inspect_free(&about);
	CU_ASSERT_EQUAL_FATAL(wh_inspect_container(podman, &about, NULL), 0);
	CU_ASSERT_EQUAL(about.pid, 0);
	CU_ASSERT_STRING_EQUAL(about.runtime, "crun");
	wh_inspect_free(&about);
	/* Foreign: a number that is no process, and what is no number. */
	for (const char *const *bad = (const char *const[]){"-1", "4294967298", "1e300", "\"42\"",
							    "null", "[]", NULL};
	     *bad; bad++) {
		char text[128];

		snprintf(text, sizeof(text), "[{\"Id\":\"ab\",\"State\":{\"Pid\":%s}}]", *bad);
		CU_ASSERT_EQUAL(wh_inspect_container(text, &about, NULL), 0);
		CU_ASSERT_EQUAL(about.pid, 0);
		wh_inspect_free(&about);
	}
}

static void test_state(void)
{
	struct wh_inspect about = {0};
	const char *running = "{\"ociVersion\":\"1.0.2\",\"id\":\"web\",\"pid\":42,"
			      "\"status\":\"running\"}";

	CU_ASSERT_EQUAL_FATAL(wh_running_state(running, &about, NULL), 0);
	CU_ASSERT_EQUAL(about.pid, 42);
	CU_ASSERT_STRING_EQUAL(about.id, "web");
	wh_inspect_free(&about);
	for (const char *const *off =
		     (const char *const[]){
			     "{\"id\":\"web\",\"pid\":42,\"status\":\"created\"}",
			     "{\"id\":\"web\",\"pid\":42,\"status\":\"paused\"}",
			     "{\"id\":\"web\",\"pid\":0,\"status\":\"stopped\"}",
			     "{\"id\":\"web\",\"pid\":4294967298,\"status\":\"running\"}",
			     "{\"id\":\"web\",\"status\":\"running\"}", NULL};
	     *off; off++) {
		CU_ASSERT_EQUAL(wh_running_state(*off, &about, NULL), 0);
		CU_ASSERT_EQUAL(about.pid, 0);
		wh_inspect_free(&about);
	}
	for (const char *const *bad =
		     (const char *const[]){"", "[]", "{}",
					   "{\"id\":1,\"status\":\"running\",\"pid\":2}",
					   "{\"id\":\"a\"}", NULL};
	     *bad; bad++) {
		CU_ASSERT_TRUE(wh_running_state(*bad, &about, NULL) < 0);
		wh_inspect_free(&about);
	}
}

int main(void)
{
	CU_pSuite suite;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("running", NULL, NULL);
	CU_add_test(suite, "what inspect prints", test_inspect);
	CU_add_test(suite, "what state prints", test_state);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	return CU_get_number_of_failures() ? 1 : 0;
}
