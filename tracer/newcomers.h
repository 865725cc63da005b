/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that become a part of the service without being anybody's child in it: what an engine executes in a
 * container (docker exec, a health check), where nobody says so beforehand (tracer/control.h). They are looked for, so what they
 * did until they were found is a gap, "joined-late".
 */
#ifndef WHITTLE_TRACER_NEWCOMERS_H
#define WHITTLE_TRACER_NEWCOMERS_H

#include "tracer/members.h"
#include "tracer/task.h"

struct wh_newcomers;

/** wh_newcomers_new() - to look among @members, which must outlive it. NULL when memory ran out. */
struct wh_newcomers *wh_newcomers_new(struct wh_members *members);
void wh_newcomers_free(struct wh_newcomers *newcomers);

/**
 * wh_newcomers_tick() - to be called every WH_LOOP_TICK_MS: seize who has come. Its calls are of phase exec, unless it is the child of
 * a traced process. Who still is a part of the runtime, as its program is not one of the container's, is treated as one that
 * has joined in time (tracer/outside.h): of what it will execute in there nothing is lost.
 * @options: PTRACE_O_*
 * Return: 0 or -ENOMEM.
 */
int wh_newcomers_tick(struct wh_newcomers *newcomers, struct wh_recorder *r, unsigned long options);

#endif
