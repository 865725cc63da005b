// SPDX-License-Identifier: Apache-2.0
#include "tracer/record.h"

#include <fcntl.h>
#include <libgen.h>

#include "cli/cli.h"
#include "cli/record.h"
#include "whittle/capability.h"
#include "whittle/output.h"
#include "whittle/schema.h"

/* ---- progress -------------------------------------------------------------------------------- */

struct view {
	bool shown;
	unsigned width;
};

static void show_progress(void *data, const struct wh_record_progress *p)
{
	struct view *view = data;
	unsigned long t = (unsigned long)p->elapsed;
	char line[200], gaps[40] = "";
	int n;

	if (p->gaps)
		snprintf(gaps, sizeof(gaps), " · %zu gap%s", p->gaps, p->gaps == 1 ? "" : "s");
	n = snprintf(line, sizeof(line),
		     "%lu:%02lu %s · %zu syscalls · %zu files · %zu capabilities%s · last news "
		     "%.0f s ago",
		     t / 60, t % 60, p->stage, p->syscalls, p->files, p->caps, gaps, p->since_news);
	/* The dots are two bytes each and the line must not wrap: what is over is cut by the width. */
	if (view->width && n > (int)view->width + 2)
		line[view->width + 2] = '\0';
	fprintf(stderr, "\r%s\x1b[K", line);
	fflush(stderr);
	view->shown = true;
}

static void clear_progress(struct view *view)
{
	if (view->shown)
		fputs("\r\x1b[K", stderr);
	view->shown = false;
}

/* ---- what was found -------------------------------------------------------------------------- */

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static size_t distinct_caps(struct wh_trace *trace)
{
	bool seen[WH_CAPABILITY_COUNT] = {0};
	size_t n, found = 0;
	const void *const *facts = wh_trace_facts(trace, WH_KIND_CAP, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_cap *cap = facts[i];
		int number = cap->denied ? -1 : wh_capability_number(cap->cap);

		if (number >= 0 && !seen[number]) {
			seen[number] = true;
			found++;
		}
	}
	return found;
}

static size_t distinct_paths(struct wh_trace *trace)
{
	size_t n, found = 0;
	const void *const *facts = wh_trace_facts(trace, WH_KIND_FILE, &n);

	/* Sorted by path. */
	for (size_t i = 0; i < n; i++) {
		const struct wh_file *file = facts[i], *before = i ? facts[i - 1] : NULL;

		found += !before || strcmp(file->path, before->path) != 0;
	}
	return found;
}

/* One line a kind of gap that a profile may suffer from; the others are in the trace. */
static void warn_of_gaps(struct wh_trace *trace)
{
	size_t n, n_kinds;
	const struct wh_gap_info *kinds = wh_schema_gaps(&n_kinds);
	const void *const *facts = wh_trace_facts(trace, WH_KIND_GAP, &n);
	bool colour = wh_cli_colour(stderr);

	for (size_t k = 0; k < n_kinds; k++) {
		const struct wh_gap *first = NULL;
		wh_auto(str) detail = NULL;
		size_t found = 0;

		for (size_t i = 0; i < n; i++) {
			const struct wh_gap *gap = facts[i];

			if (strcmp(gap->kind, kinds[k].kind) != 0)
				continue;
			first = first ? first : gap;
			found++;
		}
		if (!found || !kinds[k].refuse)
			continue;
		detail = wh_cli_safe(first->detail ? first->detail : "");
		fprintf(stderr, "%swarning:%s %s", colour ? "\x1b[1;31m" : "",
			colour ? "\x1b[0m" : "", kinds[k].sentence);
		if (detail && *detail)
			fprintf(stderr, " (%s%s)", detail, found > 1 ? ", …" : "");
		fputc('\n', stderr);
	}
}

static void summarize(struct wh_trace *trace, const char *output)
{
	size_t n, syscalls = wh_trace_count_of_service(trace, WH_KIND_SYSCALL);
	size_t paths = distinct_paths(trace), caps = distinct_caps(trace);
	size_t gaps = wh_trace_count(trace, WH_KIND_GAP);
	const struct wh_run *run = wh_trace_facts(trace, WH_KIND_RUN, &n)[0];
	wh_auto(str) name = wh_cli_safe(run->name);

	warn_of_gaps(trace);
	fprintf(stderr, "%s: %s after %.1f s", name ? name : "?", run->outcome,
		(double)run->duration_ms / 1000);
	if (run->load_outcome)
		fprintf(stderr, ", load %s", run->load_outcome);
	fprintf(stderr, ": %zu syscall%s, %zu path%s, %zu capabilit%s, %zu gap%s%s → %s\n",
		syscalls, plural(syscalls), paths, plural(paths), caps, caps == 1 ? "y" : "ies",
		gaps, plural(gaps), run->complete ? "" : ", incomplete",
		strcmp(output, "-") == 0 ? "standard output" : output);
}

/* ---- the command ----------------------------------------------------------------------------- */

/* Better now than after an hour: the trace can be written there. */
static int check_output(const char *path, struct wh_error *e)
{
	wh_auto(output) output = NULL;

	return strcmp(path, "-") == 0 ? 0 : wh_output_open(path, &output, e);
}

/* The service's name, if nobody has given it one. */
static int default_name(const struct wh_record_options *options,
			const struct wh_plan_request *container, char **ret_name,
			struct wh_error *e)
{
	wh_auto(str) command = NULL;

	if (container)
		return wh_front_name(container, ret_name, e);
	command = strdup(options->argv[0]);
	*ret_name = command ? strdup(basename(command)) : NULL;
	return *ret_name ? 0 : wh_error_oom(e);
}

static int default_output(const char *name, char **ret_path, struct wh_error *e)
{
	if (strchr(name, '/') || !*name)
		return wh_error_set(e, EINVAL, "--name %s: no name for a file; say where with -o",
				    name);
	return asprintf(ret_path, "%s.trace.json", name) < 0 ? wh_error_oom(e) : 0;
}

/* Return: whether a container is to be recorded; -EINVAL. */
static int read_container(const struct wh_cli_args *args, struct wh_plan_request *r,
			  struct wh_error *e)
{
	const char *bundle = wh_cli_value(args, "bundle");
	bool docker = wh_cli_value(args, "docker"), podman = wh_cli_value(args, "podman");

	if ((bundle != NULL) + docker + podman > 1)
		return wh_error_set(e, EINVAL, "one at a time: --bundle, --docker or --podman");
	r->way = docker ? WH_PLAN_DOCKER : podman ? WH_PLAN_PODMAN : WH_PLAN_BUNDLE;
	r->bundle = bundle;
	r->runtime = wh_cli_value(args, "runtime");
	r->args = args->rest;
	if (r->runtime && !bundle)
		return wh_error_set(e, EINVAL,
				    "--runtime goes with --bundle; to an engine it is said after "
				    "--: --docker -- --runtime %s IMAGE",
				    r->runtime);
	if ((docker || podman) && !args->n_rest)
		return wh_error_set(e, EINVAL,
				    "missing image: whittle record --%s -- [OPTION…] IMAGE "
				    "[COMMAND…], as for '%s run'",
				    docker ? "docker" : "podman", docker ? "docker" : "podman");
	if (!bundle && !docker && !podman && !args->n_rest)
		return wh_error_set(e, EINVAL, "missing %s; see 'whittle record --help'",
				    args->command->operands);
	if ((bundle || docker || podman) && wh_cli_value(args, "no-new-privs"))
		return wh_error_set(e, EINVAL,
				    "--no-new-privs is a container's own: say it to what makes it "
				    "(--security-opt no-new-privileges, process.noNewPrivileges)");
	return bundle || docker || podman;
}

static int read_options(const struct wh_cli_args *args, struct wh_record_options *o,
			struct wh_error *e)
{
	const struct {
		const char *name;
		double *to;
	} times[] = {
		{"duration", &o->duration},
		{"until-stable", &o->until_stable},
		{"grace", &o->grace},
		{"ready-timeout", &o->ready_timeout},
	};

	o->argv = args->rest;
	o->name = wh_cli_value(args, "name");
	o->ready = wh_cli_value(args, "ready");
	o->load = wh_cli_value(args, "load");
	o->engine = wh_cli_value(args, "engine");
	o->no_new_privs = wh_cli_value(args, "no-new-privs");
	for (size_t i = 0; i < WH_ARRAY_SIZE(times); i++)
		if (wh_cli_seconds(args, times[i].name, 0, times[i].to, e) < 0)
			return -EINVAL;
	return 0;
}

/* Where the trace goes, and what it is called. */
static int place_output(const struct wh_cli_args *args, const struct wh_plan_request *container,
			struct wh_record_options *options, char **ret_name, char **ret_path,
			struct wh_error *e)
{
	const char *output = wh_cli_value(args, "output");
	int err = 0;

	if (!options->name && (container || !output)) {
		err = default_name(options, container, ret_name, e);
		options->name = container ? *ret_name : NULL;
	}
	if (err < 0)
		return err;
	if (!output)
		return default_output(options->name ? options->name : *ret_name, ret_path, e);
	*ret_path = strdup(output);
	return *ret_path ? 0 : wh_error_oom(e);
}

int wh_cli_record_run(const struct wh_plan_request *container, struct wh_record_options *options,
		      const char *output, bool *ret_failed, struct wh_error *e)
{
	wh_auto(trace) trace = NULL;
	struct view view = {0};
	const struct wh_run *run;
	size_t n;
	int err = check_output(output, e);

	if (err < 0)
		return err;
	options->stdout_to_stderr = strcmp(output, "-") == 0;
	if (isatty(STDERR_FILENO)) {
		options->progress = show_progress;
		options->progress_data = &view;
		view.width = wh_cli_width(stderr);
	}
	err = container ? wh_front_run(container, options, &trace, e)
			: wh_record_run(options, &trace, e);
	clear_progress(&view);
	if (err == 0)
		err = wh_trace_json_write(trace, output, e);
	if (err < 0)
		return err;
	summarize(trace, output);
	run = wh_trace_facts(trace, WH_KIND_RUN, &n)[0];
	*ret_failed = run->failed;
	return 0;
}

static int record(const struct wh_cli_args *args, bool *ret_failed, struct wh_error *e)
{
	struct wh_record_options options = {0};
	struct wh_plan_request request = {0};
	const struct wh_plan_request *container;
	wh_auto(str) name = NULL;
	wh_auto(str) output = NULL;
	int err = read_container(args, &request, e);

	if (err < 0)
		return err;
	container = err ? &request : NULL;
	err = read_options(args, &options, e);
	if (err == 0)
		err = place_output(args, container, &options, &name, &output, e);
	return err < 0 ? err : wh_cli_record_run(container, &options, output, ret_failed, e);
}

static int run(const struct wh_cli_args *args, struct wh_error *e)
{
	bool failed = false;

	if (record(args, &failed, e) < 0)
		return WH_CLI_TROUBLE;
	return failed ? WH_CLI_NO : WH_CLI_FINE;
}

static const struct wh_cli_option options[] = {
	{"output", 'o', "TRACE", "the trace (default NAME.trace.json; - is stdout)"},
	{"name", 'n', "NAME", "name of the service (default: the command's)"},
	{"ready", 0, "WHEN",
	 "tcp:HOST:PORT, http://…, log:RE, file:PATH, delay:S; a container is looked at from "
	 "inside"},
	{"ready-timeout", 0, "S", "give up when it is not ready by then (default 60)"},
	{"load", 'l', "CMD", "shell command to run once it is ready"},
	{"duration", 'd', "S", "let it serve so long, at most"},
	{"until-stable", 0, "S", "end when nothing new was seen for so long"},
	{"grace", 0, "S", "from SIGTERM to SIGKILL at the end (default 10)"},
	{"engine", 0, "auto|plain|adaptive|assisted", "how to watch", true},
	{"no-new-privs", 0, NULL, "start it with no_new_privs, as it will be run"},
	{"docker", 0, NULL, "a container: COMMAND is what 'docker run' takes"},
	{"podman", 0, NULL, "a container: COMMAND is what 'podman run' takes", .joined = true},
	{"bundle", 0, "DIR", "a container of this OCI bundle; COMMAND is optional"},
	{"runtime", 0, "NAME", "for it (default runc, else crun)"},
	{NULL},
};

const struct wh_cli_command wh_record_command = {
	.name = "record",
	.summary = "run a service or a container and record what it does",
	.operands = "-- COMMAND [ARG…]",
	.takes_command = true,
	.about =
		"Runs COMMAND with all that it starts and writes a trace of what it did. Ends with "
		"COMMAND, with the load, after --duration or --until-stable, or at Ctrl-C.",
	.details =
		"When it ends otherwise than with COMMAND, the service gets SIGTERM (a container: "
		"its image's stop signal), and SIGKILL "
		"after the grace; a second Ctrl-C kills it at once. SIGTERM, SIGQUIT, SIGHUP, "
		"SIGUSR1, SIGUSR2 and SIGWINCH are passed on. With --ready log:REGEX the standard "
		"output and error of the service are pipes, and are passed on. Without --ready, "
		"the load begins when nothing new was seen for a second. Exit status 1: COMMAND or "
		"its load failed, or was not ready in time; the trace is written and says so.\n"
		"Of a container, --ready looks inside: file: is a path in it, tcp: and http: are "
		"tried in its network namespace first, then from here, so that 127.0.0.1:80 is "
		"the container's. The load runs outside, with WHITTLE_CONTAINER_ID, "
		"WHITTLE_CONTAINER_PID and, where it has one, WHITTLE_CONTAINER_IP in its "
		"environment: nsenter --net -t \"$WHITTLE_CONTAINER_PID\" curl http://127.0.0.1/ "
		"reaches what is not published. Afterwards the container is removed, unless it was "
		"given a name. A bundle's container has no terminal.",
	.example = "whittle record --ready tcp:localhost:8080 --load ./load -- ./web --port 8080",
	.options = options,
	.min_operands = 0,
	.max_operands = -1,
	.run = run,
};
