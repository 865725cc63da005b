// SPDX-License-Identifier: Apache-2.0
#include "tracer/seize.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/ptrace.h>

#include "tracer/launch.h"
#include "tracer/procfs.h"

/* Of one that is ours already the kernel says EPERM: it was made by one that we had seized, and tells of itself. */
bool wh_seize_is_ours(const struct wh_recorder *r, pid_t tid)
{
	uint64_t tracer;

	return wh_procfs_status(r->proc_fd, tid, "TracerPid", &tracer) == 0 &&
	       tracer == (uint64_t)getpid();
}

static bool is_dead(const struct wh_recorder *r, pid_t tid)
{
	char state = wh_procfs_state(r->proc_fd, tid);

	return !state || strchr("ZXx", state);
}

/* Return: 1 seized, 0 it was ours already or is gone, -errno. */
static int seize_thread(struct wh_recorder *r, pid_t tid, unsigned long options)
{
	struct wh_task *task;
	int err;

	if (wh_task_find(r->tasks, tid))
		return 0;
	if (ptrace(PTRACE_SEIZE, tid, NULL, (void *)options) < 0) {
		err = -errno;
		return err == -ESRCH || wh_seize_is_ours(r, tid) || is_dead(r, tid) ? 0 : err;
	}
	/* ESRCH: it has died since, and its death comes by waitpid(). */
	ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
	err = wh_task_add(r, tid, NULL, &task);
	if (err < 0)
		return err;
	task->interrupted = task->seized = true;
	return 1;
}

int wh_seize_round(struct wh_recorder *r, pid_t pid, unsigned long options)
{
	char path[32];
	struct dirent *d;
	int found = 0, err = 0, fd;
	DIR *dir;

	snprintf(path, sizeof(path), "%d/task", (int)pid);
	fd = openat(r->proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while (err >= 0 && (d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		err = seize_thread(r, (pid_t)strtol(d->d_name, NULL, 10), options);
		found += err > 0;
	}
	closedir(dir);
	return err < 0 ? err : found;
}

int wh_seize_process(struct wh_recorder *r, pid_t pid, unsigned long options, struct wh_error *e)
{
	int found;

	do {
		found = wh_seize_round(r, pid, options);
	} while (found > 0);
	if (found == 0 && !wh_task_process(r->tasks, pid))
		found = -ESRCH;
	return found < 0 ? wh_seize_refused(r, pid, found, e) : 0;
}

int wh_seize_refused(const struct wh_recorder *r, pid_t pid, int err, struct wh_error *e)
{
	char state = wh_procfs_state(r->proc_fd, pid);

	if (state == 'Z')
		return wh_error_set(e, ESRCH, "process %d has ended, and waits for its parent",
				    (int)pid);
	if (err == -ESRCH || !state)
		return wh_error_set(e, ESRCH, "process %d is gone", (int)pid);
	if (wh_procfs_is_kernel(r->proc_fd, pid))
		return wh_error_set(e, EINVAL,
				    "process %d is a thread of the kernel: it has no program",
				    (int)pid);
	return wh_launch_refused(pid, -err, e);
}
