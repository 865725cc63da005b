// SPDX-License-Identifier: Apache-2.0
#include "container/from_bundle.h"

#include <sys/random.h>

#include "container/bundle.h"
#include "container/real.h"

int wh_from_bundle_name(const struct wh_plan_request *request, char **ret_name, struct wh_error *e)
{
	wh_auto(str) real = realpath(request->bundle, NULL);
	const char *name;

	if (!real)
		return wh_error_errno(e, errno, "--bundle %s", request->bundle);
	name = strrchr(real, '/') + 1;
	*ret_name = strdup(*name ? name : "container");
	return *ret_name ? 0 : wh_error_oom(e);
}

static int make_id(struct wh_plan *plan, struct wh_error *e)
{
	uint32_t bits;
	char id[32];

	if (getrandom(&bits, sizeof(bits), 0) != sizeof(bits))
		return wh_error_errno(e, errno, "getrandom");
	snprintf(id, sizeof(id), "whittle-%08x", bits);
	return wh_plan_identify(plan, id, e);
}

int wh_from_bundle_plan(const struct wh_plan_request *request, struct wh_plan *plan,
			struct wh_error *e)
{
	wh_auto(str) runtime = NULL;
	int err;

	if (geteuid())
		return wh_error_set(e, EPERM,
				    "containers are recorded as root: sudo whittle record --bundle "
				    "…");
	err = wh_real_find(request->runtime, &runtime, e);
	if (err == 0)
		err = wh_plan_folder(plan, e);
	if (err == 0)
		err = wh_bundle_copy(request->bundle, request->args, plan->folder, e);
	if (err == 0)
		err = make_id(plan, e);
	if (err == 0)
		err = wh_from_bundle_name(request, &plan->name, e);
	if (err < 0)
		return err;
	if (asprintf(&plan->log, "%s/.whittle.log", plan->folder) < 0) {
		plan->log = NULL;
		return wh_error_oom(e);
	}
	plan->with_input = true;
	wh_program_add(&plan->start, runtime);
	wh_program_add(&plan->start, "--log");
	wh_program_add(&plan->start, plan->log);
	wh_program_add(&plan->start, "--log-format");
	wh_program_add(&plan->start, "json");
	wh_program_add(&plan->start, "run");
	wh_program_add(&plan->start, "--bundle");
	wh_program_add(&plan->start, plan->folder);
	wh_program_add(&plan->start, plan->id);
	wh_program_add(&plan->clean, runtime);
	wh_program_add(&plan->clean, "delete");
	wh_program_add(&plan->clean, "--force");
	wh_program_add(&plan->clean, plan->id);
	return plan->start.failed || plan->clean.failed ? wh_error_oom(e) : 0;
}
