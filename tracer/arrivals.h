/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who gets into a container from outside, as the kernel tells of it at once (BPF): processes that are made in it, and
 * programs that are executed in it, by others than those we trace. None is too brief for that; what could not be told is counted.
 */
#ifndef WHITTLE_TRACER_ARRIVALS_H
#define WHITTLE_TRACER_ARRIVALS_H

#include <sys/types.h>

#include "whittle/error.h"

struct wh_arrivals;

/**
 * struct wh_arrivals_place - a container, by the number of its pid namespace; where it has none of its own (0), of its mount
 * namespace.
 */
struct wh_arrivals_place {
	ino_t pid_ns, mnt_ns;
};

/** struct wh_arrival - one that was not traced at that moment. */
struct wh_arrival {
	pid_t pid;
	const char *program; /* that it has executed, as it was named; NULL: it was made */
};

/**
 * wh_arrivals_new() - watch from now on. The thread that traces must call it. What comes interrupts its waiting (SIGIO).
 * Return: 0; -errno with an error that says why that cannot be had: it wants root's BPF, Linux 5.15, and a
 * whittle that was built with it.
 */
int wh_arrivals_new(const struct wh_arrivals_place *place, struct wh_arrivals **ret,
		    struct wh_error *e);
void wh_arrivals_free(struct wh_arrivals *arrivals);

/** wh_arrivals_any() - whether something has come since the last wh_arrivals_take(). Costs next to nothing. */
bool wh_arrivals_any(const struct wh_arrivals *arrivals);

/**
 * wh_arrivals_take() - what has come, in the order of each processor.
 * @ret: good until the next call. Return: how many; -ENOMEM.
 */
ssize_t wh_arrivals_take(struct wh_arrivals *arrivals, const struct wh_arrival **ret);

/** wh_arrivals_lost() - how many could not be told of, in all. */
uint64_t wh_arrivals_lost(const struct wh_arrivals *arrivals);

#endif
