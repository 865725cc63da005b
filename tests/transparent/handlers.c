/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handlers: their stack, their nesting, their way out, what they are told, and the masks that calls set for
 * as long as they wait; cold, and after the program got hot.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/ucontext.h>
#include <time.h>

#include "check.h"

static char alternate[65536];
static sigjmp_buf back;
static volatile sig_atomic_t depth, deepest, came, nested, blocked_inside, on_stack, last;
static volatile siginfo_t told;

static void handle(int sig, void (*handler)(int, siginfo_t *, void *), int flags, int masked)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};

	sigemptyset(&action.sa_mask);
	if (masked)
		sigaddset(&action.sa_mask, masked);
	sigaction(sig, &action, NULL);
	came = nested = depth = deepest = 0;
}

static sigset_t set_of(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	if (sig)
		sigaddset(&set, sig);
	return set;
}

static int is_blocked(int sig)
{
	sigset_t set;

	sigprocmask(SIG_SETMASK, NULL, &set);
	return sigismember(&set, sig);
}

/* ---- the stack ------------------------------------------------------------------------------- */

static void on_alternate(int sig, siginfo_t *si, void *context)
{
	char *here = (char *)&si;
	stack_t stack, other = {.ss_sp = alternate, .ss_size = sizeof(alternate)};

	(void)context;
	on_stack = here >= alternate && here < alternate + sizeof(alternate) &&
		   sigaltstack(NULL, &stack) == 0 && stack.ss_flags == SS_ONSTACK &&
		   sigaltstack(&other, NULL) == -1 && errno == EPERM;
	told.si_addr = si->si_addr;
	if (sig == SIGSEGV)
		siglongjmp(back, 1);
}

__attribute__((noinline)) static int overflow(int n)
{
	volatile char room[4096];

	room[0] = (char)n;
	return n == 0 ? 0 : overflow(n + 1) + room[0];
}

static void stacks(void)
{
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)}, now;

	check(sigaltstack(&stack, NULL) == 0, "sigaltstack");
	handle(SIGUSR1, on_alternate, SA_ONSTACK, 0);
	on_stack = 0;
	raise(SIGUSR1);
	check(on_stack, "handler-on-its-stack");
	check(sigaltstack(NULL, &now) == 0 && now.ss_sp == alternate && now.ss_flags == 0,
	      "sigaltstack-after");
	handle(SIGSEGV, on_alternate, SA_ONSTACK, 0);
	on_stack = 0;
	if (!sigsetjmp(back, 1))
		overflow(1);
	check(on_stack && !is_blocked(SIGSEGV), "stack-overflow");
	signal(SIGSEGV, SIG_DFL);
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
}

/* ---- nesting --------------------------------------------------------------------------------- */

static void on_nested(int sig, siginfo_t *si, void *context)
{
	(void)si;
	(void)context;
	if (sig == SIGUSR2) {
		nested = depth > 0 ? 1 : 2;
		return;
	}
	came = came + 1;
	depth = depth + 1;
	deepest = deepest > depth ? deepest : depth;
	blocked_inside = is_blocked(SIGUSR1);
	if (came < 6)
		raise(SIGUSR1);
	if (came == 6)
		raise(SIGUSR2);
	depth = depth - 1;
}

static void nesting(void)
{
	handle(SIGUSR2, on_nested, 0, 0);
	handle(SIGUSR1, on_nested, SA_NODEFER, 0);
	raise(SIGUSR1);
	check(came == 6 && deepest == 6 && nested == 1 && !blocked_inside, "SA_NODEFER");
	handle(SIGUSR1, on_nested, 0, SIGUSR2);
	raise(SIGUSR1);
	check(came == 6 && deepest == 1 && nested == 2 && blocked_inside, "sa_mask");
	check(!is_blocked(SIGUSR1) && !is_blocked(SIGUSR2), "mask-after");
	handle(SIGUSR2, on_nested, (int)SA_RESETHAND, 0);
	raise(SIGUSR2);
	{
		struct sigaction now;

		sigaction(SIGUSR2, NULL, &now);
		check(now.sa_handler == SIG_DFL, "SA_RESETHAND");
	}
}

/* ---- out of a handler ------------------------------------------------------------------------ */

static void jump(int sig, siginfo_t *si, void *context)
{
	(void)si;
	(void)context;
	siglongjmp(back, sig);
}

static void jumps(void)
{
	volatile int rounds = 0, good = 1;
	int pipes[2];
	struct itimerspec spec = {{0, 0}, {0, 3000000}};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
	timer_t timer;
	char c;

	if (pipe(pipes) || timer_create(CLOCK_MONOTONIC, &event, &timer))
		exit(99);
	handle(SIGALRM, jump, SA_RESTART, 0);
	if (sigsetjmp(back, 1))
		good = good && !is_blocked(SIGALRM);
	rounds = rounds + 1;
	if (rounds <= 20) {
		timer_settime(timer, 0, &spec, NULL);
		/* Out of a call that waits, and out of many that do not. */
		if (rounds % 2)
			good = read(pipes[0], &c, 1) == -2;
		else
			for (;;)
				syscall(SYS_getppid);
	}
	timer_delete(timer);
	check(good && rounds == 21, "siglongjmp");
	close(pipes[0]);
	close(pipes[1]);
}

/* ---- masks of calls -------------------------------------------------------------------------- */

static void count(int sig, siginfo_t *si, void *context)
{
	(void)context;
	came = came + 1;
	last = sig;
	told.si_code = si->si_code;
	told.si_pid = si->si_pid;
	told.si_uid = si->si_uid;
	told.si_value = si->si_value;
}

static void masked(const char *name, int (*wait)(const sigset_t *))
{
	sigset_t set = set_of(SIGUSR1), open = set_of(0);
	int ret;

	handle(SIGUSR1, count, SA_RESTART, 0);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	check(came == 0, name);
	ret = wait(&open);
	check(ret == -1 && errno == EINTR && came == 1 && is_blocked(SIGUSR1), name);
	check(wait(&set) == 0 && came == 1, name);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static const struct timespec moment = {0, 3000000};
static int epoll;

static int wait_ppoll(const sigset_t *mask)
{
	return ppoll(NULL, 0, &moment, mask);
}

static int wait_pselect(const sigset_t *mask)
{
	return pselect(0, NULL, NULL, NULL, &moment, mask);
}

static int wait_epoll(const sigset_t *mask)
{
	struct epoll_event event;

	return epoll_pwait(epoll, &event, 1, 3, mask);
}

static void suspends(void)
{
	sigset_t set = set_of(SIGUSR1), open = set_of(0), pending;

	handle(SIGUSR1, count, SA_RESTART, 0);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	sigpending(&pending);
	check(sigismember(&pending, SIGUSR1) == 1, "sigpending");
	check(sigsuspend(&open) == -1 && errno == EINTR && came == 1 && is_blocked(SIGUSR1),
	      "sigsuspend");
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* ---- what they are told ---------------------------------------------------------------------- */

static void informed(void)
{
	union sigval value = {.sival_int = 815};

	handle(SIGUSR1, count, 0, 0);
	kill(getpid(), SIGUSR1);
	check(told.si_code == SI_USER && told.si_pid == getpid() && told.si_uid == getuid(),
	      "siginfo-kill");
	raise(SIGUSR1);
	check(told.si_code == SI_TKILL && told.si_pid == getpid(), "siginfo-tgkill");
	sigqueue(getpid(), SIGUSR1, value);
	check(told.si_code == SI_QUEUE && told.si_value.sival_int == 815, "siginfo-sigqueue");
}

static void waited(void)
{
	sigset_t set = set_of(SIGRTMIN), old;
	struct signalfd_siginfo fdsi;
	siginfo_t si;
	int fd, good = 1;

	sigaddset(&set, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &set, &old);
	sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 3});
	sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 1});
	sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 2});
	for (int i = 1; i <= 3; i++)
		good = good && sigwaitinfo(&set, &si) == SIGRTMIN + i / 3 &&
		       si.si_value.sival_int == i && si.si_pid == getpid();
	check(good, "sigwaitinfo-order");
	check(sigtimedwait(&set, &si, &moment) == -1 && errno == EAGAIN, "sigtimedwait-EAGAIN");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	check(read(fd, &fdsi, sizeof(fdsi)) == -1 && errno == EAGAIN, "signalfd-EAGAIN");
	sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 7});
	check(read(fd, &fdsi, sizeof(fdsi)) == sizeof(fdsi) && (int)fdsi.ssi_signo == SIGRTMIN &&
		      fdsi.ssi_int == 7 && (pid_t)fdsi.ssi_pid == getpid(),
	      "signalfd");
	close(fd);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* ---- faults ---------------------------------------------------------------------------------- */

static void on_fault(int sig, siginfo_t *si, void *context)
{
	ucontext_t *u = context;

	came = came + 1;
	last = sig;
	told.si_code = si->si_code;
	told.si_addr = si->si_addr;
	if (sig == SIGSEGV || sig == SIGBUS)
		siglongjmp(back, 1);
#if defined(__x86_64__) || defined(__i386__)
	if (sig == SIGTRAP && came >= 4) /* no more steps */
		u->uc_mcontext.gregs[REG_EFL] &= ~0x100L;
#endif
	(void)u;
}

static void faults(void)
{
	long page = sysconf(_SC_PAGESIZE);
	volatile char *none =
		mmap(NULL, (size_t)page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = memfd_create("short", MFD_CLOEXEC);
	volatile char *hole = mmap(NULL, (size_t)page, PROT_READ, MAP_SHARED, fd, 0);

	handle(SIGSEGV, on_fault, 0, 0);
	if (!sigsetjmp(back, 1))
		*none = 1;
	check(came == 1 && told.si_code == SEGV_ACCERR && told.si_addr == (void *)none, "SIGSEGV");
	handle(SIGBUS, on_fault, 0, 0);
	if (!sigsetjmp(back, 1))
		came = *hole;
	check(came == 1 && told.si_code == BUS_ADRERR && told.si_addr == (void *)hole, "SIGBUS");
#if defined(__x86_64__) || defined(__i386__)
	handle(SIGTRAP, on_fault, 0, 0);
	__asm__ volatile("int3");
	check(came == 1 && last == SIGTRAP && told.si_code == SI_KERNEL, "breakpoint");
	/* It steps through itself: three steps and the breakpoint. */
#ifdef __x86_64__
	__asm__ volatile("sub $128, %%rsp; pushf; orl $0x100, (%%rsp); popf; nop; nop; nop; nop; "
			 "nop; add $128, %%rsp"
			 :
			 :
			 : "cc", "memory");
#else
	__asm__ volatile("pushf; orl $0x100, (%%esp); popf; nop; nop; nop; nop; nop"
			 :
			 :
			 : "cc", "memory");
#endif
	check(came == 4 && told.si_code == TRAP_TRACE, "single-steps");
#endif
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	signal(SIGTRAP, SIG_DFL);
	munmap((void *)none, (size_t)page);
	munmap((void *)hole, (size_t)page);
	close(fd);
}

int main(void)
{
	epoll = epoll_create1(EPOLL_CLOEXEC);
	for (int round = 0; round < 2; round++) {
		stacks();
		nesting();
		jumps();
		masked("ppoll-mask", wait_ppoll);
		masked("pselect-mask", wait_pselect);
		masked("epoll_pwait-mask", wait_epoll);
		suspends();
		informed();
		waited();
		faults();
		heat();
	}
	return 0;
}
