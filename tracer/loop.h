/* SPDX-License-Identifier: Apache-2.0 */
/* The ptrace loop: follows the whole tree of a program until none of it is left. */
#ifndef WHITTLE_TRACER_LOOP_H
#define WHITTLE_TRACER_LOOP_H

#include "tracer/engine.h"
#include "tracer/task.h"

/** What the loop always asks for, … */
#define WH_LOOP_FOLLOW                                                                             \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |  \
	 PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT)
/** … and of what whittle has started itself: a killed tracer takes it with it. */
#define WH_LOOP_OPTIONS (WH_LOOP_FOLLOW | PTRACE_O_EXITKILL)

#define WH_LOOP_TICK_MS	 50
#define WH_LOOP_LEAVE_MS 3000

/**
 * struct wh_loop_owner - who wants to know.
 * @started: the entrypoint has executed and is stopped before its first instruction
 * @ended: a traced process is gone; the status is waitpid()'s
 * @child: a child of ours that was never traced is gone
 * @look: after each stop or signal, so it must cost next to nothing; may be NULL
 * @tick: about every WH_LOOP_TICK_MS, busy or not
 * All but @child and @ended may fail the recording with -errno.
 */
struct wh_loop_owner {
	int (*started)(void *data, struct wh_task *task);
	void (*ended)(void *data, pid_t tgid, int status);
	void (*child)(void *data, pid_t pid, int status);
	int (*look)(void *data);
	int (*tick)(void *data);
	void *data;
};

struct wh_loop;

/**
 * wh_loop_new() - for tasks that the caller has put into @r->tasks.
 * @source: launched, they are one that wh_launch_start() has let go; else they are seized, and stop soon
 * @owner: must outlive the loop
 */
struct wh_loop *wh_loop_new(struct wh_recorder *r, const struct wh_engine *engine,
			    enum wh_record_source source, const struct wh_loop_owner *owner);
void wh_loop_free(struct wh_loop *loop);

/**
 * wh_loop_run() - until no task is left. Blocks; the tick comes by a timer signal
 * (wh_loop_tick_signal()), which the caller must not block.
 * @ret_exec_err: positive errno when the entrypoint could not be executed, else 0
 *
 * Return: 0, or the first failure, with everything killed that was launched, and let go what was not.
 */
int wh_loop_run(struct wh_loop *loop, int *ret_exec_err);

int wh_loop_tick_signal(void);

/**
 * wh_loop_leave() - let all go on untraced, those yet to be born included, each as if it had never been traced; then the loop
 * ends. What does not stop for that (a parent in vfork(), who sleeps on a disk that does not answer) is waited for no longer
 * than WH_LOOP_LEAVE_MS: the kernel lets it go when we end. @at_once: and for nobody from now on
 */
void wh_loop_leave(struct wh_loop *loop, bool at_once);
bool wh_loop_is_leaving(const struct wh_loop *loop);

/** wh_loop_kill() - SIGKILL to all, those yet to be born included. Never of a service that was attached to. */
void wh_loop_kill(struct wh_loop *loop);

#endif
