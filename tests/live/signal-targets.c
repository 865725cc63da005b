/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals: to whom, and whose program that is.
 *
 * LIVE: m32
 * Whether a child gets there before it is killed is chance.
 * LIVE: differs \bpause$
 */
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "expect.h"

static void nothing(int number)
{
	(void)number;
}

static void fact(const char *number, const char *target, const char *peer, const char *outcome,
		 int n)
{
	char who[PATH_MAX + 16] = "";

	if (peer)
		snprintf(who, sizeof(who), "\"peer\":\"%s\",", peer);
	expect("{'fact':'signals','signal':'%s','target':'%s',%s'outcomes':{'%s':%d}}", number,
	       target, who, outcome, n);
}

int main(void)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	siginfo_t info = {.si_signo = SIGUSR2, .si_code = SI_QUEUE};
	int status, pidfd;
	pid_t pid;

	expect_that(len > 0);
	self[len] = '\0';
	expect("{'scope':'signals','where':{},'compare':['signal','target','peer','outcomes']}");
	signal(SIGUSR1, nothing);
	signal(SIGUSR2, nothing);
	signal(SIGRTMIN + 3, nothing);
	setpgid(0, 0);
	expect_that(kill(getpid(), SIGUSR1) == 0 && raise(SIGUSR1) == 0);
	expect_that(syscall(SYS_tkill, getpid(), SIGUSR1) == 0);
	fact("SIGUSR1", "self", NULL, "ok", 3);
	expect_that(kill(getpid(), SIGRTMIN + 3) == 0);
	fact("SIGRTMIN+5", "self", NULL, "ok", 1); /* the kernel counts from 32, libc from 34 */
	expect_that(kill(0, SIGUSR2) == 0);
	fact("SIGUSR2", "group", NULL, "ok", 1);
	expect_that(kill(getpid(), 0) == 0);
	fact("0", "self", NULL, "ok", 1);

	pid = fork();
	expect_that(pid >= 0);
	if (pid == 0) {
		for (;;)
			pause();
	}
	expect_that(kill(pid, SIGUSR1) == 0);
	fact("SIGUSR1", "tree", self, "ok", 1);
	info.si_pid = getpid();
	expect_that(syscall(SYS_rt_sigqueueinfo, pid, SIGUSR2, &info) == 0);
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	expect_that(pidfd >= 0);
	expect_that(syscall(SYS_pidfd_send_signal, pidfd, SIGUSR2, NULL, 0) == 0);
	fact("SIGUSR2", "tree", self, "ok", 2);
	expect_that(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
	fact("SIGKILL", "tree", self, "ok", 1);
	expect_that(kill(pid, SIGTERM) == -1 && errno == ESRCH);
	fact("SIGTERM", "outside", NULL, "ESRCH", 1);
	expect_that(kill(getpid(), 65) == -1 && errno == EINVAL);
	fact("65", "self", NULL, "EINVAL", 1);
	return 0;
}
