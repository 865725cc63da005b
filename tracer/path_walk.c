/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "tracer/creds.h"
#include "tracer/path_impl.h"
#include "tracer/pidns.h"

#define LINKS_MAX 40
/* Inode number of the root of every proc filesystem: PROC_ROOT_INO of include/linux/proc_fs.h. */
#define PROC_ROOT 1

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
	char text[WH_PATH_TEXT]; /* of @dir, no '/' at the end */
	char rest[WH_PATH_TEXT]; /* what is still to be walked */
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

/* capable_wrt_inode_uidgid(): of a file whose ids one's user namespace does not have, no capability helps. */
static bool may_override(struct wh_recorder *r, const struct wh_task *task,
			 const struct wh_creds *c, const struct stat *st)
{
	struct wh_userns own, *ns = &r->home;
	uint32_t id;

	if (wh_userns_is_initial(c->userns))
		return true;
	if (c->userns != r->home.ino) {
		ns = &own;
		if (wh_userns_read(r->proc_fd, task->tid, ns) < 0)
			return true;
	}
	return wh_userns_inside(ns, &ns->uid, st->st_uid, &id) &&
	       wh_userns_inside(ns, &ns->gid, st->st_gid, &id);
}

bool wh_path_search_denied(struct wh_recorder *r, struct wh_task *task, const struct stat *st)
{
	const struct wh_creds *c;
	unsigned bit;

	/* Credentials are asked for only where the mode can say no. */
	if ((st->st_mode & 0111) == 0111 || !task || !r)
		return false;
	c = wh_creds_get(r, task);
	if (!c)
		return false;
	if (c->fsuid == st->st_uid)
		bit = 0100;
	else
		bit = in_groups(c, st->st_gid) ? 0010 : 0001;
	return !(st->st_mode & bit) && may_override(r, task, c, st);
}

/* The end: @st of the object, NULL when it does not exist; the text is complete. */
static int walk_finish(struct walk *w, const struct stat *st)
{
	struct wh_place *place = w->place;

	/* A root has no name, also if it is another one's. */
	if ((!w->len || wh_util_streq(w->text, WH_FILE_UNREACHABLE)) && !walk_append(w, ""))
		return 0;
	place->path = strdup(w->text);
	if (!place->path)
		return -ENOMEM;
	place->resolved = true;
	place->dir_mode = w->dir_st.st_mode;
	place->dir_uid = w->dir_st.st_uid;
	place->dir_gid = w->dir_st.st_gid;
	place->dir_dev = w->dir_st.st_dev;
	if (st)
		wh_path_fill(place, st);
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
	if (fd < 0 || wh_path_look_fd(fd, &w->dir_st) < 0) {
		int err = errno;

		wh_util_close(fd);
		return -err;
	}
	walk_move(w, fd, true);
	/* The root that an unreachable path is from is no end for "..", but has no name above. */
	while (w->len && !wh_util_streq(w->text, WH_FILE_UNREACHABLE) && w->text[--w->len] != '/')
		;
	w->text[w->len] = '\0';
	return 0;
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

	if (w->dir_st.st_ino == PROC_ROOT && have_task &&
	    (strcmp(w->name, "self") == 0 || strcmp(w->name, "thread-self") == 0)) {
		struct wh_pidns_self self;

		if (!wh_pidns_in_proc(w->start->r, w->start->task, w->dir, &self))
			return -ENOENT;
		if (strcmp(w->name, "self") == 0)
			snprintf(target, size, "%d", (int)self.tgid);
		else
			snprintf(target, size, "%d/task/%d", (int)self.tgid, (int)self.tid);
		return 1;
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

/* The link that is to be jumped along is of a process: /proc/PID[/task/TID][/fd|/ns|/map_files]/NAME. */
static void walk_note_process(struct walk *w)
{
	static const char *const dirs[] = {"/fd", "/ns", "/map_files"};
	struct wh_recorder *r = w->start->r;
	struct wh_task *task = w->start->task;
	size_t len = w->len;
	uint64_t pid;
	char number[24];

	if (!r || !task || !task->process)
		return;
	for (size_t i = 0; i < WH_ARRAY_SIZE(dirs); i++) {
		size_t n = strlen(dirs[i]);

		if (len > n && strncmp(w->text + len - n, dirs[i], n) == 0) {
			len -= n;
			break;
		}
	}
	while (len && w->text[len - 1] != '/')
		len--;
	snprintf(number, sizeof(number), "%.*s", (int)strcspn(w->text + len, "/"), w->text + len);
	if (wh_util_parse_u64(number, &pid) < 0 || !pid || pid > INT_MAX)
		return;
	if (!wh_pidns_is_our_proc(r, w->dir_st.st_dev))
		pid = (uint64_t)wh_pidns_find(r, task, (pid_t)pid);
	if ((pid_t)pid != task->process->tgid && (pid_t)pid != task->tid)
		w->place->link_pid = (pid_t)pid;
}

/* We have jumped to @fd (now ours). Return: 1 to go on, 0 when the walk is over, -ENOMEM. */
static int walk_jump(struct walk *w, int jumped)
{
	wh_auto(fd) fd = jumped;
	bool have_task = w->start->task && w->start->r;
	char text[WH_PATH_TEXT];
	struct stat st;

	if (wh_path_look_fd(fd, &st) < 0)
		return walk_finish_missing(w, w->name);
	if (!own_fd_text(fd, st.st_nlink, text, sizeof(text)) ||
	    (have_task && !wh_path_mark(w->start->r, w->start->task, fd, "", AT_EMPTY_PATH, text,
					sizeof(text))) ||
	    !walk_set_text(w, text)) {
		/* A pipe or the like: it is where the path leads, but it has no path. */
		w->place->resolved = true;
		wh_path_fill(w->place, &st);
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
		if (k == 0) {
			walk_note_process(w);
			return walk_jump(w, jumped);
		}
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

	if (fd < 0 || wh_path_look_fd(fd, &st) < 0)
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
		if (wh_path_search_denied(w->start->r, w->start->task, &w->dir_st))
			w->place->search_denied = true;
		if (!(w->dir_st.st_mode & S_IXOTH))
			w->place->search_restricted = true;
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
	w = malloc(sizeof(*w));
	if (!w)
		return -ENOMEM;
	memset(w, 0, offsetof(struct walk, text));
	w->start = start;
	w->place = ret_place;
	w->flags = flags;
	w->root = flags & WH_PATH_IN_ROOT ? start->dir : start->root;
	w->root_text = flags & WH_PATH_IN_ROOT ? start->dir_text : start->root_text;
	w->dir = absolute ? w->root : start->dir;
	strcpy(w->rest, path);
	if (wh_path_look_fd(w->root, &w->root_st) == 0) {
		w->dir_st = w->root_st;
		if ((w->dir == w->root || wh_path_look_fd(w->dir, &w->dir_st) == 0) &&
		    walk_set_text(w, absolute ? w->root_text : start->dir_text))
			k = walk_run(w);
	}
	walk_move(w, -1, false);
	free(w);
	return k;
}
