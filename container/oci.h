/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the OCI runtime specification has of a container: its state, which a runtime gives to hooks, and the
 * configuration in its bundle.
 */
#ifndef WHITTLE_CONTAINER_OCI_H
#define WHITTLE_CONTAINER_OCI_H

#include <sys/types.h>

#include "whittle/error.h"

struct wh_oci;

/**
 * wh_oci_state_read() - read the state of a container, and the configuration in the bundle that it names, if that has one.
 * @path: "-" is standard input
 */
int wh_oci_state_read(const char *path, struct wh_oci **ret, struct wh_error *e);

/**
 * wh_oci_config_read() - a container that is yet to be made, of which there is but the configuration.
 * @config: path of the file
 */
int wh_oci_config_read(const char *id, const char *bundle, const char *config, struct wh_oci **ret,
		       struct wh_error *e);

void wh_oci_free(struct wh_oci *oci);
WH_DEFINE_AUTO(oci, struct wh_oci *, wh_oci_free)

/** wh_oci_state() - the text that was read; NULL where there is but a configuration. */
const char *wh_oci_state(const struct wh_oci *oci);
const char *wh_oci_id(const struct wh_oci *oci);
/** wh_oci_pid() - of the init, in the pid namespace of the runtime; 0 where there is but a configuration. */
pid_t wh_oci_pid(const struct wh_oci *oci);
const char *wh_oci_bundle(const struct wh_oci *oci);

/* NULL where there is none. */
const char *wh_oci_annotation(const struct wh_oci *oci, const char *name);
const char *wh_oci_env(const struct wh_oci *oci, const char *name);
/** wh_oci_mount_source() - of what is mounted at @destination. */
const char *wh_oci_mount_source(const struct wh_oci *oci, const char *destination);

/**
 * wh_oci_add_hook() - put a createRuntime hook into a configuration, behind those that are there; one of whittle's that
 * is there already is replaced. All else in the file stays as it is.
 * @path: of whittle, absolute
 * @argv: NULL-terminated: "whittle", "hook", …
 * @env: NULL-terminated, NAME=VALUE: all the environment that the hook has; NULL: as the runtime has it
 */
int wh_oci_add_hook(const char *config, const char *path, const char *const *argv,
		    const char *const *env, struct wh_error *e);

/**
 * wh_oci_hooks_file() - what a hooks.d folder of Podman or CRI-O has of a hook (oci-hooks(5)); the caller's to free, NULL
 * when memory ran out.
 * @env: as above; NULL: what the engine has
 * @annotation: a regular expression: only for containers that have one of that name; NULL: for all
 */
char *wh_oci_hooks_file(const char *path, const char *const *argv, const char *const *env,
			const char *annotation);

#endif
