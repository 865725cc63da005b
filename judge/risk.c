// SPDX-License-Identifier: Apache-2.0
#include "judge/risk.h"

#include <fnmatch.h>

#define R   WH_POLICY_R
#define W   (WH_POLICY_W | WH_POLICY_A | WH_POLICY_L)
#define X   WH_POLICY_X
#define M   WH_POLICY_M
#define ANY (~0u)

/*
 * Of all rows that match, the worst counts. In a pattern '*' goes over '/' as well. Folders that packages
 * own come after what is in them and worse.
 */
static const struct file_risk {
	const char *pattern;
	unsigned letters;
	enum wh_risk risk;
	const char *why;
} file_risks[] = {
	{"*/docker.sock", ANY, WH_RISK_CRITICAL, "controls the container engine, and so the host"},
	{"*/containerd.sock", ANY, WH_RISK_CRITICAL, "controls the container engine"},
	{"*/crio.sock", ANY, WH_RISK_CRITICAL, "controls the container engine"},
	{"*/podman.sock", ANY, WH_RISK_CRITICAL, "controls the container engine"},
	{"/proc/sys/*", W, WH_RISK_CRITICAL, "changes settings of the kernel"},
	{"/proc/sysrq-trigger", W, WH_RISK_CRITICAL, "commands the kernel"},
	{"/proc/kcore", ANY, WH_RISK_CRITICAL, "is the kernel's memory"},
	{"/sys/*", W, WH_RISK_CRITICAL, "changes settings of the kernel or of devices"},
	{"/dev/mem", ANY, WH_RISK_CRITICAL, "is the machine's memory"},
	{"/dev/kmem", ANY, WH_RISK_CRITICAL, "is the kernel's memory"},
	{"/dev/port", ANY, WH_RISK_CRITICAL, "is the machine's I/O ports"},
	{"/dev/sd*", ANY, WH_RISK_CRITICAL, "is a disk, below all permissions"},
	{"/dev/vd*", ANY, WH_RISK_CRITICAL, "is a disk, below all permissions"},
	{"/dev/nvme*", ANY, WH_RISK_CRITICAL, "is a disk, below all permissions"},
	{"/dev/dm-*", ANY, WH_RISK_CRITICAL, "is a disk, below all permissions"},
	{"/dev/mapper/*", ANY, WH_RISK_CRITICAL, "is a disk, below all permissions"},
	{"/dev/kvm", ANY, WH_RISK_HIGH, "runs virtual machines"},
	{"/dev/net/tun", ANY, WH_RISK_HIGH, "makes network interfaces"},
	{"/dev/fuse", ANY, WH_RISK_HIGH, "makes file systems"},
	{"/boot/*", W, WH_RISK_CRITICAL, "changes what boots"},
	{"/lib/modules/*", W, WH_RISK_CRITICAL, "changes kernel modules"},
	{"/usr/lib/modules/*", W, WH_RISK_CRITICAL, "changes kernel modules"},
	{"/etc/passwd", W, WH_RISK_CRITICAL, "changes who may log in"},
	{"/etc/shadow*", W, WH_RISK_CRITICAL, "changes passwords"},
	{"/etc/sudoers*", W, WH_RISK_CRITICAL, "changes who may become root"},
	{"/etc/ld.so.preload", W, WH_RISK_CRITICAL, "puts code into every program"},
	{"/etc/cron*", W, WH_RISK_CRITICAL, "runs commands later, as others"},
	{"/var/spool/cron/*", W, WH_RISK_CRITICAL, "runs commands later, as others"},
	{"/etc/systemd/*", W, WH_RISK_CRITICAL, "starts services"},
	{"/etc/shadow*", R, WH_RISK_HIGH, "reads passwords"},
	{"/etc/gshadow*", R, WH_RISK_HIGH, "reads passwords"},
	{"*/.ssh/*", ANY, WH_RISK_HIGH, "holds keys"},
	{"/var/run/secrets/*", R, WH_RISK_HIGH, "holds tokens of the cluster"},
	{"/run/secrets/*", R, WH_RISK_HIGH, "holds secrets"},
	{"/proc/*/mem", ANY, WH_RISK_HIGH, "is the memory of processes"},
	{"/proc/*/environ", R, WH_RISK_HIGH, "shows secrets in the environment"},
	{"/etc/*", W, WH_RISK_HIGH, "changes configuration of the system"},
	{"/usr/*", W, WH_RISK_HIGH, "changes installed programs"},
	{"/bin/*", W, WH_RISK_HIGH, "changes installed programs"},
	{"/sbin/*", W, WH_RISK_HIGH, "changes installed programs"},
	{"/lib*", W, WH_RISK_HIGH, "changes installed libraries"},
	{"/root/*", ANY, WH_RISK_MEDIUM, "is root's home"},
	{"/home/*", ANY, WH_RISK_MEDIUM, "is someone's home"},
	{"/tmp/*", X | M, WH_RISK_HIGH, "runs code from where anyone may write"},
	{"/var/tmp/*", X | M, WH_RISK_HIGH, "runs code from where anyone may write"},
	{"/dev/shm/*", X | M, WH_RISK_HIGH, "runs code from where anyone may write"},
	{"*", X, WH_RISK_MEDIUM, "runs a program"},
	{"*", W, WH_RISK_MEDIUM, "changes files"},
	{"*", ANY, WH_RISK_LOW, "reads files"},
};

struct wh_risk_reason wh_risk_file(const char *path, unsigned letters)
{
	struct wh_risk_reason worst = {WH_RISK_LOW, "reads files"};

	for (size_t i = 0; i < WH_ARRAY_SIZE(file_risks); i++) {
		const struct file_risk *row = &file_risks[i];

		if (row->letters & letters && row->risk > worst.risk &&
		    fnmatch(row->pattern, path, 0) == 0)
			worst = (struct wh_risk_reason){row->risk, row->why};
	}
	return worst;
}

/* By the program's base name. */
static const struct {
	const char *pattern;
	enum wh_risk risk;
	const char *why;
} exec_risks[] = {
	{"*sh", WH_RISK_HIGH, "is a shell"},
	{"busybox", WH_RISK_HIGH, "is a shell and much else"},
	{"curl", WH_RISK_HIGH, "fetches from the network"},
	{"wget", WH_RISK_HIGH, "fetches from the network"},
	{"nc", WH_RISK_HIGH, "speaks to any address"},
	{"nc.*", WH_RISK_HIGH, "speaks to any address"},
	{"ncat", WH_RISK_HIGH, "speaks to any address"},
	{"socat", WH_RISK_HIGH, "speaks to any address"},
	{"ssh", WH_RISK_HIGH, "reaches other machines"},
	{"scp", WH_RISK_HIGH, "reaches other machines"},
	{"python*", WH_RISK_HIGH, "runs any code"},
	{"perl*", WH_RISK_HIGH, "runs any code"},
	{"ruby*", WH_RISK_HIGH, "runs any code"},
	{"gcc*", WH_RISK_HIGH, "makes programs"},
	{"apt*", WH_RISK_HIGH, "installs software"},
	{"dpkg", WH_RISK_HIGH, "installs software"},
	{"nsenter", WH_RISK_CRITICAL, "enters other containers"},
	{"mount", WH_RISK_CRITICAL, "mounts file systems"},
	{"insmod", WH_RISK_CRITICAL, "loads kernel modules"},
	{"modprobe", WH_RISK_CRITICAL, "loads kernel modules"},
	{"docker", WH_RISK_CRITICAL, "controls the container engine"},
	{"su", WH_RISK_HIGH, "changes the user"},
	{"sudo", WH_RISK_HIGH, "changes the user"},
};

struct wh_risk_reason wh_risk_exec(const struct wh_exec *exec)
{
	struct wh_risk_reason worst = {WH_RISK_MEDIUM, "runs a program"};
	const char *slash = strrchr(exec->to, '/');
	const char *name = slash ? slash + 1 : exec->to;

	if (exec->gains)
		worst = (struct wh_risk_reason){WH_RISK_HIGH, "gains privilege by being executed"};
	for (size_t i = 0; i < WH_ARRAY_SIZE(exec_risks); i++) {
		if (exec_risks[i].risk > worst.risk && fnmatch(exec_risks[i].pattern, name, 0) == 0)
			worst = (struct wh_risk_reason){exec_risks[i].risk, exec_risks[i].why};
	}
	return worst;
}

static const struct {
	const char *family;
	enum wh_risk risk;
	const char *why;
} family_risks[] = {
	{"AF_PACKET", WH_RISK_HIGH, "sees and forges all packets"},
	{"AF_NETLINK", WH_RISK_MEDIUM, "configures the network and more"},
	{"AF_VSOCK", WH_RISK_HIGH, "speaks to the hypervisor"},
	{"AF_ALG", WH_RISK_HIGH, "reaches the kernel's cryptography, often attacked"},
	{"AF_BLUETOOTH", WH_RISK_HIGH, "reaches rarely used kernel code"},
	{"AF_CAN", WH_RISK_HIGH, "reaches rarely used kernel code"},
	{"AF_XDP", WH_RISK_HIGH, "sees and forges all packets"},
	{"AF_KEY", WH_RISK_HIGH, "changes IPsec"},
	{"AF_UNIX", WH_RISK_LOW, "speaks to processes of this machine"},
	{"AF_LOCAL", WH_RISK_LOW, "speaks to processes of this machine"},
	{"AF_INET", WH_RISK_MEDIUM, "speaks to the network"},
	{"AF_INET6", WH_RISK_MEDIUM, "speaks to the network"},
};

static bool is_loopback(const char *address)
{
	return address &&
	       (wh_util_has_prefix(address, "127.") || wh_util_has_prefix(address, "[::1]:"));
}

struct wh_risk_reason wh_risk_socket(const struct wh_socket *socket)
{
	if (socket->type && strcmp(socket->type, "SOCK_RAW") == 0 &&
	    wh_util_has_prefix(socket->family, "AF_INET"))
		return (struct wh_risk_reason){WH_RISK_HIGH, "forges packets"};
	if (socket->address && wh_util_has_prefix(socket->address, "unix:/"))
		return wh_risk_file(socket->address + strlen("unix:"), R).risk > WH_RISK_LOW
			       ? wh_risk_file(socket->address + strlen("unix:"), R)
			       : (struct wh_risk_reason){WH_RISK_LOW,
							 "speaks to processes of this machine"};
	if (is_loopback(socket->address))
		return (struct wh_risk_reason){WH_RISK_LOW, "speaks to this machine"};
	for (size_t i = 0; i < WH_ARRAY_SIZE(family_risks); i++) {
		if (strcmp(family_risks[i].family, socket->family) == 0)
			return (struct wh_risk_reason){family_risks[i].risk, family_risks[i].why};
	}
	return (struct wh_risk_reason){WH_RISK_HIGH, "reaches rarely used kernel code"};
}

struct wh_risk_reason wh_risk_rule(enum wh_policy_section section)
{
	static const struct wh_risk_reason rows[WH_POLICY_SECTIONS] = {
		[WH_POLICY_CAPABILITY] = {WH_RISK_HIGH, "uses a privilege of root"},
		[WH_POLICY_NETWORK] = {WH_RISK_MEDIUM, "speaks to the network"},
		[WH_POLICY_UNIX] = {WH_RISK_LOW, "speaks to processes of this machine"},
		[WH_POLICY_SIGNAL] = {WH_RISK_LOW, "sends signals"},
		[WH_POLICY_PTRACE] = {WH_RISK_HIGH, "looks into or controls processes"},
		[WH_POLICY_MOUNT] = {WH_RISK_CRITICAL, "changes the file system's shape"},
		[WH_POLICY_LINK] = {WH_RISK_MEDIUM, "gives files further names"},
	};

	wh_assert(section < WH_POLICY_SECTIONS);
	return rows[section];
}

struct wh_risk_reason wh_risk_namespace(const struct wh_namespace *ns)
{
	if (strcmp(ns->op, "setns") == 0)
		return (struct wh_risk_reason){WH_RISK_CRITICAL, "enters another's namespace"};
	if (strcmp(ns->type, "user") == 0)
		return (struct wh_risk_reason){
			WH_RISK_HIGH,
			"is root in a namespace of its own, where much can be attacked"};
	return (struct wh_risk_reason){WH_RISK_MEDIUM, "makes a namespace"};
}
