/* SPDX-License-Identifier: Apache-2.0 */
/* Signals that wait for a stopped tracee. */
#ifndef WHITTLE_TRACER_PENDING_H
#define WHITTLE_TRACER_PENDING_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * wh_pending_has() - whether @sig waits in the queue of @tid, or of its process if @shared.
 * @code: its si_code; 0: any
 */
bool wh_pending_has(pid_t tid, bool shared, int sig, int code);

#endif
