/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Getting the hook into a container whose engine has nothing to give it by: before its OCI runtime is executed, the
 * kernel asks (fanotify(7), FAN_OPEN_EXEC_PERM), and the bundle, which is there by then, is added to. Nobody's
 * configuration is changed; when whittle is gone, the kernel lets all pass.
 */
#ifndef WHITTLE_CONTAINER_INTERCEPT_H
#define WHITTLE_CONTAINER_INTERCEPT_H

#include "whittle/error.h"

struct wh_intercept;

/**
 * wh_intercept_new() - for containers that are started by @runtime: a path, or a name that is looked for where engines
 * look, all files of that name.
 * Return: 0; -EPERM without CAP_SYS_ADMIN; -ENOSYS, -EINVAL where the kernel has no such thing; -ENOENT.
 */
int wh_intercept_new(const char *runtime, struct wh_intercept **ret, struct wh_error *e);
void wh_intercept_free(struct wh_intercept *ic);

/** wh_intercept_fd() - to be polled for reading before wh_intercept_answer(). */
int wh_intercept_fd(const struct wh_intercept *ic);
/**
 * wh_intercept_answer() - to all who ask. Who is about to start the container @id does so with the hook, or not at all.
 * Return: 1 when that was among them, now or before; 0; -errno.
 */
int wh_intercept_answer(struct wh_intercept *ic, const char *id, struct wh_error *e);

#endif
