/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Who the tracer is, for programs that run in each process of the machine. */
#ifndef WHITTLE_TRACER_BPF_SELF_H
#define WHITTLE_TRACER_BPF_SELF_H

#include "tracer/bpf/kernel.bpf.h"

unsigned int tracer_tgid,
	tracer_level; /* in the outermost pid namespace; which one is the tracer's own */

/* The tracer runs this itself: wh_bpf_start_introduce(). */
SEC("raw_tp")
int who_am_i(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();

	tracer_tgid = task->tgid;
	tracer_level = task->thread_pid->level;
	return 0;
}

static __always_inline bool is_traced(const struct task_struct *task)
{
	return task->ptrace && task->parent->tgid == tracer_tgid;
}

#endif
