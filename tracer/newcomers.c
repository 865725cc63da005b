// SPDX-License-Identifier: Apache-2.0
#include "tracer/newcomers.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "tracer/arrivals.h"
#include "tracer/decode.h"
#include "tracer/outside.h"
#include "tracer/procfs.h"
#include "tracer/seize.h"
#include "whittle/escape.h"

#define SLOW_TICKS                                                                                 \
	10 /* how often to look through /proc, which costs milliseconds where there are many processes */
#define REFUSED_MAX 64

struct wh_newcomers {
	struct wh_members *members;
	struct wh_arrivals *arrivals; /* or NULL */
	bool seizes;
	unsigned long options;
	unsigned ticks;
	pid_t refused[REFUSED_MAX]; /* said once each */
	size_t n_refused;
	uint64_t lost; /* of the arrivals, as far as told */
};

static int gap(struct wh_recorder *r, const char *kind, const char *detail)
{
	int err = wh_trace_gap(r->trace, kind, detail, WH_PHASE_EXEC, NULL, r->run);

	return err == -ENOMEM ? err : 0;
}

static int listen_to_kernel(struct wh_newcomers *newcomers, struct wh_recorder *r)
{
	struct wh_arrivals_place place;
	struct wh_error e = {0};
	int err = -ENOTSUP;

	if (wh_members_place(newcomers->members, &place.pid_ns, &place.mnt_ns))
		err = wh_arrivals_new(&place, &newcomers->arrivals, &e);
	else
		wh_error_set(&e, ENOTSUP, "it has neither a pid nor a mount namespace of its own");
	if (err == -ENOMEM)
		return err;
	return err < 0 ? gap(r, "unheard", e.text) : 0;
}

int wh_newcomers_new(struct wh_members *members, struct wh_recorder *r, bool seizes,
		     unsigned long options, struct wh_newcomers **ret)
{
	struct wh_newcomers *newcomers = calloc(1, sizeof(*newcomers));
	int err = 0;

	if (!newcomers)
		return -ENOMEM;
	newcomers->members = members;
	newcomers->seizes = seizes;
	newcomers->options = options;
	if (wh_members_is_open(members))
		err = listen_to_kernel(newcomers, r);
	if (err < 0) {
		wh_newcomers_free(newcomers);
		return err;
	}
	*ret = newcomers;
	return 0;
}

void wh_newcomers_free(struct wh_newcomers *newcomers)
{
	if (!newcomers)
		return;
	wh_arrivals_free(newcomers->arrivals);
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
		process->knows_caps = true;
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

/* Whether it was said before; of more than can be kept it is not said. */
static bool was_refused(struct wh_newcomers *newcomers, pid_t pid)
{
	for (size_t i = 0; i < newcomers->n_refused; i++)
		if (newcomers->refused[i] == pid)
			return true;
	if (newcomers->n_refused == REFUSED_MAX)
		return true;
	newcomers->refused[newcomers->n_refused++] = pid;
	return false;
}

static int refuse(struct wh_newcomers *newcomers, struct wh_recorder *r, pid_t pid, int why)
{
	struct wh_error e = {0};

	if (was_refused(newcomers, pid))
		return 0;
	wh_seize_refused(r, pid, why, &e);
	return gap(r, "not-seized", e.text);
}

static bool is_known(const struct wh_recorder *r, pid_t pid)
{
	return wh_task_process(r->tasks, pid) || wh_seize_is_ours(r, pid);
}

/* Return: 1 when it is ours now, 0 when there is nothing to be had of it, -ENOMEM, or why it was refused. */
static int take(struct wh_newcomers *newcomers, struct wh_recorder *r, pid_t pid)
{
	int found = wh_seize_round(r, pid, newcomers->options), err;

	if (found <= 0)
		return found == -ESRCH ? 0 : found;
	err = receive(r, pid);
	return err < 0 ? err : 1;
}

/* ---- told by the kernel ---------------------------------------------------------------------- */

static int tell_unjoined(struct wh_recorder *r, const char *program)
{
	wh_auto(str) text = wh_escape_utf8(program);

	return text ? gap(r, "unjoined", text) : -ENOMEM;
}

/* Of one that is ours now: what it has executed before. Of what it is now, receive() has told. */
static int tell_late(struct wh_recorder *r, const struct wh_arrival *arrival)
{
	const struct wh_process *process = wh_task_process(r->tasks, arrival->pid);
	wh_auto(str) text = wh_escape_utf8(arrival->program);

	if (!text)
		return -ENOMEM;
	return process && wh_util_streq(process->program, text) ? 0 : gap(r, "joined-late", text);
}

static int arrive(struct wh_newcomers *newcomers, struct wh_recorder *r,
		  const struct wh_arrival *arrival)
{
	int k = 0;

	if (is_known(r, arrival->pid))
		return arrival->program ? tell_late(r, arrival) : 0;
	/* Its number may be somebody else's by now. */
	if (newcomers->seizes && wh_members_has(newcomers->members, arrival->pid))
		k = take(newcomers, r, arrival->pid);
	if (k > 0)
		return arrival->program ? tell_late(r, arrival) : 0;
	if (k == -ENOMEM)
		return k;
	if (k < 0)
		k = refuse(newcomers, r, arrival->pid, k);
	if (k < 0)
		return k;
	/* Who was but made in there, and has ended, has run no program of the container's. */
	return arrival->program ? tell_unjoined(r, arrival->program) : 0;
}

static int tell_lost(struct wh_newcomers *newcomers, struct wh_recorder *r)
{
	uint64_t lost = wh_arrivals_lost(newcomers->arrivals);
	char text[64];

	if (lost == newcomers->lost)
		return 0;
	snprintf(text, sizeof(text), "%llu at once, too many to be told of",
		 (unsigned long long)(lost - newcomers->lost));
	newcomers->lost = lost;
	return gap(r, "unjoined", text);
}

int wh_newcomers_look(struct wh_newcomers *newcomers, struct wh_recorder *r)
{
	const struct wh_arrival *arrivals;
	ssize_t n;
	int err = 0;

	if (!newcomers->arrivals || !wh_arrivals_any(newcomers->arrivals))
		return 0;
	n = wh_arrivals_take(newcomers->arrivals, &arrivals);
	for (ssize_t i = 0; i < n && err == 0; i++)
		err = arrive(newcomers, r, &arrivals[i]);
	return n < 0 ? (int)n : err < 0 ? err : tell_lost(newcomers, r);
}

/* ---- looked for ------------------------------------------------------------------------------ */

/* One that joins by itself is told of before it has a program of the container's. */
static int watch(struct wh_newcomers *newcomers, struct wh_recorder *r, pid_t pid)
{
	wh_auto(str) program = NULL;

	if (!r->container_mnt_ino || has_outer_program(r, pid) ||
	    wh_procfs_exe(r->proc_fd, pid, &program) < 0 || was_refused(newcomers, pid))
		return 0;
	return tell_unjoined(r, program);
}

static int look_for(struct wh_newcomers *newcomers, struct wh_recorder *r, bool quick)
{
	const pid_t *pids;
	ssize_t n = wh_members_list(newcomers->members, quick, &pids);
	int err = n < 0 ? (int)n : 0;

	for (ssize_t i = 0; i < n && err == 0; i++) {
		if (is_known(r, pids[i]))
			continue;
		err = newcomers->seizes ? take(newcomers, r, pids[i])
					: watch(newcomers, r, pids[i]);
		if (err < 0 && err != -ENOMEM)
			err = refuse(newcomers, r, pids[i], err);
		else if (err > 0)
			err = 0;
	}
	return err;
}

int wh_newcomers_begin(struct wh_newcomers *newcomers, struct wh_recorder *r)
{
	const struct wh_arrival *before;
	ssize_t n = newcomers->arrivals ? wh_arrivals_take(newcomers->arrivals, &before) : 0;

	if (n < 0)
		return (int)n;
	if (newcomers->arrivals)
		newcomers->lost = wh_arrivals_lost(newcomers->arrivals);
	return newcomers->seizes && wh_members_is_open(newcomers->members)
		       ? look_for(newcomers, r, false)
		       : 0;
}

int wh_newcomers_tick(struct wh_newcomers *newcomers, struct wh_recorder *r)
{
	bool slow = newcomers->ticks++ % SLOW_TICKS == SLOW_TICKS - 1;

	if ((!slow && !wh_members_is_quick(newcomers->members)) ||
	    (!newcomers->seizes && newcomers->arrivals))
		return 0;
	return look_for(newcomers, r, !slow);
}
