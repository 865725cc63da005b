/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that name files: fs/namei.c of the kernel (may_open, may_create, may_delete, may_linkat), evaluated again.
 */
#include <fcntl.h>
#include <linux/fs.h>

#include "tracer/caprule_impl.h"
#include "tracer/decode_impl.h"

/* check_sticky(): in /tmp and its like only owners may take names away. */
static void need_sticky(struct wh_caprule_ask *ask, const struct wh_place *place, const char *verb)
{
	uid_t fsuid = ask->creds->fsuid;

	if (!place->valid || !place->resolved || !place->exists || !(place->dir_mode & S_ISVTX) ||
	    place->uid == fsuid || place->dir_uid == fsuid)
		return;
	wh_caprule_need(ask, CAP_FOWNER, -1, WH_STRENGTH_REQUIRED,
			"%s %s of uid %u in a sticky directory of uid %u", verb,
			wh_caprule_path(ask, place), wh_caprule_say_uid(ask, place->uid),
			wh_caprule_say_uid(ask, place->dir_uid));
	wh_caprule_over_inode(ask, place->uid, place->gid);
}

/* ---- the calls ------------------------------------------------------------------------------- */

static void search_all(struct wh_caprule_ask *ask)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(ask->call->place); i++)
		wh_caprule_search(ask, &ask->call->place[i]);
}

static void enter_path(struct wh_caprule_ask *ask)
{
	search_all(ask);
	if (ask->call->row->access == WH_ACCESS_READLINK)
		wh_caprule_readlink(ask, &ask->call->place[0]);
}

static const char *open_verb(unsigned want)
{
	return want == WH_DAC_R ? "read" : want & WH_DAC_R ? "read and write" : "write";
}

static unsigned open_wants(uint64_t flags)
{
	static const unsigned of_mode[] = {WH_DAC_R, WH_DAC_W, WH_DAC_R | WH_DAC_W,
					   WH_DAC_R | WH_DAC_W};

	return of_mode[flags & O_ACCMODE] | (flags & O_TRUNC ? WH_DAC_W : 0);
}

/*
 * may_create_in_sticky(): with O_CREAT a file that another one has put into /tmp or its like is opened by nobody
 * else, whatever he holds (fs.protected_regular, fs.protected_fifos).
 */
static bool is_protected(struct wh_caprule_ask *ask, const struct wh_place *place)
{
	bool fifo = S_ISFIFO(place->mode);
	uint64_t level;

	if (!(place->dir_mode & S_ISVTX) || !(fifo || S_ISREG(place->mode)) ||
	    place->uid == place->dir_uid || place->uid == ask->creds->fsuid)
		return false;
	level = wh_caprule_sysctl(ask, fifo ? "fs/protected_fifos" : "fs/protected_regular", 0);
	return (level >= 1 && place->dir_mode & S_IWOTH) ||
	       (level >= 2 && place->dir_mode & S_IWGRP);
}

/* setattr_should_drop_suidgid(): whoever changes what is in a file takes its set-ID bits away, but for one. */
static void need_keep_bits(struct wh_caprule_ask *ask, const struct wh_place *place,
			   enum wh_strength strength, const char *verb)
{
	bool group = place->mode & S_ISGID &&
		     (place->mode & S_IXGRP || !wh_creds_in_group(ask->creds, place->gid));

	if (!place->valid || !place->exists || !S_ISREG(place->mode) ||
	    (!(place->mode & S_ISUID) && !group))
		return;
	wh_caprule_need(ask, CAP_FSETID, -1, strength, "keep the set-ID bits of %s when it is %s",
			wh_caprule_path(ask, place), verb);
	wh_caprule_initial(ask);
	wh_caprule_silent(ask);
}

/* mode_strip_sgid(): in a set-group-ID directory a new program takes over a group that is not its maker's. */
static void need_new_bits(struct wh_caprule_ask *ask, const struct wh_place *place, int column)
{
	static const uint64_t both = S_ISGID | S_IXGRP;

	if (!place->valid || !place->resolved || place->exists || column < 0 ||
	    (ask->call->arg[column] & both) != both || !(place->dir_mode & S_ISGID) ||
	    wh_creds_in_group(ask->creds, place->dir_gid))
		return;
	wh_caprule_need(ask, CAP_FSETID, -1, WH_STRENGTH_LIKELY,
			"make %s with the set-group-ID bit in a directory of group %u",
			wh_caprule_path(ask, place), wh_caprule_say_gid(ask, place->dir_gid));
	wh_caprule_over_inode(ask, place->dir_uid, place->dir_gid);
	wh_caprule_silent(ask);
}

static void enter_open(struct wh_caprule_ask *ask)
{
	const struct wh_place *place = &ask->call->place[0];
	uint64_t flags = ask->call->number[0]; /* put there by decoding, for all ways to open */
	unsigned want = open_wants(flags);

	search_all(ask);
	if (flags & O_PATH || !place->valid || !place->resolved)
		return;
	if ((flags & O_TMPFILE) == O_TMPFILE) {
		wh_caprule_object(ask, place, WH_DAC_W | WH_DAC_X, "make a file in");
		return;
	}
	if (!place->exists) {
		if (flags & O_CREAT)
			wh_caprule_dir(ask, place, "create");
		need_new_bits(ask, place, wh_caprule_column(ask, WH_ARG_MODE));
		return;
	}
	if (flags & O_CREAT && is_protected(ask, place))
		return;
	/* A fixed name in open_namei() order: the object first, then what only its owner may. */
	wh_caprule_object(ask, place, want, open_verb(want));
	if (flags & O_NOATIME && place->uid != ask->creds->fsuid) {
		wh_caprule_need(ask, CAP_FOWNER, -1, WH_STRENGTH_REQUIRED,
				"open %s of uid %u with O_NOATIME", wh_caprule_path(ask, place),
				wh_caprule_say_uid(ask, place->uid));
		wh_caprule_over_inode(ask, place->uid, -1);
	}
	/* Truncating takes them at once; else it is up to what is then written. */
	if (want & WH_DAC_W)
		need_keep_bits(ask, place,
			       flags & O_TRUNC ? WH_STRENGTH_LIKELY : WH_STRENGTH_POSSIBLE,
			       flags & O_TRUNC ? "truncated" : "written");
	wh_caprule_special(ask, place, want);
}

/*
 * access(2) asks by the real ids, and with the permitted capabilities only if those are root's. The
 * answer is all there is to it: a program may or may not mind.
 */
static void enter_access(struct wh_caprule_ask *ask)
{
	const struct wh_place *place = &ask->call->place[0];
	int column = wh_caprule_column(ask, WH_ARG_MODE),
	    at = wh_caprule_column(ask, WH_ARG_ATFLAGS);
	bool effective = at >= 0 && wh_caprule_arg(ask, (unsigned)at) & AT_EACCESS;
	struct wh_creds real = *ask->creds;
	struct wh_caprule_object object = {place->mode, place->uid, place->gid,
					   place->path, place->dev, place->ino};
	unsigned want;

	search_all(ask);
	if (!place->valid || !place->exists || column < 0)
		return;
	want = (unsigned)wh_caprule_arg(ask, (unsigned)column) & 7;
	if (!effective) {
		real.fsuid = real.ruid;
		real.fsgid = real.rgid;
		if (real.ruid != wh_caprule_uid(ask, 0))
			return;
	}
	if (place->path && !wh_caprule_knows(place->path))
		return;
	if (!want || wh_caprule_dac(ask, &real, &object, want))
		return;
	if (S_ISDIR(place->mode) ? !(want & WH_DAC_W) : want == WH_DAC_R)
		wh_caprule_need(ask, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE, WH_STRENGTH_LIKELY,
				"have access to %s", wh_caprule_path(ask, place));
	else if (S_ISDIR(place->mode) || !(want & WH_DAC_X) || place->mode & 0111)
		wh_caprule_need(ask, CAP_DAC_OVERRIDE, -1, WH_STRENGTH_LIKELY, "have access to %s",
				wh_caprule_path(ask, place));
	else
		return;
	wh_caprule_by(ask, EACCES);
	wh_caprule_over_inode(ask, place->uid, place->gid);
}

static void enter_chdir(struct wh_caprule_ask *ask)
{
	search_all(ask);
	wh_caprule_object(ask, &ask->call->place[0], WH_DAC_X, "enter");
}

static void enter_chroot(struct wh_caprule_ask *ask)
{
	const struct wh_place *place = &ask->call->place[0];

	enter_chdir(ask);
	if (place->valid && place->resolved && place->path)
		wh_caprule_need(ask, CAP_SYS_CHROOT, -1, WH_STRENGTH_REQUIRED, "chroot to %s",
				wh_caprule_path(ask, place));
	else
		wh_caprule_need(ask, CAP_SYS_CHROOT, -1, WH_STRENGTH_REQUIRED, "chroot");
}

static void enter_truncate(struct wh_caprule_ask *ask)
{
	search_all(ask);
	wh_caprule_object(ask, &ask->call->place[0], WH_DAC_W, "truncate");
	need_keep_bits(ask, &ask->call->place[0], WH_STRENGTH_LIKELY, "truncated");
}

/* By descriptor: what it takes to have it open was asked then. */
static void enter_ftruncate(struct wh_caprule_ask *ask)
{
	need_keep_bits(ask, &ask->call->place[0], WH_STRENGTH_LIKELY, "truncated");
}

static void enter_watch(struct wh_caprule_ask *ask)
{
	search_all(ask);
	/* The first place is the descriptor that does the watching. */
	wh_caprule_object(ask, &ask->call->place[1], WH_DAC_R, "watch");
}

static void enter_exec(struct wh_caprule_ask *ask)
{
	search_all(ask);
	wh_caprule_object(ask, &ask->call->place[0], WH_DAC_X, "execute");
}

static void enter_create(struct wh_caprule_ask *ask)
{
	search_all(ask);
	if (!ask->call->place[0].exists)
		wh_caprule_dir(ask, &ask->call->place[0], "create");
}

static void enter_mknod(struct wh_caprule_ask *ask)
{
	int column = wh_caprule_column(ask, WH_ARG_MODE);
	uint32_t mode = (uint32_t)ask->call->arg[column],
		 dev = (uint32_t)ask->call->arg[column + 1];

	enter_create(ask);
	if (S_ISREG(mode) || !(mode & S_IFMT))
		need_new_bits(ask, &ask->call->place[0], column);
	/* A character device 0:0 is a whiteout, which is no device at all. */
	if (S_ISBLK(mode) || (S_ISCHR(mode) && dev != 0))
		wh_caprule_need(ask, CAP_MKNOD, -1, WH_STRENGTH_REQUIRED, "make the %s device %s",
				S_ISBLK(mode) ? "block" : "character",
				wh_caprule_path(ask, &ask->call->place[0]));
}

static void enter_unlink(struct wh_caprule_ask *ask)
{
	const struct wh_place *place = &ask->call->place[0];

	search_all(ask);
	if (!place->exists)
		return;
	wh_caprule_dir(ask, place, "remove");
	need_sticky(ask, place, "remove");
}

static bool same_dir(const struct wh_place *a, const struct wh_place *b)
{
	const char *s = strrchr(a->path, '/'), *t = strrchr(b->path, '/');

	return s && t && s - a->path == t - b->path &&
	       strncmp(a->path, b->path, (size_t)(s - a->path)) == 0;
}

static void enter_rename(struct wh_caprule_ask *ask)
{
	const struct wh_place *from = &ask->call->place[0], *to = &ask->call->place[1];
	int column = wh_caprule_column(ask, WH_ARG_FLAGS);
	unsigned flags = column < 0 ? 0 : (unsigned)wh_caprule_arg(ask, (unsigned)column);

	search_all(ask);
	if (!from->exists || !from->path || !to->path)
		return;
	wh_caprule_dir(ask, from, "rename");
	need_sticky(ask, from, "rename");
	wh_caprule_dir(ask, to, to->exists ? "replace" : "create");
	need_sticky(ask, to, "replace");
	/* A directory that gets another parent has its ".." rewritten. */
	if (same_dir(from, to))
		return;
	if (S_ISDIR(from->mode))
		wh_caprule_object(ask, from, WH_DAC_W, "move");
	if (flags & RENAME_EXCHANGE && to->exists && S_ISDIR(to->mode))
		wh_caprule_object(ask, to, WH_DAC_W, "move");
}

/* may_linkat(): with fs.protected_hardlinks only what one owns, or may read and write and is safe. */
static void need_hardlink(struct wh_caprule_ask *ask, const struct wh_place *from)
{
	struct wh_caprule_object object = {from->mode, from->uid, from->gid,
					   from->path, from->dev, from->ino};
	bool safe = S_ISREG(from->mode) && !(from->mode & S_ISUID) &&
		    (from->mode & (S_ISGID | S_IXGRP)) != (S_ISGID | S_IXGRP);

	if (from->uid == ask->creds->fsuid || !wh_caprule_sysctl(ask, "fs/protected_hardlinks", 1))
		return;
	if (safe && wh_caprule_dac(ask, ask->creds, &object, WH_DAC_R | WH_DAC_W))
		return;
	wh_caprule_need(ask, CAP_FOWNER, safe ? CAP_DAC_OVERRIDE : -1, WH_STRENGTH_REQUIRED,
			"hard-link %s of uid %u", wh_caprule_path(ask, from),
			wh_caprule_say_uid(ask, from->uid));
	wh_caprule_over_inode(ask, from->uid, -1);
}

static void enter_link(struct wh_caprule_ask *ask)
{
	const struct wh_place *from = &ask->call->place[0], *to = &ask->call->place[1];
	int at = wh_caprule_column(ask, WH_ARG_ATFLAGS);
	char first = 1;

	search_all(ask);
	/* Newer kernels let whoever has opened the descriptor himself do it without. */
	if (at >= 0 && wh_caprule_arg(ask, (unsigned)at) & AT_EMPTY_PATH &&
	    (!ask->call->arg[1] || wh_caprule_read(ask, ask->call->arg[1], &first, 1)) &&
	    (!ask->call->arg[1] || !first))
		wh_caprule_need(ask, CAP_DAC_READ_SEARCH, -1, WH_STRENGTH_POSSIBLE,
				"link a descriptor to %s", wh_caprule_path(ask, to));
	if (to->valid && !to->exists)
		wh_caprule_dir(ask, to, "create");
	if (from->valid && from->resolved && from->exists)
		need_hardlink(ask, from);
}

/* can_do_cachestat() of mm/filemap.c: what others have read is for who could write there. */
static void enter_cachestat(struct wh_caprule_ask *ask)
{
	int fd = wh_caprule_arg(ask, 0);
	struct wh_caprule_object object = {0};
	uint64_t flags;
	struct stat st;

	if (!wh_caprule_stat_fd(ask, fd, &st) || st.st_uid == ask->creds->fsuid ||
	    !wh_decode_fact_open_flags(ask->r, ask->task, fd, &flags) ||
	    (flags & O_ACCMODE) != O_RDONLY)
		return;
	object.mode = st.st_mode;
	object.uid = st.st_uid;
	object.gid = st.st_gid;
	if (wh_caprule_dac(ask, ask->creds, &object, WH_DAC_W))
		return;
	/* An ACL may do, and before Linux 6.14 anyone might. */
	wh_caprule_need(ask, CAP_FOWNER, CAP_DAC_OVERRIDE, WH_STRENGTH_LIKELY,
			"see what of a file of uid %u is in memory",
			wh_caprule_say_uid(ask, st.st_uid));
	wh_caprule_over_inode(ask, st.st_uid, st.st_gid);
}

static void enter_open_by_handle(struct wh_caprule_ask *ask)
{
	wh_caprule_need(ask, CAP_DAC_READ_SEARCH, -1, WH_STRENGTH_REQUIRED,
			"open a file by its handle");
	wh_caprule_initial(ask);
}

/* The last is for links of /proc on the way. */
#define DAC (WH_CAP(DAC_READ_SEARCH) | WH_CAP(DAC_OVERRIDE) | WH_CAP(SYS_PTRACE))

const struct wh_caprule wh_caprule_file[] = {
	{"path", enter_path, DAC, .late = true},
	{"open", enter_open,
	 DAC | WH_CAP(FOWNER) | WH_CAP(FSETID) | WH_CAP(NET_ADMIN) | WH_CAP(SETPCAP) |
		 WH_CAP(SETFCAP) | WH_CAP(SYS_RAWIO) | WH_CAP(SYSLOG) | WH_CAP(SYS_PTRACE) |
		 WH_CAP(SYS_ADMIN) | WH_CAP(SYS_RESOURCE) | WH_CAP(SETUID) | WH_CAP(SETGID) |
		 WH_CAP(AUDIT_CONTROL) | WH_CAP(MAC_ADMIN) | WH_CAP(MAC_OVERRIDE) |
		 WH_CAP(CHECKPOINT_RESTORE) | WH_CAP(BLOCK_SUSPEND) | WH_CAP(SYS_MODULE) |
		 WH_CAP(SYS_BOOT) | WH_CAP(SYS_NICE),
	 .late = true},
	{"access", enter_access, DAC, .late = true},
	{"chdir", enter_chdir, DAC},
	{"chroot", enter_chroot, DAC | WH_CAP(SYS_CHROOT)},
	{"truncate", enter_truncate, DAC | WH_CAP(FSETID)},
	{"ftruncate", enter_ftruncate, WH_CAP(FSETID)},
	{"watch", enter_watch, DAC},
	{"exec", enter_exec, DAC},
	{"create", enter_create, DAC},
	{"mknod", enter_mknod, DAC | WH_CAP(MKNOD) | WH_CAP(FSETID)},
	{"unlink", enter_unlink, DAC | WH_CAP(FOWNER)},
	{"rename", enter_rename, DAC | WH_CAP(FOWNER)},
	{"link", enter_link, DAC | WH_CAP(FOWNER)},
	{"cachestat", enter_cachestat, WH_CAP(FOWNER) | WH_CAP(DAC_OVERRIDE)},
	{"open_by_handle_at", enter_open_by_handle, WH_CAP(DAC_READ_SEARCH)},
	{NULL},
};
