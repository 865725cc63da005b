/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of processes and threads: a task says and is told those of its own pid namespace, all ids of the tracer's
 * are those of the tracer's. pid_namespaces(7).
 */
#ifndef WHITTLE_TRACER_PIDNS_H
#define WHITTLE_TRACER_PIDNS_H

#include "tracer/task.h"

/** wh_pidns_is_ours() - whether numbers mean the same to @task as to us. */
bool wh_pidns_is_ours(const struct wh_recorder *r, const struct wh_task *task);

/** wh_pidns_find() - our number of the process or thread that @task calls @id; 0: of nobody. */
pid_t wh_pidns_find(struct wh_recorder *r, const struct wh_task *task, pid_t id);

/** wh_pidns_find_group() - the same of a process group, whose leader need not live any more. */
pid_t wh_pidns_find_group(struct wh_recorder *r, const struct wh_task *task, pid_t id);

/** wh_pidns_number() - what @task calls the process of our number @pid; 0: it cannot see it. */
pid_t wh_pidns_number(struct wh_recorder *r, const struct wh_task *task, pid_t pid);

/** struct wh_pidns_self - the numbers of a thread and of its process in some proc filesystem. */
struct wh_pidns_self {
	pid_t tgid, tid;
};

/**
 * wh_pidns_in_proc() - the numbers of @task in a proc filesystem, which has a pid namespace of its own: not
 * always that of the task. @proc: its root. Return: false when it does not show the task.
 */
bool wh_pidns_in_proc(const struct wh_recorder *r, const struct wh_task *task, int proc,
		      struct wh_pidns_self *ret_self);

/** wh_pidns_is_our_proc() - whether @dev is the device of the proc filesystem that we look into. */
bool wh_pidns_is_our_proc(const struct wh_recorder *r, uint64_t dev);

#endif
