// SPDX-License-Identifier: Apache-2.0
/* What a program could notice of the assisted engine's filter, and does not. */
#ifdef WH_HAVE_BPF

#include "tracer/assisted_impl.h"
#include "tracer/call.h"
#include "tracer/disguise.h"
#include "tracer/procfs.h"
#include "tracer/strict.h"

uint64_t wh_assisted_status(struct wh_recorder *r, pid_t tid, const char *field)
{
	uint64_t value;

	return wh_procfs_status(r->proc_fd, tid, field, &value) < 0 ? 0 : value;
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

static bool is_loud(const struct wh_task *task)
{
	return task->process->reads_status || task->process->adjusts_oom;
}

void wh_assisted_hide_status(struct wh_recorder *r, struct wh_task *task, int64_t ret, bool failed)
{
	struct visit v = {.process = task->process};
	bool before = is_loud(task);

	wh_disguise_left(r, task, ret, failed, filters);
	v.loud = is_loud(task);
	/* From now on BPF tells of each call of its threads, before they are back from it. */
	if (v.loud != before)
		wh_task_each(r->tasks, set_loud, &v);
}

int wh_assisted_leave(struct wh_recorder *r, struct wh_task *task,
		      const struct __ptrace_syscall_info *info)
{
	struct visit v = {.process = task->process};
	bool before = is_loud(task);
	int err = wh_call_leave(r, task, info);

	v.loud = is_loud(task);
	if (v.loud != before)
		wh_task_each(r->tasks, set_loud, &v);
	return err;
}

void wh_assisted_hide(struct wh_recorder *r, struct wh_task *task,
		      struct __ptrace_syscall_info *info)
{
	const struct wh_assisted_watch *w = r->watch;

	if (!task->in_call)
		return;
	wh_assisted_hide_status(r, task, info->exit.rval, info->exit.is_error);
	/* Those that there were before are not hidden from it. */
	if (w->own_mode ||
	    (!wh_call_asks_seccomp(&task->call) && !wh_call_sets_seccomp(&task->call)) ||
	    wh_assisted_filtered(r, task->tid))
		return;
	if (wh_call_sets_seccomp(&task->call)) {
		wh_strict_left(task, info);
	} else if (!info->exit.is_error) {
		info->exit.rval = 0;
		wh_call_answer(task, 0);
	}
}

void wh_assisted_refuse_foreign(const struct wh_task *task,
				const struct __ptrace_syscall_info *info)
{
	if (info->seccomp.ret_data != WH_ASSISTED_DATA)
		wh_call_answer(task, -ENOSYS);
}

#endif
