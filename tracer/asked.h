/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel itself asks: for each capability that it looks for in a task of ours, and its answer, a fact of
 * kind WH_KIND_QUESTION. By BPF, whatever the engine; where that is not to be had, a note says why.
 */
#ifndef WHITTLE_TRACER_ASKED_H
#define WHITTLE_TRACER_ASKED_H

#include "tracer/task.h"

/**
 * wh_asked_begin() - before the first task is traced. Sets @r->asked, or leaves it NULL and puts the reason into the
 * notes of @run. Return: 0 or -ENOMEM.
 */
int wh_asked_begin(struct wh_recorder *r, struct wh_run *run);
/**
 * wh_asked_stop() - @task is in a stop, and what is known of it is still of the time before it: take what was asked.
 * @event: of ptrace, 0 for none
 * @outside: it is not the service's yet: the launcher, or a container's runtime
 * Return: 0 or -ENOMEM.
 */
int wh_asked_stop(struct wh_recorder *r, struct wh_task *task, int event, bool outside);
/** wh_asked_phase() - what is asked from now on belongs to @r->service_phase. Each stop says so, too. */
void wh_asked_phase(struct wh_recorder *r);
/** wh_asked_resume() - it is about to go on as what it is now. */
void wh_asked_resume(struct wh_recorder *r, struct wh_task *task, bool outside);
/** wh_asked_gone() - @task is dead. Return: 0 or -ENOMEM. */
int wh_asked_gone(struct wh_recorder *r, struct wh_task *task);
/**
 * wh_asked_finish() - the recording is over: nothing is heard of any more, and @run says whether that was all.
 * Return: 0 or -ENOMEM.
 */
int wh_asked_finish(struct wh_recorder *r, struct wh_run *run);
/** wh_asked_free() - of @r->asked, which may be NULL. */
void wh_asked_free(struct wh_recorder *r);

#endif
