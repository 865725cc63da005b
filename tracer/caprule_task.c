/* SPDX-License-Identifier: Apache-2.0 */
/* Tracing other processes, scheduling and limits: kernel/ptrace.c, sched/, sys.c. */
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tracer/caprule_impl.h"
#include "tracer/decode_impl.h"

#define REQUIRED WH_STRENGTH_REQUIRED
#define LIKELY	 WH_STRENGTH_LIKELY
#define POSSIBLE WH_STRENGTH_POSSIBLE

/* ---- ptrace and its kin ---------------------------------------------------------------------- */

static void need_ptrace(struct wh_caprule_ask *ask, pid_t pid, bool attach, const char *what)
{
	bool sure;

	if (pid <= 0 || wh_caprule_is_own(ask, pid))
		return;
	if (!wh_caprule_may_access(ask, pid, false, &sure))
		wh_caprule_need(ask, CAP_SYS_PTRACE, -1, REQUIRED, "%s another process", what);
	else if (attach && wh_caprule_sysctl(ask, "kernel/yama/ptrace_scope", 0) == 2)
		wh_caprule_need(ask, CAP_SYS_PTRACE, -1, REQUIRED,
				"%s another process (ptrace_scope is 2)", what);
	else if (attach && wh_caprule_sysctl(ask, "kernel/yama/ptrace_scope", 0) &&
		 wh_caprule_stat(ask, pid, 4) != ask->task->process->tgid)
		/* Yama lets only ancestors, and whom the target named. */
		wh_caprule_need(ask, CAP_SYS_PTRACE, -1, LIKELY, "%s a process that is no child",
				what);
	else
		return;
	wh_caprule_over_process(ask, pid);
}

static void enter_ptrace(struct wh_caprule_ask *ask)
{
	int request = wh_caprule_arg(ask, 0);
	pid_t pid = wh_caprule_pid(ask, wh_caprule_arg(ask, 1));

	if (request == PTRACE_ATTACH || request == PTRACE_SEIZE)
		need_ptrace(ask, pid, true, "attach to");
	/* seccomp_get_filter(), seccomp_get_metadata() */
	if (request == 0x420c || request == 0x420d) {
		wh_caprule_need(ask, CAP_SYS_ADMIN, -1, REQUIRED, "see a tracee's seccomp filter");
		wh_caprule_initial(ask);
	}
	if ((request == PTRACE_SETOPTIONS || request == PTRACE_SEIZE) &&
	    ask->call->arg[3] & PTRACE_O_SUSPEND_SECCOMP) {
		wh_caprule_need(ask, CAP_SYS_ADMIN, -1, REQUIRED, "suspend a tracee's seccomp");
		wh_caprule_initial(ask);
	}
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
	need_ptrace(ask, wh_caprule_pidfd(ask, wh_caprule_arg(ask, 0)), true,
		    "take a descriptor of");
}

static void enter_get_robust_list(struct wh_caprule_ask *ask)
{
	need_ptrace(ask, wh_caprule_pid(ask, wh_caprule_arg(ask, 0)), false, "see the locks of");
}

static void enter_process_madvise(struct wh_caprule_ask *ask)
{
	pid_t pid = wh_caprule_pidfd(ask, wh_caprule_arg(ask, 0));

	if (pid <= 0 || wh_caprule_is_own(ask, pid))
		return;
	need_ptrace(ask, pid, false, "advise on the memory of");
	wh_caprule_need(ask, CAP_SYS_NICE, -1, LIKELY, "advise on the memory of another process");
	wh_caprule_initial(ask);
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

	if (pid <= 0 || wh_caprule_is_own(ask, pid) || wh_creds_read(ask->r, pid, &t) < 0)
		return false;
	other = ask->creds->euid != t.euid && ask->creds->euid != t.ruid;
	wh_creds_free(&t);
	return other;
}

static rlim_t soft_limit(struct wh_caprule_ask *ask, pid_t pid, int resource)
{
	struct rlimit limit;

	return wh_caprule_limit(ask, pid, resource, &limit) ? limit.rlim_cur : RLIM_INFINITY;
}

/* can_nice(): RLIMIT_NICE counts from 1 (nice 19) to 40 (nice -20). */
static bool may_nice(struct wh_caprule_ask *ask, pid_t pid, long nice)
{
	rlim_t limit = soft_limit(ask, pid, RLIMIT_NICE);

	return limit == RLIM_INFINITY || 20 - nice <= (long)limit;
}

static void need_nice(struct wh_caprule_ask *ask, pid_t pid, long nice)
{
	long now = wh_caprule_stat(ask, pid, 19);

	if (nice < -20)
		nice = -20;
	if (nice > 19)
		nice = 19;
	if (nice >= now || may_nice(ask, pid, nice))
		return;
	wh_caprule_need(ask, CAP_SYS_NICE, -1, REQUIRED, "raise the priority to nice %ld", nice);
	wh_caprule_initial(ask);
}

static void need_owner(struct wh_caprule_ask *ask, pid_t pid, const char *what)
{
	if (!other_owner(ask, pid))
		return;
	wh_caprule_need(ask, CAP_SYS_NICE, -1, REQUIRED, "%s of a process of another user", what);
	wh_caprule_over_process(ask, pid);
}

static void enter_nice(struct wh_caprule_ask *ask)
{
	int by = wh_caprule_arg(ask, 0);

	if (by < 0)
		need_nice(ask, ask->task->tid, wh_caprule_stat(ask, ask->task->tid, 19) + by);
}

static void enter_setpriority(struct wh_caprule_ask *ask)
{
	int which = wh_caprule_arg(ask, 0), who = wh_caprule_arg(ask, 1);
	int nice = wh_caprule_arg(ask, 2);
	uint32_t uid = wh_caprule_uid(ask, (uint32_t)who);
	pid_t pid;

	if (which == PRIO_USER && who && uid != ask->creds->euid) {
		wh_caprule_need(ask, CAP_SYS_NICE, -1, REQUIRED,
				"change the priority of the processes of uid %u",
				wh_caprule_say_uid(ask, uid));
		return;
	}
	if (which != PRIO_PROCESS) {
		/* They need not be as the caller is, but mostly are. */
		if (nice >= wh_caprule_stat(ask, ask->task->tid, 19) ||
		    may_nice(ask, ask->task->tid, nice))
			return;
		wh_caprule_need(ask, CAP_SYS_NICE, -1, LIKELY,
				"raise the priority of a group to nice %d", nice);
		wh_caprule_initial(ask);
		return;
	}
	pid = sched_target(ask, who);
	if (!pid)
		return;
	need_owner(ask, pid, "change the priority");
	need_nice(ask, pid, nice);
}

/* user_check_sched_setscheduler() */
static void need_policy(struct wh_caprule_ask *ask, pid_t pid, int policy, int priority, bool reset)
{
	int flags = sched_getscheduler(pid), now = flags & ~SCHED_RESET_ON_FORK;
	struct sched_param param = {0};
	rlim_t limit = soft_limit(ask, pid, RLIMIT_RTPRIO);

	ask->last = NULL;
	need_owner(ask, pid, "change the scheduling");
	wh_caprule_initial(ask);
	ask->last = NULL;
	if (policy == SCHED_DEADLINE) {
		wh_caprule_need(ask, CAP_SYS_NICE, -1, REQUIRED, "use the policy SCHED_DEADLINE");
	} else if (policy == SCHED_FIFO || policy == SCHED_RR) {
		sched_getparam(pid, &param);
		if ((policy != now && !limit) ||
		    (priority > param.sched_priority && (rlim_t)priority > limit))
			wh_caprule_need(ask, CAP_SYS_NICE, -1, REQUIRED,
					"use a real-time policy beyond RLIMIT_RTPRIO");
	} else if (flags >= 0 && flags & SCHED_RESET_ON_FORK && !reset) {
		wh_caprule_need(ask, CAP_SYS_NICE, -1, REQUIRED, "take SCHED_RESET_ON_FORK away");
	} else if (now == SCHED_IDLE && policy != SCHED_IDLE &&
		   !may_nice(ask, pid, wh_caprule_stat(ask, pid, 19))) {
		wh_caprule_need(ask, CAP_SYS_NICE, -1, REQUIRED, "leave the policy SCHED_IDLE");
	}
	wh_caprule_initial(ask);
}

static void enter_sched_setscheduler(struct wh_caprule_ask *ask)
{
	pid_t pid = sched_target(ask, wh_caprule_arg(ask, 0));
	int policy = wh_caprule_arg(ask, 1) & ~SCHED_RESET_ON_FORK;
	int32_t priority;

	if (pid && wh_caprule_read(ask, ask->call->arg[2], &priority, sizeof(priority)))
		need_policy(ask, pid, policy, priority,
			    wh_caprule_arg(ask, 1) & SCHED_RESET_ON_FORK);
}

static void enter_sched_setparam(struct wh_caprule_ask *ask)
{
	pid_t pid = sched_target(ask, wh_caprule_arg(ask, 0));
	int32_t priority;

	if (pid && wh_caprule_read(ask, ask->call->arg[1], &priority, sizeof(priority)))
		need_policy(ask, pid, sched_getscheduler(pid) & ~SCHED_RESET_ON_FORK, priority,
			    true);
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
	need_policy(ask, pid, (int)attr.policy, (int)attr.priority,
		    attr.flags & 1 /* SCHED_FLAG_RESET_ON_FORK */);
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
	wh_caprule_initial(ask);
	ask->last = NULL;
	if (wh_caprule_arg(ask, 0) == IOPRIO_WHO_PROCESS)
		need_owner(ask, sched_target(ask, wh_caprule_arg(ask, 1)),
			   "change the I/O priority");
	wh_caprule_initial(ask);
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

	if (wh_caprule_is_own(ask, pid) || wh_creds_read(ask->r, pid, &t) < 0)
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
	if (other_limits(ask, pid)) {
		wh_caprule_need(ask, CAP_SYS_RESOURCE, -1, REQUIRED,
				"see or change the limits of a process of another user");
		wh_caprule_over_process(ask, pid);
	}
	if (!addr || resource < 0 || resource >= RLIM_NLIMITS ||
	    !new_limit(ask, pr || !wh_caprule_is32(ask), addr, &new) ||
	    !wh_caprule_limit(ask, pid, resource, &old))
		return;
	if (new.rlim_max <= old.rlim_max)
		return;
	wh_caprule_need(ask, CAP_SYS_RESOURCE, -1, REQUIRED, "raise the hard limit of %s",
			wh_decode_limit_name((uint64_t)resource));
	wh_caprule_initial(ask);
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
		if ((unsigned)arg <= most)
			break;
		wh_caprule_need(ask, CAP_SYS_RESOURCE, -1, REQUIRED,
				"make a pipe larger than pipe-max-size");
		wh_caprule_initial(ask);
		break;
	case F_SETLEASE:
		if (arg != F_UNLCK && wh_caprule_stat_fd(ask, fd, &st) &&
		    st.st_uid != ask->creds->fsuid)
			wh_caprule_need(ask, CAP_LEASE, -1, REQUIRED,
					"take a lease on a file of uid %u",
					wh_caprule_say_uid(ask, st.st_uid));
		break;
	case F_SETFL:
		if (arg & O_NOATIME && wh_caprule_stat_fd(ask, fd, &st) &&
		    st.st_uid != ask->creds->fsuid) {
			wh_caprule_need(ask, CAP_FOWNER, -1, REQUIRED,
					"set O_NOATIME on a file of uid %u",
					wh_caprule_say_uid(ask, st.st_uid));
			wh_caprule_over_inode(ask, st.st_uid, -1);
		}
		break;
	default:
		break;
	}
}

const struct wh_caprule wh_caprule_task[] = {
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
