// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"
#include "gen/bundle.h"
#include "gen/explain.h"

static int explain(const struct wh_cli_args *args, const struct wh_bundle_settings *settings,
		   struct wh_error *e)
{
	const char *runtime = wh_cli_value(args, "runtime");
	const struct wh_policy_options options = {
		.name = settings->name,
		.runtime = runtime ? runtime : settings->runtime,
		.no_new_privs = settings->no_new_privs,
		.subprofiles = settings->subprofiles,
		.args = settings->args,
	};
	wh_auto(trace) trace = NULL;
	wh_auto(policy) policy = NULL;
	wh_auto(buf) text = {0};
	int found = 0, r;

	r = wh_trace_json_read(args->rest[0], &trace, e);
	if (r < 0)
		return r;
	r = wh_policy_new(trace, &options, &policy, e);
	if (r < 0)
		return r;
	for (int i = 1; i < args->n_rest; i++) {
		if (i > 1)
			wh_buf_addc(&text, '\n');
		r = wh_explain_item(policy, args->rest[i], &text, e);
		if (r < 0)
			return r;
		found += r;
	}
	if (text.failed)
		return wh_error_oom(e);
	fputs(text.data ? text.data : "", stdout);
	return found == args->n_rest - 1;
}

static int run(const struct wh_cli_args *args, struct wh_error *e)
{
	struct wh_bundle_settings settings;
	int r = wh_bundle_settings_read(args->rest[0], &settings, e);

	if (r >= 0) {
		r = explain(args, &settings, e);
		wh_bundle_settings_free(&settings);
	}
	return r < 0 ? WH_CLI_TROUBLE : r ? WH_CLI_FINE : WH_CLI_NO;
}

static const struct wh_cli_option options_table[] = {
	{"runtime", 0, "runc|crun|none",
	 "of a trace: explain as if generated for it (default: the recorded one, else runc)", true},
	{NULL},
};

const struct wh_cli_command wh_explain_command = {
	.name = "explain",
	.summary = "say why something is in a profile, or why it is not",
	.operands = "TRACE|BUNDLE ITEM…",
	.about = "An ITEM is a system call, a capability, a path, a socket family, a signal, a "
		 "kind of gap, a rule of the AppArmor profile, or a way to run it: read-only, "
		 "tmpfs, volumes, user, network, ports, pids-limit, no-new-privileges, a directive "
		 "of systemd's. Shows whether it is allowed, and why: the "
		 "recording, the program, the call stack of the first time, the evidence, or which "
		 "need of "
		 "the container runtime it serves. Exit status 1: an ITEM is in no profile.",
	.example = "whittle explain nginx/ chown\n"
		   "whittle explain nginx.trace CAP_SETUID /etc/passwd AF_INET6",
	.options = options_table,
	.min_operands = 2,
	.max_operands = -1,
	.run = run,
};
