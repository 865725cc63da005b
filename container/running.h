/* SPDX-License-Identifier: Apache-2.0 */
/* Containers that run already, by the names that people have for them. */
#ifndef WHITTLE_CONTAINER_RUNNING_H
#define WHITTLE_CONTAINER_RUNNING_H

#include "container/inspect.h"

/**
 * struct wh_running - what whoever knows the container says of it.
 * @engine: "docker", "podman"; NULL where a runtime alone knows it; static
 */
struct wh_running {
	const char *engine;
	struct wh_inspect about;
};

/**
 * wh_running_find() - ask those of docker, podman, runc and crun that are there, in this order. @name may be an id, or the beginning
 * of one, as each of them takes it.
 * @ret: wh_running_release() it, also after an error
 * Return: 0; -ENOENT when nobody knows it, with what each said; -ESRCH when it is known and does not run.
 */
int wh_running_find(const char *name, struct wh_running *ret, struct wh_error *e);
void wh_running_release(struct wh_running *running);

/** wh_running_state() - from the state of a container (OCI runtime specification, runtime.md), JSON, as runtimes print it. */
int wh_running_state(const char *json, struct wh_inspect *ret, struct wh_error *e);

#endif
