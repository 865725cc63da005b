// SPDX-License-Identifier: Apache-2.0
#include <syslog.h>

#include "cli/cli.h"
#include "container/daemon.h"
#include "container/real.h"
#include "container/rendezvous.h"

#define ANNOTATED "^org\\.whittle\\.trace$"

/* The hook's parent is the runtime that calls it. */
static int find_runtime(const struct wh_cli_args *args, char **ret, struct wh_error *e)
{
	const char *given = wh_cli_value(args, "runtime-name");
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)getppid());
	if (given)
		*ret = strdup(given);
	return given ? (*ret ? 0 : wh_error_oom(e))
		     : (wh_real_version(path, ret) < 0 ? wh_error_oom(e) : 0);
}

static int start(const struct wh_cli_args *args, const struct wh_oci *oci,
		 const struct wh_identity *identity, struct wh_error *e)
{
	wh_auto(settings) settings = {0};
	wh_auto(str) runtime = NULL;
	struct wh_destination place = {0};
	struct wh_daemon what = {.root = wh_cli_value(args, "root"), .place = &place};
	int err = wh_settings_read(WH_SETTINGS_FILE, &settings, e);

	if (err == 0)
		err = wh_destination_find(oci, identity, wh_cli_value(args, "output"), &settings,
					  &place, e);
	if (err == 0)
		err = wh_destination_check(&place, e);
	if (err == 0)
		err = find_runtime(args, &runtime, e);
	if (err == 0) {
		what.container = (struct wh_record_container){
			.init = wh_oci_pid(oci),
			.engine = identity->engine,
			.id = wh_oci_id(oci),
			.name = identity->name,
			.image = identity->image,
			.runtime = runtime,
		};
		err = wh_daemon_start(&what, e);
	}
	wh_destination_release(&place);
	return err;
}

static int hook(const struct wh_cli_args *args, struct wh_error *e)
{
	struct wh_identity identity = {0};
	wh_auto(oci) oci = NULL;
	int err = wh_oci_state_read("-", &oci, e), met = 0;

	if (err == 0)
		met = wh_rendezvous_offer(wh_oci_id(oci), wh_oci_state(oci), e);
	if (met > 0)
		return 0;
	if (met < 0)
		err = met;
	if (err == 0)
		err = wh_identity_find(oci, &identity, e);
	if (err == 0)
		err = start(args, oci, &identity, e);
	wh_identity_release(&identity);
	/* crun says that a hook has failed, but not what it said. */
	if (err < 0)
		syslog(LOG_DAEMON | LOG_ERR, "whittle hook: %s", e->text);
	return err;
}

static int print_hooks_file(const char *which, const struct wh_cli_args *args, struct wh_error *e)
{
	const char *output = wh_cli_value(args, "output");
	const char *argv[] = {"whittle", "hook", output ? "--output" : NULL, output, NULL};
	wh_auto(str) self = realpath("/proc/self/exe", NULL);
	wh_auto(str) text = NULL;

	if (self)
		text = wh_oci_hooks_file(self, argv, NULL,
					 strcmp(which, "annotated") == 0 ? ANNOTATED : NULL);
	if (!text)
		return wh_error_oom(e);
	puts(text);
	return 0;
}

static int run(const struct wh_cli_args *args, struct wh_error *e)
{
	const char *json = wh_cli_value(args, "json");
	int err = json ? print_hooks_file(json, args, e) : hook(args, e);

	return err < 0 ? WH_CLI_TROUBLE : WH_CLI_FINE;
}

static const struct wh_cli_option options[] = {
	{"output", 'o', "PATH", "file or folder for traces (default: see the man page)"},
	{"root", 0, "DIR", "where the runtime keeps its containers' states"},
	{"runtime-name", 0, "TEXT", "what the trace calls the runtime (default: its version)"},
	{"json", 0, "all|annotated", "print a file for a hooks.d folder, and do nothing else",
	 true},
	{NULL},
};

const struct wh_cli_command wh_hook_command = {
	.name = "hook",
	.summary = "record a container: a createRuntime hook",
	.operands = "",
	.about =
		"Reads the state of a container from standard input, as an OCI runtime gives it to "
		"createRuntime hooks, and records the container in the background until it ends. "
		"If that is not possible it fails, and the container does not start.",
	.details =
		"The trace goes where the first of these says: the annotation org.whittle.trace, "
		"WHITTLE_TRACE in the environment of the container, its label org.whittle.trace "
		"(Docker), --output, \"output\" in " WH_SETTINGS_FILE ", " WH_DESTINATION_DEFAULT
		". Each is an absolute path. In a folder it is called NAME-IMAGE-ID.trace.json, "
		"and "
		"no trace replaces another one. As an annotation, variable or label may come with "
		"an "
		"image, it can only name a folder, or a file that ends with .trace.json or .trace "
		"and is none that is there but for a trace. What goes wrong after the container "
		"has "
		"started is written beside the trace, with .log behind its name; why a container "
		"was not started is in the system's log, too. "
		"--json all is for "
		"every container, --json annotated for those with the annotation "
		"org.whittle.trace.",
	.example = "whittle hook --json all > hooks/whittle.json\n"
		   "podman --hooks-dir hooks run --annotation org.whittle.trace=/tmp/ IMAGE",
	.options = options,
	.min_operands = 0,
	.max_operands = 0,
	.run = run,
};
