// SPDX-License-Identifier: Apache-2.0
#include "container/plan.h"

#include <fcntl.h>
#include <ftw.h>

#include "container/intercept.h"
#include "container/real.h"
#include "container/rundir.h"
#include "tracer/procfs.h"

int wh_plan_set(char **member, const char *text, struct wh_error *e)
{
	free(*member);
	*member = strdup(text);
	return *member ? 0 : wh_error_oom(e);
}

int wh_plan_identify(struct wh_plan *plan, const char *id, struct wh_error *e)
{
	int err = wh_plan_set(&plan->id, id, e);

	free(wh_take(plan->control));
	return err < 0 ? err : wh_rundir_control(id, NULL, &plan->control, e);
}

int wh_plan_folder(struct wh_plan *plan, struct wh_error *e)
{
	const char *tmp = getenv("TMPDIR");
	wh_auto(str) path = NULL;

	if (asprintf(&path, "%s/whittle-container.XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp") < 0) {
		path = NULL;
		return wh_error_oom(e);
	}
	if (!mkdtemp(path))
		return wh_error_errno(e, errno, "cannot make a temporary folder %s", path);
	plan->folder = wh_take(path);
	return 0;
}

pid_t wh_plan_parent(pid_t init)
{
	wh_auto(fd) proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	pid_t tgid, parent;

	return proc >= 0 && wh_procfs_ids(proc, init, &tgid, &parent) == 0 ? parent : 0;
}

int wh_plan_runtime(struct wh_plan *plan, pid_t init, struct wh_error *e)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)wh_plan_parent(init));
	free(wh_take(plan->runtime));
	return wh_real_version(path, &plan->runtime) < 0 ? wh_error_oom(e) : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void wh_plan_free(struct wh_plan *plan)
{
	/* Links to what is the user's are not followed. */
	if (plan->folder)
		nftw(plan->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	wh_intercept_free(plan->intercept);
	wh_program_free(&plan->start);
	wh_program_free(&plan->start_silent);
	wh_program_free(&plan->clean);
	wh_program_free(&plan->status);
	free(plan->engine);
	free(plan->id);
	free(plan->name);
	free(plan->image);
	free(plan->runtime);
	free(plan->control);
	free(plan->folder);
	free(plan->log);
	*plan = (struct wh_plan){0};
}
