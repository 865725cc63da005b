/* SPDX-License-Identifier: Apache-2.0 */
/* Containers' and engines' JSON: what is read of it, and that a change leaves all else as it is, to the byte. */
#include <CUnit/Basic.h>

#include <sys/stat.h>

#include "container/commandline.h"
#include "container/install.h"
#include "container/jsonfile.h"
#include "container/oci.h"
#include "container/ocilog.h"
#include "container/splice.h"
#include "whittle/output.h"

static char folder[] = "/tmp/whittle-test-oci.XXXXXX";

static int make_folder(void)
{
	return mkdtemp(folder) && chdir(folder) == 0 ? 0 : 1;
}

static int remove_folder(void)
{
	static const char *const files[] = {"config.json", "daemon.json", "state", "log",
					    "a.trace"};

	for (size_t i = 0; i < WH_ARRAY_SIZE(files); i++)
		unlink(files[i]);
	return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : 1;
}

static void put(const char *path, const char *text)
{
	CU_ASSERT_EQUAL_FATAL(wh_output_write(path, text, strlen(text), NULL), 0);
}

static void expect(const char *path, const char *want)
{
	wh_auto(str) text = NULL;
	size_t len;

	CU_ASSERT_EQUAL_FATAL(wh_output_slurp(path, 1 << 20, &text, &len, NULL), 0);
	CU_ASSERT_STRING_EQUAL(text, want);
}

/* ---- splice ---------------------------------------------------------------------------------- */

static const struct {
	const char *before, *path[4], *value, *after; /* value NULL: is removed */
} changes[] = {
	{"{}", {"a"}, "1", "{\n\t\"a\": 1\n}"},
	{" { } \n", {"a", "b"}, "1", " {\n\t\"a\": {\"b\": 1}\n} \n"},
	{"{\"a\":{}}", {"a", "b"}, "1", "{\"a\":{\"b\": 1}}"},
	{"{\"a\":1}", {"b"}, "[]", "{\"a\":1,\"b\": []}"},
	{"{\n  \"a\": 1\n}\n", {"b"}, "2", "{\n  \"a\": 1,\n  \"b\": 2\n}\n"},
	{"{\"a\":1,\"b\":{\"c\":[1,{\"}\":\"\\\"]\"}]}}",
	 {"b", "c"},
	 "0",
	 "{\"a\":1,\"b\":{\"c\":0}}"},
	{"{\"big\":18446744073709551615,\"r\":1.50}",
	 {"a"},
	 "1",
	 "{\"big\":18446744073709551615,\"r\":1.50,\"a\": 1}"},
	{"{\"\\u0061\":1}", {"a"}, "2", "{\"\\u0061\":2}"},
	{"{\"x\":\"\\\\\",\"a\":1}", {"a"}, "2", "{\"x\":\"\\\\\",\"a\":2}"},
	{"{\"b\":{\"a\":1},\"a\":2}", {"a"}, "3", "{\"b\":{\"a\":1},\"a\":3}"},
	{"{\"a\":1}", {"a"}, NULL, "{}"},
	{"{ \"a\" : 1 }", {"a"}, NULL, "{}"},
	{"{\"a\":1, \"b\":2}", {"a"}, NULL, "{\"b\":2}"},
	{"{\"a\":1, \"b\":2}", {"b"}, NULL, "{\"a\":1}"},
	{"{\"a\":1, \"b\":2, \"c\":3}", {"b"}, NULL, "{\"a\":1, \"c\":3}"},
	{"{\"a\":{\"b\":{}}}", {"a", "b"}, NULL, "{\"a\":{}}"},
};

static void test_splice(void)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(changes); i++) {
		wh_auto(str) after = NULL;
		int err = changes[i].value
				  ? wh_splice_put(changes[i].before, changes[i].path,
						  changes[i].value, &after)
				  : wh_splice_remove(changes[i].before, changes[i].path, &after);

		CU_ASSERT_EQUAL_FATAL(err, 0);
		CU_ASSERT_STRING_EQUAL(after, changes[i].after);
	}
}

static void test_splice_undoes(void)
{
	static const char *const texts[] = {"{}", "{\"a\":1}",
					    "{\n\t\"a\": [1, 2],\n\t\"b\": {}\n}\n",
					    "{ \"a\": {\"b\": 1} }\n"};
	static const char *const path[] = {"new", NULL};

	for (size_t i = 0; i < WH_ARRAY_SIZE(texts); i++) {
		wh_auto(str) with = NULL;
		wh_auto(str) without = NULL;

		CU_ASSERT_EQUAL_FATAL(wh_splice_put(texts[i], path, "{\"x\": [\",\"]}", &with), 0);
		CU_ASSERT_EQUAL_FATAL(wh_splice_remove(with, path, &without), 0);
		CU_ASSERT_STRING_EQUAL(without, texts[i]);
	}
}

static void test_splice_refuses(void)
{
	static const char *const inner[] = {"a", "b", NULL};
	wh_auto(str) text = NULL;

	CU_ASSERT_EQUAL(wh_splice_put("{\"a\":1}", inner, "1", &text), -ENOTDIR);
	CU_ASSERT_EQUAL(wh_splice_remove("{\"a\":{}}", inner, &text), -ENOENT);
	CU_ASSERT_EQUAL(wh_splice_get("{\"a\":[\"b\"]}", inner, &text), -ENOENT);
	CU_ASSERT_PTR_NULL(text);
}

/* ---- a bundle's configuration ---------------------------------------------------------------- */

#define HOOK "{\"path\":\"/opt/whittle\",\"args\":[\"whittle\",\"hook\"],\"env\":[\"PATH=/bin\"]}"

static int add_hook(struct wh_error *e)
{
	static const char *const argv[] = {"whittle", "hook", NULL}, *const env[] = {"PATH=/bin",
										     NULL};

	return wh_oci_add_hook("config.json", "/opt/whittle", argv, env, e);
}

static void test_hook(void)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"{\"rlimit\":18446744073709551615}",
		 "{\"rlimit\":18446744073709551615,\"hooks\": {\"createRuntime\": [" HOOK "]}}"},
		{"{\"hooks\":null}", "{\"hooks\":{\"createRuntime\": [" HOOK "]}}"},
		{"{\"hooks\":{\"createRuntime\":null}}",
		 "{\"hooks\":{\"createRuntime\":[" HOOK "]}}"},
		{"{\"hooks\":{\"poststop\":[{\"path\":\"/x\"}]},\"b\":1}",
		 "{\"hooks\":{\"poststop\":[{\"path\":\"/x\"}],\"createRuntime\": [" HOOK
		 "]},\"b\":1}"},
		{"{\"hooks\":{\"createRuntime\":[{\"path\":\"/x\",\"timeout\":10}]}}",
		 "{\"hooks\":{\"createRuntime\":[{\"path\":\"/x\",\"timeout\":10}," HOOK "]}}"},
		{"{\"hooks\":{\"createRuntime\":[{\"path\":\"/old/whittle\",\"args\":[\"whittle\","
		 "\"hook\",\"--output\",\"/x\"]}]}}",
		 "{\"hooks\":{\"createRuntime\":[" HOOK "]}}"},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(cases); i++) {
		struct stat st;

		put("config.json", cases[i].before);
		CU_ASSERT_EQUAL(chmod("config.json", 0640), 0);
		CU_ASSERT_EQUAL(add_hook(NULL), 0);
		expect("config.json", cases[i].after);
		/* It has the environment of the container: nobody else may read it from now on. */
		CU_ASSERT_EQUAL(stat("config.json", &st), 0);
		CU_ASSERT_EQUAL(st.st_mode & 07777, 0640);
		CU_ASSERT_EQUAL(add_hook(NULL), 0);
		expect("config.json", cases[i].after);
	}
}

static void test_hook_refused(void)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"", "config.json is not valid JSON: line 1: '[' or '{' expected near end of file"},
		{"[]", "config.json is not a JSON object"},
		{"{\"a\":1,\"a\":2}",
		 "config.json is not valid JSON: line 1: duplicate object key near '\"a\"'"},
		{"{\"hooks\":7}", "config.json: hooks is not an object"},
		{"{\"hooks\":{\"createRuntime\":{}}}",
		 "config.json: hooks.createRuntime is not a list"},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(cases); i++) {
		struct wh_error e = {0};

		put("config.json", cases[i].text);
		CU_ASSERT_TRUE(add_hook(&e) < 0);
		CU_ASSERT_STRING_EQUAL(e.text, cases[i].why);
		expect("config.json", cases[i].text);
	}
}

static int read_state(const char *state, struct wh_oci **ret, struct wh_error *e)
{
	put("state", state);
	return wh_oci_state_read("state", ret, e);
}

static void test_state(void)
{
	wh_auto(oci) oci = NULL;

	put("config.json",
	    "{\"process\":{\"env\":[\"A=1\",\"WHITTLE_TRACE=/x\",7,\"AB=2\",\"A=3\"]},"
	    "\"annotations\":{\"n\":\"of the config\",\"m\":\"too\"},\"mounts\":["
	    "{\"destination\":\"/etc/hosts\",\"source\":\"/s\"},{}]}");
	CU_ASSERT_EQUAL_FATAL(
		read_state("{\"ociVersion\":\"1.0.2\",\"id\":\"web\",\"pid\":4711,"
			   "\"bundle\":\".\",\"annotations\":{\"n\":\"of the state\"}}",
			   &oci, NULL),
		0);
	CU_ASSERT_STRING_EQUAL(wh_oci_id(oci), "web");
	CU_ASSERT_EQUAL(wh_oci_pid(oci), 4711);
	CU_ASSERT_STRING_EQUAL(wh_oci_annotation(oci, "n"), "of the state");
	CU_ASSERT_STRING_EQUAL(wh_oci_annotation(oci, "m"), "too");
	CU_ASSERT_PTR_NULL(wh_oci_annotation(oci, "o"));
	CU_ASSERT_STRING_EQUAL(wh_oci_env(oci, "A"), "3");
	CU_ASSERT_STRING_EQUAL(wh_oci_env(oci, "WHITTLE_TRACE"), "/x");
	CU_ASSERT_PTR_NULL(wh_oci_env(oci, "WHITTLE"));
	CU_ASSERT_STRING_EQUAL(wh_oci_mount_source(oci, "/etc/hosts"), "/s");
	CU_ASSERT_PTR_NULL(wh_oci_mount_source(oci, "/etc"));
}

static void test_state_refused(void)
{
	static const char *const bad[] = {
		"",
		"{}",
		"{\"id\":\"a\",\"pid\":1}",
		"{\"id\":\"a\",\"bundle\":\"/\"}",
		"{\"id\":\"a\",\"bundle\":\"/\",\"pid\":0}",
		"{\"id\":\"a\",\"bundle\":\"/\",\"pid\":-1}",
		"{\"id\":\"a\",\"bundle\":\"/\",\"pid\":1.5}",
		"{\"id\":\"a\",\"bundle\":\"/\",\"pid\":4294967297}",
		"{\"id\":\"a\",\"bundle\":\"/\",\"pid\":\"1\"}",
		"{\"id\":\"\",\"bundle\":\"/\",\"pid\":1}",
		"{\"id\":\"a\",\"bundle\":\"/\",\"pid\":2,\"status\":\"running\"}",
		"{\"id\":\"..\",\"bundle\":\"/\",\"pid\":1}",
		"{\"id\":\"a/b\",\"bundle\":\"/\",\"pid\":1}",
		"{\"id\":\"a\\u0000b\",\"bundle\":\"/\",\"pid\":1}",
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(bad); i++) {
		wh_auto(oci) oci = NULL;
		struct wh_error e = {0};

		CU_ASSERT_TRUE(read_state(bad[i], &oci, &e) < 0);
		CU_ASSERT_TRUE(e.err);
		CU_ASSERT_PTR_NULL(oci);
	}
}

/* ---- Docker's configuration ------------------------------------------------------------------ */

static int install(const char *name, struct wh_error *e)
{
	static const char *const words[] = {"--runtime", "crun", NULL};

	return wh_install_add("daemon.json", name, "/opt/whittle", words, e);
}

#define RUNTIME                                                                                    \
	"{\"path\": \"/opt/whittle\", \"runtimeArgs\": [\"runtime\", \"--runtime\", \"crun\", "    \
	"\"--\"]}"

static void test_install(void)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"{\n  \"z\": 1,\n  \"a\": 2\n}\n",
		 "{\n  \"z\": 1,\n  \"a\": 2,\n  \"runtimes\": {\"w\": " RUNTIME "}\n}\n"},
		{"{\"runtimes\":{\"kata\":{\"path\":\"/k\"}},\"b\":[]}",
		 "{\"runtimes\":{\"kata\":{\"path\":\"/k\"},\"w\": " RUNTIME "},\"b\":[]}"},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(cases); i++) {
		put("daemon.json", cases[i].before);
		CU_ASSERT_EQUAL(install("w", NULL), 1);
		expect("daemon.json", cases[i].after);
		CU_ASSERT_EQUAL(install("w", NULL), 0);
		expect("daemon.json", cases[i].after);
		CU_ASSERT_EQUAL(wh_install_remove("daemon.json", "w", NULL), 1);
		expect("daemon.json", cases[i].before);
		CU_ASSERT_EQUAL(wh_install_remove("daemon.json", "w", NULL), 0);
		expect("daemon.json", cases[i].before);
	}
}

static void test_install_new(void)
{
	unlink("daemon.json");
	CU_ASSERT_EQUAL(wh_install_remove("daemon.json", "w", NULL), 0);
	CU_ASSERT_EQUAL(install("w", NULL), 1);
	expect("daemon.json", "{\n\t\"runtimes\": {\"w\": " RUNTIME "}\n}\n");
	CU_ASSERT_EQUAL(wh_install_remove("daemon.json", "w", NULL), 1);
	CU_ASSERT_TRUE(access("daemon.json", F_OK) < 0);
}

static void test_install_refused(void)
{
	static const char *const bad[] = {"{", "[]", "{\"runtimes\":[]}",
					  "{\"runtimes\":{\"w\":{\"path\":\"/k\"}}}"};

	for (size_t i = 0; i < WH_ARRAY_SIZE(bad); i++) {
		struct wh_error e = {0}, e2 = {0};

		put("daemon.json", bad[i]);
		CU_ASSERT_TRUE(install("w", &e) < 0);
		CU_ASSERT_TRUE(wh_install_remove("daemon.json", "w", &e2) < 0);
		CU_ASSERT_TRUE(e.err && e2.err);
		expect("daemon.json", bad[i]);
	}
	put("daemon.json", "{\"default-runtime\":\"w\",\"runtimes\":{\"w\":" RUNTIME "}}");
	CU_ASSERT_EQUAL(wh_install_remove("daemon.json", "w", NULL), -EBUSY);
}

/* ---- the runtime's command line and log ------------------------------------------------------ */

static void parse(const char *text, struct wh_commandline *ret, char *copy, char **words)
{
	char *rest;
	size_t n = 0;

	strcpy(copy, text);
	for (char *p = strtok_r(copy, " ", &rest); p; p = strtok_r(NULL, " ", &rest))
		words[n++] = p;
	words[n] = NULL;
	wh_commandline_parse(words, ret);
}

static void test_commandline(void)
{
	static const struct {
		const char *text, *root, *log, *command, *bundle, *id;
	} cases[] = {
		{"--root /r --log /l --log-format json create --bundle /b --pid-file /p ID", "/r",
		 "/l", "create", "/b", "ID"},
		{"--root=/r --systemd-cgroup run -d --keep -b /b ID", "/r", NULL, "run", "/b",
		 "ID"},
		{"-root /r create --bundle=/b --no-pivot ID", "/r", NULL, "create", "/b", "ID"},
		{"--debug --log /l exec --process /p --detach --pid-file /f ID", NULL, "/l", "exec",
		 NULL, "ID"},
		{"exec -t -u 0:0 -e A=B ID sh -c x", NULL, NULL, "exec", NULL, "ID"},
		{"--cgroup-manager=disabled kill ID 9", NULL, NULL, "kill", NULL, "ID"},
		{"--version", NULL, NULL, NULL, NULL, NULL},
		{"--root", NULL, NULL, NULL, NULL, NULL},
		{"create --bundle", NULL, NULL, "create", NULL, NULL},
		{"create -- -x", NULL, NULL, "create", NULL, "-x"},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(cases); i++) {
		struct wh_commandline got;
		char copy[128], *words[32];

		parse(cases[i].text, &got, copy, words);
		CU_ASSERT_TRUE(wh_util_streq(got.root, cases[i].root));
		CU_ASSERT_TRUE(wh_util_streq(got.log, cases[i].log));
		CU_ASSERT_TRUE(wh_util_streq(got.command, cases[i].command));
		CU_ASSERT_TRUE(wh_util_streq(got.bundle, cases[i].bundle));
		CU_ASSERT_TRUE(wh_util_streq(got.id, cases[i].id));
	}
}

static void test_log(void)
{
	wh_auto(json) line = NULL;
	wh_auto(str) text = NULL;
	size_t len;

	unlink("log");
	wh_ocilog_error("log", true, "say \"no\"\n");
	CU_ASSERT_EQUAL_FATAL(wh_jsonfile_read("log", &line, NULL, NULL), 0);
	CU_ASSERT_STRING_EQUAL(wh_jsonfile_string(line, "level"), "error");
	CU_ASSERT_STRING_EQUAL(wh_jsonfile_string(line, "msg"), "say \"no\"\n");
	wh_ocilog_error("log", false, "say \"no\"");
	CU_ASSERT_EQUAL_FATAL(wh_output_slurp("log", 1 << 20, &text, &len, NULL), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "}\ntime=\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, " level=error msg=\"say \\\"no\\\"\"\n"));
}

int main(void)
{
	CU_pSuite suite;
	unsigned failed;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("oci", make_folder, remove_folder);
	CU_ADD_TEST(suite, test_splice);
	CU_ADD_TEST(suite, test_splice_undoes);
	CU_ADD_TEST(suite, test_splice_refuses);
	CU_ADD_TEST(suite, test_hook);
	CU_ADD_TEST(suite, test_hook_refused);
	CU_ADD_TEST(suite, test_state);
	CU_ADD_TEST(suite, test_state_refused);
	CU_ADD_TEST(suite, test_install);
	CU_ADD_TEST(suite, test_install_new);
	CU_ADD_TEST(suite, test_install_refused);
	CU_ADD_TEST(suite, test_commandline);
	CU_ADD_TEST(suite, test_log);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures() || CU_get_number_of_suites_failed();
	CU_cleanup_registry();
	return failed ? 1 : 0;
}
