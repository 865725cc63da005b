/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to the service while it is traced: ready or not, the load, the end, and the signals
 * that whittle is sent. Nothing here waits: all of it is looked at when the loop ticks.
 */
#ifndef WHITTLE_TRACER_SUPERVISE_H
#define WHITTLE_TRACER_SUPERVISE_H

#include <signal.h>

#include "tracer/loop.h"
#include "tracer/record.h"

struct wh_supervisor;

/**
 * wh_supervise_new() - reads --ready, and blocks the signals that are to be forwarded, until
 * wh_supervise_free().
 */
int wh_supervise_new(const struct wh_record_options *options, struct wh_recorder *r,
		     struct wh_supervisor **ret, struct wh_error *e);
void wh_supervise_free(struct wh_supervisor *sv);
WH_DEFINE_AUTO(supervisor, struct wh_supervisor *, wh_supervise_free)

/** wh_supervise_mask() - the signal mask that whittle was started with: the service's own. */
const sigset_t *wh_supervise_mask(const struct wh_supervisor *sv);
/** wh_supervise_streams() - what the service gets as stdout and stderr; -1: whittle's. */
void wh_supervise_streams(const struct wh_supervisor *sv, int *ret_out, int *ret_err);

/* The loop's news; see struct wh_loop_owner. */
int wh_supervise_started(struct wh_supervisor *sv, struct wh_loop *loop, pid_t main,
			 struct wh_error *e);
void wh_supervise_ended(struct wh_supervisor *sv, pid_t tgid, int status);
void wh_supervise_child(struct wh_supervisor *sv, pid_t pid, int status);
int wh_supervise_tick(struct wh_supervisor *sv, struct wh_error *e);

/** wh_supervise_finish() - all is over: what was left is stopped, and the run says how it went. */
int wh_supervise_finish(struct wh_supervisor *sv, struct wh_run *run);

#endif
