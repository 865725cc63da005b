/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program with a seccomp filter of its own: what the filter refuses was tried, and is seen as such.
 *
 * LIVE: m32 static
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "expect.h"

#define RULE(name, action)                                                                         \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), BPF_STMT(BPF_RET | BPF_K, action)

static struct sock_filter filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	RULE(getsid, SECCOMP_RET_ERRNO | EXDEV),
	RULE(getpgid, SECCOMP_RET_TRAP),
	RULE(getpriority, SECCOMP_RET_TRACE),
	RULE(sched_yield, SECCOMP_RET_KILL_PROCESS),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

static volatile sig_atomic_t trapped;

static void on_sys(int sig, siginfo_t *si, void *context)
{
	(void)sig;
	(void)context;
	trapped = si->si_syscall;
}

int main(void)
{
	struct sock_fprog prog = {sizeof(filter) / sizeof(filter[0]), filter};
	struct sigaction action = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};
	int status;
	pid_t pid;

	expect_that(sigaction(SIGSYS, &action, NULL) == 0);
	expect_that(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	expect_that(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0);
	expect_that(syscall(SYS_getsid, 0) == -1 && errno == EXDEV);
	syscall(SYS_getpgid, 0);
	expect_that(trapped == SYS_getpgid);
	/* There is a tracer, but not one that asked for it: as if there were none. */
	expect_that(syscall(SYS_getpriority, 0, 0) == -1 && errno == ENOSYS);
	pid = fork();
	if (!pid) {
		syscall(SYS_sched_yield);
		_exit(98);
	}
	expect_that(waitpid(pid, &status, 0) == pid);
	expect_that(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	expect("{'scope':'syscalls','where':{'name':'^(getsid|getpgid|getpriority|sched_yield)$'},"
	       "'compare':['name','count','errors']}");
	/* What the filter kept from running is like a call that is not there. */
	expect("{'fact':'syscalls','name':'getsid','count':1,'errors':{'EXDEV':1}}");
	expect("{'fact':'syscalls','name':'getpgid','count':1,'errors':{'ENOSYS':1}}");
	expect("{'fact':'syscalls','name':'getpriority','count':1,'errors':{'ENOSYS':1}}");
	expect("{'fact':'syscalls','name':'sched_yield','count':1,'errors':{'ENOSYS':1}}");
	expect("{'scope':'gaps','where':{},'compare':['kind']}");
	expect("{'fact':'gaps','kind':'own-seccomp'}");
	return 0;
}
