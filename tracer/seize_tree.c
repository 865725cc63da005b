// SPDX-License-Identifier: Apache-2.0
/* A whole service at once. */
#include <sys/wait.h>
#include <time.h>

#include "tracer/clock.h"
#include "tracer/procfs.h"
#include "tracer/seize.h"

#define NAP_NS 500000
#define PATIENCE_MS                                                                                \
	1000 /* until those that can stop have stopped: on a busy machine it takes its time */
#define SLEEPERS_MS                                                                                \
	30 /* … while none of the others but sleep in the kernel, where nothing wakes them */
#define REFUSED_MAX 64 /* processes that cannot be seized; of more only the first are told */

struct tree {
	struct wh_recorder *r;
	struct wh_members *members;
	pid_t main;
	unsigned long options;
	pid_t refused[REFUSED_MAX];
	size_t n_refused;
	struct wh_error *e;
};

static bool was_refused(const struct tree *t, pid_t pid)
{
	for (size_t i = 0; i < t->n_refused; i++)
		if (t->refused[i] == pid)
			return true;
	return false;
}

/* Once each: it will be refused in each round. */
static int refuse(struct tree *t, pid_t pid, int err)
{
	struct wh_error why = {0};

	if (t->n_refused == REFUSED_MAX)
		return 0;
	t->refused[t->n_refused++] = pid;
	wh_seize_refused(t->r, pid, err, &why);
	err = wh_record_gap(t->r, NULL, "not-seized", "%s", why.text);
	return err == -ENOMEM ? wh_error_oom(t->e) : 0;
}

/* Return: how many threads were new, or -errno with an error. */
static int seize(struct tree *t, pid_t pid)
{
	int found = wh_seize_round(t->r, pid, t->options);

	if (found >= 0 || found == -ESRCH)
		return found < 0 ? 0 : found;
	if (found == -ENOMEM)
		return wh_error_oom(t->e);
	if (pid == t->main)
		return wh_seize_refused(t->r, pid, found, t->e);
	return was_refused(t, pid) ? 0 : refuse(t, pid, found);
}

static int round_of_all(struct tree *t)
{
	const pid_t *pids;
	ssize_t n = wh_members_list(t->members, false, &pids);
	int found = 0;

	if (n < 0)
		return wh_error_oom(t->e);
	for (ssize_t i = 0; i < n; i++) {
		int k = seize(t, pids[i]);

		if (k < 0)
			return k;
		found += k;
	}
	return found;
}

struct pending {
	const struct wh_recorder *r;
	size_t running, asleep;
};

/* A stop stays to be waited for: the loop is to have it. */
static void count_pending(void *data, struct wh_task *task)
{
	struct pending *p = data;
	siginfo_t si = {0};

	if (waitid(P_PID, (id_t)task->tid, &si, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL) <
		    0 ||
	    si.si_pid)
		return;
	if (wh_procfs_state(p->r->proc_fd, task->tid) == 'D')
		p->asleep++;
	else
		p->running++;
}

/*
 * A process that was in fork() when it was seized makes a child that is not ours. When it has stopped, that child can
 * be seen; so it is not enough that a round finds nothing new: it must do so when all have stopped.
 */
int wh_seize_tree(struct wh_recorder *r, struct wh_members *members, pid_t main,
		  unsigned long options, struct wh_error *e)
{
	const struct timespec nap = {.tv_nsec = NAP_NS};
	struct tree t = {.r = r, .members = members, .main = main, .options = options, .e = e};
	uint64_t since = wh_clock_ms();
	bool calm = false;

	for (;;) {
		struct pending pending = {.r = r};
		int found;

		wh_task_each(r->tasks, count_pending, &pending);
		found = round_of_all(&t);
		if (found < 0)
			return found;
		if (found) {
			since = wh_clock_ms();
			calm = false;
			continue;
		}
		if (wh_clock_ms() - since > (pending.running ? PATIENCE_MS : SLEEPERS_MS))
			break;
		if (!pending.running && !pending.asleep) {
			if (calm)
				break;
			calm = true;
			continue;
		}
		nanosleep(&nap, NULL);
	}
	if (!wh_task_process(r->tasks, main))
		return wh_seize_refused(r, main, -ESRCH, e);
	return 0;
}
