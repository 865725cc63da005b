/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHITTLE_CLI_ABLATE_H
#define WHITTLE_CLI_ABLATE_H

#include "judge/ablate.h"

/** wh_cli_ablate_options() - of --ablate and --repeat, NULL where they were not given. */
int wh_cli_ablate_options(const char *which, const char *repeat, struct wh_ablate_options *ret,
			  struct wh_error *e);

/**
 * wh_cli_ablate() - find the least that serves, and say so. @whole: how the whole bundle has just passed.
 * Return: WH_CLI_FINE; WH_CLI_NO where runs do not agree; <0 trouble.
 */
int wh_cli_ablate(const struct wh_verify *v, const struct wh_verify_request *request,
		  const struct wh_ablate_options *options, const struct wh_trial_result *whole,
		  struct wh_error *e);

#endif
