/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children by every call that makes them. Each child makes calls of its own, and one makes a child.
 *
 * LIVE: m32 static musl
 */
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "expect.h"

struct clone3_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

static _Noreturn void child(int calls)
{
	for (int i = 0; i < calls; i++)
		syscall(SYS_getsid, 0);
	_exit(calls);
}

static void reap(long pid, int calls)
{
	int status;

	expect_that(waitpid(pid, &status, 0) == pid);
	expect_that(WIFEXITED(status) && WEXITSTATUS(status) == calls);
}

int main(void)
{
	struct clone3_args args = {.exit_signal = SIGCHLD};
	long pid;

	pid = syscall(SYS_fork);
	if (!pid)
		child(1);
	reap(pid, 1);
	pid = vfork();
	if (!pid)
		child(2);
	reap(pid, 2);
	/* The same argument order on both ABIs as long as only the first is used. */
	pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (!pid)
		child(4);
	reap(pid, 4);
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (!pid) {
		pid = syscall(SYS_fork);
		if (!pid)
			child(8);
		reap(pid, 8);
		child(16);
	}
	reap(pid, 16);
	expect("{'scope':'syscalls','where':{'name':'^(getsid|fork|vfork|clone|clone3)$'},"
	       "'compare':['name','count']}");
	expect("{'fact':'syscalls','name':'getsid','count':31}");
	expect("{'fact':'syscalls','name':'fork','count':2}");
	expect("{'fact':'syscalls','name':'vfork','count':1}");
	expect("{'fact':'syscalls','name':'clone','count':1}");
	expect("{'fact':'syscalls','name':'clone3','count':1}");
	expect("{'scope':'runs','where':{},'compare':['tasks']}");
	expect("{'fact':'runs','tasks':6}");
	return 0;
}
