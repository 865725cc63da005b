/* SPDX-License-Identifier: Apache-2.0 */
/* What is mounted where the entrypoint of a container begins: proc(5), /proc/PID/mountinfo. */
#ifndef WHITTLE_TRACER_MOUNTS_H
#define WHITTLE_TRACER_MOUNTS_H

#include "tracer/record.h"
#include "tracer/task.h"

/**
 * struct wh_mounts_line - a line of mountinfo. Strings are the caller's buffer, escapes resolved.
 * @dev: of the file system, as stat() has it
 * @root: the folder of the file system that is mounted, "/" for all of it
 * @read_only: the mount or its file system is
 * @served: by a program (FUSE)
 * @lenient: and the kernel leaves to that who may do what (fuse_permission() in fs/fuse/dir.c)
 */
struct wh_mounts_line {
	uint64_t dev;
	char *root, *point, *fstype;
	bool read_only, served, lenient;
};

/** wh_mounts_parse() - read a line (without newline; it is changed); -EINVAL when it is not one of that file. */
int wh_mounts_parse(char *line, struct wh_mounts_line *ret_line);

/** wh_mounts_word() - how struct wh_run.mounts names a mount of this kind. Static. */
const char *wh_mounts_word(const struct wh_mounts_line *line);

/**
 * wh_mounts_fill() - @run->mounts, if the process is in a container: one that is recorded as such, or whose root is laid
 * over an image, or a plain folder in a mount namespace of its own. What cannot be read is left out.
 * @container: it is known to be one
 *
 * Return: 0 or -ENOMEM.
 */
int wh_mounts_fill(struct wh_recorder *r, pid_t pid, bool container, struct wh_run *run);

#endif
