/* SPDX-License-Identifier: Apache-2.0 */
/* Netlink: net/netlink/af_netlink.c of the kernel, and those who answer there. */
#include <linux/audit.h>
#include <linux/cryptouser.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tracer/caprule_impl.h"
#include "tracer/decode.h"

#define REQUIRED WH_STRENGTH_REQUIRED
#define LIKELY	 WH_STRENGTH_LIKELY
#define POSSIBLE WH_STRENGTH_POSSIBLE

/* ---- generic netlink: the controller knows what each family's commands ask for ---------------- */

struct answer {
	struct nlmsghdr h;
	struct genlmsghdr g;
	char data[8192];
};

/* The family's description, as the controller gives it to anyone. Return: its length behind @ret, 0: none. */
static size_t ask_controller(uint16_t family, struct answer *ret)
{
	struct {
		struct nlmsghdr h;
		struct genlmsghdr g;
		struct nlattr a;
		uint16_t id, pad;
	} question = {
		.h = {sizeof(question), GENL_ID_CTRL, NLM_F_REQUEST, 1, 0},
		.g = {.cmd = CTRL_CMD_GETFAMILY, .version = 1},
		.a = {NLA_HDRLEN + sizeof(uint16_t), CTRL_ATTR_FAMILY_ID},
		.id = family,
	};
	wh_auto(fd) fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	size_t head = sizeof(ret->h) + sizeof(ret->g);
	ssize_t n;

	/* The controller answers within the call; so there is nothing to wait for. */
	if (fd < 0 || send(fd, &question, sizeof(question), 0) != (ssize_t)sizeof(question))
		return 0;
	n = recv(fd, ret, sizeof(*ret), MSG_DONTWAIT);
	if (n < (ssize_t)head || ret->h.nlmsg_type != GENL_ID_CTRL || ret->h.nlmsg_len > (size_t)n)
		return 0;
	return ret->h.nlmsg_len - head;
}

/* The next attribute of @len bytes at *@at; NULL at the end. */
static const struct nlattr *attribute(const char *data, size_t len, size_t *at)
{
	const struct nlattr *a = (const void *)(data + *at);

	if (*at + NLA_HDRLEN > len || a->nla_len < NLA_HDRLEN || a->nla_len > len - *at)
		return NULL;
	*at += NLA_ALIGN((size_t)a->nla_len);
	return a;
}

static uint32_t number(const struct nlattr *a)
{
	uint32_t value = 0;

	if (a->nla_len >= NLA_HDRLEN + sizeof(value))
		memcpy(&value, (const char *)a + NLA_HDRLEN, sizeof(value));
	return value;
}

/* Of one operation: is it @command, and which flags has it? */
static bool operation(const struct nlattr *op, uint32_t command, uint32_t *ret_flags)
{
	const struct nlattr *a;
	size_t at = 0;
	bool is = false;

	*ret_flags = 0;
	while ((a = attribute((const char *)op + NLA_HDRLEN, op->nla_len - NLA_HDRLEN, &at))) {
		if ((a->nla_type & NLA_TYPE_MASK) == CTRL_ATTR_OP_ID)
			is = number(a) == command;
		else if ((a->nla_type & NLA_TYPE_MASK) == CTRL_ATTR_OP_FLAGS)
			*ret_flags = number(a);
	}
	return is;
}

/*
 * Return: the flags of the operation (GENL_ADMIN_PERM …); 0 also where there is none; -1 when it cannot be
 * found out. A command may be there twice, to do and to dump: then they count together.
 */
static int64_t command_flags(uint16_t family, uint8_t command, bool *ret_several)
{
	struct answer answer;
	size_t len = ask_controller(family, &answer), at = 0;
	const struct nlattr *a, *op;
	uint32_t flags = 0, all = 0, n = 0;

	*ret_several = false;
	if (!len)
		return -1;
	while ((a = attribute(answer.data, len, &at))) {
		size_t in = 0;

		if ((a->nla_type & NLA_TYPE_MASK) != CTRL_ATTR_OPS)
			continue;
		while ((op = attribute((const char *)a + NLA_HDRLEN, a->nla_len - NLA_HDRLEN, &in)))
			if (operation(op, command, &flags)) {
				all |= flags;
				n++;
			}
	}
	*ret_several = n > 1;
	return all;
}

/* genl_family_rcv_msg(): in the initial user namespace, or in that of the network. */
static void generic(struct wh_caprule_ask *ask, uint64_t addr, const struct nlmsghdr *h)
{
	struct genlmsghdr g;
	int64_t flags;
	bool several;

	if (h->nlmsg_type == GENL_ID_CTRL ||
	    !wh_caprule_read(ask, addr + sizeof(*h), &g, sizeof(g)))
		return;
	flags = command_flags(h->nlmsg_type, g.cmd, &several);
	if (!flags || (flags > 0 && !(flags & (GENL_ADMIN_PERM | GENL_UNS_ADMIN_PERM))))
		return;
	wh_caprule_need(ask, CAP_NET_ADMIN, -1, flags < 0 ? POSSIBLE : LIKELY,
			"send command %u of generic netlink", g.cmd);
	if (flags > 0 && flags & GENL_ADMIN_PERM)
		wh_caprule_initial(ask);
	else
		wh_caprule_over_socket(ask, wh_caprule_arg(ask, 0));
	if (flags > 0 && !several)
		wh_caprule_answered(ask);
}

/* ---- the others ------------------------------------------------------------------------------ */

/* PROC_PID_INIT_INO of the kernel is the number of the initial one, on every machine. */
static bool in_first_pidns(struct wh_caprule_ask *ask)
{
	char path[48], link[64];
	ssize_t n;

	snprintf(path, sizeof(path), "%d/ns/pid", (int)ask->task->tid);
	n = readlinkat(ask->r->proc_fd, path, link, sizeof(link) - 1);
	if (n <= 0)
		return true;
	link[n] = '\0';
	return strcmp(link, "pid:[4026531836]") == 0;
}

/* audit_netlink_ok(): control it from the first pid namespace only, write to it from all. */
static void audit(struct wh_caprule_ask *ask, unsigned type)
{
	if ((type >= AUDIT_FIRST_USER_MSG && type <= AUDIT_LAST_USER_MSG) ||
	    (type >= AUDIT_FIRST_USER_MSG2 && type <= AUDIT_LAST_USER_MSG2) || type == AUDIT_USER)
		wh_caprule_need(ask, CAP_AUDIT_WRITE, -1, LIKELY, "write to the audit log");
	else if (type >= AUDIT_GET)
		wh_caprule_need(ask, CAP_AUDIT_CONTROL, -1, LIKELY,
				"ask or change the audit system");
	wh_caprule_answered(ask);
	if (ask->last && ask->last->cap == CAP_AUDIT_CONTROL && !in_first_pidns(ask))
		ask->last->vain = true;
}

/* Of protocols that ask for one thing, whatever is sent; or for messages of these types. */
static const struct {
	int protocol;
	unsigned first, last;
	int cap;
	bool initial;
	const char *what;
} protocols[] = {
	{NETLINK_NETFILTER, 0, UINT16_MAX, CAP_NET_ADMIN, false, "use netfilter by netlink"},
	{NETLINK_XFRM, 0, UINT16_MAX, CAP_NET_ADMIN, false, "use IPsec by netlink"},
	{NETLINK_CONNECTOR, 0, UINT16_MAX, CAP_NET_ADMIN, true, "use the netlink connector"},
	{NETLINK_SOCK_DIAG, SOCK_DESTROY, SOCK_DESTROY, CAP_NET_ADMIN, false,
	 "close the sockets of others"},
	{NETLINK_CRYPTO, CRYPTO_MSG_NEWALG, CRYPTO_MSG_UPDATEALG, CAP_NET_ADMIN, true,
	 "change the kernel's algorithms"},
	{NETLINK_ISCSI, 0, UINT16_MAX, CAP_SYS_ADMIN, true, "use iSCSI by netlink"},
	{NETLINK_SCSITRANSPORT, 0, UINT16_MAX, CAP_SYS_ADMIN, true, "use SCSI by netlink"},
	{NETLINK_KOBJECT_UEVENT, 0, UINT16_MAX, CAP_SYS_ADMIN, false, "send a uevent"},
};

/* What the receiver in the kernel thinks of a message comes back in another one: so never required. */
static void message(struct wh_caprule_ask *ask, int protocol, uint64_t addr,
		    const struct nlmsghdr *h)
{
	unsigned type = h->nlmsg_type;

	ask->last = NULL;
	if (protocol == NETLINK_AUDIT) {
		audit(ask, type);
	} else if (protocol == NETLINK_GENERIC) {
		generic(ask, addr, h);
	} else if (protocol == NETLINK_ROUTE) {
		/* rtnetlink_rcv_msg(): of each four the third is the question. */
		if (type >= RTM_BASE && (type - RTM_BASE) % 4 != 2)
			wh_caprule_need(ask, CAP_NET_ADMIN, -1, LIKELY,
					"change the network's configuration (rtnetlink %u)", type);
		wh_caprule_answered(ask);
		wh_caprule_over_socket(ask, wh_caprule_arg(ask, 0));
	}
	for (size_t i = 0; i < WH_ARRAY_SIZE(protocols); i++) {
		if (protocols[i].protocol != protocol || type < protocols[i].first ||
		    type > protocols[i].last)
			continue;
		wh_caprule_need(ask, protocols[i].cap, -1, LIKELY, "%s", protocols[i].what);
		if (protocols[i].protocol == NETLINK_NETFILTER ||
		    protocols[i].protocol == NETLINK_XFRM)
			wh_caprule_answered(ask);
		if (protocols[i].initial)
			wh_caprule_initial(ask);
		else
			wh_caprule_over_socket(ask, wh_caprule_arg(ask, 0));
	}
}

/* Most of what is sent is no netlink message: ask for the socket only when it could be one. */
void wh_caprule_netlink_send(struct wh_caprule_ask *ask, uint64_t addr, uint64_t len)
{
	struct nlmsghdr h;
	struct wh_decode_kind kind;

	if (len < sizeof(h) || !wh_caprule_read(ask, addr, &h, sizeof(h)))
		return;
	if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > len || !h.nlmsg_type)
		return;
	if (wh_decode_socket_kind(ask->task, wh_caprule_arg(ask, 0), &kind) &&
	    kind.family == AF_NETLINK)
		message(ask, (int)kind.protocol, addr, &h);
}

/* ---- addresses: netlink_allowed() ------------------------------------------------------------- */

/* Those without NL_CFG_F_NONROOT_RECV. */
bool wh_caprule_netlink_is_open(int protocol)
{
	return protocol != NETLINK_NETFILTER && protocol != NETLINK_XFRM;
}

void wh_caprule_netlink_bind(struct wh_caprule_ask *ask)
{
	const struct sockaddr_nl *nl = (const void *)ask->call->addr;
	int fd = wh_caprule_arg(ask, 0);
	struct wh_decode_kind kind;

	if (ask->call->addr_len < sizeof(*nl) || !nl->nl_groups ||
	    !wh_decode_socket_kind(ask->task, fd, &kind))
		return;
	if (kind.protocol == NETLINK_AUDIT) {
		wh_caprule_need(ask, CAP_AUDIT_READ, -1, REQUIRED, "listen to the audit log");
	} else if (!wh_caprule_netlink_is_open((int)kind.protocol)) {
		wh_caprule_need(ask, CAP_NET_ADMIN, -1, REQUIRED, "listen to a group of netlink");
		wh_caprule_over_socket(ask, fd);
	}
}

/* Only of NETLINK_USERSOCK everyone may speak to others than the kernel. */
void wh_caprule_netlink_to(struct wh_caprule_ask *ask)
{
	const struct sockaddr_nl *nl = (const void *)ask->call->addr;
	int fd = wh_caprule_arg(ask, 0);
	struct wh_decode_kind kind;

	if (ask->call->addr_len < sizeof(*nl) || nl->nl_family != AF_NETLINK ||
	    (!nl->nl_groups && !nl->nl_pid) || !wh_decode_socket_kind(ask->task, fd, &kind) ||
	    kind.protocol == NETLINK_USERSOCK)
		return;
	wh_caprule_need(ask, CAP_NET_ADMIN, -1, REQUIRED, "send by netlink to other programs");
	wh_caprule_over_socket(ask, fd);
}
