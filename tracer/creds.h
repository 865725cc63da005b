/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials of a tracee, read when first needed and kept until a call may have changed them. */
#ifndef WHITTLE_TRACER_CREDS_H
#define WHITTLE_TRACER_CREDS_H

#include "tracer/task.h"

/**
 * wh_creds_get() - the credentials of @task as of now; read from /proc/TID/status when stale.
 * Return: NULL when the task is gone.
 */
const struct wh_creds *wh_creds_get(struct wh_recorder *r, struct wh_task *task);
/** wh_creds_read() - the same for any thread, uncached; @ret_creds is the caller's to free. */
int wh_creds_read(struct wh_recorder *r, pid_t tid, struct wh_creds *ret_creds);
/**
 * wh_creds_parse() - the same from the text of a status file, but for the user namespace.
 * Return: 0; -EINVAL when it is not such a file, -ENOMEM.
 */
int wh_creds_parse(const char *text, struct wh_creds *ret_creds);
/** wh_creds_in_group() - fsgid or a supplementary group: the kernel's in_group_p(). */
bool wh_creds_in_group(const struct wh_creds *creds, gid_t gid);
/**
 * wh_creds_inherit() - @child was just made by the call in which @maker is, and has called nothing: it
 * has its maker's credentials, unless in a new user namespace (copy_creds() in kernel/cred.c). Flags in
 * memory another thread may have changed since: then the child's namespace is looked at.
 */
void wh_creds_inherit(struct wh_recorder *r, struct wh_task *child, const struct wh_task *maker);
/** wh_creds_copy() - the same where it is known that @maker's call made no user namespace. */
void wh_creds_copy(struct wh_task *child, const struct wh_task *maker);
/** wh_creds_forget() - they may have changed. */
void wh_creds_forget(struct wh_task *task);
void wh_creds_free(struct wh_creds *creds);

#endif
