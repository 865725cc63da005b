/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a program so that nothing of it is missed: seized before its first instruction. */
#ifndef WHITTLE_TRACER_LAUNCH_H
#define WHITTLE_TRACER_LAUNCH_H

#include <linux/filter.h>
#include <signal.h>
#include <sys/types.h>

#include "whittle/error.h"

/**
 * struct wh_launch - what is to be started.
 * @path: as wh_command_find() gave it
 * @out, @err: become its stdout and stderr; -1: as they are
 * @mask: its signal mask
 * @filter: a seccomp filter to install right before the execve(), or NULL
 */
struct wh_launch {
	const char *path;
	char *const *argv;
	bool no_new_privs;
	int out, err;
	const sigset_t *mask;
	const struct sock_fprog *filter;
};

/**
 * wh_launch_start() - fork, seize, and let go: the child is on its way to its execve(), stopping at
 * each system call, of which the caller skips all before the execve().
 * @options: PTRACE_O_*
 */
int wh_launch_start(const struct wh_launch *launch, unsigned long options, pid_t *ret_pid,
		    struct wh_error *e);

/** wh_launch_refused() - PTRACE_SEIZE of @pid has failed with errno @err: an error that says how to mend that. */
int wh_launch_refused(pid_t pid, int err, struct wh_error *e);

#endif
