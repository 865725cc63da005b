/* SPDX-License-Identifier: Apache-2.0 */
/* The adaptive engine: what is worth telling of a recording. */
#include <inttypes.h>

#include "tracer/adaptive.h"
#include "tracer/recent.h"

static int note(struct wh_recorder *r, struct wh_run *run, const char *fmt, ...) wh_printf(3, 4);
static int note(struct wh_recorder *r, struct wh_run *run, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	int k;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	k = wh_trace_add_str(r->trace, &run->engine_notes, WH_LIMIT_NOTES, text);
	return k == -ENOMEM ? k : 0;
}

int wh_adaptive_finish(struct wh_recorder *r, struct wh_run *run)
{
	static const char *const why[WH_ADAPTIVE_NOS] = {
		[WH_ADAPTIVE_NO_RIGHT] = "neither CAP_SYS_ADMIN nor no_new_privs, which a filter "
					 "needs (see --no-new-privs)",
		[WH_ADAPTIVE_OWN_FILTER] = "a filter of its own",
		[WH_ADAPTIVE_NO_MORE] = "as many filters as it may get",
		[WH_ADAPTIVE_REFUSED] = "its filter refused by the kernel",
	};
	const struct wh_adaptive *a = wh_adaptive_of(r);
	int k = wh_recent_finish(r);

	run->counts_partial = a->filters > 0;
	if (k == 0 && a->filters)
		k = note(r, run,
			 "let busy threads go on %" PRIu64
			 " times without a stop at calls that had nothing new to tell, with %u "
			 "filters; looked at each call again %" PRIu64 " times",
			 a->hushed, a->filters, a->roused);
	if (k == 0 && a->provided)
		k = note(r, run,
			 "let %" PRIu64 " programs start so, with filters of those that made them",
			 a->provided);
	if (k == 0 && a->remembered)
		k = note(r, run,
			 "took %" PRIu64
			 " calls with a path for the very ones that had been seen; %u "
			 "threads wait for that without a stop",
			 a->remembered, a->listeners);
	for (unsigned i = 1; i < WH_ADAPTIVE_NOS && k == 0; i++)
		if (a->no[i])
			k = note(r, run,
				 "stopped at each call of %" PRIu64 " busy threads to the end: %s",
				 a->no[i], why[i]);
	if (k == 0 && a->set_no_new_privs)
		k = note(r, run,
			 "set no_new_privs in threads: a tracer without CAP_SYS_PTRACE keeps them "
			 "from gaining privilege anyway");
	return k;
}
