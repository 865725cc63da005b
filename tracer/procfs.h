/* SPDX-License-Identifier: Apache-2.0 */
/* Small reads from /proc. What is there was written by a tracee or may vanish at any moment. */
#ifndef WHITTLE_TRACER_PROCFS_H
#define WHITTLE_TRACER_PROCFS_H

#include <dirent.h>
#include <sys/types.h>

#include "whittle/util.h"

/**
 * wh_procfs_read() - the start of a file under @proc_fd, NUL-terminated.
 * Return: bytes read, at most @size - 1; or -errno.
 */
ssize_t wh_procfs_read(int proc_fd, const char *name, char *buf, size_t size);

/** wh_procfs_field() - the number behind "Name:" in the text of a status file; -ENOENT without it. */
int wh_procfs_field(const char *status, const char *name, uint64_t *ret_value);

/** wh_procfs_status() - the same of the status file of @tid; -errno where that cannot be read. */
int wh_procfs_status(int proc_fd, pid_t tid, const char *name, uint64_t *ret_value);

/** wh_procfs_fds() - the folder of @tid's descriptors; closedir() it. -errno. */
int wh_procfs_fds(int proc_fd, pid_t tid, DIR **ret_dir);

/** wh_procfs_is_named() - whether a path ends in "/@name", as such files of all tasks do. */
bool wh_procfs_is_named(const char *path, const char *name);

/**
 * wh_procfs_holds() - whether the descriptor @fd of @tid is such a file, in whichever proc filesystem.
 * @ret_ino: which one; may be NULL
 */
bool wh_procfs_holds(int proc_fd, pid_t tid, int fd, const char *name, uint64_t *ret_ino);

/** wh_procfs_holds_any() - whether any descriptor of @tid is. */
bool wh_procfs_holds_any(int proc_fd, pid_t tid, const char *name);

/** wh_procfs_ids() - thread group and parent of a thread. */
int wh_procfs_ids(int proc_fd, pid_t tid, pid_t *ret_tgid, pid_t *ret_ppid);

/** wh_procfs_state() - the letter of proc(5) ("R", "S", "Z" …) of a thread; NUL when it is gone. */
char wh_procfs_state(int proc_fd, pid_t tid);

/** wh_procfs_is_kernel() - whether it is a thread of the kernel's own (PF_KTHREAD). */
bool wh_procfs_is_kernel(int proc_fd, pid_t pid);

/** wh_procfs_exe() - the executable, as the kernel resolved it; the caller's to free. */
int wh_procfs_exe(int proc_fd, pid_t pid, char **ret_path);

/** struct wh_procfs_map - one line of /proc/PID/maps; @path points into that line, NULL if anonymous. */
struct wh_procfs_map {
	uint64_t start, end, offset;
	bool exec;
	unsigned dev_major, dev_minor;
	uint64_t ino;
	const char *path;
};

/** wh_procfs_map_parse() - read a line (without newline); -EINVAL when it is not one of that file. */
int wh_procfs_map_parse(char *line, struct wh_procfs_map *ret_map);

#endif
