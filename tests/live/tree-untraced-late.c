/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same as tree-untraced, by a thread that has been busy for long. Where an engine has given it a filter,
 * the child inherits that, and would be refused most calls without a tracer: so it is traced after all.
 *
 * It is told the engine, and prints another text.
 * LIVE: differs ^only in B: syscalls \w+ get(pgid|sid)$|\bgetrandom$
 */
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "expect.h"

#define CALLS 20000

int main(void)
{
	/* What the status says of filters is not the tracer's. */
	const char *engine = getenv("WH_ENGINE");
	bool followed = engine && strcmp(engine, "plain") != 0;
	int status;
	long pid;

	for (int i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
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
