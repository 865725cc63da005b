/* SPDX-License-Identifier: Apache-2.0 */
/* ioctl(): what the object and the argument decide. */
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/fs.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "tracer/caprule_ioctl.h"

#define REQUIRED WH_STRENGTH_REQUIRED
#define LIKELY	 WH_STRENGTH_LIKELY

/* What a drop of a 32-bit program has in the size field. */
#define FS_IOC32 0x40046602

/* The attributes as they are; only files and directories may be opened without a side effect. */
static bool inode_flags(struct wh_caprule_ask *ask, int fd, mode_t mode, int *ret_flags)
{
	char path[48];
	wh_auto(fd) copy = -1;

	if (!S_ISREG(mode) && !S_ISDIR(mode))
		return false;
	snprintf(path, sizeof(path), "%d/fd/%d", (int)ask->task->tid, fd);
	copy = openat(ask->r->proc_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return copy >= 0 && ioctl(copy, FS_IOC_GETFLAGS, ret_flags) == 0;
}

/* fs/ioctl.c, fileattr_set_prepare(): the owner may change flags, but not these two. */
static void set_flags(struct wh_caprule_ask *ask, const struct stat *st)
{
	static const char *const names[] = {"set", "clear"};
	bool extended = (uint32_t)ask->call->arg[1] == FS_IOC_FSSETXATTR;
	uint32_t wanted = 0;
	int had = 0, changed;

	if (st->st_uid != ask->creds->fsuid) {
		wh_caprule_need(ask, CAP_FOWNER, -1, REQUIRED,
				"change the inode flags of a file of uid %u",
				wh_caprule_say_uid(ask, st->st_uid));
		wh_caprule_over_inode(ask, st->st_uid, -1);
	}
	if (!wh_caprule_read(ask, ask->call->arg[2], &wanted, sizeof(wanted)))
		return;
	if (extended)
		wanted = (wanted & FS_XFLAG_IMMUTABLE ? FS_IMMUTABLE_FL : 0) |
			 (wanted & FS_XFLAG_APPEND ? FS_APPEND_FL : 0);
	if (!inode_flags(ask, wh_caprule_arg(ask, 0), st->st_mode, &had))
		had = 0;
	changed = (had ^ (int)wanted) & (FS_IMMUTABLE_FL | FS_APPEND_FL);
	if (changed)
		wh_caprule_need(ask, CAP_LINUX_IMMUTABLE, -1, REQUIRED,
				"%s the %s attribute of a file",
				names[!(wanted & (uint32_t)changed)],
				changed & FS_IMMUTABLE_FL ? "immutable" : "append-only");
}

/* ---- terminals ------------------------------------------------------------------------------- */

/* tty_nr of /proc/PID/stat, as new_encode_dev() makes it. */
static bool has_terminal(struct wh_caprule_ask *ask, pid_t pid, dev_t dev)
{
	long number = wh_caprule_stat(ask, pid, 7);
	unsigned code = (unsigned)number;

	return number > 0 && (code >> 8 & 0xfff) == major(dev) &&
	       ((code & 0xff) | (code >> 12 & 0xfff00)) == minor(dev);
}

/* tiocsctty(): only for whom it is told to is a terminal taken away from another session. */
static void steal_terminal(struct wh_caprule_ask *ask, const struct stat *st)
{
	pid_t leader;

	if (wh_caprule_arg(ask, 2) != 1 || !S_ISCHR(st->st_mode))
		return;
	leader = wh_caprule_session_of(ask, st->st_rdev, has_terminal);
	if (!leader || leader == (pid_t)wh_caprule_stat(ask, ask->task->tid, 6))
		return;
	wh_caprule_need(ask, CAP_SYS_ADMIN, -1, REQUIRED, "take a terminal from another session");
	wh_caprule_initial(ask);
}

/* ---- ethtool: dev_ethtool() has the list of those that anyone may ask ------------------------- */

static bool ethtool_is_free(uint32_t command)
{
	static const uint32_t questions[] = {
		ETHTOOL_GSET,	      ETHTOOL_GDRVINFO,	     ETHTOOL_GMSGLVL,
		ETHTOOL_GLINK,	      ETHTOOL_GCOALESCE,     ETHTOOL_GRINGPARAM,
		ETHTOOL_GPAUSEPARAM,  ETHTOOL_GRXCSUM,	     ETHTOOL_GTXCSUM,
		ETHTOOL_GSG,	      ETHTOOL_GSSET_INFO,    ETHTOOL_GSTRINGS,
		ETHTOOL_GSTATS,	      ETHTOOL_GPHYSTATS,     ETHTOOL_GTSO,
		ETHTOOL_GPERMADDR,    ETHTOOL_GUFO,	     ETHTOOL_GGSO,
		ETHTOOL_GGRO,	      ETHTOOL_GFLAGS,	     ETHTOOL_GPFLAGS,
		ETHTOOL_GRXFH,	      ETHTOOL_GRXRINGS,	     ETHTOOL_GRXCLSRLCNT,
		ETHTOOL_GRXCLSRULE,   ETHTOOL_GRXCLSRLALL,   ETHTOOL_GRXFHINDIR,
		ETHTOOL_GRSSH,	      ETHTOOL_GFEATURES,     ETHTOOL_GCHANNELS,
		ETHTOOL_GET_TS_INFO,  ETHTOOL_GEEE,	     ETHTOOL_GTUNABLE,
		ETHTOOL_PHY_GTUNABLE, ETHTOOL_GLINKSETTINGS, ETHTOOL_GFECPARAM,
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(questions); i++)
		if (questions[i] == command)
			return true;
	return false;
}

/* struct ifreq: behind the name a pointer, at which is the command. */
static void enter_ethtool(struct wh_caprule_ask *ask)
{
	uint64_t data;
	uint32_t command;

	if (!wh_caprule_words(ask, ask->call->arg[2] + IFNAMSIZ, &data, 1) ||
	    !wh_caprule_read(ask, data, &command, sizeof(command)) || ethtool_is_free(command))
		return;
	wh_caprule_need(ask, CAP_NET_ADMIN, -1, REQUIRED, "ioctl SIOCETHTOOL, command %u", command);
	wh_caprule_over_socket(ask, wh_caprule_arg(ask, 0));
}

/* ---- all ------------------------------------------------------------------------------------- */

static bool is_flags(uint32_t request)
{
	return request == FS_IOC_SETFLAGS || request == FS_IOC32 || request == FS_IOC_FSSETXATTR;
}

bool wh_caprule_ioctl_asks(uint32_t request)
{
	return is_flags(request) || request == SIOCETHTOOL || request == TIOCSCTTY ||
	       wh_caprule_request(request);
}

static bool is_of(struct wh_caprule_ask *ask, const struct stat *st, enum wh_request_of of)
{
	switch (of) {
	case WH_REQUEST_ANY:
		return true;
	case WH_REQUEST_SOCKET:
		return S_ISSOCK(st->st_mode);
	case WH_REQUEST_CHAR:
		return S_ISCHR(st->st_mode);
	case WH_REQUEST_TERMINAL:
		return S_ISCHR(st->st_mode) && !has_terminal(ask, ask->task->tid, st->st_rdev);
	case WH_REQUEST_BLOCK:
		return S_ISBLK(st->st_mode);
	case WH_REQUEST_FILE:
		return S_ISREG(st->st_mode);
	}
	return false;
}

static void enter_ioctl(struct wh_caprule_ask *ask)
{
	uint32_t request = (uint32_t)ask->call->arg[1];
	const struct wh_request *of = wh_caprule_request(request);
	struct stat st;

	if (!wh_caprule_ioctl_asks(request) ||
	    !wh_caprule_stat_fd(ask, wh_caprule_arg(ask, 0), &st))
		return;
	if (is_flags(request))
		set_flags(ask, &st);
	else if (request == SIOCETHTOOL)
		enter_ethtool(ask);
	else if (request == TIOCSCTTY)
		steal_terminal(ask, &st);
	if (!of || !is_of(ask, &st, of->of))
		return;
	wh_caprule_need(ask, of->cap, of->cap == CAP_CHECKPOINT_RESTORE ? CAP_SYS_ADMIN : -1,
			of->strength, "ioctl %s", of->name);
	/* Devices are the machine's; of networks each has its own. */
	if (of->of == WH_REQUEST_SOCKET)
		wh_caprule_over_socket(ask, wh_caprule_arg(ask, 0));
	else if (of->cap == CAP_NET_ADMIN)
		wh_caprule_over(ask, "net");
	else
		wh_caprule_initial(ask);
}

const struct wh_caprule wh_caprule_ioctl[] = {
	{"ioctl", enter_ioctl,
	 WH_CAP(SYS_ADMIN) | WH_CAP(SYS_TTY_CONFIG) | WH_CAP(SYS_RAWIO) | WH_CAP(NET_ADMIN) |
		 WH_CAP(SYS_RESOURCE) | WH_CAP(SYS_TIME) | WH_CAP(FOWNER) | WH_CAP(KILL) |
		 WH_CAP(CHECKPOINT_RESTORE) | WH_CAP(LINUX_IMMUTABLE)},
	{NULL},
};
