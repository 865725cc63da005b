/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From which port on no capability is needed is a setting of each network: of two networks whose settings
 * differ, in turns, that of the one in which the call is made counts, and the tracer stays in its own.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include "cap.h"

static int bind_to(int port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), r;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	r = bind(fd, (struct sockaddr *)&in, sizeof(in));
	close(fd);
	return r;
}

static int new_network(const char *first_port)
{
	int fd;

	expect_that(unshare(CLONE_NEWNET) == 0);
	fd = open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_WRONLY | O_CLOEXEC);
	expect_that(fd >= 0 && write(fd, first_port, strlen(first_port)) >= 0);
	close(fd);
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

int main(void)
{
	int low = new_network("80"), high = new_network("900");

	expect_that(low >= 0 && high >= 0);
	for (int i = 0; i < 20; i++) {
		expect_that(setns(low, CLONE_NEWNET) == 0);
		expect_that(bind_to(700) == 0 && bind_to(70) == 0);
		expect_that(setns(high, CLONE_NEWNET) == 0);
		expect_that(bind_to(950) == 0 && bind_to(600) == 0);
	}
	expect("{'scope':'caps','where':{'cap':'^CAP_NET_BIND_SERVICE$'},"
	       "'compare':['cap','strength','evidence','count']}");
	expect("{'fact':'caps','cap':'CAP_NET_BIND_SERVICE','strength':'required','count':40,"
	       "'evidence':["
	       "'bind to port 600 (ip_unprivileged_port_start is 900) by uid 0 needs "
	       "CAP_NET_BIND_SERVICE',"
	       "'bind to port 70 (ip_unprivileged_port_start is 80) by uid 0 needs "
	       "CAP_NET_BIND_SERVICE']}");
	return 0;
}
