/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same as tree-untraced, by a thread that has been busy for long. Where an engine has given it a filter,
 * the child inherits that, and would be refused most calls without a tracer: so it is traced after all.
 */
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "expect.h"

#define ROUNDS 40
#define CALLS  2000

static int filters(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	int n = 0;

	expect_that(f != NULL);
	while (fgets(line, sizeof(line), f))
		sscanf(line, "Seccomp_filters: %d", &n);
	fclose(f);
	return n;
}

int main(void)
{
	int before = filters(), status;
	bool followed = before > 0;
	long pid;

	for (int i = 0; i < ROUNDS && !followed; i++) {
		for (int k = 0; k < CALLS; k++)
			syscall(SYS_getppid);
		followed = filters() > before;
	}
	pid = syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0);
	if (!pid) {
		syscall(SYS_getsid, 0);
		_exit(syscall(SYS_getpgid, 0) > 0 ? 5 : 6);
	}
	expect_that(waitpid((pid_t)pid, &status, 0) == pid);
	expect_that(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	if (!followed)
		expect_gap("untraced-child", "clone");
	else
		expect("{'fact':'syscalls','name':'getsid','count':1}");
	expect("{'scope':'syscalls','where':{'name':'^getsid$'},'compare':['count']}");
	return 0;
}
