/* SPDX-License-Identifier: Apache-2.0 */
/* Where recorders and those that look for them meet: sockets in a folder that only they can write to. */
#ifndef WHITTLE_CONTAINER_RUNDIR_H
#define WHITTLE_CONTAINER_RUNDIR_H

#include "whittle/error.h"

/**
 * wh_rundir_find() - /run/whittle; or, for who cannot write there, $XDG_RUNTIME_DIR/whittle. Made where it is not there.
 * @ret_path: the caller's to free
 */
int wh_rundir_find(char **ret_path, struct wh_error *e);

/**
 * wh_rundir_socket() - a socket for a container, whatever its id is: no two have the same.
 * @root: as below
 * @what: its purpose, the end of its name
 */
int wh_rundir_socket(const char *id, const char *root, const char *what, char **ret_path,
		     struct wh_error *e);

/**
 * wh_rundir_control() - the socket of the recorder of a container (tracer/control.h).
 * @root: folder in which the runtime keeps the states of its containers, if one was named: ids are unique only there; or NULL
 */
int wh_rundir_control(const char *id, const char *root, char **ret_path, struct wh_error *e);

#endif
