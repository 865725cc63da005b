/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known calls (tracer/known.h), told by the text of their path before they are decoded: then where that
 * text leads has not to be found out each time.
 *
 * What the tree itself does to names, modes, mounts, roots and credentials is noticed at once, as for known
 * calls: the place is looked at again after each such call, and nothing is known during one. What other
 * processes do is not: so a place is looked at again at the first call after WH_RECENT_MS; and where no call
 * comes after that time, by wh_recent_check() or wh_recent_leave(). If it is another one then, nothing is
 * known of that text any more, and unless a further call shows what became of it, there is a gap. What such
 * a process changes and changes back within that time goes unseen.
 */
#ifndef WHITTLE_TRACER_RECENT_H
#define WHITTLE_TRACER_RECENT_H

#include "tracer/task.h"

#define WH_RECENT_MS 100

/** struct wh_recent - what is remembered of such calls; of bounded size. */
struct wh_recent;

/** wh_recent_new() - for @r->recent; NULL when memory ran out. */
struct wh_recent *wh_recent_new(void);
void wh_recent_free(struct wh_recent *recent);

/**
 * wh_recent_call() - @task is about to make call @nr of the native ABI: can it show anything that is not
 * in the trace yet? It need not be stopped, but must not get on meanwhile. A known one is counted, but not
 * its result. A path in memory that another thread rewrites in between is lost.
 */
bool wh_recent_call(struct wh_recorder *r, struct wh_task *task, uint64_t nr,
		    const uint64_t arg[6]);

/**
 * wh_recent_learn() - @task->call is known, and ends with @err: the next one of this text is known, too,
 * if it is of a kind that can be. For tracer/known.c. Return: 0 or -ENOMEM.
 */
int wh_recent_learn(struct wh_recorder *r, struct wh_task *task, int err);

/** wh_recent_check() - look at places that were relied on more than WH_RECENT_MS ago. Return: 0 or -ENOMEM. */
int wh_recent_check(struct wh_recorder *r);

/**
 * wh_recent_change() - the tree is about to change names or the like: look at all places that were relied
 * on, as long as only others can have changed them. For tracer/known.c. Return: 0 or -ENOMEM.
 */
int wh_recent_change(struct wh_recorder *r);

/** wh_recent_leave() - @task is about to go: look at those that it relied on. Return: 0 or -ENOMEM. */
int wh_recent_leave(struct wh_recorder *r, struct wh_task *task);

/** wh_recent_finish() - record a gap for each place of which it is not known what became of it. */
int wh_recent_finish(struct wh_recorder *r);

#endif
