/* SPDX-License-Identifier: Apache-2.0 */
/* How a recording ended, in words, and whether that is a failure. */
#ifndef WHITTLE_TRACER_OUTCOME_H
#define WHITTLE_TRACER_OUTCOME_H

#include "whittle/buf.h"

/** Why whittle stopped the service. */
enum wh_stop {
	WH_STOP_NONE,	   /* it did not: the service ended by itself */
	WH_STOP_DONE,	   /* the load, --duration or --until-stable was over */
	WH_STOP_SIGNAL,	   /* whittle was sent a signal */
	WH_STOP_NOT_READY, /* the service was not ready in time */
	WH_STOP_LOAD_FAILED,
};

/**
 * struct wh_outcome - what is known at the end.
 * @ended, @status: the main process is gone, with waitpid()'s status …
 * @by_itself: … before whittle had stopped it
 * @forwarded: a signal that whittle passed on, 0 if none: dying of it is no failure
 * @signal: of WH_STOP_SIGNAL
 * @stop_signal: what it was asked to end by
 * @killed: SIGKILL was needed; @hurried: because a second signal asked for it
 * @grace, @ready_timeout: seconds
 * @planned: --load, --duration or --until-stable was given, so that a signal cuts the run short
 * @unready: --ready was given, and it did not come true
 * @attached: it is let go and not stopped: what is called so here, and in the names, is the recording's end
 * @load: there was one; @load_ended, @load_status
 */
struct wh_outcome {
	enum wh_stop stop;
	bool ended, by_itself;
	int status;
	int forwarded;
	int signal, stop_signal;
	bool killed, hurried;
	double grace, ready_timeout;
	bool planned, unready, attached;
	bool load, load_started, load_ended;
	int load_status;
};

void wh_outcome_text(struct wh_buf *b, const struct wh_outcome *o);
/** wh_outcome_load() - nothing is added where there was no load. */
void wh_outcome_load(struct wh_buf *b, const struct wh_outcome *o);
/** wh_outcome_failed() - the workload or its load failed. */
bool wh_outcome_failed(const struct wh_outcome *o);
/** wh_outcome_complete() - false: the recording was cut short. */
bool wh_outcome_complete(const struct wh_outcome *o);

#endif
