/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "tracer/mounts.h"
#include "tracer/unreachable.h"
#include "tracer/path_impl.h"

const char *wh_path_type(uint32_t mode)
{
	static const char *const types[16] = {
		[S_IFREG >> 12] = "file", [S_IFDIR >> 12] = "dir",  [S_IFCHR >> 12] = "chr",
		[S_IFBLK >> 12] = "blk",  [S_IFIFO >> 12] = "fifo", [S_IFSOCK >> 12] = "socket",
		[S_IFLNK >> 12] = "link",
	};
	const char *type = types[(mode & S_IFMT) >> 12];

	return type ? type : "file";
}

void wh_path_clear(struct wh_place *place)
{
	free(place->path);
	free(place->asked);
	memset(place, 0, sizeof(*place));
}

/* A file of O_TMPFILE has the number of its inode for a name: "/tmp/#1234", another one each time. */
static void clean_unnamed(char *text)
{
	char *name = strrchr(text, '/') + 1;

	/* " (deleted)" was cut off behind it, so there is room. */
	if (name[0] == '#' && name[1] && name[1 + strspn(name + 1, "0123456789")] == '\0')
		strcpy(name, "#@{int}");
}

bool wh_path_clean(char *text, unsigned long nlink)
{
	/* Files of mounts inside the kernel that have a name but no place. */
	static const char *const nowhere[] = {"/memfd:",       "/SYSV",		 "/[aio]",
					      "/dmabuf:",      "/anon_hugepage", "/i915",
					      "/drm mm object"};
	static const char gone[] = " (deleted)";
	size_t len = strlen(text);

	if (text[0] != '/')
		return false;
	if (nlink == 0) {
		for (size_t i = 0; i < WH_ARRAY_SIZE(nowhere); i++)
			if (wh_util_has_prefix(text, nowhere[i]))
				return false;
		if (len > strlen(gone) && strcmp(text + len - strlen(gone), gone) == 0) {
			text[len - strlen(gone)] = '\0';
			clean_unnamed(text);
		}
	}
	return true;
}

/* ---- looking without waiting ----------------------------------------------------------------- */

/*
 * A file system in user space (FUSE) may be served by the very tasks that are stopped while we
 * look: a question to it would never be answered. So attributes are taken as the kernel has them,
 * and a walk ends where such a file system begins.
 */
int wh_path_look(int dir, const char *path, int flags, struct stat *ret)
{
	struct statx stx;

	if (statx(dir, path, flags | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &stx) < 0)
		return -1;
	memset(ret, 0, sizeof(*ret));
	ret->st_dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
	ret->st_ino = stx.stx_ino;
	ret->st_mode = stx.stx_mode;
	ret->st_uid = stx.stx_uid;
	ret->st_gid = stx.stx_gid;
	ret->st_nlink = stx.stx_nlink;
	ret->st_ctim.tv_sec = stx.stx_ctime.tv_sec;
	ret->st_ctim.tv_nsec = stx.stx_ctime.tv_nsec;
	return 0;
}

int wh_path_look_fd(int fd, struct stat *ret)
{
	return wh_path_look(fd, "", AT_EMPTY_PATH, ret);
}

/* What the list of mounts says of a device; false where it says nothing. */
static bool find_mount(struct wh_recorder *r, const struct wh_task *task, dev_t dev,
		       struct wh_mounts_line *ret)
{
	wh_auto(str) text = NULL;
	wh_auto(file) f = NULL;
	wh_auto(fd) fd = -1;
	char path[32];
	size_t size = 0;

	snprintf(path, sizeof(path), "%d/mountinfo", (int)task->tid);
	fd = openat(r->proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !(f = fdopen(fd, "r")))
		return false;
	wh_take_fd(&fd);
	while (getline(&text, &size, f) > 0) {
		text[strcspn(text, "\n")] = '\0';
		if (wh_mounts_parse(text, ret) == 0 && ret->dev == dev)
			return true;
	}
	return false;
}

/* Its place among those that are remembered. */
static size_t find_device(struct wh_recorder *r, const struct wh_task *task, uint64_t dev)
{
	struct wh_path_devices *d = &r->devices;
	struct wh_mounts_line line;
	size_t i;

	for (i = 0; i < d->n; i++)
		if (d->dev[i] == dev)
			return i;
	if (d->n == WH_ARRAY_SIZE(d->dev))
		d->n = 0;
	i = d->n++;
	d->dev[i] = dev;
	d->waits[i] = d->lenient[i] = false;
	if (find_mount(r, task, dev, &line)) {
		d->waits[i] = line.served;
		d->lenient[i] = line.lenient;
	}
	return i;
}

bool wh_path_waits(struct wh_recorder *r, const struct wh_task *task, uint64_t dev)
{
	/* What serves a container's root is not in the container: fuse-overlayfs, of rootless Podman. */
	if (r->container_root && dev == r->container_root)
		return false;
	return r->devices.waits[find_device(r, task, dev)];
}

bool wh_path_is_lenient(struct wh_recorder *r, const struct wh_task *task, uint64_t dev)
{
	return r->devices.lenient[find_device(r, task, dev)];
}

void wh_path_fill(struct wh_place *place, const struct stat *st)
{
	place->exists = true;
	place->mode = st->st_mode;
	place->uid = st->st_uid;
	place->gid = st->st_gid;
	place->dev = st->st_dev;
	place->ino = st->st_ino;
	place->nlink = (unsigned)st->st_nlink;
	place->changed = (uint64_t)st->st_ctim.tv_sec * 1000000000 + (uint64_t)st->st_ctim.tv_nsec;
}

/* ---- starting from a task -------------------------------------------------------------------- */

static ssize_t link_text(struct wh_recorder *r, struct wh_task *task, const char *link, char *text,
			 size_t size)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "%d/%s", (int)task->tid, link);
	n = readlinkat(r->proc_fd, path, text, size);
	if (n < 0)
		return -errno;
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	text[n] = '\0';
	return n;
}

static int link_open(struct wh_recorder *r, struct wh_task *task, const char *link)
{
	char path[64];

	snprintf(path, sizeof(path), "%d/%s", (int)task->tid, link);
	return openat(r->proc_fd, path, O_PATH | O_CLOEXEC);
}

/*
 * Whether @path, seen from the task's mount namespace, is still that object. Decides on a name
 * that ends in " (deleted)" while the object has other links.
 */
static bool is_still(struct wh_recorder *r, struct wh_task *task, const char *path,
		     const struct stat *st)
{
	wh_auto(fd) root = link_open(r, task, "root");
	struct stat now;

	return root >= 0 && wh_path_look(root, path + 1, AT_SYMLINK_NOFOLLOW, &now) == 0 &&
	       now.st_dev == st->st_dev && now.st_ino == st->st_ino;
}

bool wh_path_mark(struct wh_recorder *r, const struct wh_task *task, int dir, const char *path,
		  int flags, char *text, size_t size)
{
	static const char mark[] = WH_FILE_UNREACHABLE;
	size_t n = strlen(mark), len = strlen(text);

	if (!wh_unreachable_is(r, task, dir, path, flags))
		return true;
	if (n + len >= size)
		return false;
	memmove(text + n, text, len + 1);
	memcpy(text, mark, n);
	return true;
}

int wh_path_link(struct wh_recorder *r, struct wh_task *task, const char *link,
		 struct wh_place *ret_place)
{
	char path[64], text[WH_PATH_TEXT];
	struct stat st;
	ssize_t n;

	memset(ret_place, 0, sizeof(*ret_place));
	ret_place->valid = true;
	snprintf(path, sizeof(path), "%d/%s", (int)task->tid, link);
	if (wh_path_look(r->proc_fd, path, 0, &st) < 0)
		return 0;
	n = link_text(r, task, link, text, sizeof(text));
	if (n < 0)
		return 0;
	ret_place->resolved = true;
	wh_path_fill(ret_place, &st);
	if (!wh_path_clean(text, st.st_nlink))
		return 0;
	if (n > 10 && st.st_nlink && strcmp(text + n - 10, " (deleted)") == 0 &&
	    !is_still(r, task, text, &st))
		wh_path_clean(text, 0);
	if (!wh_path_mark(r, task, r->proc_fd, path, 0, text, sizeof(text)))
		return 0;
	ret_place->path = strdup(text);
	return ret_place->path ? 0 : -ENOMEM;
}

int wh_path_fd(struct wh_recorder *r, struct wh_task *task, int fd, struct wh_place *ret_place)
{
	char link[24];

	if (fd == AT_FDCWD)
		return wh_path_link(r, task, "cwd", ret_place);
	snprintf(link, sizeof(link), "fd/%d", fd);
	return wh_path_link(r, task, link, ret_place);
}

/* The text of a directory link without what does not belong to it; "" for the root. */
static bool dir_text(struct wh_recorder *r, struct wh_task *task, const char *link, int fd,
		     char *text, size_t size)
{
	struct stat st = {.st_nlink = 1};
	ssize_t n = link_text(r, task, link, text, size);

	/* Only a name that ends so can be of something that is gone. */
	if (n <= 0 || (text[n - 1] == ')' && wh_path_look_fd(fd, &st) < 0) ||
	    !wh_path_clean(text, st.st_nlink))
		return false;
	if (strcmp(text, "/") == 0)
		text[0] = '\0';
	return wh_path_mark(r, task, fd, "", AT_EMPTY_PATH, text, size);
}

int wh_path_resolve(struct wh_recorder *r, struct wh_task *task, int dirfd, const char *path,
		    unsigned flags, struct wh_place *ret_place)
{
	char root_text[WH_PATH_TEXT], start_text[WH_PATH_TEXT], link[24] = "cwd";
	wh_auto(fd) root = -1;
	wh_auto(fd) dir = -1;
	struct wh_path_start start = {.dir = -1, .r = r, .task = task};
	bool straight;
	int k = 0;

	memset(ret_place, 0, sizeof(*ret_place));
	if (!*path) {
		/* Without AT_EMPTY_PATH this names nothing, and the kernel says ENOENT. */
		if (!(flags & WH_PATH_EMPTY))
			return 0;
		return wh_path_fd(r, task, dirfd, ret_place);
	}
	ret_place->valid = true;
	straight = wh_path_is_straight(path, flags);
	if (path[0] != '/' || flags & WH_PATH_IN_ROOT) {
		if (dirfd != AT_FDCWD)
			snprintf(link, sizeof(link), "fd/%d", dirfd);
		dir = link_open(r, task, link);
		if (dir < 0 || !dir_text(r, task, link, dir, start_text, sizeof(start_text)))
			return 0;
		start.dir = dir;
		start.dir_text = start_text;
		if (straight)
			k = wh_path_straight(r, task, dir, start_text, path, flags, ret_place);
	} else if (straight && wh_path_same_root(r, task)) {
		k = wh_path_straight(r, task, AT_FDCWD, "", path, flags, ret_place);
	}
	if (k)
		return k < 0 ? k : 0;
	root = link_open(r, task, "root");
	if (root < 0 || !dir_text(r, task, "root", root, root_text, sizeof(root_text)))
		return 0;
	start.root = root;
	start.root_text = root_text;
	return wh_path_walk(&start, path, flags, ret_place);
}

int wh_path_open(struct wh_recorder *r, struct wh_task *task, const struct wh_place *place)
{
	char root_text[WH_PATH_TEXT], again[48];
	wh_auto(fd) root = link_open(r, task, "root");
	wh_auto(fd) fd = -1;
	struct stat st;
	const char *path = place->path;
	int opened;
	size_t n;

	if (!path || !place->exists || !S_ISREG(place->mode) || wh_path_waits(r, task, place->dev))
		return -ENOENT;
	if (root < 0 || !dir_text(r, task, "root", root, root_text, sizeof(root_text)))
		return -ESRCH;
	/* The path is from the root of the namespace, and the task's may be deeper. */
	n = strlen(root_text);
	if (!wh_util_has_prefix(path, root_text) || path[n] != '/')
		return -ENOENT;
	fd = openat(root, path + n + 1, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (wh_path_look_fd(fd, &st) < 0 || st.st_dev != place->dev || st.st_ino != place->ino)
		return -ENOENT;
	snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
	opened = open(again, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return opened < 0 ? -errno : opened;
}
