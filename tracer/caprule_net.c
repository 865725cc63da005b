/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: net/ of the kernel, by family. */
#include <inttypes.h>
#include <linux/in6.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>

#include "tracer/caprule_impl.h"
#include "tracer/decode_impl.h"
#include "tracer/namespace.h"

#define REQUIRED WH_STRENGTH_REQUIRED
#define LIKELY	 WH_STRENGTH_LIKELY
#define POSSIBLE WH_STRENGTH_POSSIBLE
#define DAC	 (WH_CAP(DAC_READ_SEARCH) | WH_CAP(DAC_OVERRIDE) | WH_CAP(SYS_PTRACE))
#define ANY	 (-1)

#ifndef SOCK_TYPE_MASK
#define SOCK_TYPE_MASK 0xf
#endif

/* ---- socket ---------------------------------------------------------------------------------- */

static const struct {
	int family, type, cap;
	const char *what;
	bool initial; /* else in that of the network */
} sockets[] = {
	{AF_INET, SOCK_RAW, CAP_NET_RAW, "make a raw IPv4 socket"},
	{AF_INET6, SOCK_RAW, CAP_NET_RAW, "make a raw IPv6 socket"},
	{AF_PACKET, ANY, CAP_NET_RAW, "make a packet socket"},
	{AF_INET, SOCK_PACKET, CAP_NET_RAW, "make a packet socket"},
	{AF_KEY, ANY, CAP_NET_ADMIN, "make an IPsec key socket"},
	{AF_XDP, ANY, CAP_NET_RAW, "make an XDP socket"},
	{AF_AX25, SOCK_RAW, CAP_NET_RAW, "make a raw AX.25 socket", true},
	{AF_APPLETALK, SOCK_RAW, CAP_NET_RAW, "make a raw AppleTalk socket", true},
	{AF_IEEE802154, SOCK_RAW, CAP_NET_RAW, "make a raw 802.15.4 socket", true},
	{AF_LLC, ANY, CAP_NET_RAW, "make an LLC socket"},
	{AF_ISDN, SOCK_RAW, CAP_NET_RAW, "make a raw ISDN socket", true},
	{AF_CAIF, ANY, CAP_NET_ADMIN, "make a CAIF socket", true},
	{AF_NFC, SOCK_RAW, CAP_NET_RAW, "make a raw NFC socket"},
	{AF_BLUETOOTH, SOCK_RAW, CAP_NET_RAW, "make a raw Bluetooth socket", true},
	{AF_PHONET, ANY, CAP_SYS_ADMIN, "make a Phonet socket", true},
};

static void enter_socket(struct wh_caprule_ask *ask)
{
	int family = wh_caprule_arg(ask, 0), type = wh_caprule_arg(ask, 1) & SOCK_TYPE_MASK;

	for (size_t i = 0; i < WH_ARRAY_SIZE(sockets); i++)
		if (sockets[i].family == family &&
		    (sockets[i].type == ANY || sockets[i].type == type)) {
			/* l2cap_sock_create(): Bluetooth's other protocols do not mind. */
			if (family == AF_BLUETOOTH && wh_caprule_arg(ask, 2) != 0)
				return;
			wh_caprule_need(ask, sockets[i].cap, -1, REQUIRED, "%s", sockets[i].what);
			if (sockets[i].initial)
				wh_caprule_initial(ask);
			else
				wh_caprule_over(ask, "net");
			return;
		}
}

/* ---- bind, connect --------------------------------------------------------------------------- */

/* The network is the socket's, which need not be the one that the task is in by now. */
static void bind_port(struct wh_caprule_ask *ask, unsigned port)
{
	wh_auto(fd) net = wh_decode_socket_net(ask->task, wh_caprule_arg(ask, 0));
	uint64_t start;
	bool known;

	if (!port)
		return;
	if (net < 0)
		net = wh_namespace_open(ask->r, ask->task->tid, "net");
	known = wh_namespace_port_start(ask->r, net, &start);
	if (port >= start)
		return;
	if (known)
		wh_caprule_need(ask, CAP_NET_BIND_SERVICE, -1, REQUIRED,
				"bind to port %u (ip_unprivileged_port_start is %" PRIu64 ")", port,
				start);
	else
		wh_caprule_need(ask, CAP_NET_BIND_SERVICE, -1, LIKELY,
				"bind to port %u (ip_unprivileged_port_start could not be read)",
				port);
	wh_caprule_over_socket(ask, wh_caprule_arg(ask, 0));
}

static bool unix_path(const struct wh_call *call)
{
	const struct sockaddr_un *un = (const void *)call->addr;

	return call->addr_len > offsetof(struct sockaddr_un, sun_path) &&
	       un->sun_family == AF_UNIX && un->sun_path[0] != '\0';
}

static int family_of(const struct wh_call *call)
{
	sa_family_t family;

	if (call->addr_len < sizeof(family))
		return AF_UNSPEC;
	memcpy(&family, call->addr, sizeof(family));
	return family;
}

static void enter_bind(struct wh_caprule_ask *ask)
{
	const struct wh_call *call = ask->call;
	const struct sockaddr_in *in = (const void *)call->addr;
	const struct sockaddr_vm *vm = (const void *)call->addr;

	switch (family_of(call)) {
	case AF_INET:
	case AF_INET6: /* the port is at the same place */
		if (call->addr_len >= 4)
			bind_port(ask, ntohs(in->sin_port));
		break;
	case AF_VSOCK:
		if (call->addr_len < sizeof(*vm) || vm->svm_port >= 1024)
			break;
		wh_caprule_need(ask, CAP_NET_BIND_SERVICE, -1, REQUIRED, "bind to vsock port %u",
				vm->svm_port);
		wh_caprule_initial(ask);
		break;
	case 45 /* AF_MCTP */:
		wh_caprule_need(ask, CAP_NET_BIND_SERVICE, -1, REQUIRED, "bind an MCTP socket");
		wh_caprule_initial(ask);
		break;
	case AF_NETLINK:
		wh_caprule_netlink_bind(ask);
		break;
	case AF_UNIX:
		wh_caprule_search(ask, &call->place[0]);
		if (unix_path(call) && call->place[0].valid && !call->place[0].exists)
			wh_caprule_dir(ask, &call->place[0], "create");
		break;
	default:
		break;
	}
}

static void enter_connect(struct wh_caprule_ask *ask)
{
	if (family_of(ask->call) == AF_NETLINK)
		wh_caprule_netlink_to(ask);
	if (!unix_path(ask->call))
		return;
	wh_caprule_search(ask, &ask->call->place[0]);
	wh_caprule_object(ask, &ask->call->place[0], WH_DAC_W, "connect to");
}

/* ---- sending --------------------------------------------------------------------------------- */

/* scm_check_creds(): who says he is someone else. */
static void send_credentials(struct wh_caprule_ask *ask, const uint32_t *claim)
{
	const struct wh_creds *c = ask->creds;
	uid_t uid = wh_caprule_uid(ask, claim[1]);
	gid_t gid = wh_caprule_gid(ask, claim[2]);

	if (wh_caprule_pid(ask, (pid_t)claim[0]) != ask->task->process->tgid) {
		wh_caprule_need(ask, CAP_SYS_ADMIN, -1, REQUIRED,
				"send the credentials of another process");
		wh_caprule_over(ask, "pid");
	}
	if (uid != c->ruid && uid != c->euid && uid != c->suid)
		wh_caprule_need(ask, CAP_SETUID, -1, REQUIRED, "send credentials of uid %u",
				wh_caprule_say_uid(ask, uid));
	if (gid != c->rgid && gid != c->egid && gid != c->sgid)
		wh_caprule_need(ask, CAP_SETGID, -1, REQUIRED, "send credentials of gid %u",
				wh_caprule_say_gid(ask, gid));
}

/* __sock_cmsg_send(), ip6_datagram_send_ctl(): what else a message may ask for itself. */
static const struct {
	int level, kind, cap, instead;
	const char *what;
} asks[] = {
	{SOL_SOCKET, SO_MARK, CAP_NET_RAW, CAP_NET_ADMIN, "send with SO_MARK"},
	{SOL_SOCKET, SO_PRIORITY, CAP_NET_RAW, CAP_NET_ADMIN, "send with SO_PRIORITY beyond 6"},
	{IPPROTO_IPV6, IPV6_HOPOPTS, CAP_NET_RAW, -1, "send with IPV6_HOPOPTS"},
	{IPPROTO_IPV6, IPV6_2292HOPOPTS, CAP_NET_RAW, -1, "send with IPV6_HOPOPTS"},
	{IPPROTO_IPV6, IPV6_RTHDRDSTOPTS, CAP_NET_RAW, -1, "send with IPV6_RTHDRDSTOPTS"},
	{IPPROTO_IPV6, IPV6_DSTOPTS, CAP_NET_RAW, -1, "send with IPV6_DSTOPTS"},
	{IPPROTO_IPV6, IPV6_2292DSTOPTS, CAP_NET_RAW, -1, "send with IPV6_DSTOPTS"},
};

bool wh_caprule_marks(const struct wh_task *task)
{
	uint64_t caps = 0;

	for (size_t i = 0; i < WH_ARRAY_SIZE(asks); i++)
		caps |= UINT64_C(1) << asks[i].cap |
			(asks[i].instead < 0 ? 0 : UINT64_C(1) << asks[i].instead);
	return !task->creds_valid || (task->creds.permitted | task->creds.effective) & caps;
}

static void send_ask(struct wh_caprule_ask *ask, const int32_t kind[2], const uint8_t *data,
		     uint64_t len)
{
	int32_t value = 0;

	for (size_t i = 0; i < WH_ARRAY_SIZE(asks); i++) {
		if (asks[i].level != kind[0] || asks[i].kind != kind[1])
			continue;
		if (len >= sizeof(value))
			memcpy(&value, data, sizeof(value));
		if (kind[0] == SOL_SOCKET && kind[1] == SO_PRIORITY && value >= 0 && value <= 6)
			return;
		wh_caprule_need(ask, asks[i].cap, asks[i].instead, REQUIRED, "%s", asks[i].what);
		wh_caprule_over_socket(ask, wh_caprule_arg(ask, 0));
	}
}

static void send_control(struct wh_caprule_ask *ask, uint64_t addr, uint64_t len)
{
	size_t word = wh_caprule_is32(ask) ? 4 : 8, at = 0;
	uint8_t buf[1024];

	if (len > sizeof(buf))
		len = sizeof(buf);
	if (!wh_caprule_read(ask, addr, buf, (size_t)len))
		return;
	while (at + word + 8 <= len) {
		uint64_t size = 0;
		int32_t kind[2];
		uint32_t claim[3];

		memcpy(&size, buf + at, word);
		memcpy(kind, buf + at + word, sizeof(kind));
		if (size < word + 8 || size > len - at)
			return;
		if (kind[0] == SOL_SOCKET && kind[1] == SCM_CREDENTIALS &&
		    size >= word + 8 + sizeof(claim)) {
			memcpy(claim, buf + at + word + 8, sizeof(claim));
			send_credentials(ask, claim);
		}
		send_ask(ask, kind, buf + at + word + 8, size - word - 8);
		at += (size_t)((size + word - 1) / word * word);
	}
}

/* struct msghdr: name, its length, iov, their number, control, its length, flags. */
enum { NAME, NAME_LEN, IOV, IOV_LEN, CONTROL, CONTROL_LEN, MSG_WORDS };

static void send_msg(struct wh_caprule_ask *ask, uint64_t addr)
{
	uint64_t msg[MSG_WORDS], iov[2];

	if (!wh_caprule_words(ask, addr, msg, MSG_WORDS))
		return;
	if (msg[IOV_LEN] && wh_caprule_words(ask, msg[IOV], iov, 2))
		wh_caprule_netlink_send(ask, iov[0], iov[1]);
	if (msg[CONTROL] && msg[CONTROL_LEN])
		send_control(ask, msg[CONTROL], msg[CONTROL_LEN]);
}

static void enter_send(struct wh_caprule_ask *ask)
{
	if (strcmp(ask->call->row->name, "sendto") == 0)
		wh_caprule_netlink_send(ask, ask->call->arg[1], ask->call->arg[2]);
	else
		send_msg(ask, ask->call->arg[1]); /* of several messages the first */
	enter_connect(ask);
}

/* ---- setsockopt ------------------------------------------------------------------------------ */

enum when {
	ALWAYS,
	NONZERO,
	PRIORITY,   /* 0 … 6 are free */
	AUDIT,	    /* of an audit socket */
	CONGESTION, /* an algorithm that is not for everyone */
	BUDGET,	    /* more than a poll has now */
	BOUND,	    /* already to a device */
	CLOCK,	    /* other than the monotonic one */
	GROUPS	    /* netlink's, some of which are not for everyone */
};

static const struct {
	int level, option, cap, instead;
	enum when when;
	enum wh_strength strength;
	const char *what;
} options[] = {
	{SOL_SOCKET, SO_DEBUG, CAP_NET_ADMIN, -1, NONZERO, REQUIRED, "set SO_DEBUG"},
	{SOL_SOCKET, SO_SNDBUFFORCE, CAP_NET_ADMIN, -1, ALWAYS, REQUIRED, "set SO_SNDBUFFORCE"},
	{SOL_SOCKET, SO_RCVBUFFORCE, CAP_NET_ADMIN, -1, ALWAYS, REQUIRED, "set SO_RCVBUFFORCE"},
	{SOL_SOCKET, SO_PRIORITY, CAP_NET_RAW, CAP_NET_ADMIN, PRIORITY, REQUIRED,
	 "set SO_PRIORITY beyond 6"},
	{SOL_SOCKET, SO_MARK, CAP_NET_RAW, CAP_NET_ADMIN, ALWAYS, REQUIRED, "set SO_MARK"},
	{SOL_SOCKET, SO_BINDTODEVICE, CAP_NET_RAW, -1, BOUND, REQUIRED,
	 "bind to another device a socket that is bound to one"},
	{SOL_SOCKET, 62 /* SO_BINDTOIFINDEX */, CAP_NET_RAW, -1, BOUND, REQUIRED,
	 "bind to another device a socket that is bound to one"},
	{SOL_SOCKET, SO_BUSY_POLL, CAP_NET_ADMIN, -1, NONZERO, POSSIBLE, "set SO_BUSY_POLL"},
	{SOL_SOCKET, 61 /* SO_TXTIME */, CAP_NET_ADMIN, -1, CLOCK, REQUIRED,
	 "set SO_TXTIME to a clock other than the monotonic one"},
	{SOL_SOCKET, 70 /* SO_BUSY_POLL_BUDGET */, CAP_NET_ADMIN, -1, BUDGET, REQUIRED,
	 "raise SO_BUSY_POLL_BUDGET"},
	{SOL_SOCKET, 69 /* SO_PREFER_BUSY_POLL */, CAP_NET_ADMIN, -1, NONZERO, REQUIRED,
	 "set SO_PREFER_BUSY_POLL"},
	{SOL_SOCKET, 75 /* SO_RCVMARK */, CAP_NET_RAW, CAP_NET_ADMIN, ALWAYS, REQUIRED,
	 "set SO_RCVMARK"},
	{IPPROTO_IP, IP_TRANSPARENT, CAP_NET_RAW, CAP_NET_ADMIN, NONZERO, REQUIRED,
	 "set IP_TRANSPARENT"},
	{IPPROTO_IP, 16 /* IP_IPSEC_POLICY */, CAP_NET_ADMIN, -1, ALWAYS, REQUIRED,
	 "set an IPsec policy"},
	{IPPROTO_IP, 17 /* IP_XFRM_POLICY */, CAP_NET_ADMIN, -1, ALWAYS, REQUIRED,
	 "set an IPsec policy"},
	{IPPROTO_IP, 64 /* IPT_SO_SET_REPLACE */, CAP_NET_ADMIN, -1, ALWAYS, REQUIRED,
	 "change iptables"},
	{IPPROTO_IP, 65 /* IPT_SO_SET_ADD_COUNTERS */, CAP_NET_ADMIN, -1, ALWAYS, REQUIRED,
	 "change iptables"},
	{IPPROTO_IP, 96 /* ARPT_SO_SET_REPLACE */, CAP_NET_ADMIN, -1, ALWAYS, REQUIRED,
	 "change arptables"},
	{IPPROTO_IPV6, IPV6_TRANSPARENT, CAP_NET_RAW, CAP_NET_ADMIN, NONZERO, REQUIRED,
	 "set IPV6_TRANSPARENT"},
	{IPPROTO_IP, 128 /* EBT_SO_SET_ENTRIES */, CAP_NET_ADMIN, -1, ALWAYS, REQUIRED,
	 "change ebtables"},
	{IPPROTO_IPV6, IPV6_2292HOPOPTS, CAP_NET_RAW, -1, ALWAYS, REQUIRED, "set IPV6_HOPOPTS"},
	{IPPROTO_IPV6, IPV6_2292DSTOPTS, CAP_NET_RAW, -1, ALWAYS, REQUIRED, "set IPV6_DSTOPTS"},
	{IPPROTO_IPV6, IPV6_HOPOPTS, CAP_NET_RAW, -1, ALWAYS, REQUIRED, "set IPV6_HOPOPTS"},
	{IPPROTO_IPV6, IPV6_RTHDRDSTOPTS, CAP_NET_RAW, -1, ALWAYS, REQUIRED,
	 "set IPV6_RTHDRDSTOPTS"},
	{IPPROTO_IPV6, IPV6_DSTOPTS, CAP_NET_RAW, -1, ALWAYS, REQUIRED, "set IPV6_DSTOPTS"},
	{IPPROTO_IPV6, 34 /* IPV6_IPSEC_POLICY */, CAP_NET_ADMIN, -1, ALWAYS, REQUIRED,
	 "set an IPsec policy"},
	{IPPROTO_IPV6, 35 /* IPV6_XFRM_POLICY */, CAP_NET_ADMIN, -1, ALWAYS, REQUIRED,
	 "set an IPsec policy"},
	{IPPROTO_IPV6, 64 /* IP6T_SO_SET_REPLACE */, CAP_NET_ADMIN, -1, ALWAYS, REQUIRED,
	 "change ip6tables"},
	{IPPROTO_TCP, 19 /* TCP_REPAIR */, CAP_NET_ADMIN, -1, ALWAYS, REQUIRED, "set TCP_REPAIR"},
	{IPPROTO_TCP, 13 /* TCP_CONGESTION */, CAP_NET_ADMIN, -1, CONGESTION, LIKELY,
	 "set a restricted TCP_CONGESTION"},
	{SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, CAP_NET_BROADCAST, -1, ALWAYS, REQUIRED,
	 "set NETLINK_LISTEN_ALL_NSID"},
	{SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, CAP_AUDIT_READ, -1, AUDIT, REQUIRED,
	 "listen to the audit log"},
	{SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, CAP_NET_ADMIN, -1, GROUPS, REQUIRED,
	 "listen to a group of netlink"},
};

/* What the socket has now; it is the same as ours, once we have a descriptor of it. */
static int32_t option_now(struct wh_caprule_ask *ask, int option, int32_t fallback)
{
	wh_auto(fd) fd = wh_decode_socket_copy(ask->task, wh_caprule_arg(ask, 0));
	int32_t value = fallback;
	socklen_t len = sizeof(value);

	return fd >= 0 && getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : fallback;
}

static bool congestion_is_free(struct wh_caprule_ask *ask)
{
	wh_auto(str) allowed =
		wh_caprule_in_ns(ask, "net", "sys/net/ipv4/tcp_allowed_congestion_control");
	char name[17] = "", *word, *save = NULL;
	size_t len = ask->call->arg[4] < 16 ? (size_t)ask->call->arg[4] : 16;

	if (!allowed || !wh_caprule_read(ask, ask->call->arg[3], name, len))
		return true;
	for (word = strtok_r(allowed, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
		if (strcmp(word, name) == 0)
			return true;
	return false;
}

static bool applies(struct wh_caprule_ask *ask, enum when when)
{
	struct wh_decode_kind kind;
	int32_t value = 0;

	switch (when) {
	case ALWAYS:
		return true;
	case NONZERO:
	case PRIORITY:
		if (!wh_caprule_read(ask, ask->call->arg[3], &value, sizeof(value)))
			return false;
		return when == NONZERO ? value != 0 : value < 0 || value > 6;
	case AUDIT:
		return wh_decode_socket_kind(ask->task, wh_caprule_arg(ask, 0), &kind) &&
		       kind.protocol == NETLINK_AUDIT;
	case BUDGET:
		return wh_caprule_read(ask, ask->call->arg[3], &value, sizeof(value)) &&
		       value > option_now(ask, 70 /* SO_BUSY_POLL_BUDGET */, 0);
	case BOUND:
		return option_now(ask, 62 /* SO_BINDTOIFINDEX */, 0) != 0;
	case CLOCK:
		return wh_caprule_read(ask, ask->call->arg[3], &value, sizeof(value)) &&
		       value != CLOCK_MONOTONIC;
	case GROUPS:
		return wh_decode_socket_kind(ask->task, wh_caprule_arg(ask, 0), &kind) &&
		       !wh_caprule_netlink_is_open((int)kind.protocol);
	case CONGESTION:
		return !congestion_is_free(ask);
	}
	return false;
}

bool wh_caprule_net_asks(int level, int option)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(options); i++)
		if (options[i].level == level && options[i].option == option)
			return true;
	return false;
}

/* Those of all sockets for which the kernel says capable(), and not ns_capable() of the network. */
static bool is_of_machine(int level, int option)
{
	return level == SOL_SOCKET &&
	       (option == SO_DEBUG || option == SO_SNDBUFFORCE || option == SO_RCVBUFFORCE ||
		option == SO_BUSY_POLL || option == 69 /* SO_PREFER_BUSY_POLL */ ||
		option == 70 /* SO_BUSY_POLL_BUDGET */);
}

static void enter_setsockopt(struct wh_caprule_ask *ask)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(options); i++) {
		if (options[i].level != wh_caprule_arg(ask, 1) ||
		    options[i].option != wh_caprule_arg(ask, 2) || !applies(ask, options[i].when))
			continue;
		wh_caprule_need(ask, options[i].cap, options[i].instead, options[i].strength, "%s",
				options[i].what);
		if (is_of_machine(options[i].level, options[i].option))
			wh_caprule_initial(ask);
		else if (options[i].cap != CAP_AUDIT_READ)
			wh_caprule_over_socket(ask, wh_caprule_arg(ask, 0));
	}
}

/*
 * Firewalls and the like answer by getsockopt() too: do_ipt_get_ctl(), do_ip6t_get_ctl(), do_arpt_get_ctl(),
 * do_ebt_get_ctl(), do_ip_vs_get_ctl().
 */
static const struct {
	int level, first, last;
	const char *what;
} answers[] = {
	{IPPROTO_IP, 64, 67, "read iptables"},	  {IPPROTO_IP, 96, 99, "read arptables"},
	{IPPROTO_IP, 128, 131, "read ebtables"},  {IPPROTO_IP, 1152, 1158, "read IPVS"},
	{IPPROTO_IPV6, 64, 69, "read ip6tables"},
};

static const char *answer(int level, int option)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(answers); i++)
		if (answers[i].level == level && option >= answers[i].first &&
		    option <= answers[i].last)
			return answers[i].what;
	return NULL;
}

bool wh_caprule_net_answers(int level, int option)
{
	return answer(level, option) != NULL;
}

static void enter_getsockopt(struct wh_caprule_ask *ask)
{
	const char *what = answer(wh_caprule_arg(ask, 1), wh_caprule_arg(ask, 2));

	if (!what)
		return;
	/* Some of these numbers are other options' where there is no such firewall. */
	wh_caprule_need(ask, CAP_NET_ADMIN, -1, LIKELY, "%s", what);
	wh_caprule_over_socket(ask, wh_caprule_arg(ask, 0));
}

const struct wh_caprule wh_caprule_net[] = {
	{"socket", enter_socket, WH_CAP(NET_RAW) | WH_CAP(NET_ADMIN) | WH_CAP(SYS_ADMIN)},
	{"bind", enter_bind,
	 DAC | WH_CAP(NET_BIND_SERVICE) | WH_CAP(AUDIT_READ) | WH_CAP(NET_ADMIN)},
	{"connect", enter_connect, DAC | WH_CAP(NET_ADMIN)},
	{"send", enter_send,
	 DAC | WH_CAP(NET_ADMIN) | WH_CAP(AUDIT_WRITE) | WH_CAP(AUDIT_CONTROL) | WH_CAP(SYS_ADMIN) |
		 WH_CAP(SETUID) | WH_CAP(SETGID) | WH_CAP(NET_RAW)},
	{"getsockopt", enter_getsockopt, WH_CAP(NET_ADMIN)},
	{"setsockopt", enter_setsockopt,
	 WH_CAP(NET_ADMIN) | WH_CAP(NET_RAW) | WH_CAP(NET_BROADCAST) | WH_CAP(AUDIT_READ)},
	{NULL},
};
