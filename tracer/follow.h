/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children that were to be made without the tracer being told of them (CLONE_UNTRACED). Where they
 * would inherit a filter that fails without a tracer, they must be traced like all others.
 */
#ifndef WHITTLE_TRACER_FOLLOW_H
#define WHITTLE_TRACER_FOLLOW_H

#include "tracer/task.h"

/** struct wh_follow - where the flag was taken out. All zero: nowhere. */
struct wh_follow {
	bool in_register, in_memory;
	uint64_t where; /* offset in struct user, or address */
};

/** wh_follow_enter() - @task is stopped at the entry of a call, decoded: take out the flag, if any. */
void wh_follow_enter(const struct wh_task *task, struct wh_follow *ret_follow);
/** wh_follow_restore() - @task, maker or child, is stopped behind that call: put it back, once. */
void wh_follow_restore(const struct wh_task *task, struct wh_follow *follow);

#endif
