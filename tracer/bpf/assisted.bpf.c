// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Watches the calls that the engine's filter lets pass: one that is not among those known makes its
 * thread stop right after it, before it is back in the program.
 *
 * The tracepoints are those of all processes on the machine, so what is looked at first is whether anyone
 * traces the current one at all.
 */
#include "tracer/bpf/key.bpf.h"
#include "tracer/bpf/self.bpf.h"

#define SIGKILL	   9
#define SIGSTOP	   19
#define TS_COMPAT  2 /* arch/x86/include/asm/thread_info.h: the call is one of the 32-bit ABI */
#define TAKE_TRIES 16

struct storage {
	u32 slot; /* + 1 */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct storage);
} tasks SEC(".maps");

/* The tracer maps it into its memory. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WH_WATCH_SLOTS);
	__type(key, u32);
	__type(value, struct wh_watch_slot);
} slots SEC(".maps");

/* Those not seen for long give way: that costs a stop and no more. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, WH_WATCH_KEYS);
	__type(key, struct wh_watch_key);
	__type(value, struct wh_watch_known);
} known SEC(".maps");

struct wh_watch_row row[WH_WATCH_NUMBERS];
unsigned int vacant
	[WH_WATCH_SLOTS]; /* a ring of slots that are free: taken at the head, given back at the tail */
unsigned int vacant_head, vacant_tail;
unsigned int tids[WH_WATCH_SLOTS]; /* of all slots, side by side, to be searched */
unsigned int phase;
unsigned int
	now; /* in seconds, as the tracer last wrote it: a helper that tells is not for all kernels */
unsigned int armed;	     /* the first task has its slot */
unsigned int guests;	     /* some that have joined are traced, and have none by intent */
unsigned long long slotless; /* tasks without one: the tracer stops them at each call */
unsigned int records = WH_WATCH_RECORDS; /* of a slot that may be filled */
unsigned long long asked;		 /* records that were filled */
unsigned long long lost;		 /* calls that may have been news and are not kept */
unsigned long long
	counted[WH_WATCH_NUMBERS]; /* calls that are in no tally any more, with a result … */

/* … and with an error */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, u64);
} counted_errors SEC(".maps");

/* ---- tasks ----------------------------------------------------------------------------------- */

static __always_inline struct wh_watch_slot *slot_of(struct task_struct *task)
{
	struct storage *storage = bpf_task_storage_get(&tasks, task, 0, 0);
	u32 slot;

	if (storage) {
		slot = storage->slot - 1;
		return bpf_map_lookup_elem(&slots, &slot);
	}
	/* Before Linux 6.2 it is not to be had while someone else on this processor changes his. */
	if (armed && !slotless && !guests && task->parent->tgid == tracer_tgid)
		__sync_fetch_and_add(&lost, 1);
	return 0;
}

/* As the tracer knows it. */
static __always_inline u32 tid_of(struct task_struct *task)
{
	return pid_at(BPF_CORE_READ(task, thread_pid), tracer_level);
}

static __always_inline u32 take_slot(void)
{
	for (int i = 0; i < TAKE_TRIES; i++) {
		u32 head = *(volatile u32 *)&vacant_head;

		if (head == *(volatile u32 *)&vacant_tail)
			return 0;
		if (__sync_val_compare_and_swap(&vacant_head, head, head + 1) == head)
			return vacant[head & (WH_WATCH_SLOTS - 1)] + 1;
	}
	return 0;
}

/* Before the child has run. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(forked, struct task_struct *parent, struct task_struct *child)
{
	struct wh_watch_slot *maker, *slot;
	struct storage *storage;
	u32 index;

	if (!is_traced(child))
		return 0;
	maker = slot_of(parent);
	if (!maker)
		return 0;
	storage = bpf_task_storage_get(&tasks, child, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	storage = storage ? storage : 0;
	index = storage ? take_slot() : 0;
	if (!index) {
		__sync_fetch_and_add(&slotless, 1);
		return 0;
	}
	storage->slot = index;
	index--;
	slot = bpf_map_lookup_elem(&slots, &index);
	if (!slot)
		return 0;
	slot->entered = 1; /* the call that made it is the first to end */
	slot->program = maker->program;
	slot->plain = maker->plain;
	slot->loud = maker->loud;
	slot->tid = tid_of(child);
	tids[index & (WH_WATCH_SLOTS - 1)] = slot->tid;
	maker->child_tid = slot->tid;
	maker->child = index + 1;
	return 0;
}

/*
 * The compiler leaves out a mask where it sees that the number is small anyway, and older verifiers do not:
 * so it must not see.
 */
static __always_inline u32 at_most(u32 i, u32 mask)
{
	asm volatile("" : "+r"(i));
	return i & mask;
}

static __always_inline struct wh_watch_record *record_at(struct wh_watch_slot *slot, u32 at)
{
	return &slot->record[at_most(at, WH_WATCH_RECORDS - 1)];
}

static __always_inline struct wh_watch_text *text_at(struct wh_watch_slot *slot, u32 at)
{
	return &slot->text[at_most(at, WH_WATCH_TEXTS - 1)];
}

/* ---- what is known --------------------------------------------------------------------------- */

/* The first of the two places where it may be. */
static __always_inline u32 tally_at(u64 tag)
{
	return (u32)(tag ^ tag >> 32) * 0x9e3779b1U >> 26 & (WH_WATCH_TALLIES - 2);
}

static __always_inline struct wh_watch_tally *find_tally(struct wh_watch_slot *slot, u64 tag)
{
	struct wh_watch_tally *tally = &slot->tally[tally_at(tag)];

	if (tally->tag == tag)
		return tally;
	tally = &slot->tally[tally_at(tag) + 1];
	return tally->tag == tag ? tally : 0;
}

static __noinline int empty_tally(struct wh_watch_tally *tally)
{
	u64 tag, zero = 0, key, *count;

	if (!tally)
		return 0;
	tag = tally->tag;
	key = tag & 0xfffff;
	if (!WH_WATCH_TAG_ERR(tag)) {
		__sync_fetch_and_add(&counted[WH_WATCH_TAG_NR(tag) & (WH_WATCH_NUMBERS - 1)],
				     tally->count);
		return 0;
	}
	bpf_map_update_elem(&counted_errors, &key, &zero, BPF_NOEXIST);
	count = bpf_map_lookup_elem(&counted_errors, &key);
	if (count)
		__sync_fetch_and_add(count, tally->count);
	return 0;
}

static __always_inline void count(struct wh_watch_slot *slot, u64 tag)
{
	struct wh_watch_tally *tally = find_tally(slot, tag), *other;

	if (!tally) {
		/* The newest is in front. */
		tally = &slot->tally[tally_at(tag)];
		other = &slot->tally[tally_at(tag) + 1];
		if (other->count)
			empty_tally(other);
		*other = *tally;
		tally->tag = tag;
		tally->count = 0;
	}
	tally->count++;
}

/* Of a simple call, all that it is known by; else 0. */
static __always_inline u64 simple_tag(const struct wh_watch_row *row,
				      const struct wh_watch_record *record, u32 err)
{
	u64 tag = WH_WATCH_TAG(record->nr, err, record->phase), value;
	int shift = row->simple == 1 ? 32 : 16;

	if (!row->simple)
		return 0;
	if (!row->keep)
		return tag;
	value = 0;
	for (int i = 0; i < 6; i++) {
		if (!(row->keep & 1 << i))
			continue;
		if (record->arg[i] >> shift)
			return 0;
		value = value << shift | record->arg[i];
	}
	return tag | value << 32;
}

/* What a name leads to: the string, where it begins, who asks, and what was found. */
static __always_inline bool mix_lookup(struct wh_watch_key *key, const struct wh_watch_row *row,
				       const struct wh_watch_record *record,
				       const struct wh_watch_text *text, u32 err)
{
	struct task_struct *task = bpf_get_current_task_btf();
	bool has_dirfd = row->dirfd < 6;

	/* How libc asks for the state of what it has open: no name leads there. */
	if (!text->c[0] && has_dirfd && row->with & (WH_WATCH_STAT | WH_WATCH_STATX))
		return true;
	mix(key, changes);
	if (!mix_text(key, text) || !mix_creds(key) ||
	    !mix_start(key, task, text->c, has_dirfd, (int)record->arg[row->dirfd & 7]))
		return false;
	if (row->with & WH_WATCH_OPENED && !err)
		return mix_file(key, (int)record->ret);
	mix(key, renames);
	if (err)
		return true;
	if (row->with & WH_WATCH_STAT)
		return mix_stat(key, (const void *)record->arg[row->buffer & 7]);
	if (row->with & WH_WATCH_STATX)
		return mix_statx(key, (const void *)record->arg[row->buffer & 7]);
	return true;
}

static __always_inline bool mix_rest(struct wh_watch_key *key, const struct wh_watch_row *row,
				     struct wh_watch_record *record,
				     const struct wh_watch_text *text, u32 err)
{
	if (row->with & WH_WATCH_PATH)
		return record->spelt && mix_lookup(key, row, record, text, err);
	if (row->with & WH_WATCH_MAPPED) {
		mix(key, record->arg[0] < LOW_ADDRESS);
		/* Of interest is only what becomes code. */
		if (!(record->arg[2] & 4) || record->arg[3] & 0x20)
			return true;
		mix(key, changes);
		return mix_creds(key) && mix_file(key, (int)record->arg[4]);
	}
	if (row->with & WH_WATCH_EVENT)
		return mix_event(key, record);
	if (row->with & WH_WATCH_CREDS)
		return mix_creds(key);
	if (row->with & WH_WATCH_TIMER)
		return mix_timer(key, record);
	if (row->with & WH_WATCH_SOCKET)
		look_socket(key, record);
	return !(row->with & WH_WATCH_MESSAGE) || look_message(key, record);
}

static __noinline int make_key(struct wh_watch_slot *slot, u32 at, u32 err)
{
	struct wh_watch_key key = {{seed[0], seed[1]}};
	struct wh_watch_record *record;
	const struct wh_watch_row *of;

	if (!slot)
		return 0;
	record = record_at(slot, at);
	of = &row[record->nr & (WH_WATCH_NUMBERS - 1)];
	mix(&key, record->nr | err << 10 | (u64)record->phase << 20);
	mix(&key, slot->program);
	for (int i = 0; i < 6; i++)
		if (of->keep & 1 << i)
			mix(&key, record->arg[i]);
	record->keyed = mix_rest(&key, of, record, text_at(slot, at), err);
	record->key = key;
	return record->keyed;
}

static __always_inline bool is_known(struct wh_watch_record *record)
{
	const struct wh_watch_known *value;

	if (!record->keyed)
		return false;
	value = bpf_map_lookup_elem(&known, &record->key);
	if (!value)
		return false;
	return !value->period || now - value->checked < value->period;
}

/* A call of the slot is over, as far as it ever will be: is it news? */
static __always_inline bool is_news(struct wh_watch_slot *slot, u32 at, u32 err)
{
	struct wh_watch_record *record = record_at(slot, at);
	const struct wh_watch_row *of = &row[record->nr & (WH_WATCH_NUMBERS - 1)];
	u64 tag = simple_tag(of, record, err);
	struct wh_watch_tally *tally;

	/* Of one that our filter stops for it is not known what else makes a difference. */
	record->keyed = 0;
	if (!of->with)
		return true;
	if (tag && !slot->loud) {
		tally = find_tally(slot, tag);
		if (tally) {
			tally->count++;
			return false;
		}
	}
	make_key(slot, at, err);
	if (slot->loud || !is_known(record))
		return true;
	count(slot, tag ? tag : WH_WATCH_TAG(record->nr, err, 0));
	return false;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static __always_inline void read_text(struct wh_watch_slot *slot, u32 at,
				      const struct wh_watch_row *of)
{
	struct wh_watch_record *record = record_at(slot, at);

	long n = at >= WH_WATCH_TEXTS
			 ? 0
			 : bpf_probe_read_user_str(text_at(slot, at)->c, sizeof(slot->text[0]),
						   (const void *)record->arg[of->path & 7]);

	/* As long as there is room for, it may have been longer. */
	record->spelt = n > 0 && n < sizeof(slot->text[0]) && at < WH_WATCH_TEXTS;
}

/* Sets slot->at. */
static __always_inline bool begin_record(struct wh_watch_slot *slot, struct pt_regs *regs, u64 nr)
{
	struct wh_watch_record *record;
	u32 at;

	/* A SIGCONT may have taken back our SIGSTOP: what it was for must stay. */
	for (at = 0; at < WH_WATCH_RECORDS; at++)
		if (slot->record[at].state == WH_WATCH_FREE)
			break;
	if (at >= records || at >= WH_WATCH_RECORDS) {
		__sync_fetch_and_add(&lost, 1);
		return false;
	}
	record = record_at(slot, at);
	slot->at = at;
	record->nr = nr;
	record->arg[0] = regs->di;
	record->arg[1] = regs->si;
	record->arg[2] = regs->dx;
	record->arg[3] = regs->r10;
	record->arg[4] = regs->r8;
	record->arg[5] = regs->r9;
	record->ip = regs->ip;
	record->sp = regs->sp;
	record->phase = phase;
	record->ret = 0;
	record->returned = 0;
	record->refused = 0;
	return true;
}

/*
 * A filter that is not ours has refused a call: it ends without having begun (syscall_trace_enter() in
 * kernel/entry/common.c). Ours had no say (seccomp(2): the strictest answer wins), so that it has not stopped for one
 * that it stops for; but nothing has changed by it, and the tracer can look at it now.
 */
static __noinline int refused(struct wh_watch_slot *slot, struct task_struct *task,
			      struct pt_regs *regs)
{
	u64 nr = regs->orig_ax;

	/* It is the tracer that has taken the call away; or a SIGKILL, in the stop before it. */
	if ((s64)nr == -1 || task->pending.signal.sig[0] & 1 << (SIGKILL - 1))
		return 0;
	if (nr >= WH_WATCH_NUMBERS || task->thread_info.status & TS_COMPAT) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	if (!begin_record(slot, regs, nr))
		return 0;
	record_at(slot, slot->at)->refused = 1;
	record_at(slot, slot->at)->spelt = 0;
	slot->in_call = 1;
	return 0;
}

/*
 * What is not for all processes is in functions of its own: these save registers, and a process that nobody
 * traces, such as the one that makes the load, need not pay for that.
 */
static __noinline int entered(struct task_struct *task, struct pt_regs *regs, long nr)
{
	const struct wh_watch_row *of;
	struct wh_watch_slot *slot;
	u32 decoded;

	slot = slot_of(task);
	if (!slot || slot->plain)
		return 0;
	slot->in_call = 0;
	slot->entered = 1;
	decoded = slot->decoded;
	slot->decoded = 0;
	if ((u64)nr >= WH_WATCH_NUMBERS || decoded == (u32)nr + 1)
		return 0;
	of = &row[nr & (WH_WATCH_NUMBERS - 1)];
	/* It should have stopped: another filter has let it pass, by asking somebody else than the tracer. */
	if (!of->with || task->thread_info.status & TS_COMPAT) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	if (!begin_record(slot, regs, nr))
		return 0;
	if (of->with & WH_WATCH_PATH)
		read_text(slot, slot->at, of);
	if (of->with & WH_WATCH_NO_RETURN && !is_news(slot, slot->at, WH_WATCH_ENTERED))
		return 0;
	slot->in_call = 1;
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(enter, struct pt_regs *regs, long nr)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->ptrace ? entered(task, regs, nr) : 0;
}

static __noinline int left(struct task_struct *task, struct pt_regs *regs, long ret)
{
	const struct wh_watch_row *of;
	struct wh_watch_record *record;
	struct wh_watch_slot *slot;
	u32 at, err = 0;

	slot = slot_of(task);
	if (!slot || slot->plain)
		return 0;
	if (!slot->entered && !slot->decoded)
		refused(slot, task, regs);
	slot->entered = 0;
	slot->decoded = 0;
	if (slot->in_call) {
		at = slot->at;
		record = record_at(slot, at);
		of = &row[record->nr & (WH_WATCH_NUMBERS - 1)];
		record->ret = ret;
		record->returned = 1;
		if (ret < 0 && ret >= -4095)
			err = (u32)-ret & 0x3ff;
		/* The page was not there yet: the call has fetched it. */
		if (of->with & WH_WATCH_PATH && !record->spelt)
			read_text(slot, at, of);
		record->family = 0;
		record->type = 0;
		record->message = 0;
		if (is_news(slot, at, err)) {
			__sync_fetch_and_add(&asked, 1);
			record->state = WH_WATCH_FULL;
		}
		slot->in_call = 0;
	}
	/*
	 * Again, if there is still something to be taken: it is filled from the first on. Where that fails
	 * it is taken at the thread's end.
	 */
	if (slot->record[0].state != WH_WATCH_FREE)
		bpf_send_signal_thread(SIGSTOP);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(leave, struct pt_regs *regs, long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->ptrace ? left(task, regs, ret) : 0;
}

/* Reading kernel memory is for programs under the GPL only: this file is under either license. */
const char program_license[] SEC("license") = "GPL";
