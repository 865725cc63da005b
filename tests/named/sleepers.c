/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads sleep, each in another call, while others get hot; then they wake up and do what was never done
 * before. And one of the hot threads makes a call that was rare until then, hot, long after.
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define STACK (256 * 1024)

static int word, epoll, listener, wake[2], read_end[2];
static struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "sleepers.socket"};

static void must(int condition)
{
	if (!condition)
		_exit(99);
}

/* Only raw calls, so that what libc does by chance is none of the facts. */
static void *in_futex(void *data)
{
	while (!__atomic_load_n(&word, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
	syscall(SYS_getsid, 0);
	return data;
}

static void *in_epoll(void *data)
{
	struct epoll_event event;

	must(epoll_wait(epoll, &event, 1, -1) == 1);
	close(open("woken-in-epoll", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	return data;
}

static void *in_accept(void *data)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	must(fd >= 0 && fcntl(fd, F_SETOWN, getpid()) == 0);
	close(fd);
	return data;
}

static void *in_read(void *data)
{
	char c;

	must(read(read_end[0], &c, 1) == 1);
	prctl(PR_GET_TIMERSLACK);
	close(socket(AF_NETLINK, SOCK_RAW, 0));
	return data;
}

static void *in_nanosleep(void *data)
{
	struct timespec ts = {1, 500000000};

	must(nanosleep(&ts, NULL) == 0);
	syscall(SYS_getpgid, 0);
	return data;
}

static void *hot(void *data)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	char c;

	syscall(SYS_getpriority, 0, 0);
	for (int i = 0; i < 3000; i++)
		must(read(zero, &c, 1) == 1 && syscall(SYS_getppid) >= 0);
	/* Late, and hot. */
	for (int i = 0; i < 2000; i++)
		syscall(SYS_getpriority, 0, 0);
	for (int i = 0; i < 1000; i++)
		must(fcntl(zero, F_GETFL) >= 0);
	must(fcntl(zero, F_GETOWN) >= 0); /* libc asks F_GETOWN_EX */
	close(zero);
	return data;
}

int main(void)
{
	void *(*const mains[])(void *) = {in_futex,	in_epoll, in_accept, in_read,
					  in_nanosleep, hot,	  hot};
	enum { N = sizeof(mains) / sizeof(mains[0]) };
	struct epoll_event event = {.events = EPOLLIN};
	pthread_t thread[N];
	pthread_attr_t attr;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* What a join may do. */
	syscall(SYS_futex, &fd, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, ~0u);
	syscall(SYS_futex, &word, FUTEX_WAIT, 1, NULL, NULL, 0);
	syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(pipe(wake) == 0 && pipe(read_end) == 0);
	must(epoll_ctl(epoll, EPOLL_CTL_ADD, wake[0], &event) == 0);
	must(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	must(listen(listener, 4) == 0);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	for (int i = 0; i < N; i++)
		must(pthread_create(&thread[i], &attr, mains[i], NULL) == 0);
	for (int i = N - 2; i < N; i++)
		pthread_join(thread[i], NULL);
	__atomic_store_n(&word, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0);
	must(write(wake[1], "x", 1) == 1 && write(read_end[1], "x", 1) == 1);
	must(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	for (int i = 0; i < N - 2; i++)
		pthread_join(thread[i], NULL);
	return 0;
}
