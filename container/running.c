// SPDX-License-Identifier: Apache-2.0
#include "container/running.h"

#include <limits.h>
#include <sys/wait.h>

#include "container/jsonfile.h"
#include "container/program.h"
#include "whittle/buf.h"

static const struct knower {
	const char *name;
	bool engine;
} knowers[] = {{"docker", true}, {"podman", true}, {"runc", false}, {"crun", false}};

int wh_running_state(const char *text, struct wh_inspect *ret, struct wh_error *e)
{
	wh_auto(json) state = NULL;
	const char *id, *status;
	double pid;
	int err = wh_jsonfile_parse(text, strlen(text), "the state", &state, e);

	if (err < 0)
		return err;
	id = wh_jsonfile_string(state, "id");
	status = wh_jsonfile_string(state, "status");
	pid = json_number_value(json_object_get(state, "pid"));
	if (!id || !status)
		return wh_error_set(e, EPROTO, "the state of the container lacks its id or status");
	/* It has a process before it has a program: that one waits for the runtime. */
	if (strcmp(status, "running") == 0 && pid >= 1 && pid <= INT_MAX)
		ret->pid = (pid_t)pid;
	ret->id = strdup(id);
	return ret->id ? 0 : wh_error_oom(e);
}

static void ask_words(const struct knower *knower, const char *name, struct wh_program *p)
{
	wh_program_add(p, knower->name);
	if (knower->engine) {
		wh_program_add(p, "container");
		wh_program_add(p, "inspect");
	} else {
		wh_program_add(p, "state");
	}
	wh_program_add(p, "--");
	wh_program_add(p, name);
}

static int ask(const struct knower *knower, const char *name, struct wh_running *ret,
	       struct wh_error *e)
{
	wh_auto(container_program) p = {0};
	wh_auto(str) text = NULL;
	wh_auto(str) said = NULL;
	int status, err;

	ask_words(knower, name, &p);
	err = wh_program_run(&p, &text, &said, &status, e);
	if (err < 0)
		return err;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return wh_error_set(e, EREMOTE, "%s", *said ? said : "it failed");
	err = knower->engine ? wh_inspect_container(text, &ret->about, e)
			     : wh_running_state(text, &ret->about, e);
	if (err < 0)
		return err;
	if (knower->engine) {
		ret->engine = knower->name;
	} else if (!ret->about.runtime) {
		ret->about.runtime = strdup(knower->name);
		if (!ret->about.runtime)
			return wh_error_oom(e);
	}
	return ret->about.pid ? 0
			      : wh_error_set(e, ESRCH,
					     "the container does not run; start it first, or "
					     "record it from its start with 'whittle record'");
}

int wh_running_find(const char *name, struct wh_running *ret, struct wh_error *e)
{
	wh_auto(buf) all = {0};

	*ret = (struct wh_running){0};
	for (size_t i = 0; i < WH_ARRAY_SIZE(knowers); i++) {
		struct wh_error why = {0};
		int err = ask(&knowers[i], name, ret, &why);

		/* Whoever knows it has answered: nobody else's of the same name is meant. */
		if (err == 0)
			return 0;
		if (err == -ESRCH || err == -ENOMEM)
			return wh_error_set(e, err, "%s of %s: %s", name, knowers[i].name,
					    why.text);
		wh_running_release(ret);
		if (err != -ENOENT)
			wh_buf_addf(&all, "%s%s: %s", all.len ? "; " : "", knowers[i].name,
				    why.text);
	}
	return wh_error_set(
		e, ENOENT, "there is no container %s (%s); give its name, its id or a process id",
		name, all.len ? all.data : "neither docker, podman, runc nor crun is in PATH");
}

void wh_running_release(struct wh_running *running)
{
	wh_inspect_free(&running->about);
	running->engine = NULL;
}
