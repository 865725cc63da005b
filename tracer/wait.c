/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/wait.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#define SPINS	    200 /* looks at children before sleeping: well below 100 µs in all */
#define SPIN_ROUNDS 8	/* how often to try that again after it was in vain */
#define LOOK_ASIDE  16	/* in spinning, how often to look for notifications … */
#define LOOK_BACK   8	/* … and while those come one after the other, for stops */

struct wh_wait {
	bool alone; /* on the only processor that we may use: looking keeps tracees from running */
	unsigned vain;	 /* how often in a row looking without sleeping found nothing, … */
	unsigned asleep; /* … and how often it was left out since */
	bool notified;	 /* the last that came was a notification, … */
	unsigned told;	 /* … and how many did */
	struct sigaction tick, child; /* as they were */
	int tick_signal;
	timer_t timer;
	bool has_tick, has_child, has_timer;
	bool listens;	    /* SIGCHLD is blocked, but while waiting */
	sigset_t mask, own; /* as it was; while waiting */
};

static bool one_processor(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) < 2;
}

struct wh_wait *wh_wait_new(void)
{
	struct wh_wait *wait = calloc(1, sizeof(*wait));

	if (wait)
		wait->alone = one_processor();
	return wait;
}

void wh_wait_free(struct wh_wait *wait)
{
	free(wait);
}

/* ---- signals of our own ---------------------------------------------------------------------- */

static void on_signal(int sig)
{
	(void)sig; /* that waiting is interrupted is all it is for */
}

void wh_wait_end(struct wh_wait *wait)
{
	if (wait->has_timer)
		timer_delete(wait->timer);
	if (wait->has_child)
		sigaction(SIGCHLD, &wait->child, NULL);
	if (wait->listens)
		sigprocmask(SIG_SETMASK, &wait->mask, NULL);
	if (wait->has_tick)
		sigaction(wait->tick_signal, &wait->tick, NULL);
	wait->has_timer = wait->has_child = wait->listens = wait->has_tick = false;
}

int wh_wait_begin(struct wh_wait *wait, int tick_signal, unsigned tick_ms)
{
	struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART */
	/*
	 * Whoever started us may have ignored it, which would make our children vanish unseen. Of
	 * stops waitpid() tells without it.
	 */
	struct sigaction child = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = tick_signal};
	struct itimerspec interval = {.it_interval.tv_nsec = tick_ms * 1000000L,
				      .it_value.tv_nsec = tick_ms * 1000000L};

	wait->tick_signal = tick_signal;
	sigemptyset(&action.sa_mask);
	sigemptyset(&child.sa_mask);
	wait->has_tick = sigaction(tick_signal, &action, &wait->tick) == 0;
	wait->has_child = wait->has_tick && sigaction(SIGCHLD, &child, &wait->child) == 0;
	wait->has_timer =
		wait->has_child && timer_create(CLOCK_MONOTONIC, &event, &wait->timer) == 0;
	return wait->has_timer && timer_settime(wait->timer, 0, &interval, NULL) == 0 ? 0 : -errno;
}

/* From the first listener on: a stop has to end waiting for notifications, too. */
static void listen_to_children(struct wh_wait *wait)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t child;

	sigemptyset(&action.sa_mask);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &wait->mask);
	wait->own = wait->mask;
	sigdelset(&wait->own, SIGCHLD);
	sigaction(SIGCHLD, &action, NULL);
	wait->listens = true;
}

/* ---- waiting --------------------------------------------------------------------------------- */

/*
 * A task that is traced at each call stops again within microseconds, mostly; to be put to sleep and
 * woken on another processor takes longer than that. So look for a while before sleeping, unless that
 * was in vain lately. For who sends notifications it is the other way round: it runs when we sleep.
 */
static bool worth_looking(struct wh_wait *wait)
{
	return !wait->alone && !wait->notified &&
	       (wait->vain < 8 || ++wait->asleep % SPIN_ROUNDS == 0);
}

static pid_t look(int *ret_status)
{
	pid_t tid = waitpid(-1, ret_status, __WALL | WNOHANG);

	return tid < 0 ? -errno : tid;
}

/* Return: as wh_wait_next(), and 0 when nothing came. */
static pid_t spin(struct wh_wait *wait, struct wh_notify *notify, int *ret_status)
{
	for (unsigned i = 0; i < SPINS; i++) {
		pid_t tid = look(ret_status);

		if (tid) {
			wait->vain = 0;
			return tid;
		}
		if (notify && i % LOOK_ASIDE == LOOK_ASIDE - 1 &&
		    wh_notify_wait(notify, NULL) > 0) {
			wait->notified = true;
			return 0;
		}
	}
	wait->vain++;
	return 0;
}

static pid_t sleep_for_both(struct wh_wait *wait, struct wh_notify *notify, int *ret_status)
{
	pid_t tid = 0;

	/* A stop since ends the waiting at once, but not before a notification. */
	if (!wait->notified || ++wait->told % LOOK_BACK == 0)
		tid = look(ret_status);
	if (tid)
		return tid;
	wait->notified = wh_notify_wait(notify, &wait->own) > 0;
	if (wait->notified)
		return 0;
	tid = look(ret_status);
	return tid ? tid : -EINTR;
}

pid_t wh_wait_next(struct wh_wait *wait, struct wh_notify *notify, int *ret_status)
{
	pid_t tid;

	if (!wh_notify_any(notify))
		notify = NULL;
	if (notify && !wait->listens)
		listen_to_children(wait);
	if (worth_looking(wait)) {
		tid = spin(wait, notify, ret_status);
		if (tid || wait->notified)
			return tid;
	}
	if (notify)
		return sleep_for_both(wait, notify, ret_status);
	wait->notified = false;
	tid = waitpid(-1, ret_status, __WALL);
	return tid < 0 ? -errno : tid;
}

/* ---- what is to come ------------------------------------------------------------------------- */

/* The message counts only if the task is in the stop of the event still, afterwards. */
pid_t wh_wait_child(pid_t tid, int event)
{
	unsigned long child = 0;
	siginfo_t si;

	if (ptrace(PTRACE_GETEVENTMSG, tid, NULL, &child) < 0 ||
	    ptrace(PTRACE_GETSIGINFO, tid, NULL, &si) < 0 || si.si_code != (SIGTRAP | event << 8))
		return 0;
	return (pid_t)child;
}

bool wh_wait_has(pid_t tid)
{
	siginfo_t si;

	return waitid(P_PID, (id_t)tid, &si, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL) == 0;
}
