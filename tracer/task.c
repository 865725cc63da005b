// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>

#include "tracer/argv.h"
#include "tracer/creds.h"
#include "tracer/decode.h"
#include "tracer/known.h"
#include "tracer/outside.h"
#include "tracer/oom.h"
#include "tracer/procfs.h"
#include "tracer/task.h"

#define BUCKETS 1024 /* a power of two; ids are handed out in sequence, so the low bits spread */

struct wh_tasks {
	struct wh_task *task[BUCKETS];
	struct wh_process *process[BUCKETS];
	size_t n, peak;
	uint64_t total;
	void (*removed)(void *data, struct wh_task *task);
	void *removed_data;
};

static size_t bucket(pid_t id)
{
	return (size_t)id & (BUCKETS - 1);
}

struct wh_tasks *wh_task_table_new(void)
{
	return calloc(1, sizeof(struct wh_tasks));
}

size_t wh_task_count(const struct wh_tasks *tasks)
{
	return tasks->n;
}

size_t wh_task_peak(const struct wh_tasks *tasks)
{
	return tasks->peak;
}

void wh_task_peak_reset(struct wh_tasks *tasks)
{
	tasks->peak = tasks->n;
}

uint64_t wh_task_total(const struct wh_tasks *tasks)
{
	return tasks->total;
}

struct wh_task *wh_task_find(const struct wh_tasks *tasks, pid_t tid)
{
	struct wh_task *task = tasks->task[bucket(tid)];

	while (task && task->tid != tid)
		task = task->next;
	return task;
}

struct wh_process *wh_task_process(const struct wh_tasks *tasks, pid_t tgid)
{
	struct wh_process *process = tasks->process[bucket(tgid)];

	while (process && process->tgid != tgid)
		process = process->next;
	return process;
}

void wh_task_each_process(const struct wh_tasks *tasks,
			  void (*each)(void *data, const struct wh_process *process), void *data)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct wh_process *p = tasks->process[i]; p; p = p->next)
			each(data, p);
}

static void process_unref(struct wh_tasks *tasks, struct wh_process *process)
{
	struct wh_process **p = &tasks->process[bucket(process->tgid)];

	if (--process->refs)
		return;
	while (*p != process)
		p = &(*p)->next;
	*p = process->next;
	wh_argv_free(&process->argv);
	free(process);
}

static struct wh_process *process_new(struct wh_tasks *tasks, pid_t tgid)
{
	struct wh_process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	process->tgid = tgid;
	process->next = tasks->process[bucket(tgid)];
	tasks->process[bucket(tgid)] = process;
	return process;
}

/*
 * What a new process runs is what its parent runs. Where the parent is not known (it has died, or
 * CLONE_PARENT gave the child to another), the kernel is asked.
 */
static int process_fill(struct wh_recorder *r, struct wh_process *process,
			const struct wh_process *parent)
{
	wh_auto(str) path = NULL;

	process->reads_status = parent && parent->reads_status;
	process->knows_caps = !parent || parent->knows_caps;
	if (parent)
		wh_oom_inherit(process, parent);
	if (parent && parent->program) {
		process->program = parent->program;
		return wh_argv_set(&process->argv, parent->argv.v, parent->argv.n);
	}
	if (wh_procfs_exe(r->proc_fd, process->tgid, &path) < 0)
		return 0;
	process->program = wh_trace_intern(r->trace, path);
	return process->program ? 0 : -ENOMEM;
}

/* A signal of 0 to a thread of a group is the cheapest way to ask whether it is one of that group. */
static bool is_thread_of(pid_t tid, pid_t tgid)
{
	return syscall(SYS_tgkill, tgid, tid, 0) == 0;
}

static int find_process(struct wh_recorder *r, pid_t tid, const struct wh_task *maker,
			struct wh_process **ret_process)
{
	const struct wh_process *parent = maker ? maker->process : NULL;
	pid_t tgid = tid, ppid = 0;
	struct wh_process *process;
	int err;

	if (parent && is_thread_of(tid, parent->tgid)) {
		tgid = parent->tgid;
	} else if (!parent) {
		/* A failure means that it is dying: then it is its own process until it is gone. */
		if (wh_procfs_ids(r->proc_fd, tid, &tgid, &ppid) == 0)
			parent = wh_task_process(r->tasks, ppid);
		else
			tgid = tid;
	}
	process = wh_task_process(r->tasks, tgid);
	if (!process) {
		process = process_new(r->tasks, tgid);
		if (!process)
			return -ENOMEM;
		err = process_fill(r, process, parent);
		if (parent)
			wh_outside_inherit(process, parent);
		if (err < 0) {
			process->refs = 1;
			process_unref(r->tasks, process);
			return err;
		}
	}
	*ret_process = process;
	return 0;
}

int wh_task_add(struct wh_recorder *r, pid_t tid, const struct wh_task *maker,
		struct wh_task **ret_task)
{
	struct wh_task *task = wh_task_find(r->tasks, tid);
	struct wh_process *process = NULL;
	int err;

	if (task) {
		*ret_task = task;
		return 0;
	}
	task = calloc(1, sizeof(*task));
	if (!task)
		return -ENOMEM;
	err = find_process(r, tid, maker, &process);
	if (err < 0) {
		free(task);
		return err;
	}
	process->refs++;
	task->tid = tid;
	task->process = process;
	/* It has its maker's root, too. */
	if (maker) {
		task->root_known = maker->root_known;
		task->root = maker->root;
		task->root_at = maker->root_at;
	}
	task->next = r->tasks->task[bucket(tid)];
	r->tasks->task[bucket(tid)] = task;
	r->tasks->n++;
	if (r->tasks->n > r->tasks->peak)
		r->tasks->peak = r->tasks->n;
	r->tasks->total++;
	*ret_task = task;
	return 0;
}

static void unlink_task(struct wh_tasks *tasks, struct wh_task *task)
{
	struct wh_task **p = &tasks->task[bucket(task->tid)];

	while (*p != task)
		p = &(*p)->next;
	*p = task->next;
}

void wh_task_on_remove(struct wh_tasks *tasks, void (*removed)(void *data, struct wh_task *task),
		       void *data)
{
	tasks->removed = removed;
	tasks->removed_data = data;
}

void wh_task_each(const struct wh_tasks *tasks, void (*each)(void *data, struct wh_task *task),
		  void *data)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct wh_task *task = tasks->task[i]; task; task = task->next)
			each(data, task);
}

void wh_task_remove(struct wh_tasks *tasks, struct wh_task *task)
{
	if (tasks->removed)
		tasks->removed(tasks->removed_data, task);
	wh_known_left(task);
	unlink_task(tasks, task);
	tasks->n--;
	process_unref(tasks, task->process);
	wh_decode_reset(&task->call);
	wh_creds_free(&task->creds);
	free(task->watch);
	free(task);
}

void wh_task_remove_process(struct wh_tasks *tasks, struct wh_process *process)
{
	size_t left = process->refs;

	for (size_t i = 0; i < BUCKETS && left; i++) {
		struct wh_task *next;

		for (struct wh_task *task = tasks->task[i]; task && left; task = next) {
			next = task->next;
			if (task->process != process)
				continue;
			/* With the last of them the process is freed. */
			left--;
			wh_task_remove(tasks, task);
		}
	}
}

void wh_task_rename(struct wh_tasks *tasks, struct wh_task *task, pid_t tid)
{
	struct wh_task *leader = wh_task_find(tasks, tid);

	if (leader == task)
		return;
	if (leader)
		wh_task_remove(tasks, leader);
	unlink_task(tasks, task);
	task->tid = tid;
	task->next = tasks->task[bucket(tid)];
	tasks->task[bucket(tid)] = task;
}

void wh_task_remove_left(struct wh_tasks *tasks)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct wh_task *next;

		for (struct wh_task *task = tasks->task[i]; task; task = next) {
			next = task->next;
			if (task->left)
				wh_task_remove(tasks, task);
		}
	}
}

void wh_task_table_free(struct wh_tasks *tasks)
{
	if (!tasks)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (tasks->task[i])
			wh_task_remove(tasks, tasks->task[i]);
	free(tasks);
}
