// SPDX-License-Identifier: Apache-2.0
#include "tracer/loop_impl.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tracer/asked.h"
#include "tracer/call.h"
#include "tracer/caprule.h"
#include "tracer/clock.h"
#include "tracer/creds.h"
#include "tracer/decode.h"
#include "tracer/leave.h"
#include "tracer/outside.h"
#include "tracer/procfs.h"
#include "tracer/restart.h"
#include "tracer/site.h"
#include "tracer/wait.h"

#define BATCH	     64
#define HELD_MS	     500 /* a maker that is not killed tells at once whom it made */
#define CALM_ROUNDS  16	 /* how often to look for more than one stop while there was but one */
#define ERESTART_MIN 512 /* the kernel's internal errnos: the call is tried again */

/* ---- one stop -------------------------------------------------------------------------------- */

/* It is not the service's, or not yet: the launcher, a container's runtime. */
static bool is_outside(const struct wh_loop *loop, const struct wh_task *task)
{
	return loop->launching || (task->process->outside && !task->process->entering);
}

/* ESRCH is normal: it was killed in its stop, and its death comes by waitpid(). */
static void resume(struct wh_loop *loop, struct wh_task *task, int sig)
{
	/* Nothing but its death comes after PTRACE_EVENT_EXIT; who launches, or joins, stops at each call. */
	bool outside = loop->launching || task->process->outside;
	enum __ptrace_request how = task->exiting ? PTRACE_CONT
				    : outside	  ? PTRACE_SYSCALL
						  : loop->engine->resume(loop->r, task);

	/* Whatever stop this is, the kernel has forgotten that one was asked for: ptrace_stop() in kernel/signal.c. */
	if (loop->leaving)
		wh_leave_ask_again(task);
	wh_asked_resume(loop->r, task, is_outside(loop, task));
	ptrace(how, task->tid, NULL, (void *)(long)sig);
}

/* The launcher's own calls are not the workload's; its execve() is the first that counts. */
static bool skip_launcher(struct wh_loop *loop, const struct __ptrace_syscall_info *info)
{
	if (info->op == PTRACE_SYSCALL_INFO_ENTRY && info->entry.nr == SYS_execve)
		loop->launching = false;
	return loop->launching;
}

/* The call by which a process becomes the container's is the first of its own. */
static int enter(struct wh_loop *loop, struct wh_task *task,
		 const struct __ptrace_syscall_info *info)
{
	struct wh_recorder *r = loop->r;
	unsigned phase = r->phase;
	int err;

	r->phase = task->process->outside == WH_OUTSIDE_INIT ? r->service_phase : WH_PHASE_EXEC;
	task->executing = true;
	err = loop->engine->stop(r, task, info);
	task->executing = false;
	r->phase = phase;
	return err;
}

/* How long it has been in its call; and if it is we who have got it out of that, then nothing has answered. */
static void look_at_time(const struct wh_loop *loop, struct wh_task *task,
			 struct __ptrace_syscall_info *info)
{
	if (info->op != PTRACE_SYSCALL_INFO_EXIT)
		task->entered = wh_clock_ms();
	else if (loop->leaving && wh_leave_restart(task))
		info->exit.rval = -ERESTART_MIN;
}

static int syscall_stop(struct wh_loop *loop, struct wh_task *task)
{
	struct __ptrace_syscall_info info;
	int err = 0;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, task->tid, (void *)sizeof(info), &info) <= 0)
		return 0;
	if (loop->source != WH_RECORD_LAUNCHED)
		look_at_time(loop, task, &info);
	if (task->process->outside) {
		if (loop->engine->outside && info.op == PTRACE_SYSCALL_INFO_ENTRY)
			err = loop->engine->outside(loop->r, task);
		if (err == 0)
			err = wh_outside_stop(loop->r, task, &info);
		return err > 0 ? enter(loop, task, &info) : err;
	}
	if (!loop->launching || !skip_launcher(loop, &info))
		err = loop->engine->stop(loop->r, task, &info);
	if (!loop->started && !loop->launching && loop->source == WH_RECORD_LAUNCHED &&
	    info.op == PTRACE_SYSCALL_INFO_EXIT && info.exit.is_error &&
	    -info.exit.rval < ERESTART_MIN) {
		loop->exec_err = (int)-info.exit.rval;
		wh_loop_kill(loop);
	}
	return err;
}

static int exec_event(struct wh_loop *loop, struct wh_task **task)
{
	struct wh_recorder *r = loop->r;
	struct wh_task *t = *task;
	unsigned long former = 0;
	const char *from;
	bool came_in;
	int err = 0;

	if (ptrace(PTRACE_GETEVENTMSG, t->tid, NULL, &former) == 0 && (pid_t)former != t->tid) {
		struct wh_task *executor = wh_task_find(r->tasks, (pid_t)former);

		/* The executor becomes the leader; the old one vanishes without a death of its own. */
		if (executor && executor->process == t->process) {
			pid_t tid = t->tid;

			err = wh_call_lose(loop->r, t);
			wh_task_rename(r->tasks, executor, tid);
			*task = t = executor;
			if (err < 0)
				return err;
		}
	}
	t->vfork_child = false;
	t->exiting = false;
	wh_site_forget(r->sites, t->process->tgid);
	came_in = t->process->outside && wh_outside_executed(t);
	if (t->process->outside)
		return 0;
	r->phase = t->process->phase ? t->process->phase : r->service_phase;
	from = loop->started && !came_in ? t->process->program : NULL;
	t->executing = true;
	err = wh_decode_exec(r, t, from);
	t->executing = false;
	t->exec_site = NULL;
	t->process->executed = true;
	wh_caprule_executed(t->process);
	if (err >= 0 && !loop->started && !t->process->phase) {
		loop->started = true;
		err = loop->owner->started(loop->owner->data, t);
	}
	if (err >= 0 && loop->engine->executed)
		err = loop->engine->executed(r, t);
	return err;
}

static void let_go(void *data, struct wh_task *task)
{
	if (!task->held)
		return;
	task->held = 0;
	resume(data, task, 0);
}

/* Who made it was killed before it told. */
static void let_go_late(void *data, struct wh_task *task)
{
	if (task->held && wh_clock_ms() - task->held > HELD_MS)
		let_go(data, task);
}

static int add_task(struct wh_loop *loop, pid_t tid, struct wh_task *maker,
		    struct wh_task **ret_task)
{
	bool known = wh_task_find(loop->r->tasks, tid);
	int err = wh_task_add(loop->r, tid, maker, ret_task);

	if (err == 0 && loop->killing)
		kill((*ret_task)->process->tgid, SIGKILL);
	if (err == 0 && loop->engine->born && (!known || maker))
		err = loop->engine->born(loop->r, *ret_task, maker);
	return err;
}

static int birth_event(struct wh_loop *loop, struct wh_task *task, int event)
{
	struct wh_task *child;
	pid_t tid;
	int err;

	task->had_child = true;
	tid = wh_wait_child(task->tid, event);
	/* Then it will tell of itself, by its own first stop. */
	if (!tid)
		return 0;
	if (!wh_task_find(loop->r->tasks, tid) && !wh_wait_has(tid))
		return 0;
	err = add_task(loop, tid, task, &child);
	if (err == 0)
		wh_creds_inherit(loop->r, child, task);
	if (err == 0 && child->held) {
		wh_outside_inherit(child->process, task->process);
		let_go(loop, child);
	}
	if (err == 0 && event == PTRACE_EVENT_VFORK)
		child->vfork_child = child->process != task->process && !child->process->executed;
	return err;
}

/* PTRACE_EVENT_STOP: the first stop of a new task, the start or the end of a group-stop. */
static int event_stop(struct wh_loop *loop, struct wh_task *task, int sig)
{
	int err = 0;

	/* Of a call that a job control signal has interrupted, too, that is the answer. */
	if (sig == SIGTRAP && (task->interrupted || loop->leaving))
		wh_leave_restart(task);
	task->interrupted = false;
	if (loop->leaving)
		return wh_leave_task(loop->r, task);
	if (sig == SIGTRAP) {
		if (loop->engine->interrupted)
			err = loop->engine->interrupted(loop->r, task);
		resume(loop, task, 0);
	} else {
		/* Stopped as it should be, and yet to be told when SIGCONT ends it. */
		ptrace(PTRACE_LISTEN, task->tid, NULL, NULL);
	}
	return err;
}

static int signal_stop(struct wh_loop *loop, struct wh_task *task, int sig)
{
	int err = 0;

	if (loop->engine->signal && !loop->launching && !task->process->outside)
		err = loop->engine->signal(loop->r, task, sig, &sig);
	if (sig)
		wh_restart_signal(loop->r, task, sig);
	resume(loop, task, sig);
	return err;
}

/* Where it is in a call that it entered before it was ours; after an execve() that is its new program's. */
static int first_stop(struct wh_loop *loop, struct wh_task *task, int event)
{
	task->seized = false;
	if (task->process->outside && event == PTRACE_EVENT_EXEC)
		wh_outside_entering(loop->r, task);
	if (task->process->outside || event == PTRACE_EVENT_EXEC)
		return 0;
	if (event == PTRACE_EVENT_STOP && task->interrupted)
		wh_leave_restart(task);
	return wh_call_found(loop->r, task, event == PTRACE_EVENT_STOP || !event);
}

static int report(struct wh_loop *loop, pid_t tid, int status);

static int stopped(struct wh_loop *loop, pid_t tid, int status)
{
	struct wh_task *task = wh_task_find(loop->r->tasks, tid);
	int sig = WSTOPSIG(status), event = status >> 16;
	int err = 0;

	loop->r->stops++;
	if (!task) {
		err = add_task(loop, tid, NULL, &task);
		if (err < 0)
			return err;
		if (event == PTRACE_EVENT_STOP && wh_outside_may_be(loop->r, task)) {
			task->held = wh_clock_ms();
			return 0;
		}
	}
	loop->r->phase = task->process->phase ? task->process->phase : loop->r->service_phase;
	if (event != PTRACE_EVENT_STOP)
		task->interrupted = false;
	err = wh_asked_stop(loop->r, task, event, is_outside(loop, task));
	if (err < 0)
		return err;
	switch (event) {
	case 0:
		if (sig != (SIGTRAP | 0x80))
			return signal_stop(loop, task, sig);
		err = syscall_stop(loop, task);
		break;
	case PTRACE_EVENT_STOP:
		return event_stop(loop, task, sig);
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		err = birth_event(loop, task, event);
		break;
	case PTRACE_EVENT_EXEC:
		err = exec_event(loop, &task);
		break;
	case PTRACE_EVENT_EXIT:
		task->exiting = true;
		if (loop->engine->exiting)
			err = loop->engine->exiting(loop->r, task);
		if (err >= 0)
			err = wh_caprule_ended(loop->r, task);
		if (err >= 0)
			err = wh_call_lose(loop->r, task);
		/* A leader's death is told only with the last thread's, and that may be let go. */
		if (loop->leaving && task->process->refs > 1) {
			int k = wh_leave_task(loop->r, task);

			return err < 0 ? err : k;
		}
		break;
	case PTRACE_EVENT_SECCOMP:
		err = syscall_stop(loop, task);
		break;
	}
	if (task->has_pending) {
		int k;

		task->has_pending = false;
		k = report(loop, tid, task->pending);
		return err < 0 ? err : k;
	}
	resume(loop, task, 0);
	return err;
}

static int ended(struct wh_loop *loop, pid_t tid, int status)
{
	struct wh_task *task = wh_task_find(loop->r->tasks, tid);
	struct wh_process *process;
	bool leader;
	int err;

	if (!task) {
		loop->owner->child(loop->owner->data, tid, status);
		return 0;
	}
	process = task->process;
	leader = process->tgid == tid;
	err = wh_asked_gone(loop->r, task);
	if (err == 0)
		err = wh_call_lose(loop->r, task);
	if (!leader) {
		wh_task_remove(loop->r->tasks, task);
		return err;
	}
	/*
	 * A leader's death is told when all its threads are gone, with the status of the process. Any
	 * that is still in the table has executed and was killed before it could be asked who it was.
	 */
	wh_site_forget(loop->r->sites, process->tgid);
	wh_task_remove_process(loop->r->tasks, process);
	loop->owner->ended(loop->owner->data, tid, status);
	return err;
}

static int report(struct wh_loop *loop, pid_t tid, int status)
{
	struct wh_task *task = wh_task_find(loop->r->tasks, tid);
	int first = 0, err;

	if (task && task->seized && WIFSTOPPED(status))
		first = first_stop(loop, task, status >> 16);
	err = WIFSTOPPED(status) ? stopped(loop, tid, status) : ended(loop, tid, status);
	if (loop->leaving)
		wh_task_remove_left(loop->r->tasks);
	loop->r->phase = loop->r->service_phase;
	return first < 0 ? first : err;
}

/* ---- many ------------------------------------------------------------------------------------ */

struct stop {
	pid_t tid;
	int status;
};

/*
 * Wait for a stop; then, where several tasks are busy, take all that have stopped before the first
 * of them goes on: the kernel reports the oldest task first, so that one which stops again at once
 * would starve the others. While only one is busy, that further look is in vain and mostly left out.
 *
 * Return: how many; 0 when a signal or notifications came first; -ECHILD when there is no child.
 */
static int gather(struct wh_loop *loop, struct stop batch[BATCH])
{
	int n = 0;

	batch[0].tid = wh_wait_next(loop->wait, loop->r->notify, &batch[0].status);
	if (batch[0].tid <= 0)
		return batch[0].tid == -EINTR ? 0 : batch[0].tid;
	n = 1;
	if (!loop->crowded && (wh_task_count(loop->r->tasks) < 2 || ++loop->rounds % CALM_ROUNDS))
		return n;
	for (; n < BATCH; n++) {
		batch[n].tid = waitpid(-1, &batch[n].status, __WALL | WNOHANG);
		if (batch[n].tid <= 0)
			break;
	}
	loop->crowded = n > 1;
	return n;
}

static int tick(struct wh_loop *loop)
{
	uint64_t now = wh_clock_ms();
	int err = loop->owner->look ? loop->owner->look(loop->owner->data) : 0;

	if (err < 0 || now < loop->next_tick)
		return err;
	loop->next_tick = now + WH_LOOP_TICK_MS;
	if (loop->killing)
		wh_loop_kill(loop);
	if (loop->source != WH_RECORD_LAUNCHED)
		wh_task_each(loop->r->tasks, let_go_late, loop);
	err = loop->owner->tick(loop->owner->data);
	if (err >= 0 && loop->engine->tick)
		err = loop->engine->tick(loop->r);
	return err;
}

static int answer(struct wh_loop *loop)
{
	struct wh_notify *notify = loop->r->notify;
	struct wh_notified told;
	int failure = 0;

	while (wh_notify_any(notify) && wh_notify_next(notify, &told)) {
		int err = loop->engine->notified(loop->r, &told);

		failure = failure ? failure : err < 0 ? err : 0;
	}
	return failure;
}

static int follow(struct wh_loop *loop)
{
	struct stop batch[BATCH];
	int failure = 0;

	while (wh_task_count(loop->r->tasks)) {
		int n = gather(loop, batch);
		int err;

		if (n < 0)
			return failure ? failure : wh_loop_vanished(loop);
		for (int i = 0; i < n; i++) {
			err = report(loop, batch[i].tid, batch[i].status);
			failure = failure ? failure : err < 0 ? err : 0;
		}
		err = answer(loop);
		failure = failure ? failure : err < 0 ? err : 0;
		err = tick(loop);
		failure = failure ? failure : err < 0 ? err : 0;
		if (failure)
			wh_loop_failed(loop);
		if (wh_loop_is_late(loop))
			return failure ? failure : wh_loop_give_up(loop);
	}
	return failure;
}

int wh_loop_run(struct wh_loop *loop, int *ret_exec_err)
{
	int err = wh_wait_begin(loop->wait, wh_loop_tick_signal(), WH_LOOP_TICK_MS), followed;

	if (err < 0)
		wh_loop_failed(loop);
	followed = follow(loop);
	if (loop->leaving)
		wh_loop_leave_orphans(loop);
	wh_wait_end(loop->wait);
	*ret_exec_err = loop->exec_err;
	return err < 0 ? err : followed;
}
