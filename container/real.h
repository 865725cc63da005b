/* SPDX-License-Identifier: Apache-2.0 */
/* The OCI runtime that does the work: runc, crun, or what takes their place. */
#ifndef WHITTLE_CONTAINER_REAL_H
#define WHITTLE_CONTAINER_REAL_H

#include "whittle/error.h"

/**
 * wh_real_find() - where it is.
 * @name: a name that is searched in PATH, or a path; NULL: runc, or else crun
 * @ret_path: the caller's to free
 * Return: 0; -ELOOP when it is whittle itself; -ENOENT …
 */
int wh_real_find(const char *name, char **ret_path, struct wh_error *e);

/**
 * wh_real_version() - what a runtime calls itself, "runc 1.1.5".
 * @path: /proc/PID/exe will do
 * @ret: the caller's to free; the program's name alone where it does not tell, within two seconds
 * Return: 0 or -ENOMEM.
 */
int wh_real_version(const char *path, char **ret);

#endif
