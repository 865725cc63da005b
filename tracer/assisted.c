// SPDX-License-Identifier: Apache-2.0
/*
 * The assisted engine: calls that can just as well be decoded when they have returned (assisted_row.c)
 * pass a seccomp filter, and BPF programs at their entry and return look whether such a call is known:
 * the same program, phase, arguments and result, the same kind of socket, the same file. One that is not
 * makes its thread stop right after it, by a SIGSTOP that nobody but the tracer sees. All other calls stop
 * by the filter, before they are made.
 *
 * Where the order matters: a call is put into the set of the known only after it was decoded; news
 * stays in the thread's slot until it was decoded; and what a slot holds at the thread's end is decoded
 * then, among it the call that never returned.
 *
 * Slots are memory that tracer and kernel share. A child's is taken by BPF, before it has run, and is a
 * copy of its maker's as far as that matters: so births cost the tracer nothing, and no id of a thread is
 * ever asked for by BPF, which knows those of the outermost pid namespace only.
 */
#include "tracer/engine.h"

#ifdef WH_HAVE_BPF

#include <inttypes.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/stat.h>

#include "tracer/assisted_impl.h"
#include "tracer/bpf_start.h"
#include "tracer/call.h"
#include "tracer/inject.h"
#include "tracer/known.h"
#include "tracer/strict.h"

#define SWEEP	       256  /* so many slots more than tasks, and some have been left behind */
#define SI_FROM_KERNEL 0x80 /* SI_KERNEL */

/* ---- start and end --------------------------------------------------------------------------- */

static int check(const struct wh_record_options *options, struct wh_error *e)
{
	(void)options;
	return wh_bpf_start_check(e);
}

static int start(struct wh_recorder *r, const struct wh_record_options *options,
		 struct wh_launch *launch, struct wh_error *e)
{
	struct wh_assisted_watch *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return wh_error_oom(e);
	r->watch = w;
	w->container = options->container;
	w->own_filters = wh_assisted_status(r, getpid(), "Seccomp_filters");
	w->own_mode = wh_assisted_status(r, getpid(), "Seccomp");
	err = wh_assisted_new(&w->kernel, NULL, e);
	if (err < 0)
		return err;
	wh_assisted_tick(w->kernel, r->phase);
	launch->filter = wh_assisted_filter(w->kernel);
	return 0;
}

/*
 * A container's init may still do what takes privilege before it gives that up: so it puts our filter on itself,
 * and all that it becomes and makes has it, too.
 */
static int outside(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_assisted_watch *w = r->watch;
	struct wh_inject_result result;

	/* Who joins has none of ours, and nor has what it becomes. */
	if (task->process->outside == WH_OUTSIDE_JOINING)
		wh_assisted_guests(w->kernel);
	if (w->put || w->put_err || task->process->outside != WH_OUTSIDE_INIT)
		return 0;
	switch (wh_inject_process(task->tid, wh_assisted_filter(w->kernel), &result)) {
	case WH_INJECT_DONE:
		w->put = true;
		break;
	case WH_INJECT_REFUSED:
		w->put_err = result.err;
		break;
	case WH_INJECT_NOT_NOW:
		break;
	case WH_INJECT_DIED:
		task->has_pending = true;
		task->pending = result.died;
		break;
	}
	return 0;
}

/* The entrypoint, with all filters that it will begin with. Who joins later has none of ours. */
static void enter_container(struct wh_recorder *r, struct wh_task *task,
			    struct wh_assisted_task *own)
{
	struct wh_assisted_watch *w = r->watch;

	if (!w->put || task->process->phase)
		own->plain = true;
	if (w->inside || task->process->phase)
		return;
	w->inside = true;
	w->own_filters = wh_assisted_status(r, task->tid, "Seccomp_filters") - w->put;
	w->own_mode = w->own_filters ? SECCOMP_MODE_FILTER : SECCOMP_MODE_DISABLED;
}

static void free_watch(struct wh_recorder *r)
{
	struct wh_assisted_watch *w = r->watch;

	if (w)
		wh_assisted_free(w->kernel);
	free(w);
	r->watch = NULL;
}

static int note_slotless(struct wh_recorder *r, struct wh_run *run)
{
	const struct wh_assisted_watch *w = r->watch;
	char note[96];

	snprintf(note, sizeof(note), "%" PRIu64 " threads too many for BPF stopped at each call",
		 wh_assisted_slotless(w->kernel));
	return wh_trace_add_str(r->trace, &run->engine_notes, WH_LIMIT_NOTES, note);
}

static int note_unput(struct wh_recorder *r, struct wh_run *run)
{
	const struct wh_assisted_watch *w = r->watch;
	char note[160];

	snprintf(note, sizeof(note),
		 "the container's init got no filter, so that all stopped at each call: %s",
		 w->put_err ? strerror(w->put_err) : "it made no call before its entrypoint");
	return wh_trace_add_str(r->trace, &run->engine_notes, WH_LIMIT_NOTES, note);
}

static int finish(struct wh_recorder *r, struct wh_run *run)
{
	static const char *const notes[] = {
		"a SIGSTOP of the tracer's own takes back a SIGCONT that waits blocked",
		"CLONE_UNTRACED is taken out of clone() and clone3(): such children are traced, "
		"too",
	};
	struct wh_assisted_watch *w = r->watch;
	int k = 0;

	wh_assisted_detach(w->kernel);
	run->counts_partial =
		true; /* results of calls that are known at their entry are not seen */
	run->seccomp_mode = w->own_mode;
	for (size_t i = 0; i < WH_ARRAY_SIZE(notes) && k >= 0; i++)
		k = wh_trace_add_str(r->trace, &run->engine_notes, WH_LIMIT_NOTES, notes[i]);
	if (k >= 0 && wh_assisted_slotless(w->kernel))
		k = note_slotless(r, run);
	if (k >= 0 && wh_assisted_lost(w->kernel))
		k = wh_record_gap(r, NULL, "lost-news", "%" PRIu64 " calls",
				  wh_assisted_lost(w->kernel));
	if (k >= 0 && w->container && !w->put)
		k = note_unput(r, run);
	if (k == -ENOMEM || w->failed)
		return -ENOMEM;
	return wh_assisted_add_counts(w->kernel, r->trace);
}

/* Slots of children that died before anyone was told of them. */
static void sweep(struct wh_recorder *r)
{
	struct wh_assisted_watch *w = r->watch;
	unsigned n = wh_assisted_in_use(w->kernel);

	if (n <= wh_task_count(r->tasks) + SWEEP)
		return;
	for (unsigned i = 0; i < WH_WATCH_SLOTS; i++) {
		struct wh_watch_slot *slot = wh_assisted_slot(w->kernel, i);

		if (slot->tid && !wh_task_find(r->tasks, (pid_t)slot->tid) &&
		    kill((pid_t)slot->tid, 0) < 0 && errno == ESRCH)
			wh_assisted_release(w->kernel, slot);
	}
}

static int tick(struct wh_recorder *r)
{
	struct wh_assisted_watch *w = r->watch;

	wh_assisted_tick(w->kernel, r->phase);
	sweep(r);
	return w->failed;
}

/* ---- tasks ----------------------------------------------------------------------------------- */

static struct wh_assisted_task *own_of(struct wh_task *task)
{
	if (!task->watch) {
		struct wh_assisted_task *own = calloc(1, sizeof(*own));

		task->watch = own;
	}
	return task->watch;
}

/* Further ones cannot be told apart: their tasks are traced at each call. */
static bool program_number(struct wh_assisted_watch *w, const char *program, unsigned *ret_number)
{
	unsigned i = 0;

	while (i < w->n_programs && w->program[i] != program)
		i++;
	if (i == WH_ASSISTED_PROGRAMS)
		return false;
	if (i == w->n_programs)
		w->program[w->n_programs++] = program;
	*ret_number = i;
	return true;
}

/* @task is stopped, and has executed. Where BPF cannot take it, it stops at each call. */
static void watch_program(struct wh_assisted_watch *w, struct wh_task *task,
			  struct wh_assisted_task *own)
{
	unsigned number;

	if (!own->slot && !own->plain)
		own->slot = wh_assisted_give(w->kernel, task->tid);
	if (!own->slot)
		return;
	wh_assisted_count(w->kernel, own->slot);
	wh_assisted_name(w->kernel, own->slot, task->tid);
	if (program_number(w, task->process->program, &number))
		own->slot->program = number;
	else
		own->plain = true;
	own->slot->plain = own->plain;
}

/* A child is there, so that its maker's call will have been a success: its return need not be seen. */
static int end_call(struct wh_recorder *r, struct wh_task *maker, const struct wh_task *child)
{
	const struct wh_assisted_task *own = maker->watch;
	struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_EXIT};

	if (!own || !own->slot || own->plain || own->follow.in_register || own->follow.in_memory)
		return 0;
	info.exit.rval = child->tid;
	if (maker->in_call)
		wh_assisted_hide_status(r, maker, child->tid, false);
	return wh_assisted_leave(r, maker, &info);
}

static int born(struct wh_recorder *r, struct wh_task *task, struct wh_task *maker)
{
	struct wh_assisted_watch *w = r->watch;
	struct wh_assisted_task *own = task->watch, *parent = maker ? maker->watch : NULL;
	bool known = own;

	own = own_of(task);
	if (!own)
		return -ENOMEM;
	if (parent)
		own->follow = parent->follow;
	if (!own->slot)
		own->slot = wh_assisted_find(w->kernel, task->tid, parent ? parent->slot : NULL);
	if (parent && parent->plain)
		own->plain = true;
	else if (!known && own->slot)
		own->plain = own->slot->plain;
	else if (!known && !parent && !task->process->outside)
		own->plain = wh_assisted_filtered(r, task->tid);
	return maker ? end_call(r, maker, task) : 0;
}

/* A new task's first stop: its registers are a copy of its maker's. */
static int interrupted(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_assisted_task *own = task->watch;

	(void)r;
	if (own)
		wh_follow_restore(task, &own->follow);
	return 0;
}

/* ---- signals and ends -------------------------------------------------------------------------- */

static int on_signal(struct wh_recorder *r, struct wh_task *task, int sig, int *ret_sig)
{
	siginfo_t si;

	/* Nobody else in the kernel sends one. */
	if (sig == SIGSTOP && ptrace(PTRACE_GETSIGINFO, task->tid, NULL, &si) == 0 &&
	    si.si_code == SI_FROM_KERNEL)
		*ret_sig = 0;
	/* Another signal may come first: behind its handler's frame no caller is seen any more. */
	return wh_assisted_take(r, task, false);
}

static int exiting(struct wh_recorder *r, struct wh_task *task)
{
	wh_assisted_note_change(r, task);
	return wh_assisted_take(r, task, true);
}

static void gone(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_assisted_watch *w = r->watch;
	struct wh_assisted_task *own = task->watch;

	if (wh_assisted_take(r, task, true) < 0)
		w->failed = -ENOMEM;
	if (own && own->slot)
		wh_assisted_release(w->kernel, own->slot);
	if (own)
		own->slot = NULL;
}

/* ---- stops ----------------------------------------------------------------------------------- */

static void now_plain(void *data, struct wh_task *task)
{
	const struct wh_task *filters = data;
	struct wh_assisted_task *own = task->watch;

	if (own && task->process == filters->process)
		own->plain = true;
}

/*
 * What a filter of the program's own refuses passes neither ours nor BPF. From the entry on, as it may
 * be for all threads; those others go on so from their next stop.
 */
static void look_for_filter(struct wh_recorder *r, struct wh_task *task)
{
	if (wh_call_sets_seccomp(&task->call))
		wh_task_each(r->tasks, now_plain, task);
}

static int entered(struct wh_recorder *r, struct wh_task *task,
		   const struct __ptrace_syscall_info *info)
{
	struct wh_assisted_task *own = task->watch;
	/* A SIGCONT may have taken back the stop that this was for. */
	int k = wh_assisted_take(r, task, false);

	if (own && own->slot)
		own->slot->decoded = (unsigned)info->entry.nr + 1;
	if (k >= 0)
		k = wh_call_enter(r, task, info);
	if (k < 0)
		return k;
	wh_strict_entered(r, task);
	wh_assisted_note_change(r, task);
	look_for_filter(r, task);
	if (own)
		wh_follow_enter(task, &own->follow);
	return 0;
}

static int stop(struct wh_recorder *r, struct wh_task *task,
		const struct __ptrace_syscall_info *info)
{
	struct __ptrace_syscall_info seen = *info;
	struct wh_assisted_task *own = task->watch;
	int k;

	switch (info->op) {
	case PTRACE_SYSCALL_INFO_ENTRY:
		return entered(r, task, info);
	case PTRACE_SYSCALL_INFO_SECCOMP:
		wh_assisted_refuse_foreign(task, info);
		/* The stop at the entry was before. */
		if (task->in_call)
			return 0;
		k = entered(r, task, info);
		if (k < 0 || (own && own->plain))
			return k;
		k = wh_known_call(r, task);
		return k < 0 ? k : 0;
	case PTRACE_SYSCALL_INFO_EXIT:
		wh_assisted_hide(r, task, &seen);
		if (own)
			wh_follow_restore(task, &own->follow);
		wh_assisted_note_change(r, task);
		return wh_assisted_leave(r, task, &seen);
	}
	return 0;
}

/* Nothing but its result, which is known now, comes at the return. */
static int executed(struct wh_recorder *r, struct wh_task *task)
{
	const struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_EXIT};
	struct wh_assisted_watch *w = r->watch;
	struct wh_assisted_task *own = own_of(task);

	if (!own)
		return -ENOMEM;
	if (w->container)
		enter_container(r, task, own);
	watch_program(w, task, own);
	if (own->plain || !own->slot)
		return 0;
	if (task->in_call)
		wh_assisted_hide_status(r, task, 0, false);
	return wh_assisted_leave(r, task, &info);
}

static enum __ptrace_request resume(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_assisted_watch *w = r->watch;
	struct wh_assisted_task *own = task->watch;

	wh_assisted_phase(w->kernel, r->phase);
	/* It has a filter of its own by now. */
	if (own && own->plain && own->slot && !own->slot->plain && !task->in_call) {
		if (wh_assisted_take(r, task, true) < 0)
			w->failed = -ENOMEM;
		own->slot->plain = 1;
	}
	return task->in_call || !own || !own->slot || own->plain ? PTRACE_SYSCALL : PTRACE_CONT;
}

const struct wh_engine wh_assisted_engine = {
	.name = "assisted",
	.about = "BPF keeps what is known, and only what could be news stops",
	.options = PTRACE_O_TRACESECCOMP,
	.check = check,
	.start = start,
	.born = born,
	.outside = outside,
	.stop = stop,
	.executed = executed,
	.exiting = exiting,
	.signal = on_signal,
	.interrupted = interrupted,
	.resume = resume,
	.tick = tick,
	.gone = gone,
	.finish = finish,
	.free = free_watch,
};

#else

static int check(const struct wh_record_options *options, struct wh_error *e)
{
	(void)options;
	return wh_error_set(e, ENOTSUP,
			    "this whittle was built without it (it needs "
			    "x86_64, libbpf, clang and bpftool)");
}

const struct wh_engine wh_assisted_engine = {
	.name = "assisted",
	.about = "BPF keeps what is known, and only what could be news stops",
	.check = check,
};

#endif
