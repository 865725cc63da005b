/* SPDX-License-Identifier: Apache-2.0 */
/* A call from the stop at its entry to the stop at its return: what all engines do there. */
#ifndef WHITTLE_TRACER_CALL_H
#define WHITTLE_TRACER_CALL_H

#include <sys/ptrace.h>

#include "tracer/task.h"

/**
 * wh_call_enter() - @task is stopped before a call, which @info tells (the entry of a syscall stop, or
 * PTRACE_EVENT_SECCOMP): count it and read its arguments. Sets @task->in_call.
 * Return: 0 or -ENOMEM.
 */
int wh_call_enter(struct wh_recorder *r, struct wh_task *task,
		  const struct __ptrace_syscall_info *info);

/** wh_call_leave() - it has returned. Nothing where no entry was seen. Return: 0 or -ENOMEM. */
int wh_call_leave(struct wh_recorder *r, struct wh_task *task,
		  const struct __ptrace_syscall_info *info);

/**
 * wh_call_returns() - false for the calls that have no result of their own: rt_sigreturn() leaves the registers
 * of what a signal has interrupted, and what looks like its result is of that.
 */
bool wh_call_returns(const char *name);

/** wh_call_lose() - its return will not be seen. Nothing where no entry was. Return: 0 or -ENOMEM. */
int wh_call_lose(struct wh_recorder *r, struct wh_task *task);

#endif
