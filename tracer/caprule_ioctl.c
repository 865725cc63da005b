/* SPDX-License-Identifier: Apache-2.0 */
/* ioctl requests that ask for a capability; the numbers are the kernel's ABI (include/uapi). */
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <linux/kd.h>
#include <linux/random.h>
#include <linux/rtc.h>
#include <linux/sockios.h>
#include <linux/vt.h>
#include <linux/wireless.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "tracer/caprule_impl.h"

#define REQUIRED WH_STRENGTH_REQUIRED
#define LIKELY	 WH_STRENGTH_LIKELY
#define POSSIBLE WH_STRENGTH_POSSIBLE

/* Numbers mean different things to different devices: so the object must be of the right type too. */
#define SOCK S_IFSOCK
#define CHR  S_IFCHR
#define BLK  S_IFBLK
#define REG  S_IFREG
#define ANY  0

static const struct {
	uint32_t request;
	mode_t type;
	int cap;
	enum wh_strength strength;
	const char *name;
} requests[] = {
	/* terminals and consoles: free to whom they are the controlling terminal */
	{TIOCSTI, CHR, CAP_SYS_ADMIN, LIKELY, "TIOCSTI"},
	{TIOCCONS, CHR, CAP_SYS_ADMIN, REQUIRED, "TIOCCONS"},
	{TIOCVHANGUP, CHR, CAP_SYS_ADMIN, REQUIRED, "TIOCVHANGUP"},
	{TIOCSSERIAL, CHR, CAP_SYS_ADMIN, POSSIBLE, "TIOCSSERIAL"},
	{VT_LOCKSWITCH, CHR, CAP_SYS_TTY_CONFIG, REQUIRED, "VT_LOCKSWITCH"},
	{VT_UNLOCKSWITCH, CHR, CAP_SYS_TTY_CONFIG, REQUIRED, "VT_UNLOCKSWITCH"},
	{VT_ACTIVATE, CHR, CAP_SYS_TTY_CONFIG, LIKELY, "VT_ACTIVATE"},
	{VT_SETMODE, CHR, CAP_SYS_TTY_CONFIG, LIKELY, "VT_SETMODE"},
	{VT_RELDISP, CHR, CAP_SYS_TTY_CONFIG, LIKELY, "VT_RELDISP"},
	{VT_RESIZE, CHR, CAP_SYS_TTY_CONFIG, LIKELY, "VT_RESIZE"},
	{KDSETMODE, CHR, CAP_SYS_TTY_CONFIG, LIKELY, "KDSETMODE"},
	{KDSKBMODE, CHR, CAP_SYS_TTY_CONFIG, LIKELY, "KDSKBMODE"},
	{KDSKBENT, CHR, CAP_SYS_TTY_CONFIG, LIKELY, "KDSKBENT"},
	{KDSETLED, CHR, CAP_SYS_TTY_CONFIG, LIKELY, "KDSETLED"},
	{KIOCSOUND, CHR, CAP_SYS_TTY_CONFIG, LIKELY, "KIOCSOUND"},
	{KDMKTONE, CHR, CAP_SYS_TTY_CONFIG, LIKELY, "KDMKTONE"},
	{KDADDIO, CHR, CAP_SYS_RAWIO, LIKELY, "KDADDIO"},
	{KDENABIO, CHR, CAP_SYS_RAWIO, LIKELY, "KDENABIO"},
	/* network interfaces */
	{SIOCSIFFLAGS, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCSIFFLAGS"},
	{SIOCSIFADDR, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCSIFADDR"},
	{SIOCSIFDSTADDR, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCSIFDSTADDR"},
	{SIOCSIFBRDADDR, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCSIFBRDADDR"},
	{SIOCSIFNETMASK, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCSIFNETMASK"},
	{SIOCSIFMETRIC, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCSIFMETRIC"},
	{SIOCSIFMTU, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCSIFMTU"},
	{SIOCSIFNAME, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCSIFNAME"},
	{SIOCSIFHWADDR, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCSIFHWADDR"},
	{SIOCSIFMAP, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCSIFMAP"},
	{SIOCSIFTXQLEN, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCSIFTXQLEN"},
	{SIOCSIFHWBROADCAST, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCSIFHWBROADCAST"},
	{SIOCADDMULTI, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCADDMULTI"},
	{SIOCDELMULTI, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCDELMULTI"},
	{SIOCDIFADDR, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCDIFADDR"},
	{SIOCETHTOOL, SOCK, CAP_NET_ADMIN, POSSIBLE, "SIOCETHTOOL"},
	{SIOCADDRT, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCADDRT"},
	{SIOCDELRT, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCDELRT"},
	{SIOCSARP, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCSARP"},
	{SIOCDARP, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCDARP"},
	{SIOCBRADDBR, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCBRADDBR"},
	{SIOCBRDELBR, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCBRDELBR"},
	{SIOCBRADDIF, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCBRADDIF"},
	{SIOCBRDELIF, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCBRDELIF"},
	{SIOCBONDENSLAVE, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCBONDENSLAVE"},
	{SIOCBONDRELEASE, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCBONDRELEASE"},
	{SIOCSHWTSTAMP, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCSHWTSTAMP"},
	{SIOCSIWESSID, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCSIWESSID"},
	{SIOCSIWMODE, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCSIWMODE"},
	{SIOCSIWFREQ, SOCK, CAP_NET_ADMIN, REQUIRED, "SIOCSIWFREQ"},
	{TUNSETIFF, CHR, CAP_NET_ADMIN, LIKELY, "TUNSETIFF"},
	/* block devices and file systems */
	{BLKROSET, BLK, CAP_SYS_ADMIN, REQUIRED, "BLKROSET"},
	{BLKRRPART, BLK, CAP_SYS_ADMIN, REQUIRED, "BLKRRPART"},
	{BLKFLSBUF, BLK, CAP_SYS_ADMIN, REQUIRED, "BLKFLSBUF"},
	{BLKRASET, BLK, CAP_SYS_ADMIN, REQUIRED, "BLKRASET"},
	{0x1269 /* BLKPG */, BLK, CAP_SYS_ADMIN, REQUIRED, "BLKPG"},
	{0x2285 /* SG_IO */, ANY, CAP_SYS_RAWIO, POSSIBLE, "SG_IO"},
	{FIBMAP, REG, CAP_SYS_RAWIO, REQUIRED, "FIBMAP"},
	{FIFREEZE, ANY, CAP_SYS_ADMIN, REQUIRED, "FIFREEZE"},
	{FITHAW, ANY, CAP_SYS_ADMIN, REQUIRED, "FITHAW"},
	{FITRIM, ANY, CAP_SYS_ADMIN, REQUIRED, "FITRIM"},
	{0x40086610 /* EXT4_IOC_RESIZE_FS */, ANY, CAP_SYS_RESOURCE, REQUIRED,
	 "EXT4_IOC_RESIZE_FS"},
	/* clocks and random numbers */
	{RTC_SET_TIME, CHR, CAP_SYS_TIME, REQUIRED, "RTC_SET_TIME"},
	{RTC_EPOCH_SET, CHR, CAP_SYS_TIME, REQUIRED, "RTC_EPOCH_SET"},
	{RTC_IRQP_SET, CHR, CAP_SYS_RESOURCE, POSSIBLE, "RTC_IRQP_SET"},
	{RNDADDENTROPY, CHR, CAP_SYS_ADMIN, REQUIRED, "RNDADDENTROPY"},
	{RNDADDTOENTCNT, CHR, CAP_SYS_ADMIN, REQUIRED, "RNDADDTOENTCNT"},
	{RNDZAPENTCNT, CHR, CAP_SYS_ADMIN, REQUIRED, "RNDZAPENTCNT"},
	{RNDCLEARPOOL, CHR, CAP_SYS_ADMIN, REQUIRED, "RNDCLEARPOOL"},
	{0x5207 /* RNDRESEEDCRNG */, CHR, CAP_SYS_ADMIN, REQUIRED, "RNDRESEEDCRNG"},
};

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

bool wh_caprule_ioctl_asks(uint32_t request)
{
	if (request == FS_IOC_SETFLAGS || request == FS_IOC32 || request == FS_IOC_FSSETXATTR)
		return true;
	for (size_t i = 0; i < WH_ARRAY_SIZE(requests); i++)
		if (requests[i].request == request)
			return true;
	return false;
}

static void enter_ioctl(struct wh_caprule_ask *ask)
{
	uint32_t request = (uint32_t)ask->call->arg[1];
	struct stat st;
	size_t i;

	if (!wh_caprule_ioctl_asks(request))
		return;
	if (request == FS_IOC_SETFLAGS || request == FS_IOC32 || request == FS_IOC_FSSETXATTR) {
		if (wh_caprule_stat_fd(ask, wh_caprule_arg(ask, 0), &st))
			set_flags(ask, &st);
		return;
	}
	for (i = 0; i < WH_ARRAY_SIZE(requests) && requests[i].request != request; i++)
		;
	if (i == WH_ARRAY_SIZE(requests) || !wh_caprule_stat_fd(ask, wh_caprule_arg(ask, 0), &st))
		return;
	if (requests[i].type != ANY && (st.st_mode & S_IFMT) != requests[i].type)
		return;
	wh_caprule_need(ask, requests[i].cap, -1, requests[i].strength, "ioctl %s",
			requests[i].name);
	/* Devices are the machine's; of networks each has its own. */
	if (requests[i].type == SOCK)
		wh_caprule_over_socket(ask, wh_caprule_arg(ask, 0));
	else if (requests[i].cap == CAP_NET_ADMIN)
		wh_caprule_over(ask, "net");
	else
		wh_caprule_initial(ask);
}

const struct wh_caprule wh_caprule_ioctl[] = {
	{"ioctl", enter_ioctl,
	 WH_CAP(SYS_ADMIN) | WH_CAP(SYS_TTY_CONFIG) | WH_CAP(SYS_RAWIO) | WH_CAP(NET_ADMIN) |
		 WH_CAP(SYS_RESOURCE) | WH_CAP(SYS_TIME) | WH_CAP(FOWNER) |
		 WH_CAP(LINUX_IMMUTABLE)},
	{NULL},
};
