// SPDX-License-Identifier: Apache-2.0
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>

#include "container/inspect.h"
#include "container/runargs.h"

#include <signal.h>

/* What "run" was given, and what of it is for "create"; words are apart by blanks. */
static const struct {
	const char *args, *options, *image, *command, *name;
	bool detach, interactive;
} table[] = {
	{"web", "", "web", "", NULL, false, false},
	{"web sh -c -d", "", "web", "sh -c -d", NULL, false, false},
	{"-d web", "", "web", "", NULL, true, false},
	{"--detach=false -it web sh", "-it", "web", "sh", NULL, false, true},
	{"-dit web", "-it", "web", "", NULL, true, true},
	{"-p 80:80 -e A=1 web", "-p 80:80 -e A=1", "web", "", NULL, false, false},
	{"-dp 80:80 web", "-p 80:80", "web", "", NULL, true, false},
	{"-dp80:80 web", "-p80:80", "web", "", NULL, true, false},
	{"--rm --name x --read-only web y", "--rm --name x --read-only", "web", "y", "x", false,
	 false},
	{"--name=x --restart always --sig-proxy=false web", "--name=x", "web", "", "x", false,
	 false},
	{"--detach-keys ctrl-a --init web", "--init", "web", "", NULL, false, false},
	{"--network none -- web -d", "--network none", "web", "-d", NULL, false, false},
	{"--rm -p", "--rm -p", NULL, "", NULL, false, false},
	{"", "", NULL, "", NULL, false, false},
};

static void join(char *const *words, char *ret, size_t size)
{
	ret[0] = '\0';
	for (size_t i = 0; words && words[i]; i++)
		snprintf(ret + strlen(ret), size - strlen(ret), "%s%s", i ? " " : "", words[i]);
}

static void test_parse(void)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(table); i++) {
		char copy[256], *words[32], *rest, text[256];
		struct wh_runargs args;
		size_t n = 0;

		strcpy(copy, table[i].args);
		for (char *p = strtok_r(copy, " ", &rest); p; p = strtok_r(NULL, " ", &rest))
			words[n++] = p;
		words[n] = NULL;
		wh_runargs_parse(words, &args);
		join(args.options.argv, text, sizeof(text));
		CU_ASSERT_STRING_EQUAL(text, table[i].options);
		join(args.command, text, sizeof(text));
		CU_ASSERT_STRING_EQUAL(text, table[i].command);
		CU_ASSERT_TRUE(wh_util_streq(args.image, table[i].image));
		CU_ASSERT_TRUE(wh_util_streq(args.name, table[i].name));
		CU_ASSERT_EQUAL(args.detach, table[i].detach);
		CU_ASSERT_EQUAL(args.interactive, table[i].interactive);
		wh_runargs_free(&args);
	}
}

static void test_inspect_docker(void)
{
	struct wh_inspect is = {0};

	CU_ASSERT_EQUAL(
		wh_inspect_container("[{\"Id\":\"abc\",\"Name\":\"/web\",\"Image\":\"sha256:1\","
				     "\"Config\":{\"Image\":\"nginx:1\",\"StopSignal\":\"SIGQUIT\","
				     "\"StopTimeout\":5}}]",
				     &is, NULL),
		0);
	CU_ASSERT_STRING_EQUAL(is.id, "abc");
	CU_ASSERT_STRING_EQUAL(is.name, "web");
	CU_ASSERT_STRING_EQUAL(is.image, "nginx:1");
	CU_ASSERT_EQUAL(is.stop_signal, SIGQUIT);
	CU_ASSERT_EQUAL(is.stop_timeout, 5);
	wh_inspect_free(&is);
}

static void test_inspect_podman(void)
{
	struct wh_inspect is = {0};

	CU_ASSERT_EQUAL(wh_inspect_container(
				"[{\"Id\":\"abc\",\"Name\":\"web\",\"ImageName\":\"localhost/a:1\","
				"\"Config\":{\"StopSignal\":37},\"Big\":18446744073709551615}]",
				&is, NULL),
			0);
	CU_ASSERT_STRING_EQUAL(is.image, "localhost/a:1");
	CU_ASSERT_EQUAL(is.stop_signal, 37);
	CU_ASSERT_EQUAL(is.stop_timeout, 0);
	wh_inspect_free(&is);
}

static void test_inspect_bad(void)
{
	static const char *const bad[] = {
		"", "{}", "[]", "[1]", "[{\"Id\":1}]", "[{\"Id\":\"\"}]", "nonsense"};
	static const char *const no_signal[] = {"\"SIGNONE\"", "\"-1\"", "\"99999\"",
						"1e99",	       "-5",	 "[]"};
	struct wh_inspect is = {0};

	for (size_t i = 0; i < WH_ARRAY_SIZE(bad); i++) {
		CU_ASSERT_EQUAL(wh_inspect_container(bad[i], &is, NULL), -EPROTO);
		wh_inspect_free(&is);
	}
	for (size_t i = 0; i < WH_ARRAY_SIZE(no_signal); i++) {
		char text[128];

		snprintf(text, sizeof(text), "[{\"Id\":\"a\",\"Config\":{\"StopSignal\":%s}}]",
			 no_signal[i]);
		CU_ASSERT_EQUAL(wh_inspect_container(text, &is, NULL), 0);
		CU_ASSERT_EQUAL(is.stop_signal, 0);
		wh_inspect_free(&is);
	}
}

static void test_runtime(void)
{
	static const char info[] = "{\"DefaultRuntime\":\"crun\",\"Runtimes\":{\"crun\":{\"path\":"
				   "\"/usr/bin/crun\"}}}";
	char *program = NULL, *name = NULL;

	CU_ASSERT_EQUAL(wh_inspect_default_runtime(info, &name, NULL), 0);
	CU_ASSERT_STRING_EQUAL(name, "crun");
	CU_ASSERT_EQUAL(wh_inspect_runtime(info, "runc", &program, NULL), 0);
	CU_ASSERT_PTR_NULL(program);
	CU_ASSERT_EQUAL(wh_inspect_runtime(info, name, &program, NULL), 0);
	CU_ASSERT_STRING_EQUAL(program, "/usr/bin/crun");
	free(program);
	free(name);
}

int main(void)
{
	CU_pSuite suite;
	int failed;

	CU_initialize_registry();
	suite = CU_add_suite("runargs", NULL, NULL);
	CU_add_test(suite, "what run takes", test_parse);
	CU_add_test(suite, "a container of Docker's", test_inspect_docker);
	CU_add_test(suite, "a container of Podman's", test_inspect_podman);
	CU_add_test(suite, "no container", test_inspect_bad);
	CU_add_test(suite, "the engine's runtimes", test_runtime);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures() != 0 || CU_get_error() != CUE_SUCCESS;
	CU_cleanup_registry();
	return failed;
}
