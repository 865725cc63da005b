/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Discretionary access: generic_permission() of fs/namei.c and capabilities(7), evaluated again.
 */
#include <fcntl.h>
#include <sys/xattr.h>

#include "tracer/caprule_impl.h"
#include "tracer/decode_impl.h"
#include "tracer/path_impl.h"

/* ---- POSIX ACLs ------------------------------------------------------------------------------ */

/* The layout of system.posix_acl_access, include/uapi/linux/posix_acl_xattr.h. */
struct acl_entry {
	uint16_t tag, perm;
	uint32_t id;
};

enum { ACL_USER_OBJ = 1, ACL_USER = 2, ACL_GROUP_OBJ = 4, ACL_GROUP = 8, ACL_MASK = 16 };

#define ACL_MAX 512

bool wh_caprule_reach(struct wh_caprule_ask *ask, const char *path, char *buf, size_t size)
{
	char link[48], root[PATH_MAX];
	ssize_t n;
	size_t len;

	snprintf(link, sizeof(link), "%d/root", (int)ask->task->tid);
	n = readlinkat(ask->r->proc_fd, link, root, sizeof(root) - 1);
	if (n <= 0)
		return false;
	root[n] = '\0';
	len = n == 1 ? 0 : (size_t)n;
	if (strncmp(path, root, len) != 0 || (path[len] != '/' && path[len] != '\0'))
		return false;
	return snprintf(buf, size, "/proc/self/fd/%d/%d/root%s", ask->r->proc_fd,
			(int)ask->task->tid, path + len) < (int)size;
}

/* Return: entries in @acl, 0 when there is no ACL or it cannot be had. */
static size_t read_acl(struct wh_caprule_ask *ask, const struct wh_caprule_object *object,
		       struct acl_entry *acl)
{
	char path[2 * PATH_MAX];
	struct {
		uint32_t version;
		struct acl_entry entry[ACL_MAX];
	} __attribute__((packed)) raw;
	struct stat st;
	ssize_t n;

	if (!object->path || S_ISLNK(object->mode) ||
	    wh_path_waits(ask->r, ask->task, object->dev) ||
	    !wh_caprule_reach(ask, object->path, path, sizeof(path)))
		return 0;
	n = lgetxattr(path, "system.posix_acl_access", &raw, sizeof(raw));
	if (n < (ssize_t)sizeof(raw.version) || raw.version != 2)
		return 0;
	/* The same object still? Another one may have its name, or be mounted there. */
	if (lstat(path, &st) < 0 || st.st_mode != object->mode || st.st_uid != object->uid ||
	    (object->ino && (st.st_ino != object->ino || st.st_dev != object->dev)))
		return 0;
	n = (n - (ssize_t)sizeof(raw.version)) / (ssize_t)sizeof(raw.entry[0]);
	memcpy(acl, raw.entry, (size_t)n * sizeof(raw.entry[0]));
	return (size_t)n;
}

/* posix_acl_permission(), for one who is not the owner. */
static bool acl_allows(const struct wh_creds *c, const struct wh_caprule_object *object,
		       const struct acl_entry *acl, size_t n, unsigned want)
{
	unsigned mask = 7;
	bool group = false;

	for (size_t i = 0; i < n; i++)
		if (acl[i].tag == ACL_MASK)
			mask = acl[i].perm;
	for (size_t i = 0; i < n; i++) {
		const struct acl_entry *e = &acl[i];

		switch (e->tag) {
		case ACL_USER:
			if (e->id == c->fsuid)
				return !(want & ~(e->perm & mask));
			break;
		case ACL_GROUP_OBJ:
		case ACL_GROUP:
			if (!wh_creds_in_group(c, e->tag == ACL_GROUP ? e->id : object->gid))
				break;
			group = true;
			if (!(want & ~e->perm))
				return !(want & ~mask);
			break;
		default:
			break;
		}
	}
	return !group && !(want & ~(object->mode & 7));
}

/* ---- the check itself ------------------------------------------------------------------------ */

bool wh_caprule_dac(struct wh_caprule_ask *ask, const struct wh_creds *c,
		    const struct wh_caprule_object *object, unsigned want)
{
	uint32_t mode = object->mode;

	if (c->fsuid == object->uid)
		return !(want & ~(mode >> 6 & 7));
	/* Without bits for the group there is no ACL to look at; and if all are alike it cannot matter
	 * unless it names users, which the mode's group bits then cover. */
	if (mode & 070) {
		struct acl_entry acl[ACL_MAX];
		size_t n = read_acl(ask, object, acl);

		if (n)
			return acl_allows(c, object, acl, n, want);
	}
	if (wh_creds_in_group(c, object->gid))
		mode >>= 3;
	return !(want & ~(mode & 7));
}

bool wh_caprule_knows(const char *path)
{
	return !wh_util_has_prefix(path, "/proc/sys/");
}

/*
 * Decoding looked at the modes of the directories that it passed. Those above the place itself are
 * asked again, with their ACLs: if they all let the task in, one behind a symlink may be what did not,
 * or an ACL does.
 */
static bool search_refused(struct wh_caprule_ask *ask, const struct wh_place *place)
{
	char dir[2 * PATH_MAX], at[2 * PATH_MAX];
	struct stat st;

	if (!place->path || !*place->path ||
	    snprintf(dir, sizeof(dir), "%s", place->path) >= (int)sizeof(dir))
		return true;
	for (char *slash = strchr(dir + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		struct wh_caprule_object object = {.path = dir};

		*slash = '\0';
		if (!wh_caprule_reach(ask, dir, at, sizeof(at)) ||
		    wh_path_look(AT_FDCWD, at, AT_SYMLINK_NOFOLLOW, &st) < 0)
			return true;
		/* Decoding, too, went no further. */
		if (wh_path_waits(ask->r, ask->task, st.st_dev))
			return false;
		object.mode = st.st_mode;
		object.uid = st.st_uid;
		object.gid = st.st_gid;
		object.dev = st.st_dev;
		if (!wh_caprule_dac(ask, ask->creds, &object, WH_DAC_X))
			return true;
		*slash = '/';
	}
	return false;
}

void wh_caprule_search(struct wh_caprule_ask *ask, const struct wh_place *place)
{
	struct wh_call *call = ask->call;
	unsigned n = call->n_needs;

	if (place->valid && place->link_pid)
		wh_caprule_link(ask, place->link_pid, "follow");
	if (!place->valid || !place->resolved || !place->search_denied)
		return;
	wh_caprule_need(ask, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE,
			search_refused(ask, place) ? WH_STRENGTH_REQUIRED : WH_STRENGTH_LIKELY,
			"search the directories on the way to %s", wh_caprule_path(ask, place));
	wh_caprule_by(ask, EACCES);
	if (call->n_needs > n)
		call->needs[n].search = true;
}

/* Where the string of the call's first path leads from, as the tracer can reach it. */
static bool spelt_path(struct wh_caprule_ask *ask, char *buf, size_t size)
{
	int path = wh_caprule_column(ask, WH_ARG_PATH), at = wh_caprule_column(ask, WH_ARG_DIRFD);
	char text[PATH_MAX];
	int n;

	if (path < 0 ||
	    wh_decode_path_text(ask->task, ask->call->arg[path], text, sizeof(text)) < 0)
		return false;
	n = snprintf(buf, size, "/proc/self/fd/%d/%d/", ask->r->proc_fd, (int)ask->task->tid);
	if (n < 0 || (size_t)n >= size)
		return false;
	buf += n;
	size -= (size_t)n;
	if (text[0] == '/')
		n = snprintf(buf, size, "root%s", text);
	else if (at < 0 || wh_caprule_arg(ask, (unsigned)at) == AT_FDCWD)
		n = snprintf(buf, size, "cwd/%s", text);
	else
		n = snprintf(buf, size, "fd/%d/%s", wh_caprule_arg(ask, (unsigned)at), text);
	return n >= 0 && (size_t)n < size;
}

bool wh_caprule_is_barred(struct wh_caprule_ask *ask)
{
	static const mode_t both = S_ISVTX | S_IWOTH;
	char path[2 * PATH_MAX], *slash;
	struct stat link, dir;

	if (wh_path_waits(ask->r, ask->task, ask->call->place[0].dir_dev) ||
	    !wh_caprule_sysctl(ask, "fs/protected_symlinks", 0) ||
	    !spelt_path(ask, path, sizeof(path)) || lstat(path, &link) < 0 ||
	    !S_ISLNK(link.st_mode) || link.st_uid == ask->call->cap_uid)
		return false;
	slash = strrchr(path, '/');
	if (!slash)
		return false;
	slash[1] = '\0';
	return stat(path, &dir) == 0 && (dir.st_mode & both) == both && dir.st_uid != link.st_uid;
}

void wh_caprule_object(struct wh_caprule_ask *ask, const struct wh_place *place, unsigned want,
		       const char *verb)
{
	struct wh_caprule_object object = {
		.mode = place->mode,
		.uid = place->uid,
		.gid = place->gid,
		.path = place->path,
		.dev = place->dev,
		.ino = place->ino,
	};
	bool dir = S_ISDIR(place->mode);

	if (!place->valid || !place->exists || S_ISLNK(place->mode) || !want)
		return;
	if (place->path && !wh_caprule_knows(place->path))
		return;
	if (wh_caprule_dac(ask, ask->creds, &object, want))
		return;
	if (wh_path_is_lenient(ask->r, ask->task, place->dev))
		return;
	if (dir ? !(want & WH_DAC_W) : want == WH_DAC_R)
		wh_caprule_need(ask, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE, WH_STRENGTH_REQUIRED,
				"%s %s (mode %03o, uid %u)", verb, wh_caprule_path(ask, place),
				place->mode & 07777, wh_caprule_say_uid(ask, place->uid));
	else if (dir || !(want & WH_DAC_X) || place->mode & 0111)
		wh_caprule_need(ask, CAP_DAC_OVERRIDE, -1, WH_STRENGTH_REQUIRED,
				"%s %s (mode %03o, uid %u)", verb, wh_caprule_path(ask, place),
				place->mode & 07777, wh_caprule_say_uid(ask, place->uid));
	else
		return;
	wh_caprule_by(ask, EACCES);
	wh_caprule_over_inode(ask, place->uid, place->gid);
}

/* The directory that holds a place, as an object; @buf is for its path. */
static struct wh_caprule_object dir_of(const struct wh_place *place, char *buf, size_t size)
{
	struct wh_caprule_object object = {.mode = place->dir_mode,
					   .uid = place->dir_uid,
					   .gid = place->dir_gid,
					   .dev = place->dir_dev};
	const char *slash = place->path ? strrchr(place->path, '/') : NULL;

	if (slash && (size_t)(slash - place->path) < size) {
		snprintf(buf, size, "%.*s", (int)(slash - place->path), place->path);
		object.path = *buf ? buf : "/";
	}
	return object;
}

void wh_caprule_dir(struct wh_caprule_ask *ask, const struct wh_place *place, const char *verb)
{
	char buf[2 * PATH_MAX];
	struct wh_caprule_object dir;

	if (!place->valid || !place->resolved || !place->path || !place->dir_mode)
		return;
	dir = dir_of(place, buf, sizeof(buf));
	if (wh_caprule_dac(ask, ask->creds, &dir, WH_DAC_W | WH_DAC_X))
		return;
	if (wh_path_is_lenient(ask->r, ask->task, dir.dev))
		return;
	wh_caprule_need(ask, CAP_DAC_OVERRIDE, -1, WH_STRENGTH_REQUIRED,
			"%s %s in a directory of mode %03o and uid %u", verb,
			wh_caprule_path(ask, place), dir.mode & 07777,
			wh_caprule_say_uid(ask, dir.uid));
	wh_caprule_by(ask, EACCES);
	wh_caprule_over_inode(ask, dir.uid, dir.gid);
}
