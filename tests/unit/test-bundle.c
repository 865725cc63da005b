// SPDX-License-Identifier: Apache-2.0
/* The profile of each sample, run through the kernel's rules: it allows what was seen and nothing else. */
#include <CUnit/Basic.h>
#include <glob.h>
#include <linux/seccomp.h>

#include "judge/simulate.h"

static glob_t bundles;

struct bundle {
	struct wh_filter *filter;
	struct wh_filter_program program;
	struct wh_trace *trace;
};

static bool open_bundle(const char *dir, struct bundle *b)
{
	static const struct wh_filter_options usual;
	struct wh_error e = {0};
	char path[4096];

	*b = (struct bundle){0};
	snprintf(path, sizeof(path), "%s/seccomp.json", dir);
	if (wh_filter_read(path, &b->filter, &e) < 0 ||
	    wh_filter_compile(b->filter, &usual, &b->program, &e) < 0 ||
	    wh_trace_json_read(dir, &b->trace, &e) < 0) {
		fprintf(stderr, "%s: %s\n", dir, e.text);
		return false;
	}
	return true;
}

static void close_bundle(struct bundle *b)
{
	wh_filter_free(b->filter);
	wh_filter_program_free(b->program);
	wh_trace_free(b->trace);
}

static uint32_t ask(const struct bundle *b, const struct wh_abi *abi, uint64_t nr,
		    const uint64_t arg[6])
{
	uint32_t action = SECCOMP_RET_KILL_PROCESS;
	struct wh_error e = {0};

	CU_ASSERT_EQUAL(wh_simulate_run(&b->program, abi, nr, arg, &action, &e), 0);
	CU_ASSERT_STRING_EQUAL(e.text, "");
	return action;
}

/* The values of one tuple at the arguments that it is of. */
static void spread(const struct wh_tuples *tuples, size_t which, uint64_t ret_arg[6])
{
	size_t k = 0;

	for (unsigned i = 0; i < WH_TUPLE_MAX; i++)
		ret_arg[i] = tuples->args & 1u << i ? tuples->v[which][k++] : 0;
}

static void check_observed(const struct bundle *b, const struct wh_syscall *s)
{
	static const uint64_t zero[6];
	const struct wh_abi *abi = wh_syscall_abi(s->abi);
	/* No filter can look at its flags: clone does for it. */
	bool answered = strcmp(s->name, "clone3") == 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(abi);
	if (!s->args.n) {
		CU_ASSERT_EQUAL(ask(b, abi, s->number, zero),
				answered ? SECCOMP_RET_ERRNO | ENOSYS : SECCOMP_RET_ALLOW);
		return;
	}
	for (size_t i = 0; i < s->args.n; i++) {
		uint64_t arg[6];

		spread(&s->args, i, arg);
		CU_ASSERT_EQUAL(ask(b, abi, s->number, arg), SECCOMP_RET_ALLOW);
	}
}

static void test_observed(void)
{
	CU_ASSERT_TRUE(bundles.gl_pathc > 0);
	for (size_t i = 0; i < bundles.gl_pathc; i++) {
		const void *const *facts;
		struct bundle b;
		size_t n;

		CU_ASSERT_TRUE(open_bundle(bundles.gl_pathv[i], &b));
		if (b.trace) {
			facts = wh_trace_facts(b.trace, WH_KIND_SYSCALL, &n);
			CU_ASSERT_TRUE(n > 20);
			for (size_t k = 0; k < n; k++)
				check_observed(&b, facts[k]);
		}
		close_bundle(&b);
	}
}

static bool is_listed(const struct wh_filter *f, const char *name)
{
	size_t n;
	const char *const *names = wh_filter_names(f, &n);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/* Every other call of the table, and numbers that nobody knows, get an errno. */
static void test_denied(void)
{
	static const uint64_t zero[6];
	size_t n_rows;
	const struct wh_syscall_row *rows = wh_syscall_rows(&n_rows);
	const struct wh_abi *abi = wh_syscall_abi("x86_64");

	for (size_t i = 0; i < bundles.gl_pathc; i++) {
		size_t denied = 0;
		struct bundle b;

		CU_ASSERT_TRUE(open_bundle(bundles.gl_pathv[i], &b));
		for (size_t k = 0; b.filter && k < n_rows; k++) {
			int nr = wh_syscall_number(abi, rows[k].name);

			if (nr < 0 || is_listed(b.filter, rows[k].name))
				continue;
			CU_ASSERT_EQUAL(ask(&b, abi, (uint64_t)nr, zero) & SECCOMP_RET_ACTION_FULL,
					SECCOMP_RET_ERRNO);
			denied++;
		}
		CU_ASSERT_TRUE(denied > 200);
		CU_ASSERT_EQUAL(ask(&b, abi, 1000, zero), SECCOMP_RET_ERRNO | ENOSYS);
		close_bundle(&b);
	}
}

/* What libc and runtimes try first must fall back. */
static void test_probed(void)
{
	static const uint64_t zero[6];
	const struct wh_abi *abi = wh_syscall_abi("x86_64");

	for (size_t i = 0; i < bundles.gl_pathc; i++) {
		struct bundle b;

		CU_ASSERT_TRUE(open_bundle(bundles.gl_pathv[i], &b));
		if (b.filter && !is_listed(b.filter, "clone3"))
			CU_ASSERT_EQUAL(
				ask(&b, abi, (uint64_t)wh_syscall_number(abi, "clone3"), zero),
				SECCOMP_RET_ERRNO | ENOSYS);
		close_bundle(&b);
	}
}

int main(void)
{
	unsigned failures;
	CU_pSuite suite;

	glob(WH_TEST_SOURCE "/samples/*/bundle", GLOB_ONLYDIR, NULL, &bundles);
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("bundle", NULL, NULL);
	CU_ADD_TEST(suite, test_observed);
	CU_ADD_TEST(suite, test_denied);
	CU_ADD_TEST(suite, test_probed);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	globfree(&bundles);
	return failures ? 1 : 0;
}
