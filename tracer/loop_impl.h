/* SPDX-License-Identifier: Apache-2.0 */
/* What loop.c and loop_end.c share. */
#ifndef WHITTLE_TRACER_LOOP_IMPL_H
#define WHITTLE_TRACER_LOOP_IMPL_H

#include "tracer/loop.h"
#include "tracer/wait.h"

struct wh_loop {
	struct wh_recorder *r;
	const struct wh_engine *engine;
	const struct wh_loop_owner *owner;
	enum wh_record_source source;
	bool launching; /* the main task is ours until it calls execve() */
	bool started;
	int exec_err;
	bool killing, leaving;
	uint64_t end_time; /* when either began; of leaving 0: now */
	uint64_t next_tick;
	bool crowded; /* the last look found more than one stop */
	unsigned rounds;
	struct wh_wait *wait;
};

/** wh_loop_failed() - nothing more can be recorded: the end for what was launched; what was not is let go. */
void wh_loop_failed(struct wh_loop *loop);
/** wh_loop_is_late() - whether it was to end long ago, and all that can be done for that has been done. */
bool wh_loop_is_late(const struct wh_loop *loop);
/**
 * wh_loop_give_up() - what is left in the table is not waited for any longer: a gap says so, if it was to be killed. What lives
 * on is EXITKILL's, or goes on when we end. Return: 0 or -ENOMEM.
 */
int wh_loop_give_up(struct wh_loop *loop);
/** wh_loop_vanished() - the same, where it will not be heard of again. */
int wh_loop_vanished(struct wh_loop *loop);
/** wh_loop_leave_orphans() - let those go, too, whose maker was killed before it told of them. */
void wh_loop_leave_orphans(struct wh_loop *loop);

#endif
