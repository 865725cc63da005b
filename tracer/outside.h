/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes of a container's runtime on their way into the container. What they do is not the
 * service's, but for what comes after they have put themselves under the container's filter: that the
 * filter must let pass, too. It is counted as phase runtime.
 */
#ifndef WHITTLE_TRACER_OUTSIDE_H
#define WHITTLE_TRACER_OUTSIDE_H

#include <sys/ptrace.h>

#include "tracer/task.h"

/** wh_outside_put() - the process is outside, by @way; at once, before it goes on. */
void wh_outside_put(struct wh_process *process, enum wh_outside way);
/**
 * wh_outside_here() - the container is where the process @pid is: its mount namespace, in which others join, its
 * root, and its user namespace, as which facts give ids and which capabilities are judged in.
 */
void wh_outside_here(struct wh_recorder *r, pid_t pid);
/** wh_outside_inherit() - @child is new, and @maker made it. */
void wh_outside_inherit(struct wh_process *child, const struct wh_process *maker);

/**
 * wh_outside_may_be() - @task has stopped before anybody told of it, and it is not known of which process it is the child
 * (CLONE_PARENT): it may be of one that is outside, and so be outside itself.
 */
bool wh_outside_may_be(const struct wh_recorder *r, const struct wh_task *task);

/**
 * wh_outside_stop() - @task, which is outside, is at a system call stop.
 * Return: 1 when it is the entry of the call by which it becomes the container's own, if that succeeds: the engine
 * is to see this one; 0; -ENOMEM.
 */
int wh_outside_stop(struct wh_recorder *r, struct wh_task *task,
		    const struct __ptrace_syscall_info *info);

/** wh_outside_entering() - @task, which is outside, was seized in the middle of its execve(), whose entry was not seen. */
void wh_outside_entering(const struct wh_recorder *r, struct wh_task *task);

/**
 * wh_outside_executed() - @task, which is outside, is at PTRACE_EVENT_EXEC. Return: whether it is inside now; then its
 * process is marked so.
 */
bool wh_outside_executed(struct wh_task *task);

#endif
