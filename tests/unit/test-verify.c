// SPDX-License-Identifier: Apache-2.0
#include <CUnit/Basic.h>
#include <sys/stat.h>

#include "judge/verify.h"

#define SECCOMP "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[]}"

static char folder[] = "/tmp/whittle-verify-XXXXXX";

static void put(const char *name, const char *text, size_t len)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "we");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fwrite(text, 1, len, f), len);
	CU_ASSERT_EQUAL(fclose(f), 0);
}

static void test_bad(void)
{
	static const char *const bad[][2] = {
		{"", "not valid JSON: line 1: '[' or '{' expected near end of file"},
		{"[]", "drop: not [\"ALL\"]"},
		{"7", "not valid JSON: line 1: '[' or '{' expected near '7'"},
		{"{}", "drop: not [\"ALL\"]"},
		{"{\"drop\":[]}", "drop: not [\"ALL\"]"},
		{"{\"drop\":[\"ALL\",\"ALL\"]}", "drop: not [\"ALL\"]"},
		{"{\"drop\":[7]}", "drop: not [\"ALL\"]"},
		{"{\"drop\":\"ALL\"}", "drop: not [\"ALL\"]"},
		{"{\"drop\":[\"CAP_CHOWN\"],\"add\":[]}", "drop: not [\"ALL\"]"},
		{"{\"drop\":[\"ALL\"]}", "add: missing"},
		{"{\"drop\":[\"ALL\"],\"add\":{}}", "add: not an array"},
		{"{\"drop\":[\"ALL\"],\"add\":[\"CAP_CHOWN\",1]}", "add[1]: not a string"},
		{"{\"drop\":[\"ALL\"],\"add\":[\"\"]}", "add[0]:  is not a capability"},
		{"{\"drop\":[\"ALL\"],\"add\":[\"ALL\"]}", "add[0]: ALL is not a capability"},
		{"{\"drop\":[\"ALL\"],\"add\":[\"CAP_FLY\"]}",
		 "add[0]: CAP_FLY is not a capability"},
		{"{\"drop\":[\"ALL\"],\"drop\":[\"ALL\"],\"add\":[]}",
		 "not valid JSON: line 1: duplicate object key near '\"drop\"'"},
		{"{\"drop\":[\"ALL\"],\"add\":[]",
		 "not valid JSON: line 1: '}' expected near end of file"},
	};
	char want[512];

	put("seccomp.json", SECCOMP, strlen(SECCOMP));
	for (size_t i = 0; i < WH_ARRAY_SIZE(bad); i++) {
		struct wh_verify *v = NULL;
		struct wh_error e = {0};

		put("capabilities.json", bad[i][0], strlen(bad[i][0]));
		snprintf(want, sizeof(want), "%s/capabilities.json: %s", folder, bad[i][1]);
		CU_ASSERT_TRUE(wh_verify_open(folder, &v, &e) < 0);
		CU_ASSERT_PTR_NULL(v);
		CU_ASSERT_STRING_EQUAL(e.text, want);
	}
}

static void test_good(void)
{
	static const struct {
		const char *text;
		uint64_t caps;
		bool no_new_privs;
		const char *runtime;
	} good[] = {
		{"{\"drop\":[\"ALL\"],\"add\":[]}", 0, false, NULL},
		{"{\"drop\":[\"ALL\"],\"add\":[],\"profile\":7,\"x\":1}", 0, false, NULL},
		{"{\"drop\":[\"ALL\"],\"add\":[],\"profile\":{\"no_new_privs\":true,\"runtime\":"
		 "\"crun\"}}",
		 0, true, "crun"},
		{"{\"drop\":[\"ALL\"],\"add\":[],\"profile\":{\"no_new_privs\":1,\"runtime\":2}}",
		 0, false, NULL},
	};

	put("seccomp.json", SECCOMP, strlen(SECCOMP));
	for (size_t i = 0; i < WH_ARRAY_SIZE(good); i++) {
		wh_auto(verify) v = NULL;
		struct wh_error e = {0};

		put("capabilities.json", good[i].text, strlen(good[i].text));
		CU_ASSERT_EQUAL(wh_verify_open(folder, &v, &e), 0);
		CU_ASSERT_STRING_EQUAL(e.text, "");
		CU_ASSERT_PTR_NOT_NULL_FATAL(v);
		CU_ASSERT_EQUAL(v->caps, good[i].caps);
		CU_ASSERT_EQUAL(v->no_new_privs, good[i].no_new_privs);
		CU_ASSERT_TRUE(wh_util_streq(v->runtime, good[i].runtime));
		CU_ASSERT_EQUAL(v->apparmor, WH_VERIFY_APPARMOR_NONE);
	}
}

/* A capability that is not ours to give is said before anything is run. */
static void test_available(void)
{
	static const char text[] = "{\"drop\":[\"ALL\"],\"add\":[\"CAP_CHOWN\",\"cap_kill\"]}";
	struct wh_verify *v = NULL;
	struct wh_error e = {0};
	uint64_t caps = 0;
	int r;

	CU_ASSERT_EQUAL(wh_sandbox_caps(&caps, NULL), 0);
	put("seccomp.json", SECCOMP, strlen(SECCOMP));
	put("capabilities.json", text, strlen(text));
	r = wh_verify_open(folder, &v, &e);
	if ((caps & 0x21) == 0x21) {
		CU_ASSERT_EQUAL(r, 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(v);
		CU_ASSERT_EQUAL(v->caps, 0x21);
		wh_verify_close(v);
	} else {
		CU_ASSERT_EQUAL(r, -EPERM);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.text, "which this process does not have"));
	}
}

static void clean_up(void)
{
	static const char *const names[] = {"seccomp.json", "capabilities.json"};

	for (size_t i = 0; i < WH_ARRAY_SIZE(names); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

int main(void)
{
	unsigned failures;
	CU_pSuite suite;

	if (!mkdtemp(folder) || CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("verify", NULL, NULL);
	CU_ADD_TEST(suite, test_bad);
	CU_ADD_TEST(suite, test_good);
	CU_ADD_TEST(suite, test_available);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	clean_up();
	return failures ? 1 : 0;
}
