// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Watches the calls that the engine's filter lets pass: one that is not among those known makes its
 * thread stop right after it, before it is back in the program.
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "tracer/bpf/assisted.h"

#define SIGSTOP	  19
#define TS_COMPAT 2 /* arch/x86/include/asm/thread_info.h: the call is one of the 32-bit ABI */

struct regs { /* struct pt_regs of x86_64 */
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
};

struct thread_info {
	unsigned int status;
} __attribute__((preserve_access_index));

struct task_struct {
	struct thread_info thread_info;
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WH_WATCH_TASKS);
	__type(key, unsigned int);
	__type(value, struct wh_watch_task);
} tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WH_WATCH_KEYS);
	__type(key, struct wh_watch_key);
	__type(value, unsigned long long); /* how many such calls since */
} known SEC(".maps");

unsigned char row[WH_WATCH_NUMBERS];	 /* arguments to keep, or WH_WATCH_SKIP */
unsigned char rule_of[WH_WATCH_NUMBERS]; /* 0: none; all calls are watched */
struct wh_watch_rule rules[WH_WATCH_RULES];
unsigned int phase;
unsigned long long lost; /* calls that may have been news and are not kept */

static struct wh_watch_task *current_task(void)
{
	unsigned long long id = bpf_get_current_pid_tgid();
	unsigned int tid = (unsigned int)id;
	struct wh_watch_task *task = bpf_map_lookup_elem(&tasks, &tid);

	return task && task->tgid == (unsigned int)(id >> 32) ? task : 0;
}

/* The same that the filter does. */
static int passes(struct wh_watch_record *record, unsigned int index)
{
	const struct wh_watch_rule *rule = &rules[index & (WH_WATCH_RULES - 1)];
	char c;

	for (int i = 0; i < WH_WATCH_TESTS; i++) {
		unsigned int value = (unsigned int)record->arg[rule->test[i].arg & 7];

		if ((value & rule->test[i].mask) != rule->test[i].value)
			return 0;
	}
	if (rule->empty) {
		record->always =
			bpf_probe_read_user(&c, 1, (void *)record->arg[(rule->empty - 1) & 7]) || c;
	}
	return 1;
}

SEC("raw_tp/sys_enter")
int enter(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *current;
	struct wh_watch_record *record;
	struct wh_watch_task *task = current_task();
	unsigned long nr = ctx->args[1];
	struct regs regs;

	if (!task)
		return 0;
	task->in_call = 0;
	task->seq++;
	if (nr >= WH_WATCH_NUMBERS || row[nr & (WH_WATCH_NUMBERS - 1)] & WH_WATCH_SKIP)
		return 0;
	current = (struct task_struct *)bpf_get_current_task();
	if (BPF_CORE_READ(current, thread_info.status) & TS_COMPAT)
		return 0;
	/* A SIGCONT has taken back our SIGSTOP: what it was for must stay. */
	if (task->asked == (1 << WH_WATCH_SLOTS) - 1) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	if (bpf_probe_read_kernel(&regs, sizeof(regs), (void *)ctx->args[0])) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	task->slot = task->asked & 1;
	record = task->slot ? &task->record[1] : &task->record[0];
	record->nr = nr;
	record->arg[0] = regs.di;
	record->arg[1] = regs.si;
	record->arg[2] = regs.dx;
	record->arg[3] = regs.r10;
	record->arg[4] = regs.r8;
	record->arg[5] = regs.r9;
	record->ip = regs.ip;
	record->sp = regs.sp;
	record->ret = 0;
	record->returned = 0;
	record->always = 0;
	record->phase = phase;
	if (rule_of[nr & (WH_WATCH_NUMBERS - 1)] &&
	    !passes(record, rule_of[nr & (WH_WATCH_NUMBERS - 1)]))
		return 0;
	task->in_call = 1;
	return 0;
}

SEC("raw_tp/sys_exit")
int leave(struct bpf_raw_tracepoint_args *ctx)
{
	struct wh_watch_task *task = current_task();
	struct wh_watch_record *record;
	struct wh_watch_key key;
	unsigned long long *count;

	if (!task)
		return 0;
	if (task->in_call) {
		record = task->slot ? &task->record[1] : &task->record[0];
		record->ret = (long long)ctx->args[1];
		record->returned = 1;
		wh_watch_key_set(&key, task->program, record,
				 row[record->nr & (WH_WATCH_NUMBERS - 1)]);
		count = record->always ? 0 : bpf_map_lookup_elem(&known, &key);
		if (count)
			__sync_fetch_and_add(count, 1);
		else
			task->asked |= 1 << (task->slot & 1);
		task->in_call = 0;
	}
	/* Again, if it is still to be taken; where that fails it is taken at the thread's end. */
	if (task->asked)
		bpf_send_signal_thread(SIGSTOP);
	return 0;
}

/* Reading kernel memory is for programs under the GPL only: this file is under either license. */
const char program_license[] SEC("license") = "GPL";
