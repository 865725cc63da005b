/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How system calls are watched. The loop follows the tree (births, deaths, execs, signals), which is
 * the same for all; an engine decides how a task goes on and what a stop at a call means.
 */
#ifndef WHITTLE_TRACER_ENGINE_H
#define WHITTLE_TRACER_ENGINE_H

#include <signal.h>
#include <sys/ptrace.h>

#include "tracer/launch.h"
#include "tracer/notify.h"
#include "tracer/record.h"
#include "tracer/task.h"

/**
 * struct wh_engine - one way to watch. What it remembers is in @r->watch, and of a task in
 * @task->watch, a single block from malloc() that is freed with the task. All but @stop and @resume
 * may be NULL. Functions return 0 or -ENOMEM unless it says otherwise.
 *
 * @about: why it is taken, where it is
 * @check: whether it works on this machine and with these options; -errno and an error that says why
 *   not
 * @start: before anything is started; may change what @launch does with the new process. -errno; @free
 *   is called then, too.
 * @born: @task is new, and is stopped before its first instruction, or was first seen in some stop;
 *   @maker may be NULL
 * @outside: @task, of a container's init on its way to the entrypoint or of who joins it, is at the entry of a call, and
 *   still is so afterwards, if it lives: it can be prepared for being watched
 * @stop: @task is at a system call stop or at PTRACE_EVENT_SECCOMP
 * @executed: @task is at PTRACE_EVENT_EXEC, and decoded; its call has not returned yet
 * @exiting: @task is at PTRACE_EVENT_EXIT, and its call, if it is in one, will not return
 * @signal: @task is at the stop before a signal's delivery. Not called for a signal that the loop
 *   itself sends. Sets *ret_sig: what it is to get, 0 for nothing.
 * @interrupted: @task is at PTRACE_EVENT_STOP after PTRACE_INTERRUPT or at its start
 * @notified: a thread waits for an answer; only where the engine has put listeners into @r->notify
 * @resume: the request with which @task goes on from any stop but a group-stop
 * @tick: about every WH_LOOP_TICK_MS; @r->phase may have changed before
 * @gone: @task is about to be forgotten
 * @finish: no task is left: what is worth telling of it goes into @run
 * @free: frees @r->watch
 */
struct wh_engine {
	const char *name;
	const char *about;
	unsigned long options; /* PTRACE_O_* it needs besides those of the loop */
	int (*check)(const struct wh_record_options *options, struct wh_error *e);
	int (*start)(struct wh_recorder *r, const struct wh_record_options *options,
		     struct wh_launch *launch, struct wh_error *e);
	int (*born)(struct wh_recorder *r, struct wh_task *task, struct wh_task *maker);
	int (*outside)(struct wh_recorder *r, struct wh_task *task);
	int (*stop)(struct wh_recorder *r, struct wh_task *task,
		    const struct __ptrace_syscall_info *info);
	int (*executed)(struct wh_recorder *r, struct wh_task *task);
	int (*exiting)(struct wh_recorder *r, struct wh_task *task);
	int (*signal)(struct wh_recorder *r, struct wh_task *task, int sig, int *ret_sig);
	int (*interrupted)(struct wh_recorder *r, struct wh_task *task);
	int (*notified)(struct wh_recorder *r, const struct wh_notified *n);
	enum __ptrace_request (*resume)(struct wh_recorder *r, struct wh_task *task);
	int (*tick)(struct wh_recorder *r);
	void (*gone)(struct wh_recorder *r, struct wh_task *task);
	int (*finish)(struct wh_recorder *r, struct wh_run *run);
	void (*free)(struct wh_recorder *r);
};

/** wh_engine_is_auto() - nobody has asked for one by name: it must not change what a program may do. */
bool wh_engine_is_auto(const struct wh_record_options *options);
/**
 * wh_engine_begin() - choose by name, and start; "auto" (or NULL) takes the best that starts here.
 * @launch: changed only by the one that is taken
 * @ret_engine: set on success; its free() is then to be called at the end
 * @ret_reason: why this one, and not a better one; the caller's to free
 */
int wh_engine_begin(const struct wh_record_options *options, struct wh_recorder *r,
		    struct wh_launch *launch, const struct wh_engine **ret_engine,
		    char **ret_reason, struct wh_error *e);

/** wh_plain_engine - a stop at each entry and each return: sees all, and costs the most. */
extern const struct wh_engine wh_plain_engine;

/** wh_assisted_engine - BPF watches what a filter lets pass: root only; see tracer/assisted.c. */
extern const struct wh_engine wh_assisted_engine;

#endif
