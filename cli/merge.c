// SPDX-License-Identifier: Apache-2.0
#include "cli/traces.h"

static int merge(const struct wh_cli_args *args, const char *output, struct wh_error *e)
{
	wh_auto(trace) all = NULL;
	int r = wh_traces_read(args, &all, e);

	return r < 0 ? r : wh_trace_json_write(all, output, e);
}

static int run(const struct wh_cli_args *args, struct wh_error *e)
{
	const char *output = wh_cli_value(args, "output");

	if (!output) {
		wh_error_set(e, EINVAL, "missing -o TRACE; -o - writes to standard output");
		return WH_CLI_TROUBLE;
	}
	return merge(args, output, e) < 0 ? WH_CLI_TROUBLE : WH_CLI_FINE;
}

static const struct wh_cli_option options[] = {
	{"output", 'o', "TRACE", "write the merged trace there (needed; - is standard output)"},
	{NULL},
};

const struct wh_cli_command wh_merge_command = {
	.name = "merge",
	.summary = "make one trace of several",
	.operands = "TRACE…",
	.about = "Puts the facts of several traces into one: of another load, another machine, "
		 "another "
		 "configuration. A fact is kept if any of them has it, and counts are added. The "
		 "order "
		 "of the traces does not matter. A TRACE may be a bundle: its trace.json is read.",
	.example = "whittle merge -o all.trace monday.trace backup.trace",
	.options = options,
	.min_operands = 1,
	.max_operands = -1,
	.run = run,
};
