/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of seccomp profiles. What it accepts either compiles or is refused in one line; the
 * program that it compiles to is one that can be run, and leaving out a name changes the answer for
 * no call of another name.
 */
#include "tests/fuzz/fuzz.h"

#include "judge/filter.h"
#include "judge/simulate.h"

#define NAMES_MAX 24

static uint32_t answer(const struct wh_filter_program *program, const struct wh_abi *abi, int nr,
		       const uint64_t arg[6])
{
	struct wh_error e = {};
	uint32_t action = 0;

	wh_assert(wh_simulate_run(program, abi, (uint64_t)nr, arg, &action, &e) == 0);
	return action;
}

static void check_abi(const struct wh_filter *f, const struct wh_abi *abi,
		      const struct wh_filter_program *all, const struct wh_filter_program *less,
		      const char *without)
{
	static const uint64_t args[][6] = {{0}, {1, 2, 3, 4, 5, 6}, {UINT64_MAX, UINT32_MAX}};
	size_t n;
	const char *const *names = wh_filter_names(f, &n);

	for (size_t i = 0; i < n && i < NAMES_MAX; i++) {
		int nr = wh_syscall_number(abi, names[i]);

		if (nr < 0 || strcmp(names[i], without) == 0)
			continue;
		for (size_t k = 0; k < WH_ARRAY_SIZE(args); k++)
			wh_assert(answer(all, abi, nr, args[k]) == answer(less, abi, nr, args[k]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	wh_auto(filter) f = NULL;
	wh_auto(program) all = {};
	wh_auto(program) less = {};
	struct wh_filter_options options = {};
	struct wh_error e = {};
	const struct wh_abi *abis;
	const char *const *names;
	size_t n, n_abis;
	int r;

	r = wh_filter_parse((const char *)data, size, &f, &e);
	wh_assert((r == 0) == (f != NULL));
	wh_assert(r == 0 || (e.text[0] && !strchr(e.text, '\n')));
	if (r < 0)
		return 0;
	if (wh_filter_compile(f, &options, &all, &e) < 0) {
		wh_assert(e.text[0] && !strchr(e.text, '\n'));
		return 0;
	}
	names = wh_filter_names(f, &n);
	if (!n)
		return 0;
	options.without = &names[size % n];
	options.n_without = 1;
	if (wh_filter_compile(f, &options, &less, NULL) < 0)
		return 0;
	abis = wh_syscall_abis(&n_abis);
	for (size_t i = 0; i < n_abis; i++)
		if (wh_filter_has_arch(f, &abis[i]))
			check_abi(f, &abis[i], &all, &less, names[size % n]);
	return 0;
}
