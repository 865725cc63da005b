/* SPDX-License-Identifier: Apache-2.0 */
/* whittle among the runtimes in Docker's configuration, daemon.json. All else in that stays as it is. */
#ifndef WHITTLE_CONTAINER_INSTALL_H
#define WHITTLE_CONTAINER_INSTALL_H

#include "whittle/error.h"

/**
 * wh_install_add() - a file that is not there is made.
 * @args: of "whittle runtime", NULL-terminated; they are followed by "--" and what the engine says
 * Return: 1; 0 when all was so already; -EEXIST when a runtime of that name is not whittle's; -errno.
 */
int wh_install_add(const char *config, const char *name, const char *program,
		   const char *const *args, struct wh_error *e);

/**
 * wh_install_remove() - undo it; a file in which nothing is left is removed.
 * Return: 1; 0 when it was not there; -errno.
 */
int wh_install_remove(const char *config, const char *name, struct wh_error *e);

#endif
