/* SPDX-License-Identifier: Apache-2.0 */
/* Where the trace of a container goes: who may say so, and what it is called. */
#include <CUnit/Basic.h>

#include "container/destination.h"
#include "whittle/output.h"

static char folder[] = "/tmp/whittle-test-destination.XXXXXX";

static int make_folder(void)
{
	return mkdtemp(folder) && chdir(folder) == 0 ? 0 : 1;
}

static int remove_folder(void)
{
	static const char *const files[] = {"config.json", "state", "a.trace"};

	for (size_t i = 0; i < WH_ARRAY_SIZE(files); i++)
		unlink(files[i]);
	return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : 1;
}

static void put(const char *path, const char *text)
{
	CU_ASSERT_EQUAL_FATAL(wh_output_write(path, text, strlen(text), NULL), 0);
}

static int read_state(const char *state, struct wh_oci **ret, struct wh_error *e)
{
	put("state", state);
	return wh_oci_state_read("state", ret, e);
}

/* ---- where the trace goes -------------------------------------------------------------------- */

/* @annotation, @env: or NULL. Return: path, with the stem behind it; or why not. */
static char *destination(const char *annotation, const char *env, const char *id,
			 struct wh_identity *identity, const char *output)
{
	struct wh_settings settings = {.output = (char *)(uintptr_t) "/settings.json"};
	struct wh_destination place = {0};
	struct wh_error e = {0};
	wh_auto(oci) oci = NULL;
	wh_auto(str) state = NULL;
	wh_auto(str) config = NULL;
	char *ret = NULL;

	CU_ASSERT_TRUE(asprintf(&state,
				"{\"id\":\"%s\",\"pid\":2,\"bundle\":\".\",\"annotations\":{\"%s\":"
				"\"%s\"}}",
				id, annotation ? "org.whittle.trace" : "x",
				annotation ? annotation : "") > 0);
	CU_ASSERT_TRUE(asprintf(&config, "{\"process\":{\"env\":[\"%s=%s\"]}}",
				env ? "WHITTLE_TRACE" : "X", env ? env : "") > 0);
	put("config.json", config);
	CU_ASSERT_EQUAL_FATAL(read_state(state, &oci, NULL), 0);
	if (wh_destination_find(oci, identity, output, &settings, &place, &e) < 0)
		ret = strdup(e.text);
	else
		CU_ASSERT_TRUE(asprintf(&ret, "%s%s%s", place.path, place.stem ? "|" : "",
					place.stem ? place.stem : "") > 0);
	wh_destination_release(&place);
	return ret;
}

#define ID64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void expect_destination(const char *annotation, const char *env, const char *output,
			       const char *want)
{
	struct wh_identity nobody = {0};
	wh_auto(str) got = destination(annotation, env, "web", &nobody, output);

	CU_ASSERT_STRING_EQUAL(got, want);
}

static void test_destination(void)
{
	expect_destination("/a.trace", "/b.trace", "/c", "/a.trace");
	expect_destination("/a.trace.json", NULL, NULL, "/a.trace.json");
	expect_destination(NULL, "/b.trace", "/c", "/b.trace");
	expect_destination(NULL, "", "/c", "/c");
	expect_destination(NULL, NULL, NULL, "/settings.json");
	expect_destination(NULL, NULL, "/x/", "/x/|web");
	expect_destination("/tmp", NULL, NULL, "/tmp|web");
	expect_destination("a.trace", NULL, NULL,
			   "annotation org.whittle.trace: 'a.trace' is not an absolute path; say "
			   "where the trace goes from the root on");
	expect_destination(NULL, "/etc/passwd", NULL,
			   "WHITTLE_TRACE in the container's environment: /etc/passwd: must be a "
			   "folder, or a file whose name ends with .trace.json or .trace");
}

static void test_destination_keeps_others_files(void)
{
	struct wh_identity nobody = {0};
	wh_auto(str) path = NULL;
	wh_auto(str) got = NULL;
	wh_auto(str) good = NULL;

	CU_ASSERT_TRUE(asprintf(&path, "%s/a.trace", folder) > 0);
	put("a.trace", "mine");
	got = destination(NULL, path, "web", &nobody, NULL);
	CU_ASSERT_PTR_NOT_NULL(strstr(got, "is there and is no trace"));
	put("a.trace", "{\"format\":\"whittle-trace\",\"version\":1}");
	good = destination(NULL, path, "web", &nobody, NULL);
	CU_ASSERT_STRING_EQUAL(good, path);
}

static void test_names(void)
{
	static const struct {
		const char *name, *image, *id, *want;
	} cases[] = {
		{"web", "docker.io/library/nginx:1.25", ID64, "/x/|web-nginx_1.25-0123456789ab"},
		{NULL, "sha256:abc", ID64, "/x/|sha256_abc-0123456789ab"},
		{"../../etc", "x/../..", ID64, "/x/|_._.._etc-..-0123456789ab"},
		{".hidden", NULL, "short", "/x/|_hidden-short"},
		{"-rf", NULL, "short", "/x/|_rf-short"},
		{"n\303\244me", "a b;c", ID64, "/x/|n__me-a_b_c-0123456789ab"},
		{NULL, NULL, ID64, "/x/|" ID64},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(cases); i++) {
		struct wh_identity who = {.name = (char *)(uintptr_t)cases[i].name,
					  .image = (char *)(uintptr_t)cases[i].image};
		wh_auto(str) got = destination(NULL, NULL, cases[i].id, &who, "/x/");

		CU_ASSERT_STRING_EQUAL(got, cases[i].want);
	}
}

static void test_identity(void)
{
	static const struct {
		const char *annotations, *engine, *name, *image;
	} cases[] = {
		{"\"io.kubernetes.cri.container-name\":\"web\",\"io.kubernetes.cri.image-name\":"
		 "\"nginx:1\"",
		 "containerd", "web", "nginx:1"},
		{"\"io.kubernetes.cri-o.Name\":\"k8s_web\",\"io.kubernetes.cri-o.ImageName\":"
		 "\"nginx:1\"",
		 "cri-o", "k8s_web", "nginx:1"},
		/* No list of Podman's is where this bundle is. */
		{"\"io.container.manager\":\"libpod\"", "podman", NULL, NULL},
		{"", NULL, NULL, NULL},
	};

	put("config.json", "{\"mounts\":[{\"destination\":\"/etc/hosts\",\"source\":"
			   "\"/nowhere/containers/web/hosts\"}]}");
	for (size_t i = 0; i < WH_ARRAY_SIZE(cases); i++) {
		struct wh_identity who = {0};
		wh_auto(oci) oci = NULL;
		wh_auto(str) state = NULL;

		CU_ASSERT_TRUE(asprintf(&state,
					"{\"id\":\"web\",\"pid\":2,\"bundle\":\".\","
					"\"annotations\":{%s}}",
					cases[i].annotations) > 0);
		CU_ASSERT_EQUAL_FATAL(read_state(state, &oci, NULL), 0);
		CU_ASSERT_EQUAL(wh_identity_find(oci, &who, NULL), 0);
		CU_ASSERT_TRUE(wh_util_streq(who.engine, cases[i].engine));
		CU_ASSERT_TRUE(wh_util_streq(who.name, cases[i].name));
		CU_ASSERT_TRUE(wh_util_streq(who.image, cases[i].image));
		wh_identity_release(&who);
	}
}

/* ---- settings -------------------------------------------------------------------------------- */

static void test_settings(void)
{
	wh_auto(settings) none = {0};
	wh_auto(settings) some = {0};
	wh_auto(settings) bad = {0};
	struct wh_error e = {0};

	CU_ASSERT_EQUAL(wh_settings_read("nothing", &none, NULL), 0);
	CU_ASSERT_PTR_NULL(none.output);
	put("config.json", "{\"runtime\":\"crun\",\"output\":\"/x\"}");
	CU_ASSERT_EQUAL(wh_settings_read("config.json", &some, NULL), 0);
	CU_ASSERT_STRING_EQUAL(some.runtime, "crun");
	CU_ASSERT_STRING_EQUAL(some.output, "/x");
	put("config.json", "{\"runtimes\":\"crun\"}");
	CU_ASSERT_EQUAL(wh_settings_read("config.json", &bad, &e), -EINVAL);
	CU_ASSERT_STRING_EQUAL(e.text,
			       "config.json: 'runtimes' is no setting; there are output and "
			       "runtime");
}

int main(void)
{
	CU_pSuite suite;
	unsigned failed;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("destination", make_folder, remove_folder);
	CU_ADD_TEST(suite, test_destination);
	CU_ADD_TEST(suite, test_destination_keeps_others_files);
	CU_ADD_TEST(suite, test_names);
	CU_ADD_TEST(suite, test_identity);
	CU_ADD_TEST(suite, test_settings);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures() || CU_get_number_of_suites_failed();
	CU_cleanup_registry();
	return failed ? 1 : 0;
}
