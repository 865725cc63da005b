/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Namespaces of tasks: whether two are one, what a file says in there, and whose rights count in them.
 * namespaces(7), ioctl_ns(2).
 */
#ifndef WHITTLE_TRACER_NAMESPACE_H
#define WHITTLE_TRACER_NAMESPACE_H

#include "tracer/task.h"

/**
 * wh_namespace_is_ours() - whether a namespace of @tid is the tracer's own. @type: as in /proc/TID/ns. False
 * too when the task is gone.
 */
bool wh_namespace_is_ours(const struct wh_recorder *r, pid_t tid, const char *type);

/** wh_namespace_open() - that namespace, as a descriptor; -errno. */
int wh_namespace_open(const struct wh_recorder *r, pid_t tid, const char *type);

/**
 * wh_namespace_read() - a small file of /proc that shows the namespace of who opens it, as @ns shows it.
 * @ns: from wh_namespace_open(), of type "net", "ipc" or "mnt" (then as from its root); or -1
 * @path: below /proc
 * Return: the text, the caller's to free; NULL when it cannot be had.
 */
char *wh_namespace_read(const struct wh_recorder *r, int ns, const char *path);

/**
 * wh_namespace_port_start() - ip_unprivileged_port_start of a network namespace: the first port that anyone may
 * bind. Return: false when it cannot be read; then *ret_port is the kernel's default, 1024.
 */
bool wh_namespace_port_start(const struct wh_recorder *r, int ns, uint64_t *ret_port);

#endif
