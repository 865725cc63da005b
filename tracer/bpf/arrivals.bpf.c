// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Tells which processes get into a container, or execute something in it, that are not traced. What executes is told of in its
 * execve(), so that none can be too brief for it.
 */
#include "tracer/bpf/arrivals.h"
#include "tracer/bpf/self.bpf.h"

#define NS_DEPTH 33 /* MAX_PID_NS_LEVEL of the kernel, and the outermost */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct linux_binprm {
	const char *filename;
};

#pragma clang attribute pop

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(int));
	__uint(value_size, sizeof(int));
} arrivals SEC(".maps");

unsigned int tracer_ns; /* the tracer's own pid namespace */
unsigned int pid_ns;	/* the place; 0: it is … */
unsigned int mnt_ns;	/* … this mount namespace */
unsigned int told;	/* how many */

/* Return: its number in the tracer's pid namespace, if it is in the place; 0. */
static __always_inline u32 look(struct task_struct *task)
{
	/* As a number, for a verifier that lets nothing be added to a pointer that it knows. */
	u64 pid = (u64)BPF_CORE_READ(task, thread_pid);
	u32 level = BPF_CORE_READ((struct pid *)pid, level), found = 0;
	bool in = !pid_ns && BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum) == mnt_ns;

	pid += bpf_core_field_offset(struct pid, numbers);
	for (u32 i = 0; i < NS_DEPTH && i <= level; i++) {
		struct pid_namespace *ns = 0;
		u32 inum;
		int nr = 0;

		bpf_probe_read_kernel(&nr, sizeof(nr),
				      (void *)(pid + bpf_core_field_offset(struct upid, nr)));
		bpf_probe_read_kernel(&ns, sizeof(ns),
				      (void *)(pid + bpf_core_field_offset(struct upid, ns)));
		inum = BPF_CORE_READ(ns, ns.inum);
		if (inum == tracer_ns)
			found = nr;
		if (pid_ns && inum == pid_ns)
			in = true;
		pid += bpf_core_type_size(struct upid);
	}
	return in ? found : 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(forked, struct task_struct *parent, struct task_struct *child)
{
	struct wh_arrival_event event = {};

	if (child->pid != child->tgid || is_traced(child))
		return 0;
	event.pid = look(child);
	if (!event.pid)
		return 0;
	bpf_perf_event_output(ctx, &arrivals, BPF_F_CURRENT_CPU, &event, sizeof(event));
	__sync_fetch_and_add(&told, 1);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(executed, struct task_struct *task, int former, struct linux_binprm *bprm)
{
	struct wh_arrival_event event = {};

	if (is_traced(task))
		return 0;
	event.pid = look(task);
	if (!event.pid)
		return 0;
	event.executed = 1;
	bpf_probe_read_kernel_str(event.program, sizeof(event.program),
				  BPF_CORE_READ(bprm, filename));
	bpf_perf_event_output(ctx, &arrivals, BPF_F_CURRENT_CPU, &event, sizeof(event));
	__sync_fetch_and_add(&told, 1);
	return 0;
}

/* Reading kernel memory is for programs under the GPL only: this file is under either license. */
const char program_license[] SEC("license") = "GPL";
