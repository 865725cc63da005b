/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child of which the kernel tells no tracer, because its maker asked for that: a gap says so, as what
 * it does is not seen. The assisted engine takes that wish away, and sees the child.
 *
 * LIVE: m32
 *
 * It is told the engine, and prints another text.
 * LIVE: differs ^only in B: syscalls \w+ get(pgid|sid)$|\bgetrandom$
 */
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "expect.h"

int main(void)
{
	const char *engine = getenv("WH_ENGINE");
	int status;
	long pid = syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0);

	if (!pid) {
		syscall(SYS_getsid, 0);
		_exit(5);
	}
	expect_that(waitpid(pid, &status, 0) == pid);
	expect_that(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	if (!engine || strcmp(engine, "assisted") != 0)
		expect_gap("untraced-child", "clone");
	else
		expect("{'fact':'syscalls','name':'getsid','count':1}");
	expect("{'scope':'syscalls','where':{'name':'^getsid$'},'compare':['count']}");
	return 0;
}
