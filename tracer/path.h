/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a path leads: the kernel's walk, done again from outside, inside the tracee's root.
 *
 * The result is the path as seen from the root of the mount namespace (what AppArmor calls the
 * name), so a chroot shows. What is on no mount of that namespace has WH_FILE_UNREACHABLE in front. Nothing is ever opened for real: all descriptors are O_PATH, so neither
 * a fifo nor a device nor an automount is touched.
 *
 * path_resolution(7), openat2(2); fs/namei.c for ".." at the root and for the limit of 40 links.
 */
#ifndef WHITTLE_TRACER_PATH_H
#define WHITTLE_TRACER_PATH_H

#include "tracer/task.h"

enum wh_path_flag {
	WH_PATH_FOLLOW = 1 << 0,      /* a symlink at the end is followed */
	WH_PATH_EMPTY = 1 << 1,	      /* AT_EMPTY_PATH: "" means the directory descriptor itself */
	WH_PATH_IN_ROOT = 1 << 2,     /* RESOLVE_IN_ROOT: the directory is the root */
	WH_PATH_NO_SYMLINKS = 1 << 3, /* RESOLVE_NO_SYMLINKS: stop at the first one */
	WH_PATH_NO_MAGIC = 1 << 4,    /* RESOLVE_NO_MAGICLINKS */
};

/** struct wh_path_start - where a walk begins. Texts have no '/' at the end; "" is the root. */
struct wh_path_start {
	int root, dir;	       /* O_PATH descriptors; @dir -1 if only absolute paths can work */
	const char *root_text; /* of these directories, from the root of the mount namespace */
	const char *dir_text;
	/* The task's own, for /proc/self, /proc/thread-self and search permission. May be NULL. */
	struct wh_recorder *r;
	struct wh_task *task;
};

/**
 * wh_path_walk() - the walk itself.
 * @ret_place: overwritten; wh_path_clear() frees what it holds. A part that does not exist ends the
 *   walk: the rest is put behind as it is and @exists is false.
 * Return: 0 or -ENOMEM.
 */
int wh_path_walk(const struct wh_path_start *start, const char *path, unsigned flags,
		 struct wh_place *ret_place);

/** wh_path_resolve() - walk @path as @task would, from @dirfd (AT_FDCWD or one of its own). */
int wh_path_resolve(struct wh_recorder *r, struct wh_task *task, int dirfd, const char *path,
		    unsigned flags, struct wh_place *ret_place);

/**
 * wh_path_fd() - what a descriptor of @task refers to. What has no path (a pipe, a socket, memory)
 * is resolved but has no path: @path is NULL.
 */
int wh_path_fd(struct wh_recorder *r, struct wh_task *task, int fd, struct wh_place *ret_place);

/** wh_path_link() - the same for any link of /proc/TID: "exe", "cwd", "root", "fd/3". */
int wh_path_link(struct wh_recorder *r, struct wh_task *task, const char *link,
		 struct wh_place *ret_place);

/**
 * wh_path_open() - open a resolved place for reading, if it is a regular file and still the same
 * one. Return: a descriptor, or -errno.
 */
int wh_path_open(struct wh_recorder *r, struct wh_task *task, const struct wh_place *place);

/**
 * wh_path_again() - whether @path, which wh_path_resolve() once resolved to @place, all symlinks followed,
 * leads the task there still; then mode, owner and times of @place are as of now. Not those of its
 * directory, nor what searching took. May say no although it does.
 */
bool wh_path_again(struct wh_recorder *r, struct wh_task *task, const char *path,
		   struct wh_place *place);

/**
 * wh_path_waits() - whether a file of device @dev (of a mount that @task sees) may only be answered
 * for by a process, perhaps one that we have stopped. Known devices are remembered;
 * wh_path_remounted() forgets them.
 */
bool wh_path_waits(struct wh_recorder *r, const struct wh_task *task, uint64_t dev);

/** wh_path_is_lenient() - and whether the kernel leaves to that process who may do what: struct wh_mounts_line. */
bool wh_path_is_lenient(struct wh_recorder *r, const struct wh_task *task, uint64_t dev);

static inline void wh_path_remounted(struct wh_recorder *r)
{
	r->devices.n = 0;
	r->mounts.known = false;
}

/**
 * wh_path_clean() - make a text that the kernel gave for a link of /proc a path.
 * @nlink: st_nlink of the object: only what is gone has " (deleted)" behind it; a name may end so.
 * The name of an unnamed file becomes "#@{int}", see struct wh_file.
 * Return: false when it is no path (pipe:[1], socket:[1], anon_inode:…, /memfd:…).
 */
bool wh_path_clean(char *text, unsigned long nlink);

/** wh_path_type() - the type of an object as facts name it ("file", "dir", …). Static. */
const char *wh_path_type(uint32_t mode);

void wh_path_clear(struct wh_place *place);

#endif
