// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Keeps what capabilities the kernel asks of those that we trace, and its answers. It hears of the questions
 * of all processes on the machine: so what is looked at first is whether it is we who trace the current one.
 */
#include "tracer/bpf/asked.h"
#include "tracer/bpf/self.bpf.h"

#define TS_COMPAT 2 /* arch/x86/include/asm/thread_info.h */
#define PENDING	  4096

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WH_ASKED_KEYS);
	__type(key, struct wh_asked_key);
	__type(value, u64);
} known SEC(".maps");

/* The tracer maps it into its memory. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WH_ASKED_NEWS);
	__type(key, u32);
	__type(value, struct wh_asked_news);
} news SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WH_ASKED_CLASSES);
	__type(key, u32);
	__type(value, u32);
} classes SEC(".maps");

struct question {
	const struct cred *cred;
	struct user_namespace *ns;
	u32 cap;
};

/* Between the two probes of a call of cap_capable(), where there is no tracepoint. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PENDING);
	__type(key, u32);
	__type(value, struct question);
} pending SEC(".maps");

unsigned int phase;
unsigned int home;	 /* inode number of the user namespace of the entrypoint */
unsigned int classed;	 /* some process has a class */
unsigned int head, tail; /* of the news: taken at the tail by the tracer */
unsigned long long lost; /* questions that are not kept */

static __always_inline u32 bits_of(const struct task_struct *task, const struct question *q,
				   int ret)
{
	const struct user_namespace *ns = q->ns;
	u32 bits = ret ? 0 : WH_ASKED_GRANTED;

	if (!BPF_CORE_READ(ns, level))
		bits |= WH_ASKED_INITIAL;
	else if (BPF_CORE_READ(ns, ns.inum) == home)
		bits |= WH_ASKED_HOME;
	else if (ns == task->cred->user_ns)
		bits |= WH_ASKED_OWN_NS;
	if (q->cred != task->cred)
		bits |= WH_ASKED_FOREIGN;
	else if (task->cred != task->real_cred)
		bits |= WH_ASKED_OVERRIDDEN;
	if (task->thread_info.status & TS_COMPAT)
		bits |= WH_ASKED_COMPAT;
	return bits;
}

static __always_inline u64 exe_of(const struct task_struct *task)
{
	struct inode *inode = BPF_CORE_READ(task, mm, exe_file, f_inode);

	return BPF_CORE_READ(inode, i_ino) ^ (u64)BPF_CORE_READ(inode, i_sb, s_dev) << 32;
}

static __noinline int tell(struct wh_asked_key *key)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	struct wh_asked_news *one;
	u64 once = 1;
	u32 number, at;
	long err;

	if (!key)
		return 0;
	/* Without room it stays unknown, so that the next time tells. */
	if (*(volatile u32 *)&head - *(volatile u32 *)&tail >= WH_ASKED_NEWS - WH_ASKED_MARGIN) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	err = bpf_map_update_elem(&known, key, &once, BPF_NOEXIST);
	if (err == -17) { /* EEXIST: on another processor, just now */
		u64 *count = bpf_map_lookup_elem(&known, key);

		if (count)
			__sync_fetch_and_add(count, 1);
		return 0;
	}
	if (err) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	number = __sync_fetch_and_add(&head, 1);
	at = number & (WH_ASKED_NEWS - 1);
	one = bpf_map_lookup_elem(&news, &at);
	if (!one)
		return 0;
	one->key = *key;
	one->ip = regs->ip;
	one->sp = regs->sp;
	one->tid = pid_at(task->thread_pid, tracer_level);
	one->tgid = pid_at(BPF_CORE_READ(task, group_leader, thread_pid), tracer_level);
	__sync_lock_test_and_set(&one->ready, number + 1);
	return 0;
}

static __noinline int keep(const struct question *q, int ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	struct wh_asked_key key = {};
	u32 tgid, *class;
	u64 *count;

	/* At an execve(): whether who traces could. That is our doing, and not the program's. */
	if (!q || (q->cred == task->ptracer_cred && q->cred != task->cred))
		return 0;
	if (classed) {
		tgid = pid_at(BPF_CORE_READ(task, group_leader, thread_pid), tracer_level);
		class = bpf_map_lookup_elem(&classes, &tgid);
		key.class = class ? *class : WH_ASKED_SERVICE;
		if (key.class == WH_ASKED_IGNORED)
			return 0;
	}
	key.exe = exe_of(task);
	key.cap = q->cap;
	/* An exception has -1 there (idtentry_body in arch/x86/entry/entry_64.S). */
	key.nr = regs->orig_ax;
	key.phase = phase;
	key.bits = bits_of(task, q, ret);
	count = bpf_map_lookup_elem(&known, &key);
	if (!count)
		return tell(&key);
	__sync_fetch_and_add(count, 1);
	return 0;
}

/* Linux 6.14 and newer. */
SEC("raw_tp/cap_capable")
int BPF_PROG(asked, const struct cred *cred, struct user_namespace *target,
	     struct user_namespace *capable, int cap, int ret)
{
	struct question q = {cred, target, cap};

	return is_traced(bpf_get_current_task_btf()) ? keep(&q, ret) : 0;
}

SEC("kprobe/cap_capable")
int entered(struct pt_regs *regs)
{
	struct question q = {(void *)regs->di, (void *)regs->si, regs->dx};
	u32 tid = bpf_get_current_pid_tgid();

	if (is_traced(bpf_get_current_task_btf()) &&
	    bpf_map_update_elem(&pending, &tid, &q, BPF_ANY))
		__sync_fetch_and_add(&lost, 1);
	return 0;
}

SEC("kretprobe/cap_capable")
int returned(struct pt_regs *regs)
{
	u32 tid = bpf_get_current_pid_tgid();
	struct question *found, q;

	if (!is_traced(bpf_get_current_task_btf()))
		return 0;
	found = bpf_map_lookup_elem(&pending, &tid);
	if (!found)
		return 0;
	q = *found;
	bpf_map_delete_elem(&pending, &tid);
	return keep(&q, (int)regs->ax);
}

/* As in assisted.bpf.c. */
const char program_license[] SEC("license") = "GPL";
