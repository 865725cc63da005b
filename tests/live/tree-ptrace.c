/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that wants to trace its own children cannot, as they are traced already: a gap says so.
 *
 * LIVE: m32
 */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "expect.h"

int main(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		expect_that(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1 && errno == EPERM);
		for (;;)
			pause();
	}
	expect_that(ptrace(PTRACE_SEIZE, pid, NULL, NULL) == -1 && errno == EPERM);
	usleep(100000);
	expect_that(kill(pid, SIGKILL) == 0);
	expect_that(waitpid(pid, &status, 0) == pid);
	expect("{'scope':'gaps','where':{},'compare':['kind']}");
	expect("{'fact':'gaps','kind':'nested-ptrace'}");
	return 0;
}
