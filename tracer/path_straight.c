/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk of a path that goes straight down: no "..", no symlink, nothing to wait for. The kernel
 * does it in one step, and only the directories passed are looked at besides. It remembers nothing
 * but that the root is ours; whatever is not that simple is left to path_walk.c, from the start.
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include "tracer/path_impl.h"

#define DEPTH_MAX 32

bool wh_path_is_straight(const char *path, unsigned flags)
{
	const char *s = path + (path[0] == '/');
	unsigned depth = 0;

	if (flags & ~(unsigned)(WH_PATH_FOLLOW | WH_PATH_EMPTY))
		return false;
	for (;; s++) {
		size_t n = strcspn(s, "/");

		if (!n || (s[0] == '.' && (n == 1 || (n == 2 && s[1] == '.'))) ||
		    ++depth > DEPTH_MAX)
			return false;
		s += n;
		if (!*s)
			return true;
	}
}

static bool look_root(int dir, const char *path, struct statx *ret)
{
	return statx(dir, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		     STATX_BASIC_STATS | STATX_MNT_ID, ret) == 0 &&
	       ret->stx_mask & STATX_MNT_ID;
}

static bool look_roots(struct wh_recorder *r, const struct wh_task *task)
{
	struct statx ours, theirs;
	char link[32];

	/* While both are alive the id of a mount is that mount's alone, also across namespaces. */
	snprintf(link, sizeof(link), "%d/root", (int)task->tid);
	return look_root(r->proc_fd, link, &theirs) && look_root(AT_FDCWD, "/", &ours) &&
	       ours.stx_mnt_id == theirs.stx_mnt_id && ours.stx_ino == theirs.stx_ino &&
	       ours.stx_dev_major == theirs.stx_dev_major &&
	       ours.stx_dev_minor == theirs.stx_dev_minor;
}

bool wh_path_same_root(struct wh_recorder *r, struct wh_task *task)
{
	/* Only the tree's own calls give its tasks another root; pivot_root() by others moves ours too. */
	if (task->root_known == r->changes.generation + 1 && !r->changes.in_flight)
		return true;
	task->root_known = 0;
	if (!look_roots(r, task))
		return false;
	if (!r->changes.in_flight)
		task->root_known = r->changes.generation + 1;
	return true;
}

/* The directory that holds the last component. RESOLVE_CACHED asks no file system for anything. */
static int open_parent(int base, const char *parent)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_CACHED,
	};

	return (int)syscall(SYS_openat2, base, parent, &how, sizeof(how));
}

struct straight {
	struct wh_recorder *r;
	struct wh_task *task;
	struct wh_place *place;
	dev_t asked_dev; /* a device that is known to answer */
};

/* One directory that was passed. Return: false when the walk must be done step by step. */
static bool pass(struct straight *s, const struct stat *st)
{
	if (!S_ISDIR(st->st_mode))
		return false;
	if (st->st_dev != s->asked_dev && wh_path_waits(s->r, s->task, st->st_dev))
		return false;
	s->asked_dev = st->st_dev;
	if (wh_path_search_denied(s->r, s->task, st))
		s->place->search_denied = true;
	if (!(st->st_mode & S_IXOTH))
		s->place->search_restricted = true;
	return true;
}

/*
 * From the directory at @parent, @depth below the base, up to the base: by "..", which cannot be made
 * to lead into another file system by who moves names about meanwhile.
 */
static bool pass_all(struct straight *s, int parent, unsigned depth, struct stat *ret_parent)
{
	char up[3 * DEPTH_MAX + 1] = "";
	struct stat st;

	if (wh_path_look_fd(parent, ret_parent) < 0 || !pass(s, ret_parent))
		return false;
	for (unsigned i = 0; i < depth; i++) {
		strcat(up, i ? "/.." : "..");
		if (wh_path_look(parent, up, AT_SYMLINK_NOFOLLOW, &st) < 0 || !pass(s, &st))
			return false;
	}
	return true;
}

int wh_path_straight(struct wh_recorder *r, struct wh_task *task, int base, const char *base_text,
		     const char *path, unsigned flags, struct wh_place *ret_place)
{
	struct wh_place place = {.valid = true};
	struct straight s = {.r = r, .task = task, .place = &place};
	const char *name = strrchr(path, '/');
	char parent[PATH_MAX];
	wh_auto(fd) fd = -1;
	struct stat dir, st;
	unsigned depth = 0;
	int err = 0;

	name = name ? name + 1 : path;
	if ((size_t)(name - path) >= sizeof(parent))
		return 0;
	memcpy(parent, path, (size_t)(name - path));
	parent[name - path] = '\0';
	for (const char *c = path + (path[0] == '/'); *c; c++)
		depth += *c == '/';
	fd = open_parent(base, *parent ? parent : ".");
	if (fd < 0 || !pass_all(&s, fd, depth, &dir))
		return 0;
	if (wh_path_look(fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, &st) < 0)
		err = errno;
	if ((err && err != ENOENT) || (!err && S_ISLNK(st.st_mode) && flags & WH_PATH_FOLLOW))
		return 0;
	if (strlen(base_text) + strlen(path) + 2 > WH_PATH_TEXT)
		return 0;
	if (asprintf(&place.path, "%s%s%s", base_text, path[0] == '/' ? "" : "/", path) < 0)
		return -ENOMEM;
	place.resolved = true;
	place.dir_mode = dir.st_mode;
	place.dir_uid = dir.st_uid;
	place.dir_gid = dir.st_gid;
	place.dir_dev = dir.st_dev;
	if (!err)
		wh_path_fill(&place, &st);
	*ret_place = place;
	return 1;
}
