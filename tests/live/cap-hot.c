/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine that looks away from a call made thousands of times must look again when it is made with other arguments:
 * those that a capability is asked for.
 */
/* LIVE: m32 */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "cap.h"

#define NEEDS(cap) CAP_##cap, CAP_NONE, "required"
#define TIMES	   3000

static int udp, pair[2], pipes[2], epoll;
static void *page;

static int get_flags(void)
{
	return fcntl(pipes[0], F_GETFL) < 0 ? -1 : 0;
}
static int lease(void)
{
	return fcntl(open("theirs", O_RDONLY | O_CLOEXEC), F_SETLEASE, F_RDLCK);
}
static int readable(void)
{
	int n;

	return ioctl(udp, FIONREAD, &n);
}
static int interface(void)
{
	struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING};

	return ioctl(udp, SIOCSIFFLAGS, &r);
}
static int option(int name, int value)
{
	return setsockopt(udp, SOL_SOCKET, name, &value, sizeof(value));
}
static int reuse(void)
{
	return option(SO_REUSEADDR, 1);
}
static int mark(void)
{
	return option(SO_MARK, 1);
}
static int advise(void)
{
	return madvise(page, 4096, MADV_NORMAL);
}
static int map(void)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -1 : munmap(p, 4096);
}
static int map_locked(void)
{
	return mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) ==
			       MAP_FAILED
		       ? -1
		       : 0;
}
static int watch_with(uint32_t events)
{
	struct epoll_event event = {.events = events};

	return epoll_ctl(epoll, EPOLL_CTL_MOD, pipes[0], &event);
}
static int watch(void)
{
	return watch_with(EPOLLIN);
}
static int watch_awake(void)
{
	return watch_with(EPOLLIN | 1u << 29 /* EPOLLWAKEUP */);
}
static int send_byte(void)
{
	char c = 'x';

	return send(pair[0], &c, 1, MSG_DONTWAIT) == 1 && recv(pair[1], &c, 1, 0) == 1 ? 0 : -1;
}
/* Answered by a message, which nobody reads here. */
static int send_netlink(void)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg m;
	} m = {{sizeof(m), RTM_NEWLINK, NLM_F_REQUEST, 1, 0}, {.ifi_index = 1}};

	return send(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), &m, sizeof(m), 0) <
			       0
		       ? -1
		       : 0;
}
static int send_message(bool marked)
{
	char control[CMSG_SPACE(sizeof(int))] = "", c = 'x';
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(9)};
	struct iovec iov = {&c, 1};
	struct msghdr msg = {&in, sizeof(in), &iov, 1, control, marked ? sizeof(control) : 0, 0};
	struct cmsghdr *head = (struct cmsghdr *)control;
	int value = 1;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SO_MARK;
	head->cmsg_len = CMSG_LEN(sizeof(value));
	memcpy(CMSG_DATA(head), &value, sizeof(value));
	return sendmsg(udp, &msg, MSG_DONTWAIT) == 1 ? 0 : -1;
}
static int send_plain(void)
{
	return send_message(false) == 0 || errno == ECONNREFUSED ? 0 : -1;
}
static int send_marked(void)
{
	return send_message(true);
}

static void hot(const struct cap_case *c)
{
	for (int i = 0; i < TIMES; i++)
		expect_that(c->free() == 0);
	if (c->needs() == 0)
		cap_expect(c->cap, c->instead, c->strength, false, c->what, 0);
	else
		expect_that(!(cap_effective() >> c->cap & 1));
}

int main(void)
{
	const struct cap_case cases[] = {
		{NEEDS(LEASE), lease, get_flags, "take a lease on a file of uid 33"},
		{NEEDS(NET_ADMIN), interface, readable, "ioctl SIOCSIFFLAGS"},
		{CAP_NET_RAW, CAP_NET_ADMIN, "required", mark, reuse, "set SO_MARK"},
		{NEEDS(IPC_LOCK), map_locked, map, "lock memory beyond RLIMIT_MEMLOCK"},
		{CAP_BLOCK_SUSPEND, CAP_NONE, "possible", watch_awake, watch,
		 "keep the machine awake with EPOLLWAKEUP"},
		{CAP_NET_ADMIN, CAP_NONE, "likely", send_netlink, send_byte,
		 "change the network's configuration (rtnetlink 16)"},
		{CAP_NET_RAW, CAP_NET_ADMIN, "required", send_marked, send_plain,
		 "send with SO_MARK"},
	};
	struct rlimit limit = {65536, 65536};
	struct epoll_event event = {.events = EPOLLIN};

	cap_make("theirs", false, 0644);
	expect_that(unshare(CLONE_NEWNET) == 0);
	cap_expect(NEEDS(SYS_ADMIN), false, "make a new network namespace", 0);
	expect_that(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
	udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	expect_that(udp >= 0 && pipe(pipes) == 0 && page != MAP_FAILED);
	expect_that(epoll_ctl(epoll, EPOLL_CTL_ADD, pipes[0], &event) == 0);
	expect_that(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	for (int i = 0; i < TIMES; i++)
		expect_that(advise() == 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		hot(&cases[i]);
	cap_done();
	return 0;
}
