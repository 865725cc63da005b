/* SPDX-License-Identifier: Apache-2.0 */
/* Tracing processes that somebody else has started. */
#ifndef WHITTLE_TRACER_SEIZE_H
#define WHITTLE_TRACER_SEIZE_H

#include "tracer/members.h"
#include "tracer/task.h"

/**
 * wh_seize_process() - seize all threads of a process (PTRACE_SEIZE, ptrace(2)), put them into @r->tasks and make each stop, so
 * that it goes on as the loop lets it. Threads that are born meanwhile are children of seized ones, or found in
 * the next round: at the end none is missing.
 * @options: PTRACE_O_*
 * Return: 0; -ESRCH when it is gone; -EPERM … with an error that says what to do about it.
 */
int wh_seize_process(struct wh_recorder *r, pid_t pid, unsigned long options, struct wh_error *e);

/**
 * wh_seize_round() - seize those threads of a process that are listed now and not ours yet.
 * Return: how many; 0 also for a process that has ended and is yet to be waited for; -errno: -ESRCH when it is gone.
 */
int wh_seize_round(struct wh_recorder *r, pid_t pid, unsigned long options);

/**
 * wh_seize_tree() - seize all of @members, and hold them in their first stop. None is missing: it goes on until all
 * have stopped and a look at them finds no other; children of seized ones are ours by birth. Who cannot be
 * seized is a gap ("not-seized"); but if that is @main, a failure.
 */
int wh_seize_tree(struct wh_recorder *r, struct wh_members *members, pid_t main,
		  unsigned long options, struct wh_error *e);

/** wh_seize_is_ours() - whether we trace it, even if it has yet to be heard of. */
bool wh_seize_is_ours(const struct wh_recorder *r, pid_t tid);

/** wh_seize_refused() - @pid could not be seized (@err, negative): an error that says why, and how to mend it. */
int wh_seize_refused(const struct wh_recorder *r, pid_t pid, int err, struct wh_error *e);

#endif
