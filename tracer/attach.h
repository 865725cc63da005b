/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning of a recording of what is running already. */
#ifndef WHITTLE_TRACER_ATTACH_H
#define WHITTLE_TRACER_ATTACH_H

#include "tracer/members.h"
#include "tracer/record.h"
#include "tracer/task.h"

/**
 * wh_attach_begin() - seize all of the service, and put what is found (tracer/decode_found.c) into the trace and @run. It is
 * held in a stop until wh_loop_run().
 * @members: who belongs to it
 * Return: 0, or -errno with an error; then what was seized goes on when we end.
 */
int wh_attach_begin(struct wh_recorder *r, const struct wh_record_attach *attach,
		    unsigned long options, struct wh_run *run, struct wh_members *members,
		    struct wh_error *e);

#endif
