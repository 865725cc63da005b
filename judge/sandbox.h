/* SPDX-License-Identifier: Apache-2.0 */
/* A program started under a seccomp filter, a capability list and an AppArmor profile. */
#ifndef WHITTLE_JUDGE_SANDBOX_H
#define WHITTLE_JUDGE_SANDBOX_H

#include <sys/types.h>

#include "judge/filter.h"

/**
 * struct wh_sandbox - what is to be enforced, in the way and order of runc's init.
 * @path: program, as wh_command_find() gave it
 * @program: the compiled filter, NULL for none
 * @listen: the filter was compiled with notify
 * @caps: bit n is capability n: bounding, inheritable and (where exec gives it) permitted set
 * @apparmor: name of a loaded profile to be entered, or NULL
 * @out, @err: become stdout and stderr; -1: as they are
 */
struct wh_sandbox {
	const char *path;
	char *const *argv;
	const struct wh_filter_program *program;
	bool listen;
	uint64_t caps;
	bool no_new_privs;
	const char *apparmor;
	int out, err;
};

/**
 * wh_sandbox_start() - start it, in a process group of its own.
 * @ret_listener: the filter's listener; -1 without @listen
 * Return: 0 once it has executed the program; else why not, with the step that failed.
 */
int wh_sandbox_start(const struct wh_sandbox *s, pid_t *ret_pid, int *ret_listener,
		     struct wh_error *e);

/** wh_sandbox_caps() - the capabilities that this process can hand out: its bounding and permitted. */
int wh_sandbox_caps(uint64_t *ret_caps, struct wh_error *e);

/**
 * wh_sandbox_kill_all() - SIGKILL for all descendants, and reap them. The caller must have made itself
 * a subreaper before it started any, so that none can slip away; every child of the process is taken.
 */
void wh_sandbox_kill_all(void);

#endif
