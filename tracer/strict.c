// SPDX-License-Identifier: Apache-2.0
#include "tracer/strict.h"

#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/user.h>

#include "tracer/call.h"

#ifdef __x86_64__

static void poke(const struct wh_task *task, size_t at, unsigned long long value)
{
	ptrace(PTRACE_POKEUSER, task->tid, at, value);
}

void wh_strict_left(struct wh_task *task, struct __ptrace_syscall_info *info)
{
	const struct wh_call *call = &task->call;
	bool asked;

	if (!call->row || !info->exit.is_error || info->exit.rval != -EINVAL)
		return;
	asked = (call->row->irregular == WH_IRREGULAR_PRCTL && call->arg[0] == PR_SET_SECCOMP &&
		 call->arg[1] == SECCOMP_MODE_STRICT) ||
		(call->row->irregular == WH_IRREGULAR_SECCOMP &&
		 call->arg[0] == SECCOMP_SET_MODE_STRICT && !call->arg[1] && !call->arg[2]);
	if (!asked)
		return;
	task->strict = true;
	info->exit.rval = 0;
	info->exit.is_error = 0;
	wh_call_answer(task, 0);
}

/* mode1_syscalls[] of kernel/seccomp.c; sigreturn() is the one of 32-bit programs. */
static bool allowed(const struct wh_call *call)
{
	bool native = call->abi == wh_syscall_abi_native();
	const char *names[] = {"read", "write", "exit", native ? "rt_sigreturn" : "sigreturn"};

	for (size_t i = 0; i < WH_ARRAY_SIZE(names); i++)
		if (strcmp(call->name, names[i]) == 0)
			return true;
	return false;
}

struct count {
	const struct wh_process *process;
	unsigned n;
};

static void count_thread(void *data, struct wh_task *task)
{
	struct count *count = data;

	count->n += task->process == count->process && !task->exiting;
}

void wh_strict_entered(const struct wh_recorder *r, const struct wh_task *task)
{
	struct count threads = {.process = task->process};

	if (!task->strict || !task->in_call || allowed(&task->call))
		return;
	wh_task_each(r->tasks, count_thread, &threads);
	if (threads.n < 2) {
		kill(task->process->tgid, SIGKILL);
		return;
	}
	/* Only the thread ends, and nobody can ask what it ended by. */
	poke(task, offsetof(struct user_regs_struct, orig_rax), SYS_exit);
	poke(task, offsetof(struct user_regs_struct, rdi), 0);
}

#else

void wh_strict_left(struct wh_task *task, struct __ptrace_syscall_info *info)
{
	(void)task;
	(void)info;
}

void wh_strict_entered(const struct wh_recorder *r, const struct wh_task *task)
{
	(void)r;
	(void)task;
}

#endif
