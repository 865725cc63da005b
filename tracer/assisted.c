// SPDX-License-Identifier: Apache-2.0
/*
 * The assisted engine: calls with nothing to tell but their count and arguments (wh_decode_is_plain())
 * pass a seccomp filter, and BPF programs at their entry and return look whether such a call is known.
 * One that is not makes its thread stop right after it, by a SIGSTOP that nobody but the tracer sees.
 * All other calls stop by the filter.
 *
 * Where the order matters: a call is put into the set of the known only after it was decoded; news
 * stays in the thread's record until it was decoded; and what a record holds at the thread's end is
 * decoded then, among it the call that never returned.
 */
#include "tracer/engine.h"

#ifdef WH_HAVE_BPF

#include <inttypes.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/user.h>

#include "tracer/assisted.h"
#include "tracer/call.h"
#include "tracer/creds.h"
#include "tracer/follow.h"
#include "tracer/known.h"
#include "tracer/procfs.h"

#define PID_NS_INIT_INO 0xEFFFFFFCu /* include/linux/proc_ns.h */
#define STATUS_TEXT	4096
#define SI_FROM_KERNEL	0x80 /* SI_KERNEL */

struct watch {
	struct wh_assisted_kernel *kernel;
	uint64_t own_filters, own_mode; /* of seccomp, as the tracer has them */
	int failed;			/* -ENOMEM where it could not be returned */
};

/** struct own - of a task: task->watch. */
struct own {
	pid_t tid;    /* by which BPF knows it; exec by a thread changes it */
	bool watched; /* it does */
	bool plain;   /* stops at each call: it has a filter that may answer before ours */
	struct wh_follow follow; /* of the call in flight, or of the one that made it */
};

/* ---- start and end --------------------------------------------------------------------------- */

static int check(const struct wh_record_options *options, struct wh_error *e)
{
	struct stat st;

	(void)options;
	if (geteuid() != 0)
		return wh_error_set(e, EPERM, "--engine assisted: only root may load BPF programs");
	if (stat("/proc/self/ns/pid", &st) < 0 || st.st_ino != PID_NS_INIT_INO)
		return wh_error_set(e, ENOTSUP,
				    "--engine assisted: whittle is in a pid namespace (a "
				    "container), and BPF tells the ids of the outermost one");
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return wh_error_set(e, ENOTSUP,
				    "--engine assisted: the kernel does not describe its types "
				    "(CONFIG_DEBUG_INFO_BTF)");
	return 0;
}

static uint64_t status_field(struct wh_recorder *r, const char *who, const char *field)
{
	char name[32], text[STATUS_TEXT];
	uint64_t value = 0;

	snprintf(name, sizeof(name), "%s/status", who);
	if (wh_procfs_read(r->proc_fd, name, text, sizeof(text)) < 0 ||
	    wh_procfs_field(text, field, &value) < 0)
		return 0;
	return value;
}

static int start(struct wh_recorder *r, struct wh_launch *launch, struct wh_error *e)
{
	struct watch *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return wh_error_oom(e);
	r->watch = w;
	w->own_filters = status_field(r, "self", "Seccomp_filters");
	w->own_mode = status_field(r, "self", "Seccomp");
	err = wh_assisted_new(&w->kernel, e);
	if (err < 0)
		return err;
	wh_assisted_phase(w->kernel, r->phase);
	launch->filter = wh_assisted_filter(w->kernel);
	return 0;
}

static void free_watch(struct wh_recorder *r)
{
	struct watch *w = r->watch;

	if (w)
		wh_assisted_free(w->kernel);
	free(w);
	r->watch = NULL;
}

static int finish(struct wh_recorder *r, struct wh_run *run)
{
	static const char *const notes[] = {
		"a SIGSTOP of the tracer's own takes back a SIGCONT that waits blocked",
		"/proc/PID/status shows the tracer's seccomp filter, and seccomp's strict mode "
		"is refused because of it",
		"CLONE_UNTRACED is taken out of clone() and clone3(): such children are traced, "
		"too",
	};
	struct watch *w = r->watch;
	int k = 0;

	wh_assisted_detach(w->kernel);
	run->counts_partial =
		true; /* results of calls that are known at their entry are not seen */
	run->seccomp_mode = w->own_mode;
	for (size_t i = 0; i < WH_ARRAY_SIZE(notes) && k >= 0; i++)
		k = wh_trace_add_str(r->trace, &run->engine_notes, WH_LIMIT_NOTES, notes[i]);
	if (k >= 0 && wh_assisted_lost(w->kernel))
		k = wh_record_gap(r, NULL, "lost-news", "%" PRIu64 " calls",
				  wh_assisted_lost(w->kernel));
	if (k == -ENOMEM || w->failed)
		return -ENOMEM;
	return wh_assisted_add_counts(w->kernel, r->trace);
}

static int tick(struct wh_recorder *r)
{
	struct watch *w = r->watch;

	wh_assisted_phase(w->kernel, r->phase);
	return w->failed;
}

/* ---- tasks ----------------------------------------------------------------------------------- */

static struct own *own_of(struct wh_task *task)
{
	if (!task->watch) {
		struct own *own = calloc(1, sizeof(*own));

		task->watch = own;
	}
	return task->watch;
}

static void unwatch(struct watch *w, struct own *own)
{
	if (own->watched)
		wh_assisted_remove(w->kernel, own->tid);
	own->watched = false;
}

/* @task is stopped. Where BPF cannot take it, it stops at each call. */
static void watch_task(struct watch *w, struct wh_task *task, struct own *own)
{
	struct wh_watch_task state = {.program = (uintptr_t)task->process->program,
				      .tgid = (unsigned)task->process->tgid};

	unwatch(w, own);
	own->tid = task->tid;
	if (own->plain)
		return;
	own->watched = wh_assisted_put(w->kernel, own->tid, &state);
	own->plain = !own->watched;
}

static int born(struct wh_recorder *r, struct wh_task *task, struct wh_task *maker)
{
	struct watch *w = r->watch;
	struct own *own = task->watch, *parent = maker ? maker->watch : NULL;
	char tid[16];

	if (own && parent)
		own->follow = parent->follow;
	if (own) {
		own->plain = own->plain || (parent && parent->plain);
		return 0;
	}
	own = own_of(task);
	if (!own)
		return -ENOMEM;
	snprintf(tid, sizeof(tid), "%d", (int)task->tid);
	own->plain = parent ? parent->plain
			    : status_field(r, tid, "Seccomp_filters") > w->own_filters + 1;
	if (parent)
		own->follow = parent->follow;
	watch_task(w, task, own);
	return 0;
}

/* A new task's first stop: its registers are a copy of its maker's. */
static int interrupted(struct wh_recorder *r, struct wh_task *task)
{
	struct own *own = task->watch;

	(void)r;
	if (own)
		wh_follow_restore(task, &own->follow);
	return 0;
}

static int executed(struct wh_recorder *r, struct wh_task *task)
{
	struct own *own = own_of(task);

	if (!own)
		return -ENOMEM;
	watch_task(r->watch, task, own);
	return 0;
}

/* ---- news ------------------------------------------------------------------------------------ */

static int decode(struct wh_recorder *r, struct wh_task *task, const struct wh_watch_record *record)
{
	struct __ptrace_syscall_info info = {
		.op = PTRACE_SYSCALL_INFO_ENTRY,
		.arch = AUDIT_ARCH_X86_64,
		.instruction_pointer = record->ip,
		.stack_pointer = record->sp,
	};
	unsigned now = r->phase;
	int k;

	info.entry.nr = record->nr;
	for (size_t i = 0; i < WH_ARRAY_SIZE(info.entry.args); i++)
		info.entry.args[i] = record->arg[i];
	r->phase = record->phase; /* it counts for when it was entered */
	k = wh_call_enter(r, task, &info);
	r->phase = now;
	if (k < 0)
		return k;
	if (!record->returned)
		return wh_call_lose(r, task);
	info.op = PTRACE_SYSCALL_INFO_EXIT;
	info.exit.rval = record->ret;
	info.exit.is_error = record->ret < 0 && record->ret >= -4095;
	return wh_call_leave(r, task, &info);
}

/* Take what BPF has kept of @task, which is stopped or dead; with @last, also the call it is in. */
static int take(struct wh_recorder *r, struct wh_task *task, bool last)
{
	struct watch *w = r->watch;
	struct own *own = task->watch;
	struct wh_watch_task state;
	unsigned later;
	int k = 0;

	if (!own || !own->watched || !wh_assisted_get(w->kernel, own->tid, &state))
		return 0;
	/* The newer of two is in the second slot: that is used only while the first is full. */
	for (unsigned i = 0; i < WH_WATCH_SLOTS && k >= 0; i++) {
		if (!(state.asked & 1u << i))
			continue;
		k = decode(r, task, &state.record[i]);
		if (k >= 0)
			wh_assisted_learn(w->kernel, state.program, &state.record[i]);
	}
	later = state.asked;
	if (last && state.in_call && k >= 0)
		k = decode(r, task, &state.record[state.slot & 1]);
	state.asked = 0;
	if (last)
		unwatch(w, own);
	else if (later)
		wh_assisted_put(w->kernel, own->tid, &state);
	return k;
}

static int on_signal(struct wh_recorder *r, struct wh_task *task, int sig, int *ret_sig)
{
	siginfo_t si;

	if (sig != SIGSTOP)
		return 0;
	/* Nobody else in the kernel sends one. */
	if (ptrace(PTRACE_GETSIGINFO, task->tid, NULL, &si) == 0 && si.si_code == SI_FROM_KERNEL)
		*ret_sig = 0;
	return take(r, task, false);
}

static int exiting(struct wh_recorder *r, struct wh_task *task)
{
	return take(r, task, true);
}

static void gone(struct wh_recorder *r, struct wh_task *task)
{
	struct watch *w = r->watch;

	if (take(r, task, true) < 0)
		w->failed = -ENOMEM;
}

/* ---- stops ----------------------------------------------------------------------------------- */

static void now_plain(void *data, struct wh_task *task)
{
	const struct wh_task *filters = data;
	struct own *own = task->watch;

	if (own && task->process == filters->process)
		own->plain = true;
}

/*
 * What a filter of the program's own refuses passes neither ours nor BPF. From the entry on, as it may
 * be for all threads; those others go on so from their next stop.
 */
static void look_for_filter(struct wh_recorder *r, struct wh_task *task)
{
	const struct wh_call *call = &task->call;

	if (!call->row)
		return;
	if ((call->row->irregular == WH_IRREGULAR_SECCOMP && call->arg[0] <= 1) ||
	    (call->row->irregular == WH_IRREGULAR_PRCTL && call->arg[0] == PR_SET_SECCOMP))
		wh_task_each(r->tasks, now_plain, task);
}

static int entered(struct wh_recorder *r, struct wh_task *task,
		   const struct __ptrace_syscall_info *info)
{
	const struct wh_abi *abi = wh_syscall_abi_audit(info->arch, info->entry.nr);
	const char *name = abi ? wh_syscall_name(abi, info->entry.nr) : NULL;
	const struct wh_syscall_row *row = name ? wh_syscall_row(name) : NULL;
	struct own *own = task->watch;
	int k = 0;

	/* What is still to be taken is the old program's. */
	if (row && row->irregular == WH_IRREGULAR_EXEC)
		k = take(r, task, false);
	else if (own && own->plain && own->watched)
		k = take(r, task, true);
	if (k >= 0)
		k = wh_call_enter(r, task, info);
	if (k < 0)
		return k;
	look_for_filter(r, task);
	if (own)
		wh_follow_enter(task, &own->follow);
	return 0;
}

/* The filter is ours, so the program has none, unless it was seen to load one. */
static void hide_filter(const struct wh_task *task, const struct own *own)
{
	const struct wh_call *call = &task->call;

	if (own && !own->plain && task->in_call && call->row &&
	    call->row->irregular == WH_IRREGULAR_PRCTL && call->arg[0] == PR_GET_SECCOMP)
		ptrace(PTRACE_POKEUSER, task->tid, offsetof(struct user, regs.rax), 0);
}

/*
 * A filter of the program's own wants a tracer that there would not be: then the kernel answers ENOSYS
 * (__seccomp_filter() in kernel/seccomp.c).
 */
static void refuse_foreign(const struct wh_task *task, const struct __ptrace_syscall_info *info)
{
	if (info->seccomp.ret_data == WH_ASSISTED_DATA)
		return;
	ptrace(PTRACE_POKEUSER, task->tid, offsetof(struct user, regs.orig_rax), -1L);
	ptrace(PTRACE_POKEUSER, task->tid, offsetof(struct user, regs.rax), -(long)ENOSYS);
}

static int stop(struct wh_recorder *r, struct wh_task *task,
		const struct __ptrace_syscall_info *info)
{
	const struct watch *w = r->watch;
	struct own *own = task->watch;
	int k;

	switch (info->op) {
	case PTRACE_SYSCALL_INFO_ENTRY:
		return entered(r, task, info);
	case PTRACE_SYSCALL_INFO_SECCOMP:
		refuse_foreign(task, info);
		/* The stop at the entry was before. */
		if (task->in_call)
			return 0;
		k = entered(r, task, info);
		if (k < 0 || (own && own->plain))
			return k;
		k = wh_known_call(r, task);
		return k < 0 ? k : 0;
	case PTRACE_SYSCALL_INFO_EXIT:
		if (!w->own_mode)
			hide_filter(task, own);
		if (own)
			wh_follow_restore(task, &own->follow);
		return wh_call_leave(r, task, info);
	}
	return 0;
}

static enum __ptrace_request resume(struct wh_recorder *r, struct wh_task *task)
{
	struct watch *w = r->watch;
	struct own *own = task->watch;

	wh_assisted_phase(w->kernel, r->phase);
	/* A stop for another signal may come before the one that was asked for. */
	if (own && own->plain && own->watched && !task->in_call && take(r, task, true) < 0)
		w->failed = -ENOMEM;
	return task->in_call || !own || own->plain ? PTRACE_SYSCALL : PTRACE_CONT;
}

const struct wh_engine wh_assisted_engine = {
	.name = "assisted",
	.about = "BPF watches the calls that a filter lets pass: root only",
	.options = PTRACE_O_TRACESECCOMP,
	.check = check,
	.start = start,
	.born = born,
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
			    "--engine assisted: this whittle was built without it (it needs "
			    "x86_64, libbpf, clang and bpftool)");
}

const struct wh_engine wh_assisted_engine = {
	.name = "assisted",
	.about = "BPF watches the calls that a filter lets pass: root only",
	.check = check,
};

#endif
