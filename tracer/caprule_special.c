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
	{"/dev/snapshot", 0, CAP_SYS_ADMIN, -1, REQUIRED, NULL},
	{"/dev/kmsg", WH_DAC_R, CAP_SYSLOG, -1, REQUIRED, "kernel/dmesg_restrict"},
	{"/proc/kmsg", 0, CAP_SYSLOG, -1, REQUIRED, NULL},
	{"/proc/kcore", 0, CAP_SYS_RAWIO, -1, REQUIRED, NULL},
	{"/proc/kallsyms", WH_DAC_R, CAP_SYSLOG, -1, POSSIBLE, "kernel/kptr_restrict"},
	{"/proc/mtrr", WH_DAC_W, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/proc/[0-9]*/stack", 0, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/proc/[0-9]*/uid_map", WH_DAC_W, CAP_SETUID, -1, LIKELY, NULL},
	{"/proc/[0-9]*/gid_map", WH_DAC_W, CAP_SETGID, -1, LIKELY, NULL},
	{"/proc/[0-9]*/oom_score_adj", WH_DAC_W, CAP_SYS_RESOURCE, -1, POSSIBLE, NULL},
	{"/proc/[0-9]*/oom_adj", WH_DAC_W, CAP_SYS_RESOURCE, -1, POSSIBLE, NULL},
	{"/proc/sys/kernel/ns_last_pid", WH_DAC_W, CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN, LIKELY,
	 NULL},
	{"/proc/sys/kernel/modules_disabled", WH_DAC_W, CAP_SYS_MODULE, -1, LIKELY, NULL},
	{"/proc/sys/kernel/kexec_load_disabled", WH_DAC_W, CAP_SYS_BOOT, -1, LIKELY, NULL},
	{"/proc/sys/kernel/yama/ptrace_scope", WH_DAC_W, CAP_SYS_PTRACE, -1, LIKELY, NULL},
	{"/proc/sys/kernel/dmesg_restrict", WH_DAC_W, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/proc/sys/kernel/kptr_restrict", WH_DAC_W, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/proc/sys/kernel/unprivileged_bpf_disabled", WH_DAC_W, CAP_SYS_ADMIN, -1, LIKELY, NULL},
	{"/proc/sys/vm/mmap_min_addr", WH_DAC_W, CAP_SYS_RAWIO, -1, LIKELY, NULL},
	{"/proc/sys/fs/protected_*", WH_DAC_W, CAP_SYS_ADMIN, -1, POSSIBLE, NULL},
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
	{"personality", LIKELY}, {"stack", LIKELY},	{"timerslack_ns", LIKELY},
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

static void need_other_process(struct wh_caprule_ask *ask, const struct wh_place *place)
{
	const char *s = place->path + strlen("/proc/");
	char *end;
	long pid = strtol(s, &end, 10);
	bool sure;

	if (end == s || *end != '/' || pid <= 0)
		return;
	s = end + 1;
	if (wh_util_has_prefix(s, "task/")) {
		pid = strtol(s + 5, &end, 10);
		if (*end != '/')
			return;
		s = end + 1;
	}
	for (size_t i = 0; i < WH_ARRAY_SIZE(traced_only); i++) {
		size_t len = strlen(traced_only[i].name);

		if (strncmp(s, traced_only[i].name, len) != 0 || (s[len] != '\0' && s[len] != '/'))
			continue;
		if (!wh_pidns_is_our_proc(ask->r, place->dev))
			pid = wh_caprule_pid(ask, (pid_t)pid);
		if (pid && !wh_caprule_may_access(ask, (pid_t)pid, true, &sure)) {
			need_look(ask, place, &traced_only[i]);
			wh_caprule_over_process(ask, (pid_t)pid);
		}
		return;
	}
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

/* An object with another label than the subject's may have been reached by MAC_OVERRIDE alone. */
static void need_smack(struct wh_caprule_ask *ask, const struct wh_place *place)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	char path[48], subject[256] = "", object[256] = "", there[2 * PATH_MAX];
	wh_auto(fd) fd = -1;
	ssize_t n;

	pthread_once(&once, find_smack);
	if (!smack_active)
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
		else if (s->cap != CAP_SETUID && s->cap != CAP_SETGID)
			wh_caprule_initial(ask);
	}
	if (!wh_util_has_prefix(path, "/proc/"))
		return;
	need_other_process(ask, place);
	if (want & WH_DAC_W)
		need_loginuid(ask, place);
}
