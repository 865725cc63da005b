/* SPDX-License-Identifier: Apache-2.0 */
/* What "docker run" and "podman run" take, read so far that the same container can be made by "create". */
#ifndef WHITTLE_CONTAINER_RUNARGS_H
#define WHITTLE_CONTAINER_RUNARGS_H

#include "container/program.h"

/**
 * struct wh_runargs - strings are the caller's.
 * @options: those that "create" takes, too
 * @image: NULL: none was found
 * @command: what follows it, NULL-terminated
 * @name, @runtime: what was given for these, or NULL
 * @detach, @interactive: -d, -i
 * @pulls: the image is not simply that of this name, to be pulled if it is not here (--pull, --platform, --rootfs)
 */
struct wh_runargs {
	struct wh_program options;
	const char *image, *name, *runtime;
	char *const *command;
	bool detach, interactive, pulls;
};

/** wh_runargs_parse() - @args is NULL-terminated. What is not known is left for the client to judge. */
void wh_runargs_parse(char *const *args, struct wh_runargs *ret);
void wh_runargs_free(struct wh_runargs *args);

#endif
