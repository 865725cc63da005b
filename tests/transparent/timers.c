/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers come when they have to, with what belongs to them, and sleeps that are interrupted or stopped last
 * as long as they should: cold, and after the program got hot. Only bounds that the kernel promises are judged.
 */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

#include "check.h"

#define MS     1000000LL
#define SECOND (1000 * MS)

static volatile sig_atomic_t came, code, value, wake = -1;

static int64_t ns(const struct timespec *ts)
{
	return ts->tv_sec * SECOND + ts->tv_nsec;
}

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ns(&ts);
}

static void on_signal(int sig, siginfo_t *si, void *context)
{
	int saved = errno;

	(void)context;
	came = came + 1;
	code = si->si_code;
	value = si->si_value.sival_int;
	if (wake >= 0 && write(wake, "x", 1) != 1)
		_exit(99);
	(void)sig;
	errno = saved;
}

static void handle(int sig, int flags)
{
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags};

	sigaction(sig, &action, NULL);
	came = 0;
	wake = -1;
}

static void alarm_in(int64_t in, int64_t every)
{
	struct itimerval timer = {{every / SECOND, every % SECOND / 1000}, {0, in / 1000}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void sleeps(void)
{
	struct timespec ts = {1, 0}, left = {9, 9};
	int64_t began = now(), until;

	handle(SIGALRM, SA_RESTART);
	alarm_in(40 * MS, 40 * MS);
	/* A handler ends them even with SA_RESTART. */
	check(nanosleep(&ts, &left) == -1 && errno == EINTR && came >= 1, "nanosleep-EINTR");
	check(ns(&left) > 0 && ns(&left) < SECOND && now() - began + ns(&left) >= SECOND,
	      "nanosleep-left");
	check(code == SI_KERNEL, "setitimer-si_code");
	/* All of them come again and again, as the first may come before the call. */
	handle(SIGALRM, 0);
	alarm_in(40 * MS, 40 * MS);
	began = now();
	check(clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &left) == EINTR &&
		      now() - began + ns(&left) >= SECOND && ns(&left) < SECOND,
	      "clock_nanosleep-left");
	until = now() + 2 * SECOND;
	ts = (struct timespec){until / SECOND, until % SECOND};
	left = (struct timespec){7, 7};
	alarm_in(40 * MS, 40 * MS);
	check(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, &left) == EINTR &&
		      left.tv_sec == 7 && left.tv_nsec == 7,
	      "clock_nanosleep-absolute-EINTR");
	alarm_in(0, 0);
	until = now() + 60 * MS;
	ts = (struct timespec){until / SECOND, until % SECOND};
	check(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == 0 && now() >= until,
	      "clock_nanosleep-absolute");
}

/* restart_syscall: what is left is slept after a stop, not all of it again, and not nothing. */
static void stopped_sleep(int how, const char *name)
{
	struct timespec ts = {0, 300 * MS}, pause = {0, 40 * MS};
	int64_t began = now();
	pid_t parent = getpid(), pid = fork();
	int status, ret;

	if (!pid) {
		nanosleep(&pause, NULL);
		for (int i = 0; i < 2; i++) {
			kill(parent, SIGSTOP);
			nanosleep(&pause, NULL);
			kill(parent, SIGCONT);
			nanosleep(&pause, NULL);
		}
		_exit(0);
	}
	if (how == 0)
		ret = nanosleep(&ts, NULL);
	else if (how == 1)
		ret = clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	else
		ret = poll(NULL, 0, 300);
	check(ret == 0 && now() - began >= 299 * MS, name);
	check(waitpid(pid, &status, 0) == pid && status == 0, "stopper");
}

static void reads(void)
{
	int pipes[2];
	char c;

	if (pipe(pipes))
		exit(99);
	handle(SIGALRM, SA_RESTART);
	wake = pipes[1];
	alarm_in(30 * MS, 0);
	check(read(pipes[0], &c, 1) == 1 && came == 1, "SIGALRM-SA_RESTART");
	handle(SIGALRM, 0);
	alarm_in(30 * MS, 30 * MS);
	check(read(pipes[0], &c, 1) == -1 && errno == EINTR && came >= 1, "SIGALRM-EINTR");
	alarm_in(0, 0);
	alarm(100);
	check(alarm(0) >= 99, "alarm-left");
	close(pipes[0]);
	close(pipes[1]);
}

static void intervals(void)
{
	struct itimerval timer = {{0, 5000}, {0, 5000}}, was;

	handle(SIGALRM, 0);
	alarm_in(5 * MS, 5 * MS);
	while (came < 5)
		pause();
	getitimer(ITIMER_REAL, &was);
	alarm_in(0, 0);
	check(was.it_interval.tv_usec == 5000, "setitimer-interval");
	handle(SIGVTALRM, 0);
	setitimer(ITIMER_VIRTUAL, &timer, NULL);
	while (came < 3)
		;
	timer = (struct itimerval){{0, 0}, {0, 0}};
	setitimer(ITIMER_VIRTUAL, &timer, NULL);
	check(1, "ITIMER_VIRTUAL");
	handle(SIGPROF, SA_RESTART);
	timer = (struct itimerval){{0, 5000}, {0, 5000}};
	setitimer(ITIMER_PROF, &timer, NULL);
	/* It comes in the middle of calls. */
	while (came < 2)
		syscall(SYS_getppid);
	timer = (struct itimerval){{0, 0}, {0, 0}};
	setitimer(ITIMER_PROF, &timer, NULL);
	check(1, "ITIMER_PROF");
}

static void posix_timers(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
				 .sigev_signo = SIGRTMIN,
				 .sigev_value.sival_int = 4711};
	struct itimerspec spec = {{0, 2 * MS}, {0, 2 * MS}}, left;
	struct timespec rest = {0, 50 * MS};
	sigset_t set, old;
	siginfo_t si;
	timer_t timer;

	handle(SIGRTMIN, 0);
	check(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 &&
		      timer_settime(timer, 0, &spec, NULL) == 0,
	      "timer_create");
	while (came < 3)
		pause();
	check(code == SI_TIMER && value == 4711, "timer-si_value");
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, &old);
	while (nanosleep(&rest, &rest) == -1)
		;
	check(sigwaitinfo(&set, &si) == SIGRTMIN && si.si_overrun > 0, "timer-overrun");
	timer_gettime(timer, &left);
	check(ns(&left.it_interval) == 2 * MS && ns(&left.it_value) > 0, "timer_gettime");
	timer_delete(timer);
	while (sigtimedwait(&set, &si, &(struct timespec){0, 0}) > 0)
		;
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void timerfds(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	struct itimerspec spec = {{0, 3 * MS}, {0, 60 * MS}};
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	int64_t began = now();
	uint64_t n = 0;

	timerfd_settime(fd, 0, &spec, NULL);
	check(read(fd, &n, sizeof(n)) == -1 && errno == EAGAIN, "timerfd-EAGAIN");
	check(poll(&ready, 1, 20000) == 1 && now() - began >= 60 * MS, "timerfd-poll");
	poll(NULL, 0, 20);
	check(read(fd, &n, sizeof(n)) == 8 && n >= 2, "timerfd-expirations");
	close(fd);
}

int main(void)
{
	for (int round = 0; round < 2; round++) {
		sleeps();
		stopped_sleep(round, round ? "clock_nanosleep-stopped" : "nanosleep-stopped");
		reads();
		intervals();
		posix_timers();
		timerfds();
		heat();
	}
	stopped_sleep(2, "poll-stopped");
	return 0;
}
