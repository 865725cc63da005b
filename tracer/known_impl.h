/* SPDX-License-Identifier: Apache-2.0 */
/* What known.c and recent.c share. */
#ifndef WHITTLE_TRACER_KNOWN_IMPL_H
#define WHITTLE_TRACER_KNOWN_IMPL_H

#include "tracer/known.h"

/**
 * struct wh_known_who - of whom a call is known: what its facts are filed under, and what its result
 * depends on besides the file. Compared as bytes: no padding unset.
 */
struct wh_known_who {
	const char *program; /* interned */
	const char *run;
	uint64_t phase, generation;
	uint64_t effective, permitted, groups;
	uint32_t ruid, fsuid, rgid, fsgid;
	uint64_t userns;
};

/** wh_known_who() - false when the task is gone. */
bool wh_known_who(struct wh_recorder *r, struct wh_task *task, struct wh_known_who *ret_who);

/** wh_known_may() - whether anything can be known now: no change is in flight, no task filters itself. */
bool wh_known_may(struct wh_recorder *r);

/** wh_known_some_wait() - where a walk ends because it would have to wait, a name looks missing. */
bool wh_known_some_wait(const struct wh_recorder *r);

uint64_t wh_known_hash(uint64_t h, const void *data, size_t len);

#endif
