/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp's strict mode (seccomp(2)) for a thread that has an engine's filter. The kernel refuses it to a
 * thread with a filter (seccomp_may_assign_mode() in kernel/seccomp.c); untraced, it would have got it, and
 * so it gets it from the tracer: from then on it stops at each call, and any but four end it.
 */
#ifndef WHITTLE_TRACER_STRICT_H
#define WHITTLE_TRACER_STRICT_H

#include <sys/ptrace.h>

#include "tracer/task.h"

/**
 * wh_strict_left() - a call of @task has returned; it is in @task->call, wh_call_leave() is yet to come.
 * All filters of @task are the engine's. If it has asked for strict mode, and only they were in the way,
 * then @task->strict is set, and @info and the result that the program gets are as if it had been put on.
 * On x86-64 only.
 */
void wh_strict_left(struct wh_task *task, struct __ptrace_syscall_info *info);

/** wh_strict_entered() - @task is at the entry of a call that is decoded: ends it where strict mode does. */
void wh_strict_entered(const struct wh_recorder *r, const struct wh_task *task);

#endif
