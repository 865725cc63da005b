/* SPDX-License-Identifier: Apache-2.0 */
/*
 * More names in one folder, and more addresses, than a trace keeps: the rest is one fact with a star,
 * and a gap says so. Nothing is lost of the count.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "expect.h"

#define NAMES	  600
#define KEPT	  512
#define ADDRESSES 300
#define KEPT_THEN 256

int main(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	char name[64], detail[PATH_MAX + 64];
	int udp = socket(AF_INET, SOCK_DGRAM, 0);

	expect("{'scope':'files','where':{'path':'^%s/[de]/.','access':'^unlink$'},"
	       "'compare':['path','outcomes']}",
	       expect_here());
	expect("{'scope':'sockets','where':{'op':'send'},'compare':['address','outcomes']}");
	expect_that(mkdir("d", 0700) == 0 && udp >= 0);
	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "d/%d", i);
		expect_that(unlink(name) == -1 && errno == ENOENT);
		if (i < KEPT)
			expect_file(name, "unlink", "ENOENT", i == 5 ? 2 : 1);
	}
	expect_file("d/*", "unlink", "ENOENT", NAMES - KEPT);
	snprintf(detail, sizeof(detail), "%s/d/ (unlink): more than %d names", expect_here(), KEPT);
	expect_gap("many-files", detail);
	/* A file that is really named like the mark, or like a mark's escape, is another one. */
	expect_that(mkdir("e", 0700) == 0 && unlink("e/*") == -1 && unlink("e/\\*") == -1 &&
		    unlink("e/\\a*") == -1 && unlink("e/*/b") == -1);
	expect_file("e/\\*", "unlink", "ENOENT", 1);
	expect_file("e/\\\\*", "unlink", "ENOENT", 1);
	expect_file("e/\\a*", "unlink", "ENOENT", 1);
	expect_file("e/*/b", "unlink", "ENOENT", 1);
	/* Known names stay what they are. */
	expect_that(unlink("d/5") == -1);
	for (int i = 0; i < ADDRESSES; i++) {
		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK + i);
		in.sin_port = htons(9);
		expect_that(sendto(udp, "x", 1, 0, (struct sockaddr *)&in, sizeof(in)) >= -1);
		snprintf(name, sizeof(name), "127.0.%d.%d:9", (1 + i) >> 8, (1 + i) & 255);
		if (i < KEPT_THEN)
			expect("{'fact':'sockets','address':'%s','outcomes':{'ok':1}}", name);
	}
	snprintf(detail, sizeof(detail), "send AF_INET SOCK_DGRAM: more than %d addresses",
		 KEPT_THEN);
	expect_gap("many-addresses", detail);
	expect("{'fact':'sockets','address':'*','outcomes':{'ok':%d}}", ADDRESSES - KEPT_THEN);
	return 0;
}
