/* SPDX-License-Identifier: Apache-2.0 */
/* A container from an OCI bundle, by an OCI runtime alone. */
#ifndef WHITTLE_CONTAINER_FROM_BUNDLE_H
#define WHITTLE_CONTAINER_FROM_BUNDLE_H

#include "container/plan.h"

int wh_from_bundle_name(const struct wh_plan_request *request, char **ret_name, struct wh_error *e);
/** wh_from_bundle_plan() - nothing is started yet. @plan is to be freed even if that fails. */
int wh_from_bundle_plan(const struct wh_plan_request *request, struct wh_plan *plan,
			struct wh_error *e);

#endif
