// SPDX-License-Identifier: Apache-2.0
#include <CUnit/Basic.h>

#include "cli/cli.h"

static const struct wh_cli_option options[] = {
	{"output", 'o', "FILE", "where to"}, {"verbose", 'v', NULL, "say more"},
	{"quiet", 'q', NULL, "say less"},    {"format", 'f', "text|json", "how", true},
	{"wait", 0, "S", "how long"},	     {NULL},
};

static const struct wh_cli_command plain = {
	.name = "plain",
	.operands = "ONE [TWO]",
	.options = options,
	.min_operands = 1,
	.max_operands = 2,
};

static const struct wh_cli_command runs = {
	.name = "runs",
	.operands = "BUNDLE -- COMMAND [ARG…]",
	.takes_command = true,
	.options = options,
	.min_operands = 2,
	.max_operands = -1,
};

#define WORDS 12

/* Words are separated by blanks; "''" is an empty one. */
static int parse(const struct wh_cli_command *command, const char *line, char **words, char *copy,
		 struct wh_cli_args *args, struct wh_error *e)
{
	int n = 0;

	strcpy(copy, line);
	for (char *p = strtok(copy, " "); p; p = strtok(NULL, " ")) {
		CU_ASSERT_FATAL(n < WORDS - 1);
		if (strcmp(p, "''") == 0)
			*p = '\0';
		words[n++] = p;
	}
	words[n] = NULL;
	return wh_cli_parse(command, n, words, args, e);
}

/* What the values and operands are, as one text. */
static void check_good(const struct wh_cli_command *command, const char *line, const char *want)
{
	struct wh_cli_args args = {0};
	char copy[512], got[512] = "", *words[WORDS];
	struct wh_error e = {0};
	size_t len = 0;

	CU_ASSERT_EQUAL(parse(command, line, words, copy, &args, &e), 0);
	CU_ASSERT_STRING_EQUAL(e.text, "");
	for (int i = 0; options[i].name; i++) {
		const char *value = e.err ? NULL : wh_cli_value(&args, options[i].name);

		if (value)
			len += (size_t)snprintf(got + len, sizeof(got) - len, "%s=%s ",
						options[i].name, value);
	}
	for (int i = 0; i < args.n_rest; i++)
		len += (size_t)snprintf(got + len, sizeof(got) - len, "[%s]", args.rest[i]);
	CU_ASSERT_STRING_EQUAL(got, want);
	if (!e.err)
		CU_ASSERT_PTR_NULL(args.rest[args.n_rest]);
}

static void test_good(void)
{
	check_good(&plain, "a", "[a]");
	check_good(&plain, "a b", "[a][b]");
	check_good(&plain, "-o f a", "output=f [a]");
	check_good(&plain, "-of a", "output=f [a]");
	check_good(&plain, "--output f a", "output=f [a]");
	check_good(&plain, "--output=f a", "output=f [a]");
	check_good(&plain, "--output=a=b a", "output=a=b [a]");
	check_good(&plain, "a --output -", "output=- [a]");
	check_good(&plain, "-o --verbose a", "output=--verbose [a]");
	check_good(&plain, "-vq a", "verbose= quiet= [a]");
	check_good(&plain, "-vof a", "output=f verbose= [a]");
	check_good(&plain, "a -v b", "verbose= [a][b]");
	check_good(&plain, "- -v", "verbose= [-]");
	check_good(&plain, "-- -v", "[-v]");
	check_good(&plain, "a -- --", "[a][--]");
	check_good(&plain, "-f json a", "format=json [a]");
}

static void test_command(void)
{
	check_good(&runs, "b -- c", "[b][c]");
	check_good(&runs, "b -o f -- c -o g", "output=f [b][c][-o][g]");
	check_good(&runs, "-o f b c -o g", "output=f [b][c][-o][g]");
	check_good(&runs, "b -- c -- d", "[b][c][--][d]");
	check_good(&runs, "b -- -v", "[b][-v]");
	check_good(&runs, "b -- c ''", "[b][c][]");
	check_good(&runs, "b c --help", "[b][c][--help]");
}

static void check_bad(const struct wh_cli_command *command, const char *line, const char *want)
{
	struct wh_cli_args args = {.n_rest = 77};
	char copy[512], *words[WORDS];
	struct wh_error e = {0};

	CU_ASSERT_EQUAL(parse(command, line, words, copy, &args, &e), -EINVAL);
	CU_ASSERT_STRING_EQUAL(e.text, want);
	CU_ASSERT_EQUAL(args.n_rest, 77);
}

static void test_bad(void)
{
	check_bad(&plain, "", "missing ONE [TWO]; see 'whittle plain --help'");
	check_bad(&plain, "a b c", "'c' is one operand too many; see --help for what it takes");
	check_bad(&plain, "''", "operand 1 is empty; it takes ONE [TWO]");
	check_bad(&plain, "a --outptu f", "unknown option --outptu; did you mean --output?");
	check_bad(&plain, "a --outptu=f", "unknown option --outptu; did you mean --output?");
	check_bad(&plain, "a --verb", "unknown option --verb; did you mean --verbose?");
	check_bad(&plain, "a --xyz", "unknown option --xyz; see 'whittle plain --help'");
	check_bad(&plain, "a --hepl", "unknown option --hepl; did you mean --help?");
	check_bad(&plain, "a -x", "unknown option -x; see 'whittle plain --help'");
	check_bad(&plain, "a -vx", "unknown option -vx; see 'whittle plain --help'");
	check_bad(&plain, "a --output", "--output needs a value: --output FILE");
	check_bad(&plain, "a -o", "-o needs a value: -o FILE");
	check_bad(&plain, "a --output=", "--output has an empty value; it takes FILE");
	check_bad(&plain, "a -o ''", "--output has an empty value; it takes FILE");
	check_bad(&plain, "a -v -v", "--verbose is given twice; give it once");
	check_bad(&plain, "a --verbose=1", "--verbose takes no value");
	check_bad(&plain, "a -f xml", "--format does not know 'xml'; it takes one of text|json");
	check_bad(&plain, "a -f text|json",
		  "--format does not know 'text|json'; it takes one of text|json");
	check_bad(&runs, "", "missing BUNDLE -- COMMAND [ARG…]; see 'whittle runs --help'");
	check_bad(&runs, "-- c",
		  "missing operand before --: it takes BUNDLE -- COMMAND [ARG…]; see 'whittle runs "
		  "--help'");
	check_bad(&runs, "b --",
		  "too few operands: it takes BUNDLE -- COMMAND [ARG…]; see 'whittle runs --help'");
	check_bad(&runs, "b",
		  "too few operands: it takes BUNDLE -- COMMAND [ARG…]; see 'whittle runs "
		  "--help'");
}

static void test_help(void)
{
	static const char *const lines[] = {"--help", "-h", "a --help", "a b c --help"};

	for (size_t i = 0; i < WH_ARRAY_SIZE(lines); i++) {
		struct wh_cli_args args = {0};
		char copy[512], *words[WORDS];

		CU_ASSERT_EQUAL(parse(&plain, lines[i], words, copy, &args, NULL), 0);
		CU_ASSERT_TRUE(args.help);
	}
}

static void check_seconds(const char *text, double want)
{
	char *words[] = {strdup("--wait"), strdup(text), strdup("a"), NULL}, *copy[4];
	struct wh_cli_args args;
	struct wh_error e = {0};
	double got = -1;

	memcpy(copy, words, sizeof(copy));
	CU_ASSERT_EQUAL(wh_cli_parse(&plain, 3, words, &args, NULL), 0);
	CU_ASSERT_EQUAL(wh_cli_seconds(&args, "wait", 7, &got, &e), want < 0 ? -EINVAL : 0);
	CU_ASSERT_DOUBLE_EQUAL(got, want, 1e-9);
	CU_ASSERT_EQUAL(e.err, want < 0 ? EINVAL : 0);
	for (int i = 0; i < 3; i++)
		free(copy[i]);
}

static void test_seconds(void)
{
	static const char *const bad[] = {"0",	 "-1", "0x10", "1e9", "inf",	"nan", "1h", "5mm",
					  "1 s", " 1", "+1",   ".",   "99999m", "s",   "1,5"};

	check_seconds("2", 2);
	check_seconds("0.5", 0.5);
	check_seconds("30s", 30);
	check_seconds("5m", 300);
	check_seconds("1.5m", 90);
	for (size_t i = 0; i < WH_ARRAY_SIZE(bad); i++)
		check_seconds(bad[i], -1);
}

static void test_closest(void)
{
	static const char *const names[] = {"record", "generate", "merge", "show", "diff"};

	CU_ASSERT_STRING_EQUAL(wh_cli_closest("recrod", names, 5), "record");
	CU_ASSERT_STRING_EQUAL(wh_cli_closest("gen", names, 5), "generate");
	CU_ASSERT_STRING_EQUAL(wh_cli_closest("dif", names, 5), "diff");
	CU_ASSERT_PTR_NULL(wh_cli_closest("xyzzy", names, 5));
	CU_ASSERT_PTR_NULL(wh_cli_closest("", names, 5));
	CU_ASSERT_PTR_NULL(
		wh_cli_closest("a-word-that-is-far-longer-than-any-name-of-a-command", names, 5));
}

static void test_safe(void)
{
	static const char *const cases[][2] = {
		{"plain", "plain"},
		{"", ""},
		{"é…漢", "é…漢"},
		{"a\nb\tc", "a\\x0ab\\x09c"},
		{"\033[31mred", "\\x1b[31mred"},
		{"\x7f", "\\x7f"},
		{"\xc2\x9b", "\\u009b"}, /* C1: an escape sequence in one character */
		{"\xe2\x80\xae"
		 "a",
		 "\\u202ea"}, /* turns the direction of writing */
		{"\xff\xfe", "\\xff\\xfe"},
		{"\xc0\xaf", "\\xc0\\xaf"},	     /* an overlong form */
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* a surrogate */
		{"\xe2\x82", "\\xe2\\x82"},	     /* cut short */
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(cases); i++) {
		wh_auto(str) got = wh_cli_safe(cases[i][0]);

		CU_ASSERT_STRING_EQUAL(got, cases[i][1]);
	}
	CU_ASSERT_EQUAL(wh_cli_columns("é…漢"), 4);
	CU_ASSERT_EQUAL(wh_cli_columns("e\xcc\x81"), 1);
}

int main(void)
{
	unsigned failures;
	CU_pSuite suite;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("opt", NULL, NULL);
	CU_ADD_TEST(suite, test_good);
	CU_ADD_TEST(suite, test_command);
	CU_ADD_TEST(suite, test_bad);
	CU_ADD_TEST(suite, test_help);
	CU_ADD_TEST(suite, test_seconds);
	CU_ADD_TEST(suite, test_closest);
	CU_ADD_TEST(suite, test_safe);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}
