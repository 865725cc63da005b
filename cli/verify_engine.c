// SPDX-License-Identifier: Apache-2.0
#include "cli/verify_engine.h"

#include <limits.h>

#include "cli/replay.h"
#include "container/front.h"
#include "judge/apparmor.h"
#include "whittle/capability.h"
#include "whittle/output.h"

#define ARGS_SIZE_MOST (1u << 20)
#define ARGS_MOST      4096

struct words {
	char **v; /* NULL-terminated */
	size_t n;
};

static void free_words(struct words w)
{
	for (size_t i = 0; i < w.n; i++)
		free(w.v[i]);
	free(w.v);
}
WH_DEFINE_AUTO(words, struct words, free_words)

/* @word is taken over, NULL is a lack of memory. */
static int add(struct words *w, char *word, struct wh_error *e)
{
	char **v = word && w->n < ARGS_MOST ? reallocarray(w->v, w->n + 2, sizeof(*v)) : NULL;

	if (!v) {
		free(word);
		return word && w->n >= ARGS_MOST
			       ? wh_error_set(e, E2BIG, "more than %d arguments", ARGS_MOST)
			       : wh_error_oom(e);
	}
	w->v = v;
	v[w->n++] = word;
	v[w->n] = NULL;
	return 0;
}

/* The path of seccomp.json was as seen from where generate was called: here it is the bundle's own. */
static int add_line(struct words *w, const char *line, const char *dir, struct wh_error *e)
{
	static const char seccomp[] = "--security-opt=seccomp=",
			  apparmor[] = "--security-opt=apparmor=";
	char *word = NULL;

	if (!*line || *line == '#')
		return 0;
	/* Podman refuses to start where the kernel has none. */
	if (wh_util_has_prefix(line, apparmor) && !wh_apparmor_enabled())
		return 0;
	if (!wh_util_has_prefix(line, seccomp))
		return add(w, strdup(line), e);
	if (asprintf(&word, "%s%s/seccomp.json", seccomp, dir) < 0)
		word = NULL;
	return add(w, word, e);
}

static int read_words(const char *bundle, char *const *more, struct words *w, struct wh_error *e)
{
	wh_auto(str) path = NULL;
	wh_auto(str) text = NULL;
	wh_auto(str) dir = realpath(bundle, NULL);
	size_t len;
	int r;

	if (!dir)
		return wh_error_errno(e, errno, "cannot read bundle %s", bundle);
	if (asprintf(&path, "%s/docker-run.args", bundle) < 0) {
		path = NULL;
		return wh_error_oom(e);
	}
	r = wh_output_slurp(path, ARGS_SIZE_MOST, &text, &len, e);
	for (char *rest = text, *line; r == 0 && (line = strsep(&rest, "\n"));)
		r = add_line(w, line, dir, e);
	for (; r == 0 && *more; more++)
		r = add(w, strdup(*more), e);
	return r;
}

static void say(const char *label, const char *foreign)
{
	wh_auto(str) safe = wh_cli_safe(foreign);

	printf("  %-12s %s\n", label, safe ? safe : "?");
}

/* Capabilities that it asked for, was refused, and may do without. */
static void say_denied(const struct wh_verify *v, struct wh_trace *trace)
{
	size_t n;
	const void *const *facts = wh_trace_facts(trace, WH_KIND_CAP, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_cap *fact = facts[i];
		int number = wh_capability_number(fact->cap);

		if (!fact->denied || !wh_trace_of_service(&fact->f) || number < 0 ||
		    v->caps & 1ull << number)
			continue;
		say("denied", fact->cap);
		say("", fact->evidence.n ? fact->evidence.v[0] : "");
	}
}

static int tell(const struct wh_verify *v, struct wh_trace *trace, struct wh_error *e)
{
	size_t n;
	const struct wh_run *run = wh_trace_facts(trace, WH_KIND_RUN, &n)[0];
	bool failed = run->failed || (run->load && !wh_util_streq(run->load_outcome, "exited 0"));
	bool allowed = true;
	int r;

	say("container", run->outcome ? run->outcome : "?");
	if (run->load)
		say("load", run->load_outcome ? run->load_outcome : "not run");
	say_denied(v, trace);
	putchar('\n');
	r = wh_replay_tell(v, trace, "Of what it did or tried, judged by the bundle:", false,
			   &allowed, e);
	if (r < 0)
		return WH_CLI_TROUBLE;
	puts(failed ? "\nFAILED: it did not serve in a container under the bundle"
		    : "\nPASSED: it served in a container under the bundle");
	return failed ? WH_CLI_NO : WH_CLI_FINE;
}

int wh_verify_engine_main(const char *bundle, bool podman, const struct wh_verify_request *request,
			  struct wh_error *e)
{
	struct wh_record_options options = {
		.ready = request->ready,
		.load = request->load,
		.grace = request->grace,
		.ready_timeout = request->timeout,
		/* A load that hangs for what was refused has its time, too. */
		.duration = request->timeout,
		.until_stable = request->load ? 0.2 : 0,
		.stdout_to_stderr = true,
	};
	struct wh_plan_request plan = {.way = podman ? WH_PLAN_PODMAN : WH_PLAN_DOCKER};
	wh_auto(verify) v = NULL;
	wh_auto(words) words = {0};
	wh_auto(str) name = NULL;
	wh_auto(trace) trace = NULL;
	int r = wh_verify_read(bundle, &v, e);

	if (r == 0)
		r = read_words(bundle, request->argv, &words, e);
	plan.args = words.v;
	if (r == 0)
		r = wh_front_name(&plan, &name, e);
	options.name = name;
	if (r == 0) {
		printf("%s under the bundle %s, by %s\n", name, bundle,
		       podman ? "podman" : "docker");
		fflush(stdout);
		r = wh_front_run(&plan, &options, &trace, e);
	}
	return r < 0 ? WH_CLI_TROUBLE : tell(v, trace, e);
}
