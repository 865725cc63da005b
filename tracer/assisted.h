/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's side of the assisted engine: its filter, its BPF programs and their maps. */
#ifndef WHITTLE_TRACER_ASSISTED_H
#define WHITTLE_TRACER_ASSISTED_H

#include <linux/filter.h>

#include "tracer/bpf/assisted.h"
#include "tracer/task.h"

/* In SECCOMP_RET_DATA: tells the stops by our filter from those by the program's own. */
#define WH_ASSISTED_DATA 0x7768

/* ---- assisted_row.c: which calls are watched ------------------------------------------------- */

/** wh_assisted_rows() - what BPF is to look at, for all numbers of the native ABI. */
void wh_assisted_rows(struct wh_watch_row ret_row[WH_WATCH_NUMBERS]);
/**
 * wh_assisted_compile() - the filter that lets watched calls pass and stops at all others.
 * @ret_filter: filter->filter is the caller's to free. Return: 0 or -ENOMEM.
 */
int wh_assisted_compile(struct sock_fprog *ret_filter);

/* ---- assisted_kernel.c ----------------------------------------------------------------------- */

struct wh_assisted_kernel;

/**
 * struct wh_assisted_limits - how much room there is; 0: as much as there can be.
 * @slots: for threads; further ones are traced at each call
 * @keys: for known calls; those not seen for long stop again
 */
struct wh_assisted_limits {
	unsigned slots, keys;
};

/**
 * wh_assisted_new() - load and attach.
 * @limits: NULL for all
 * @ret: set even on failure; free it. Return: 0 or -errno.
 */
int wh_assisted_new(struct wh_assisted_kernel **ret, const struct wh_assisted_limits *limits,
		    struct wh_error *e);
void wh_assisted_free(struct wh_assisted_kernel *kernel);
/** wh_assisted_detach() - no call is watched any more; what was counted stays. */
void wh_assisted_detach(struct wh_assisted_kernel *kernel);

/** wh_assisted_filter() - see wh_assisted_compile(). Lives as @kernel does. */
const struct sock_fprog *wh_assisted_filter(struct wh_assisted_kernel *kernel);
/**
 * wh_assisted_tick() - calls entered from now on belong to @phase: what was known is news again. To be
 * called at least once a second, as known lookups are looked at again after some seconds.
 */
void wh_assisted_tick(struct wh_assisted_kernel *kernel, unsigned phase);
/**
 * wh_assisted_changed() - the tree itself is about to change something, or has: lookups are news again.
 * @renames: nothing but names; what an open leads to is looked at each time
 */
void wh_assisted_changed(struct wh_assisted_kernel *kernel, bool renames);
/** wh_assisted_phase() - the same at once, without looking at the clock. */
void wh_assisted_phase(struct wh_assisted_kernel *kernel, unsigned phase);
/** wh_assisted_row() - what BPF looks at; @nr is of a record. */
const struct wh_watch_row *wh_assisted_row(const struct wh_assisted_kernel *kernel, uint64_t nr);
/** wh_assisted_asked() - how many records BPF has filled. */
uint64_t wh_assisted_asked(const struct wh_assisted_kernel *kernel);
/** wh_assisted_lost() - how many calls could not be kept. */
uint64_t wh_assisted_lost(const struct wh_assisted_kernel *kernel);
/** wh_assisted_narrow() - at most @n calls of a thread wait to be taken; WH_WATCH_RECORDS at the start. */
void wh_assisted_narrow(struct wh_assisted_kernel *kernel, unsigned n);
/** wh_assisted_guests() - tasks are going to be traced, and stopped at each call, that have no slot. */
void wh_assisted_guests(struct wh_assisted_kernel *kernel);
/** wh_assisted_slotless() - how many threads found no slot. */
uint64_t wh_assisted_slotless(const struct wh_assisted_kernel *kernel);

/**
 * wh_assisted_give() - watch the leader of a process, which is stopped, from now on. All that it makes
 * is watched by itself.
 * Return: its slot; NULL where there is none.
 */
struct wh_watch_slot *wh_assisted_give(struct wh_assisted_kernel *kernel, pid_t leader);
/**
 * wh_assisted_find() - of a thread that was made by one that is watched.
 * @maker: who made it, or NULL: then it is searched for
 */
struct wh_watch_slot *wh_assisted_find(struct wh_assisted_kernel *kernel, pid_t tid,
				       const struct wh_watch_slot *maker);
/** wh_assisted_name() - the thread of @slot, stopped, has another id now: exec by a thread changes it. */
void wh_assisted_name(struct wh_assisted_kernel *kernel, struct wh_watch_slot *slot, pid_t tid);
/** wh_assisted_slot() - the one of number @i, in use (it has a tid) or not. */
struct wh_watch_slot *wh_assisted_slot(struct wh_assisted_kernel *kernel, unsigned i);
/** wh_assisted_in_use() - how many are. */
unsigned wh_assisted_in_use(const struct wh_assisted_kernel *kernel);
/** wh_assisted_count() - take what @slot has counted; all that is known is to be asked again. */
void wh_assisted_count(struct wh_assisted_kernel *kernel, struct wh_watch_slot *slot);
/** wh_assisted_release() - its thread is dead. */
void wh_assisted_release(struct wh_assisted_kernel *kernel, struct wh_watch_slot *slot);

/**
 * wh_assisted_learn() - @record was decoded: its like is only counted from now on. A full table costs
 * stops and no more.
 * @lookup: what it depends on may change unseen: that holds for some seconds
 */
void wh_assisted_learn(struct wh_assisted_kernel *kernel, const struct wh_watch_record *record,
		       bool lookup);
/**
 * wh_assisted_add_counts() - what was only counted, into its facts; all slots are released.
 * Return: 0 or -ENOMEM.
 */
int wh_assisted_add_counts(const struct wh_assisted_kernel *kernel, struct wh_trace *trace);

#endif
