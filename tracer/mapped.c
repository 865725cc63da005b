/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/mapped.h"

#include <inttypes.h>
#include <limits.h>
#include <sys/sysmacros.h>

#include "tracer/namespace.h"
#include "tracer/path_impl.h"

/* Opening may wait for ever where the file system is served by a process that is stopped. */
static bool open_symbols(struct wh_recorder *r, const struct wh_task *task, const char *name,
			 const struct stat *st, struct wh_symbols *ret)
{
	return !wh_path_waits(r, task, st->st_dev) && wh_symbol_open(r->proc_fd, name, ret) == 0;
}

/*
 * Some file systems show a file with another device than a map does, and in one's own mount namespace the name is
 * no other file's: there the inode will do.
 */
static bool is_that(const struct stat *st, const struct wh_procfs_map *map, bool ours)
{
	return st->st_ino == map->ino &&
	       (ours || st->st_dev == makedev(map->dev_major, map->dev_minor));
}

bool wh_mapped_open(struct wh_recorder *r, struct wh_task *task, const struct wh_procfs_map *map,
		    struct wh_symbols *ret, bool *ret_readable)
{
	char name[PATH_MAX + 64];
	struct stat st;
	bool ours;

	*ret_readable = false;
	snprintf(name, sizeof(name), "%d/map_files/%" PRIx64 "-%" PRIx64, (int)task->tid,
		 map->start, map->end);
	if (wh_path_look(r->proc_fd, name, 0, &st) == 0) {
		*ret_readable = open_symbols(r, task, name, &st, ret);
		return true;
	}
	ours = wh_namespace_is_ours(r, task->tid, "mnt");
	for (int i = 0; i < (ours ? 2 : 1); i++) {
		/* The text is from the root of the namespace, which of a chroot is only ours. */
		if (i)
			snprintf(name, sizeof(name), "%s", map->path);
		else
			snprintf(name, sizeof(name), "%d/root%s", (int)task->tid, map->path);
		if (wh_path_look(r->proc_fd, name, 0, &st) < 0 || !is_that(&st, map, ours))
			continue;
		*ret_readable = open_symbols(r, task, name, &st, ret);
		return true;
	}
	return false;
}
