// SPDX-License-Identifier: Apache-2.0
#include "tracer/leave.h"

#include <sys/ptrace.h>

#include "tracer/call.h"
#include "tracer/clock.h"
#include "tracer/restart.h"

static void ask(void *data, struct wh_task *task)
{
	if (task->left)
		return;
	if (task->held) {
		/* It is in its first stop, and there is nothing to lose by it. */
		wh_leave_task(data, task);
		return;
	}
	/* ESRCH: its death comes by waitpid(). */
	if (task->exiting && task->process->refs > 1)
		task->left = true;
	else
		wh_leave_ask_again(task);
}

void wh_leave_ask_again(struct wh_task *task)
{
	if (ptrace(PTRACE_INTERRUPT, task->tid, NULL, NULL) == 0)
		task->interrupted = true;
}

void wh_leave_ask(struct wh_recorder *r)
{
	wh_task_each(r->tasks, ask, r);
}

bool wh_leave_restart(struct wh_task *task)
{
	return wh_restart_unnoticed(task, task->entered ? wh_clock_ms() - task->entered : 0);
}

int wh_leave_task(struct wh_recorder *r, struct wh_task *task)
{
	int err = wh_call_lose(r, task);

	/* ESRCH is normal: it was killed in its stop. Then whoever waits for it gets to know. */
	ptrace(PTRACE_DETACH, task->tid, NULL, NULL);
	task->left = true;
	return err;
}
