/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHITTLE_TRACER_CLOCK_H
#define WHITTLE_TRACER_CLOCK_H

#include <stdint.h>
#include <time.h>

/** wh_clock_ms() - in milliseconds; good to some of them, and cheap enough to be read at each stop. */
static inline uint64_t wh_clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

#endif
