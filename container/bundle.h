/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Getting whittle's hook into a container: into the configuration of an OCI bundle
 * (https://github.com/opencontainers/runtime-spec, config.md), or into a folder of hooks as Podman reads them (oci-hooks(5)).
 */
#ifndef WHITTLE_CONTAINER_BUNDLE_H
#define WHITTLE_CONTAINER_BUNDLE_H

#include <sys/types.h>

#include "whittle/error.h"

/**
 * wh_bundle_copy() - a bundle like that in @from, whose containers whittle's hook is told of; the user's own stays as it
 * is. It has no terminal: what is recorded speaks to files.
 * @args: to be executed instead of what the bundle says, NULL-terminated; NULL: as it says
 * @to: an existing, empty folder
 */
int wh_bundle_copy(const char *from, char *const *args, const char *to, struct wh_error *e);

/** wh_bundle_add_hook() - to the config.json at that path, last of its createRuntime hooks. */
int wh_bundle_add_hook(const char *config, struct wh_error *e);

/** wh_bundle_hooks_folder() - write the hook for Podman's --hooks-dir into the folder @dir. */
int wh_bundle_hooks_folder(const char *dir, struct wh_error *e);

/** wh_bundle_last_note() - the last message in a runtime's JSON log, "" if there is none; made printable. */
void wh_bundle_last_note(const char *log, struct wh_error *ret_note);

/** wh_bundle_state() - the init's pid, from the state of a container that must have the id @id. */
int wh_bundle_state(const char *state_json, const char *id, pid_t *ret_init, struct wh_error *e);

#endif
