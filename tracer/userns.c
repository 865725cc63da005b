/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/userns.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "tracer/procfs.h"

/* PROC_USER_INIT_INO of include/linux/proc_ns.h; since Linux 6.18 part of the ABI as USER_NS_INIT_INO. */
#define INITIAL UINT64_C(0xEFFFFFFD)
/* A line has three numbers, padded to ten characters each. */
#define MAP_TEXT (WH_USERNS_EXTENTS * 34)
#define DEPTH	 33 /* the kernel nests no deeper */

static uint64_t ino_of(int proc_fd, const char *who)
{
	char name[48];
	struct stat st;

	snprintf(name, sizeof(name), "%s/ns/user", who);
	return fstatat(proc_fd, name, &st, 0) < 0 ? 0 : st.st_ino;
}

uint64_t wh_userns_of(int proc_fd, pid_t tid)
{
	char who[16];

	snprintf(who, sizeof(who), "%d", (int)tid);
	return ino_of(proc_fd, who);
}

int wh_userns_parse(const char *text, struct wh_id_map *ret_map)
{
	ret_map->n = 0;
	while (*text) {
		unsigned long long inside, outside, count;
		int n = 0;

		if (ret_map->n == WH_USERNS_EXTENTS ||
		    sscanf(text, "%llu %llu %llu%n", &inside, &outside, &count, &n) != 3 ||
		    text[n] != '\n' || !count || inside + count - 1 > UINT32_MAX ||
		    outside + count - 1 > UINT32_MAX)
			return -EINVAL;
		ret_map->extent[ret_map->n].inside = (uint32_t)inside;
		ret_map->extent[ret_map->n].outside = (uint32_t)outside;
		ret_map->extent[ret_map->n++].count = (uint32_t)count;
		text += n + 1;
	}
	return 0;
}

static int read_map(int proc_fd, pid_t tid, const char *file, struct wh_id_map *ret_map)
{
	char name[32], text[MAP_TEXT];
	ssize_t n;

	snprintf(name, sizeof(name), "%d/%s", (int)tid, file);
	n = wh_procfs_read(proc_fd, name, text, sizeof(text));
	return n < 0 ? (int)n : wh_userns_parse(text, ret_map);
}

int wh_userns_read(int proc_fd, pid_t tid, struct wh_userns *ret)
{
	int k;

	ret->ino = wh_userns_of(proc_fd, tid);
	if (!ret->ino)
		return -ESRCH;
	ret->ours = ret->ino == ino_of(proc_fd, "self");
	ret->uid.n = ret->gid.n = 0;
	if (ret->ours)
		return 0;
	k = read_map(proc_fd, tid, "uid_map", &ret->uid);
	return k < 0 ? k : read_map(proc_fd, tid, "gid_map", &ret->gid);
}

bool wh_userns_is_initial(uint64_t ino)
{
	return ino == INITIAL;
}

bool wh_userns_outside(const struct wh_userns *ns, const struct wh_id_map *map, uint32_t id,
		       uint32_t *ret_id)
{
	*ret_id = id;
	for (unsigned i = 0; !ns->ours && i < map->n; i++)
		if (id - map->extent[i].inside < map->extent[i].count) {
			*ret_id = map->extent[i].outside + (id - map->extent[i].inside);
			return true;
		}
	return ns->ours;
}

bool wh_userns_inside(const struct wh_userns *ns, const struct wh_id_map *map, uint32_t id,
		      uint32_t *ret_id)
{
	*ret_id = id;
	for (unsigned i = 0; !ns->ours && i < map->n; i++)
		if (id - map->extent[i].outside < map->extent[i].count) {
			*ret_id = map->extent[i].inside + (id - map->extent[i].outside);
			return true;
		}
	return ns->ours;
}

enum wh_userns_reach wh_userns_reach(uint64_t ino, uid_t euid, int fd)
{
	enum wh_userns_reach reach = WH_REACH_NONE;
	bool is_user = ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWUSER;
	int ns = is_user ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : ioctl(fd, NS_GET_USERNS);

	for (int depth = 0; ns >= 0 && depth < DEPTH; depth++) {
		struct stat st, above;
		uid_t owner;
		int parent;

		if (fstat(ns, &st) < 0)
			break;
		if (st.st_ino == ino) {
			reach = WH_REACH_CAP;
			break;
		}
		parent = ioctl(ns, NS_GET_PARENT);
		if (parent >= 0 && fstat(parent, &above) == 0 && above.st_ino == ino &&
		    ioctl(ns, NS_GET_OWNER_UID, &owner) == 0 && owner == euid) {
			close(parent);
			reach = WH_REACH_OWNER;
			break;
		}
		close(ns);
		ns = parent;
	}
	wh_util_close(ns);
	return reach;
}
