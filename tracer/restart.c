/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/restart.h"

#ifdef __x86_64__

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include "tracer/procfs.h"

#define CODE_64	    0x33 /* __USER_CS: the numbers are x86_64's */
#define STATUS_TEXT 4096
#define INSN	    2 /* bytes of syscall */
/* The kernel's own: arch_do_signal_or_restart() makes EINTR of it where a handler runs, else the call again. */
#define ERESTARTNOHAND 514

/* Those that answer EINTR themselves, and where their time limit is. */
static const struct waiting {
	unsigned long long nr;
	bool milliseconds; /* an int, negative for none; else a pointer, NULL for none */
	size_t limit;	   /* of the register */
} waiting[] = {
	{128, false, offsetof(struct user_regs_struct, rdx)}, /* rt_sigtimedwait */
	{232, true, offsetof(struct user_regs_struct, r10)},  /* epoll_wait */
	{281, true, offsetof(struct user_regs_struct, r10)},  /* epoll_pwait */
	{441, false, offsetof(struct user_regs_struct, r10)}, /* epoll_pwait2 */
};

static bool waits_for_ever(const struct user_regs_struct *regs)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(waiting); i++) {
		unsigned long long limit;

		if (waiting[i].nr != regs->orig_rax)
			continue;
		memcpy(&limit, (const char *)regs + waiting[i].limit, sizeof(limit));
		return waiting[i].milliseconds ? (int)limit < 0 : limit == 0;
	}
	return false;
}

static bool set_has(const char *status, const char *name, int sig)
{
	const char *line = strstr(status, name);

	return line && strtoull(line + strlen(name), NULL, 16) >> (sig - 1) & 1;
}

/* sig_handler_ignored() in kernel/signal.c. A gone task ignores nothing. */
static bool ignores(struct wh_recorder *r, const struct wh_task *task, int sig)
{
	char name[32], status[STATUS_TEXT];

	snprintf(name, sizeof(name), "%d/status", (int)task->tid);
	/* SIGCONT: most often it comes after a stop, and that interrupts untraced, too. */
	if (sig < 1 || sig > 64 || sig == SIGCONT ||
	    wh_procfs_read(r->proc_fd, name, status, sizeof(status)) < 0)
		return false;
	if (set_has(status, "\nSigIgn:", sig))
		return true;
	return (sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH) &&
	       !set_has(status, "\nSigCgt:", sig);
}

void wh_restart_signal(struct wh_recorder *r, struct wh_task *task, int sig)
{
	struct user_regs_struct regs;
	bool interrupted, back, ignored;

	if (ptrace(PTRACE_GETREGS, task->tid, NULL, &regs) < 0 || regs.cs != CODE_64 ||
	    !waits_for_ever(&regs))
		return;
	interrupted = regs.rax == (unsigned long long)-EINTR;
	back = regs.rax == regs.orig_rax && task->stepped_back && regs.rip == task->stepped_back;
	ignored = (interrupted || back) && ignores(r, task, sig);
	if (interrupted && ignored) {
		regs.rax = regs.orig_rax;
		regs.rip -= INSN;
		task->stepped_back = regs.rip;
	} else if (back && !ignored) {
		regs.rax = (unsigned long long)-EINTR;
		regs.rip += INSN;
		task->stepped_back = 0;
	} else {
		return;
	}
	/* ESRCH is normal: it was killed in its stop. */
	ptrace(PTRACE_SETREGS, task->tid, NULL, &regs);
}

void wh_restart_interrupted(struct wh_task *task)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, task->tid, NULL, &regs) < 0 || regs.cs != CODE_64 ||
	    (long long)regs.orig_rax < 0 || regs.rax != (unsigned long long)-EINTR)
		return;
	regs.rax = regs.orig_rax;
	regs.rip -= INSN;
	task->stepped_back = regs.rip;
	ptrace(PTRACE_SETREGS, task->tid, NULL, &regs);
}

/*
 * Calls that answer EINTR to any interruption, a stop included (signal(7)), and have done nothing then: they may as well be
 * made again. Those of sockets do so only if they have a time limit.
 */
static const unsigned long long waits[] = {
	0,   /* read */
	1,   /* write */
	19,  /* readv */
	20,  /* writev */
	43,  /* accept */
	44,  /* sendto */
	45,  /* recvfrom */
	46,  /* sendmsg */
	47,  /* recvmsg */
	65,  /* semop */
	128, /* rt_sigtimedwait */
	208, /* io_getevents */
	220, /* semtimedop */
	232, /* epoll_wait */
	281, /* epoll_pwait */
	288, /* accept4 */
	299, /* recvmmsg */
	307, /* sendmmsg */
	441, /* epoll_pwait2 */
};

static bool answers_to_stops(unsigned long long nr)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(waits); i++)
		if (waits[i] == nr)
			return true;
	return false;
}

/* The register is nobody's after the call: the C library and Go both load it before each. */
static void shorten(struct user_regs_struct *regs, uint64_t waited_ms)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(waiting); i++) {
		unsigned long long limit;

		if (waiting[i].nr != regs->orig_rax || !waiting[i].milliseconds)
			continue;
		memcpy(&limit, (const char *)regs + waiting[i].limit, sizeof(limit));
		if ((int)limit <= 0)
			return;
		limit = (uint64_t)(int)limit > waited_ms ? limit - waited_ms : 0;
		memcpy((char *)regs + waiting[i].limit, &limit, sizeof(limit));
	}
}

bool wh_restart_unnoticed(const struct wh_task *task, uint64_t waited_ms)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, task->tid, NULL, &regs) < 0 || regs.cs != CODE_64 ||
	    (long long)regs.orig_rax < 0 || regs.rax != (unsigned long long)-EINTR ||
	    !answers_to_stops(regs.orig_rax))
		return false;
	shorten(&regs, waited_ms);
	regs.rax = (unsigned long long)-ERESTARTNOHAND;
	return ptrace(PTRACE_SETREGS, task->tid, NULL, &regs) == 0;
}

#else

bool wh_restart_unnoticed(const struct wh_task *task, uint64_t waited_ms)
{
	(void)task;
	(void)waited_ms;
	return false;
}

void wh_restart_interrupted(struct wh_task *task)
{
	(void)task;
}

void wh_restart_signal(struct wh_recorder *r, struct wh_task *task, int sig)
{
	(void)r;
	(void)task;
	(void)sig;
}

#endif
