/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHITTLE_CLI_RECORD_H
#define WHITTLE_CLI_RECORD_H

#include "container/front.h"
#include "tracer/record.h"

/**
 * wh_cli_record_run() - record, show how it goes on a terminal, write the trace, and say in one line what was found.
 * @container: to be made and recorded, or NULL: @options say what
 * @options: progress and stdout_to_stderr are set here
 * @ret_failed: the service or its load failed; the trace says so
 */
int wh_cli_record_run(const struct wh_plan_request *container, struct wh_record_options *options,
		      const char *output, bool *ret_failed, struct wh_error *e);

#endif
