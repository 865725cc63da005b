/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The adaptive engine: threads that make known calls with a path again and again sleep for them until they
 * are told to go on (tracer/notify.h), instead of stopping.
 *
 * What is not known must be decoded at a stop, before the call: a thread that waits for an answer can be
 * interrupted, and makes its call anew then, as if nothing had been (ERESTARTSYS), with a stop at its entry.
 * A signal interrupts it, too; and as such calls do not answer EINTR otherwise, they are not to because of
 * that either: they are made again after the signal's handler. That cannot be told from a known call that
 * was interrupted itself (a lease on a file that was opened before without one): that is made again, too.
 *
 * The listener is made by the thread, and is for some moments in its table of descriptors: so only threads
 * get one that nobody shares that table with. There can be but one listener on a thread: a program that
 * asks for one after us is refused, and there is a gap.
 */
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/user.h>

#include "tracer/adaptive.h"
#include "tracer/clock.h"
#include "tracer/gate.h"
#include "tracer/inject.h"
#include "tracer/known.h"
#include "tracer/recent.h"

#define HEAT	      256 /* known calls with a path … */
#define MS	      250 /* … within this time … */
#define MISSES	      16  /* … and at most one in so many of them was not */
#define TASKS_MAX     256 /* in more of them it is not looked for who shares descriptors */
#define KCMP_FILES    2	  /* include/uapi/linux/kcmp.h */
#define CODE_64	      0x33
#define RESTARTSYS    512 /* include/linux/errno.h: again, but only if the handler has SA_RESTART; */
#define RESTARTNOINTR 513 /* … always */

/* ---- when it is worth it --------------------------------------------------------------------- */

static bool is_told(const struct wh_adaptive_task *t, uint64_t nr)
{
	for (size_t i = 0; i < t->n_told; i++)
		if (t->told[i] == nr)
			return true;
	return false;
}

void wh_adaptive_asked(struct wh_recorder *r, struct wh_adaptive_task *t, uint64_t nr, bool known)
{
	const struct wh_adaptive *a = wh_adaptive_of(r);

	if (t->listened || t->wants || a->no_listener || !a->notify_works)
		return;
	if (known && !is_told(t, nr)) {
		if (t->n_told == WH_GATE_TOLD || nr >= sizeof(a->told) * 8)
			return;
		t->told[t->n_told++] = (uint16_t)nr;
	}
	if (!is_told(t, nr))
		return;
	if (!t->asked)
		t->asked_ms = wh_clock_ms();
	t->asked++;
	t->unknown += !known;
	if (t->asked < HEAT)
		return;
	t->wants = wh_clock_ms() - t->asked_ms <= MS && t->unknown * MISSES <= t->asked;
	t->asked = t->unknown = 0;
}

struct sharers {
	const struct wh_task *task;
	unsigned looked;
	bool shared;
};

static void visit_sharer(void *data, struct wh_task *task)
{
	struct sharers *s = data;

	if (s->shared || task->process == s->task->process)
		return;
	/* Not known is as good as shared. */
	s->shared = ++s->looked > TASKS_MAX ||
		    syscall(SYS_kcmp, s->task->tid, task->tid, KCMP_FILES, 0, 0) <= 0;
}

static bool has_own_files(struct wh_recorder *r, const struct wh_task *task)
{
	struct sharers s = {.task = task};

	if (task->process->refs != 1 || task->tid != task->process->tgid || task->vfork_child)
		return false;
	wh_task_each(r->tasks, visit_sharer, &s);
	return !s.shared;
}

/* ---- the filter ------------------------------------------------------------------------------ */

static int8_t flags_of(const struct wh_syscall_row *row)
{
	for (int8_t i = 0; i < 6; i++)
		if (row->irregular == WH_IRREGULAR_OPEN && row->arg[i] == WH_ARG_FLAGS)
			return i;
	return -1;
}

static int compile(struct wh_recorder *r, const struct wh_adaptive_task *t,
		   struct sock_fprog *ret_filter)
{
	struct wh_gate_told told[WH_GATE_TOLD];
	size_t n = 0;

	for (size_t i = 0; i < t->n_told; i++) {
		const char *name = wh_syscall_name(wh_syscall_abi_native(), t->told[i]);
		const struct wh_syscall_row *row = name ? wh_syscall_row(name) : NULL;

		if (row)
			told[n++] = (struct wh_gate_told){t->told[i], flags_of(row),
							  (uint32_t)wh_known_open_mask()};
	}
	return wh_gate_compile_told(told, n, &t->gate->inside, &t->gate->outside,
				    wh_adaptive_of(r)->data, ret_filter);
}

int wh_adaptive_listen(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t)
{
	struct wh_adaptive *a = wh_adaptive_of(r);
	struct wh_inject_result result = {0};
	struct sock_fprog filter;
	bool no_new_privs = false;
	enum wh_inject got;
	int err;

	t->wants = false;
	/* Whatever keeps it from it now most likely does so for good. */
	t->listened = true;
	if (!t->gate || !wh_notify_room(r->notify) || !has_own_files(r, task) ||
	    wh_adaptive_allowed(r, task, t, &no_new_privs) != WH_ADAPTIVE_MAY)
		return 0;
	err = compile(r, t, &filter);
	if (err < 0)
		return err == -ENOMEM ? err : 0;
	got = wh_inject_listener(task->tid, &filter, no_new_privs, &result);
	free(filter.filter);
	switch (got) {
	case WH_INJECT_DONE:
		a->filters++;
		a->listeners++;
		t->depth++;
		t->tells = true;
		for (size_t i = 0; i < t->n_told; i++)
			a->told[t->told[i] / 64] |= UINT64_C(1) << t->told[i] % 64;
		/* Nobody would answer. */
		if (result.listener < 0)
			return -EIO;
		if (!wh_notify_add(r->notify, result.listener))
			a->no_listener = true;
		break;
	case WH_INJECT_NOT_NOW:
		t->listened = false;
		t->wants = true;
		break;
	case WH_INJECT_DIED:
		task->has_pending = true;
		task->pending = result.died;
		break;
	case WH_INJECT_REFUSED:
		break;
	}
	return 0;
}

int wh_adaptive_notify_start(struct wh_recorder *r)
{
	r->notify = wh_notify_new();
	/* To let a call go on needs Linux 5.5, and SYS_pidfd_getfd 5.6. */
	wh_adaptive_of(r)->notify_works = syscall(SYS_pidfd_getfd, -1, -1, 0) < 0 && errno == EBADF;
	return r->notify ? 0 : -ENOMEM;
}

/* ---- answers --------------------------------------------------------------------------------- */

static bool hold(struct wh_adaptive *a, const struct wh_notified *n)
{
	if (a->hold_no_more || a->n_held == WH_ADAPTIVE_HELD)
		return false;
	a->held[a->n_held++] = *n;
	return true;
}

int wh_adaptive_notified(struct wh_recorder *r, const struct wh_notified *n)
{
	struct wh_task *task = wh_task_find(r->tasks, n->tid);
	struct wh_adaptive_task *t = task ? task->watch : NULL;

	if (!t) {
		wh_notify_go_on(r->notify, n);
		return wh_record_gap(r, NULL, "untraced-child", "made a call of number %llu",
				     (unsigned long long)n->nr) == -ENOMEM
			       ? -ENOMEM
			       : 0;
	}
	/* It was stopped at the entry of this very call. */
	if (t->between || task->in_call) {
		t->let_go = true;
		wh_notify_go_on(r->notify, n);
		return 0;
	}
	t->let_go = false;
	if (!t->loud && !t->look && wh_recent_call(r, task, n->nr, n->arg)) {
		wh_adaptive_of(r)->remembered++;
		wh_notify_go_on(r->notify, n);
		return 0;
	}
	/* While names change nothing is known; that is over sooner than a stop would be. */
	if (!t->loud && !t->look && r->changes.in_flight && !r->changes.slow &&
	    hold(wh_adaptive_of(r), n))
		return 0;
	t->look = true;
	ptrace(PTRACE_INTERRUPT, task->tid, NULL, NULL);
	return 0;
}

int wh_adaptive_unhold(struct wh_recorder *r, bool late)
{
	struct wh_adaptive *a = wh_adaptive_of(r);
	struct wh_notified held[WH_ADAPTIVE_HELD];
	size_t n = a->n_held;
	int err = 0;

	if (!r->changes.in_flight)
		a->hold_no_more = false;
	else if (!late || !n)
		return 0;
	else
		a->hold_no_more = true;
	memcpy(held, a->held, n * sizeof(*held));
	a->n_held = 0;
	for (size_t i = 0; i < n && err == 0; i++) {
		const struct wh_task *task = wh_task_find(r->tasks, held[i].tid);
		const struct wh_adaptive_task *t = task ? task->watch : NULL;

		/* Else it was interrupted: it is gone, or will ask again. */
		if (t && !t->between && !task->in_call)
			err = wh_adaptive_notified(r, &held[i]);
	}
	return err;
}

#ifdef __x86_64__
/* Whether some filter tells of it. */
static bool tells_of(const struct wh_recorder *r, uint64_t nr)
{
	const struct wh_adaptive *a = wh_adaptive_of(r);

	return nr < sizeof(a->told) * 8 && a->told[nr / 64] >> nr % 64 & 1;
}
#endif

int wh_adaptive_signal(struct wh_recorder *r, struct wh_task *task, int sig, int *ret_sig)
{
	struct wh_adaptive_task *t = task->watch;

	(void)sig;
	(void)ret_sig;
	if (!t || !t->tells)
		return 0;
#ifdef __x86_64__
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, task->tid, NULL, &regs) < 0 || regs.cs != CODE_64 ||
	    (long long)regs.rax != -RESTARTSYS || !tells_of(r, regs.orig_rax))
		return 0;
	/* It was told to go on, and the call itself was interrupted: that is between it and the program. */
	if (t->let_go) {
		t->look = true;
		return 0;
	}
	ptrace(PTRACE_POKEUSER, task->tid, offsetof(struct user_regs_struct, rax),
	       (long)-RESTARTNOINTR);
#endif
	return 0;
}

int wh_adaptive_refused(struct wh_recorder *r, struct wh_task *task,
			const struct wh_adaptive_task *t, const struct __ptrace_syscall_info *info)
{
	const struct wh_call *call = &task->call;
	int k;

	if (!call->row || call->row->irregular != WH_IRREGULAR_SECCOMP || !t->tells ||
	    !info->exit.is_error || info->exit.rval != -EBUSY ||
	    call->arg[0] != SECCOMP_SET_MODE_FILTER ||
	    !(call->arg[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER))
		return 0;
	k = wh_record_gap(r, task, "listener-refused", "%s",
			  task->process->program ? task->process->program : "?");
	return k == -ENOMEM ? k : 0;
}
