/* SPDX-License-Identifier: Apache-2.0 */
#include "whittle/capability.h"

#include <linux/capability.h>
#include <strings.h>

/*
 * Risk is what the capability gives in a container that has nothing else: critical ones take over
 * the machine (or all that root may do), high ones reach into other processes or past file
 * permissions.
 */
#define CAP(id, risk_, docker, what)                                                               \
	[CAP_##id] = {.name = "CAP_" #id,                                                          \
		      .means = what,                                                               \
		      .risk = WH_RISK_##risk_,                                                     \
		      .docker_default = (docker)}

static const struct wh_capability rows[] = {
	CAP(CHOWN, HIGH, true, "give files to other users and groups"),
	CAP(DAC_OVERRIDE, HIGH, true, "read, write and execute files against their permissions"),
	CAP(DAC_READ_SEARCH, HIGH, false, "read files and search directories against permissions"),
	CAP(FOWNER, HIGH, true, "do with files what only their owner may: chmod, utimes, sticky"),
	CAP(FSETID, MEDIUM, true, "keep set-user-ID and set-group-ID bits when a file changes"),
	CAP(KILL, MEDIUM, true, "send signals to processes of other users"),
	CAP(SETGID, HIGH, true, "become any group, and set supplementary groups"),
	CAP(SETUID, HIGH, true, "become any user"),
	CAP(SETPCAP, MEDIUM, true,
	    "drop from the bounding set, change securebits, add to inheritable"),
	CAP(LINUX_IMMUTABLE, MEDIUM, false,
	    "set and clear the immutable and append-only attributes"),
	CAP(NET_BIND_SERVICE, LOW, true, "bind to ports below ip_unprivileged_port_start"),
	CAP(NET_BROADCAST, LOW, false, "listen to netlink broadcasts of all network namespaces"),
	CAP(NET_ADMIN, HIGH, false, "configure interfaces, routes, firewalls and socket internals"),
	CAP(NET_RAW, MEDIUM, true, "use raw and packet sockets, and foreign source addresses"),
	CAP(IPC_LOCK, LOW, false, "lock memory beyond RLIMIT_MEMLOCK"),
	CAP(IPC_OWNER, MEDIUM, false, "use System V IPC objects against their permissions"),
	CAP(SYS_MODULE, CRITICAL, false, "load and unload kernel modules"),
	CAP(SYS_RAWIO, CRITICAL, false, "reach I/O ports, physical memory and raw devices"),
	CAP(SYS_CHROOT, MEDIUM, true, "change the root directory and enter mount namespaces"),
	CAP(SYS_PTRACE, CRITICAL, false, "trace, read and change any process"),
	CAP(SYS_PACCT, MEDIUM, false, "switch process accounting on and off"),
	CAP(SYS_ADMIN, CRITICAL, false, "mount, enter namespaces, and most of what root may do"),
	CAP(SYS_BOOT, CRITICAL, false, "reboot, and load another kernel"),
	CAP(SYS_NICE, MEDIUM, false, "raise priorities, real-time scheduling, affinity of others"),
	CAP(SYS_RESOURCE, MEDIUM, false, "go beyond resource limits and quotas"),
	CAP(SYS_TIME, HIGH, false, "set the system clock"),
	CAP(SYS_TTY_CONFIG, MEDIUM, false, "hang up and configure terminals"),
	CAP(MKNOD, HIGH, true, "make device nodes"),
	CAP(LEASE, LOW, false, "take leases on files of other users"),
	CAP(AUDIT_WRITE, LOW, true, "write to the kernel's audit log"),
	CAP(AUDIT_CONTROL, HIGH, false, "change audit rules and settings"),
	CAP(SETFCAP, HIGH, true, "give capabilities to files, map user 0 into a user namespace"),
	CAP(MAC_OVERRIDE, HIGH, false, "override mandatory access control (Smack)"),
	CAP(MAC_ADMIN, CRITICAL, false, "change mandatory access control policy"),
	CAP(SYSLOG, HIGH, false, "read and clear the kernel log, see kernel addresses"),
	CAP(WAKE_ALARM, LOW, false, "set timers that wake a suspended machine"),
	CAP(BLOCK_SUSPEND, LOW, false, "keep the machine from suspending"),
	CAP(AUDIT_READ, MEDIUM, false, "read the audit log"),
	CAP(PERFMON, HIGH, false, "measure the whole machine's performance, trace the kernel"),
	CAP(BPF, CRITICAL, false, "load privileged BPF programs"),
	CAP(CHECKPOINT_RESTORE, HIGH, false, "checkpoint and restore processes, choose pids"),
};

_Static_assert(WH_ARRAY_SIZE(rows) == WH_CAPABILITY_COUNT, "a row for each capability");

const struct wh_capability *wh_capability_row(unsigned number)
{
	return number < WH_ARRAY_SIZE(rows) ? &rows[number] : NULL;
}

int wh_capability_number(const char *name)
{
	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	for (size_t i = 0; i < WH_ARRAY_SIZE(rows); i++)
		if (strcasecmp(rows[i].name + 4, name) == 0)
			return (int)i;
	return -1;
}
