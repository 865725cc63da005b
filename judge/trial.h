/* SPDX-License-Identifier: Apache-2.0 */
/* One trial: the service under a sandbox, until it is ready, through its load, to its end. */
#ifndef WHITTLE_JUDGE_TRIAL_H
#define WHITTLE_JUDGE_TRIAL_H

#include <signal.h>

#include "judge/sandbox.h"

/**
 * struct wh_trial - what is tried. Without @ready and @load the program must end with status 0 by
 * itself.
 * @filter: what sandbox.program was compiled from: a listener answers from it
 * @prepare: shell command that comes first, so that each trial starts from the same state; or NULL
 * @timeout: seconds until it must be ready, and again for the load
 * @quiet: what the service and the load print is thrown away
 * @interrupted: set by a signal handler: stop and clean up; or NULL
 */
struct wh_trial {
	struct wh_sandbox sandbox;
	const struct wh_filter *filter;
	const char *prepare, *ready, *load;
	double timeout, grace;
	bool quiet;
	const volatile sig_atomic_t *interrupted;
};

/** struct wh_denial - a call that the filter has no rule for. */
struct wh_denial {
	const struct wh_abi *abi; /* NULL: of an architecture that is not known */
	uint64_t nr;
	uint32_t answer; /* SECCOMP_RET_* */
	uint64_t count;
	char program[256]; /* that made it first */
	char call[768];	   /* that first one with its arguments, and where it was made; or "" */
};

#define WH_TRIAL_DENIALS_MAX 64

/**
 * struct wh_trial_result - how it went.
 * @why: one line, when it did not pass
 * @service: how the service ended; @load: how the load did, "" when it was not run
 */
struct wh_trial_result {
	bool passed, ready;
	char why[512], service[64], load[64];
	double seconds;
	struct wh_denial denial[WH_TRIAL_DENIALS_MAX];
	size_t n_denials;
	bool more_denials;
};

/**
 * wh_trial_run() - nothing is left running afterwards. See wh_sandbox_kill_all() for what that means to
 * the caller.
 * Return: 0 when an answer was found; -EINTR when it was interrupted; else trouble.
 */
int wh_trial_run(const struct wh_trial *trial, struct wh_trial_result *ret_result,
		 struct wh_error *e);

#endif
