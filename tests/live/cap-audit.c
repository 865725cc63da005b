/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Netlink: what is sent is answered by a message, so the call itself never fails; and who may listen or speak to
 * others is asked at once.
 */
/* LIVE: m32 */
#include <linux/audit.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>

#include "cap.h"

#define NEEDS(cap) CAP_##cap, CAP_NONE, "required"

static int answer(int fd)
{
	struct {
		struct nlmsghdr h;
		int error;
		char rest[4096];
	} reply;
	ssize_t n;

	do {
		n = recv(fd, &reply, sizeof(reply), 0);
		if (n < (ssize_t)sizeof(reply.h))
			return -1;
	} while (reply.h.nlmsg_type != NLMSG_ERROR);
	errno = -reply.error;
	return reply.error ? -1 : 0;
}

/* Return: what the kernel answers. */
static int tell(int protocol, uint16_t type, const void *data, size_t len)
{
	struct {
		struct nlmsghdr h;
		char data[64];
	} m = {.h = {(uint32_t)(NLMSG_HDRLEN + len), type, NLM_F_REQUEST | NLM_F_ACK, 1, 0}};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), k;

	if (fd < 0)
		return -1;
	memcpy(m.data, data, len);
	k = send(fd, &m, m.h.nlmsg_len, 0) < 0 ? -1 : answer(fd);
	close(fd);
	return k;
}

static int audit_write(void)
{
	static const char text[] = "whittle test";

	return tell(NETLINK_AUDIT, AUDIT_USER, text, sizeof(text));
}
static int audit_status(void)
{
	return tell(NETLINK_AUDIT, AUDIT_GET, "", 0);
}
static int listen_to(int protocol)
{
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK, .nl_groups = 1};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	return bind(fd, (struct sockaddr *)&nl, sizeof(nl));
}
static int audit_listen(void)
{
	return listen_to(NETLINK_AUDIT);
}
static int route_listen(void)
{
	return listen_to(NETLINK_ROUTE);
}
static int join(int protocol)
{
	int group = 1, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	return setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group));
}
static int audit_join(void)
{
	return join(NETLINK_AUDIT);
}
static int route_join(void)
{
	return join(NETLINK_ROUTE);
}
static int loopback(uint16_t type)
{
	struct ifinfomsg m = {.ifi_family = AF_UNSPEC, .ifi_index = 1};

	return tell(NETLINK_ROUTE, type, &m, sizeof(m));
}
static int change_link(void)
{
	return loopback(RTM_NEWLINK);
}
static int ask_link(void)
{
	return loopback(RTM_GETLINK);
}
static int speak(int protocol)
{
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK, .nl_pid = 1};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	return connect(fd, (struct sockaddr *)&nl, sizeof(nl));
}
static int speak_route(void)
{
	return speak(NETLINK_ROUTE);
}
static int speak_user(void)
{
	return speak(NETLINK_USERSOCK);
}
/* The controller itself is for all to ask. */
static int ask_controller(void)
{
	struct {
		struct genlmsghdr g;
		struct nlattr a;
		char name[8];
	} m = {{CTRL_CMD_GETFAMILY, 1, 0}, {NLA_HDRLEN + 7, CTRL_ATTR_FAMILY_NAME}, "nlctrl"};

	return tell(NETLINK_GENERIC, GENL_ID_CTRL, &m, sizeof(m));
}

/* The kernel's answer is EPERM, the call's own is not. */
static void answered(int cap, int (*needs)(void), int (*free)(void), const char *what)
{
	int err = cap_run(needs, cap, -1);

	expect_that(err == EPERM);
	cap_expect(cap, CAP_NONE, "likely", true, what, 0);
	expect_that(cap_run(needs, -1, -1) == 0);
	cap_expect(cap, CAP_NONE, "likely", false, what, 0);
	if (free)
		expect_that(cap_run(free, cap, -1) == 0);
}

static void auditing(void)
{
	const struct cap_case cases[] = {
		{NEEDS(AUDIT_READ), audit_listen, route_listen, "listen to the audit log"},
		{NEEDS(AUDIT_READ), audit_join, route_join, "listen to the audit log"},
	};
	char link[64] = "";
	int err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cap_try(&cases[i]);
	answered(CAP_AUDIT_WRITE, audit_write, NULL, "write to the audit log");
	expect_that(readlink("/proc/self/ns/pid", link, sizeof(link) - 1) > 0);
	if (strcmp(link, "pid:[4026531836]") == 0) {
		answered(CAP_AUDIT_CONTROL, audit_status, NULL, "ask or change the audit system");
		return;
	}
	/* Elsewhere nobody may, with it or without. */
	err = cap_run(audit_status, -1, -1);
	expect_that(err == EPERM && cap_run(audit_status, CAP_AUDIT_CONTROL, -1) == EPERM);
	cap_expect(CAP_AUDIT_CONTROL, CAP_NONE, "possible", false, "ask or change the audit system",
		   0);
}

int main(void)
{
	const struct cap_case to_others = {NEEDS(NET_ADMIN), speak_route, speak_user,
					   "send by netlink to other programs"};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);

	/* Not every kernel has it. */
	if (fd >= 0) {
		close(fd);
		auditing();
	}
	expect_that(unshare(CLONE_NEWNET) == 0);
	cap_expect(NEEDS(SYS_ADMIN), false, "make a new network namespace", 0);
	answered(CAP_NET_ADMIN, change_link, ask_link,
		 "change the network's configuration (rtnetlink 16)");
	expect_that(cap_run(ask_controller, CAP_NET_ADMIN, -1) == 0);
	cap_try(&to_others);
	cap_done();
	return 0;
}
