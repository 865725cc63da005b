/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of every family, and what travels through them. */
#include "random.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

union address {
	struct sockaddr sa;
	struct sockaddr_un un;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

enum place { BY_PATH, BY_NAME, INET, INET6 };

/* Return: its length. */
static socklen_t address_of(const struct actor *a, enum place place, union address *ret)
{
	memset(ret, 0, sizeof(*ret));
	switch (place) {
	case BY_PATH:
	case BY_NAME:
		ret->un.sun_family = AF_UNIX;
		snprintf(ret->un.sun_path + (place == BY_NAME), sizeof(ret->un.sun_path) - 1, "%s",
			 in_dir(a, "socket"));
		if (place == BY_PATH)
			unlink(ret->un.sun_path);
		return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				   strlen(in_dir(a, "socket")));
	case INET:
		ret->in.sin_family = AF_INET;
		ret->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(ret->in);
	case INET6:
		ret->in6.sin6_family = AF_INET6;
		ret->in6.sin6_addr = in6addr_loopback;
		return sizeof(ret->in6);
	}
	return 0;
}

/* One byte by each of the ways there are; hot, and with another way at the end. */
static void send_to(int fd, unsigned way, union address *to, socklen_t len)
{
	char byte = 'x';
	struct iovec iov = {&byte, 1};
	struct mmsghdr msg = {
		.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1, .msg_name = to, .msg_namelen = len}};
	ssize_t n = 1;

	switch (way) {
	case 0:
		n = sendto(fd, &byte, 1, MSG_NOSIGNAL, to ? &to->sa : NULL, len);
		break;
	case 1:
		n = sendmsg(fd, &msg.msg_hdr, 0);
		break;
	case 2:
		n = sendmmsg(fd, &msg, 1, 0);
		break;
	default:
		/* Without an address these go only where the socket is connected. */
		n = to ? sendto(fd, &byte, 1, 0, &to->sa, len) : write(fd, &byte, 1);
		break;
	}
	must(n == 1, "send");
}

static void receive(int fd, unsigned way)
{
	char byte;
	struct iovec iov = {&byte, 1};
	struct mmsghdr msg = {.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1}};
	ssize_t n;

	switch (way) {
	case 0:
		n = recv(fd, &byte, 1, 0);
		break;
	case 1:
		n = recvmsg(fd, &msg.msg_hdr, MSG_CMSG_CLOEXEC);
		break;
	case 2:
		n = recvmmsg(fd, &msg, 1, 0, NULL);
		break;
	default:
		n = read(fd, &byte, 1);
		break;
	}
	must(n == 1, "receive");
}

/* A server and its client: all that bind and connect is here. */
void act_meet(struct actor *a)
{
	static const struct {
		enum place place;
		int type;
	} kinds[] = {
		{BY_PATH, SOCK_STREAM}, {BY_PATH, SOCK_DGRAM}, {BY_PATH, SOCK_SEQPACKET},
		{BY_NAME, SOCK_STREAM}, {BY_NAME, SOCK_DGRAM}, {INET, SOCK_STREAM},
		{INET, SOCK_DGRAM},	{INET6, SOCK_STREAM},  {INET6, SOCK_DGRAM},
	};
	unsigned kind = pick(a, COUNT(kinds)), way = pick(a, 4), late = pick(a, 4);
	unsigned times = pick(a, 2) ? 1 : 150;
	int type = kinds[kind].type, peer;
	union address addr;
	socklen_t len = address_of(a, kinds[kind].place, &addr), got = sizeof(addr);
	int server = socket(addr.sa.sa_family, type | SOCK_CLOEXEC, 0);
	int client = socket(addr.sa.sa_family, type | SOCK_CLOEXEC, 0);

	must(server >= 0 && client >= 0, "socket");
	if (connect(client, &addr.sa, len) == 0) { /* a datagram socket does not mind */
		close(client);
		client = socket(addr.sa.sa_family, type | SOCK_CLOEXEC, 0);
	}
	must(bind(server, &addr.sa, len) == 0, "bind");
	must(getsockname(server, &addr.sa, &got) == 0, "getsockname");
	if (type == SOCK_DGRAM) {
		for (unsigned i = 0; i < times; i++) {
			send_to(client, way, &addr, len);
			receive(server, way);
		}
		must(connect(client, &addr.sa, len) == 0, "connect");
		send_to(client, late, NULL, 0);
		receive(server, late);
	} else {
		must(listen(server, 1) == 0, "listen");
		must(connect(client, &addr.sa, len) == 0, "connect");
		peer = accept4(server, NULL, NULL, SOCK_CLOEXEC);
		for (unsigned i = 0; i < times; i++) {
			send_to(client, way, NULL, 0);
			receive(peer, way);
		}
		send_to(peer, late, NULL, 0);
		receive(client, late);
		shutdown(peer, SHUT_RDWR);
		must(send(peer, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE, "EPIPE");
		close(peer);
	}
	close(client);
	close(server);
}

/* A descriptor travels; what comes out of it is used. With the sender's name, sometimes. */
void act_pass(struct actor *a)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
	} control = {0};
	char byte = 'x';
	struct iovec iov = {&byte, 1};
	struct mmsghdr msg = {.msg_hdr = {.msg_iov = &iov,
					  .msg_iovlen = 1,
					  .msg_control = &control,
					  .msg_controllen = CMSG_SPACE(sizeof(int))}};
	int pair[2], fd = make(a, "passed"), many = (int)pick(a, 2), hot_before = (int)pick(a, 2);

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	for (int i = 0; hot_before && i < 150; i++) {
		send_to(pair[0], 1, NULL, 0);
		receive(pair[1], 1);
	}
	control.head.cmsg_len = CMSG_LEN(sizeof(int));
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	if (many)
		must(sendmmsg(pair[0], &msg, 1, 0) == 1, "sendmmsg");
	else
		must(sendmsg(pair[0], &msg.msg_hdr, 0) == 1, "sendmsg");
	close(fd);
	if (many)
		must(recvmmsg(pair[1], &msg, 1, MSG_CMSG_CLOEXEC, NULL) == 1, "recvmmsg");
	else
		must(recvmsg(pair[1], &msg.msg_hdr, MSG_CMSG_CLOEXEC) == 1, "recvmsg");
	memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
	must(fchmod(fd, 0604) == 0, "fchmod");
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

void act_family(struct actor *a)
{
	static const struct {
		int family, type, protocol;
	} kinds[] = {
		{AF_INET6, SOCK_DGRAM, 0},
		{AF_INET, SOCK_RAW, IPPROTO_ICMP},
		{AF_INET, SOCK_DGRAM, IPPROTO_ICMP},
		{AF_INET, SOCK_STREAM, 132 /* SCTP */},
		{AF_INET, SOCK_STREAM, 262 /* MPTCP */},
		{AF_NETLINK, SOCK_RAW, NETLINK_ROUTE},
		{AF_NETLINK, SOCK_RAW, NETLINK_AUDIT},
		{AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT},
		{AF_PACKET, SOCK_RAW, 0},
		{AF_PACKET, SOCK_DGRAM, 0},
		{AF_VSOCK, SOCK_STREAM, 0},
		{AF_UNIX, SOCK_RAW, 0},
		{AF_KEY, SOCK_RAW, 2},
		{AF_XDP, SOCK_RAW, 0},
		{AF_TIPC, SOCK_STREAM, 0},
		{77, SOCK_STREAM, 0},
	};
	unsigned k = pick(a, COUNT(kinds));
	int type = kinds[k].type | (pick(a, 2) ? SOCK_CLOEXEC : 0);

	close(socket(kinds[k].family, type | SOCK_CLOEXEC, kinds[k].protocol));
}

void act_netlink(struct actor *a)
{
	struct {
		struct nlmsghdr head;
		struct rtgenmsg gen;
	} ask = {{sizeof(ask), RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1, 0}, {AF_UNSPEC}};
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_ifindex = 1};
	struct sockaddr_vm vm = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = VMADDR_PORT_ANY};
	char text[4096];
	int fd;

	switch (pick(a, 3)) {
	case 0:
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
		must(bind(fd, (struct sockaddr *)&kernel, sizeof(kernel)) == 0, "bind");
		must(sendto(fd, &ask, sizeof(ask), 0, (struct sockaddr *)&kernel, sizeof(kernel)) ==
			     sizeof(ask),
		     "netlink");
		must(recv(fd, text, sizeof(text), 0) > 0, "netlink");
		send(fd, &ask, sizeof(ask), 0);
		break;
	case 1:
		fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
		bind(fd, (struct sockaddr *)&ll, sizeof(ll));
		break;
	default:
		fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
		bind(fd, (struct sockaddr *)&vm, sizeof(vm));
		break;
	}
	close(fd);
}

void act_option(struct actor *a)
{
	static const struct {
		int level, name;
	} options[] = {
		{SOL_SOCKET, SO_REUSEADDR},
		{SOL_SOCKET, SO_KEEPALIVE},
		{SOL_SOCKET, SO_SNDBUF},
		{SOL_SOCKET, SO_SNDBUFFORCE},
		{SOL_SOCKET, SO_BROADCAST},
		{SOL_SOCKET, SO_MARK},
		{SOL_SOCKET, SO_PRIORITY},
		{SOL_SOCKET, SO_REUSEPORT},
		{SOL_SOCKET, SO_BINDTODEVICE},
		{SOL_SOCKET, SO_DEBUG},
		{SOL_SOCKET, 9999},
		{IPPROTO_TCP, TCP_NODELAY},
		{IPPROTO_TCP, TCP_REPAIR},
		{IPPROTO_IP, IP_TRANSPARENT},
		{IPPROTO_IP, IP_TTL},
		{IPPROTO_IP, IP_FREEBIND},
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	unsigned k = pick(a, COUNT(options)), late = pick(a, COUNT(options));
	socklen_t len = sizeof(on);

	for (int i = 0; i < 250; i++)
		setsockopt(fd, options[k].level, options[k].name, &on, sizeof(on));
	setsockopt(fd, options[late].level, options[late].name, &on, sizeof(on));
	getsockopt(fd, options[k].level, options[k].name, &on, &len);
	close(fd);
}
