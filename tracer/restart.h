/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that a tracer's presence interrupts.
 *
 * Untraced, a signal that is ignored is dropped when it is sent (sig_ignored() in kernel/signal.c); a
 * traced task is woken for it, so that its tracer can look. Most calls are restarted after that, but those
 * that no signal handler's SA_RESTART would restart either (signal(7)) and that answer EINTR themselves
 * (fs/eventpoll.c, do_sigtimedwait()) return to a program that nothing has happened to.
 */
#ifndef WHITTLE_TRACER_RESTART_H
#define WHITTLE_TRACER_RESTART_H

#include "tracer/task.h"

/**
 * wh_restart_signal() - @task is at the stop before the delivery of @sig. If it ignores that and was
 * interrupted by it in such a call, which had no time limit, step back, so that it makes the call again.
 * If a further signal comes then that it does not ignore, it gets its EINTR after all. With a time limit it
 * keeps the EINTR: to wait for the whole time again would be worse. On x86-64 only.
 */
void wh_restart_signal(struct wh_recorder *r, struct wh_task *task, int sig);

/**
 * wh_restart_interrupted() - @task is at the stop after a PTRACE_INTERRUPT of ours. A call that answered
 * EINTR because of it is made again, with its whole time limit. On x86-64 only.
 */
void wh_restart_interrupted(struct wh_task *task);

/**
 * wh_restart_unnoticed() - @task is in the stop that PTRACE_INTERRUPT has brought (PTRACE_EVENT_STOP, or the return of a call that
 * comes right before it). A call that it was in, and that answers EINTR only for that, is left to the kernel to be
 * made again; or to answer EINTR after all, if a handler is to run. All others the kernel restarts by itself.
 * @waited_ms: how long it was in the call; its time limit is less by that, where it is in a register
 * Return: whether it was in such a call.
 */
bool wh_restart_unnoticed(const struct wh_task *task, uint64_t waited_ms);

#endif
