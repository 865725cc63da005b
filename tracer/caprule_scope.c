/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In which user namespace the kernel asks for a capability: capable() in the initial one, ns_capable() in
 * that of the object, capable_wrt_inode_uidgid() in the caller's if that has the file's ids.
 */
#include <unistd.h>

#include "tracer/caprule_impl.h"
#include "tracer/decode.h"
#include "tracer/namespace.h"

/*
 * Capabilities that are asked for in the initial user namespace only, kernel-wide: whoever is not in it can
 * hold them for nothing. Where a call is an exception, its rule says so.
 */
#define INITIAL                                                                                    \
	(WH_CAP(SYS_MODULE) | WH_CAP(SYS_RAWIO) | WH_CAP(SYS_PACCT) | WH_CAP(SYS_TIME) |           \
	 WH_CAP(AUDIT_CONTROL) | WH_CAP(AUDIT_READ) | WH_CAP(AUDIT_WRITE) | WH_CAP(MAC_ADMIN) |    \
	 WH_CAP(MAC_OVERRIDE) | WH_CAP(SYSLOG) | WH_CAP(WAKE_ALARM) | WH_CAP(BLOCK_SUSPEND) |      \
	 WH_CAP(IPC_LOCK) | WH_CAP(MKNOD) | WH_CAP(LEASE) | WH_CAP(LINUX_IMMUTABLE) |              \
	 WH_CAP(SYS_TTY_CONFIG) | WH_CAP(BPF) | WH_CAP(PERFMON))

static bool is_initial(const struct wh_caprule_ask *ask)
{
	return wh_userns_is_initial(ask->creds->userns);
}

bool wh_caprule_is_vain(const struct wh_caprule_ask *ask, int cap)
{
	return INITIAL >> cap & 1 && !is_initial(ask);
}

void wh_caprule_initial(struct wh_caprule_ask *ask)
{
	if (ask->last)
		ask->last->vain = !is_initial(ask);
}

/* An owner of the namespace needs nothing that could be given: for him there is no need. */
static void reach(struct wh_caprule_ask *ask, int ns)
{
	enum wh_userns_reach r =
		ns < 0 ? WH_REACH_CAP : wh_userns_reach(ask->creds->userns, ask->creds->euid, ns);

	if (r == WH_REACH_OWNER)
		wh_caprule_drop(ask);
	else
		ask->last->vain = r == WH_REACH_NONE;
}

void wh_caprule_over(struct wh_caprule_ask *ask, const char *type)
{
	wh_auto(fd) ns = -1;

	if (!ask->last || is_initial(ask))
		return;
	ns = wh_namespace_open(ask->r, ask->task->tid, type);
	reach(ask, ns);
}

void wh_caprule_over_socket(struct wh_caprule_ask *ask, int fd)
{
	wh_auto(fd) ns = -1;

	if (!ask->last || is_initial(ask))
		return;
	ns = wh_decode_socket_net(ask->task, fd);
	reach(ask, ns);
}

void wh_caprule_over_process(struct wh_caprule_ask *ask, pid_t pid)
{
	wh_auto(fd) ns = -1;

	if (!ask->last)
		return;
	/* One that is in no deeper namespace than we is found at the first look. */
	ns = wh_namespace_open(ask->r, pid, "user");
	reach(ask, ns);
}

bool wh_caprule_reaches(struct wh_caprule_ask *ask, pid_t pid)
{
	wh_auto(fd) ns = wh_namespace_open(ask->r, pid, "user");

	return ns < 0 || wh_userns_reach(ask->creds->userns, ask->creds->euid, ns) == WH_REACH_CAP;
}

/* ---- ids ------------------------------------------------------------------------------------- */

static const struct wh_userns *userns_of(struct wh_caprule_ask *ask)
{
	const struct wh_creds *c = wh_creds_get(ask->r, ask->task);

	if (ask->userns)
		return ask->userns;
	if (c && c->userns == ask->r->home.ino)
		return ask->userns = &ask->r->home;
	if (wh_userns_read(ask->r->proc_fd, ask->task->tid, ask->room) < 0)
		ask->room->uid.n = ask->room->gid.n = 0;
	return ask->userns = ask->room;
}

void wh_caprule_over_inode(struct wh_caprule_ask *ask, uid_t uid, gid_t gid)
{
	const struct wh_userns *ns;
	uint32_t id;

	if (!ask->last || is_initial(ask))
		return;
	ns = userns_of(ask);
	ask->last->vain |= !wh_userns_inside(ns, &ns->uid, uid, &id) ||
			   (gid != (gid_t)-1 && !wh_userns_inside(ns, &ns->gid, gid, &id));
}

/* i386 has setuid and setuid32: where the wide one exists, this one is 16 bits. */
static uint32_t id_arg(const struct wh_caprule_ask *ask, unsigned n)
{
	uint32_t id = (uint32_t)ask->call->arg[n];
	char wide[40];

	if (!wh_caprule_is32(ask))
		return id;
	snprintf(wide, sizeof(wide), "%s32", ask->call->row->name);
	if (!wh_syscall_row(wide))
		return id;
	id &= 0xffff;
	return id == 0xffff ? UINT32_MAX : id;
}

/* What has no number outside is nobody's: the kernel says EINVAL. */
uint32_t wh_caprule_uid(struct wh_caprule_ask *ask, uint32_t uid)
{
	const struct wh_userns *ns = uid == UINT32_MAX ? NULL : userns_of(ask);
	uint32_t outside;

	if (!ns)
		return UINT32_MAX;
	return wh_userns_outside(ns, &ns->uid, uid, &outside) ? outside : UINT32_MAX - 1;
}

uint32_t wh_caprule_gid(struct wh_caprule_ask *ask, uint32_t gid)
{
	const struct wh_userns *ns = gid == UINT32_MAX ? NULL : userns_of(ask);
	uint32_t outside;

	if (!ns)
		return UINT32_MAX;
	return wh_userns_outside(ns, &ns->gid, gid, &outside) ? outside : UINT32_MAX - 1;
}

uint32_t wh_caprule_uid_arg(struct wh_caprule_ask *ask, unsigned n)
{
	return wh_caprule_uid(ask, id_arg(ask, n));
}

uint32_t wh_caprule_gid_arg(struct wh_caprule_ask *ask, unsigned n)
{
	return wh_caprule_gid(ask, id_arg(ask, n));
}

uint32_t wh_caprule_say_uid(const struct wh_caprule_ask *ask, uint32_t uid)
{
	const struct wh_userns *home = &ask->r->home;
	uint32_t inside;

	return wh_userns_inside(home, &home->uid, uid, &inside) ? inside : WH_USERNS_NOBODY;
}

uint32_t wh_caprule_say_gid(const struct wh_caprule_ask *ask, uint32_t gid)
{
	const struct wh_userns *home = &ask->r->home;
	uint32_t inside;

	return wh_userns_inside(home, &home->gid, gid, &inside) ? inside : WH_USERNS_NOBODY;
}
