/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which processes are a service's, where it was not whittle that started them. By what a container has: a cgroup
 * (cgroups(7); of either version, with those below it), a pid namespace (pid_namespaces(7); with those below
 * it); and where there is neither, the tree of processes that have a certain one as their ancestor.
 */
#ifndef WHITTLE_TRACER_MEMBERS_H
#define WHITTLE_TRACER_MEMBERS_H

#include <sys/types.h>

#include "whittle/error.h"

struct wh_members;

/**
 * wh_members_new() - of what @pid, a process in our pid namespace, is a part.
 * @contained: it is a container's: then a cgroup of its own counts; @pid alone may be in one for other reasons
 * Return: 0; -ESRCH when there is no such process; -EINVAL when we are a part of it, too; -ENOMEM.
 */
int wh_members_new(int proc_fd, pid_t pid, bool contained, struct wh_members **ret,
		   struct wh_error *e);
void wh_members_free(struct wh_members *members);

/**
 * wh_members_list() - all of them as of now, in our pid namespace, zombies too, in no order, none twice.
 * @quick: only by what is read at once (the cgroup), if there is that
 * @ret_pids: good until the next call
 * Return: how many; -ENOMEM.
 */
ssize_t wh_members_list(struct wh_members *members, bool quick, const pid_t **ret_pids);

/** wh_members_is_quick() - whether there is something to be read at once. */
bool wh_members_is_quick(const struct wh_members *members);

/** wh_members_has() - whether @pid, in our pid namespace, is one by its cgroup or its pid namespace. */
bool wh_members_has(struct wh_members *members, pid_t pid);

/**
 * wh_members_place() - by what those who come from outside can be told: the numbers of the pid namespace, and where
 * that is not one of its own (0) of the mount namespace. Return: false where it has neither.
 */
bool wh_members_place(const struct wh_members *members, ino_t *ret_pid_ns, ino_t *ret_mnt_ns);
/** wh_members_is_open() - whether anybody can become one without being the child of one. */
bool wh_members_is_open(const struct wh_members *members);

/**
 * wh_members_cgroup_line() - the path in a line of /proc/PID/cgroup, without its newline.
 * @ret_controllers: those of version 1, as the line has them ("cpu,cpuacct", "name=systemd"); "" for version 2.
 * Both point into @line, which is changed. Return: false when it is none.
 */
bool wh_members_cgroup_line(char *line, const char **ret_controllers, const char **ret_path);

/** struct wh_members_mount - a line of /proc/PID/mountinfo that is a cgroup hierarchy; points into the line. */
struct wh_members_mount {
	const char *root, *point; /* with their escapes undone */
	const char *
		controllers; /* "rw,pids": one of version 1 has them among its options; NULL: version 2 */
};

/** wh_members_mount_line() - read one, which is changed; false when it is no cgroup hierarchy. */
bool wh_members_mount_line(char *line, struct wh_members_mount *ret);

#endif
