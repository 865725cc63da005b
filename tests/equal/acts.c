/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an actor of the random program does: the things that make no process. What is opened is closed
 * on execution: else it would be chance what another thread's child inherits.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "random.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int make(const struct actor *a, const char *name)
{
	int fd = open(in_dir(a, name), O_CREAT | O_RDWR | O_CLOEXEC, 0644);

	must(fd >= 0, name);
	return fd;
}

/* ---- files ----------------------------------------------------------------------------------- */

static void act_file(struct actor *a)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	const char *name = names[pick(a, COUNT(names))];
	int fd = make(a, name);
	char text[64];
	struct stat st;

	switch (pick(a, 8)) {
	case 0:
		must(rename(in_dir(a, name), in_dir(a, "renamed")) == 0, "rename");
		break;
	case 1:
		must(unlink(in_dir(a, name)) == 0, "unlink");
		break;
	case 2:
		must(chmod(in_dir(a, name), 0600 + pick(a, 8)) == 0, "chmod");
		break;
	case 3:
		must(truncate(in_dir(a, name), pick(a, 5000)) == 0, "truncate");
		break;
	case 4:
		must(access(in_dir(a, name), R_OK) == 0, "access");
		must(fchmod(fd, 0640) == 0, "fchmod");
		break;
	case 5:
		unlink(in_dir(a, "link"));
		must(symlink(name, in_dir(a, "link")) == 0, "symlink");
		must(readlink(in_dir(a, "link"), text, sizeof(text)) == 1, "readlink");
		close(open(in_dir(a, "link"), O_RDONLY | O_CLOEXEC));
		break;
	case 6:
		must(stat(in_dir(a, name), &st) == 0, "stat");
		must(ftruncate(fd, 1) == 0, "ftruncate");
		break;
	case 7:
		mkdir(in_dir(a, "sub"), 0700);
		must(rmdir(in_dir(a, "sub")) == 0, "rmdir");
		break;
	}
	close(fd);
}

/* A name that is known comes to mean something else. */
static void act_replace(struct actor *a)
{
	const char *known = in_dir(a, "known"), *other = in_dir(a, "other");
	int which = (int)pick(a, 4);

	unlink(known);
	rmdir(known);
	close(make(a, "known"));
	for (int i = 0; i < 600; i++)
		close(open(known, O_RDONLY | O_CLOEXEC));
	if (which == 0) {
		must(rename(known, other) == 0, "rename");
		must(open(known, O_RDONLY | O_CLOEXEC) == -1, "gone");
	} else if (which == 1) {
		close(make(a, "other"));
		must(unlink(known) == 0 && symlink("other", known) == 0, "symlink");
		close(open(known, O_RDONLY | O_CLOEXEC));
	} else if (which == 2) {
		must(unlink(known) == 0 && mkdir(known, 0755) == 0, "mkdir");
		close(open(known, O_RDONLY | O_CLOEXEC));
	} else {
		close(open(known, O_WRONLY | O_TRUNC | O_CLOEXEC));
		close(open(known, O_RDWR | O_APPEND | O_CLOEXEC));
	}
}

/* A name that is missing, often; and then is there. */
static void act_appear(struct actor *a)
{
	const char *name = in_dir(a, "late");
	struct stat st;

	unlink(name);
	for (int i = 0; i < 600; i++)
		must(stat(name, &st) == -1, "stat");
	close(make(a, "late"));
	must(stat(name, &st) == 0, "stat");
}

static void act_dup(struct actor *a)
{
	int one = make(a, "one"), two = make(a, "two");

	for (int i = 0; i < 500; i++)
		must(ftruncate(one, i) == 0, "ftruncate");
	must(dup3(two, one, O_CLOEXEC) == one, "dup3");
	must(ftruncate(one, 5) == 0 && fchmod(one, 0644) == 0, "dup");
	close(one);
	close(two);
}

static void act_map(struct actor *a)
{
	static const int prots[] = {PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC,
				    PROT_NONE};
	int fd = make(a, "mapped"), prot = prots[pick(a, COUNT(prots))];
	void *p;

	must(ftruncate(fd, 8192) == 0, "ftruncate");
	p = mmap(NULL, 8192, prot, pick(a, 2) ? MAP_PRIVATE : MAP_SHARED, fd, 0);
	must(p != MAP_FAILED, "mmap");
	must(mprotect(p, 4096, prots[pick(a, 2)]) == 0, "mprotect");
	must(madvise(p, 4096, (int)pick(a, 4)) == 0, "madvise");
	munmap(p, 8192);
	close(fd);
}

/* ---- sockets --------------------------------------------------------------------------------- */

static socklen_t unix_address(const struct actor *a, const char *name, struct sockaddr_un *sun)
{
	sun->sun_family = AF_UNIX;
	snprintf(sun->sun_path, sizeof(sun->sun_path), "%s", in_dir(a, name));
	return sizeof(*sun);
}

static void act_unix(struct actor *a)
{
	int type = pick(a, 2) ? SOCK_STREAM : SOCK_DGRAM;
	struct sockaddr_un sun = {0};
	socklen_t len = unix_address(a, type == SOCK_STREAM ? "stream" : "dgram", &sun);
	int server = socket(AF_UNIX, type, 0), client = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	unlink(sun.sun_path);
	must(bind(server, (struct sockaddr *)&sun, len) == 0, "bind");
	if (type == SOCK_STREAM) {
		must(listen(server, 1) == 0, "listen");
		must(connect(client, (struct sockaddr *)&sun, len) == 0, "connect");
		close(accept4(server, NULL, NULL, SOCK_CLOEXEC));
	} else {
		must(sendto(client, "x", 1, 0, (struct sockaddr *)&sun, len) == 1, "sendto");
	}
	close(server);
	close(client);
}

/* A descriptor travels; what comes out of it is used. */
static void act_pass(struct actor *a)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	char byte = 'x';
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	int pair[2], fd = make(a, "passed");

	must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0, "socketpair");
	control.head.cmsg_len = CMSG_LEN(sizeof(int));
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	must(sendmsg(pair[0], &msg, 0) == 1, "sendmsg");
	close(fd);
	must(recvmsg(pair[1], &msg, MSG_CMSG_CLOEXEC) == 1, "recvmsg");
	memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
	must(fchmod(fd, 0604) == 0, "fchmod");
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

static void act_inet(struct actor *a)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
				  .sin_port = htons((uint16_t)(1 + pick(a, 9))),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int type = pick(a, 2) ? SOCK_STREAM : SOCK_DGRAM, fd = socket(AF_INET, type, 0);

	if (pick(a, 2)) {
		sin.sin_port = 0;
		must(bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0, "bind");
	} else {
		must(connect(fd, (struct sockaddr *)&sin, sizeof(sin)) ==
			     (type == SOCK_STREAM ? -1 : 0),
		     "connect");
	}
	close(fd);
}

static void act_family(struct actor *a)
{
	static const int families[] = {AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, 77};
	int family = families[pick(a, COUNT(families))];

	close(socket(family, family == AF_NETLINK ? SOCK_RAW : SOCK_DGRAM, 0));
}

static void act_option(struct actor *a)
{
	static const int options[] = {SO_REUSEADDR, SO_KEEPALIVE, SO_SNDBUF, SO_RCVBUF,
				      SO_BROADCAST, SO_LINGER,	  9999};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, options[pick(a, COUNT(options))], &on, sizeof(on));
	close(fd);
}

/* ---- arguments, numbers, errors -------------------------------------------------------------- */

static void act_argument(struct actor *a)
{
	static const int commands[] = {F_GETFD, F_GETFL, F_GETOWN, F_GETSIG, F_GETPIPE_SZ};
	static const int options[] = {PR_GET_DUMPABLE, PR_GET_NAME,	  PR_GET_KEEPCAPS,
				      PR_GET_SECCOMP,  PR_GET_TIMERSLACK, 12345};
	static const unsigned long requests[] = {FIONREAD, TCGETS, FIOCLEX, FIONCLEX, 0x1234};
	int p[2], n = 0;
	char name[16];

	must(pipe2(p, pick(a, 2) ? O_CLOEXEC : O_NONBLOCK) == 0, "pipe2");
	switch (pick(a, 3)) {
	case 0:
		fcntl(p[0], commands[pick(a, COUNT(commands))], 0);
		break;
	case 1:
		prctl(options[pick(a, COUNT(options))], name, 0, 0, 0);
		break;
	default:
		ioctl(p[0], requests[pick(a, COUNT(requests))], &n);
		break;
	}
	close(p[0]);
	close(p[1]);
}

static void act_number(struct actor *a)
{
	static const int numbers[] = {SYS_getsid,
				      SYS_getpgid,
				      SYS_sched_getscheduler,
				      SYS_times,
				      SYS_getpgrp,
				      SYS_sched_get_priority_max,
				      SYS_getegid,
				      SYS_inotify_init1,
				      SYS_ioprio_get,
				      SYS_sync,
				      SYS_getpriority,
				      SYS_munlockall,
				      SYS_epoll_create1,
				      SYS_sched_get_priority_min};
	int number = numbers[pick(a, COUNT(numbers))];
	long ret;

	if (number == SYS_sync)
		number = SYS_getuid;
	ret = syscall(number, 0, 0, 0, 0, 0, 0);
	if (number == SYS_inotify_init1 || number == SYS_epoll_create1)
		close((int)ret);
}

static void act_error(struct actor *a)
{
	char text[8];

	switch (pick(a, 7)) {
	case 0:
		must(open(in_dir(a, "none/such"), O_RDONLY | O_CLOEXEC) == -1 && errno == ENOENT,
		     "ENOENT");
		break;
	case 1:
		must(read(-1, text, 1) == -1 && errno == EBADF, "EBADF");
		break;
	case 2:
		must(syscall(SYS_openat, AT_FDCWD, 8, O_RDONLY | O_CLOEXEC) == -1 &&
			     errno == EFAULT,
		     "EFAULT");
		break;
	case 3:
		must(syscall(470 + pick(a, 3) * 500) == -1, "unknown");
		break;
	case 4:
		must(mkdir(a->dir, 0700) == -1 && errno == EEXIST, "EEXIST");
		break;
	case 5:
		must(rmdir("/proc/self") == -1, "rmdir");
		break;
	case 6:
		must(open("/etc/passwd/x", O_RDONLY | O_CLOEXEC) == -1 && errno == ENOTDIR,
		     "ENOTDIR");
		break;
	}
}

static void act_i386(struct actor *a)
{
#ifdef __x86_64__
	/* Calls without pointers, through the gate of another ABI. */
	static const int numbers[] = {20, 24, 64, 199, 224, 132};
	int ret = numbers[pick(a, COUNT(numbers))];

	__asm__ volatile("int $0x80" : "+a"(ret) : "b"(0), "c"(0), "d"(0) : "memory");
#endif
	(void)a;
}

static void act_limit(struct actor *a)
{
	static const int resources[] = {RLIMIT_NOFILE, RLIMIT_CORE, RLIMIT_STACK};
	struct rlimit limit;
	int resource = resources[pick(a, COUNT(resources))];

	must(getrlimit(resource, &limit) == 0, "getrlimit");
	/* The same again, so that threads do not see each other's. */
	must(setrlimit(resource, &limit) == 0, "setrlimit");
}

static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
	(void)sig;
	caught = 1;
}

static void act_signal(struct actor *a)
{
	static const int signals[] = {SIGUSR1, SIGHUP, SIGWINCH, SIGURG};
	struct sigaction action = {.sa_handler = on_signal};
	int sig = signals[pick(a, COUNT(signals))];

	/* Nobody changes it back, so that threads agree. */
	must(sigaction(sig, &action, NULL) == 0, "sigaction");
	must(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), sig) == 0, "tgkill");
	must(kill(getpid(), 0) == 0, "kill");
}

static void (*const acts[])(struct actor *) = {
	act_file,     act_file,	    act_file,	act_replace, act_appear, act_dup,
	act_map,      act_unix,	    act_pass,	act_inet,    act_family, act_option,
	act_argument, act_argument, act_number, act_number,  act_number, act_error,
	act_error,    act_i386,	    act_limit,	act_signal,
};

unsigned act_count(void)
{
	return COUNT(acts);
}

void act(struct actor *a, unsigned which)
{
	acts[which](a);
}

/* ---- heat ------------------------------------------------------------------------------------ */

static void hot_once(struct actor *a, unsigned kind, int zero, int null, int epoll)
{
	struct epoll_event event;
	struct stat st;
	char text[16];

	switch (kind) {
	case 0:
		must(read(zero, text, sizeof(text)) == sizeof(text), "read");
		break;
	case 1:
		must(write(null, text, 0) == 0, "write");
		break;
	case 2:
		syscall(SYS_getppid);
		break;
	case 3:
		must(fcntl(null, F_GETFL) >= 0, "fcntl");
		break;
	case 4:
		must(epoll_wait(epoll, &event, 1, 0) == 0, "epoll_wait");
		break;
	case 5:
		must(stat(a->dir, &st) == 0, "stat");
		break;
	case 6:
		close(open(a->dir, O_RDONLY | O_CLOEXEC));
		break;
	case 7:
		lseek(zero, 0, SEEK_SET);
		break;
	}
}

void hot(struct actor *a)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC),
	    null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	unsigned kinds[3] = {pick(a, 8), pick(a, 5), pick(a, 3)}, n = 400 + pick(a, 500);

	must(zero >= 0 && null >= 0 && epoll >= 0, "hot");
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < COUNT(kinds); k++)
			hot_once(a, kinds[k], zero, null, epoll);
	close(zero);
	close(null);
	close(epoll);
}
