/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors that come through a socket, or are taken from another process: the file behind one was
 * never opened by who has it now.
 *
 * LIVE: m32
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "expect.h"

#define NARROW	(sizeof(long) == 4)
#define RECVMSG (NARROW ? "socketcall" : "recvmsg")

static void send_fds(int sock, const int *fds, int n)
{
	char byte = 'x', control[CMSG_SPACE(2 * sizeof(int))] = {0};
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = CMSG_SPACE(n * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	expect_that(sendmsg(sock, &msg, 0) == 1);
}

static void receive(int sock, int many)
{
	char byte, control[256];
	struct iovec iov = {&byte, 1};
	struct mmsghdr msgs[2] = {0};

	msgs[0].msg_hdr = (struct msghdr){.msg_iov = &iov,
					  .msg_iovlen = 1,
					  .msg_control = control,
					  .msg_controllen = sizeof(control)};
	if (many)
		expect_that(recvmmsg(sock, msgs, 1, 0, NULL) == 1);
	else
		expect_that(recvmsg(sock, &msgs[0].msg_hdr, 0) == 1);
}

int main(void)
{
	int socks[2], a, b, pidfd, status;
	pid_t pid;

	expect("{'scope':'files','where':{'path':'^%s/','access':'^inherit'},"
	       "'compare':['path','access','outcomes','syscalls']}",
	       expect_here());
	expect_that(socketpair(AF_UNIX, SOCK_STREAM, 0, socks) == 0);
	a = open("a", O_RDONLY | O_CREAT, 0600);
	b = open("b", O_RDWR | O_CREAT, 0600);
	expect_that(a >= 0 && b >= 0);
	send_fds(socks[0], (int[]){a, b}, 2);
	receive(socks[1], 0);
	send_fds(socks[0], &a, 1);
	receive(socks[1], 1);
	send_fds(socks[0], socks, 2); /* no files */
	receive(socks[1], 0);
	expect("{'fact':'files','path':'%s/a','access':'inherit-read','outcomes':{'ok':2},"
	       "'syscalls':['%s','%s']}",
	       expect_here(), NARROW ? "recvmmsg_time64" : "recvmmsg", RECVMSG);
	expect("{'fact':'files','path':'%s/b','access':'inherit-read','outcomes':{'ok':1},"
	       "'syscalls':['%s']}",
	       expect_here(), RECVMSG);
	expect("{'fact':'files','path':'%s/b','access':'inherit-write','outcomes':{'ok':1},"
	       "'syscalls':['%s']}",
	       expect_here(), RECVMSG);

	a = open("c", O_WRONLY | O_CREAT, 0600);
	pid = fork();
	expect_that(a >= 0 && pid >= 0);
	if (pid == 0) {
		pause();
		_exit(0);
	}
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	expect_that(pidfd >= 0 && syscall(SYS_pidfd_getfd, pidfd, a, 0) >= 0);
	expect_that(kill(pid, 9) == 0 && waitpid(pid, &status, 0) == pid);
	expect("{'fact':'files','path':'%s/c','access':'inherit-write','outcomes':{'ok':1},"
	       "'syscalls':['pidfd_getfd']}",
	       expect_here());
	return 0;
}
