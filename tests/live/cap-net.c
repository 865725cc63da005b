/* SPDX-License-Identifier: Apache-2.0 */
/* Ports, raw sockets, socket options and netlink. */
/* LIVE: m32 */
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cap.h"

#define NEEDS(cap) CAP_##cap, CAP_NONE, "required"

static int bind_to(int port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	in.sin_addr.s_addr = htonl(INADDR_ANY);
	return bind(fd, (struct sockaddr *)&in, sizeof(in));
}
static int bind_low(void)
{
	return bind_to(1023);
}
static int bind_any(void)
{
	return bind_to(0);
}
static int bind_low6(void)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(1021)};
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	in6.sin6_addr = in6addr_any;
	return bind(fd, (struct sockaddr *)&in6, sizeof(in6));
}
static int make(int family, int type, int protocol)
{
	return socket(family, type | SOCK_CLOEXEC, protocol) < 0 ? -1 : 0;
}
static int raw(void)
{
	return make(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}
static int datagram(void)
{
	return make(AF_INET, SOCK_DGRAM, 0);
}
static int raw6(void)
{
	return make(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
}
static int packet(void)
{
	return make(AF_PACKET, SOCK_DGRAM, 0);
}
static int netlink(void)
{
	return make(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
}
static int option(int level, int name, int value)
{
	return setsockopt(socket(AF_INET, SOCK_STREAM, 0), level, name, &value, sizeof(value));
}
static int mark(void)
{
	return option(SOL_SOCKET, SO_MARK, 1);
}
static int reuse(void)
{
	return option(SOL_SOCKET, SO_REUSEADDR, 1);
}
static int priority(void)
{
	return option(SOL_SOCKET, SO_PRIORITY, 7);
}
static int priority_low(void)
{
	return option(SOL_SOCKET, SO_PRIORITY, 6);
}
static int force(void)
{
	return option(SOL_SOCKET, SO_RCVBUFFORCE, 65536);
}
static int no_force(void)
{
	return option(SOL_SOCKET, SO_RCVBUF, 65536);
}
static int transparent(void)
{
	return option(IPPROTO_IP, IP_TRANSPARENT, 1);
}
static int transparent_off(void)
{
	return option(IPPROTO_IP, IP_TRANSPARENT, 0);
}
static int budget(int value)
{
	return option(SOL_SOCKET, 70 /* SO_BUSY_POLL_BUDGET */, value);
}
static int budget_more(void)
{
	return budget(64);
}
static int budget_none(void)
{
	return budget(0);
}
static int bind_again(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	/* The first time is for everyone. */
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3))
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "", 1);
}
static int bind_first(void)
{
	return setsockopt(socket(AF_INET, SOCK_DGRAM, 0), SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
}
static int send_with(int kind, int value)
{
	char control[CMSG_SPACE(sizeof(value))] = "", data = 'x';
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(9)};
	struct iovec iov = {&data, 1};
	struct msghdr msg = {&in, sizeof(in), &iov, 1, control, sizeof(control), 0};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = kind;
	c->cmsg_len = CMSG_LEN(sizeof(value));
	memcpy(CMSG_DATA(c), &value, sizeof(value));
	return sendmsg(socket(AF_INET, SOCK_DGRAM, 0), &msg, 0) == 1 ? 0 : -1;
}
static int send_marked(void)
{
	return send_with(SO_MARK, 1);
}
static int ethtool(uint32_t command)
{
	struct {
		uint32_t command, value;
	} data = {command, 0};
	struct ifreq r = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	r.ifr_data = (void *)&data;
	return ioctl(fd, SIOCETHTOOL, &r);
}
static int ethtool_flags(void)
{
	return ethtool(0x26 /* ETHTOOL_SFLAGS */);
}
static int ethtool_link(void)
{
	return ethtool(0x0a /* ETHTOOL_GLINK */);
}
static int all_nsid(void)
{
	int one = 1;

	return setsockopt(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), SOL_NETLINK,
			  NETLINK_LISTEN_ALL_NSID, &one, sizeof(one));
}
static int interface(unsigned long request)
{
	struct ifreq r = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (ioctl(fd, SIOCGIFFLAGS, &r) < 0)
		return -1;
	r.ifr_flags |= IFF_UP;
	return ioctl(fd, request, &r);
}
static int interface_set(void)
{
	return interface(SIOCSIFFLAGS);
}
static int interface_get(void)
{
	return interface(SIOCGIFFLAGS);
}
static int credentials_of(uid_t uid)
{
	struct ucred claim = {getpid(), uid, 0};
	char control[CMSG_SPACE(sizeof(claim))] = "", data = 'x';
	struct iovec iov = {&data, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int pair[2];

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_CREDENTIALS;
	c->cmsg_len = CMSG_LEN(sizeof(claim));
	memcpy(CMSG_DATA(c), &claim, sizeof(claim));
	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || sendmsg(pair[0], &msg, 0) != 1 ? -1 : 0;
}
static int credentials_other(void)
{
	return credentials_of(OTHER);
}
static int credentials_own(void)
{
	return credentials_of(0);
}

int main(void)
{
	const struct cap_case cases[] = {
		{NEEDS(NET_BIND_SERVICE), bind_low, bind_any,
		 "bind to port 1023 (ip_unprivileged_port_start is 1024)", EACCES},
		{NEEDS(NET_BIND_SERVICE), bind_low6, NULL,
		 "bind to port 1021 (ip_unprivileged_port_start is 1024)", EACCES},
		{NEEDS(NET_RAW), raw, datagram, "make a raw IPv4 socket"},
		{NEEDS(NET_RAW), raw6, NULL, "make a raw IPv6 socket"},
		{NEEDS(NET_RAW), packet, netlink, "make a packet socket"},
		{CAP_NET_RAW, CAP_NET_ADMIN, "required", mark, reuse, "set SO_MARK"},
		{CAP_NET_RAW, CAP_NET_ADMIN, "required", priority, priority_low,
		 "set SO_PRIORITY beyond 6"},
		{CAP_NET_RAW, CAP_NET_ADMIN, "required", transparent, transparent_off,
		 "set IP_TRANSPARENT"},
		{NEEDS(NET_ADMIN), force, no_force, "set SO_RCVBUFFORCE"},
		{NEEDS(NET_BROADCAST), all_nsid, NULL, "set NETLINK_LISTEN_ALL_NSID"},
		{NEEDS(NET_ADMIN), interface_set, interface_get, "ioctl SIOCSIFFLAGS"},
		{NEEDS(NET_ADMIN), budget_more, budget_none, "raise SO_BUSY_POLL_BUDGET"},
		{NEEDS(NET_RAW), bind_again, bind_first,
		 "bind to another device a socket that is bound to one"},
		{CAP_NET_RAW, CAP_NET_ADMIN, "required", send_marked, NULL, "send with SO_MARK"},
		{NEEDS(NET_ADMIN), ethtool_flags, ethtool_link, "ioctl SIOCETHTOOL, command 38"},
		{NEEDS(SETUID), credentials_other, credentials_own, "send credentials of uid 33"},
	};

	/* A network of its own, whose ports are as the kernel sets them and which nobody else has. */
	expect_that(unshare(CLONE_NEWNET) == 0);
	cap_expect(NEEDS(SYS_ADMIN), false, "make a new network namespace", 0);
	expect_that(interface_set() == 0);
	cap_expect(NEEDS(NET_ADMIN), false, "ioctl SIOCSIFFLAGS", 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cap_try(&cases[i]);
	cap_done();
	return 0;
}
