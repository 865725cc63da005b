/* SPDX-License-Identifier: Apache-2.0 */
/* What only the end of a process shows: how much it locked, and whether a refusal may have ended it. */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "tracer/caprule_impl.h"
#include "tracer/clock.h"

/* So soon after a refusal an end may be its consequence: cleaning up and saying so take their time. */
#define SOON_MS 5000

void wh_caprule_refused(struct wh_task *task, struct wh_cap *fact)
{
	struct wh_process *process = task->process;

	process->refused_ms = wh_clock_ms();
	for (unsigned i = 0; i < process->n_refused; i++)
		if (process->refused[i] == fact)
			return;
	if (process->n_refused < WH_REFUSED_MAX)
		process->refused[process->n_refused++] = fact;
}

void wh_caprule_executed(struct wh_process *process)
{
	process->n_refused = 0;
	process->locks_beyond = 0;
}

/*
 * By itself, and not as others wanted: above 128 are those who exit for a signal, as shells do, and other signals than
 * these come from elsewhere.
 */
static bool is_failure(int status)
{
	static const int own[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};

	if (WIFEXITED(status))
		return WEXITSTATUS(status) > 0 && WEXITSTATUS(status) < 128;
	for (size_t i = 0; i < WH_ARRAY_SIZE(own); i++)
		if (WIFSIGNALED(status) && WTERMSIG(status) == own[i])
			return true;
	return false;
}

static void judge_end(struct wh_task *task)
{
	struct wh_process *process = task->process;
	unsigned long status;

	if (!process->n_refused || wh_clock_ms() - process->refused_ms > SOON_MS ||
	    ptrace(PTRACE_GETEVENTMSG, task->tid, NULL, &status) < 0 || !is_failure((int)status))
		return;
	for (unsigned i = 0; i < process->n_refused; i++)
		process->refused[i]->ended = true;
}

static int judge_locked(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_caprule_ask ask = {.r = r, .task = task, .call = &task->call};
	uint64_t most = task->process->locks_beyond;
	const char *name = task->call.name;
	struct rlimit now;
	int err;

	if (!most)
		return 0;
	if (wh_caprule_limit(&ask, task->tid, RLIMIT_MEMLOCK, &now) && now.rlim_cur > most)
		most = now.rlim_cur;
	/* mlock_future_ok(): no other way leads beyond the limit. */
	if (wh_caprule_status(&ask, "VmLck") * 1024 <= most)
		return 0;
	task->process->locks_beyond = 0;
	task->call.name = "mlockall";
	task->call.err = 0;
	err = wh_caprule_afterwards(r, task, CAP_IPC_LOCK, true, WH_STRENGTH_REQUIRED,
				    "lock all memory to come beyond RLIMIT_MEMLOCK");
	task->call.name = name;
	return err;
}

int wh_caprule_ended(struct wh_recorder *r, struct wh_task *task)
{
	judge_end(task);
	return judge_locked(r, task);
}
