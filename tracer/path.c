/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/path.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "tracer/creds.h"

#define LINKS_MAX 40
#define TEXT_MAX  (2 * PATH_MAX)
/* Inode number of the root of every proc filesystem: PROC_ROOT_INO of include/linux/proc_fs.h. */
#define PROC_ROOT 1

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
static int look(int dir, const char *path, int flags, struct stat *ret)
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
	return 0;
}

static int look_fd(int fd, struct stat *ret)
{
	return look(fd, "", AT_EMPTY_PATH, ret);
}

/* Ask the list of mounts what is mounted of that device: "… MAJOR:MINOR … - TYPE SOURCE …". */
static bool is_fuse(struct wh_recorder *r, const struct wh_task *task, dev_t dev)
{
	char path[32], line[PATH_MAX + 512], number[32];
	wh_auto(file) f = NULL;
	wh_auto(fd) fd = -1;

	snprintf(path, sizeof(path), "%d/mountinfo", (int)task->tid);
	snprintf(number, sizeof(number), " %u:%u ", major(dev), minor(dev));
	fd = openat(r->proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !(f = fdopen(fd, "r")))
		return false;
	wh_take_fd(&fd);
	while (fgets(line, sizeof(line), f)) {
		const char *type = strstr(line, " - ");

		if (type && strstr(line, number) && strstr(line, number) < type)
			return wh_util_has_prefix(type + 3, "fuse");
	}
	return false;
}

bool wh_path_waits(struct wh_recorder *r, const struct wh_task *task, uint64_t dev)
{
	struct wh_path_devices *d = &r->devices;
	size_t i;

	for (i = 0; i < d->n; i++)
		if (d->dev[i] == dev)
			return d->waits[i];
	if (d->n == WH_ARRAY_SIZE(d->dev))
		d->n = 0;
	i = d->n++;
	d->dev[i] = dev;
	d->waits[i] = is_fuse(r, task, dev);
	return d->waits[i];
}

/* ---- the walk -------------------------------------------------------------------------------- */

struct walk {
	const struct wh_path_start *start;
	struct wh_place *place;
	unsigned flags;
	int root, dir; /* @dir is where we are */
	bool own_dir;  /* and ours to close */
	const char *root_text;
	struct stat root_st, dir_st;
	dev_t asked_dev; /* a device that is known to answer */
	size_t len;	 /* of @text */
	unsigned links;
	char text[TEXT_MAX]; /* of @dir, no '/' at the end */
	char rest[TEXT_MAX]; /* what is still to be walked */
	char name[NAME_MAX + 2];
};

static void walk_move(struct walk *w, int fd, bool own)
{
	if (w->own_dir)
		wh_util_close(w->dir);
	w->dir = fd;
	w->own_dir = own;
}

/* Put "/name" behind the text; names that do not fit make the path unresolvable. */
static bool walk_append(struct walk *w, const char *name)
{
	size_t n = strlen(name);

	if (w->len + 1 + n >= sizeof(w->text))
		return false;
	w->text[w->len++] = '/';
	memcpy(w->text + w->len, name, n + 1);
	w->len += n;
	return true;
}

static bool walk_set_text(struct walk *w, const char *text)
{
	size_t n = strlen(text);

	if (n == 1 && text[0] == '/')
		n = 0;
	if (n >= sizeof(w->text))
		return false;
	memcpy(w->text, text, n);
	w->text[n] = '\0';
	w->len = n;
	return true;
}

/* The name of an open O_PATH descriptor of ours. */
static bool own_fd_text(int fd, unsigned long nlink, char *text, size_t size)
{
	char link[48];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, text, size);
	if (n <= 0 || (size_t)n >= size)
		return false;
	text[n] = '\0';
	return wh_path_clean(text, nlink);
}

static bool in_groups(const struct wh_creds *c, gid_t gid)
{
	if (c->fsgid == gid)
		return true;
	for (size_t i = 0; i < c->n_groups; i++)
		if (c->groups[i] == gid)
			return true;
	return false;
}

/* Would searching @dir need a capability? Asked of credentials only where the mode can say no. */
static void walk_search(struct walk *w)
{
	const struct stat *st = &w->dir_st;
	const struct wh_creds *c;
	unsigned bit;

	if ((st->st_mode & 0111) == 0111 || !w->start->task || !w->start->r)
		return;
	c = wh_creds_get(w->start->r, w->start->task);
	if (!c)
		return;
	if (c->fsuid == st->st_uid)
		bit = 0100;
	else
		bit = in_groups(c, st->st_gid) ? 0010 : 0001;
	if (!(st->st_mode & bit))
		w->place->search_denied = true;
}

static void place_stat(struct wh_place *place, const struct stat *st)
{
	place->exists = true;
	place->mode = st->st_mode;
	place->uid = st->st_uid;
	place->gid = st->st_gid;
	place->dev = st->st_dev;
	place->ino = st->st_ino;
	place->nlink = (unsigned)st->st_nlink;
}

/* The end: @st of the object, NULL when it does not exist; the text is complete. */
static int walk_finish(struct walk *w, const struct stat *st)
{
	struct wh_place *place = w->place;

	place->path = strdup(w->len ? w->text : "/");
	if (!place->path)
		return -ENOMEM;
	place->resolved = true;
	place->dir_mode = w->dir_st.st_mode;
	place->dir_uid = w->dir_st.st_uid;
	place->dir_gid = w->dir_st.st_gid;
	if (st)
		place_stat(place, st);
	return 0;
}

/* A component is not there, or is no directory: what is left is put behind, unresolved as it is. */
static int walk_finish_missing(struct walk *w, const char *name)
{
	char *rest = w->rest;
	size_t n;

	if (!walk_append(w, name))
		return 0;
	rest += strspn(rest, "/");
	n = strlen(rest);
	while (n && rest[n - 1] == '/')
		rest[--n] = '\0';
	if (n && !walk_append(w, rest))
		return 0;
	return walk_finish(w, NULL);
}

/* Take the next component off the rest. Return: 1; 0 at the end; -ENAMETOOLONG. */
static int walk_next(struct walk *w, bool *ret_last, bool *ret_slash)
{
	char *s = w->rest + strspn(w->rest, "/");
	size_t n = strcspn(s, "/");
	size_t slashes;

	if (!n)
		return 0;
	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(w->name, s, n);
	w->name[n] = '\0';
	slashes = strspn(s + n, "/");
	*ret_last = s[n + slashes] == '\0';
	*ret_slash = slashes > 0;
	memmove(w->rest, s + n, strlen(s + n) + 1);
	return 1;
}

/* "..": stays at the root, else goes up, over the edge of a mount too. */
static int walk_up(struct walk *w)
{
	int fd;

	if (w->dir_st.st_dev == w->root_st.st_dev && w->dir_st.st_ino == w->root_st.st_ino &&
	    (w->flags & WH_PATH_IN_ROOT || wh_util_streq(w->text, w->root_text)))
		return 0;
	fd = openat(w->dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || look_fd(fd, &w->dir_st) < 0) {
		int err = errno;

		wh_util_close(fd);
		return -err;
	}
	walk_move(w, fd, true);
	while (w->len && w->text[--w->len] != '/')
		;
	w->text[w->len] = '\0';
	return 0;
}

/* The number of the task as the proc filesystem of device @dev counts it. */
static pid_t proc_number(const struct walk *w, const char *field, dev_t dev)
{
	const struct wh_task *task = w->start->task;
	char path[32], line[256];
	wh_auto(file) f = NULL;
	wh_auto(fd) fd = -1;
	struct stat st;
	pid_t pid = 0;

	if (look_fd(w->start->r->proc_fd, &st) == 0 && st.st_dev == dev)
		return strcmp(field, "NSpid:") == 0 ? task->tid : task->process->tgid;
	snprintf(path, sizeof(path), "%d/status", (int)task->tid);
	fd = openat(w->start->r->proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	f = fdopen(fd, "r");
	if (!f)
		return 0;
	wh_take_fd(&fd);
	while (fgets(line, sizeof(line), f)) {
		char *last = strrchr(line, '\t');

		/* Of the nested pid namespaces the innermost is the last; its proc is what is
		 * mounted. */
		if (wh_util_has_prefix(line, field) && last)
			pid = (pid_t)strtol(last + 1, NULL, 10);
	}
	return pid;
}

/* Put the target of a link in front of the rest. Return: false when it does not fit. */
static bool walk_target(struct walk *w, const char *target)
{
	size_t n = strlen(target), m = strlen(w->rest);

	if (n + 1 + m >= sizeof(w->rest))
		return false;
	memmove(w->rest + n + 1, w->rest, m + 1);
	memcpy(w->rest, target, n);
	w->rest[n] = '/';
	/* Without a rest there was no slash behind the link either: do not invent one. */
	if (!m)
		w->rest[n] = '\0';
	return true;
}

/*
 * A link of a proc filesystem. Those of its root are text, but "self" is about the task and not
 * about us; nearly all others jump, and the kernel does that for us.
 * Return: 1 and a target; 0 and a descriptor; -errno.
 */
static int walk_proc_link(struct walk *w, char *target, size_t size, int *ret_fd)
{
	bool have_task = w->start->task && w->start->r;

	if (w->dir_st.st_ino == PROC_ROOT && have_task) {
		pid_t tgid = proc_number(w, "NStgid:", w->dir_st.st_dev);

		if (strcmp(w->name, "self") == 0) {
			snprintf(target, size, "%d", (int)tgid);
			return tgid ? 1 : -ENOENT;
		}
		if (strcmp(w->name, "thread-self") == 0) {
			snprintf(target, size, "%d/task/%d", (int)tgid,
				 (int)proc_number(w, "NSpid:", w->dir_st.st_dev));
			return tgid ? 1 : -ENOENT;
		}
	}
	if (w->dir_st.st_ino == PROC_ROOT) {
		ssize_t n = readlinkat(w->dir, w->name, target, size);

		if (n < 0)
			return -errno;
		if ((size_t)n >= size)
			return -ENAMETOOLONG;
		target[n] = '\0';
		return 1;
	}
	if (w->flags & WH_PATH_NO_MAGIC)
		return -ELOOP;
	*ret_fd = openat(w->dir, w->name, O_PATH | O_CLOEXEC);
	return *ret_fd < 0 ? -errno : 0;
}

/* We have jumped to @fd (now ours). Return: 1 to go on, 0 when the walk is over, -ENOMEM. */
static int walk_jump(struct walk *w, int jumped)
{
	wh_auto(fd) fd = jumped;
	char text[TEXT_MAX];
	struct stat st;

	if (look_fd(fd, &st) < 0)
		return walk_finish_missing(w, w->name);
	if (!own_fd_text(fd, st.st_nlink, text, sizeof(text)) || !walk_set_text(w, text)) {
		/* A pipe or the like: it is where the path leads, but it has no path. */
		w->place->resolved = true;
		place_stat(w->place, &st);
		return 0;
	}
	if (!S_ISDIR(st.st_mode))
		return w->rest[strspn(w->rest, "/")] ? walk_finish(w, NULL) : walk_finish(w, &st);
	w->dir_st = st;
	walk_move(w, wh_take_fd(&fd), true);
	return 1;
}

/* A symlink is to be followed. Return: 1 to go on, 0 when the walk is over, -ENOMEM. */
static int walk_link(struct walk *w, int link)
{
	char target[PATH_MAX];
	struct statfs fs;
	int jumped = -1;
	ssize_t n;
	int k = 1;

	if (++w->links > LINKS_MAX || w->flags & WH_PATH_NO_SYMLINKS)
		return walk_finish_missing(w, w->name);
	if (fstatfs(link, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC) {
		k = walk_proc_link(w, target, sizeof(target), &jumped);
		if (k < 0)
			return walk_finish_missing(w, w->name);
		if (k == 0)
			return walk_jump(w, jumped);
	} else {
		n = readlinkat(link, "", target, sizeof(target));
		if (n <= 0 || (size_t)n >= sizeof(target))
			return walk_finish_missing(w, w->name);
		target[n] = '\0';
	}
	if (target[0] == '/') {
		walk_move(w, w->root, false);
		w->dir_st = w->root_st;
		if (!walk_set_text(w, w->root_text))
			return 0;
	}
	return walk_target(w, target) ? 1 : 0;
}

/* One named component. Return: 1 to go on, 0 when the walk is over, -ENOMEM. */
static int walk_name(struct walk *w, bool last, bool slash)
{
	struct stat st;
	wh_auto(fd) fd = openat(w->dir, w->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || look_fd(fd, &st) < 0)
		return walk_finish_missing(w, w->name);
	if (S_ISLNK(st.st_mode) && (!last || slash || w->flags & WH_PATH_FOLLOW))
		return walk_link(w, fd);
	if (!last && !S_ISDIR(st.st_mode))
		return walk_finish_missing(w, w->name);
	if (!walk_append(w, w->name))
		return 0;
	if (last)
		return walk_finish(w, &st);
	w->dir_st = st;
	walk_move(w, wh_take_fd(&fd), true);
	return 1;
}

static bool walk_waits(struct walk *w)
{
	if (w->dir_st.st_dev == w->asked_dev || !w->start->r || !w->start->task)
		return false;
	w->asked_dev = w->dir_st.st_dev;
	return wh_path_waits(w->start->r, w->start->task, w->dir_st.st_dev);
}

static int walk_run(struct walk *w)
{
	bool last = false, slash = false;
	int k;

	for (;;) {
		k = walk_next(w, &last, &slash);
		if (k == 0) /* "/", "..", or a link that led to a directory */
			return walk_finish(w, &w->dir_st);
		if (k < 0)
			return 0;
		if (!S_ISDIR(w->dir_st.st_mode) || walk_waits(w))
			return walk_finish_missing(w, w->name);
		walk_search(w);
		if (strcmp(w->name, ".") == 0)
			continue;
		if (strcmp(w->name, "..") == 0) {
			if (walk_up(w) < 0)
				return 0;
			continue;
		}
		k = walk_name(w, last, slash);
		if (k <= 0)
			return k;
	}
}

int wh_path_walk(const struct wh_path_start *start, const char *path, unsigned flags,
		 struct wh_place *ret_place)
{
	struct walk *w;
	bool absolute = path[0] == '/' && !(flags & WH_PATH_IN_ROOT);
	int k = 0;

	memset(ret_place, 0, sizeof(*ret_place));
	ret_place->valid = true;
	if (strlen(path) >= PATH_MAX || (!absolute && start->dir < 0))
		return 0;
	/* Large, and the caller may be deep: keep it off the stack. */
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->start = start;
	w->place = ret_place;
	w->flags = flags;
	w->root = flags & WH_PATH_IN_ROOT ? start->dir : start->root;
	w->root_text = flags & WH_PATH_IN_ROOT ? start->dir_text : start->root_text;
	w->dir = absolute ? w->root : start->dir;
	strcpy(w->rest, path);
	if (look_fd(w->root, &w->root_st) == 0 && look_fd(w->dir, &w->dir_st) == 0 &&
	    walk_set_text(w, absolute ? w->root_text : start->dir_text))
		k = walk_run(w);
	walk_move(w, -1, false);
	free(w);
	return k;
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

	return root >= 0 && look(root, path + 1, AT_SYMLINK_NOFOLLOW, &now) == 0 &&
	       now.st_dev == st->st_dev && now.st_ino == st->st_ino;
}

int wh_path_link(struct wh_recorder *r, struct wh_task *task, const char *link,
		 struct wh_place *ret_place)
{
	char path[64], text[TEXT_MAX];
	struct stat st;
	ssize_t n;

	memset(ret_place, 0, sizeof(*ret_place));
	ret_place->valid = true;
	snprintf(path, sizeof(path), "%d/%s", (int)task->tid, link);
	if (look(r->proc_fd, path, 0, &st) < 0)
		return 0;
	n = link_text(r, task, link, text, sizeof(text));
	if (n < 0)
		return 0;
	ret_place->resolved = true;
	place_stat(ret_place, &st);
	if (!wh_path_clean(text, st.st_nlink))
		return 0;
	if (n > 10 && st.st_nlink && strcmp(text + n - 10, " (deleted)") == 0 &&
	    !is_still(r, task, text, &st))
		wh_path_clean(text, 0);
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
	struct stat st;
	ssize_t n = link_text(r, task, link, text, size);

	if (n < 0 || look_fd(fd, &st) < 0 || !wh_path_clean(text, st.st_nlink))
		return false;
	if (strcmp(text, "/") == 0)
		text[0] = '\0';
	return true;
}

int wh_path_resolve(struct wh_recorder *r, struct wh_task *task, int dirfd, const char *path,
		    unsigned flags, struct wh_place *ret_place)
{
	char root_text[TEXT_MAX], start_text[TEXT_MAX], link[24] = "cwd";
	wh_auto(fd) root = -1;
	wh_auto(fd) dir = -1;
	struct wh_path_start start = {.dir = -1, .r = r, .task = task};

	memset(ret_place, 0, sizeof(*ret_place));
	if (!*path) {
		/* Without AT_EMPTY_PATH this names nothing, and the kernel says ENOENT. */
		if (!(flags & WH_PATH_EMPTY))
			return 0;
		return wh_path_fd(r, task, dirfd, ret_place);
	}
	ret_place->valid = true;
	root = link_open(r, task, "root");
	if (root < 0 || !dir_text(r, task, "root", root, root_text, sizeof(root_text)))
		return 0;
	start.root = root;
	start.root_text = root_text;
	if (path[0] != '/' || flags & WH_PATH_IN_ROOT) {
		if (dirfd != AT_FDCWD)
			snprintf(link, sizeof(link), "fd/%d", dirfd);
		dir = link_open(r, task, link);
		if (dir < 0 || !dir_text(r, task, link, dir, start_text, sizeof(start_text)))
			return 0;
		start.dir = dir;
		start.dir_text = start_text;
	}
	return wh_path_walk(&start, path, flags, ret_place);
}

int wh_path_open(struct wh_recorder *r, struct wh_task *task, const struct wh_place *place)
{
	char root_text[TEXT_MAX], again[48];
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
	if (look_fd(fd, &st) < 0 || st.st_dev != place->dev || st.st_ino != place->ino)
		return -ENOENT;
	snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
	opened = open(again, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return opened < 0 ? -errno : opened;
}
