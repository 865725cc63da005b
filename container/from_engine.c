// SPDX-License-Identifier: Apache-2.0
#include "container/from_engine.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "container/bundle.h"
#include "container/inspect.h"
#include "container/intercept.h"
#include "container/runargs.h"

/* As which whittle installs itself into Docker, if it is asked to. */
#define OWN_RUNTIME "whittle"

static const char *client_of(const struct wh_plan_request *request)
{
	return request->way == WH_PLAN_DOCKER ? "docker" : "podman";
}

static int parse_args(const struct wh_plan_request *request, struct wh_runargs *ret,
		      struct wh_error *e)
{
	const char *client = client_of(request);

	wh_runargs_parse(request->args, ret);
	if (ret->options.failed)
		return wh_error_oom(e);
	if (ret->image)
		return 0;
	return wh_error_set(e, EINVAL,
			    "there is no image among the arguments: whittle record --%s -- "
			    "[OPTION…] IMAGE [COMMAND…], as for '%s run'",
			    client, client);
}

int wh_from_engine_name(const struct wh_plan_request *request, char **ret_name, struct wh_error *e)
{
	struct wh_runargs args;
	const char *name;
	int err = parse_args(request, &args, e);

	if (err == 0 && args.name) {
		*ret_name = strdup(args.name);
	} else if (err == 0) {
		/* registry:5000/group/image:tag@digest */
		name = strrchr(args.image, '/');
		name = name ? name + 1 : args.image;
		*ret_name = strndup(name, strcspn(name, ":@"));
	}
	if (err == 0 && !*ret_name)
		err = wh_error_oom(e);
	wh_runargs_free(&args);
	return err;
}

/* ---- asking the client ----------------------------------------------------------------------- */

/* Return: 0; -EREMOTE when it ended otherwise than well, with *ret_complaint. */
static int ask(const struct wh_program *p, char **ret_said, char **ret_complaint,
	       struct wh_error *e)
{
	int status, err = wh_program_run(p, ret_said, ret_complaint, &status, e);

	if (err < 0)
		return err;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EREMOTE;
}

static void words(struct wh_program *p, const char *client, const char *const *rest)
{
	wh_program_add(p, client);
	for (size_t i = 0; rest[i]; i++)
		wh_program_add(p, rest[i]);
}

static int check_daemon(struct wh_error *e)
{
	static const char *const rest[] = {"version", "--format", "{{.Server.Version}}", NULL};
	wh_auto(container_program) p = {0};
	wh_auto(str) said = NULL;
	wh_auto(str) complaint = NULL;
	int err;

	words(&p, "docker", rest);
	err = ask(&p, &said, &complaint, e);
	if (err != -EREMOTE)
		return err;
	return wh_error_set(
		e, ECONNREFUSED,
		"Docker does not answer (%s): start it (systemctl start docker), or say "
		"by DOCKER_HOST where it is",
		complaint);
}

/* What the engine would do by itself, but where its progress is seen. */
static int fetch_image(const char *client, const struct wh_runargs *args, struct wh_error *e)
{
	const char *const inspect[] = {"image", "inspect", args->image, NULL};
	const char *const pull[] = {"pull", args->image, NULL};
	wh_auto(container_program) look = {0};
	wh_auto(container_program) get = {0};
	wh_auto(str) said = NULL;
	wh_auto(str) complaint = NULL;
	int status, err;

	if (args->pulls)
		return 0;
	words(&look, client, inspect);
	err = ask(&look, &said, &complaint, e);
	if (err != -EREMOTE)
		return err;
	words(&get, client, pull);
	err = wh_program_run(&get, NULL, NULL, &status, e);
	if (err < 0 || (WIFEXITED(status) && !WEXITSTATUS(status)))
		return err;
	return wh_error_set(e, ENOENT,
			    "there is no image %s here, and it cannot be pulled, for the reason "
			    "above; '%s images' lists what there is",
			    args->image, client);
}

static int create(const char *client, const struct wh_runargs *args, const char *runtime,
		  struct wh_plan *plan, struct wh_error *e)
{
	wh_auto(container_program) p = {0};
	wh_auto(str) said = NULL;
	wh_auto(str) complaint = NULL;
	int err;

	wh_program_add(&p, client);
	wh_program_add(&p, "create");
	if (runtime)
		wh_program_addf(&p, "--runtime=%s", runtime);
	wh_program_add_all(&p, args->options.argv);
	wh_program_add(&p, args->image);
	wh_program_add_all(&p, args->command);
	err = ask(&p, &said, &complaint, e);
	if (err == -EREMOTE)
		return wh_error_set(e, EREMOTE, "'%s create' refuses: %s", client, complaint);
	if (err < 0)
		return err;
	said[strcspn(said, "\r\n")] = '\0';
	return wh_plan_identify(plan, said, e);
}

static int inspect(const char *client, struct wh_plan *plan, struct wh_error *e)
{
	const char *const rest[] = {"container", "inspect", plan->id, NULL};
	wh_auto(container_program) p = {0};
	wh_auto(str) said = NULL;
	wh_auto(str) complaint = NULL;
	struct wh_inspect is = {0};
	int err;

	words(&p, client, rest);
	err = ask(&p, &said, &complaint, e);
	if (err == -EREMOTE)
		err = wh_error_set(e, EREMOTE, "'%s container inspect' refuses: %s", client,
				   complaint);
	if (err == 0)
		err = wh_inspect_container(said, &is, e);
	if (err == 0)
		err = wh_plan_identify(plan, is.id, e);
	if (err == 0 && is.name)
		err = wh_plan_set(&plan->name, is.name, e);
	if (err == 0 && is.image)
		err = wh_plan_set(&plan->image, is.image, e);
	plan->stop_signal = is.stop_signal;
	plan->stop_timeout = is.stop_timeout;
	wh_inspect_free(&is);
	return err;
}

/* ---- the hook's way into the container ------------------------------------------------------- */

/* Docker has none for others, but for runtimes in its configuration. */
static int choose_runtime(const struct wh_runargs *args, const char **ret_runtime,
			  char **ret_program, struct wh_error *e)
{
	static const char *const rest[] = {"info", "--format", "{{json .}}", NULL};
	wh_auto(container_program) p = {0};
	wh_auto(str) said = NULL;
	wh_auto(str) complaint = NULL;
	wh_auto(str) own = NULL;
	wh_auto(str) usual = NULL;
	int err;

	words(&p, "docker", rest);
	err = ask(&p, &said, &complaint, e);
	if (err == -EREMOTE)
		return wh_error_set(e, EREMOTE, "'docker info' refuses: %s", complaint);
	if (err == 0)
		err = wh_inspect_runtime(said, OWN_RUNTIME, &own, e);
	if (err < 0)
		return err;
	*ret_runtime = args->runtime ? NULL : own ? OWN_RUNTIME : NULL;
	if (*ret_runtime || wh_util_streq(args->runtime, OWN_RUNTIME))
		return 0;
	err = wh_inspect_default_runtime(said, &usual, e);
	if (err == 0)
		err = wh_inspect_runtime(said, args->runtime ? args->runtime : usual, ret_program,
					 e);
	if (err < 0 || *ret_program)
		return err;
	return wh_error_set(e, ENOENT, "Docker knows no runtime %s; 'docker info' lists them",
			    args->runtime ? args->runtime : usual);
}

static int intercept(const char *program, struct wh_plan *plan, struct wh_error *e)
{
	const struct wh_intercept_aim aim = {
		.runtime = program, .id = plan->id, .control = plan->control, .add_hook = true};
	struct wh_error why = {0};
	int err = wh_intercept_new(&aim, &plan->intercept, &why);

	return err < 0 ? wh_error_set(e, err,
				      "whittle cannot come between Docker and its runtime: %s; "
				      "run 'whittle runtime install', which needs not to",
				      why.text)
		       : 0;
}

static int prepare_docker(const struct wh_runargs *args, struct wh_plan *plan, struct wh_error *e)
{
	wh_auto(str) program = NULL;
	const char *runtime = NULL;
	int err = choose_runtime(args, &runtime, &program, e);

	if (err == 0)
		err = create("docker", args, runtime, plan, e);
	if (err == 0 && program)
		err = intercept(program, plan, e);
	if (err == 0)
		wh_program_add(&plan->start, "docker");
	return err;
}

/* The folders that Podman reads where nothing is said (podman(1)) are still to be read. */
static int prepare_podman(const struct wh_runargs *args, struct wh_plan *plan, struct wh_error *e)
{
	static const char *const usual[] = {"/usr/share/containers/oci/hooks.d",
					    "/etc/containers/oci/hooks.d"};
	int err = wh_plan_folder(plan, e);

	if (err == 0)
		err = wh_bundle_hooks_folder(plan->folder, e);
	if (err == 0)
		err = create("podman", args, NULL, plan, e);
	wh_program_add(&plan->start, "podman");
	for (size_t i = 0; i < WH_ARRAY_SIZE(usual); i++)
		if (access(usual[i], R_OK | X_OK) == 0)
			wh_program_addf(&plan->start, "--hooks-dir=%s", usual[i]);
	if (err == 0)
		wh_program_addf(&plan->start, "--hooks-dir=%s", plan->folder);
	return err;
}

/* ---- the plan -------------------------------------------------------------------------------- */

static int add_commands(const char *client, const struct wh_runargs *args, struct wh_plan *plan,
			struct wh_error *e)
{
	const char *const clean[] = {"rm", "--force", "--volumes", plan->id, NULL};
	const char *const status[] = {"container",	   "inspect", "--format",
				      "{{.State.Status}}", plan->id,  NULL};

	wh_program_add_all(&plan->start_silent, plan->start.argv);
	wh_program_add(&plan->start, "start");
	wh_program_add(&plan->start, "--attach");
	if (args->interactive)
		wh_program_add(&plan->start, "--interactive");
	wh_program_add(&plan->start, plan->id);
	wh_program_add(&plan->start_silent, "start");
	wh_program_add(&plan->start_silent, plan->id);
	words(&plan->clean, client, clean);
	words(&plan->status, client, status);
	plan->with_input = args->interactive;
	plan->silent = args->detach;
	plan->keep = args->name != NULL;
	return plan->start.failed || plan->start_silent.failed || plan->clean.failed ||
			       plan->status.failed
		       ? wh_error_oom(e)
		       : 0;
}

static int make(const char *client, const struct wh_runargs *args, struct wh_plan *plan,
		struct wh_error *e)
{
	bool docker = strcmp(client, "docker") == 0;
	int err = wh_plan_set(&plan->engine, client, e), failed = 0;

	if (err == 0 && docker)
		err = check_daemon(e);
	if (err == 0)
		err = fetch_image(client, args, e);
	if (err == 0)
		failed = docker ? prepare_docker(args, plan, e) : prepare_podman(args, plan, e);
	if (err < 0 || !plan->id)
		return err < 0 ? err : failed;
	/* It is there: from now on it can be taken away. */
	err = add_commands(client, args, plan, e);
	if (failed == 0 && err == 0)
		failed = inspect(client, plan, e);
	return failed ? failed : err;
}

/* Else nothing is seen of its runtime, and the container would run, unrecorded. */
static bool may_trace_all(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	return syscall(SYS_capget, &header, data) == 0 &&
	       (data[CAP_TO_INDEX(CAP_SYS_PTRACE)].effective & CAP_TO_MASK(CAP_SYS_PTRACE));
}

int wh_from_engine_plan(const struct wh_plan_request *request, struct wh_plan *plan,
			struct wh_error *e)
{
	const char *client = client_of(request);
	struct wh_runargs args;
	int err;

	if (request->way == WH_PLAN_DOCKER && geteuid())
		return wh_error_set(e, EPERM,
				    "Docker's containers are root's, and so is recording them: "
				    "sudo whittle record --docker …");
	if (request->way == WH_PLAN_DOCKER && !may_trace_all())
		return wh_error_set(
			e, EPERM,
			"cannot trace Docker's containers: ptrace: Operation not permitted "
			"without CAP_SYS_PTRACE; give whittle that, or run it outside of "
			"a container");
	err = parse_args(request, &args, e);
	if (err == 0)
		err = make(client, &args, plan, e);
	wh_runargs_free(&args);
	return err;
}
