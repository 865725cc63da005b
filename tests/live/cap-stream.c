/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that has nothing but streams, and sends on them by sendmsg() all the time: such calls an engine may look
 * away from, and no filter sees what control data they have. One that marks a packet is seen all the same; and so is
 * the first timer that wakes the machine, of one that sets others all the time.
 */
/* LIVE: m32 */
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

#include "cap.h"

#define TIMES 3000

static int out, in, timer;

static int send_message(bool marked)
{
	char control[CMSG_SPACE(sizeof(int))] = "", c = 'x';
	struct iovec iov = {&c, 1};
	struct msghdr msg = {NULL, 0, &iov, 1, control, marked ? sizeof(control) : 0, 0};
	struct cmsghdr *head = (struct cmsghdr *)control;
	int value = 1;

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SO_MARK;
	head->cmsg_len = CMSG_LEN(sizeof(value));
	memcpy(CMSG_DATA(head), &value, sizeof(value));
	return sendmsg(out, &msg, 0) == 1 && read(in, &c, 1) == 1 ? 0 : -1;
}
static int send_plain(void)
{
	return send_message(false);
}
static int send_marked(void)
{
	return send_message(true);
}

static int set_timer(int fd)
{
	struct itimerspec when = {.it_value = {1000, 0}};

	return timerfd_settime(fd, 0, &when, NULL);
}
/* Made but now: what is quiet was learnt when there was none. */
static int set_waking(void)
{
	return set_timer(timerfd_create(CLOCK_BOOTTIME_ALARM, TFD_CLOEXEC));
}

static void be_hot(void)
{
	for (int i = 0; i < TIMES; i++)
		expect_that(send_plain() == 0 && set_timer(timer) == 0);
}
int main(void)
{
	const struct cap_case marked = {CAP_NET_RAW, CAP_NET_ADMIN, "required",
					send_marked, send_plain,    "send with SO_MARK"};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = {.sin_family = AF_INET};
	socklen_t len = sizeof(to);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	expect_that(listener >= 0 && bind(listener, (struct sockaddr *)&to, len) == 0);
	expect_that(listen(listener, 1) == 0);
	expect_that(getsockname(listener, (struct sockaddr *)&to, &len) == 0);
	out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	expect_that(out >= 0 && connect(out, (struct sockaddr *)&to, len) == 0);
	in = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	expect_that(in >= 0);
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	expect_that(timer >= 0);
	be_hot();
	if (cap_effective() & (UINT64_C(1) << CAP_NET_RAW | UINT64_C(1) << CAP_NET_ADMIN))
		expect_that(send_marked() == 0);
	cap_try(&marked);
	be_hot();
	if (cap_effective() >> CAP_WAKE_ALARM & 1) {
		expect_that(set_waking() == 0);
		cap_expect(CAP_WAKE_ALARM, CAP_NONE, "required", false,
			   "use a clock that wakes the machine", 0);
		cap_expect(CAP_WAKE_ALARM, CAP_NONE, "required", false,
			   "set a timer that wakes the machine", 0);
	}
	cap_done();
	return 0;
}
