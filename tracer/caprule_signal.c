/* SPDX-License-Identifier: Apache-2.0 */
/* Signals: kernel/signal.c. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>

#include "tracer/caprule_impl.h"
#include "tracer/pidns.h"

#define REQUIRED WH_STRENGTH_REQUIRED
#define POSSIBLE WH_STRENGTH_POSSIBLE

/* kill_ok_by_cred() */
static bool may_signal(const struct wh_creds *c, const struct wh_creds *t)
{
	return c->euid == t->suid || c->euid == t->ruid || c->ruid == t->suid || c->ruid == t->ruid;
}

/* Everyone in a process group (0: in all of them, for kill(-1)): who is there that one may not reach? */
static void signal_group(struct wh_caprule_ask *ask, pid_t group, const char *signal)
{
	unsigned allowed = 0, refused = 0;
	struct dirent *entry;
	int fd = openat(ask->r->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		wh_util_close(fd);
		return;
	}
	while ((entry = readdir(dir))) {
		pid_t pid = (pid_t)atoi(entry->d_name);
		struct wh_creds t;

		if (pid <= 1 ||
		    (group ? wh_caprule_stat(ask, pid, 5) != group
			   : wh_pidns_number(ask->r, ask->task, pid) <= 1) ||
		    wh_creds_read(ask->r, pid, &t) < 0)
			continue;
		if (may_signal(ask->creds, &t) || wh_caprule_is_own(ask, pid))
			allowed++;
		else if (t.userns == ask->creds->userns || wh_caprule_reaches(ask, pid))
			refused++;
		wh_creds_free(&t);
	}
	closedir(dir);
	/* It is enough for the kernel to reach one of them. */
	if (refused)
		wh_caprule_need(ask, CAP_KILL, -1, allowed ? POSSIBLE : REQUIRED,
				"send %s to a group with processes of other users", signal);
}

static void enter_kill_group(struct wh_caprule_ask *ask, pid_t pid, const char *signal)
{
	pid_t group = pid ? wh_pidns_find_group(ask->r, ask->task, -pid)
			  : (pid_t)wh_caprule_stat(ask, ask->task->tid, 5);

	if (pid == -1)
		signal_group(ask, 0, signal);
	else if (group > 0)
		signal_group(ask, group, signal);
}

static void enter_kill(struct wh_caprule_ask *ask)
{
	int column = wh_caprule_column(ask, WH_ARG_SIGNAL), number, pid = wh_caprule_arg(ask, 0);
	char signal[24];
	const char *name;
	struct wh_creds t;
	pid_t target;

	if (column < 0)
		return;
	number = wh_caprule_arg(ask, (unsigned)column);
	name = sigabbrev_np(number);
	snprintf(signal, sizeof(signal), name ? "SIG%s" : "signal %s", name ? name : "0");
	if (!name && number)
		snprintf(signal, sizeof(signal), "signal %d", number);
	if (ask->call->row->arg[0] == WH_ARG_FD) {
		target = wh_caprule_pidfd(ask, pid);
	} else {
		if (column == 2) /* a thread of a process: the thread decides */
			pid = wh_caprule_arg(ask, 1);
		else if (pid <= 0) {
			enter_kill_group(ask, pid, signal);
			return;
		}
		target = wh_caprule_pid(ask, pid);
	}
	if (target <= 0 || wh_caprule_is_own(ask, target) || wh_creds_read(ask->r, target, &t) < 0)
		return;
	if (!may_signal(ask->creds, &t) &&
	    !(number == SIGCONT &&
	      wh_caprule_stat(ask, target, 6) == wh_caprule_stat(ask, ask->task->tid, 6))) {
		wh_caprule_need(ask, CAP_KILL, -1, REQUIRED, "send %s to a process of uid %u",
				signal, wh_caprule_say_uid(ask, t.euid));
		wh_caprule_over_process(ask, target);
	}
	wh_creds_free(&t);
}

const struct wh_caprule wh_caprule_signal[] = {
	{"kill", enter_kill, WH_CAP(KILL)},
	{NULL},
};
