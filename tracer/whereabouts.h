/* SPDX-License-Identifier: Apache-2.0 */
/* How a load finds a container that has published nothing: in its environment. */
#ifndef WHITTLE_TRACER_WHEREABOUTS_H
#define WHITTLE_TRACER_WHEREABOUTS_H

#include "tracer/record.h"

/** struct wh_whereabouts - @env is NULL-terminated, and points into the other members. */
struct wh_whereabouts {
	char id[128], pid[48], ip[96];
	const char *env[4];
};

/**
 * wh_whereabouts_fill() - WHITTLE_CONTAINER_ID, WHITTLE_CONTAINER_PID (@init, in our pid namespace) and
 * WHITTLE_CONTAINER_IP, each where it is known.
 */
void wh_whereabouts_fill(struct wh_whereabouts *w, const struct wh_record_container *c, pid_t init);

#endif
