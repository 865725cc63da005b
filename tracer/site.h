/* SPDX-License-Identifier: Apache-2.0 */
/* Where a call came from: program, argv and a call stack through libunwind-ptrace. */
#ifndef WHITTLE_TRACER_SITE_H
#define WHITTLE_TRACER_SITE_H

#include "tracer/task.h"

#define WH_SITE_FRAMES 16

struct wh_site_finder;

struct wh_site_finder *wh_site_new(void);
void wh_site_free(struct wh_site_finder *finder);

/**
 * wh_site_find() - the site of the call that @task, in a ptrace stop, is at. Costs milliseconds: only
 * for new facts. Frames that cannot be unwound end the stack; the site is still made.
 * Return: a site of @r->trace, or NULL when memory ran out.
 */
const struct wh_site *wh_site_find(struct wh_recorder *r, struct wh_task *task);

/**
 * wh_site_at() - the same of a call that is over: of its stack only where @ip, behind its instruction, is. It is not kept
 * for other facts of this stop.
 */
const struct wh_site *wh_site_at(struct wh_recorder *r, struct wh_task *task, uint64_t ip);

/**
 * wh_site_before_exec() - @task is about to execute: what is found now is the site of the facts that
 * are made of it when the old program, and with it its stack, is gone (@task->executing).
 */
int wh_site_before_exec(struct wh_recorder *r, struct wh_task *task);

/** wh_site_forget() - the process has executed or died: its mappings are no longer what they were. */
void wh_site_forget(struct wh_site_finder *finder, pid_t tgid);

#endif
