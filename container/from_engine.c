// SPDX-License-Identifier: Apache-2.0
#include "container/from_engine.h"

int wh_from_engine_name(const struct wh_plan_request *request, char **ret_name, struct wh_error *e)
{
	(void)request;
	*ret_name = NULL;
	return wh_error_set(e, ENOSYS, "not yet");
}

int wh_from_engine_plan(const struct wh_plan_request *request, struct wh_plan *plan,
			struct wh_error *e)
{
	(void)request;
	(void)plan;
	return wh_error_set(e, ENOSYS, "not yet");
}
