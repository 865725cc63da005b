// SPDX-License-Identifier: Apache-2.0
#include "judge/verify.h"

#include <inttypes.h>
#include <stdarg.h>

#include "cli/ablate.h"
#include "cli/cli.h"
#include "cli/replay.h"
#include "cli/table.h"
#include "cli/verify_engine.h"
#include "judge/simulate.h"
#include "judge/verify_floor.h"
#include "whittle/capability.h"
#include "whittle/command.h"
#include "whittle/ready.h"

static volatile sig_atomic_t interrupted;

static void interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

/* A label, padded, and what belongs to it; the text is foreign. */
static void line(const char *label, enum wh_table_style style, const char *fmt, ...)
	wh_printf(3, 4);

static void line(const char *label, enum wh_table_style style, const char *fmt, ...)
{
	wh_auto(str) text = NULL;
	wh_auto(str) safe = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	safe = text ? wh_cli_safe(text) : NULL;
	printf("  %-12s ", label);
	wh_table_styled(stdout, wh_cli_colour(stdout), style, safe ? safe : "?");
	putchar('\n');
}

static void caps_text(uint64_t caps, char *ret, size_t size)
{
	size_t len = 0;

	ret[0] = '\0';
	for (unsigned i = 0; i < WH_CAPABILITY_COUNT && len < size; i++) {
		if (caps & 1ull << i)
			len += (size_t)snprintf(ret + len, size - len, "%s%s", len ? " " : "",
						wh_capability_row(i)->name);
	}
}

static void print_enforced(const struct wh_verify *v)
{
	static const char *const apparmor[] = {
		[WH_VERIFY_APPARMOR_NONE] = "the bundle has no profile",
		[WH_VERIFY_APPARMOR_ENFORCED] = "enforced",
		[WH_VERIFY_APPARMOR_COMPILED] = "compiled only: this kernel has no AppArmor",
		[WH_VERIFY_APPARMOR_UNTRIED] =
			"not tried: this kernel has no AppArmor, and there is no apparmor_parser",
	};
	uint32_t other = wh_filter_answer(v->filter, wh_syscall_abi_native(), 0);
	char caps[WH_CAPABILITY_COUNT * 24], action[64];
	size_t n;

	wh_filter_names(v->filter, &n);
	wh_simulate_action(other, action, sizeof(action));
	line("seccomp", WH_TABLE_PLAIN, "enforced: %zu system calls allowed, any other: %s", n,
	     action);
	caps_text(v->caps, caps, sizeof(caps));
	line("capabilities", WH_TABLE_PLAIN, "enforced: %d of %d%s%s",
	     __builtin_popcountll(v->caps), WH_CAPABILITY_COUNT, *caps ? ": " : "", caps);
	line("new privs", WH_TABLE_PLAIN, "%s",
	     v->no_new_privs ? "no_new_privs is set" : "may be gained by exec, as in the bundle");
	line("AppArmor",
	     v->apparmor == WH_VERIFY_APPARMOR_ENFORCED ? WH_TABLE_PLAIN : WH_TABLE_WARN, "%s",
	     apparmor[v->apparmor]);
}

static void print_denials(const struct wh_trial_result *r)
{
	for (size_t i = 0; i < r->n_denials; i++) {
		const struct wh_denial *d = &r->denial[i];
		const char *name = d->abi ? wh_syscall_name(d->abi, d->nr) : NULL;
		char number[32], answer[64];

		snprintf(number, sizeof(number), "syscall_%" PRIu64, d->nr);
		wh_simulate_action(d->answer, answer, sizeof(answer));
		line("denied", WH_TABLE_BAD, "%s (%s) by %s, %" PRIu64 " time%s, answered with %s",
		     name ? name : number, d->abi ? d->abi->name : "unknown architecture",
		     *d->program ? d->program : "a process that has ended", d->count,
		     d->count == 1 ? "" : "s", answer);
		if (*d->call)
			line("", WH_TABLE_PLAIN, "%s", d->call);
	}
	if (r->more_denials)
		line("denied", WH_TABLE_BAD, "… and more");
}

static void print_result(const struct wh_verify_request *request, const struct wh_trial_result *r,
			 bool starts)
{
	bool colour = wh_cli_colour(stdout);

	if (request->ready)
		line("ready", r->ready ? WH_TABLE_GOOD : WH_TABLE_BAD, "%s",
		     r->ready ? "yes" : "no");
	if (request->load)
		line("load", strcmp(r->load, "exited 0") == 0 ? WH_TABLE_GOOD : WH_TABLE_BAD, "%s",
		     *r->load ? r->load : "not run");
	if (*r->service)
		line("service", WH_TABLE_PLAIN, "%s", r->service);
	/* Of a failure the cause is looked for, and told. */
	if (r->passed)
		print_denials(r);
	putchar('\n');
	if (r->passed && !starts) {
		wh_table_styled(stdout, colour, WH_TABLE_BAD, "FAILED");
		puts(": the bundle is enough for this load, but not for the runtime that starts "
		     "it: generate it again");
	} else if (r->passed) {
		wh_table_styled(stdout, colour, WH_TABLE_GOOD, "PASSED");
		printf(" in %.1f s: the bundle is enough for this load%s\n", r->seconds,
		       r->n_denials ? ", whatever was denied" : "");
	} else {
		wh_auto(str) why = wh_cli_safe(r->why);

		wh_table_styled(stdout, colour, WH_TABLE_BAD, "FAILED");
		printf(": %s\n", why ? why : "?");
	}
	fflush(stdout);
}

static void print_cause(const struct wh_verify *v, const struct wh_verify_cause *c)
{
	if (c->unrestricted) {
		line("cause", WH_TABLE_BAD,
		     "not the bundle: it fails with nothing enforced, too: %s (if a trial "
		     "leaves something behind, --prepare can take it away)",
		     c->free.why);
		return;
	}
	if (c->seccomp)
		line("cause", WH_TABLE_BAD, "the seccomp profile: under it alone, %s",
		     c->filtered.why);
	/* What was denied and did not matter is worth a look only where nothing else is found. */
	if (c->seccomp || !c->caps)
		print_denials(&c->filtered);
	if (c->caps) {
		line("cause", WH_TABLE_BAD, "the capability list");
		for (unsigned i = 0; i < WH_CAPABILITY_COUNT; i++) {
			if (c->missing & 1ull << i)
				line("missing", WH_TABLE_BAD, "%s: %s", wh_capability_row(i)->name,
				     wh_capability_row(i)->means);
		}
		if (!c->missing)
			line("missing", WH_TABLE_BAD, "not found: trials do not agree");
	}
	if (c->seccomp || c->caps)
		return;
	if (v->apparmor == WH_VERIFY_APPARMOR_ENFORCED)
		line("cause", WH_TABLE_BAD,
		     "the AppArmor profile, or all together; the kernel's own words: whittle audit "
		     "--dmesg --profile %s",
		     v->apparmor_name);
	else
		line("cause", WH_TABLE_BAD,
		     "it passes under each part alone; if a trial leaves something behind, "
		     "--prepare can take it away");
}

static void show_progress(void *data, const char *what)
{
	(void)data;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "whittle verify: %s\n", what);
}

/* Return: whether the runtime of the bundle would get as far as to start the service; <0. */
static int check_floor(const struct wh_verify *v, struct wh_error *e)
{
	struct wh_verify_floor floor;
	int r = wh_verify_floor_check(v, &floor, e);

	if (r == 0 && floor.n_lacking)
		line("runtime", WH_TABLE_BAD,
		     "%s would be denied %s, which it calls itself: no container would start",
		     v->runtime, floor.lacking);
	else if (r == 0 && floor.n)
		line("runtime", WH_TABLE_PLAIN, "all %zu system calls of %s itself are allowed",
		     floor.n, v->runtime);
	r = r < 0 ? r : !floor.n_lacking;
	free(floor.lacking);
	return r;
}

static int verify(const struct wh_cli_args *args, struct wh_verify_request *request,
		  const struct wh_ablate_options *ablate, struct wh_error *e)
{
	struct wh_trial_result *result = calloc(1, sizeof(*result));
	struct wh_verify_cause *cause = calloc(1, sizeof(*cause));
	wh_auto(verify) v = NULL;
	bool starts = true;
	int r = result && cause ? wh_verify_open(args->rest[0], &v, e) : wh_error_oom(e);

	if (r == 0) {
		wh_auto(str) program = wh_cli_safe(request->path);

		printf("%s under the bundle %s\n", program ? program : "?", args->rest[0]);
		print_enforced(v);
		r = check_floor(v, e);
		starts = r > 0;
		fflush(stdout);
		r = r < 0 ? r : wh_verify_run(v, request, result, e);
	}
	if (r == 0) {
		print_result(request, result, starts);
		r = result->passed && starts ? WH_CLI_FINE : WH_CLI_NO;
	}
	if (r == WH_CLI_NO && !result->passed) {
		int found = wh_verify_find_cause(v, request, cause, e);

		if (found == 0)
			print_cause(v, cause);
		if (found == 0 && !cause->unrestricted)
			found = wh_replay_live(v, request, e);
		if (found == 0 && !cause->unrestricted)
			puts("\nRecord again with a load that does this, and generate from both "
			     "traces.");
		r = found < 0 ? found : r;
	} else if (r == WH_CLI_FINE && (ablate->caps || ablate->syscalls)) {
		r = wh_cli_ablate(v, request, ablate, result, e);
	}
	free(cause);
	free(result);
	return r;
}

static int offline(const struct wh_cli_args *args, struct wh_error *e)
{
	static const char *const running[] = {"docker", "podman",  "prepare", "ready",
					      "load",	"timeout", "grace",   "ablate"};
	const char *format = wh_cli_value(args, "format");

	for (size_t i = 0; i < WH_ARRAY_SIZE(running); i++) {
		if (!wh_cli_value(args, running[i]))
			continue;
		wh_error_set(e, EINVAL, "--%s does not go with --trace: nothing is run",
			     running[i]);
		return WH_CLI_TROUBLE;
	}
	return wh_replay_main(args->rest[0], wh_cli_value(args, "trace"), args->rest + 1,
			      format && strcmp(format, "json") == 0, e);
}

/* The interruptions are the recorder's own affair there. */
static int engine(const struct wh_cli_args *args, const struct wh_verify_request *request,
		  struct wh_error *e)
{
	static const char *const others[] = {"prepare", "ablate"};
	bool podman = wh_cli_value(args, "podman");

	if (podman && wh_cli_value(args, "docker")) {
		wh_error_set(e, EINVAL, "one at a time: --docker or --podman");
		return WH_CLI_TROUBLE;
	}
	for (size_t i = 0; i < WH_ARRAY_SIZE(others); i++) {
		if (!wh_cli_value(args, others[i]))
			continue;
		wh_error_set(e, EINVAL, "--%s does not go with a container", others[i]);
		return WH_CLI_TROUBLE;
	}
	return wh_verify_engine_main(args->rest[0], podman, request, e);
}

static int run(const struct wh_cli_args *args, struct wh_error *e)
{
	struct wh_verify_request request = {
		.argv = args->rest + 1,
		.prepare = wh_cli_value(args, "prepare"),
		.ready = wh_cli_value(args, "ready"),
		.load = wh_cli_value(args, "load"),
		.interrupted = &interrupted,
		.progress = show_progress,
	};
	struct sigaction action = {.sa_handler = interrupt};
	wh_auto(str) path = NULL;
	struct wh_ablate_options ablate;
	struct wh_ready *ready;
	int out = -1, err = -1, status;

	if (wh_cli_value(args, "trace"))
		return offline(args, e);
	if (wh_cli_value(args, "format"))
		return wh_error_set(e, EINVAL, "--format goes with --trace"), WH_CLI_TROUBLE;
	if (wh_cli_seconds(args, "timeout", 60, &request.timeout, e) < 0 ||
	    wh_cli_seconds(args, "grace", 10, &request.grace, e) < 0 ||
	    wh_cli_ablate_options(wh_cli_value(args, "ablate"), wh_cli_value(args, "repeat"),
				  &ablate, e) < 0)
		return WH_CLI_TROUBLE;
	if (wh_cli_value(args, "docker") || wh_cli_value(args, "podman"))
		return engine(args, &request, e);
	/* Said now rather than after the service was started. */
	if (request.ready) {
		if (wh_ready_new(request.ready, true, &ready, &out, &err, e) < 0)
			return WH_CLI_TROUBLE;
		wh_ready_free(ready);
		wh_util_close(out);
		wh_util_close(err);
	}
	if (wh_command_find(request.argv[0], &path, e) < 0)
		return WH_CLI_TROUBLE;
	request.path = path;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	status = verify(args, &request, &ablate, e);
	return status < 0 ? WH_CLI_TROUBLE : status;
}

static const struct wh_cli_option options[] = {
	{"trace", 0, "TRACE", "run nothing: would this have been refused?"},
	{"format", 0, "text|json", "of that answer", true, true},
	{"docker", 0, NULL, "COMMAND is what 'docker run' takes"},
	{"podman", 0, NULL, "likewise", .joined = true},
	{"prepare", 'p', "CMD", "shell command before each trial, to start afresh"},
	{"ready", 'r', "WHEN", "tcp:HOST:PORT, http:…, log:RE, file:PATH, delay:S"},
	{"load", 'l', "CMD", "shell command once it is ready; must exit 0"},
	{"timeout", 't', "S", "to be ready, and for the load (default 60)"},
	{"grace", 0, "S", "seconds from SIGTERM to SIGKILL (default 10)"},
	{"ablate", 0, "caps|syscalls|all",
	 "then find the least that serves; N runs must agree (default 2)", true},
	{"repeat", 0, "N", "with --ablate: runs that must agree (default 2)", .joined = true},
	{NULL},
};

const struct wh_cli_command wh_verify_command = {
	.name = "verify",
	.summary = "run the service under a bundle and see whether it is enough",
	.operands = "BUNDLE -- COMMAND [ARG…]",
	.takes_command = true,
	.about = "Runs COMMAND under the seccomp profile, the capabilities and, where the kernel "
		 "can, the "
		 "AppArmor profile of BUNDLE. Exit status 1 when that is not enough, and what is "
		 "missing.",
	.details = "With --trace nothing is run, and no privilege is needed: the facts of a "
		   "recording, and of further ones "
		   "behind BUNDLE, are judged by the compiled filter, the capability list and the "
		   "rules of the AppArmor profile. What "
		   "would have been refused is told with the program, the place in it and the "
		   "phase. What cannot be judged (arguments "
		   "that the trace does not have, a gap that makes generate refuse) is told too, "
		   "and is no pass.",
	.example = "whittle verify nginx.bundle --ready tcp:127.0.0.1:80 \\\n"
		   "    --load 'curl -sf http://127.0.0.1/' -- nginx -g 'daemon off;'\n"
		   "whittle verify --trace new.trace.json nginx.bundle",
	.options = options,
	.min_operands = 2,
	.max_operands = -1,
	.alone = "trace",
	.run = run,
};
