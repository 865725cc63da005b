// SPDX-License-Identifier: Apache-2.0
#include "tracer/follow.h"

#ifdef __x86_64__

#include <errno.h>
#include <linux/sched.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>

static bool flip(const struct wh_task *task, const struct wh_follow *follow)
{
	enum __ptrace_request peek = follow->in_memory ? PTRACE_PEEKDATA : PTRACE_PEEKUSER;
	enum __ptrace_request poke = follow->in_memory ? PTRACE_POKEDATA : PTRACE_POKEUSER;
	long word;

	errno = 0;
	word = ptrace(peek, task->tid, follow->where, NULL);
	return !errno && ptrace(poke, task->tid, follow->where, word ^ CLONE_UNTRACED) == 0;
}

/* The flags are the first argument of clone(), and the first member of what clone3() is given. */
void wh_follow_enter(const struct wh_task *task, struct wh_follow *ret_follow)
{
	const struct wh_call *call = &task->call;
	struct wh_follow follow = {0};
	long word;

	*ret_follow = follow;
	if (!task->in_call || !call->name)
		return;
	if (strcmp(call->name, "clone") == 0) {
		follow.in_register = call->arg[0] & CLONE_UNTRACED;
		follow.where = strcmp(call->abi->name, "i386") == 0
				       ? offsetof(struct user, regs.rbx)
				       : offsetof(struct user, regs.rdi);
	} else if (strcmp(call->name, "clone3") == 0) {
		follow.where = call->arg[0];
		errno = 0;
		word = ptrace(PTRACE_PEEKDATA, task->tid, follow.where, NULL);
		follow.in_memory = !errno && word & CLONE_UNTRACED;
	}
	if ((follow.in_register || follow.in_memory) && flip(task, &follow))
		*ret_follow = follow;
}

void wh_follow_restore(const struct wh_task *task, struct wh_follow *follow)
{
	long word;

	if (!follow->in_register && !follow->in_memory)
		return;
	errno = 0;
	word = ptrace(follow->in_memory ? PTRACE_PEEKDATA : PTRACE_PEEKUSER, task->tid,
		      follow->where, NULL);
	/* Memory may be shared with the one that has put it back. */
	if (!errno && !(word & CLONE_UNTRACED))
		flip(task, follow);
	*follow = (struct wh_follow){0};
}

#else

void wh_follow_enter(const struct wh_task *task, struct wh_follow *ret_follow)
{
	(void)task;
	*ret_follow = (struct wh_follow){0};
}

void wh_follow_restore(const struct wh_task *task, struct wh_follow *follow)
{
	(void)task;
	(void)follow;
}

#endif
