/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that is stopped and continued all the time, while it makes calls that it never made
 * before: none is missed, though SIGCONT takes back each SIGSTOP that is on its way.
 *
 * It is another thread that takes the SIGSTOP: then this one stops with whatever waits for it.
 *
 * LIVE: threads static
 * The last of the signals may find nobody any more.
 * LIVE: differs ^only in .: signals SIG(STOP|CONT) outside
 */
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "expect.h"

#define CALL(name)                                                                                 \
	{                                                                                          \
		SYS_##name, #name                                                                  \
	}

/* With these arguments they do nothing that matters, or fail. */
static const struct {
	long nr;
	const char *name;
} calls[] = {
	CALL(getppid),
	CALL(getpgrp),
	CALL(geteuid),
	CALL(getegid),
	CALL(times),
	CALL(sched_yield),
	CALL(umask),
	CALL(alarm),
	CALL(getitimer),
	CALL(getrusage),
	CALL(sched_getscheduler),
	CALL(sched_getparam),
	CALL(sched_get_priority_max),
	CALL(sched_get_priority_min),
	CALL(sched_rr_get_interval),
	CALL(getcpu),
	CALL(sysinfo),
	CALL(gettimeofday),
	CALL(clock_getres),
	CALL(getgroups),
	CALL(getresuid),
	CALL(getresgid),
	CALL(eventfd2),
	CALL(timerfd_create),
	CALL(inotify_init1),
	CALL(epoll_create1),
	CALL(fdatasync),
	CALL(msync),
	CALL(mincore),
	CALL(getsockname),
	CALL(getpeername),
};

#define N (sizeof(calls) / sizeof(calls[0]))

static void *spin_for_ever(void *data)
{
	for (volatile unsigned spin = 0;; spin++)
		;
	return data;
}

static _Noreturn void child(void)
{
	pthread_t thread;

	expect_that(pthread_create(&thread, NULL, spin_for_ever, NULL) == 0);
	for (size_t i = 0; i < N; i++) {
		for (volatile int spin = 0; spin < 20000; spin++)
			;
		syscall(calls[i].nr, 0, 0, 0, 0, 0, 0);
	}
	_exit(0);
}

int main(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		child();
	do {
		kill(pid, SIGSTOP);
		kill(pid, SIGCONT);
	} while (waitpid(pid, &status, WNOHANG) == 0);
	expect_that(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	for (size_t i = 0; i < N; i++) {
		expect("{'scope':'syscalls','where':{'name':'^%s$'},'compare':['name','count']}",
		       calls[i].name);
		expect("{'fact':'syscalls','name':'%s','count':1}", calls[i].name);
	}
	return 0;
}
