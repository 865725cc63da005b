/* SPDX-License-Identifier: Apache-2.0 */
/* Files that ask for a capability of their own when they are opened, beyond their permissions. */
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <sys/utsname.h>
#include <sys/xattr.h>

#include "tracer/caprule_impl.h"
#include "tracer/pidns.h"

/*
 * @want: opened for this; 0: any way
 * @sysctl: only where this one is not 0
 * Likely and possible ones depend on what is then written.
 */
struct special {
	const char *pattern;
	unsigned want;
	int cap, instead;
	enum wh_strength strength;
	const char *sysctl;
};

#define REQUIRED WH_STRENGTH_REQUIRED
#define LIKELY	 WH_STRENGTH_LIKELY
#define POSSIBLE WH_STRENGTH_POSSIBLE

static const struct special specials[] = {
	{"/dev/mem", 0, CAP_SYS_RAWIO, -1, REQUIRED, NULL},
	{"/dev/kmem", 0, CAP_SYS_RAWIO, -1, REQUIRED, NULL},
	{"/dev/port", 0, CAP_SYS_RAWIO, -1, REQUIRED, NULL},
	{"/dev/cpu/*/msr", 0, CAP_SYS_RAWIO, -1, REQUIRED, NULL},
	{"/dev/ppp", 0, CAP_NET_ADMIN, -1, REQUIRED, NULL},
	{"/dev/snapshot", 0, CAP_SYS_ADMIN, -1, REQUIRED, NULL},
	{"/dev/kmsg", WH_DAC_R, CAP_SYSLOG, -1, REQUIRED, "kernel/dmesg_restrict"},
	{"/proc/kmsg", 0, CAP_SYSLOG, -1, REQUIRED, NULL},
	{"/proc/kcore", 0, CAP_SYS_RAWIO, -1, REQUIRED, NULL},
	{"/proc/kallsyms", WH_DAC_R, CAP_SYSLOG, -1, POSSIBLE, "kernel/kptr_restrict"},
	{"/proc/mtrr", WH_DAC_W, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/proc/[0-9]*/stack", 0, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/proc/[0-9]*/seccomp_cache", 0, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/proc/[0-9]*/pagemap", 0, CAP_SYS_ADMIN, -1, POSSIBLE, NULL},
	{"/proc/iomem", 0, CAP_SYS_ADMIN, -1, POSSIBLE, NULL},
	{"/proc/[0-9]*/uid_map", WH_DAC_W, CAP_SETUID, -1, LIKELY, NULL},
	{"/proc/[0-9]*/gid_map", WH_DAC_W, CAP_SETGID, -1, LIKELY, NULL},
	{"/proc/[0-9]*/oom_adj", WH_DAC_W, CAP_SYS_RESOURCE, -1, POSSIBLE, NULL},
	{"/proc/sys/kernel/ns_last_pid", WH_DAC_W, CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN, LIKELY,
	 NULL},
	{"/proc/sys/kernel/yama/ptrace_scope", WH_DAC_W, CAP_SYS_PTRACE, -1, LIKELY, NULL},
	{"/proc/sys/kernel/dmesg_restrict", WH_DAC_W, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/proc/sys/kernel/kptr_restrict", WH_DAC_W, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/proc/sys/kernel/unprivileged_bpf_disabled", WH_DAC_W, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/proc/sys/vm/mmap_min_addr", WH_DAC_W, CAP_SYS_RAWIO, -1, LIKELY, NULL},
	{"/proc/sys/kernel/bpf_stats_enabled", WH_DAC_W, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/proc/sys/kernel/numa_balancing", WH_DAC_W, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/proc/sys/kernel/sched_schedstats", WH_DAC_W, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/proc/sys/kernel/seccomp/actions_logged", WH_DAC_W, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/proc/sys/kernel/tainted", WH_DAC_W, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/proc/sys/kernel/task_delayacct", WH_DAC_W, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/proc/sys/kernel/usermodehelper/*", WH_DAC_W, CAP_SETPCAP, -1, LIKELY, NULL},
	{"/proc/sys/kernel/usermodehelper/*", WH_DAC_W, CAP_SYS_MODULE, -1, LIKELY, NULL},
	{"/proc/sys/net/core/bpf_jit_enable", WH_DAC_W, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/proc/sys/net/core/bpf_jit_harden", 0, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/proc/sys/net/core/bpf_jit_kallsyms", 0, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/proc/sys/net/core/bpf_jit_limit", 0, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/sys/power/wake_lock", WH_DAC_W, CAP_BLOCK_SUSPEND, -1, LIKELY, NULL},
	{"/sys/power/wake_unlock", WH_DAC_W, CAP_BLOCK_SUSPEND, -1, LIKELY, NULL},
	{"/sys/kernel/security/apparmor/.load", WH_DAC_W, CAP_MAC_ADMIN, -1, REQUIRED, NULL},
	{"/sys/kernel/security/apparmor/.replace", WH_DAC_W, CAP_MAC_ADMIN, -1, REQUIRED, NULL},
	{"/sys/kernel/security/apparmor/.remove", WH_DAC_W, CAP_MAC_ADMIN, -1, REQUIRED, NULL},
	{"/sys/kernel/security/ima/policy", WH_DAC_W, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/sys/fs/smackfs/*", WH_DAC_W, CAP_MAC_ADMIN, -1, LIKELY, NULL},
};

/*
 * What of another process is only shown to those who might trace it (fs/proc/base.c): some of it is
 * refused when it is opened, the rest when it is read.
 */
static const struct traced_only {
	const char *name;
	enum wh_strength strength;
	bool attach; /* as much as tracing it */
} traced_only[] = {
	{"mem", REQUIRED, true}, {"environ", REQUIRED}, {"auxv", REQUIRED},
	{"maps", REQUIRED},	 {"smaps", REQUIRED},	{"smaps_rollup", REQUIRED},
	{"numa_maps", REQUIRED}, {"pagemap", REQUIRED}, {"fdinfo", REQUIRED},
	{"map_files", REQUIRED}, {"io", LIKELY},	{"syscall", LIKELY},
	{"personality", LIKELY}, {"stack", LIKELY},
};

/* Since Linux 6.16 who may measure a process may also see its memory map. */
static bool perfmon_looks(void)
{
	struct utsname name;
	unsigned major, minor;

	return uname(&name) == 0 && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 16));
}

static void need_look(struct wh_caprule_ask *ask, const struct wh_place *place,
		      const struct traced_only *what)
{
	bool more = !what->attach && what->strength == REQUIRED && perfmon_looks();

	wh_caprule_need(ask, CAP_SYS_PTRACE, more ? CAP_PERFMON : -1,
			more ? LIKELY : what->strength, "open %s of another process",
			wh_caprule_path(ask, place));
}

/* What of /proc/PID[/task/TID]/… is behind the process; NULL: it is none. @ret_pid: our number, 0: of nobody */
static const char *of_process(struct wh_caprule_ask *ask, const struct wh_place *place,
			      pid_t *ret_pid)
{
	const char *s = place->path + strlen("/proc/");
	char *end;
	long pid = strtol(s, &end, 10);

	if (end == s || *end != '/' || pid <= 0)
		return NULL;
	s = end + 1;
	if (wh_util_has_prefix(s, "task/")) {
		pid = strtol(s + 5, &end, 10);
		if (*end != '/')
			return NULL;
		s = end + 1;
	}
	*ret_pid = wh_pidns_is_our_proc(ask->r, place->dev) ? (pid_t)pid
							    : wh_caprule_pid(ask, (pid_t)pid);
	return s;
}

void wh_caprule_link(struct wh_caprule_ask *ask, pid_t pid, const char *verb)
{
	bool sure;

	/* proc_fd_access_allowed(), proc_ns_get_link() */
	if (wh_caprule_may_access(ask, pid, true, &sure))
		return;
	wh_caprule_need(ask, CAP_SYS_PTRACE, -1, REQUIRED, "%s a link of another process in /proc",
			verb);
	wh_caprule_by(ask, EACCES);
	wh_caprule_over_process(ask, pid);
}

void wh_caprule_readlink(struct wh_caprule_ask *ask, const struct wh_place *place)
{
	const char *s = NULL;
	pid_t pid;

	if (place->valid && place->path && S_ISLNK(place->mode) &&
	    wh_util_has_prefix(place->path, "/proc/"))
		s = of_process(ask, place, &pid);
	if (s && pid)
		wh_caprule_link(ask, pid, "read");
}

/* timerslack_ns is about how it runs, and not about what it knows. */
static void need_slack(struct wh_caprule_ask *ask, pid_t pid)
{
	if (wh_caprule_is_own(ask, pid))
		return;
	wh_caprule_need(ask, CAP_SYS_NICE, -1, WH_STRENGTH_LIKELY,
			"see or set the timer slack of another process");
	wh_caprule_over_process(ask, pid);
}

static void need_other_process(struct wh_caprule_ask *ask, const struct wh_place *place)
{
	pid_t pid = 0;
	const char *s = of_process(ask, place, &pid);
	bool sure;

	if (!s || !pid)
		return;
	if (strcmp(s, "timerslack_ns") == 0)
		need_slack(ask, pid);
	for (size_t i = 0; i < WH_ARRAY_SIZE(traced_only); i++) {
		size_t len = strlen(traced_only[i].name);

		if (strncmp(s, traced_only[i].name, len) != 0 || (s[len] != '\0' && s[len] != '/'))
			continue;
		if (!wh_caprule_may_access(ask, pid, true, &sure)) {
			need_look(ask, place, &traced_only[i]);
			wh_caprule_over_process(ask, pid);
		}
		return;
	}
}

/*
 * /proc/sys: test_perm() knows root by its number and nobody's capabilities, but for three sets of tables:
 * net_ctl_permissions(), set_permissions() of the limits of user namespaces and ipc_permissions().
 */
static void need_sysctl(struct wh_caprule_ask *ask, const struct wh_place *place, unsigned want)
{
	static const char *const next_ids[] = {"msg_next_id", "sem_next_id", "shm_next_id"};
	const char *name = place->path + strlen("/proc/sys/");
	bool root = ask->creds->euid == 0;
	unsigned mode = place->mode >> (wh_creds_in_group(ask->creds, 0) ? 3 : 0);

	if (wh_util_has_prefix(name, "net/") && !root && want & ~mode) {
		wh_caprule_need(ask, CAP_NET_ADMIN, -1, REQUIRED, "%s %s of the network",
				want & WH_DAC_W ? "change" : "read", wh_caprule_path(ask, place));
		wh_caprule_over(ask, "net");
	} else if (wh_util_has_prefix(name, "user/") && want & WH_DAC_W) {
		wh_caprule_need(ask, CAP_SYS_RESOURCE, -1, REQUIRED, "change %s",
				wh_caprule_path(ask, place));
	}
	for (size_t i = 0; i < WH_ARRAY_SIZE(next_ids); i++)
		if (want & WH_DAC_W && wh_util_has_prefix(name, "kernel/") &&
		    strcmp(name + strlen("kernel/"), next_ids[i]) == 0) {
			wh_caprule_need(ask, CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN, REQUIRED,
					"change %s", wh_caprule_path(ask, place));
			wh_caprule_over(ask, "ipc");
		}
	wh_caprule_by(ask, EACCES);
}

/* verify_root_map(): root maps its own number, for which it must have had this where the namespace was made. */
static void need_root_map(struct wh_caprule_ask *ask, const struct wh_place *place)
{
	const struct wh_userns *home = &ask->r->home;
	uint32_t root;

	if (fnmatch("/proc/[0-9]*/uid_map", place->path, FNM_PATHNAME) != 0 ||
	    !wh_userns_outside(home, &home->uid, 0, &root) || ask->creds->euid != root)
		return;
	wh_caprule_need(ask, CAP_SETFCAP, -1, LIKELY, "map uid 0 into a user namespace");
	if (ask->call->cap_foreign)
		wh_caprule_outer(ask);
}

/* audit_set_loginuid_perm(): the first time is free. */
static void need_loginuid(struct wh_caprule_ask *ask, const struct wh_place *place)
{
	char path[48], text[32] = "";
	wh_auto(fd) fd = -1;
	ssize_t n;

	if (fnmatch("/proc/[0-9]*/loginuid", place->path, FNM_PATHNAME) != 0)
		return;
	snprintf(path, sizeof(path), "%d/loginuid", (int)ask->task->tid);
	fd = openat(ask->r->proc_fd, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n > 0 && strtoul(text, NULL, 10) != UINT32_MAX)
		wh_caprule_need(ask, CAP_AUDIT_CONTROL, -1, WH_STRENGTH_LIKELY,
				"change the login uid");
}

/* Does this kernel run Smack? It cannot change while it is up. */
static bool smack_active;

static void find_smack(void)
{
	char text[256] = "";
	wh_auto(fd) fd = open("/sys/kernel/security/lsm", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
		smack_active = strstr(text, "smack") != NULL;
}

bool wh_caprule_has_smack(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, find_smack);
	return smack_active;
}

/* An object with another label than the subject's may have been reached by MAC_OVERRIDE alone. */
static void need_smack(struct wh_caprule_ask *ask, const struct wh_place *place)
{
	char path[48], subject[256] = "", object[256] = "", there[2 * PATH_MAX];
	wh_auto(fd) fd = -1;
	ssize_t n;

	if (!wh_caprule_has_smack())
		return;
	snprintf(path, sizeof(path), "%d/attr/current", (int)ask->task->tid);
	fd = openat(ask->r->proc_fd, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, subject, sizeof(subject) - 1);
	if (n <= 0)
		return;
	subject[strcspn(subject, "\n")] = '\0';
	if (!wh_caprule_reach(ask, place->path, there, sizeof(there)))
		return;
	n = lgetxattr(there, "security.SMACK64", object, sizeof(object) - 1);
	if (n <= 0 || strcmp(subject, object) == 0 || strcmp(object, "*") == 0)
		return;
	wh_caprule_need(ask, CAP_MAC_OVERRIDE, -1, WH_STRENGTH_POSSIBLE,
			"open %s with the Smack label %s by one with the label %s",
			wh_caprule_path(ask, place), object, subject);
}

void wh_caprule_special(struct wh_caprule_ask *ask, const struct wh_place *place, unsigned want)
{
	const char *path = place->path;

	if (!path)
		return;
	need_smack(ask, place);
	if (!wh_util_has_prefix(path, "/proc/") && !wh_util_has_prefix(path, "/dev/") &&
	    !wh_util_has_prefix(path, "/sys/"))
		return;
	for (size_t i = 0; i < WH_ARRAY_SIZE(specials); i++) {
		const struct special *s = &specials[i];

		if ((s->want && !(s->want & want)) || fnmatch(s->pattern, path, FNM_PATHNAME) != 0)
			continue;
		if (s->sysctl && !wh_caprule_sysctl(ask, s->sysctl, 1))
			continue;
		wh_caprule_need(ask, s->cap, s->instead, s->strength, "%s %s",
				want & WH_DAC_W ? "open for writing" : "open",
				wh_caprule_path(ask, place));
		if (s->cap == CAP_CHECKPOINT_RESTORE)
			wh_caprule_over(ask, "pid");
		else if (s->cap == CAP_NET_ADMIN)
			wh_caprule_over(ask, "net");
		else if (s->cap != CAP_SETUID && s->cap != CAP_SETGID)
			wh_caprule_initial(ask);
	}
	if (!wh_util_has_prefix(path, "/proc/"))
		return;
	ask->last = NULL;
	if (wh_util_has_prefix(path, "/proc/sys/"))
		need_sysctl(ask, place, want);
	else
		need_other_process(ask, place);
	ask->last = NULL;
	if (want & WH_DAC_W) {
		need_root_map(ask, place);
		need_loginuid(ask, place);
	}
}
