/* SPDX-License-Identifier: Apache-2.0 */
/* The machine as a whole: mounts, namespaces, clocks, modules, tracing. */
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/quota.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <time.h>

#include "tracer/caprule_impl.h"
#include "tracer/timer.h"

#define REQUIRED WH_STRENGTH_REQUIRED
#define LIKELY	 WH_STRENGTH_LIKELY
#define POSSIBLE WH_STRENGTH_POSSIBLE
#define DAC	 (WH_CAP(DAC_READ_SEARCH) | WH_CAP(DAC_OVERRIDE) | WH_CAP(SYS_PTRACE))

/* ---- mounts: may_mount() --------------------------------------------------------------------- */

static void enter_mount(struct wh_caprule_ask *ask)
{
	const char *name = ask->call->row->name;
	const struct wh_place *place = &ask->call->place[0];

	wh_caprule_search(ask, &ask->call->place[0]);
	wh_caprule_search(ask, &ask->call->place[1]);
	/* fsconfig() only collects options, until this command. */
	if (strcmp(name, "fsconfig") == 0 && wh_caprule_arg(ask, 1) < FSCONFIG_CMD_CREATE)
		return;
	if (place->valid && place->resolved && place->path)
		wh_caprule_need(ask, CAP_SYS_ADMIN, -1, REQUIRED, "%s %s", name,
				wh_caprule_path(ask, place));
	else
		wh_caprule_need(ask, CAP_SYS_ADMIN, -1, REQUIRED, "%s", name);
	wh_caprule_over(ask, "mnt");
}

static void enter_open_tree(struct wh_caprule_ask *ask)
{
	wh_caprule_search(ask, &ask->call->place[0]);
	if (!(ask->call->arg[2] & OPEN_TREE_CLONE) && ask->call->row->arg[3] != WH_ARG_PTR)
		return;
	wh_caprule_need(ask, CAP_SYS_ADMIN, -1, REQUIRED, "copy a mount");
	wh_caprule_over(ask, "mnt");
}

/* Of the machine, not of a namespace. */
static void enter_machine(struct wh_caprule_ask *ask)
{
	wh_caprule_simple(ask);
	wh_caprule_initial(ask);
}

static void enter_hostname(struct wh_caprule_ask *ask)
{
	wh_caprule_simple(ask);
	wh_caprule_over(ask, "uts");
}

/* In a pid namespace it ends that, and no more. */
static void enter_reboot(struct wh_caprule_ask *ask)
{
	wh_caprule_simple(ask);
	wh_caprule_over(ask, "pid");
}

static void enter_path_admin(struct wh_caprule_ask *ask)
{
	wh_caprule_search(ask, &ask->call->place[0]);
	enter_machine(ask);
}

/* check_quotactl_permission(): one's own usage is free. */
static void need_quota(struct wh_caprule_ask *ask, unsigned cmd, uint32_t id)
{
	static const unsigned xfs = 'X' << 8;
	bool group = (cmd & SUBCMDMASK) == GRPQUOTA;
	unsigned sub = cmd >> SUBCMDSHIFT;

	if (sub == Q_GETFMT || sub == Q_GETINFO || sub == Q_SYNC || sub == xfs + 5 ||
	    sub == xfs + 7 || sub == xfs + 8)
		return;
	if ((sub == Q_GETQUOTA || sub == xfs + 3) &&
	    (group ? wh_creds_in_group(ask->creds, wh_caprule_gid(ask, id))
		   : wh_caprule_uid(ask, id) == ask->creds->euid))
		return;
	wh_caprule_need(ask, CAP_SYS_ADMIN, -1, REQUIRED, "change quotas, or see those of others");
	wh_caprule_initial(ask);
}

static void enter_quotactl(struct wh_caprule_ask *ask)
{
	need_quota(ask, (unsigned)wh_caprule_arg(ask, 0), (uint32_t)ask->call->arg[2]);
}

static void enter_quotactl_fd(struct wh_caprule_ask *ask)
{
	need_quota(ask, (unsigned)wh_caprule_arg(ask, 1), (uint32_t)ask->call->arg[2]);
}

/* ---- namespaces ------------------------------------------------------------------------------ */

static const struct {
	uint64_t flag;
	const char *name;
} namespaces[] = {
	{CLONE_NEWNS, "mount"},	 {CLONE_NEWCGROUP, "cgroup"}, {CLONE_NEWUTS, "UTS"},
	{CLONE_NEWIPC, "IPC"},	 {CLONE_NEWPID, "PID"},	      {CLONE_NEWNET, "network"},
	{CLONE_NEWTIME, "time"},
};

/* A user namespace made by the same call gives the right to make the others. */
static void need_new(struct wh_caprule_ask *ask, uint64_t flags)
{
	if (flags & CLONE_NEWUSER) {
		/* parent_could_setfcap: what counts is whether uid 0 is mapped, caprule_special.c. */
		if (ask->creds->euid == wh_caprule_uid(ask, 0)) {
			wh_caprule_need(ask, CAP_SETFCAP, -1, POSSIBLE,
					"make a user namespace that may map uid 0");
			wh_caprule_silent(ask);
		}
		return;
	}
	for (size_t i = 0; i < WH_ARRAY_SIZE(namespaces); i++)
		if (flags & namespaces[i].flag) {
			wh_caprule_need(ask, CAP_SYS_ADMIN, -1, REQUIRED, "make a new %s namespace",
					namespaces[i].name);
			wh_caprule_by(ask, EPERM);
			return;
		}
}

static void enter_unshare(struct wh_caprule_ask *ask)
{
	need_new(ask, ask->call->arg[0]);
}

static void enter_clone(struct wh_caprule_ask *ask)
{
	/* Here the time namespace's bit is one of the exit signal's. */
	need_new(ask, ask->call->arg[0] & ~(uint64_t)CSIGNAL);
	wh_caprule_fork(ask);
}

static void enter_clone3(struct wh_caprule_ask *ask)
{
	struct clone_args args = {0};
	size_t size = ask->call->arg[1] < sizeof(args) ? (size_t)ask->call->arg[1] : sizeof(args);

	if (!wh_caprule_read(ask, ask->call->arg[0], &args, size))
		return;
	need_new(ask, args.flags);
	wh_caprule_fork(ask);
	if (args.set_tid_size && !(args.flags & CLONE_NEWUSER)) {
		wh_caprule_need(ask, CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN, REQUIRED,
				"choose the pid of a new process");
		wh_caprule_by(ask, EPERM);
	}
}

/* Which namespaces a descriptor stands for: one by its link, or a process with those asked for. */
static uint64_t setns_flags(struct wh_caprule_ask *ask)
{
	static const struct {
		const char *prefix;
		uint64_t flag;
	} links[] = {
		{"mnt:", CLONE_NEWNS},	      {"user:", CLONE_NEWUSER}, {"net:", CLONE_NEWNET},
		{"pid:", CLONE_NEWPID},	      {"ipc:", CLONE_NEWIPC},	{"uts:", CLONE_NEWUTS},
		{"cgroup:", CLONE_NEWCGROUP}, {"time:", CLONE_NEWTIME},
	};
	char path[48], link[64];
	ssize_t n;

	if (ask->call->arg[1])
		return ask->call->arg[1];
	snprintf(path, sizeof(path), "%d/fd/%d", (int)ask->task->tid, wh_caprule_arg(ask, 0));
	n = readlinkat(ask->r->proc_fd, path, link, sizeof(link) - 1);
	if (n <= 0)
		return 0;
	link[n] = '\0';
	for (size_t i = 0; i < WH_ARRAY_SIZE(links); i++)
		if (wh_util_has_prefix(link, links[i].prefix))
			return links[i].flag;
	return 0;
}

static void enter_setns(struct wh_caprule_ask *ask)
{
	uint64_t flags = setns_flags(ask);

	if (!flags)
		return;
	wh_caprule_need(ask, CAP_SYS_ADMIN, -1, REQUIRED, "enter another namespace");
	if (flags & CLONE_NEWNS && !(flags & CLONE_NEWUSER))
		wh_caprule_need(ask, CAP_SYS_CHROOT, -1, REQUIRED, "enter another mount namespace");
}

/* ---- clocks and timers ----------------------------------------------------------------------- */

static void enter_settime(struct wh_caprule_ask *ask)
{
	/* Clocks of devices ask for the descriptor's mode instead; all are negative numbers. */
	if (wh_util_has_prefix(ask->call->row->name, "clock_") && wh_caprule_arg(ask, 0) < 0)
		return;
	wh_caprule_need(ask, CAP_SYS_TIME, -1, REQUIRED, "set the clock");
}

/* timekeeping_validate_timex() */
static void need_adjust(struct wh_caprule_ask *ask, uint64_t addr)
{
	uint32_t modes;

	if (!wh_caprule_read(ask, addr, &modes, sizeof(modes)) || !modes)
		return;
	if (modes & 0x8000 /* ADJ_ADJTIME */ && modes & 0x2000 /* ADJ_OFFSET_READONLY */)
		return;
	wh_caprule_need(ask, CAP_SYS_TIME, -1, REQUIRED, "adjust the clock");
}

static void enter_adjtimex(struct wh_caprule_ask *ask)
{
	need_adjust(ask, ask->call->arg[0]);
}

static void enter_clock_adjtime(struct wh_caprule_ask *ask)
{
	if (wh_caprule_arg(ask, 0) >= 0)
		need_adjust(ask, ask->call->arg[1]);
}

static void enter_timer_create(struct wh_caprule_ask *ask)
{
	if (wh_timer_wakes(wh_caprule_arg(ask, 0)))
		wh_caprule_need(ask, CAP_WAKE_ALARM, -1, REQUIRED,
				"use a clock that wakes the machine");
}

/* do_timerfd_settime(): asked each time, of whatever clock it was made with; fs/timerfd.c shows that. */
static void enter_timerfd_settime(struct wh_caprule_ask *ask)
{
	if (wh_timer_fd_wakes(ask->r->proc_fd, ask->task->tid, wh_caprule_arg(ask, 0)))
		wh_caprule_need(ask, CAP_WAKE_ALARM, -1, REQUIRED,
				"set a timer that wakes the machine");
}

#ifndef EPOLLWAKEUP
#define EPOLLWAKEUP (1u << 29)
#endif

/* The kernel clears the flag where the capability lacks, and says nothing. */
static void enter_epoll_ctl(struct wh_caprule_ask *ask)
{
	uint32_t events;

	if (wh_caprule_arg(ask, 1) != EPOLL_CTL_DEL &&
	    wh_caprule_read(ask, ask->call->arg[3], &events, sizeof(events)) &&
	    events & EPOLLWAKEUP)
		wh_caprule_need(ask, CAP_BLOCK_SUSPEND, -1, POSSIBLE,
				"keep the machine awake with EPOLLWAKEUP");
}

/* ---- looking into the kernel ----------------------------------------------------------------- */

/* check_syslog_permissions(): reading all and asking for the size may be free. */
static void enter_syslog(struct wh_caprule_ask *ask)
{
	int type = wh_caprule_arg(ask, 0);

	if ((type == 3 || type == 10) && !wh_caprule_sysctl(ask, "kernel/dmesg_restrict", 1))
		return;
	wh_caprule_need(ask, CAP_SYSLOG, -1, REQUIRED, "use the kernel log");
}

#define UFFD_USER_MODE_ONLY 1

static void enter_userfaultfd(struct wh_caprule_ask *ask)
{
	if (ask->call->arg[0] & UFFD_USER_MODE_ONLY ||
	    wh_caprule_sysctl(ask, "vm/unprivileged_userfaultfd", 0))
		return;
	wh_caprule_need(ask, CAP_SYS_PTRACE, -1, REQUIRED, "handle faults of the kernel");
	wh_caprule_initial(ask);
}

#define FANOTIFY_ADMIN                                                                             \
	(FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS |   \
	 FAN_REPORT_TID | 0x80 /* FAN_REPORT_PIDFD */ | 0x2000 /* FAN_REPORT_FD_ERROR */)
#define FANOTIFY_FIDS 0x1e00 /* FAN_REPORT_FID, _DIR_FID, _NAME and _TARGET_FID */

static void enter_fanotify_init(struct wh_caprule_ask *ask)
{
	uint64_t flags = ask->call->arg[0];

	/* Since Linux 5.13 anyone may be told of files by their handles, of nothing more. */
	if (!(flags & FANOTIFY_FIDS) || flags & FANOTIFY_ADMIN)
		wh_caprule_need(ask, CAP_SYS_ADMIN, -1, REQUIRED, "watch with fanotify");
	wh_caprule_initial(ask);
	if (flags & FAN_ENABLE_AUDIT)
		wh_caprule_need(ask, CAP_AUDIT_WRITE, -1, REQUIRED,
				"let fanotify write to the audit log");
}

static void enter_io_uring(struct wh_caprule_ask *ask)
{
	int64_t group = (int64_t)wh_caprule_sysctl(ask, "kernel/io_uring_group", (uint64_t)-1);

	/* io_uring_allowed(): a group may be let in. */
	if (wh_caprule_sysctl(ask, "kernel/io_uring_disabled", 0) != 1 ||
	    (group >= 0 && wh_creds_in_group(ask->creds, (gid_t)group)))
		return;
	wh_caprule_need(ask, CAP_SYS_ADMIN, -1, LIKELY, "use io_uring (io_uring_disabled is 1)");
	wh_caprule_initial(ask);
}

/* ---- the hardware ---------------------------------------------------------------------------- */

static void enter_iopl(struct wh_caprule_ask *ask)
{
	if (wh_caprule_arg(ask, 0) > 0)
		wh_caprule_need(ask, CAP_SYS_RAWIO, -1, REQUIRED, "raise the I/O privilege level");
}

static void enter_ioperm(struct wh_caprule_ask *ask)
{
	if (wh_caprule_arg(ask, 2))
		wh_caprule_need(ask, CAP_SYS_RAWIO, -1, REQUIRED, "open I/O ports");
}

static void enter_lsm_attr(struct wh_caprule_ask *ask)
{
	wh_caprule_need(ask, CAP_MAC_ADMIN, -1, POSSIBLE, "change a security attribute");
}

#define FORK (WH_CAP(SYS_ADMIN) | WH_CAP(SYS_RESOURCE))
#define SIMPLE(name, enter, id, what)                                                              \
	{                                                                                          \
		name, enter, WH_CAP(id), CAP_##id, what                                            \
	}

const struct wh_caprule wh_caprule_admin[] = {
	{"mount", enter_mount, DAC | WH_CAP(SYS_ADMIN)},
	{"open_tree", enter_open_tree, DAC | WH_CAP(SYS_ADMIN)},
	{"quotactl", enter_quotactl, WH_CAP(SYS_ADMIN)},
	{"quotactl_fd", enter_quotactl_fd, WH_CAP(SYS_ADMIN)},
	{"acct", enter_path_admin, DAC | WH_CAP(SYS_PACCT), CAP_SYS_PACCT,
	 "switch process accounting"},
	{"swap", enter_path_admin, DAC | WH_CAP(SYS_ADMIN), CAP_SYS_ADMIN, "switch swapping"},
	SIMPLE("hostname", enter_hostname, SYS_ADMIN, "set the host or domain name"),
	SIMPLE("module", enter_machine, SYS_MODULE, "load or unload a kernel module"),
	SIMPLE("reboot", enter_reboot, SYS_BOOT, "reboot, or load another kernel"),
	SIMPLE("vhangup", enter_machine, SYS_TTY_CONFIG, "hang up the terminal"),
	SIMPLE("lookup_dcookie", enter_machine, SYS_ADMIN, "look up a directory cookie"),
	SIMPLE("bdflush", enter_machine, SYS_ADMIN, "use bdflush"),
	{"unshare", enter_unshare, WH_CAP(SYS_ADMIN) | WH_CAP(SETFCAP)},
	{"fork", wh_caprule_fork, FORK, .error = EAGAIN},
	{"clone", enter_clone, FORK | WH_CAP(SETFCAP), .error = EAGAIN},
	{"clone3", enter_clone3, FORK | WH_CAP(CHECKPOINT_RESTORE) | WH_CAP(SETFCAP),
	 .error = EAGAIN},
	{"setns", enter_setns, WH_CAP(SYS_ADMIN) | WH_CAP(SYS_CHROOT)},
	{"settime", enter_settime, WH_CAP(SYS_TIME)},
	{"adjtimex", enter_adjtimex, WH_CAP(SYS_TIME)},
	{"clock_adjtime", enter_clock_adjtime, WH_CAP(SYS_TIME)},
	{"timer_create", enter_timer_create, WH_CAP(WAKE_ALARM)},
	{"clock_nanosleep", enter_timer_create, WH_CAP(WAKE_ALARM)},
	{"timerfd_settime", enter_timerfd_settime, WH_CAP(WAKE_ALARM)},
	{"epoll_ctl", enter_epoll_ctl, WH_CAP(BLOCK_SUSPEND)},
	{"syslog", enter_syslog, WH_CAP(SYSLOG)},
	{"userfaultfd", enter_userfaultfd, WH_CAP(SYS_PTRACE)},
	{"fanotify_init", enter_fanotify_init, WH_CAP(SYS_ADMIN) | WH_CAP(AUDIT_WRITE)},
	{"io_uring_setup", enter_io_uring, WH_CAP(SYS_ADMIN)},
	{"iopl", enter_iopl, WH_CAP(SYS_RAWIO)},
	{"rawio", enter_ioperm, WH_CAP(SYS_RAWIO)},
	{"lsm_set_self_attr", enter_lsm_attr, WH_CAP(MAC_ADMIN)},
	{NULL},
};
