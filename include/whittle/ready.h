/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting until a service is ready, in a thread of its own: a look may block (a name server, a slow
 * answer), and while one thread of whittle waits, the other must see to the tracees.
 */
#ifndef WHITTLE_READY_H
#define WHITTLE_READY_H

#include <sys/types.h>

#include "whittle/error.h"

struct wh_ready;

/**
 * wh_ready_new() - for a --ready.
 * @ret_out, @ret_err: what the service must get as its stdout and stderr, -1 for its own; to be closed
 *   by the caller when it has started. Only log: needs them, which means that under log: they are
 *   pipes, and what comes through them is passed on to whittle's.
 * @to_err: pass the service's stdout on to whittle's stderr
 */
int wh_ready_new(const char *spec, bool to_err, struct wh_ready **ret, int *ret_out, int *ret_err,
		 struct wh_error *e);
/**
 * wh_ready_inside() - look inside the container whose init has that pid: file: is a path in it; tcp: and http: are
 * tried in its network namespace, if it has one of its own, and only then from here. Before wh_ready_start().
 */
int wh_ready_inside(struct wh_ready *ready, pid_t init, struct wh_error *e);
/** wh_ready_start() - begin to look. */
int wh_ready_start(struct wh_ready *ready, struct wh_error *e);
/** wh_ready_is() - whether it was seen to be ready. */
bool wh_ready_is(struct wh_ready *ready);
/** wh_ready_free() - stop looking; what the service wrote is passed on first. */
void wh_ready_free(struct wh_ready *ready);
WH_DEFINE_AUTO(ready, struct wh_ready *, wh_ready_free)

#endif
