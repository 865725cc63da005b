/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHITTLE_CLI_VERIFY_ENGINE_H
#define WHITTLE_CLI_VERIFY_ENGINE_H

#include "cli/cli.h"
#include "judge/verify.h"

/**
 * wh_verify_engine_main() - whittle verify --docker and --podman: the real engine runs the container with the arguments that
 * the bundle has for it, watched by a recorder, and what was refused is told.
 * @request: with argv what "run" takes
 * Return: the exit status.
 */
int wh_verify_engine_main(const char *bundle, bool podman, const struct wh_verify_request *request,
			  struct wh_error *e);

#endif
