// SPDX-License-Identifier: Apache-2.0
#include "cli/traces.h"

int wh_traces_read(const struct wh_cli_args *args, struct wh_trace **ret, struct wh_error *e)
{
	wh_auto(trace) all = NULL;
	int stdins = 0, r;

	for (int i = 0; i < args->n_rest; i++)
		stdins += strcmp(args->rest[i], "-") == 0;
	if (stdins > 1)
		return wh_error_set(e, EINVAL, "- is given twice; standard input can be read once");
	for (int i = 0; i < args->n_rest; i++) {
		wh_auto(trace) one = NULL;

		r = wh_trace_json_read(args->rest[i], &one, e);
		if (r < 0)
			return r;
		if (!all) {
			all = wh_take(one);
			continue;
		}
		r = wh_trace_merge(all, one, e);
		if (r < 0)
			return r;
	}
	*ret = wh_take(all);
	return 0;
}
