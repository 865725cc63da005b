// SPDX-License-Identifier: Apache-2.0
#ifdef WH_HAVE_BPF

#include "tracer/assisted.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>

#include "assisted.skel.h"
#include "tracer/bpf_start.h"
#include "tracer/call.h"
#include "tracer/clock.h"
#include "tracer/decode.h"

#define ERRORS	     1024 /* errnos, and the kernel's internal ones */
#define ERESTART_MIN 512  /* those: the call is tried again */
/* Seconds for which lookups are believed without another look: where BPF sees all that they led to, … */
#define PERIOD_SEEN 16
#define PERIOD	    1 /* … and where it does not */

struct wh_assisted_kernel {
	struct wh_assisted *bpf;
	int known, tasks;
	unsigned n_slots;
	struct wh_watch_slot *slots; /* mapped */
	size_t slots_size;
	uint64_t (*counted)[ERRORS]; /* by number: from the slots that were released */
	struct sock_fprog filter;
};

/* ---- start and end --------------------------------------------------------------------------- */

static unsigned least(unsigned wanted, unsigned most)
{
	return wanted && wanted < most ? wanted : most;
}

static int load(struct wh_assisted_kernel *w, const struct wh_assisted_limits *limits,
		struct wh_error *e)
{
	uint64_t seed[2];

	wh_bpf_start_quiet();
	w->bpf = wh_assisted__open();
	if (!w->bpf)
		return wh_error_errno(e, errno, "BPF");
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return wh_error_errno(e, errno, "getrandom");
	/* The cast takes off the const that is for BPF: before it is loaded, it is to be written. */
	memcpy((void *)(uintptr_t)w->bpf->rodata->seed, seed, sizeof(seed));
	w->n_slots = least(limits ? limits->slots : 0, WH_WATCH_SLOTS);
	bpf_map__set_max_entries(w->bpf->maps.known,
				 least(limits ? limits->keys : 0, WH_WATCH_KEYS));
	if (wh_assisted__load(w->bpf) < 0)
		return wh_error_errno(e, errno,
				      "the kernel takes no BPF program of this "
				      "kind (it needs Linux 5.15, CONFIG_BPF_EVENTS, CAP_BPF and "
				      "CAP_PERFMON)");
	return 0;
}

static int map_slots(struct wh_assisted_kernel *w, struct wh_error *e)
{
	void *slots;

	w->slots_size = WH_WATCH_SLOTS * sizeof(*w->slots);
	slots = mmap(NULL, w->slots_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		     bpf_map__fd(w->bpf->maps.slots), 0);
	if (slots == MAP_FAILED)
		return wh_error_errno(e, errno, "mmap of a BPF map");
	w->slots = slots;
	for (unsigned i = 0; i < w->n_slots; i++)
		w->bpf->bss->vacant[i] = i;
	w->bpf->bss->vacant_tail = w->n_slots;
	return 0;
}

int wh_assisted_new(struct wh_assisted_kernel **ret, const struct wh_assisted_limits *limits,
		    struct wh_error *e)
{
	struct wh_assisted_kernel *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return wh_error_oom(e);
	*ret = w;
	w->counted = calloc(WH_WATCH_NUMBERS, sizeof(*w->counted));
	if (!w->counted || wh_assisted_compile(&w->filter) < 0)
		return wh_error_oom(e);
	err = load(w, limits, e);
	if (err == 0)
		err = map_slots(w, e);
	if (err == 0)
		err = wh_bpf_start_introduce(w->bpf->progs.who_am_i, e);
	if (err < 0)
		return err;
	wh_assisted_rows(w->bpf->bss->row);
	w->tasks = bpf_map__fd(w->bpf->maps.tasks);
	w->known = bpf_map__fd(w->bpf->maps.known);
	if (wh_assisted__attach(w->bpf) < 0)
		return wh_error_errno(e, errno, "the kernel attaches no BPF program");
	return 0;
}

void wh_assisted_free(struct wh_assisted_kernel *w)
{
	if (!w)
		return;
	if (w->slots)
		munmap(w->slots, w->slots_size);
	wh_assisted__destroy(w->bpf);
	free(w->filter.filter);
	free(w->counted);
	free(w);
}

void wh_assisted_detach(struct wh_assisted_kernel *w)
{
	wh_assisted__detach(w->bpf);
}

const struct sock_fprog *wh_assisted_filter(struct wh_assisted_kernel *w)
{
	return &w->filter;
}

void wh_assisted_tick(struct wh_assisted_kernel *w, unsigned phase)
{
	w->bpf->bss->now = (unsigned)(wh_clock_ms() / 1000);
	wh_assisted_phase(w, phase);
}

void wh_assisted_phase(struct wh_assisted_kernel *w, unsigned phase)
{
	w->bpf->bss->phase = phase;
}

const struct wh_watch_row *wh_assisted_row(const struct wh_assisted_kernel *w, uint64_t nr)
{
	return &w->bpf->bss->row[nr % WH_WATCH_NUMBERS];
}

uint64_t wh_assisted_asked(const struct wh_assisted_kernel *w)
{
	return __atomic_load_n(&w->bpf->bss->asked, __ATOMIC_SEQ_CST);
}

void wh_assisted_changed(struct wh_assisted_kernel *w, bool renames)
{
	__atomic_fetch_add(&w->bpf->bss->renames, 1, __ATOMIC_SEQ_CST);
	if (!renames)
		__atomic_fetch_add(&w->bpf->bss->changes, 1, __ATOMIC_SEQ_CST);
}

uint64_t wh_assisted_lost(const struct wh_assisted_kernel *w)
{
	return w->bpf->bss->lost;
}

void wh_assisted_narrow(struct wh_assisted_kernel *w, unsigned n)
{
	w->bpf->data->records = n;
}

void wh_assisted_guests(struct wh_assisted_kernel *w)
{
	w->bpf->bss->guests = 1;
}

uint64_t wh_assisted_slotless(const struct wh_assisted_kernel *w)
{
	return w->bpf->bss->slotless;
}

/* ---- slots ----------------------------------------------------------------------------------- */

/* As BPF takes them; the ring has room for all. */
static unsigned take_slot(struct wh_assisted_kernel *w)
{
	unsigned head = __atomic_load_n(&w->bpf->bss->vacant_head, __ATOMIC_SEQ_CST);

	while (head != w->bpf->bss->vacant_tail)
		if (__atomic_compare_exchange_n(&w->bpf->bss->vacant_head, &head, head + 1, false,
						__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return w->bpf->bss->vacant[head % WH_WATCH_SLOTS] + 1;
	return 0;
}

static void give_back(struct wh_assisted_kernel *w, unsigned index)
{
	unsigned tail = w->bpf->bss->vacant_tail;

	w->bpf->bss->vacant[tail % WH_WATCH_SLOTS] = index;
	__atomic_store_n(&w->bpf->bss->vacant_tail, tail + 1, __ATOMIC_SEQ_CST);
}

void wh_assisted_name(struct wh_assisted_kernel *w, struct wh_watch_slot *slot, pid_t tid)
{
	slot->tid = (unsigned)tid;
	w->bpf->bss->tids[slot - w->slots] = (unsigned)tid;
}

struct wh_watch_slot *wh_assisted_give(struct wh_assisted_kernel *w, pid_t leader)
{
	wh_auto(fd) pidfd = (int)syscall(SYS_pidfd_open, leader, 0);
	unsigned slot = pidfd < 0 ? 0 : take_slot(w);

	if (!slot || bpf_map_update_elem(w->tasks, &pidfd, &slot, BPF_ANY) < 0) {
		__atomic_fetch_add(&w->bpf->bss->slotless, 1, __ATOMIC_SEQ_CST);
		if (slot)
			give_back(w, slot - 1);
		return NULL;
	}
	wh_assisted_name(w, &w->slots[slot - 1], leader);
	w->slots[slot - 1].entered = 1; /* it is in the call by which it executes */
	w->bpf->bss->armed = 1;
	return &w->slots[slot - 1];
}

/* They are first taken in order, so that the rest was never in use. */
static struct wh_watch_slot *search(const struct wh_assisted_kernel *w, pid_t tid)
{
	unsigned n = least(w->bpf->bss->vacant_head, w->n_slots);

	for (unsigned i = 0; i < n; i++)
		if (w->bpf->bss->tids[i] == (unsigned)tid)
			return &w->slots[i];
	return NULL;
}

struct wh_watch_slot *wh_assisted_find(struct wh_assisted_kernel *w, pid_t tid,
				       const struct wh_watch_slot *maker)
{
	if (maker && maker->child && maker->child_tid == (unsigned)tid &&
	    w->slots[maker->child - 1].tid == (unsigned)tid)
		return &w->slots[maker->child - 1];
	return search(w, tid);
}

struct wh_watch_slot *wh_assisted_slot(struct wh_assisted_kernel *w, unsigned i)
{
	return &w->slots[i];
}

unsigned wh_assisted_in_use(const struct wh_assisted_kernel *w)
{
	return w->n_slots - (w->bpf->bss->vacant_tail - w->bpf->bss->vacant_head);
}

void wh_assisted_count(struct wh_assisted_kernel *w, struct wh_watch_slot *slot)
{
	for (unsigned i = 0; i < WH_WATCH_TALLIES; i++) {
		const struct wh_watch_tally *tally = &slot->tally[i];
		unsigned nr = WH_WATCH_TAG_NR(tally->tag);

		if (tally->tag && nr < WH_WATCH_NUMBERS)
			w->counted[nr][WH_WATCH_TAG_ERR(tally->tag)] += tally->count;
	}
	memset(slot->tally, 0, sizeof(slot->tally));
}

void wh_assisted_release(struct wh_assisted_kernel *w, struct wh_watch_slot *slot)
{
	wh_assisted_count(w, slot);
	memset(slot, 0, offsetof(struct wh_watch_slot, text));
	wh_assisted_name(w, slot, 0);
	give_back(w, (unsigned)(slot - w->slots));
}

/* ---- what is known --------------------------------------------------------------------------- */

void wh_assisted_learn(struct wh_assisted_kernel *w, const struct wh_watch_record *record,
		       bool lookup)
{
	struct wh_watch_known known = {0};

	if (!record->keyed)
		return;
	if (lookup) {
		bool seen =
			wh_assisted_row(w, record->nr)->with & WH_WATCH_OPENED && record->ret >= 0;

		known.checked = w->bpf->bss->now;
		known.period = seen ? PERIOD_SEEN : PERIOD;
	}
	bpf_map_update_elem(w->known, &record->key, &known, BPF_ANY);
}

static int add_count(struct wh_trace *trace, unsigned nr, unsigned err, uint64_t count)
{
	const struct wh_abi *abi = wh_syscall_abi_native();
	const char *name = wh_syscall_name(abi, nr);
	struct wh_syscall of = {.abi = abi->name, .name = name}, *fact;

	if (!name || !count)
		return 0;
	/* The cast gives back what put has handed out. */
	fact = (struct wh_syscall *)(uintptr_t)wh_trace_find(trace, WH_KIND_SYSCALL, &of);
	if (!fact)
		return 0;
	fact->f.count += count;
	/* The kernel's own codes are no results: the call was made again. */
	return err && err < ERESTART_MIN && wh_call_returns(name)
		       ? wh_trace_add_count(trace, &fact->errors, wh_util_errno_name((int)err),
					    count)
		       : 0;
}

int wh_assisted_add_counts(const struct wh_assisted_kernel *w, struct wh_trace *trace)
{
	int map = bpf_map__fd(w->bpf->maps.counted_errors), k = 0;
	unsigned long long key, *before = NULL;
	uint64_t count;

	for (; bpf_map_get_next_key(map, before, &key) == 0 && k != -ENOMEM; before = &key)
		if (bpf_map_lookup_elem(map, &key, &count) == 0)
			k = add_count(trace, WH_WATCH_TAG_NR(key), WH_WATCH_TAG_ERR(key), count);
	for (unsigned nr = 0; nr < WH_WATCH_NUMBERS && k != -ENOMEM; nr++) {
		k = add_count(trace, nr, 0, w->bpf->bss->counted[nr]);
		for (unsigned err = 0; err < ERRORS && k != -ENOMEM; err++)
			k = add_count(trace, nr, err, w->counted[nr][err]);
	}
	return k == -ENOMEM ? k : 0;
}

#endif
