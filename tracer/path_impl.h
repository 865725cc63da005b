/* SPDX-License-Identifier: Apache-2.0 */
/* What path.c and path_walk.c share. */
#ifndef WHITTLE_TRACER_PATH_IMPL_H
#define WHITTLE_TRACER_PATH_IMPL_H

#include <limits.h>
#include <sys/stat.h>

#include "tracer/path.h"

/* A root's own name comes in front of a path, and both may be as long as the kernel lets them. */
#define WH_PATH_TEXT (2 * PATH_MAX)

/** wh_path_look() - like fstatat(), from what the kernel has at hand: see wh_path_waits(). */
int wh_path_look(int dir, const char *path, int flags, struct stat *ret);
int wh_path_look_fd(int fd, struct stat *ret);
/** wh_path_fill() - @place exists, and is this. */
void wh_path_fill(struct wh_place *place, const struct stat *st);

#endif
