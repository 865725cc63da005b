/* SPDX-License-Identifier: Apache-2.0 */
/* A file appears whole or not at all, and errors are one printable line. */
#include <CUnit/Basic.h>

#include <dirent.h>
#include <sys/stat.h>

#include "whittle/buf.h"
#include "whittle/error.h"
#include "whittle/output.h"

static char folder[] = "/tmp/whittle-test-output.XXXXXX";

static int make_folder(void)
{
	return mkdtemp(folder) && chdir(folder) == 0 ? 0 : 1;
}

static int remove_folder(void)
{
	return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : 1;
}

static unsigned count_files(void)
{
	struct dirent *entry;
	DIR *dir = opendir(".");
	unsigned n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void expect_content(const char *path, const char *expected)
{
	wh_auto(str) text = NULL;
	size_t len = 0;

	CU_ASSERT_EQUAL_FATAL(wh_output_slurp(path, 1 << 20, &text, &len, NULL), 0);
	CU_ASSERT_EQUAL(len, strlen(expected));
	CU_ASSERT_STRING_EQUAL(text, expected);
}

static void test_commit_replaces(void)
{
	struct stat st;

	CU_ASSERT_EQUAL(wh_output_write("x", "old", 3, NULL), 0);
	CU_ASSERT_EQUAL(wh_output_write("x", "new", 3, NULL), 0);
	expect_content("x", "new");
	CU_ASSERT_EQUAL(count_files(), 1);
	CU_ASSERT_EQUAL(stat("x", &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0111, 0);
	CU_ASSERT_EQUAL(unlink("x"), 0);
}

static void test_no_commit_leaves_the_old_file(void)
{
	struct wh_output *o = NULL;

	CU_ASSERT_EQUAL(wh_output_write("x", "old", 3, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(wh_output_open("x", &o, NULL), 0);
	fputs("half of the n", wh_output_stream(o));
	wh_output_free(o);
	expect_content("x", "old");
	CU_ASSERT_EQUAL(count_files(), 1);
	CU_ASSERT_EQUAL(unlink("x"), 0);
}

/* A closed descriptor stands in for a full disk, which the live tests fill for real. */
static void test_write_error_leaves_the_old_file(void)
{
	struct wh_error e = {};
	struct wh_output *o = NULL;

	CU_ASSERT_EQUAL(wh_output_write("x", "old", 3, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(wh_output_open("x", &o, NULL), 0);
	fputs("new", wh_output_stream(o));
	CU_ASSERT_EQUAL(close(fileno(wh_output_stream(o))), 0);
	CU_ASSERT_EQUAL(wh_output_commit(o, &e), -EBADF);
	CU_ASSERT_STRING_EQUAL(e.text, "cannot write x: Bad file descriptor");
	wh_output_free(o);
	expect_content("x", "old");
	CU_ASSERT_EQUAL(count_files(), 1);
	CU_ASSERT_EQUAL(unlink("x"), 0);
}

static void test_bad_places(void)
{
	static const struct {
		const char *path, *error;
	} cases[] = {
		{"", "the name of the output is empty"},
		{".", "cannot write .: it is a folder"},
		{"none/x", "cannot write none/x: No such file or directory"},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(cases); i++) {
		struct wh_error e = {};

		CU_ASSERT(wh_output_write(cases[i].path, "", 0, &e) < 0);
		CU_ASSERT_STRING_EQUAL(e.text, cases[i].error);
	}
	CU_ASSERT_EQUAL(count_files(), 0);
}

static void test_slurp_is_bounded(void)
{
	struct wh_error e = {};
	char *text = NULL;

	CU_ASSERT_EQUAL(wh_output_slurp("/dev/zero", 1 << 20, &text, NULL, &e), -EFBIG);
	CU_ASSERT_STRING_EQUAL(e.text, "cannot read /dev/zero: it is larger than 1024 KiB");
	CU_ASSERT_PTR_NULL(text);
	wh_error_clear(&e);
	CU_ASSERT_EQUAL(wh_output_slurp("/", 1, &text, NULL, &e), -EISDIR);
	CU_ASSERT_STRING_EQUAL(e.text, "cannot read /: Is a directory");
}

static void test_errors(void)
{
	struct wh_error e = {};
	char longest[2048];

	CU_ASSERT_EQUAL(wh_error_set(&e, EINVAL, "a\033[31m\n%s", "b"), -EINVAL);
	CU_ASSERT_STRING_EQUAL(e.text, "a?[31m?b");
	CU_ASSERT_EQUAL(wh_error_set(&e, -ENOENT, "second"), -ENOENT);
	CU_ASSERT_EQUAL(e.err, EINVAL);
	wh_error_prefix(&e, "in %d", 1);
	CU_ASSERT_STRING_EQUAL(e.text, "in 1: a?[31m?b");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	wh_error_prefix(&e, "%s", longest);
	CU_ASSERT_EQUAL(strlen(e.text), sizeof(e.text) - 1);
	wh_error_clear(&e);
	wh_error_prefix(&e, "nothing to put it in front of");
	CU_ASSERT_STRING_EQUAL(e.text, "");
	CU_ASSERT_EQUAL(wh_error_set(NULL, EIO, "nobody cares"), -EIO);
}

static void test_buf(void)
{
	struct wh_buf b = {};
	char *text;

	text = wh_buf_take(&b);
	CU_ASSERT_STRING_EQUAL(text, "");
	free(text);
	for (int i = 0; i < 1000; i++)
		wh_buf_addf(&b, "%d,", i);
	CU_ASSERT_EQUAL(b.len, 10 * 2 + 90 * 3 + 900 * 4);
	wh_buf_add(&b, "", SIZE_MAX);
	CU_ASSERT(b.failed);
	wh_buf_adds(&b, "more");
	CU_ASSERT_PTR_NULL(wh_buf_take(&b));
}

static void test_util(void)
{
	uint64_t v = 7;

	CU_ASSERT_EQUAL(wh_util_parse_u64("18446744073709551615", &v), 0);
	CU_ASSERT_EQUAL(v, UINT64_MAX);
	CU_ASSERT_EQUAL(wh_util_parse_u64("18446744073709551616", &v), -ERANGE);
	CU_ASSERT_EQUAL(wh_util_parse_u64("", &v), -EINVAL);
	CU_ASSERT_EQUAL(wh_util_parse_u64("-1", &v), -EINVAL);
	CU_ASSERT_EQUAL(wh_util_parse_u64("1 ", &v), -EINVAL);
	CU_ASSERT_EQUAL(v, UINT64_MAX);
	CU_ASSERT_STRING_EQUAL(wh_util_errno_name(2), "ENOENT");
	CU_ASSERT_STRING_EQUAL(wh_util_errno_name(-512), "ERESTARTSYS");
	CU_ASSERT_STRING_EQUAL(wh_util_errno_name(4000), "EUNKNOWN");
}

int main(void)
{
	CU_pSuite suite;
	unsigned failures;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("output", make_folder, remove_folder);
	CU_ADD_TEST(suite, test_commit_replaces);
	CU_ADD_TEST(suite, test_no_commit_leaves_the_old_file);
	CU_ADD_TEST(suite, test_write_error_leaves_the_old_file);
	CU_ADD_TEST(suite, test_bad_places);
	CU_ADD_TEST(suite, test_slurp_is_bounded);
	CU_ADD_TEST(suite, test_errors);
	CU_ADD_TEST(suite, test_buf);
	CU_ADD_TEST(suite, test_util);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures() || CU_get_number_of_suites_failed();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}
