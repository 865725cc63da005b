// SPDX-License-Identifier: Apache-2.0
/* The plain engine: PTRACE_SYSCALL, a stop at each entry and each return. */
#include "tracer/call.h"
#include "tracer/engine.h"

static int plain_stop(struct wh_recorder *r, struct wh_task *task,
		      const struct __ptrace_syscall_info *info)
{
	switch (info->op) {
	case PTRACE_SYSCALL_INFO_ENTRY:
		return wh_call_enter(r, task, info);
	case PTRACE_SYSCALL_INFO_EXIT:
		return wh_call_leave(r, task, info);
	}
	return 0;
}

static enum __ptrace_request plain_resume(struct wh_recorder *r, struct wh_task *task)
{
	(void)r;
	(void)task;
	return PTRACE_SYSCALL;
}

const struct wh_engine wh_plain_engine = {
	.name = "plain",
	.about = "stops at each entry and each return: works everywhere",
	.stop = plain_stop,
	.resume = plain_resume,
};
