/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of an OCI runtime as runc and crun have it (they share it, and so do those that want to take their place):
 *
 *   [--root DIR] [--log FILE] [--log-format text|json] … create|run|exec|… [--bundle DIR] … ID [ARG…]
 */
#ifndef WHITTLE_CONTAINER_COMMANDLINE_H
#define WHITTLE_CONTAINER_COMMANDLINE_H

#include "whittle/util.h"

/** struct wh_commandline - NULL: was not given. Strings are the caller's arguments. */
struct wh_commandline {
	const char *root, *log, *log_format;
	const char *command;
	const char *bundle, *config; /* crun: a config.json of another name */
	const char *id;
};

/**
 * wh_commandline_parse() - what of it concerns us. What is not known is passed over: it is the runtime that judges.
 * @argv: without the program's name, NULL-terminated
 */
void wh_commandline_parse(char *const *argv, struct wh_commandline *ret);

#endif
