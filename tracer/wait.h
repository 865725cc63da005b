/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for what comes next: a stop, a notification, or a signal of the tracer's own. */
#ifndef WHITTLE_TRACER_WAIT_H
#define WHITTLE_TRACER_WAIT_H

#include "tracer/notify.h"

struct wh_wait;

/** wh_wait_new() - NULL when memory ran out. */
struct wh_wait *wh_wait_new(void);
void wh_wait_free(struct wh_wait *wait);

/**
 * wh_wait_begin() - take the signals that waiting needs.
 * @tick_ms: how often waiting is interrupted, by @tick_signal
 * Return: 0 or -errno. wh_wait_end() gives back what was taken, in any case.
 */
int wh_wait_begin(struct wh_wait *wait, int tick_signal, unsigned tick_ms);
void wh_wait_end(struct wh_wait *wait);

/**
 * wh_wait_next() - like waitpid(-1, ret_status, __WALL).
 * @notify: or NULL
 * Return: the task that has stopped or ended; 0: wh_notify_next() has something; -EINTR: a signal came;
 * -ECHILD: there is no child.
 */
pid_t wh_wait_next(struct wh_wait *wait, struct wh_notify *notify, int *ret_status);

/**
 * wh_wait_child() - whom the stop tells of that @tid is in, PTRACE_EVENT_FORK or its like. A task that was killed in its stop goes on to
 * PTRACE_EVENT_EXIT, whose message is a status: then 0.
 */
pid_t wh_wait_child(pid_t tid, int event);

/** wh_wait_has() - whether @tid is traced by us. Not one that is dead, and has been waited for: it is never heard of again. */
bool wh_wait_has(pid_t tid);

#endif
