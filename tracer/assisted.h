/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's side of the assisted engine: its filter, its BPF programs and their maps. */
#ifndef WHITTLE_TRACER_ASSISTED_H
#define WHITTLE_TRACER_ASSISTED_H

#include <linux/filter.h>

#include "tracer/bpf/assisted.h"
#include "tracer/task.h"

/* In SECCOMP_RET_DATA: tells the stops by our filter from those by the program's own. */
#define WH_ASSISTED_DATA 0x7768

struct wh_assisted_kernel;

/** wh_assisted_new() - load and attach. *ret is set even on failure; free it. Return: 0 or -errno. */
int wh_assisted_new(struct wh_assisted_kernel **ret, struct wh_error *e);
void wh_assisted_free(struct wh_assisted_kernel *kernel);
/** wh_assisted_detach() - no call is watched any more; what was counted stays. */
void wh_assisted_detach(struct wh_assisted_kernel *kernel);

/** wh_assisted_filter() - lets watched calls pass and stops at all others. Lives as @kernel does. */
const struct sock_fprog *wh_assisted_filter(struct wh_assisted_kernel *kernel);
/** wh_assisted_phase() - calls entered from now on belong to it: what was known is news again. */
void wh_assisted_phase(struct wh_assisted_kernel *kernel, unsigned phase);
/** wh_assisted_lost() - how many calls could not be kept. */
uint64_t wh_assisted_lost(const struct wh_assisted_kernel *kernel);

/** wh_assisted_put() - watch a thread from now on, or change what is kept of it. Return: success. */
bool wh_assisted_put(struct wh_assisted_kernel *kernel, pid_t tid,
		     const struct wh_watch_task *state);
bool wh_assisted_get(const struct wh_assisted_kernel *kernel, pid_t tid,
		     struct wh_watch_task *ret_state);
void wh_assisted_remove(struct wh_assisted_kernel *kernel, pid_t tid);

/**
 * wh_assisted_learn() - @record was decoded: its like is only counted from now on. A full table costs
 * stops and no more.
 */
void wh_assisted_learn(struct wh_assisted_kernel *kernel, uint64_t program,
		       const struct wh_watch_record *record);
/** wh_assisted_add_counts() - what was only counted, into its facts. Return: 0 or -ENOMEM. */
int wh_assisted_add_counts(const struct wh_assisted_kernel *kernel, struct wh_trace *trace);

#endif
