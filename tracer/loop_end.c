// SPDX-License-Identifier: Apache-2.0
/* How a recording ends while there are tasks: what is ours is killed, and what is not is let go. */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "tracer/clock.h"
#include "tracer/leave.h"
#include "tracer/loop_impl.h"

#define GIVE_UP_MS 10000 /* after SIGKILL: a task that does not die sleeps in the kernel */

int wh_loop_tick_signal(void)
{
	return SIGRTMAX - 1;
}

static void kill_process(void *data, const struct wh_process *process)
{
	(void)data;
	kill(process->tgid, SIGKILL);
}

void wh_loop_kill(struct wh_loop *loop)
{
	wh_assert(loop->source != WH_RECORD_ATTACHED);
	if (!loop->killing) {
		loop->killing = true;
		loop->end_time = wh_clock_ms();
	}
	wh_task_each_process(loop->r->tasks, kill_process, NULL);
}

void wh_loop_leave(struct wh_loop *loop, bool at_once)
{
	if (!loop->leaving) {
		loop->leaving = true;
		loop->end_time = wh_clock_ms();
		wh_leave_ask(loop->r);
		wh_task_remove_left(loop->r->tasks);
	}
	if (at_once)
		loop->end_time = 0;
}

bool wh_loop_is_leaving(const struct wh_loop *loop)
{
	return loop->leaving;
}

void wh_loop_failed(struct wh_loop *loop)
{
	/* Any other engine would leave filters behind that fail without it. */
	if (loop->source != WH_RECORD_LAUNCHED && loop->engine == &wh_plain_engine)
		wh_loop_leave(loop, false);
	else if (!loop->killing)
		wh_loop_kill(loop);
}

bool wh_loop_is_late(const struct wh_loop *loop)
{
	uint64_t patience = loop->killing ? GIVE_UP_MS : WH_LOOP_LEAVE_MS;

	return (loop->killing || loop->leaving) && wh_clock_ms() - loop->end_time > patience;
}

int wh_loop_give_up(struct wh_loop *loop)
{
	return loop->killing
		       ? wh_record_gap(loop->r, NULL, "cut-short",
				       "a task sleeps in the kernel and did not die of SIGKILL")
		       : 0;
}

int wh_loop_vanished(struct wh_loop *loop)
{
	return wh_record_gap(loop->r, NULL, "cut-short", "a task vanished unseen");
}

void wh_loop_leave_orphans(struct wh_loop *loop)
{
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		if (WIFSTOPPED(status))
			ptrace(PTRACE_DETACH, tid, NULL, NULL);
		else
			loop->owner->child(loop->owner->data, tid, status);
	}
}
