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

#else

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
