/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program reads of its own filters. An engine's filters show as "Seccomp" and "Seccomp_filters" in
 * /proc/PID/status (proc(5), task_seccomp() in fs/proc/array.c), and there are programs that look: what
 * they read is what they would have read untraced.
 *
 * Covered are read(), pread(), readv() and preadv() by the process that has opened such a file, or by its
 * children; not splice(), sendfile(), io_uring, nor a descriptor that was sent through a socket.
 */
#ifndef WHITTLE_TRACER_DISGUISE_H
#define WHITTLE_TRACER_DISGUISE_H

#include "tracer/task.h"

/** How many filters on @task are the engine's own. */
typedef unsigned wh_disguise_filters_fn(const struct wh_task *task);

/**
 * wh_disguise_left() - a call of @task has returned; it is in @task->call, wh_call_leave() is yet to come.
 * @ret: the result as it is now, @failed: whether that is an error
 *
 * Changes what was read in the tracee's memory. Return: true if from now on each call of @task's process
 * has to stop (@task->process->reads_status), and had not before: its other threads may be running.
 */
bool wh_disguise_left(struct wh_recorder *r, struct wh_task *task, int64_t ret, bool failed,
		      wh_disguise_filters_fn *filters);

/**
 * wh_disguise_lines() - in the part of a status file that @text holds, take @ours filters away.
 * @tail, @n_tail: the end of what comes before it in the file, to see a line begin there
 * @total: how many filters there are in all. @visit is called with each character that changes.
 */
void wh_disguise_lines(const char *tail, size_t n_tail, const char *text, size_t n, unsigned ours,
		       unsigned total, void (*visit)(void *data, size_t at, char c), void *data);

#endif
