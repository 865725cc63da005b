/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coming between a container and its OCI runtime, whose engine has nothing to give us a hook by: before the runtime is
 * executed, the kernel asks (fanotify(7), FAN_OPEN_EXEC_PERM). Nobody's configuration is changed.
 *
 * Whoever on this machine executes that program waits for the answer. So it is given by a process of its own, which
 * does nothing else, is stopped by no terminal, and ends with whittle; and when it has ended, the kernel lets all pass.
 */
#ifndef WHITTLE_CONTAINER_INTERCEPT_H
#define WHITTLE_CONTAINER_INTERCEPT_H

#include "whittle/error.h"

struct wh_intercept;

/**
 * struct wh_intercept_aim - what is to be done.
 * @runtime: path of the OCI runtime; or a name, which is looked for where engines look: all files of that name
 * @id: of the container
 * @control: socket of the recording. What the runtime is to execute in the container once that runs ("docker exec", a
 *   health check) joins it, before its first instruction; tracer/control.h
 * @add_hook: put whittle's hook into the container's bundle when it is started; if that fails, it is not started
 */
struct wh_intercept_aim {
	const char *runtime, *id, *control;
	bool add_hook;
};

/**
 * wh_intercept_new() - begin.
 * Return: 0; -EPERM without CAP_SYS_ADMIN; -ENOSYS, -EINVAL where the kernel has no such thing; -ENOENT.
 */
int wh_intercept_new(const struct wh_intercept_aim *aim, struct wh_intercept **ret,
		     struct wh_error *e);
void wh_intercept_free(struct wh_intercept *ic);

/** wh_intercept_check() - whether the hook could not be put into the bundle, and why. Return: 0; -EREMOTE. */
int wh_intercept_check(struct wh_intercept *ic, struct wh_error *e);
/** wh_intercept_missed() - how often something was executed in the container, and could not join, until now. */
unsigned wh_intercept_missed(struct wh_intercept *ic);

#endif
