// SPDX-License-Identifier: Apache-2.0
#include "tracer/oom.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>

#include "tracer/caprule.h"
#include "tracer/procfs.h"

#define NAME "oom_score_adj"

/* What the file says now, read anew. */
static bool read_value(struct wh_recorder *r, pid_t tid, int fd, int *ret_value)
{
	char link[48], text[32], *end;
	long value;

	snprintf(link, sizeof(link), "%d/fd/%d", (int)tid, fd);
	if (wh_procfs_read(r->proc_fd, link, text, sizeof(text)) <= 0)
		return false;
	value = strtol(text, &end, 10);
	*ret_value = (int)value;
	return end != text;
}

static void opened(struct wh_recorder *r, struct wh_task *task)
{
	const struct wh_call *call = &task->call;
	struct wh_process *process = task->process;
	uint64_t ino;
	int value;

	/* The flags are in number[0], for all ways to open. */
	if (call->err || call->ret < 0 || call->ret > INT_MAX ||
	    (call->number[0] & O_ACCMODE) == O_RDONLY || !call->place[0].valid ||
	    !call->place[0].path || !wh_procfs_is_named(call->place[0].path, NAME) ||
	    !wh_procfs_holds(r->proc_fd, task->tid, (int)call->ret, NAME, &ino) ||
	    !read_value(r, task->tid, (int)call->ret, &value))
		return;
	process->adjusts_oom = true;
	process->oom_ino = ino;
	process->oom_floor = value;
}

static int wrote(struct wh_recorder *r, struct wh_task *task)
{
	const struct wh_call *call = &task->call;
	struct wh_process *process = task->process;
	int floor = process->oom_floor, value;
	char what[64];
	uint64_t ino;

	if (!wh_procfs_holds(r->proc_fd, task->tid, (int)call->arg[0], NAME, &ino) ||
	    ino != process->oom_ino)
		return 0;
	if (!call->err) {
		if (!read_value(r, task->tid, (int)call->arg[0], &value) || value >= floor)
			return 0;
		process->oom_floor = value;
	}
	snprintf(what, sizeof(what), "set an oom_score_adj below %d", floor);
	return wh_caprule_afterwards(r, task, CAP_SYS_RESOURCE, false, WH_STRENGTH_LIKELY, what);
}

static bool one_of(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

int wh_oom_left(struct wh_recorder *r, struct wh_task *task)
{
	static const char *const writes[] = {"write", "pwrite64", "writev", "pwritev", "pwritev2"};
	static const char *const closes[] = {"close", "close_range", "dup2",
					     "dup3",  "execve",	     "execveat"};
	const struct wh_call *call = &task->call;

	if (!call->row)
		return 0;
	if (call->row->irregular == WH_IRREGULAR_OPEN)
		opened(r, task);
	else if (!task->process->adjusts_oom)
		return 0;
	else if (one_of(call->name, writes, WH_ARRAY_SIZE(writes)))
		return wrote(r, task);
	else if (one_of(call->name, closes, WH_ARRAY_SIZE(closes)))
		task->process->adjusts_oom = wh_procfs_holds_any(r->proc_fd, task->tid, NAME);
	return 0;
}

void wh_oom_inherit(struct wh_process *process, const struct wh_process *parent)
{
	process->adjusts_oom = parent->adjusts_oom;
	process->oom_ino = parent->oom_ino;
	process->oom_floor = parent->oom_floor;
}
