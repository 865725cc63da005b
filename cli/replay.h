/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHITTLE_CLI_REPLAY_H
#define WHITTLE_CLI_REPLAY_H

#include "cli/cli.h"
#include "judge/verify.h"
#include "whittle/trace.h"

/**
 * wh_replay_main() - whittle verify --trace: what a bundle would have refused.
 * @more: further traces, NULL-terminated
 * Return: the exit status.
 */
int wh_replay_main(const char *bundle, const char *trace, char *const *more, bool json,
		   struct wh_error *e);

/**
 * wh_replay_tell() - judge a trace by an open bundle, and print what would have been refused.
 * @heading: a line to begin with, of the text
 * @ret_passed: nothing would
 */
int wh_replay_tell(const struct wh_verify *v, struct wh_trace *trace, const char *heading,
		   bool json, bool *ret_passed, struct wh_error *e);

/**
 * wh_replay_live() - record the service once more with nothing enforced, and tell what of that the bundle would have
 * refused: who needs what it lacks. Where it cannot be recorded (no ptrace), that is said.
 */
int wh_replay_live(const struct wh_verify *v, const struct wh_verify_request *request,
		   struct wh_error *e);

#endif
