/* SPDX-License-Identifier: Apache-2.0 */
/* Tracing processes that somebody else has started. */
#ifndef WHITTLE_TRACER_SEIZE_H
#define WHITTLE_TRACER_SEIZE_H

#include "tracer/task.h"

/**
 * wh_seize_process() - seize all threads of a process (PTRACE_SEIZE, ptrace(2)), put them into @r->tasks and make each stop, so
 * that it goes on as the loop lets it. Threads that are born meanwhile are children of seized ones, or found in
 * the next round: at the end none is missing.
 * @options: PTRACE_O_*
 * Return: 0; -ESRCH when it is gone; -EPERM … with an error that says what to do about it.
 */
int wh_seize_process(struct wh_recorder *r, pid_t pid, unsigned long options, struct wh_error *e);

#endif
