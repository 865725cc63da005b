/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the BPF programs that watch for arrivals and the tracer share. */
#ifndef WHITTLE_TRACER_BPF_ARRIVALS_H
#define WHITTLE_TRACER_BPF_ARRIVALS_H

#define WH_ARRIVAL_PROGRAM 256

/** struct wh_arrival_event - a process that the tracer does not trace is in the place that is watched. */
struct wh_arrival_event {
	unsigned int pid;		  /* in the tracer's pid namespace */
	unsigned int executed;		  /* a program; else it was just made */
	char program[WH_ARRIVAL_PROGRAM]; /* as it was called, cut to this; "" where it was made */
};

#endif
