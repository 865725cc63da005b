// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"
#include "cli/traces.h"
#include "gen/bundle.h"
#include "whittle/capability.h"

#define DEFAULT_DIR "bundle"

static int options_of(const struct wh_cli_args *args, struct wh_policy_options *ret,
		      struct wh_error *e)
{
	const char *nnp = wh_cli_value(args, "no-new-privs"), *asked = wh_cli_value(args, "args");
	const char *action = wh_cli_value(args, "default-action");

	*ret = (struct wh_policy_options){
		.name = wh_cli_value(args, "name"),
		.runtime = wh_cli_value(args, "runtime"),
		.no_new_privs = !nnp || strcmp(nnp, "auto") == 0 ? WH_POLICY_AUTO
				: strcmp(nnp, "on") == 0	 ? WH_POLICY_ON
								 : WH_POLICY_OFF,
		.subprofiles = wh_cli_value(args, "subprofiles") != NULL,
	};
	/* The parser has seen to it that it is one of the words. */
	if (asked && wh_policy_args_choice(asked, &ret->args) < 0)
		return wh_error_set(e, EINVAL, "--args: '%s' is not none, safe or strict", asked);
	if (action) {
		int r = wh_policy_action_parse(action, &ret->action, &ret->listener, e);

		if (r < 0)
			return r;
	}
	return ret->name ? wh_policy_check_name(ret->name, e) : 0;
}

static int refuse_gaps(const struct wh_policy *p, struct wh_error *e)
{
	const char *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < p->n_warnings; i++) {
		if (!p->warnings[i].refuse)
			continue;
		if (!first)
			first = p->warnings[i].text;
		n++;
	}
	if (!n)
		return 0;
	if (n == 1)
		return wh_error_set(e, ENODATA, "%s: record again, or go on with --allow-gaps",
				    first);
	return wh_error_set(e, ENODATA,
			    "%s, and %zu more like it: record again, or go on with --allow-gaps",
			    first, n - 1);
}

static void print_caps(const struct wh_policy *p, const struct wh_policy_numbers *n)
{
	printf("  capabilities  %4zu → %-4zu", n->caps_before, n->caps_after);
	for (size_t i = 0; i < p->n_caps; i++) {
		if (p->caps[i].decision == WH_POLICY_ADD)
			printf(" %s", p->caps[i].name + strlen("CAP_"));
	}
	putchar('\n');
}

/* What is on, in the words of Docker; why, and why not more, is in NOTES.txt. */
static void print_hints(const struct wh_policy *p)
{
	bool first = true;

	for (int id = 0; id < WH_POLICY_HINTS; id++) {
		const struct wh_policy_hint *hint = &p->hints[id];

		if (!hint->on || id == WH_POLICY_HINT_SYSCTL)
			continue;
		printf("%s--%s%s%s", first ? "  run it with          " : " ",
		       wh_policy_hint_name((enum wh_policy_hint_id)id), hint->value ? "=" : "",
		       hint->value ? hint->value : "");
		first = false;
	}
	if (!first)
		putchar('\n');
}

static void print_apparmor(const struct wh_policy *p, const struct wh_policy_numbers *n)
{
	printf("  AppArmor             %-4zu file rules, %zu others\n", n->file_rules,
	       n->other_rules);
	for (size_t i = 0; i < p->n_profiles; i++)
		printf("    %-18s %-4zu file rules, %zu others: %s\n",
		       i ? p->profiles[i]->child : p->name, p->profiles[i]->n_files,
		       p->profiles[i]->n_rules, p->profiles[i]->title);
}

static void print_summary(const struct wh_emit *emit)
{
	const struct wh_policy *p = emit->policy;
	struct wh_policy_numbers n;
	size_t runs = p->of_service[WH_KIND_RUN].n;
	size_t logs = wh_trace_count(p->trace, WH_KIND_RUN) - runs;

	wh_policy_numbers(p, &n);
	printf("%s, from %zu recording%s", p->name, runs, runs == 1 ? "" : "s");
	if (logs)
		printf(" and the kernel's log%s", logs == 1 ? "" : "s");
	putchar('\n');
	print_caps(p, &n);
	printf("  syscalls      %4zu → %-4zu", n.syscalls_before, n.syscalls_observed);
	if (n.syscalls_floor)
		printf(" + %zu for %s itself", n.syscalls_floor, p->runtime);
	if (n.syscalls_implied)
		printf(" + %zu implied", n.syscalls_implied);
	printf("; %zu answered ENOSYS\n", n.syscalls_answered);
	if (n.syscalls_args)
		printf("  arguments            %-4zu of them with certain arguments only; --args "
		       "%s\n",
		       n.syscalls_args, wh_policy_args_word(p->args));
	if (wh_emit_has(emit, WH_EMIT_APPARMOR))
		print_apparmor(p, &n);
	printf("  no_new_privs         %-4s %s\n", p->no_new_privs ? "on" : "off",
	       p->no_new_privs_reason);
	print_hints(p);
	printf("  gaps                 %-4zu%s\n", n.gaps, n.gaps ? " see NOTES.txt" : "");
	for (size_t i = 0; i < p->n_warnings; i++)
		printf("    %s %s\n", p->warnings[i].refuse ? "!" : "-", p->warnings[i].text);
	printf("  bundle        %s/\n", emit->dir);
	if (wh_emit_has(emit, WH_EMIT_DOCKER))
		printf("\nTry it:  docker run $(grep -v '^#' %s/docker-run.args) IMAGE\n",
		       emit->dir);
}

/* -o -: one format, as it is. */
static int print_format(struct wh_emit *emit, struct wh_error *e)
{
	wh_auto(str) text = NULL;
	int format = __builtin_ctz(emit->formats), r;

	if (emit->formats & (emit->formats - 1))
		return wh_error_set(e, EINVAL,
				    "-o - prints one format: choose it with --format, such as "
				    "--format seccomp");
	emit->dir = DEFAULT_DIR;
	r = wh_emit_text(emit, (enum wh_emit_format)format, &text, e);
	if (r < 0)
		return r;
	fputs(text, stdout);
	return 0;
}

static int write_bundle(struct wh_emit *emit, const char *output, struct wh_error *e)
{
	wh_auto(str) dir = strdup(output);
	int r;

	if (!dir)
		return wh_error_oom(e);
	for (size_t len = strlen(dir); len > 1 && dir[len - 1] == '/'; len--)
		dir[len - 1] = '\0';
	emit->dir = dir;
	r = wh_bundle_write(emit, e);
	if (r < 0)
		return r;
	print_summary(emit);
	return 0;
}

static int generate(const struct wh_cli_args *args, struct wh_error *e)
{
	const char *output = wh_cli_value(args, "output"), *list = wh_cli_value(args, "format");
	wh_auto(trace) trace = NULL;
	wh_auto(policy) policy = NULL;
	struct wh_policy_options options;
	struct wh_emit emit = {.formats = WH_EMIT_ALL};
	int r;

	if (list) {
		r = wh_emit_formats(list, &emit.formats, e);
		if (r < 0)
			return r;
	}
	if (!output)
		output = DEFAULT_DIR;
	if (!*output)
		return wh_error_set(e, EINVAL, "-o: the folder's name is empty");
	r = options_of(args, &options, e);
	if (r < 0)
		return r;
	r = wh_traces_read(args, &trace, e);
	if (r < 0)
		return r;
	r = wh_policy_new(trace, &options, &policy, e);
	if (r < 0)
		return r;
	if (!wh_cli_value(args, "allow-gaps")) {
		r = refuse_gaps(policy, e);
		if (r < 0)
			return r;
	}
	emit.policy = policy;
	return strcmp(output, "-") == 0 ? print_format(&emit, e) : write_bundle(&emit, output, e);
}

static int run(const struct wh_cli_args *args, struct wh_error *e)
{
	return generate(args, e) < 0 ? WH_CLI_TROUBLE : WH_CLI_FINE;
}

static const struct wh_cli_option options_table[] = {
	{"output", 'o', "DIR", "the folder (default: bundle; -: print one)", false},
	{"name", 'n', "NAME", "of the profile (default: whittle-SERVICE)", false},
	{"runtime", 0, "runc|crun|none", "whose needs are added (default: the recorded)", true},
	{"format", 0, "LIST",
	 "some of seccomp, apparmor, caps, docker, compose, kubernetes, quadlet, systemd, report, "
	 "notes",
	 false},
	{"args", 0, "none|safe|strict", "which arguments are filtered (default: safe)", true},
	{"default-action", 0, "ACTION", "errno, kill, log, trap or notify:SOCKET", false},
	{"no-new-privs", 0, "auto|on|off", "auto: on where no program gains privilege", true},
	{"subprofiles", 0, NULL, "an AppArmor profile for each program", false},
	{"allow-gaps", 0, NULL, "go on although the traces lack something", false},
	{NULL},
};

const struct wh_cli_command wh_generate_command = {
	.name = "generate",
	.summary = "make the least-privilege profiles from traces",
	.operands = "TRACE…",
	.about = "Merges the traces and writes a bundle: a folder with profiles for seccomp and "
		 "AppArmor, capabilities, files to run it with, a report and notes. --args safe "
		 "filters arguments that are a fixed interface (families, requests, options), "
		 "strict "
		 "all that are known. Refuses what is known to lack something.",
	.example = "whittle generate -o nginx/ nginx.trace\n"
		   "whittle generate -o - --format seccomp nginx.trace > seccomp.json",
	.options = options_table,
	.min_operands = 1,
	.max_operands = -1,
	.run = run,
};
