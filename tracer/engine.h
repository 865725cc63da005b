/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How system calls are watched. The loop follows the tree (births, deaths, execs, signals), which is
 * the same for all; an engine decides how a task goes on and what a stop at a call means.
 */
#ifndef WHITTLE_TRACER_ENGINE_H
#define WHITTLE_TRACER_ENGINE_H

#include <sys/ptrace.h>

#include "tracer/task.h"

/**
 * struct wh_engine - one way to watch.
 * @options: PTRACE_O_* it needs besides those of the loop
 * @check: whether it works on this machine; an error that says why not
 * @stop: @task is at a system call stop or PTRACE_EVENT_SECCOMP; 0 or -ENOMEM
 * @resume: the request with which @task goes on from any stop
 */
struct wh_engine {
	const char *name;
	const char *about;
	unsigned long options;
	int (*check)(struct wh_error *e);
	int (*stop)(struct wh_recorder *r, struct wh_task *task,
		    const struct __ptrace_syscall_info *info);
	enum __ptrace_request (*resume)(const struct wh_task *task);
};

/**
 * wh_engine_choose() - by name; "auto" (or NULL) takes the best that works here.
 * @ret_reason: why this one; static
 */
int wh_engine_choose(const char *name, const struct wh_engine **ret_engine, const char **ret_reason,
		     struct wh_error *e);

/** wh_plain_engine - a stop at each entry and each return: sees all, and costs the most. */
extern const struct wh_engine wh_plain_engine;

#endif
