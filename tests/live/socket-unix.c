/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unix sockets: a path is a file and an address, an abstract name an address alone.
 *
 * LIVE: m32
 */
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "expect.h"

static socklen_t name(struct sockaddr_un *un, const char *path, size_t len)
{
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, len);
	return offsetof(struct sockaddr_un, sun_path) + len;
}

static void socket_fact(const char *op, const char *type, const char *here, const char *address,
			const char *outcome)
{
	expect("{'fact':'sockets','op':'%s','type':'%s','address':'unix:%s%s','outcomes':{'%s':1}}",
	       op, type, here, address, outcome);
}

int main(void)
{
	struct sockaddr_un un;
	struct sockaddr *sa = (struct sockaddr *)&un;
	int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
	int dgram = socket(AF_UNIX, SOCK_DGRAM, 0), peer = socket(AF_UNIX, SOCK_DGRAM, 0);
	const char *here = expect_here();

	expect("{'scope':'sockets','where':{'op':'^(bind|connect|send)$'},"
	       "'compare':['op','type','address','outcomes']}");
	expect("{'scope':'files','where':{'path':'^%s/','access':'^(bind|connect)$'},"
	       "'compare':['path','access','type','outcomes']}",
	       here);
	expect_that(server >= 0 && client >= 0 && dgram >= 0 && peer >= 0);
	expect_that(mkdir("d", 0700) == 0 && symlink("d/sock", "link") == 0);

	/* No NUL behind the path: the length ends it. */
	expect_that(bind(server, sa, name(&un, "d/sock", 6)) == 0 && listen(server, 1) == 0);
	socket_fact("bind", "SOCK_STREAM", here, "/d/sock", "ok");
	expect("{'fact':'files','path':'%s/d/sock','access':'bind','type':'socket',"
	       "'outcomes':{'ok':1}}",
	       here);
	expect_that(connect(client, sa, name(&un, "link", 5)) == 0);
	socket_fact("connect", "SOCK_STREAM", here, "/d/sock", "ok");
	expect("{'fact':'files','path':'%s/d/sock','access':'connect','type':'socket',"
	       "'outcomes':{'EPROTOTYPE':1,'ok':1}}",
	       here);
	expect_that(connect(dgram, sa, name(&un, "none", 5)) == -1 && errno == ENOENT);
	socket_fact("connect", "SOCK_DGRAM", here, "/none", "ENOENT");
	expect("{'fact':'files','path':'%s/none','access':'connect','type':'missing',"
	       "'outcomes':{'ENOENT':1}}",
	       here);

	expect_that(bind(peer, sa, name(&un, "\0whittle test\0\xff", 15)) == 0);
	socket_fact("bind", "SOCK_DGRAM", "", "@whittle%20test%00%FF", "ok");
	expect_that(sendto(dgram, "x", 1, 0, sa, name(&un, "\0whittle test\0\xff", 15)) == 1);
	socket_fact("send", "SOCK_DGRAM", "", "@whittle%20test%00%FF", "ok");
	expect_that(sendto(dgram, "x", 1, 0, sa, name(&un, "d/sock", 7)) == -1 &&
		    errno == EPROTOTYPE);
	socket_fact("send", "SOCK_DGRAM", here, "/d/sock", "EPROTOTYPE");
	return 0;
}
