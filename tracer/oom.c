// SPDX-License-Identifier: Apache-2.0
#include "tracer/oom.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "tracer/caprule.h"
#include "tracer/procfs.h"

static bool is_named(const char *path)
{
	static const char name[] = "/oom_score_adj";
	size_t len = strlen(path), tail = sizeof(name) - 1;

	return wh_util_has_prefix(path, "/proc/") && len > tail &&
	       strcmp(path + len - tail, name) == 0;
}

/* Is descriptor @fd of @tid such a file? @ret_ino: which one */
static bool is_oom(struct wh_recorder *r, pid_t tid, int fd, uint64_t *ret_ino)
{
	char link[48], path[128];
	struct statfs fs;
	struct stat st;
	wh_auto(fd) file = -1;
	ssize_t n;

	snprintf(link, sizeof(link), "%d/fd/%d", (int)tid, fd);
	n = readlinkat(r->proc_fd, link, path, sizeof(path) - 1);
	if (n < 0)
		return false;
	path[n] = '\0';
	if (!is_named(path))
		return false;
	file = openat(r->proc_fd, link, O_PATH | O_CLOEXEC);
	if (file < 0 || fstatfs(file, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC ||
	    fstat(file, &st) < 0)
		return false;
	*ret_ino = st.st_ino;
	return true;
}

static bool any_oom(struct wh_recorder *r, pid_t tid)
{
	struct dirent *entry;
	uint64_t ino;
	bool found = false;
	DIR *dir;

	if (wh_procfs_fds(r->proc_fd, tid, &dir) < 0)
		return false;
	while (!found && (entry = readdir(dir)))
		found = entry->d_name[0] != '.' && is_oom(r, tid, atoi(entry->d_name), &ino);
	closedir(dir);
	return found;
}

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
	    !call->place[0].path || !is_named(call->place[0].path) ||
	    !is_oom(r, task->tid, (int)call->ret, &ino) ||
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

	if (!is_oom(r, task->tid, (int)call->arg[0], &ino) || ino != process->oom_ino)
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
		task->process->adjusts_oom = any_oom(r, task->tid);
	return 0;
}

void wh_oom_inherit(struct wh_process *process, const struct wh_process *parent)
{
	process->adjusts_oom = parent->adjusts_oom;
	process->oom_ino = parent->oom_ino;
	process->oom_floor = parent->oom_floor;
}
