// SPDX-License-Identifier: Apache-2.0
#include "tracer/seize.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/ptrace.h>

#include "tracer/launch.h"

/* Return: 1 seized, 0 it was ours already or is gone, -errno. */
static int seize_thread(struct wh_recorder *r, pid_t tid, unsigned long options)
{
	struct wh_task *task;
	int err;

	if (wh_task_find(r->tasks, tid))
		return 0;
	if (ptrace(PTRACE_SEIZE, tid, NULL, (void *)options) < 0)
		return errno == ESRCH ? 0 : -errno;
	/* ESRCH: it has died since, and its death comes by waitpid(). */
	ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
	err = wh_task_add(r, tid, NULL, &task);
	return err < 0 ? err : 1;
}

/* Return: how many were new, or -errno. */
static int seize_round(struct wh_recorder *r, pid_t pid, unsigned long options)
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
		found = seize_round(r, pid, options);
	} while (found > 0);
	if (found == 0 && !wh_task_process(r->tasks, pid))
		found = -ESRCH;
	if (found == -ESRCH)
		return wh_error_set(e, ESRCH, "process %d is gone", (int)pid);
	return found < 0 ? wh_launch_refused(pid, -found, e) : 0;
}
