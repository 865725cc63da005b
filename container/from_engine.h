/* SPDX-License-Identifier: Apache-2.0 */
/* A container that Docker or Podman makes, by their client. */
#ifndef WHITTLE_CONTAINER_FROM_ENGINE_H
#define WHITTLE_CONTAINER_FROM_ENGINE_H

#include "container/plan.h"

/** wh_from_engine_name() - that of --name, else that of the image without registry and tag. */
int wh_from_engine_name(const struct wh_plan_request *request, char **ret_name, struct wh_error *e);
/**
 * wh_from_engine_plan() - the container is created and not started. @plan is to be freed even if that fails, and
 * @plan->clean to be run.
 */
int wh_from_engine_plan(const struct wh_plan_request *request, struct wh_plan *plan,
			struct wh_error *e);

#endif
