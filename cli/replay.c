// SPDX-License-Identifier: Apache-2.0
#include "cli/replay.h"

#include <inttypes.h>
#include <jansson.h>
#include <sys/wait.h>

#include "cli/table.h"
#include "judge/replay.h"
#include "tracer/record.h"
#include "whittle/command.h"

#define FRAMES_SHOWN 3

static const struct {
	unsigned bit;
	const char *name;
} phases[] = {
	{WH_PHASE_RUNTIME, "runtime"}, {WH_PHASE_STARTUP, "start-up"},
	{WH_PHASE_SERVING, "serving"}, {WH_PHASE_EXEC, "exec"},
	{WH_PHASE_FOUND, "found"},
};

static void print_safe(const char *before, const char *foreign, const char *after)
{
	wh_auto(str) safe = wh_cli_safe(foreign);

	printf("%s%s%s", before, safe ? safe : "?", after);
}

/* When, how often, by whom, and from where in it. */
static void print_fact(const struct wh_fact *f)
{
	const char *between = ", ";

	if (!f)
		return;
	printf("               %" PRIu64 " time%s", f->count, f->count == 1 ? "" : "s");
	for (size_t i = 0; i < WH_ARRAY_SIZE(phases); i++) {
		if (f->phases & phases[i].bit)
			printf("%s%s", between, phases[i].name);
	}
	if (f->site)
		print_safe(", first by ", f->site->program, "");
	putchar('\n');
	for (size_t i = 0; f->site && i < f->site->stack.n && i < FRAMES_SHOWN; i++)
		print_safe("                 ", f->site->stack.v[i], "\n");
}

static void print_finding(const struct wh_replay_finding *f)
{
	static const enum wh_table_style styles[] = {
		[WH_REPLAY_REFUSED] = WH_TABLE_BAD,
		[WH_REPLAY_MISSING] = WH_TABLE_BAD,
		[WH_REPLAY_UNJUDGED] = WH_TABLE_WARN,
		[WH_REPLAY_NOTE] = WH_TABLE_PLAIN,
	};
	wh_auto(str) entry = wh_cli_safe(f->entry);

	printf("  %-12s ", wh_replay_verdict_name(f->verdict));
	wh_table_styled(stdout, wh_cli_colour(stdout), styles[f->verdict], entry ? entry : "?");
	print_safe("\n               ", f->why, "\n");
	print_fact(f->fact);
}

static json_t *text(const char *s)
{
	wh_auto(str) safe = wh_cli_safe(s);

	return safe ? json_string(safe) : json_null();
}

static json_t *json_of(const struct wh_replay_finding *f)
{
	json_t *o = json_object(), *seen, *stack;

	json_object_set_new(o, "verdict", json_string(wh_replay_verdict_name(f->verdict)));
	json_object_set_new(o, "what", json_string(f->what));
	json_object_set_new(o, "entry", text(f->entry));
	json_object_set_new(o, "why", text(f->why));
	if (!f->fact)
		return o;
	json_object_set_new(o, "count", json_integer((json_int_t)f->fact->count));
	json_object_set_new(o, "phases", seen = json_array());
	for (size_t i = 0; i < WH_ARRAY_SIZE(phases); i++) {
		if (f->fact->phases & phases[i].bit)
			json_array_append_new(seen, json_string(phases[i].name));
	}
	if (!f->fact->site)
		return o;
	json_object_set_new(o, "program", text(f->fact->site->program));
	json_object_set_new(o, "stack", stack = json_array());
	for (size_t i = 0; i < f->fact->site->stack.n; i++)
		json_array_append_new(stack, text(f->fact->site->stack.v[i]));
	return o;
}

static int print_json(const struct wh_replay *replay, struct wh_error *e)
{
	json_t *all = json_object(), *list = json_array();
	int r = 0;

	json_object_set_new(all, "passed", json_boolean(wh_replay_passed(replay)));
	for (size_t i = 0; i < replay->n; i++)
		json_array_append_new(list, json_of(&replay->finding[i]));
	json_object_set_new(all, "findings", list);
	if (json_dumpf(all, stdout, JSON_INDENT(2)) < 0)
		r = wh_error_set(e, EIO, "cannot write the result");
	putchar('\n');
	json_decref(all);
	return r;
}

static void print_text(const struct wh_replay *replay, const struct wh_profile *profile)
{
	bool colour = wh_cli_colour(stdout);

	for (size_t i = 0; i < replay->n; i++)
		print_finding(&replay->finding[i]);
	printf("%s  %-12s %zu system calls, %zu capabilities, ", replay->n ? "\n" : "", "judged",
	       replay->syscalls, replay->caps);
	if (profile)
		printf("%zu file rules and %zu others\n\n", replay->files, replay->rules);
	else
		puts("no AppArmor profile in the bundle\n");
	if (wh_replay_passed(replay)) {
		wh_table_styled(stdout, colour, WH_TABLE_GOOD, "PASSED");
		puts(": nothing that was recorded would have been refused");
		return;
	}
	wh_table_styled(stdout, colour, WH_TABLE_BAD, "FAILED");
	printf(": the bundle would have refused %zu thing%s", replay->count[WH_REPLAY_REFUSED],
	       replay->count[WH_REPLAY_REFUSED] == 1 ? "" : "s");
	if (replay->count[WH_REPLAY_MISSING])
		printf("; %zu more can follow", replay->count[WH_REPLAY_MISSING]);
	if (replay->count[WH_REPLAY_UNJUDGED])
		printf("; %zu could not be judged", replay->count[WH_REPLAY_UNJUDGED]);
	putchar('\n');
}

int wh_replay_tell(const struct wh_verify *v, struct wh_trace *trace, const char *heading,
		   bool json, bool *ret_passed, struct wh_error *e)
{
	struct wh_policy_options options = {
		.runtime = v->runtime,
		.no_new_privs = v->no_new_privs ? WH_POLICY_ON : WH_POLICY_OFF,
	};
	wh_auto(policy) policy = NULL;
	wh_auto(profile) profile = NULL;
	struct wh_replay replay = {0};
	int r = 0;

	if (access(v->apparmor_path, F_OK) == 0)
		r = wh_profile_read(v->apparmor_path, &profile, e);
	options.subprofiles = profile && profile->n_children;
	options.name = options.subprofiles ? profile->name : NULL;
	if (r == 0)
		r = wh_policy_new(trace, &options, &policy, e);
	if (r == 0)
		r = wh_replay_run(policy, v->filter, v->caps, profile, &replay, e);
	if (r < 0)
		return r;
	*ret_passed = wh_replay_passed(&replay);
	if (json) {
		r = print_json(&replay, e);
	} else {
		print_safe("", heading, "\n");
		print_text(&replay, profile);
	}
	wh_replay_free(&replay);
	return r;
}

int wh_replay_main(const char *bundle, const char *path, char *const *more, bool json,
		   struct wh_error *e)
{
	wh_auto(verify) v = NULL;
	wh_auto(trace) trace = NULL;
	wh_auto(str) heading = NULL;
	bool passed = false;
	int r = wh_verify_read(bundle, &v, e);

	if (r == 0)
		r = wh_trace_json_read(path, &trace, e);
	for (; r == 0 && *more; more++) {
		wh_auto(trace) one = NULL;

		r = wh_trace_json_read(*more, &one, e);
		if (r == 0)
			r = wh_trace_merge(trace, one, e);
	}
	if (r == 0 &&
	    asprintf(&heading, "%s under the bundle %s, without running it", path, bundle) < 0) {
		heading = NULL;
		r = wh_error_oom(e);
	}
	if (r == 0)
		r = wh_replay_tell(v, trace, heading, json, &passed, e);
	if (r < 0)
		return WH_CLI_TROUBLE;
	return passed ? WH_CLI_FINE : WH_CLI_NO;
}

/* As before each trial. Return: whether it exited with 0, or an error. */
static int prepare(const char *command, struct wh_error *e)
{
	int status = 0, r;
	sigset_t none;
	pid_t pid;

	sigemptyset(&none);
	r = wh_command_shell(command, STDERR_FILENO, &none, NULL, &pid, e);
	if (r < 0)
		return r;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return wh_error_errno(e, errno, "waitpid");
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int wh_replay_live(const struct wh_verify *v, const struct wh_verify_request *request,
		   struct wh_error *e)
{
	struct wh_record_options options = {
		.argv = request->argv,
		.ready = request->ready,
		.load = request->load,
		.grace = request->grace,
		.ready_timeout = request->timeout,
		.duration = request->ready || request->load ? 0 : request->timeout,
		.stdout_to_stderr = true,
	};
	wh_auto(trace) trace = NULL;
	struct wh_error own = {0};
	bool passed;
	int r = request->prepare ? prepare(request->prepare, e) : 1;

	if (r < 0)
		return r;
	if (request->progress)
		request->progress(request->progress_data, "recording it with nothing enforced");
	fflush(stdout);
	if (!r || wh_record_run(&options, &trace, &own) < 0) {
		print_safe("\nWho needs what is missing could not be recorded: ",
			   r ? own.text : "--prepare failed", "\n");
		return 0;
	}
	putchar('\n');
	return wh_replay_tell(v, trace,
			      "Recorded with nothing enforced, of which the bundle would refuse:",
			      false, &passed, e);
}
