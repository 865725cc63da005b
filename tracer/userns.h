/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User namespaces: whose ids are which, and where a capability counts. user_namespaces(7).
 *
 * All ids that the tracer reads (/proc/TID/status, statx()) are as its own user namespace counts; what a task says in
 * a call is as the task's does; what facts say is as the container's does.
 */
#ifndef WHITTLE_TRACER_USERNS_H
#define WHITTLE_TRACER_USERNS_H

#include <sys/types.h>

#include "whittle/util.h"

#define WH_USERNS_EXTENTS 340	/* UID_GID_MAP_MAX_EXTENTS of include/linux/user_namespace.h */
#define WH_USERNS_NOBODY  65534 /* what the kernel says for an id that a namespace does not have */

/** struct wh_id_map - a /proc/TID/uid_map or gid_map; @outside as the tracer counts. */
struct wh_id_map {
	unsigned n;
	struct {
		uint32_t inside, outside, count;
	} extent[WH_USERNS_EXTENTS];
};

/** struct wh_userns - one of them. @ours: the tracer's own, in which ids need no map. */
struct wh_userns {
	uint64_t ino;
	bool ours;
	struct wh_id_map uid, gid;
};

/** wh_userns_of() - the inode number of the user namespace of @tid; 0 when it is gone. */
uint64_t wh_userns_of(int proc_fd, pid_t tid);
/** wh_userns_read() - that of @tid. Return: 0 or -errno. */
int wh_userns_read(int proc_fd, pid_t tid, struct wh_userns *ret);
/** wh_userns_parse() - the text of a map. Return: 0, or -EINVAL for anything else. */
int wh_userns_parse(const char *text, struct wh_id_map *ret_map);

/** wh_userns_is_initial() - the one whose capabilities are asked for where no other counts. */
bool wh_userns_is_initial(uint64_t ino);

/** wh_userns_outside() - an id as it is said in there, as the tracer's. Return: false when it has none. */
bool wh_userns_outside(const struct wh_userns *ns, const struct wh_id_map *map, uint32_t id,
		       uint32_t *ret_id);
/** wh_userns_inside() - and the other way. */
bool wh_userns_inside(const struct wh_userns *ns, const struct wh_id_map *map, uint32_t id,
		      uint32_t *ret_id);

/** enum wh_userns_reach - what who is in one user namespace can do in another; cap_capable(). */
enum wh_userns_reach {
	WH_REACH_NONE,	/* nothing, whatever it holds: that one is not below its own */
	WH_REACH_CAP,	/* what it holds */
	WH_REACH_OWNER, /* all, as it has made it */
};

/**
 * wh_userns_reach() - of @ino, with the effective uid @euid, in the user namespace that the namespace @fd of any
 * kind belongs to; of a user namespace that is itself.
 */
enum wh_userns_reach wh_userns_reach(uint64_t ino, uid_t euid, int fd);

#endif
