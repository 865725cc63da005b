/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that become a part of the service without being anybody's child in it: what an engine executes in a
 * container (docker exec, a health check), where nobody says so beforehand (tracer/control.h). The kernel tells of them at once
 * (tracer/arrivals.h), mostly while they are on their way in, so that nothing of them is lost. What one did before it was
 * seized is a gap, "joined-late"; one that was not seized is a gap with its program, "unjoined". Where the kernel does not tell,
 * they are looked for, and that is a gap, "unheard".
 */
#ifndef WHITTLE_TRACER_NEWCOMERS_H
#define WHITTLE_TRACER_NEWCOMERS_H

#include "tracer/members.h"
#include "tracer/task.h"

struct wh_newcomers;

/**
 * wh_newcomers_new() - to watch @members, which must outlive it, from now on.
 * @seizes: whether they can be traced from the middle of what they do; else they are but told of
 * @options: PTRACE_O_*
 * Return: 0 or -ENOMEM.
 */
int wh_newcomers_new(struct wh_members *members, struct wh_recorder *r, bool seizes,
		     unsigned long options, struct wh_newcomers **ret);
void wh_newcomers_free(struct wh_newcomers *newcomers);

/**
 * wh_newcomers_begin() - all that there were have been seized: who has ended until now was before the recording. Return: 0 or
 * -ENOMEM.
 */
int wh_newcomers_begin(struct wh_newcomers *newcomers, struct wh_recorder *r);

/**
 * wh_newcomers_look() - to be called often: take those that the kernel has told of. Its calls are of phase exec, unless it is
 * the child of a traced process. Who still is a part of the runtime, as its program is not one of the container's, is treated as
 * one that has joined in time (tracer/outside.h): of what it will execute in there nothing is lost.
 * Return: 0 or -ENOMEM.
 */
int wh_newcomers_look(struct wh_newcomers *newcomers, struct wh_recorder *r);

/** wh_newcomers_tick() - the same every WH_LOOP_TICK_MS, by looking who is there. */
int wh_newcomers_tick(struct wh_newcomers *newcomers, struct wh_recorder *r);

#endif
