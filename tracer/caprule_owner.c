/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only the owner of a file may do: fs/attr.c (setattr_prepare, chown_ok, chgrp_ok), fs/utimes.c
 * and fs/xattr.c of the kernel.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "tracer/caprule_impl.h"

#define DAC (WH_CAP(DAC_READ_SEARCH) | WH_CAP(DAC_OVERRIDE) | WH_CAP(SYS_PTRACE))

static bool owns(const struct wh_caprule_ask *ask, const struct wh_place *place)
{
	return place->uid == ask->creds->fsuid;
}

static const struct wh_place *known_place(struct wh_caprule_ask *ask)
{
	const struct wh_place *place = &ask->call->place[0];

	wh_caprule_search(ask, place);
	return place->valid && place->exists ? place : NULL;
}

static void need_owner(struct wh_caprule_ask *ask, const struct wh_place *place, const char *verb)
{
	if (owns(ask, place))
		return;
	wh_caprule_need(ask, CAP_FOWNER, -1, WH_STRENGTH_REQUIRED, "%s %s of uid %u", verb,
			wh_caprule_path(ask, place), wh_caprule_say_uid(ask, place->uid));
	wh_caprule_over_inode(ask, place->uid, -1);
}

static void enter_chmod(struct wh_caprule_ask *ask)
{
	const struct wh_place *place = known_place(ask);
	int column = wh_caprule_column(ask, WH_ARG_MODE);

	if (!place || column < 0)
		return;
	need_owner(ask, place, "chmod");
	/* Otherwise the bit is dropped and the call goes through. */
	if (ask->call->arg[column] & S_ISGID && !wh_creds_in_group(ask->creds, place->gid)) {
		wh_caprule_need(ask, CAP_FSETID, -1, WH_STRENGTH_LIKELY,
				"keep the set-group-ID bit in chmod of %s of group %u",
				wh_caprule_path(ask, place), wh_caprule_say_gid(ask, place->gid));
		wh_caprule_over_inode(ask, place->uid, place->gid);
		wh_caprule_silent(ask);
	}
}

/* setattr_should_drop_sgid(): without an x for the group the bit goes, unless the group is one's own. */
static void need_keep_setgid(struct wh_caprule_ask *ask, const struct wh_place *place,
			     const char *verb)
{
	if (!S_ISREG(place->mode) || (place->mode & (S_ISGID | S_IXGRP)) != S_ISGID ||
	    wh_creds_in_group(ask->creds, place->gid))
		return;
	wh_caprule_need(ask, CAP_FSETID, -1, WH_STRENGTH_LIKELY,
			"keep the set-group-ID bit in %s of %s of group %u", verb,
			wh_caprule_path(ask, place), wh_caprule_say_gid(ask, place->gid));
	wh_caprule_over_inode(ask, place->uid, place->gid);
	wh_caprule_silent(ask);
}

static void enter_chown(struct wh_caprule_ask *ask)
{
	const struct wh_place *place = known_place(ask);
	int column = wh_caprule_column(ask, WH_ARG_UID);
	uint32_t uid, gid;
	bool new_uid, new_gid;

	if (!place || column < 0)
		return;
	uid = wh_caprule_uid_arg(ask, (unsigned)column);
	gid = wh_caprule_gid_arg(ask, (unsigned)column + 1);
	need_keep_setgid(ask, place, "chown");
	new_uid = uid != UINT32_MAX && !(owns(ask, place) && uid == place->uid);
	new_gid = gid != UINT32_MAX &&
		  !(owns(ask, place) && (gid == place->gid || wh_creds_in_group(ask->creds, gid)));
	if (new_uid)
		wh_caprule_need(ask, CAP_CHOWN, -1, WH_STRENGTH_REQUIRED, "chown %s to uid %u",
				wh_caprule_path(ask, place), wh_caprule_say_uid(ask, uid));
	else if (new_gid)
		wh_caprule_need(ask, CAP_CHOWN, -1, WH_STRENGTH_REQUIRED, "chown %s to gid %u",
				wh_caprule_path(ask, place), wh_caprule_say_gid(ask, gid));
	else
		return;
	wh_caprule_over_inode(ask, place->uid, place->gid);
}

/* Which times: none given (the current one), both "now", both left alone, or explicit ones? */
enum times { TIMES_TOUCH, TIMES_NONE, TIMES_SET };

static enum times times_of(struct wh_caprule_ask *ask)
{
	const char *name = ask->call->row->name;
	bool specs = wh_util_has_prefix(name, "utimensat");
	uint64_t addr = ask->call->arg[wh_caprule_column(ask, WH_ARG_DIRFD) >= 0 ? 2 : 1];
	uint64_t nsec[2];
	uint32_t narrow[4];

	if (!addr)
		return TIMES_TOUCH;
	if (!specs)
		return TIMES_SET;
	if (wh_caprule_is32(ask) && strcmp(name, "utimensat") == 0) {
		if (!wh_caprule_read(ask, addr, narrow, sizeof(narrow)))
			return TIMES_SET;
		nsec[0] = narrow[1];
		nsec[1] = narrow[3];
	} else {
		uint64_t wide[4];

		if (!wh_caprule_read(ask, addr, wide, sizeof(wide)))
			return TIMES_SET;
		nsec[0] = (uint32_t)wide[1];
		nsec[1] = (uint32_t)wide[3];
	}
	if (nsec[0] == UTIME_NOW && nsec[1] == UTIME_NOW)
		return TIMES_TOUCH;
	return nsec[0] == UTIME_OMIT && nsec[1] == UTIME_OMIT ? TIMES_NONE : TIMES_SET;
}

static void enter_utime(struct wh_caprule_ask *ask)
{
	const struct wh_place *place = known_place(ask);
	struct wh_caprule_object object;

	if (!place || owns(ask, place))
		return;
	switch (times_of(ask)) {
	case TIMES_NONE:
		break;
	case TIMES_SET:
		need_owner(ask, place, "set the times of");
		break;
	case TIMES_TOUCH:
		object = (struct wh_caprule_object){place->mode, place->uid, place->gid,
						    place->path, place->dev, place->ino};
		if (wh_caprule_dac(ask, ask->creds, &object, WH_DAC_W))
			break;
		wh_caprule_need(ask, CAP_FOWNER, CAP_DAC_OVERRIDE, WH_STRENGTH_REQUIRED,
				"touch %s of uid %u", wh_caprule_path(ask, place),
				wh_caprule_say_uid(ask, place->uid));
		wh_caprule_over_inode(ask, place->uid, -1);
		break;
	}
}

/* Extended attributes by their name; the longest prefixes first. */
static const struct {
	const char *prefix;
	int cap;
} xattrs[] = {
	{"security.capability", CAP_SETFCAP},
	{"security.SMACK64", CAP_MAC_ADMIN},
	{"security.", CAP_SYS_ADMIN},
	{"trusted.", CAP_SYS_ADMIN},
};

/* posix_acl_update_mode(): an ACL takes the set-group-ID bit of a group that is not one's own. */
static void need_acl(struct wh_caprule_ask *ask, const struct wh_place *place, const char *name)
{
	need_owner(ask, place, "change the ACL of");
	if (strcmp(name, "system.posix_acl_access") != 0 || !(place->mode & S_ISGID) ||
	    wh_creds_in_group(ask->creds, place->gid))
		return;
	wh_caprule_need(ask, CAP_FSETID, -1, WH_STRENGTH_LIKELY,
			"keep the set-group-ID bit with an ACL of %s of group %u",
			wh_caprule_path(ask, place), wh_caprule_say_gid(ask, place->gid));
	wh_caprule_over_inode(ask, place->uid, place->gid);
	wh_caprule_silent(ask);
}

static void enter_setxattr(struct wh_caprule_ask *ask)
{
	const struct wh_place *place = known_place(ask);
	const char *name = ask->call->text;

	if (!name)
		return;
	for (size_t i = 0; i < WH_ARRAY_SIZE(xattrs); i++)
		if (wh_util_has_prefix(name, xattrs[i].prefix) &&
		    (xattrs[i].cap != CAP_MAC_ADMIN || wh_caprule_has_smack())) {
			wh_caprule_need(ask, xattrs[i].cap, -1, WH_STRENGTH_REQUIRED,
					"change the attribute %s of %s", name,
					place ? wh_caprule_path(ask, place) : "a file");
			/* Of the rest the file system's own user namespace may do: of most the first. */
			if (xattrs[i].cap != CAP_SETFCAP)
				wh_caprule_initial(ask);
			else if (place)
				wh_caprule_over_inode(ask, place->uid, place->gid);
			return;
		}
	if (!place)
		return;
	if (wh_util_has_prefix(name, "system.posix_acl_"))
		need_acl(ask, place, name);
	if (!wh_util_has_prefix(name, "user."))
		return;
	wh_caprule_object(ask, place, WH_DAC_W, "change an attribute of");
	if (S_ISDIR(place->mode) && place->mode & S_ISVTX)
		need_owner(ask, place, "change an attribute of the sticky directory");
}

static void enter_getxattr(struct wh_caprule_ask *ask)
{
	const struct wh_place *place = known_place(ask);
	const char *name = ask->call->text;

	if (!name || !place)
		return;
	/* Without the capability a trusted attribute is as if it was not there. */
	if (wh_util_has_prefix(name, "trusted.")) {
		wh_caprule_need(ask, CAP_SYS_ADMIN, -1, WH_STRENGTH_REQUIRED,
				"read the attribute %s of %s", name, wh_caprule_path(ask, place));
		wh_caprule_initial(ask);
	}
	if (wh_util_has_prefix(name, "user."))
		wh_caprule_object(ask, place, WH_DAC_R, "read an attribute of");
}

/* struct fsxattr and the newer struct file_attr: how far their first flags mean the same. */
static void enter_file_setattr(struct wh_caprule_ask *ask)
{
	const struct wh_place *place = known_place(ask);
	uint64_t xflags;

	if (!place)
		return;
	need_owner(ask, place, "change the inode flags of");
	if (wh_caprule_read(ask, ask->call->arg[2], &xflags, sizeof(xflags)) &&
	    xflags & (FS_XFLAG_IMMUTABLE | FS_XFLAG_APPEND))
		wh_caprule_need(ask, CAP_LINUX_IMMUTABLE, -1, WH_STRENGTH_LIKELY,
				"make %s immutable or append-only", wh_caprule_path(ask, place));
}

const struct wh_caprule wh_caprule_owner[] = {
	{"chmod", enter_chmod, DAC | WH_CAP(FOWNER) | WH_CAP(FSETID)},
	{"chown", enter_chown, DAC | WH_CAP(CHOWN) | WH_CAP(FSETID)},
	{"utime", enter_utime, DAC | WH_CAP(FOWNER)},
	{"setxattr", enter_setxattr,
	 DAC | WH_CAP(FOWNER) | WH_CAP(FSETID) | WH_CAP(SYS_ADMIN) | WH_CAP(SETFCAP) |
		 WH_CAP(MAC_ADMIN)},
	{"getxattr", enter_getxattr, DAC | WH_CAP(SYS_ADMIN), .error = ENODATA},
	{"file_setattr", enter_file_setattr, DAC | WH_CAP(FOWNER) | WH_CAP(LINUX_IMMUTABLE)},
	{NULL},
};
