/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets of the internet and others: what was made, where it was bound, connected and sent to.
 *
 * LIVE: m32
 */
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "expect.h"

static void fact(const char *op, const char *family, const char *type, int protocol,
		 const char *address, const char *outcome, int n)
{
	expect("{'fact':'sockets','op':'%s','family':'%s','type':'%s','protocol':%d,"
	       "'address':'%s','outcomes':{'%s':%d}}",
	       op, family, type, protocol, address ? address : "", outcome, n);
}

int main(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(34567)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(34568)};
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK};
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	struct mmsghdr msgs[2] = {0};
	struct iovec iov = {(char *)"x", 1};
	int tcp, udp, client, six, net, pair[2];

	expect("{'scope':'sockets','where':{},"
	       "'compare':['op','family','type','protocol','address','outcomes']}");
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in6.sin6_addr = in6addr_loopback;

	tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	client = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	expect_that(tcp >= 0 && client >= 0);
	fact("socket", "AF_INET", "SOCK_STREAM", 0, NULL, "ok", 1);
	fact("socket", "AF_INET", "SOCK_STREAM", 6, NULL, "ok", 1);
	expect_that(connect(client, (struct sockaddr *)&in, sizeof(in)) == -1 &&
		    errno == ECONNREFUSED);
	expect_that(bind(tcp, (struct sockaddr *)&in, sizeof(in)) == 0 && listen(tcp, 1) == 0);
	expect_that(connect(client, (struct sockaddr *)&in, sizeof(in)) == 0);
	expect_that(accept(tcp, NULL, NULL) >= 0);
	expect("{'fact':'sockets','op':'connect','family':'AF_INET','type':'SOCK_STREAM',"
	       "'protocol':6,'address':'127.0.0.1:34567','outcomes':{'ECONNREFUSED':1,'ok':1}}");
	fact("bind", "AF_INET", "SOCK_STREAM", 6, "127.0.0.1:34567", "ok", 1);
	fact("listen", "AF_INET", "SOCK_STREAM", 6, NULL, "ok", 1);
	fact("accept", "AF_INET", "SOCK_STREAM", 6, NULL, "ok", 1);
	/* Connected: where it goes is known already. */
	expect_that(send(client, "x", 1, 0) == 1 && sendto(client, "x", 1, 0, NULL, 0) == 1);

	udp = socket(AF_INET, SOCK_DGRAM, 0);
	expect_that(udp >= 0);
	fact("socket", "AF_INET", "SOCK_DGRAM", 0, NULL, "ok", 1);
	expect_that(sendto(udp, "x", 1, 0, (struct sockaddr *)&in, sizeof(in)) == 1);
	fact("send", "AF_INET", "SOCK_DGRAM", 17, "127.0.0.1:34567", "ok", 1);
	in.sin_port = htons(34569);
	msgs[0].msg_hdr = (struct msghdr){
		.msg_name = &in, .msg_namelen = sizeof(in), .msg_iov = &iov, .msg_iovlen = 1};
	expect_that(sendmsg(udp, &msgs[0].msg_hdr, 0) == 1);
	msgs[1] = msgs[0];
	expect_that(sendmmsg(udp, msgs, 2, 0) == 2);
	fact("send", "AF_INET", "SOCK_DGRAM", 17, "127.0.0.1:34569", "ok", 3);
	expect_that(connect(udp, &none, sizeof(none)) == 0);
	fact("connect", "AF_INET", "SOCK_DGRAM", 17, NULL, "ok", 1);

	six = socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDP);
	if (six >= 0) {
		int ret = bind(six, (struct sockaddr *)&in6, sizeof(in6));

		fact("socket", "AF_INET6", "SOCK_DGRAM", 17, NULL, "ok", 1);
		fact("bind", "AF_INET6", "SOCK_DGRAM", 17, "[::1]:34568",
		     ret == 0 ? "ok" : "EADDRNOTAVAIL", 1);
	} else {
		fact("socket", "AF_INET6", "SOCK_DGRAM", 17, NULL, "EAFNOSUPPORT", 1);
	}
	net = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	expect_that(net >= 0 && bind(net, (struct sockaddr *)&nl, sizeof(nl)) == 0);
	fact("socket", "AF_NETLINK", "SOCK_RAW", 0, NULL, "ok", 1);
	fact("bind", "AF_NETLINK", "SOCK_RAW", 0, NULL, "ok", 1);
	expect_that(socket(77, SOCK_STREAM, 0) == -1);
	fact("socket", "AF_77", "SOCK_STREAM", 0, NULL, "EAFNOSUPPORT", 1);
	expect_that(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	fact("socketpair", "AF_UNIX", "SOCK_SEQPACKET", 0, NULL, "ok", 1);
	return 0;
}
