/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the assisted engine share. */
#ifndef WHITTLE_TRACER_ASSISTED_IMPL_H
#define WHITTLE_TRACER_ASSISTED_IMPL_H

#include <sys/ptrace.h>

#include "tracer/assisted.h"
#include "tracer/follow.h"

#define WH_ASSISTED_PROGRAMS 4096 /* tasks of further ones are traced at each call */

/** struct wh_assisted_watch - of a recording; @r->watch. */
struct wh_assisted_watch {
	struct wh_assisted_kernel *kernel;
	uint64_t own_filters, own_mode; /* of seccomp, as the program would have them untraced */
	bool container;			/* it is not we who start it, and … */
	bool put;			/* … its init has our filter, or … */
	bool inside;			/* the entrypoint has begun */
	int put_err;			/* … the kernel has refused that: positive errno */
	int failed;			/* -ENOMEM where it could not be returned */
	const char *program[WH_ASSISTED_PROGRAMS]; /* as a slot names it; interned */
	unsigned n_programs;
	uint64_t taken; /* of the news that BPF has asked us to take */
};

/** struct wh_assisted_task - of a task; @task->watch. */
struct wh_assisted_task {
	struct wh_watch_slot *slot; /* what BPF has of it, or NULL: then it stops at each call, … */
	bool plain;		    /* … as where it has a filter that may answer before ours */
	struct wh_follow follow;    /* of the call in flight, or of the one that made it */
};

/* ---- assisted_hide.c ------------------------------------------------------------------------- */

/** wh_assisted_status() - a number from a thread's status file; 0 where it is not to be had. */
uint64_t wh_assisted_status(struct wh_recorder *r, pid_t tid, const char *field);
/** wh_assisted_filtered() - whether a thread has a filter that is not ours. */
bool wh_assisted_filtered(struct wh_recorder *r, pid_t tid);
/**
 * wh_assisted_hide() - @task is at the return of a call, before wh_call_leave(): the result, in @info and
 * for the program, is as if there were no filter of ours.
 */
void wh_assisted_hide(struct wh_recorder *r, struct wh_task *task,
		      struct __ptrace_syscall_info *info);
/** wh_assisted_hide_status() - the part of it for calls that BPF tells of. */
void wh_assisted_hide_status(struct wh_recorder *r, struct wh_task *task, int64_t ret, bool failed);
/** wh_assisted_leave() - wh_call_leave(), after which each call of the process may have to be told of. */
int wh_assisted_leave(struct wh_recorder *r, struct wh_task *task,
		      const struct __ptrace_syscall_info *info);
/**
 * wh_assisted_refuse_foreign() - a filter of the program's own wants a tracer that there would not be: then
 * the kernel answers ENOSYS (__seccomp_filter() in kernel/seccomp.c).
 */
void wh_assisted_refuse_foreign(const struct wh_task *task,
				const struct __ptrace_syscall_info *info);

/* ---- assisted_news.c ------------------------------------------------------------------------- */

/**
 * wh_assisted_take() - decode what BPF has kept of @task, which makes no call now.
 * @last: also the call that it is in: it is dead, or will not be watched any more
 * Return: 0 or -ENOMEM.
 */
int wh_assisted_take(struct wh_recorder *r, struct wh_task *task, bool last);
/** wh_assisted_note_change() - @task is about to make a call that may change what names mean, or has. */
void wh_assisted_note_change(struct wh_recorder *r, struct wh_task *task);

#endif
