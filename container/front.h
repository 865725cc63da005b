/* SPDX-License-Identifier: Apache-2.0 */
/* Recording a container in the foreground, from its making to its end: what `whittle record --bundle` and its like do. */
#ifndef WHITTLE_CONTAINER_FRONT_H
#define WHITTLE_CONTAINER_FRONT_H

#include "container/plan.h"

/** wh_front_name() - what the recording of it is called where the user says nothing; the caller's to free. */
int wh_front_name(const struct wh_plan_request *request, char **ret_name, struct wh_error *e);

/**
 * wh_front_run() - wh_record_run() for the container that is asked for. It is gone afterwards, unless the user wants to
 * keep it.
 * @options: without argv and container
 */
int wh_front_run(const struct wh_plan_request *request, const struct wh_record_options *options,
		 struct wh_trace **ret_trace, struct wh_error *e);

#endif
