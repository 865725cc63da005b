/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of tests/json. valid/NAME.json is read and printed to exactly valid/NAME.printed, or to
 * itself where there is none; invalid/NAME.json is refused with exactly the line invalid/NAME.error.
 */
#include <CUnit/Basic.h>

#include <dirent.h>

#include "whittle/output.h"
#include "whittle/trace.h"

#define MAX ((size_t)16 << 20)

static char *slurp(const char *folder, const char *name, const char *suffix, size_t *ret_len)
{
	wh_auto(str) path = NULL;
	char *text = NULL;

	CU_ASSERT_FATAL(
		asprintf(&path, "%s/tests/json/%s/%s%s", WH_TEST_SOURCE, folder, name, suffix) > 0);
	return wh_output_slurp(path, MAX, &text, ret_len, NULL) == 0 ? text : NULL;
}

static void same(const char *what, const char *want, const char *have)
{
	if (strcmp(want, have) != 0) {
		printf("\n%s\n  must be:  %s\n  but is:   %s\n", what, want, have);
		CU_FAIL("see above");
	}
	CU_PASS("same");
}

static void check_valid(const char *name, const char *text, size_t len)
{
	wh_auto(str) want = NULL;
	wh_auto(str) have = NULL;
	wh_auto(trace) t = NULL;
	struct wh_error e = {};
	size_t want_len;

	if (wh_trace_json_parse(text, len, &t, &e) < 0) {
		printf("\nvalid/%s.json: %s\n", name, e.text);
		CU_FAIL("a valid file was refused");
		return;
	}
	want = slurp("valid", name, ".printed", &want_len);
	CU_ASSERT_FATAL(wh_trace_json_print(t, &have, NULL) == 0);
	same(name, want ? want : text, have);
}

static void check_invalid(const char *name, const char *text, size_t len)
{
	wh_auto(str) want = slurp("invalid", name, ".error", &(size_t){0});
	wh_auto(trace) t = NULL;
	struct wh_error e = {};

	if (wh_trace_json_parse(text, len, &t, &e) == 0) {
		printf("\ninvalid/%s.json was accepted\n", name);
		CU_FAIL("an invalid file was accepted");
		return;
	}
	CU_ASSERT_PTR_NULL(t);
	if (!want) {
		printf("\ninvalid/%s.error is not there; the line is: %s\n", name, e.text);
		CU_FAIL("no expected line");
		return;
	}
	want[strcspn(want, "\n")] = '\0';
	same(name, want, e.text);
}

static void each(const char *folder, void (*check)(const char *, const char *, size_t))
{
	wh_auto(str) path = NULL;
	struct dirent *entry;
	unsigned n = 0;
	DIR *dir;

	CU_ASSERT_FATAL(asprintf(&path, "%s/tests/json/%s", WH_TEST_SOURCE, folder) > 0);
	dir = opendir(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	while ((entry = readdir(dir))) {
		char *dot = strrchr(entry->d_name, '.');
		wh_auto(str) text = NULL;
		size_t len = 0;

		if (!dot || strcmp(dot, ".json") != 0)
			continue;
		*dot = '\0';
		text = slurp(folder, entry->d_name, ".json", &len);
		CU_ASSERT_PTR_NOT_NULL_FATAL(text);
		check(entry->d_name, text, len);
		n++;
	}
	closedir(dir);
	CU_ASSERT(n > 0);
}

static void test_valid(void)
{
	each("valid", check_valid);
}

static void test_invalid(void)
{
	each("invalid", check_invalid);
}

int main(void)
{
	CU_pSuite suite;
	unsigned failures;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	suite = CU_add_suite("json-files", NULL, NULL);
	if (!suite || !CU_add_test(suite, "valid", test_valid) ||
	    !CU_add_test(suite, "invalid", test_invalid))
		return 1;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}
