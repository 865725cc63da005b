/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who writes to /proc/PID/oom_score_adj. What that takes depends on what is written (__set_oom_adj() in
 * fs/proc/base.c), and write() is a call that the engines let pass unseen: so a process that has such a file open
 * for writing stops at each call (@adjusts_oom), as long as it has.
 *
 * The least value that is free the kernel does not show. It is taken to be the one that was there when the process
 * opened the file.
 */
#ifndef WHITTLE_TRACER_OOM_H
#define WHITTLE_TRACER_OOM_H

#include "tracer/task.h"

/** wh_oom_left() - @task->call has returned, and has its result. Return: 0 or -ENOMEM. */
int wh_oom_left(struct wh_recorder *r, struct wh_task *task);

/** wh_oom_inherit() - a new process has what its parent has open. */
void wh_oom_inherit(struct wh_process *process, const struct wh_process *parent);

#endif
