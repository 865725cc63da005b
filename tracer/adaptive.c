/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/adaptive.h"

#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <unistd.h>

#include "tracer/call.h"
#include "tracer/caprule.h"
#include "tracer/clock.h"
#include "tracer/creds.h"
#include "tracer/decode.h"
#include "tracer/disguise.h"
#include "tracer/known.h"
#include "tracer/recent.h"
#include "tracer/restart.h"
#include "tracer/strict.h"
#include "tracer/timer.h"

#define ERESTARTSYS 512 /* include/linux/errno.h */

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif

/* ---- starting and ending --------------------------------------------------------------------- */

static int adaptive_check(const struct wh_record_options *options, struct wh_error *e)
{
#ifndef __x86_64__
	(void)options;
	return wh_error_set(e, ENOTSUP, "the adaptive engine is for x86-64");
#else
	int mode = prctl(PR_GET_SECCOMP, 0, 0, 0, 0);

	/* Where another filter refuses a call, the one that asks for a stop is not heard (seccomp(2)). */
	if (options->container)
		return wh_error_set(
			e, ENOTSUP,
			"what a container's own seccomp filter refuses would not be seen");
	if (mode < 0 ||
	    (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) < 0 && errno != EFAULT))
		return wh_error_set(e, ENOTSUP, "this kernel has no seccomp filters");
	if (mode > 0)
		return wh_error_set(
			e, ENOTSUP,
			"whittle runs under a seccomp filter, and what that refuses would not "
			"be seen (in a container: --security-opt seccomp=unconfined)");
	return 0;
#endif
}

static int adaptive_start(struct wh_recorder *r, const struct wh_record_options *options,
			  struct wh_launch *launch, struct wh_error *e)
{
	struct wh_adaptive *a = calloc(1, sizeof(*a));
	struct wh_creds creds = {0};

	(void)launch;
	if (!a)
		return wh_error_oom(e);
	r->watch = a;
	r->recent = wh_recent_new();
	if (!r->recent || wh_adaptive_notify_start(r) < 0)
		return wh_error_oom(e);
	/* They keep a program from a listener of its own: only whoever asked for this engine has that. */
	a->no_listener = wh_engine_is_auto(options);
	a->phase = r->phase;
	a->base_filters = wh_adaptive_filters(r, getpid());
	a->no_by_code = wh_code_implied((unsigned)personality(UINT32_MAX));
	if (getrandom(&a->data, sizeof(a->data), 0) != sizeof(a->data))
		a->data = 0x7768;
	/*
	 * A tracer without CAP_SYS_PTRACE keeps its tracees from gaining privilege by executing
	 * (begin_new_exec() in fs/exec.c): there, no_new_privs takes nothing away.
	 */
	a->may_no_new_privs =
		wh_creds_read(r, getpid(), &creds) == 0 && !(creds.effective >> CAP_SYS_PTRACE & 1);
	wh_creds_free(&creds);
	return 0;
}

static void adaptive_free(struct wh_recorder *r)
{
	struct wh_adaptive *a = wh_adaptive_of(r);

	wh_recent_free(wh_take(r->recent));
	wh_notify_free(wh_take(r->notify));
	if (!a)
		return;
	for (size_t i = 0; i < a->n_gates; i++)
		wh_adaptive_gate_free(a->gates[i]);
	wh_quiet_clear(&a->known);
	free(wh_take(r->watch));
}

/* ---- the tree -------------------------------------------------------------------------------- */

struct visit {
	struct wh_recorder *r;
	const struct wh_process *process;
	unsigned lost; /* of wh_adaptive_task.holds */
};

static void visit_phase(void *data, struct wh_task *task)
{
	struct visit *v = data;
	struct wh_adaptive_task *t = task->watch;

	if (!t)
		return;
	t->heat = 0;
	if (!t->loud && !wh_adaptive_fits(v->r, task, t))
		wh_adaptive_rouse(v->r, task, t);
}

static void visit_lost(void *data, struct wh_task *task)
{
	struct visit *v = data;
	struct wh_adaptive_task *t = task->watch;

	if (!t || !(t->holds & v->lost))
		return;
	t->holds &= (uint8_t)~v->lost;
	if (!t->loud && !wh_adaptive_fits(v->r, task, t))
		wh_adaptive_rouse(v->r, task, t);
}

static void visit_filtered(void *data, struct wh_task *task)
{
	struct visit *v = data;
	struct wh_adaptive_task *t = task->watch;

	if (!t || task->process != v->process)
		return;
	t->no = WH_ADAPTIVE_OWN_FILTER;
	wh_adaptive_rouse(v->r, task, t);
}

static int adaptive_tick(struct wh_recorder *r)
{
	struct wh_adaptive *a = wh_adaptive_of(r);
	struct visit v = {.r = r};

	int err;

	if (a->phase != r->phase) {
		a->phase = r->phase;
		wh_task_each(r->tasks, visit_phase, &v);
	}
	err = wh_recent_check(r);
	return err < 0 ? err : wh_adaptive_unhold(r, true);
}

static int adaptive_interrupted(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_adaptive_task *t = wh_adaptive_state(r, task);
	long long result;

	if (!t)
		return -ENOMEM;
	/* A new task's first stop: its registers are a copy of its maker's. */
	wh_follow_restore(task, &t->follow);
	if (!t->roused)
		return 0;
	t->roused = false;
#ifdef __x86_64__
	errno = 0;
	result = ptrace(PTRACE_PEEKUSER, task->tid, offsetof(struct user_regs_struct, rax), NULL);
	/* ERESTART_RESTARTBLOCK of include/linux/errno.h: what goes on is restart_syscall(). */
	if (!errno && result == -516)
		t->restarting = true;
#else
	(void)result;
#endif
	wh_restart_interrupted(task);
	return 0;
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* A call that has returned may change what quiet calls rely on. */
static void watch_changes(struct wh_recorder *r, const struct wh_task *task,
			  const struct __ptrace_syscall_info *info)
{
	struct wh_adaptive *a = wh_adaptive_of(r);
	const struct wh_call *call = &task->call;
	struct visit v = {.r = r, .process = task->process};

	if (!call->row || info->exit.is_error)
		return;
	if (wh_call_sets_seccomp(call) || (call->row->irregular == WH_IRREGULAR_PRCTL &&
					   call->arg[0] == PR_SET_SYSCALL_USER_DISPATCH))
		wh_task_each(r->tasks, visit_filtered, &v);
	if (call->row->irregular == WH_IRREGULAR_SOCKETCALL)
		v.lost = WH_QUIET_IF_COMMON | WH_QUIET_IF_STREAMS;
	if (call->row->irregular == WH_IRREGULAR_SOCKET) {
		bool inet = call->arg[0] == AF_INET || call->arg[0] == AF_INET6;

		if (!inet || (call->arg[1] & 0xf) != SOCK_STREAM)
			v.lost |= WH_QUIET_IF_STREAMS;
		if (!inet && call->arg[0] != AF_UNIX)
			v.lost |= WH_QUIET_IF_COMMON;
	}
	a->odd_sockets += v.lost != 0;
	if (call->row->cap && strcmp(call->row->cap, "timer_create") == 0 &&
	    wh_timer_wakes((int)call->arg[0]))
		v.lost |= WH_QUIET_IF_TIMERS;
	if (v.lost)
		wh_task_each(r->tasks, visit_lost, &v);
}

/* Whom nothing bounded may be another one now, and still hold what he did. */
static void check_bound(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t)
{
	if (!(t->holds & WH_QUIET_IF_UNBOUND))
		return;
	wh_creds_get(r, task);
	if (!wh_caprule_fork_asks(task))
		return;
	t->holds &= (uint8_t)~WH_QUIET_IF_UNBOUND;
	if (!t->loud && !wh_adaptive_fits(r, task, t))
		wh_adaptive_rouse(r, task, t);
}

/* To a program that asks whether it is filtered, our filters are none. */
static void hide_filters(const struct wh_recorder *r, const struct wh_task *task,
			 const struct wh_adaptive_task *t, struct __ptrace_syscall_info *info)
{
	const struct wh_call *call = &task->call;

	if (!wh_call_asks_seccomp(call) || !t->depth || t->no == WH_ADAPTIVE_OWN_FILTER ||
	    wh_adaptive_of(r)->base_filters > 0 || info->exit.is_error)
		return;
	info->exit.rval = SECCOMP_MODE_DISABLED;
	wh_call_answer(task, SECCOMP_MODE_DISABLED);
}

static unsigned own_filters(const struct wh_task *task)
{
	const struct wh_adaptive_task *t = task->watch;

	return t ? t->depth : 0;
}

static void visit_readers(void *data, struct wh_task *task)
{
	struct visit *v = data;

	if (task->watch && task->process == v->process)
		wh_adaptive_rouse(v->r, task, task->watch);
}

/* From now on each of its threads stops at each call. */
static void rouse_process(struct wh_recorder *r, const struct wh_task *task)
{
	struct visit v = {.r = r, .process = task->process};

	wh_task_each(r->tasks, visit_readers, &v);
}

static void hide_status(struct wh_recorder *r, struct wh_task *task,
			const struct __ptrace_syscall_info *info)
{
	if (wh_disguise_left(r, task, info->exit.rval, info->exit.is_error, own_filters))
		rouse_process(r, task);
}

static int learn(struct wh_recorder *r, const struct wh_task *task,
		 const struct wh_adaptive_task *t, const struct __ptrace_syscall_info *info)
{
	struct wh_adaptive *a = wh_adaptive_of(r);
	struct wh_quiet_item item;
	int k;

	/* What is answered ENOSYS must be seen each time: a profile says so of it, or does not. */
	if (!task->in_call ||
	    (info->op == PTRACE_SYSCALL_INFO_EXIT && info->exit.is_error &&
	     info->exit.rval == -ENOSYS) ||
	    !wh_quiet_ask(r, task, t->memory, &a->known, &item))
		return 0;
	k = wh_quiet_add(&a->known, &item);
	return k == -ENOMEM ? k : 0;
}

/* Count a stop of a loud thread. Return: whether it is hot. */
static bool warm(struct wh_adaptive_task *t, bool news)
{
	if (news) {
		t->heat = 0;
		return false;
	}
	if (!t->heat)
		t->heat_ms = wh_clock_ms();
	if (++t->heat < WH_ADAPTIVE_HEAT)
		return false;
	if (wh_clock_ms() - t->heat_ms <= WH_ADAPTIVE_MS)
		return true;
	t->heat = 0;
	return false;
}

/* The restart of a call that only our interrupt has ended is not the program's own call. */
static bool is_ours(struct wh_adaptive_task *t, const struct __ptrace_syscall_info *info)
{
	bool ours = t->restarting && info->entry.nr == SYS_restart_syscall;

	t->restarting = false;
	return ours;
}

/* Without a tracer, a child with our filters would be refused what they stop at. */
static void keep_children(struct wh_task *task, struct wh_adaptive_task *t)
{
	if (t->depth && task->in_call && task->call.row &&
	    task->call.row->irregular == WH_IRREGULAR_NAMESPACE)
		wh_follow_enter(task, &t->follow);
}

static int stop_entry(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t,
		      const struct __ptrace_syscall_info *info)
{
	uint64_t news = r->news;
	int err;

	t->between = true;
	t->look = t->let_go = false;
	if (is_ours(t, info))
		return 0;
	err = wh_call_enter(r, task, info);
	if (err < 0 || !task->in_call)
		return err;
	keep_children(task, t);
	wh_strict_entered(r, task);
	/* These have no return to be learnt at. */
	if (task->call.nr == SYS_exit || task->call.nr == SYS_exit_group)
		err = learn(r, task, t, info);
	wh_adaptive_code_entered(r, task, t);
	if (err >= 0 && t->n_children && t->execs >= WH_ADAPTIVE_EXECS)
		err = wh_adaptive_provide(r, task, t);
	if (err >= 0 && t->loud && warm(t, r->news != news) && !task->has_pending)
		err = wh_adaptive_hush(r, task, t);
	if (err >= 0 && t->wants && !t->loud && !task->has_pending)
		err = wh_adaptive_listen(r, task, t);
	return err;
}

/* A filter of the program's own asks for a tracer: without one it would have got ENOSYS. */
static void refuse(const struct wh_task *task)
{
	wh_call_answer(task, -ENOSYS);
}

/* A call that no filter could have let pass, but that has nothing to tell all the same: seen before. */
static int pass_late(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t)
{
	struct wh_adaptive *a = wh_adaptive_of(r);
	struct wh_quiet_item item;
	int k = wh_known_call(r, task);

	if (k == 0)
		k = wh_known_by_fact(r, task);
	if (k)
		return k < 0 ? k : 0;
	if (!wh_quiet_ask(r, task, t->memory, &a->known, &item))
		return 0;
	/* Of this very message it was seen. */
	item.conditions &= (uint8_t)~WH_QUIET_IF_UNMARKED;
	if (!wh_quiet_covers(&a->known, &item) || !wh_adaptive_holds(r, task, t, &item))
		return 0;
	a->passed++;
	wh_known_left(task);
	wh_decode_reset(&task->call);
	task->in_call = false;
	return 0;
}

static int stop_filter(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t,
		       const struct __ptrace_syscall_info *info)
{
	bool foreign = info->seccomp.ret_data != wh_adaptive_of(r)->data;
	bool known;
	int err = 0;

	if (!t->between) {
		if (is_ours(t, info))
			return 0;
		known = !foreign && !t->loud &&
			wh_recent_call(r, task, info->entry.nr, info->entry.args);
		wh_adaptive_asked(r, t, info->entry.nr, known);
		if (known) {
			wh_adaptive_of(r)->remembered++;
			return wh_call_lose(r, task);
		}
		err = wh_call_enter(r, task, info);
		if (err >= 0 && task->in_call && !wh_adaptive_code_entered(r, task, t) &&
		    !foreign && !t->loud)
			err = pass_late(r, task, t);
		keep_children(task, t);
	}
	if (foreign)
		refuse(task);
	t->let_go = task->in_call || t->between;
	return err;
}

static int stop_exit(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t,
		     const struct __ptrace_syscall_info *info)
{
	struct __ptrace_syscall_info seen = *info;
	bool creds =
		task->in_call && task->call.row && task->call.row->irregular == WH_IRREGULAR_CREDS;
	bool adjusts = task->process->adjusts_oom;
	uint64_t news = r->news;
	int err = learn(r, task, t, info);

	t->between = false;
	t->let_go = t->let_go && info->exit.rval == -ERESTARTSYS;
	wh_follow_restore(task, &t->follow);
	wh_adaptive_code_left(r, task, t);
	if (task->in_call) {
		hide_filters(r, task, t, &seen);
		hide_status(r, task, info);
		if (t->depth && t->no != WH_ADAPTIVE_OWN_FILTER && !wh_adaptive_of(r)->base_filters)
			wh_strict_left(task, &seen);
		watch_changes(r, task, &seen);
		if (err >= 0)
			err = wh_adaptive_refused(r, task, t, &seen);
	}
	if (err >= 0)
		err = wh_call_leave(r, task, &seen);
	if (!adjusts && task->process->adjusts_oom)
		rouse_process(r, task);
	if (creds)
		check_bound(r, task, t);
	if (t->loud)
		warm(t, r->news != news);
	return err;
}

static int adaptive_stop(struct wh_recorder *r, struct wh_task *task,
			 const struct __ptrace_syscall_info *info)
{
	struct wh_adaptive_task *t = wh_adaptive_state(r, task);
	int err = 0;

	if (!t)
		return -ENOMEM;
	/* Any stop takes back an interrupt that was still to come: JOBCTL_TRAP_STOP, kernel/signal.c. */
	t->roused = false;
	switch (info->op) {
	case PTRACE_SYSCALL_INFO_ENTRY:
		return stop_entry(r, task, t, info);
	case PTRACE_SYSCALL_INFO_SECCOMP:
		return stop_filter(r, task, t, info);
	case PTRACE_SYSCALL_INFO_EXIT:
		err = stop_exit(r, task, t, info);
		return err < 0 ? err : wh_adaptive_unhold(r, false);
	}
	return 0;
}

static enum __ptrace_request adaptive_resume(struct wh_recorder *r, struct wh_task *task)
{
	const struct wh_adaptive_task *t = task->watch;

	(void)r;
	return !t || t->loud || task->in_call || task->process->reads_status ||
			       task->process->adjusts_oom || t->wants || t->look
		       ? PTRACE_SYSCALL
		       : PTRACE_CONT;
}

const struct wh_engine wh_adaptive_engine = {
	.name = "adaptive",
	.about = "stops at each call until a thread has nothing new to tell, then only at what "
		 "could be news",
	.options = PTRACE_O_TRACESECCOMP,
	.check = adaptive_check,
	.start = adaptive_start,
	.born = wh_adaptive_born,
	.stop = adaptive_stop,
	.executed = wh_adaptive_executed,
	.exiting = wh_recent_leave,
	.signal = wh_adaptive_signal,
	.interrupted = adaptive_interrupted,
	.notified = wh_adaptive_notified,
	.resume = adaptive_resume,
	.tick = adaptive_tick,
	.finish = wh_adaptive_finish,
	.free = adaptive_free,
};
