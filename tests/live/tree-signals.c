/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals arrive as they were sent, with all that they carry; also those that a debugger would take for
 * its own.
 *
 * LIVE: m32 static
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "expect.h"

static volatile siginfo_t seen;
static volatile sig_atomic_t times;
static char *page;

static void on_signal(int sig, siginfo_t *si, void *context)
{
	(void)sig;
	(void)context;
	seen = *si;
	times++;
	if (sig == SIGSEGV)
		mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void expect_seen(int sig, int code)
{
	expect_that(times == 1 && seen.si_signo == sig && seen.si_code == code);
	times = 0;
}

static int status_of_child_that(void (*act)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		act();
		_exit(0);
	}
	expect_that(waitpid(pid, &status, 0) == pid);
	return status;
}

static void die_of_trap(void)
{
	signal(SIGTRAP, SIG_DFL);
	raise(SIGTRAP);
}

static void die_of_rt(void)
{
	raise(SIGRTMIN + 1);
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	union sigval value = {.sival_int = 4711};
	int status;

	for (int i = 0; i < 5; i++) {
		const int sigs[] = {SIGTRAP, SIGSEGV, SIGRTMIN + 2, SIGUSR1, SIGCONT};

		expect_that(sigaction(sigs[i], &action, NULL) == 0);
	}
	expect_that(kill(getpid(), SIGTRAP) == 0);
	expect_seen(SIGTRAP, SI_USER);
	expect_that(seen.si_pid == getpid());
	__asm__ volatile("int3");
	expect_seen(SIGTRAP, SI_KERNEL);
	expect_that(sigqueue(getpid(), SIGRTMIN + 2, value) == 0);
	expect_seen(SIGRTMIN + 2, SI_QUEUE);
	expect_that(seen.si_value.sival_int == 4711);
	expect_that(sigqueue(getpid(), SIGTRAP, value) == 0);
	expect_seen(SIGTRAP, SI_QUEUE);
	page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	expect_that(page != MAP_FAILED);
	page[17] = 1;
	expect_seen(SIGSEGV, SEGV_ACCERR);
	expect_that(seen.si_addr == page + 17);
	expect_that(kill(getpid(), SIGCONT) == 0);
	expect_seen(SIGCONT, SI_USER);
	status = status_of_child_that(die_of_trap);
	expect_that(WIFSIGNALED(status) && WTERMSIG(status) == SIGTRAP);
	status = status_of_child_that(die_of_rt);
	expect_that(WIFSIGNALED(status) && WTERMSIG(status) == SIGRTMIN + 1);
	syscall(SYS_getsid, 0);
	expect("{'scope':'syscalls','where':{'name':'^getsid$'},'compare':['count']}");
	expect("{'fact':'syscalls','name':'getsid','count':1}");
	return 0;
}
