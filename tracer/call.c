// SPDX-License-Identifier: Apache-2.0
#include "tracer/call.h"

#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/user.h>

#include "tracer/decode.h"
#include "tracer/known.h"
#include "tracer/oom.h"
#include "tracer/pending.h"
#include "tracer/procfs.h"
#include "tracer/site.h"

/* The kernel's own results: the call is made again, by its number or by restart_syscall(). */
#define RESTART_MIN   512
#define RESTART_BLOCK 516
#define RESTART_MAX   516
#define MAX_ERRNO     4095

#define SYS_SECCOMP_CODE 1 /* si_code of a SIGSYS by seccomp; SYS_SECCOMP where libc has it */

int wh_call_lose(struct wh_recorder *r, struct wh_task *task)
{
	int err;

	wh_known_left(task);
	if (!task->in_call)
		return 0;
	task->in_call = false;
	err = wh_decode_lost(r, task);
	wh_decode_reset(&task->call);
	return err;
}

/* The entry as PTRACE_EVENT_SECCOMP tells it has the same members in the same places. */
int wh_call_enter(struct wh_recorder *r, struct wh_task *task,
		  const struct __ptrace_syscall_info *info)
{
	struct wh_call *call = &task->call;
	const struct wh_abi *abi = wh_syscall_abi_audit(info->arch, info->entry.nr);
	int err = wh_call_lose(r, task);

	if (err < 0)
		return err;
	task->had_child = false;
	task->learnt = false;
	if (!abi)
		return wh_record_gap(r, task, "unknown-syscall", "number %llu of architecture 0x%x",
				     (unsigned long long)info->entry.nr, info->arch);
	call->abi = abi;
	call->nr = info->entry.nr;
	for (size_t i = 0; i < WH_ARRAY_SIZE(call->arg); i++)
		call->arg[i] = info->entry.args[i];
	call->ip = info->instruction_pointer;
	call->sp = info->stack_pointer;
	task->in_call = true;
	err = wh_decode_enter(r, task);
	if (err >= 0)
		err = wh_known_entered(r, task);
	if (err >= 0 && call->row && call->row->irregular == WH_IRREGULAR_EXEC)
		err = wh_site_before_exec(r, task);
	return err;
}

/*
 * SECCOMP_RET_TRAP skips the call and leaves its number where the result would be. What tells it from
 * a call that returned its own number is the SIGSYS that waits for the thread.
 */
static bool trapped_by_filter(const struct wh_task *task, const struct __ptrace_syscall_info *info)
{
	return !info->exit.is_error && (uint64_t)info->exit.rval == task->call.nr &&
	       wh_pending_has(task->tid, false, SIGSYS, SYS_SECCOMP_CODE);
}

/* A clone with CLONE_UNTRACED makes a child that no tracer hears of. */
static int check_child(struct wh_recorder *r, struct wh_task *task)
{
	static const char *const makers[] = {"clone", "clone3", "fork", "vfork"};
	const struct wh_call *call = &task->call;

	if (task->had_child || call->err || call->ret <= 0 || !call->name)
		return 0;
	for (size_t i = 0; i < WH_ARRAY_SIZE(makers); i++)
		if (strcmp(call->name, makers[i]) == 0)
			return wh_record_gap(r, task, "untraced-child", "%s", call->name);
	return 0;
}

/* What the call at which a stopped task was interrupted will return, if the kernel has that already. */
static bool interrupted_result(pid_t tid, int64_t *ret)
{
#ifdef __x86_64__
	errno = 0;
	*ret = ptrace(PTRACE_PEEKUSER, tid, offsetof(struct user_regs_struct, rax), NULL);
	return !errno;
#else
	(void)tid;
	(void)ret;
	return false;
#endif
}

/* /proc/TID/syscall: "202 0x7f… 0x80 … SP IP"; -1 outside of a call. Decimal, then six arguments. */
static bool read_call(const struct wh_recorder *r, pid_t tid, struct __ptrace_syscall_info *info)
{
	char name[32], text[256];
	long long nr;
	unsigned long long arg[6];

	snprintf(name, sizeof(name), "%d/syscall", (int)tid);
	if (wh_procfs_read(r->proc_fd, name, text, sizeof(text)) <= 0 ||
	    sscanf(text, "%lld %llx %llx %llx %llx %llx %llx", &nr, &arg[0], &arg[1], &arg[2],
		   &arg[3], &arg[4], &arg[5]) != 7 ||
	    nr < 0)
		return false;
	info->entry.nr = (uint64_t)nr;
	for (size_t i = 0; i < WH_ARRAY_SIZE(arg); i++)
		info->entry.args[i] = arg[i];
	return true;
}

int wh_call_found(struct wh_recorder *r, struct wh_task *task, bool over)
{
	struct __ptrace_syscall_info info, end = {.op = PTRACE_SYSCALL_INFO_EXIT};
	unsigned phase = r->phase;
	bool known;
	int64_t result = 0;
	int err;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, task->tid, (void *)sizeof(info), &info) <= 0 ||
	    !read_call(r, task->tid, &info))
		return 0;
	known = over && interrupted_result(task->tid, &result);
	/* These it makes again, and then it is seen. */
	if (known && result <= -RESTART_MIN && result >= -RESTART_MAX && result != -RESTART_BLOCK)
		return 0;
	r->phase = WH_PHASE_FOUND;
	err = wh_call_enter(r, task, &info);
	task->had_child = true; /* if it has made one, that is found by itself */
	end.exit.rval = result;
	end.exit.is_error = result < 0 && result >= -MAX_ERRNO;
	if (err >= 0)
		err = known && result != -RESTART_BLOCK ? wh_call_leave(r, task, &end)
							: wh_call_lose(r, task);
	r->phase = phase;
	return err;
}

bool wh_call_sets_seccomp(const struct wh_call *call)
{
	if (!call->row)
		return false;
	if (call->row->irregular == WH_IRREGULAR_SECCOMP)
		return call->arg[0] <= SECCOMP_SET_MODE_FILTER;
	return call->row->irregular == WH_IRREGULAR_PRCTL && call->arg[0] == PR_SET_SECCOMP;
}

bool wh_call_asks_seccomp(const struct wh_call *call)
{
	return call->row && call->row->irregular == WH_IRREGULAR_PRCTL &&
	       call->arg[0] == PR_GET_SECCOMP;
}

void wh_call_answer(const struct wh_task *task, long long result)
{
#ifdef __x86_64__
	ptrace(PTRACE_POKEUSER, task->tid, offsetof(struct user_regs_struct, orig_rax), -1L);
	ptrace(PTRACE_POKEUSER, task->tid, offsetof(struct user_regs_struct, rax), result);
#else
	(void)task;
	(void)result;
#endif
}

bool wh_call_returns(const char *name)
{
	return strcmp(name, "rt_sigreturn") != 0 && strcmp(name, "sigreturn") != 0;
}

int wh_call_leave(struct wh_recorder *r, struct wh_task *task,
		  const struct __ptrace_syscall_info *info)
{
	struct wh_call *call = &task->call;
	int err;

	wh_known_left(task);
	/* The return of a call that was entered before the task was seen. */
	if (!task->in_call)
		return 0;
	task->in_call = false;
	call->returned = true;
	call->ret = info->exit.rval;
	call->err = info->exit.is_error ? (int)-info->exit.rval : 0;
	if (call->err && !wh_call_returns(call->name)) {
		call->ret = 0;
		call->err = 0;
	}
	if (trapped_by_filter(task, info)) {
		call->ret = -ENOSYS;
		call->err = ENOSYS;
	}
	err = check_child(r, task);
	if (err >= 0)
		err = wh_oom_left(r, task);
	if (err >= 0)
		err = wh_decode_exit(r, task);
	wh_decode_reset(call);
	return err;
}
