// SPDX-License-Identifier: Apache-2.0
#include "tracer/newcomers.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "tracer/decode.h"
#include "tracer/outside.h"
#include "tracer/procfs.h"
#include "tracer/seize.h"

#define SLOW_TICKS                                                                                 \
	10 /* how often to look through /proc, which costs milliseconds where there are many processes */
#define REFUSED_MAX 64

struct wh_newcomers {
	struct wh_members *members;
	unsigned ticks;
	pid_t refused[REFUSED_MAX]; /* said once each */
	size_t n_refused;
};

struct wh_newcomers *wh_newcomers_new(struct wh_members *members)
{
	struct wh_newcomers *newcomers = calloc(1, sizeof(*newcomers));

	if (newcomers)
		newcomers->members = members;
	return newcomers;
}

void wh_newcomers_free(struct wh_newcomers *newcomers)
{
	free(newcomers);
}

/* The runtime's program is a file of the host's, or in memory: in the container there is none of that name that is the same. */
static bool has_outer_program(const struct wh_recorder *r, pid_t pid)
{
	char name[32], path[PATH_MAX];
	struct stat exe, inside;
	wh_auto(fd) root = -1;
	ssize_t n;

	snprintf(name, sizeof(name), "%d/root", (int)pid);
	root = openat(r->proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(name, sizeof(name), "%d/exe", (int)pid);
	n = readlinkat(r->proc_fd, name, path, sizeof(path) - 1);
	if (root < 0 || n < 1 || fstatat(r->proc_fd, name, &exe, 0) < 0)
		return false;
	path[n] = '\0';
	return fstatat(root, path + 1, &inside, AT_SYMLINK_NOFOLLOW) < 0 ||
	       inside.st_dev != exe.st_dev || inside.st_ino != exe.st_ino;
}

static int find(struct wh_recorder *r, struct wh_process *process)
{
	struct wh_task *task = wh_task_find(r->tasks, process->tgid);
	unsigned phase = r->phase;
	int err = 0;

	r->phase = WH_PHASE_FOUND;
	if (task) {
		err = wh_decode_found(r, task);
		if (err == 0)
			err = wh_decode_found_connections(r, task);
		process->executed = true;
	}
	if (err == 0)
		err = wh_record_gap(r, task, "joined-late", "%s",
				    process->program ? process->program : "?");
	r->phase = phase;
	return err == -ENOMEM ? err : 0;
}

static int receive(struct wh_recorder *r, pid_t pid)
{
	struct wh_process *process = wh_task_process(r->tasks, pid);
	pid_t tgid, ppid;

	if (!process)
		return 0;
	if (r->container_mnt_ino && has_outer_program(r, pid)) {
		wh_outside_put(process, WH_OUTSIDE_JOINING);
		return 0;
	}
	if (wh_procfs_ids(r->proc_fd, pid, &tgid, &ppid) == 0 && !wh_task_process(r->tasks, ppid))
		process->phase = WH_PHASE_EXEC;
	return find(r, process);
}

static int refuse(struct wh_newcomers *newcomers, const struct wh_recorder *r, pid_t pid, int why)
{
	struct wh_error e = {0};
	int err;

	for (size_t i = 0; i < newcomers->n_refused; i++)
		if (newcomers->refused[i] == pid)
			return 0;
	if (newcomers->n_refused == REFUSED_MAX)
		return 0;
	newcomers->refused[newcomers->n_refused++] = pid;
	wh_seize_refused(r, pid, why, &e);
	err = wh_trace_gap(r->trace, "not-seized", e.text, WH_PHASE_EXEC, NULL, r->run);
	return err == -ENOMEM ? err : 0;
}

int wh_newcomers_tick(struct wh_newcomers *newcomers, struct wh_recorder *r, unsigned long options)
{
	bool slow = newcomers->ticks++ % SLOW_TICKS == SLOW_TICKS - 1;
	const pid_t *pids;
	ssize_t n;
	int err = 0;

	if (!slow && !wh_members_is_quick(newcomers->members))
		return 0;
	n = wh_members_list(newcomers->members, !slow, &pids);
	if (n < 0)
		return (int)n;
	for (ssize_t i = 0; i < n && err == 0; i++) {
		int found = wh_task_process(r->tasks, pids[i])
				    ? 0
				    : wh_seize_round(r, pids[i], options);

		if (found > 0)
			err = receive(r, pids[i]);
		else if (found < 0 && found != -ESRCH)
			err = found == -ENOMEM ? found : refuse(newcomers, r, pids[i], found);
	}
	return err;
}
