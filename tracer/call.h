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

/** wh_call_sets_seccomp() - whether it asks for a filter or for strict mode. */
bool wh_call_sets_seccomp(const struct wh_call *call);
/** wh_call_asks_seccomp() - whether it asks for the mode. */
bool wh_call_asks_seccomp(const struct wh_call *call);

/**
 * wh_call_answer() - at the entry of a call: it is not made, but has this result. At its return: it has this result
 * instead of its own. On x86-64 only.
 */
void wh_call_answer(const struct wh_task *task, long long result);

/** wh_call_lose() - its return will not be seen. Nothing where no entry was. Return: 0 or -ENOMEM. */
int wh_call_lose(struct wh_recorder *r, struct wh_task *task);

/**
 * wh_call_found() - @task is in its first stop, and may be in a call that it entered before it was
 * traced. Unless it makes that call again, where it is seen, it is decoded here, as far as it still can be;
 * its phase is found. @over: the stop is behind the call, and not in it. Return: 0 or -ENOMEM.
 */
int wh_call_found(struct wh_recorder *r, struct wh_task *task, bool over);

#endif
