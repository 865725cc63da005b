/* SPDX-License-Identifier: Apache-2.0 */
/* What the clients of Docker and Podman say of a container and of their engine, in JSON. */
#ifndef WHITTLE_CONTAINER_INSPECT_H
#define WHITTLE_CONTAINER_INSPECT_H

#include <sys/types.h>

#include "whittle/error.h"

/**
 * struct wh_inspect - strings are its own; NULL where it is not said.
 * @runtime: the OCI runtime's name
 * @pid: of its init; 0: it does not run
 * @stop_signal: 0: not said; @stop_timeout: seconds, 0: not said
 */
struct wh_inspect {
	char *id, *name, *image, *runtime;
	pid_t pid;
	int stop_signal;
	double stop_timeout;
};

/** wh_inspect_container() - of "docker container inspect", "podman container inspect". */
int wh_inspect_container(const char *json, struct wh_inspect *ret, struct wh_error *e);
void wh_inspect_free(struct wh_inspect *inspect);

/**
 * wh_inspect_runtime() - of "docker info --format '{{json .}}'": the program of the runtime @name.
 * @ret_program: NULL when the engine does not know it; the caller's to free
 */
int wh_inspect_runtime(const char *json, const char *name, char **ret_program, struct wh_error *e);
/** wh_inspect_default_runtime() - the name of the one it takes where none is named. */
int wh_inspect_default_runtime(const char *json, char **ret_name, struct wh_error *e);

#endif
