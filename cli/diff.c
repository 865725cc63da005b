// SPDX-License-Identifier: Apache-2.0
#include "judge/diff.h"

#include "cli/cli.h"
#include "cli/report.h"

/* "any" is the same as the least risk; "never" is over the greatest. */
static enum wh_risk fail_on_risk(const char *name)
{
	if (strcmp(name, "never") == 0)
		return WH_RISKS;
	for (int risk = 0; risk < WH_RISKS; risk++) {
		if (strcmp(name, wh_syscall_risk_name((enum wh_risk)risk)) == 0)
			return (enum wh_risk)risk;
	}
	return WH_RISK_LOW;
}

static const char *name_of(struct wh_trace *t, const char *fallback)
{
	size_t n;
	const void *const *runs = wh_trace_facts(t, WH_KIND_RUN, &n);

	return n ? ((const struct wh_run *)runs[0])->name : fallback;
}

static int run(const struct wh_cli_args *args, struct wh_error *e)
{
	const char *format = wh_cli_value(args, "format"), *fail_on = wh_cli_value(args, "fail-on");
	wh_auto(trace) old = NULL;
	wh_auto(trace) new = NULL;
	wh_auto(diff) diff = NULL;
	struct wh_report report = {.old_path = args->rest[0], .new_path = args->rest[1]};

	if (strcmp(args->rest[0], "-") == 0 && strcmp(args->rest[1], "-") == 0) {
		wh_error_set(e, EINVAL, "- is given twice; standard input can be read once");
		return WH_CLI_TROUBLE;
	}
	if (wh_trace_json_read(args->rest[0], &old, e) < 0 ||
	    wh_trace_json_read(args->rest[1], &new, e) < 0 || wh_diff_new(old, new, &diff, e) < 0)
		return WH_CLI_TROUBLE;
	report.diff = diff;
	report.old_name = name_of(old, report.old_path);
	report.new_name = name_of(new, report.new_path);
	report.fail_on_name = fail_on ? fail_on : "any";
	report.fail_on = fail_on_risk(report.fail_on_name);
	for (size_t i = 0; i < diff->n_widening; i++)
		report.failed |= diff->widening[i].risk >= report.fail_on;
	if (wh_report_print(&report, format ? format : "text", stdout) < 0) {
		wh_error_oom(e);
		return WH_CLI_TROUBLE;
	}
	return report.failed ? WH_CLI_NO : WH_CLI_FINE;
}

static const struct wh_cli_option options[] = {
	{"format", 'f', "text|json|markdown|sarif|junit", "how to print it (default text)", true},
	{"fail-on", 0, "any|low|medium|high|critical|never",
	 "least risk of a widening that makes the exit status 1 (default any)", true},
	{NULL},
};

const struct wh_cli_command wh_diff_command = {
	.name = "diff",
	.summary = "compare the privileges of two recordings or bundles",
	.operands = "OLD NEW",
	.about = "Says which privileges NEW needs that OLD did not, each with its risk, and which "
		 "are no "
		 "longer used. OLD and NEW are traces or bundles. Exit status 1 when something "
		 "widened.",
	.example = "whittle diff --fail-on high v1.bundle v2.bundle\n"
		   "whittle diff --format sarif v1.trace v2.trace > privileges.sarif",
	.options = options,
	.min_operands = 2,
	.max_operands = 2,
	.run = run,
};
