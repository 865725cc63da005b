/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHITTLE_CLI_TRACES_H
#define WHITTLE_CLI_TRACES_H

#include "cli/cli.h"
#include "whittle/trace.h"

/**
 * wh_traces_read() - read all operands as traces and merge them into one, the caller's to free.
 * Standard input may be one of them, once: that is looked at before anything is read.
 */
int wh_traces_read(const struct wh_cli_args *args, struct wh_trace **ret, struct wh_error *e);

#endif
