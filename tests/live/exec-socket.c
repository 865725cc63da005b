/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that are open across an execve, which AppArmor asks about again where the program changes its profile. One that is
 * closed by it is none.
 *
 * LIVE: m32
 */
#include <sys/socket.h>

#include "expect.h"

int main(int argc, char **argv)
{
	char *again[] = {argv[0], (char *)"again", NULL};
	int udp, pair[2];

	if (argc > 1)
		return 0;
	expect("{'scope':'sockets','where':{'op':'^inherit$'},"
	       "'compare':['op','family','type','address','outcomes']}");
	expect_that((udp = socket(AF_INET, SOCK_DGRAM, 0)) >= 0);
	expect_that(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0);
	expect_that(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	expect("{'fact':'sockets','op':'inherit','family':'AF_INET','type':'SOCK_DGRAM','address':'"
	       "','outcomes':{'ok':1}}");
	expect("{'fact':'sockets','op':'inherit','family':'AF_UNIX','type':'SOCK_SEQPACKET','"
	       "address':'','outcomes':{'ok':2}}");
	execv("/proc/self/exe", again);
	return 99;
}
