// SPDX-License-Identifier: Apache-2.0
/*
 * Asks compiled profiles about attacks.h.
 *
 *   attacks PROFILE…      one line each: how many system calls some rule allows, how many attacks there are, how many of
 *                         them pass, and which
 */
#include <linux/seccomp.h>

#include "judge/simulate.h"
#include "tests/attacks/attacks.h"

static bool passes(const struct wh_filter_program *program, const struct attack *a)
{
	const struct wh_abi *abi = wh_syscall_abi("x86_64");
	int nr = wh_syscall_number(abi, a->call);
	uint32_t action = 0;

	if (nr < 0 || wh_simulate_run(program, abi, (uint64_t)nr, a->arg, &action, NULL) < 0)
		return false;
	return (action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW ||
	       (action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_LOG;
}

static int tell(const char *path, struct wh_error *e)
{
	static const struct wh_filter_options usual;
	wh_auto(filter) filter = NULL;
	wh_auto(program) program = {0};
	size_t n, allowed = 0, passing = 0;
	const char *const *names;
	int r = wh_filter_read(path, &filter, e);

	if (r == 0)
		r = wh_filter_compile(filter, &usual, &program, e);
	if (r < 0)
		return r;
	names = wh_filter_names(filter, &n);
	for (size_t i = 0; i < n; i++)
		allowed += wh_syscall_number(wh_syscall_abi("x86_64"), names[i]) >= 0;
	for (size_t i = 0; i < WH_ARRAY_SIZE(attacks); i++)
		passing += passes(&program, &attacks[i]);
	printf("%zu %zu %zu", allowed, WH_ARRAY_SIZE(attacks), passing);
	for (size_t i = 0; i < WH_ARRAY_SIZE(attacks); i++) {
		if (passes(&program, &attacks[i]))
			printf("\t%s", attacks[i].what);
	}
	putchar('\n');
	return 0;
}

int main(int argc, char **argv)
{
	struct wh_error e = {0};

	for (int i = 1; i < argc; i++) {
		if (tell(argv[i], &e) < 0) {
			fprintf(stderr, "attacks: %s\n", e.text);
			return 2;
		}
	}
	return 0;
}
