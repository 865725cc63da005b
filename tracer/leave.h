/* SPDX-License-Identifier: Apache-2.0 */
/* Letting a service go on as if it had never been traced; PTRACE_DETACH in ptrace(2). */
#ifndef WHITTLE_TRACER_LEAVE_H
#define WHITTLE_TRACER_LEAVE_H

#include "tracer/task.h"

/**
 * wh_leave_ask() - make each task stop where it can be let go. Of one that is dead already, and only waits for the rest of its
 * process, nothing is to come: it is marked as left.
 */
void wh_leave_ask(struct wh_recorder *r);

/** wh_leave_ask_again() - the same for one task, that is in another stop. */
void wh_leave_ask_again(struct wh_task *task);

/**
 * wh_leave_restart() - @task is in, or right before, the stop that PTRACE_INTERRUPT has brought: tracer/restart.h, with
 * the time that it was in its call.
 */
bool wh_leave_restart(struct wh_task *task);

/**
 * wh_leave_task() - let @task go, which is in PTRACE_EVENT_STOP or PTRACE_EVENT_EXIT, and mark it as left. In no other stop: there,
 * a signal or the result of a call would have to be handed on. If its process is stopped, so it stays
 * (__ptrace_unlink() in kernel/ptrace.c). Return: 0 or -ENOMEM.
 */
int wh_leave_task(struct wh_recorder *r, struct wh_task *task);

#endif
