/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the assisted engine share. */
#ifndef WHITTLE_TRACER_ASSISTED_IMPL_H
#define WHITTLE_TRACER_ASSISTED_IMPL_H

#include "tracer/assisted.h"
#include "tracer/follow.h"

#define WH_ASSISTED_PROGRAMS 4096 /* tasks of further ones are traced at each call */

/** struct wh_assisted_watch - of a recording; @r->watch. */
struct wh_assisted_watch {
	struct wh_assisted_kernel *kernel;
	uint64_t own_filters, own_mode;		   /* of seccomp, as the tracer has them */
	int failed;				   /* -ENOMEM where it could not be returned */
	const char *program[WH_ASSISTED_PROGRAMS]; /* as a slot names it; interned */
	unsigned n_programs;
	uint64_t taken; /* of the news that BPF has asked us to take */
};

/** struct wh_assisted_task - of a task; @task->watch. */
struct wh_assisted_task {
	struct wh_watch_slot *slot; /* what BPF has of it, or NULL: then it stops at each call, … */
	bool plain;		    /* … as where it has a filter that may answer before ours */
	struct wh_follow follow;    /* of the call in flight, or of the one that made it */
};

/* ---- assisted_news.c ------------------------------------------------------------------------- */

/**
 * wh_assisted_take() - decode what BPF has kept of @task, which makes no call now.
 * @last: also the call that it is in: it is dead, or will not be watched any more
 * Return: 0 or -ENOMEM.
 */
int wh_assisted_take(struct wh_recorder *r, struct wh_task *task, bool last);
/** wh_assisted_note_change() - @task is about to make a call that may change what names mean, or has. */
void wh_assisted_note_change(struct wh_recorder *r, struct wh_task *task);

#endif
