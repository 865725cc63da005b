/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reaching into another process. What a tracer's presence forbids is a gap: without it, it might have
 * been done.
 *
 * LIVE: m32
 * Whether a child gets there before it is killed is chance.
 * LIVE: differs \bpause$
 */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "expect.h"

int main(void)
{
	static char mine[8], theirs[8] = "theirs";
	char self[PATH_MAX], detail[PATH_MAX + 64];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	struct iovec local = {mine, 8}, remote = {theirs, 8};
	int status;
	pid_t pid;

	expect_that(len > 0);
	self[len] = '\0';
	expect("{'scope':'ptraces','where':{},'compare':['request','target','peer','outcomes']}");
	pid = fork();
	expect_that(pid >= 0);
	if (pid == 0) {
		for (;;)
			pause();
	}
	expect_that(process_vm_readv(pid, &local, 1, &remote, 1, 0) == 8);
	expect_that(process_vm_writev(pid, &local, 1, &remote, 1, 0) == 8);
	expect_that(syscall(SYS_kcmp, getpid(), pid, 1 /* KCMP_VM */, 0, 0) > 0);
	for (int i = 0; i < 3; i++)
		expect("{'fact':'ptraces','request':'%s','target':'tree','peer':'%s',"
		       "'outcomes':{'ok':1}}",
		       ((const char *[]){"process_vm_readv", "process_vm_writev", "kcmp"})[i],
		       self);
	expect_that(ptrace(PTRACE_ATTACH, pid, 0, 0) == -1 && errno == EPERM);
	expect("{'fact':'ptraces','request':'PTRACE_ATTACH','target':'tree','peer':'%s',"
	       "'outcomes':{'EPERM':1}}",
	       self);
	expect_that(ptrace(PTRACE_TRACEME, 0, 0, 0) == -1 && errno == EPERM);
	expect("{'fact':'ptraces','request':'PTRACE_TRACEME','target':'self',"
	       "'outcomes':{'EPERM':1}}");
	expect_that(ptrace(PTRACE_CONT, pid, 0, 0) == -1 && errno == ESRCH);
	expect("{'fact':'ptraces','request':'PTRACE_CONT','target':'tree','peer':'%s',"
	       "'outcomes':{'ESRCH':1}}",
	       self);
	snprintf(detail, sizeof(detail), "PTRACE_ATTACH by %s", self);
	expect_gap("nested-ptrace", detail);
	snprintf(detail, sizeof(detail), "PTRACE_TRACEME by %s", self);
	expect_gap("nested-ptrace", detail);
	expect_that(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
	return 0;
}
