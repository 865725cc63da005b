/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that a filter tells of by SECCOMP_RET_USER_NOTIF (seccomp_unotify(2)): the thread sleeps before its
 * call, without a stop, until it is told to go on. With the notification's synchronous wake-up (Linux 6.6)
 * that takes a fraction of what a stop takes.
 */
#ifndef WHITTLE_TRACER_NOTIFY_H
#define WHITTLE_TRACER_NOTIFY_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#include "whittle/util.h"

#define WH_NOTIFY_MAX 16 /* listeners: all are looked at each time */

/** struct wh_notify - all listeners. */
struct wh_notify;

/** struct wh_notified - a thread is about to make a call, and waits. */
struct wh_notified {
	pid_t tid;
	uint64_t nr, arg[6], ip;
	/* Below: for the answer. */
	int listener;
	uint64_t id;
};

/** wh_notify_new() - NULL when memory ran out. */
struct wh_notify *wh_notify_new(void);
void wh_notify_free(struct wh_notify *notify);

/** wh_notify_room() - whether one more listener may be added. */
bool wh_notify_room(const struct wh_notify *notify);
/** wh_notify_any() - whether there are listeners at all. @notify may be NULL. */
bool wh_notify_any(const struct wh_notify *notify);
/**
 * wh_notify_add() - take over a listener, which is closed here when no thread has its filter any more.
 * Return: whether its wake-up is synchronous: if not, it works, and is slow.
 */
bool wh_notify_add(struct wh_notify *notify, int listener);

/**
 * wh_notify_wait() - for a notification.
 * @mask: signal mask while waiting; NULL: do not wait, only look
 * Return: how many listeners have one; 0 for none; -EINTR when a signal came.
 */
int wh_notify_wait(struct wh_notify *notify, const sigset_t *mask);
/** wh_notify_next() - of those that were found; true while there is one. */
bool wh_notify_next(struct wh_notify *notify, struct wh_notified *ret);
/** wh_notify_go_on() - it makes its call. Nothing when it was interrupted before. */
void wh_notify_go_on(struct wh_notify *notify, const struct wh_notified *n);

#endif
