/* SPDX-License-Identifier: Apache-2.0 */
/* Changing one's own credentials: kernel/sys.c, security/commoncap.c. */
#include <linux/keyctl.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>

#include "tracer/caprule_impl.h"

#define REQUIRED WH_STRENGTH_REQUIRED
#define LIKELY	 WH_STRENGTH_LIKELY
#define POSSIBLE WH_STRENGTH_POSSIBLE

static void need_uid(struct wh_caprule_ask *ask, enum wh_strength strength, uint32_t uid)
{
	wh_caprule_need(ask, CAP_SETUID, -1, strength, "become uid %u",
			wh_caprule_say_uid(ask, uid));
}

static void need_gid(struct wh_caprule_ask *ask, enum wh_strength strength, uint32_t gid)
{
	wh_caprule_need(ask, CAP_SETGID, -1, strength, "become gid %u",
			wh_caprule_say_gid(ask, gid));
}

/*
 * setuid(2) and setgid(2) may always go to the real or saved id, but only with the capability do
 * they change all three: who means to give up an identity for good needs it too.
 */
static void enter_setuid(struct wh_caprule_ask *ask)
{
	const struct wh_creds *c = ask->creds;
	uint32_t uid = wh_caprule_uid_arg(ask, 0);

	if (uid != c->ruid && uid != c->suid)
		need_uid(ask, REQUIRED, uid);
	else if (uid != c->ruid || uid != c->suid)
		need_uid(ask, LIKELY, uid);
}

static void enter_setgid(struct wh_caprule_ask *ask)
{
	const struct wh_creds *c = ask->creds;
	uint32_t gid = wh_caprule_gid_arg(ask, 0);

	if (gid != c->rgid && gid != c->sgid)
		need_gid(ask, REQUIRED, gid);
	else if (gid != c->rgid || gid != c->sgid)
		need_gid(ask, LIKELY, gid);
}

static bool one_of(uint32_t id, uint32_t a, uint32_t b, uint32_t c)
{
	return id == UINT32_MAX || id == a || id == b || id == c;
}

static void enter_setreuid(struct wh_caprule_ask *ask)
{
	const struct wh_creds *c = ask->creds;
	uint32_t ruid = wh_caprule_uid_arg(ask, 0), euid = wh_caprule_uid_arg(ask, 1);

	if (!one_of(ruid, c->ruid, c->euid, c->euid))
		need_uid(ask, REQUIRED, ruid);
	else if (!one_of(euid, c->ruid, c->euid, c->suid))
		need_uid(ask, REQUIRED, euid);
}

static void enter_setregid(struct wh_caprule_ask *ask)
{
	const struct wh_creds *c = ask->creds;
	uint32_t rgid = wh_caprule_gid_arg(ask, 0), egid = wh_caprule_gid_arg(ask, 1);

	if (!one_of(rgid, c->rgid, c->egid, c->egid))
		need_gid(ask, REQUIRED, rgid);
	else if (!one_of(egid, c->rgid, c->egid, c->sgid))
		need_gid(ask, REQUIRED, egid);
}

static void enter_setresuid(struct wh_caprule_ask *ask)
{
	const struct wh_creds *c = ask->creds;

	for (unsigned i = 0; i < 3; i++) {
		uint32_t uid = wh_caprule_uid_arg(ask, i);

		if (!one_of(uid, c->ruid, c->euid, c->suid)) {
			need_uid(ask, REQUIRED, uid);
			return;
		}
	}
}

static void enter_setresgid(struct wh_caprule_ask *ask)
{
	const struct wh_creds *c = ask->creds;

	for (unsigned i = 0; i < 3; i++) {
		uint32_t gid = wh_caprule_gid_arg(ask, i);

		if (!one_of(gid, c->rgid, c->egid, c->sgid)) {
			need_gid(ask, REQUIRED, gid);
			return;
		}
	}
}

/* These two return the old id whether or not they did anything. */
static void enter_setfsuid(struct wh_caprule_ask *ask)
{
	const struct wh_creds *c = ask->creds;
	uint32_t uid = wh_caprule_uid_arg(ask, 0);

	if (!one_of(uid, c->ruid, c->euid, c->suid) && uid != c->fsuid)
		need_uid(ask, REQUIRED, uid);
}

static void enter_setfsgid(struct wh_caprule_ask *ask)
{
	const struct wh_creds *c = ask->creds;
	uint32_t gid = wh_caprule_gid_arg(ask, 0);

	if (!one_of(gid, c->rgid, c->egid, c->sgid) && gid != c->fsgid)
		need_gid(ask, REQUIRED, gid);
}

static void exit_setfsid(struct wh_caprule_ask *ask)
{
	bool user = wh_util_has_prefix(ask->call->row->name, "setfsuid");
	struct wh_creds now;

	if (wh_creds_read(ask->r, ask->task->tid, &now) < 0)
		return;
	if (user ? now.fsuid != wh_caprule_uid_arg(ask, 0)
		 : now.fsgid != wh_caprule_gid_arg(ask, 0))
		ask->call->err = EPERM; /* for the verdict: it is what happened */
	wh_creds_free(&now);
}

static void enter_setgroups(struct wh_caprule_ask *ask)
{
	wh_caprule_need(ask, CAP_SETGID, -1, REQUIRED, "set supplementary groups");
}

/* libcap asks with no place for an answer, which tells it no more than the version to use. */
static void enter_capget(struct wh_caprule_ask *ask)
{
	if (ask->call->arg[1])
		ask->task->process->knows_caps = true;
}

/*
 * cap_capset(): what is not permitted cannot become so. Who knows what it has asks for no more than that, and would
 * have asked for less; for any other the set is a fixed one, all of which it must have.
 */
static void need_kept(struct wh_caprule_ask *ask, uint64_t permitted)
{
	if (ask->task->process->knows_caps)
		return;
	/* Here it counts what is permitted, in force or not. */
	ask->call->cap_held |= permitted & ask->creds->permitted;
	for (int cap = 0; cap < WH_CAPABILITY_COUNT; cap++)
		if (permitted >> cap & 1)
			wh_caprule_need(ask, cap, -1, LIKELY,
					"keep it by capset() without a look at what it has");
}

/* Without CAP_SETPCAP nothing may become inheritable that is not permitted already. */
static void enter_capset(struct wh_caprule_ask *ask)
{
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct data[2] = {0};
	uint64_t inheritable;
	size_t n;

	if (!wh_caprule_read(ask, ask->call->arg[0], &header, sizeof(header)))
		return;
	n = header.version == _LINUX_CAPABILITY_VERSION_1 ? 1 : 2;
	if (!wh_caprule_read(ask, ask->call->arg[1], data, n * sizeof(data[0])))
		return;
	need_kept(ask, data[0].permitted | (uint64_t)data[1].permitted << 32);
	inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	if (inheritable & ~(ask->creds->inheritable | ask->creds->permitted))
		wh_caprule_need(ask, CAP_SETPCAP, -1, REQUIRED,
				"make inheritable what is not permitted");
}

/* ---- filters --------------------------------------------------------------------------------- */

/* A filter could confuse a set-user-ID program: so only with no_new_privs, or by one who may. */
static void need_filter(struct wh_caprule_ask *ask, const char *what)
{
	if (!ask->creds->no_new_privs)
		wh_caprule_need(ask, CAP_SYS_ADMIN, -1, REQUIRED, "%s without no_new_privs", what);
}

static void enter_seccomp(struct wh_caprule_ask *ask)
{
	if (wh_caprule_arg(ask, 0) == SECCOMP_SET_MODE_FILTER)
		need_filter(ask, "load a seccomp filter");
}

static void enter_landlock(struct wh_caprule_ask *ask)
{
	need_filter(ask, "enforce a Landlock ruleset");
}

/* ---- prctl ----------------------------------------------------------------------------------- */

#define SECURE_UNPRIVILEGED 0xf00 /* SECBIT_EXEC_*, which anyone may set (Linux 6.14) */

static void prctl_securebits(struct wh_caprule_ask *ask)
{
	bool sure = ask->call->arg[1] & ~(uint64_t)SECURE_UNPRIVILEGED;

	wh_caprule_need(ask, CAP_SETPCAP, -1, sure ? REQUIRED : LIKELY, "set securebits");
}

static void prctl_bounding(struct wh_caprule_ask *ask)
{
	wh_caprule_need(ask, CAP_SETPCAP, -1, REQUIRED, "drop from the bounding set");
}

static void prctl_seccomp(struct wh_caprule_ask *ask)
{
	if (ask->call->arg[1] == SECCOMP_MODE_FILTER)
		need_filter(ask, "load a seccomp filter");
}

/* prctl_set_mm_map(): only another executable takes a capability; its descriptor is the last field. */
static void prctl_mm_map(struct wh_caprule_ask *ask)
{
	struct prctl_mm_map map;

	if (wh_caprule_read(ask, ask->call->arg[2], &map, sizeof(map)) && map.exe_fd != UINT32_MAX)
		wh_caprule_need(ask, CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN, REQUIRED,
				"change what counts as the executable");
}

static void prctl_mm(struct wh_caprule_ask *ask)
{
	if (ask->call->arg[1] == PR_SET_MM_MAP)
		prctl_mm_map(ask);
	else if (ask->call->arg[1] != PR_SET_MM_MAP_SIZE) {
		wh_caprule_need(ask, CAP_SYS_RESOURCE, -1, REQUIRED,
				"change the memory map's description");
		wh_caprule_initial(ask);
	}
}

static void prctl_io_flusher(struct wh_caprule_ask *ask)
{
	wh_caprule_need(ask, CAP_SYS_RESOURCE, -1, REQUIRED, "use the IO_FLUSHER state");
	wh_caprule_initial(ask);
}

/* sched_core_share_pid(): to share with another process one must be let look into it. */
static void prctl_sched_core(struct wh_caprule_ask *ask)
{
	pid_t pid = wh_caprule_pid(ask, wh_caprule_arg(ask, 2));
	bool sure;

	if (!wh_caprule_arg(ask, 2) || !pid || wh_caprule_may_access(ask, pid, false, &sure))
		return;
	wh_caprule_need(ask, CAP_SYS_PTRACE, -1, REQUIRED,
			"share a core with a process of another user");
	wh_caprule_over_process(ask, pid);
}

static const struct {
	int option;
	void (*enter)(struct wh_caprule_ask *ask);
} prctls[] = {
	{PR_CAPBSET_DROP, prctl_bounding},
	{PR_SET_SECUREBITS, prctl_securebits},
	{PR_SET_SECCOMP, prctl_seccomp},
	{PR_SET_MM, prctl_mm},
	{PR_SET_IO_FLUSHER, prctl_io_flusher},
	{PR_GET_IO_FLUSHER, prctl_io_flusher},
	{62 /* PR_SCHED_CORE */, prctl_sched_core},
};

static void enter_prctl(struct wh_caprule_ask *ask)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(prctls); i++)
		if (prctls[i].option == wh_caprule_arg(ask, 0))
			prctls[i].enter(ask);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void enter_keyctl(struct wh_caprule_ask *ask)
{
	uint32_t uid, gid;

	switch (wh_caprule_arg(ask, 0)) {
	case KEYCTL_CHOWN: /* keyctl_chown_key() */
		uid = wh_caprule_uid(ask, (uint32_t)ask->call->arg[2]);
		gid = wh_caprule_gid(ask, (uint32_t)ask->call->arg[3]);
		if (uid != UINT32_MAX && uid != ask->creds->fsuid)
			wh_caprule_need(ask, CAP_SYS_ADMIN, -1, REQUIRED, "give a key to uid %u",
					wh_caprule_say_uid(ask, uid));
		else if (gid != UINT32_MAX && !wh_creds_in_group(ask->creds, gid))
			/* Unless it is that group's already: only who may see the key is told. */
			wh_caprule_need(ask, CAP_SYS_ADMIN, -1, LIKELY, "give a key to gid %u",
					wh_caprule_say_gid(ask, gid));
		wh_caprule_initial(ask);
		break;
	case KEYCTL_SETPERM: /* keyctl_setperm_key(): of another's key */
		wh_caprule_need(ask, CAP_SYS_ADMIN, -1, POSSIBLE, "change a key's permissions");
		wh_caprule_initial(ask);
		break;
	case KEYCTL_GET_PERSISTENT:
		uid = wh_caprule_uid(ask, (uint32_t)ask->call->arg[1]);
		if (uid != UINT32_MAX && uid != ask->creds->ruid && uid != ask->creds->euid)
			wh_caprule_need(ask, CAP_SETUID, -1, REQUIRED,
					"use the persistent keyring of uid %u",
					wh_caprule_say_uid(ask, uid));
		break;
	default:
		break;
	}
}

const struct wh_caprule wh_caprule_id[] = {
	{"setuid", enter_setuid, WH_CAP(SETUID)},
	{"setgid", enter_setgid, WH_CAP(SETGID)},
	{"setreuid", enter_setreuid, WH_CAP(SETUID)},
	{"setregid", enter_setregid, WH_CAP(SETGID)},
	{"setresuid", enter_setresuid, WH_CAP(SETUID)},
	{"setresgid", enter_setresgid, WH_CAP(SETGID)},
	{"setfsuid", enter_setfsuid, WH_CAP(SETUID), .exit = exit_setfsid},
	{"setfsgid", enter_setfsgid, WH_CAP(SETGID), .exit = exit_setfsid},
	{"setgroups", enter_setgroups, WH_CAP(SETGID)},
	{"capget", enter_capget, 0},
	{"capset", enter_capset, WH_CAP(SETPCAP), .any = true},
	{"seccomp", enter_seccomp, WH_CAP(SYS_ADMIN)},
	{"landlock", enter_landlock, WH_CAP(SYS_ADMIN)},
	{"prctl", enter_prctl,
	 WH_CAP(SETPCAP) | WH_CAP(SYS_ADMIN) | WH_CAP(SYS_RESOURCE) | WH_CAP(CHECKPOINT_RESTORE) |
		 WH_CAP(SYS_PTRACE)},
	{"keyctl", enter_keyctl, WH_CAP(SYS_ADMIN) | WH_CAP(SETUID)},
	{NULL},
};
