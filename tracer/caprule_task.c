/* SPDX-License-Identifier: Apache-2.0 */
/* Reaching other processes, scheduling and limits: kernel/signal.c, ptrace.c, sched/, sys.c. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tracer/caprule_impl.h"
#include "tracer/decode_impl.h"
#include "tracer/pidns.h"

#define REQUIRED WH_STRENGTH_REQUIRED
#define LIKELY	 WH_STRENGTH_LIKELY
#define POSSIBLE WH_STRENGTH_POSSIBLE

/* ---- signals --------------------------------------------------------------------------------- */

/* kill_ok_by_cred() */
static bool may_signal(const struct wh_creds *c, const struct wh_creds *t)
{
	return c->euid == t->suid || c->euid == t->ruid || c->ruid == t->suid || c->ruid == t->ruid;
}

static pid_t pid_of_pidfd(struct wh_caprule_ask *ask, int fd)
{
	char path[48], text[1024] = "", *line;
	wh_auto(fd) info = -1;

	snprintf(path, sizeof(path), "%d/fdinfo/%d", (int)ask->task->tid, fd);
	info = openat(ask->r->proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (info < 0 || read(info, text, sizeof(text) - 1) <= 0)
		return 0;
	line = strstr(text, "\nPid:");
	return line ? (pid_t)strtol(line + strlen("\nPid:"), NULL, 10) : 0;
}

static bool same_process(const struct wh_caprule_ask *ask, pid_t pid)
{
	struct wh_task *task;

	if (pid == ask->task->process->tgid || pid == ask->task->tid)
		return true;
	task = ask->r->tasks ? wh_task_find(ask->r->tasks, pid) : NULL;
	return task && task->process == ask->task->process;
}

/* Of a field of /proc/PID/stat behind the name, which may hold anything; 3 is the state. */
static long stat_field(struct wh_caprule_ask *ask, pid_t pid, int number)
{
	char path[48], text[2048], *s;
	wh_auto(fd) fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%d/stat", (int)pid);
	fd = openat(ask->r->proc_fd, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	s = strrchr(text, ')');
	for (int i = 2; s && i < number; i++)
		s = strchr(s + 1, ' ');
	return s ? strtol(s, NULL, 10) : -1;
}

/* Everyone in a process group (0: in all of them, for kill(-1)): who is there that one may not reach? */
static void signal_group(struct wh_caprule_ask *ask, pid_t group, const char *signal)
{
	unsigned allowed = 0, refused = 0;
	struct dirent *entry;
	int fd = openat(ask->r->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		wh_util_close(fd);
		return;
	}
	while ((entry = readdir(dir))) {
		pid_t pid = (pid_t)atoi(entry->d_name);
		struct wh_creds t;

		if (pid <= 1 ||
		    (group ? stat_field(ask, pid, 5) != group
			   : wh_pidns_number(ask->r, ask->task, pid) <= 1) ||
		    wh_creds_read(ask->r, pid, &t) < 0)
			continue;
		if (may_signal(ask->creds, &t) || same_process(ask, pid))
			allowed++;
		else
			refused++;
		wh_creds_free(&t);
	}
	closedir(dir);
	/* It is enough for the kernel to reach one of them. */
	if (refused)
		wh_caprule_need(ask, CAP_KILL, -1, allowed ? POSSIBLE : REQUIRED,
				"send %s to a group with processes of other users", signal);
}

static void enter_kill_group(struct wh_caprule_ask *ask, pid_t pid, const char *signal)
{
	pid_t group = pid ? wh_pidns_find_group(ask->r, ask->task, -pid)
			  : (pid_t)stat_field(ask, ask->task->tid, 5);

	if (pid == -1)
		signal_group(ask, 0, signal);
	else if (group > 0)
		signal_group(ask, group, signal);
}

static void enter_kill(struct wh_caprule_ask *ask)
{
	int column = wh_caprule_column(ask, WH_ARG_SIGNAL), number, pid = wh_caprule_arg(ask, 0);
	char signal[24];
	const char *name;
	struct wh_creds t;
	pid_t target;

	if (column < 0)
		return;
	number = wh_caprule_arg(ask, (unsigned)column);
	name = sigabbrev_np(number);
	snprintf(signal, sizeof(signal), name ? "SIG%s" : "signal %s", name ? name : "0");
	if (!name && number)
		snprintf(signal, sizeof(signal), "signal %d", number);
	if (ask->call->row->arg[0] == WH_ARG_FD) {
		target = pid_of_pidfd(ask, pid);
	} else {
		if (column == 2) /* a thread of a process: the thread decides */
			pid = wh_caprule_arg(ask, 1);
		else if (pid <= 0) {
			enter_kill_group(ask, pid, signal);
			return;
		}
		target = wh_caprule_pid(ask, pid);
	}
	if (target <= 0 || same_process(ask, target) || wh_creds_read(ask->r, target, &t) < 0)
		return;
	if (!may_signal(ask->creds, &t) &&
	    !(number == SIGCONT &&
	      stat_field(ask, target, 6) == stat_field(ask, ask->task->tid, 6)))
		wh_caprule_need(ask, CAP_KILL, -1, REQUIRED, "send %s to a process of uid %u",
				signal, t.euid);
	wh_creds_free(&t);
}

/* ---- ptrace and its kin ---------------------------------------------------------------------- */

static void need_ptrace(struct wh_caprule_ask *ask, pid_t pid, bool attach, const char *what)
{
	bool sure;

	if (pid <= 0 || same_process(ask, pid))
		return;
	if (!wh_caprule_may_access(ask, pid, false, &sure))
		wh_caprule_need(ask, CAP_SYS_PTRACE, -1, REQUIRED, "%s another process", what);
	else if (attach && wh_caprule_sysctl(ask, "kernel/yama/ptrace_scope", 0) &&
		 stat_field(ask, pid, 4) != ask->task->process->tgid)
		/* Yama lets only ancestors, and whom the target named. */
		wh_caprule_need(ask, CAP_SYS_PTRACE, -1, LIKELY, "%s a process that is no child",
				what);
}

static void enter_ptrace(struct wh_caprule_ask *ask)
{
	int request = wh_caprule_arg(ask, 0);
	pid_t pid = wh_caprule_pid(ask, wh_caprule_arg(ask, 1));

	if (request == PTRACE_ATTACH || request == PTRACE_SEIZE)
		need_ptrace(ask, pid, true, "attach to");
	if ((request == PTRACE_SETOPTIONS || request == PTRACE_SEIZE) &&
	    ask->call->arg[3] & PTRACE_O_SUSPEND_SECCOMP)
		wh_caprule_need(ask, CAP_SYS_ADMIN, -1, REQUIRED, "suspend a tracee's seccomp");
}

static void enter_process_vm(struct wh_caprule_ask *ask)
{
	need_ptrace(ask, wh_caprule_pid(ask, wh_caprule_arg(ask, 0)), true, "reach the memory of");
}

static void enter_kcmp(struct wh_caprule_ask *ask)
{
	need_ptrace(ask, wh_caprule_pid(ask, wh_caprule_arg(ask, 0)), false, "compare");
	need_ptrace(ask, wh_caprule_pid(ask, wh_caprule_arg(ask, 1)), false, "compare");
}

static void enter_pidfd_getfd(struct wh_caprule_ask *ask)
{
	need_ptrace(ask, pid_of_pidfd(ask, wh_caprule_arg(ask, 0)), true, "take a descriptor of");
}

static void enter_get_robust_list(struct wh_caprule_ask *ask)
{
	need_ptrace(ask, wh_caprule_pid(ask, wh_caprule_arg(ask, 0)), false, "see the locks of");
}

static void enter_process_madvise(struct wh_caprule_ask *ask)
{
	pid_t pid = pid_of_pidfd(ask, wh_caprule_arg(ask, 0));

	if (pid <= 0 || same_process(ask, pid))
		return;
	need_ptrace(ask, pid, false, "advise on the memory of");
	wh_caprule_need(ask, CAP_SYS_NICE, -1, LIKELY, "advise on the memory of another process");
}

/* ---- scheduling ------------------------------------------------------------------------------ */

/* The task that a pid argument means; 0 is the caller. */
static pid_t sched_target(struct wh_caprule_ask *ask, int pid)
{
	return pid == 0 ? ask->task->tid : wh_caprule_pid(ask, pid);
}

/* check_same_owner() */
static bool other_owner(struct wh_caprule_ask *ask, pid_t pid)
{
	struct wh_creds t;
	bool other;

	if (pid <= 0 || same_process(ask, pid) || wh_creds_read(ask->r, pid, &t) < 0)
		return false;
	other = ask->creds->euid != t.euid && ask->creds->euid != t.ruid;
	wh_creds_free(&t);
	return other;
}

static rlim_t soft_limit(pid_t pid, int resource)
{
	struct rlimit limit;

	return prlimit(pid, (enum __rlimit_resource)resource, NULL, &limit) == 0 ? limit.rlim_cur
										 : RLIM_INFINITY;
}

/* can_nice(): RLIMIT_NICE counts from 1 (nice 19) to 40 (nice -20). */
static bool may_nice(pid_t pid, long nice)
{
	rlim_t limit = soft_limit(pid, RLIMIT_NICE);

	return limit == RLIM_INFINITY || 20 - nice <= (long)limit;
}

static void need_nice(struct wh_caprule_ask *ask, pid_t pid, long nice)
{
	long now = stat_field(ask, pid, 19);

	if (nice < -20)
		nice = -20;
	if (nice > 19)
		nice = 19;
	if (nice < now && !may_nice(pid, nice))
		wh_caprule_need(ask, CAP_SYS_NICE, -1, REQUIRED, "raise the priority to nice %ld",
				nice);
}

static void need_owner(struct wh_caprule_ask *ask, pid_t pid, const char *what)
{
	if (other_owner(ask, pid))
		wh_caprule_need(ask, CAP_SYS_NICE, -1, REQUIRED, "%s of a process of another user",
				what);
}

static void enter_nice(struct wh_caprule_ask *ask)
{
	int by = wh_caprule_arg(ask, 0);

	if (by < 0)
		need_nice(ask, ask->task->tid, stat_field(ask, ask->task->tid, 19) + by);
}

static void enter_setpriority(struct wh_caprule_ask *ask)
{
	int which = wh_caprule_arg(ask, 0), who = wh_caprule_arg(ask, 1);
	int nice = wh_caprule_arg(ask, 2);
	pid_t pid;

	if (which != PRIO_PROCESS) {
		if (nice < 0 && !may_nice(ask->task->tid, nice))
			wh_caprule_need(ask, CAP_SYS_NICE, -1, LIKELY,
					"raise the priority of a group to nice %d", nice);
		return;
	}
	pid = sched_target(ask, who);
	if (!pid)
		return;
	need_owner(ask, pid, "change the priority");
	need_nice(ask, pid, nice);
}

/* user_check_sched_setscheduler() */
static void need_policy(struct wh_caprule_ask *ask, pid_t pid, int policy, int priority)
{
	int now = sched_getscheduler(pid) & ~SCHED_RESET_ON_FORK;
	struct sched_param param = {0};
	rlim_t limit = soft_limit(pid, RLIMIT_RTPRIO);

	need_owner(ask, pid, "change the scheduling");
	if (policy == SCHED_DEADLINE) {
		wh_caprule_need(ask, CAP_SYS_NICE, -1, REQUIRED, "use the policy SCHED_DEADLINE");
	} else if (policy == SCHED_FIFO || policy == SCHED_RR) {
		sched_getparam(pid, &param);
		if ((policy != now && !limit) ||
		    (priority > param.sched_priority && (rlim_t)priority > limit))
			wh_caprule_need(ask, CAP_SYS_NICE, -1, REQUIRED,
					"use a real-time policy beyond RLIMIT_RTPRIO");
	} else if (now == SCHED_IDLE && policy != SCHED_IDLE &&
		   !may_nice(pid, stat_field(ask, pid, 19))) {
		wh_caprule_need(ask, CAP_SYS_NICE, -1, REQUIRED, "leave the policy SCHED_IDLE");
	}
}

static void enter_sched_setscheduler(struct wh_caprule_ask *ask)
{
	pid_t pid = sched_target(ask, wh_caprule_arg(ask, 0));
	int policy = wh_caprule_arg(ask, 1) & ~SCHED_RESET_ON_FORK;
	int32_t priority;

	if (pid && wh_caprule_read(ask, ask->call->arg[2], &priority, sizeof(priority)))
		need_policy(ask, pid, policy, priority);
}

static void enter_sched_setparam(struct wh_caprule_ask *ask)
{
	pid_t pid = sched_target(ask, wh_caprule_arg(ask, 0));
	int32_t priority;

	if (pid && wh_caprule_read(ask, ask->call->arg[1], &priority, sizeof(priority)))
		need_policy(ask, pid, sched_getscheduler(pid) & ~SCHED_RESET_ON_FORK, priority);
}

static void enter_sched_setattr(struct wh_caprule_ask *ask)
{
	pid_t pid = sched_target(ask, wh_caprule_arg(ask, 0));
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
	} attr;

	if (!pid || !wh_caprule_read(ask, ask->call->arg[1], &attr, sizeof(attr)))
		return;
	need_policy(ask, pid, (int)attr.policy, (int)attr.priority);
	if (attr.policy == SCHED_OTHER || attr.policy == SCHED_BATCH)
		need_nice(ask, pid, attr.nice);
}

static void enter_sched_setaffinity(struct wh_caprule_ask *ask)
{
	need_owner(ask, sched_target(ask, wh_caprule_arg(ask, 0)), "change the CPU affinity");
}

static void enter_ioprio_set(struct wh_caprule_ask *ask)
{
	int class = wh_caprule_arg(ask, 2) >> IOPRIO_CLASS_SHIFT & 7;

	if (class == IOPRIO_CLASS_RT)
		wh_caprule_need(ask, CAP_SYS_NICE, CAP_SYS_ADMIN, REQUIRED,
				"use the real-time I/O class");
	if (wh_caprule_arg(ask, 0) == IOPRIO_WHO_PROCESS)
		need_owner(ask, sched_target(ask, wh_caprule_arg(ask, 1)),
			   "change the I/O priority");
}

/* ---- limits ---------------------------------------------------------------------------------- */

static bool new_limit(struct wh_caprule_ask *ask, bool wide, uint64_t addr, struct rlimit *ret)
{
	uint64_t v[2];
	uint32_t narrow[2];

	if (wide) {
		if (!wh_caprule_read(ask, addr, v, sizeof(v)))
			return false;
	} else {
		if (!wh_caprule_read(ask, addr, narrow, sizeof(narrow)))
			return false;
		for (int i = 0; i < 2; i++)
			v[i] = narrow[i] == UINT32_MAX ? RLIM_INFINITY : narrow[i];
	}
	ret->rlim_cur = v[0];
	ret->rlim_max = v[1];
	return true;
}

/* check_prlimit_permission() */
static bool other_limits(struct wh_caprule_ask *ask, pid_t pid)
{
	const struct wh_creds *c = ask->creds;
	struct wh_creds t;
	bool other;

	if (same_process(ask, pid) || wh_creds_read(ask->r, pid, &t) < 0)
		return false;
	other = c->ruid != t.euid || c->ruid != t.suid || c->ruid != t.ruid || c->rgid != t.egid ||
		c->rgid != t.sgid || c->rgid != t.rgid;
	wh_creds_free(&t);
	return other;
}

static void enter_rlimit(struct wh_caprule_ask *ask)
{
	bool pr = strcmp(ask->call->row->name, "prlimit64") == 0;
	int resource = wh_caprule_arg(ask, pr ? 1 : 0);
	uint64_t addr = ask->call->arg[pr ? 2 : 1];
	pid_t pid = pr ? sched_target(ask, wh_caprule_arg(ask, 0)) : ask->task->tid;
	struct rlimit old, new;

	if (!pid)
		return;
	if (other_limits(ask, pid))
		wh_caprule_need(ask, CAP_SYS_RESOURCE, -1, REQUIRED,
				"see or change the limits of a process of another user");
	if (!addr || resource < 0 || resource >= RLIM_NLIMITS ||
	    !new_limit(ask, pr || !wh_caprule_is32(ask), addr, &new) ||
	    prlimit(pid, (enum __rlimit_resource)resource, NULL, &old) < 0)
		return;
	if (new.rlim_max > old.rlim_max)
		wh_caprule_need(ask, CAP_SYS_RESOURCE, -1, REQUIRED, "raise the hard limit of %s",
				wh_decode_limit_name((uint64_t)resource));
}

/* ---- fcntl ----------------------------------------------------------------------------------- */

static void enter_fcntl(struct wh_caprule_ask *ask)
{
	int fd = wh_caprule_arg(ask, 0), arg = wh_caprule_arg(ask, 2);
	uint64_t most;
	struct stat st;

	switch (wh_caprule_arg(ask, 1)) {
	case F_SETPIPE_SZ:
		most = wh_caprule_sysctl(ask, "fs/pipe-max-size", 1 << 20);
		if ((unsigned)arg > most)
			wh_caprule_need(ask, CAP_SYS_RESOURCE, -1, REQUIRED,
					"make a pipe larger than pipe-max-size");
		break;
	case F_SETLEASE:
		if (arg != F_UNLCK && wh_caprule_stat_fd(ask, fd, &st) &&
		    st.st_uid != ask->creds->fsuid)
			wh_caprule_need(ask, CAP_LEASE, -1, REQUIRED,
					"take a lease on a file of uid %u", st.st_uid);
		break;
	case F_SETFL:
		if (arg & O_NOATIME && wh_caprule_stat_fd(ask, fd, &st) &&
		    st.st_uid != ask->creds->fsuid)
			wh_caprule_need(ask, CAP_FOWNER, -1, REQUIRED,
					"set O_NOATIME on a file of uid %u", st.st_uid);
		break;
	default:
		break;
	}
}

const struct wh_caprule wh_caprule_task[] = {
	{"kill", enter_kill, WH_CAP(KILL)},
	{"ptrace", enter_ptrace, WH_CAP(SYS_PTRACE) | WH_CAP(SYS_ADMIN)},
	{"process_vm", enter_process_vm, WH_CAP(SYS_PTRACE)},
	{"kcmp", enter_kcmp, WH_CAP(SYS_PTRACE)},
	{"pidfd_getfd", enter_pidfd_getfd, WH_CAP(SYS_PTRACE)},
	{"get_robust_list", enter_get_robust_list, WH_CAP(SYS_PTRACE)},
	{"process_madvise", enter_process_madvise, WH_CAP(SYS_PTRACE) | WH_CAP(SYS_NICE)},
	{"nice", enter_nice, WH_CAP(SYS_NICE)},
	{"setpriority", enter_setpriority, WH_CAP(SYS_NICE)},
	{"sched_setscheduler", enter_sched_setscheduler, WH_CAP(SYS_NICE)},
	{"sched_setparam", enter_sched_setparam, WH_CAP(SYS_NICE)},
	{"sched_setattr", enter_sched_setattr, WH_CAP(SYS_NICE)},
	{"sched_setaffinity", enter_sched_setaffinity, WH_CAP(SYS_NICE)},
	{"ioprio_set", enter_ioprio_set, WH_CAP(SYS_NICE)},
	{"rlimit", enter_rlimit, WH_CAP(SYS_RESOURCE)},
	{"fcntl", enter_fcntl, WH_CAP(SYS_RESOURCE) | WH_CAP(LEASE) | WH_CAP(FOWNER)},
	{NULL},
};
