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
/**
 * wh_path_mark() - put WH_FILE_UNREACHABLE in front of @text if what is at @path below @dir is. Return: false
 * when it does not fit.
 */
bool wh_path_mark(struct wh_recorder *r, const struct wh_task *task, int dir, const char *path,
		  int flags, char *text, size_t size);
/** wh_path_fill() - @place exists, and is this. */
void wh_path_fill(struct wh_place *place, const struct stat *st);

/** wh_path_search_denied() - whether @task needs a capability to search the directory @st. */
bool wh_path_search_denied(struct wh_recorder *r, struct wh_task *task, const struct stat *st);

/** wh_path_is_straight() - whether nothing in @path itself speaks against wh_path_straight(). */
bool wh_path_is_straight(const char *path, unsigned flags);
/** wh_path_same_root() - whether the root of @task is, now, the one that we have. */
bool wh_path_same_root(struct wh_recorder *r, struct wh_task *task);
/**
 * wh_path_straight() - what wh_path_walk() does, of a path that wh_path_is_straight().
 * @base: where it starts: a directory, named @base_text; AT_FDCWD and "" for an absolute path
 * Return: 1; 0 if it is not that simple, and has to be walked; -ENOMEM.
 */
int wh_path_straight(struct wh_recorder *r, struct wh_task *task, int base, const char *base_text,
		     const char *path, unsigned flags, struct wh_place *ret_place);

#endif
