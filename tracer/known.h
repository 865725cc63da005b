/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that can show nothing new: the very same one, of the same file, has been decoded to its end
 * before. An engine to which a stop at the return is dear may then leave that stop out.
 */
#ifndef WHITTLE_TRACER_KNOWN_H
#define WHITTLE_TRACER_KNOWN_H

#include "tracer/task.h"

/** struct wh_known - what is remembered of such calls; of bounded size. */
struct wh_known;

/** wh_known_new() - for @r->known; NULL when memory ran out. */
struct wh_known *wh_known_new(void);
void wh_known_free(struct wh_known *known);

/**
 * wh_known_call() - @task is stopped at the entry of a call, and wh_call_enter() was just called for
 * it. Can its return show anything that is not in the trace yet?
 *
 * It cannot if a call was decoded to its end that had the same program, phase of the recording, ABI,
 * number, arguments that mean something, credentials, and the same file: path as resolved now, its
 * existence, type, mode, owner, device, inode and those of its directory. Only calls that read are ever
 * known (stat, access, readlink, statfs, getxattr, open without O_CREAT, O_TRUNC or writing), only of
 * regular files, directories, symlinks and names that are missing, none in /proc or /sys, and none for
 * which the capability rule had anything to say. While a call that changes names, mounts, modes or
 * credentials is in flight in any task, nothing is known; nor ever again once a task filters its own
 * calls (seccomp, Landlock).
 *
 * For a known call all is counted here that its return would have counted: "ok", or ENOENT where the
 * name is missing. Lost is: another result after all (EINTR, EMFILE, ENFILE, ENOMEM, EIO, EFAULT of
 * the result's buffer, ENODATA or ERANGE for an attribute, what a filter or an LSM says now and did not
 * say before), a path in memory that another thread rewrites between the stop and the call, and what a
 * process outside of the tree, or a task that had been let go before this one, does to the names in
 * that same moment. So whoever leaves returns out must say that counts of results are partial.
 *
 * Learning begins with the first time this is called; before, nothing is remembered.
 *
 * Return: 1: it is known, and over as far as decoding goes (@task->in_call is false): no stop at its
 * return is needed, and one that comes is ignored by wh_call_leave(). 0: not known, nothing was done.
 * -ENOMEM.
 */
int wh_known_call(struct wh_recorder *r, struct wh_task *task);

/**
 * wh_known_looks() - whether calls of @row may ever be known: they name one thing, read, and change
 * nothing. Of those that open only some do, those whose flags have none of the bits in
 * wh_known_open_mask().
 */
bool wh_known_looks(const struct wh_syscall_row *row);
uint64_t wh_known_open_mask(void);

/**
 * wh_known_by_fact() - the same, likewise, for calls that read a limit of one's own or map code of a file
 * where a loader has made room for it: their fact is there, of this program and phase, and all such calls
 * have succeeded.
 */
int wh_known_by_fact(struct wh_recorder *r, struct wh_task *task);

/**
 * wh_known_entered() - decoding of the entry of @task's call is done. For tracer/call.c.
 * Return: 0 or -ENOMEM.
 */
int wh_known_entered(struct wh_recorder *r, struct wh_task *task);
/** wh_known_left() - @task is in a call no more, or about to be freed. For tracer/call.c and task.c. */
void wh_known_left(struct wh_task *task);
/**
 * wh_known_learn() - @task's call has returned, and its facts are in the trace. For tracer/decode.c.
 * Sets @task->learnt: whether it will be known.
 * Return: 0 or -ENOMEM.
 */
int wh_known_learn(struct wh_recorder *r, struct wh_task *task);

#endif
