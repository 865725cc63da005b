/* SPDX-License-Identifier: Apache-2.0 */
/* What a run says of itself: the machine, the program, and the privileges it began with. */
#ifndef WHITTLE_TRACER_RUNINFO_H
#define WHITTLE_TRACER_RUNINFO_H

#include "tracer/record.h"
#include "tracer/task.h"

/** wh_runinfo_new() - the run's fact in @r->trace, with all that is known before the start. */
int wh_runinfo_new(struct wh_recorder *r, const struct wh_record_options *options,
		   struct wh_run **ret_run, struct wh_error *e);

/** wh_runinfo_container() - what is known of the container, once its init waits. Return: 0 or -ENOMEM. */
int wh_runinfo_container(struct wh_recorder *r, const struct wh_record_container *c,
			 struct wh_run *run);

/**
 * wh_runinfo_entry() - what is in force now that @task has executed the entrypoint. What cannot be
 * read (it was killed already) is left as it is.
 */
int wh_runinfo_entry(struct wh_recorder *r, struct wh_task *task, struct wh_run *run);

#endif
