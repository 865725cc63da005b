// SPDX-License-Identifier: Apache-2.0
/* What a program could notice of the assisted engine's filter, and does not. */
#ifdef WH_HAVE_BPF

#include <stddef.h>
#include <sys/prctl.h>
#include <sys/user.h>

#include "tracer/assisted_impl.h"
#include "tracer/disguise.h"
#include "tracer/procfs.h"
#include "tracer/strict.h"

#define STATUS_TEXT 4096

uint64_t wh_assisted_status(struct wh_recorder *r, pid_t tid, const char *field)
{
	char name[32], text[STATUS_TEXT];
	uint64_t value = 0;

	snprintf(name, sizeof(name), "%d/status", (int)tid);
	if (wh_procfs_read(r->proc_fd, name, text, sizeof(text)) < 0 ||
	    wh_procfs_field(text, field, &value) < 0)
		return 0;
	return value;
}

bool wh_assisted_filtered(struct wh_recorder *r, pid_t tid)
{
	const struct wh_assisted_watch *w = r->watch;

	return wh_assisted_status(r, tid, "Seccomp_filters") > w->own_filters + 1;
}

/* The one that the first process got at its launch, and all have inherited. */
static unsigned filters(const struct wh_task *task)
{
	(void)task;
	return 1;
}

struct visit {
	const struct wh_process *process;
	bool loud;
};

static void set_loud(void *data, struct wh_task *task)
{
	const struct visit *v = data;
	const struct wh_assisted_task *own = task->watch;

	if (task->process == v->process && own && own->slot)
		own->slot->loud = v->loud;
}

void wh_assisted_hide_status(struct wh_recorder *r, struct wh_task *task, int64_t ret, bool failed)
{
	struct visit v = {.process = task->process};
	bool before = v.process->reads_status;

	wh_disguise_left(r, task, ret, failed, filters);
	v.loud = v.process->reads_status;
	/* From now on BPF tells of each call of its threads, before they are back from it. */
	if (v.loud != before)
		wh_task_each(r->tasks, set_loud, &v);
}

static bool asks_for_mode(const struct wh_call *call)
{
	return call->row && call->row->irregular == WH_IRREGULAR_PRCTL &&
	       call->arg[0] == PR_GET_SECCOMP;
}

static bool sets_mode(const struct wh_call *call)
{
	return call->row &&
	       (call->row->irregular == WH_IRREGULAR_SECCOMP ||
		(call->row->irregular == WH_IRREGULAR_PRCTL && call->arg[0] == PR_SET_SECCOMP));
}

void wh_assisted_hide(struct wh_recorder *r, struct wh_task *task,
		      struct __ptrace_syscall_info *info)
{
	const struct wh_assisted_watch *w = r->watch;

	if (!task->in_call)
		return;
	wh_assisted_hide_status(r, task, info->exit.rval, info->exit.is_error);
	/* Those that there were before are not hidden from it. */
	if (w->own_mode || (!asks_for_mode(&task->call) && !sets_mode(&task->call)) ||
	    wh_assisted_filtered(r, task->tid))
		return;
	if (sets_mode(&task->call)) {
		wh_strict_left(task, info);
	} else if (!info->exit.is_error) {
		info->exit.rval = 0;
		ptrace(PTRACE_POKEUSER, task->tid, offsetof(struct user, regs.rax), 0);
	}
}

void wh_assisted_refuse_foreign(const struct wh_task *task,
				const struct __ptrace_syscall_info *info)
{
	if (info->seccomp.ret_data == WH_ASSISTED_DATA)
		return;
	ptrace(PTRACE_POKEUSER, task->tid, offsetof(struct user, regs.orig_rax), -1L);
	ptrace(PTRACE_POKEUSER, task->tid, offsetof(struct user, regs.rax), -(long)ENOSYS);
}

#endif
