// SPDX-License-Identifier: Apache-2.0
/*
 * Waits in many ways at once, each in a thread of its own, and says how each wait ended: its result, errno, and whether it
 * took the time that it should, no less and not much more (beside a tracer, and on a busy machine). All of it must
 * be the same with a tracer that comes and goes meanwhile. Those without a time limit are ended by the main thread.
 */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SHORT_MS 4000  /* of those that end by themselves */
#define LATE_MS	 30000 /* a busy machine, and limits that begin anew */

static int quiet[2], told[2]; /* pipes: nothing comes; something comes at the end */
static int sockets[2];
static uint32_t word;
static sem_t sem;
static int ipc;

static int fresh_epoll(int fd)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	return epoll;
}

static long w_nanosleep(void)
{
	struct timespec t = {.tv_sec = SHORT_MS / 1000};

	return nanosleep(&t, NULL);
}

static long w_clock_nanosleep(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += SHORT_MS / 1000;
	return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static long w_poll(void)
{
	struct pollfd p = {.fd = quiet[0], .events = POLLIN};

	return poll(&p, 1, SHORT_MS);
}

static long w_select(void)
{
	struct timeval t = {.tv_sec = SHORT_MS / 1000};
	fd_set set;

	FD_ZERO(&set);
	FD_SET(quiet[0], &set);
	return select(quiet[0] + 1, &set, NULL, NULL, &t);
}

static long w_futex(void)
{
	struct timespec t = {.tv_sec = SHORT_MS / 1000};

	return syscall(SYS_futex, &word, FUTEX_WAIT, 0, &t, NULL, 0);
}

/* The limit is short, so that it would be seen if it were begun again. */
static long w_epoll_limit(void)
{
	struct epoll_event event;

	return epoll_wait(fresh_epoll(quiet[0]), &event, 1, SHORT_MS);
}

static long w_epoll(void)
{
	struct epoll_event event;

	return epoll_wait(fresh_epoll(told[0]), &event, 1, -1);
}

static long w_epoll_pwait(void)
{
	struct epoll_event event;
	sigset_t set;

	sigfillset(&set);
	return epoll_pwait(fresh_epoll(told[0]), &event, 1, -1, &set);
}

static long w_read(void)
{
	char c;

	return read(sockets[0], &c, 1);
}

static long w_recv_limit(void)
{
	struct timeval t = {.tv_sec = 60};
	int pair[2];
	char c;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return -1;
	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	/* Its other end is closed by nobody, but written to at the end. */
	dup2(pair[1], told[1] + 100);
	return recv(pair[0], &c, 1, 0);
}

static long w_sem(void)
{
	return sem_wait(&sem);
}

static long w_semop(void)
{
	struct sembuf take = {.sem_op = -1};

	return semop(ipc, &take, 1);
}

static long w_sigwait(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return sigwaitinfo(&set, NULL);
}

static const struct wait {
	const char *name;
	long (*wait)(void);
	int limited;
} waits[] = {
	{"nanosleep", w_nanosleep, 1},
	{"clock_nanosleep", w_clock_nanosleep, 1},
	{"poll", w_poll, 1},
	{"select", w_select, 1},
	{"futex", w_futex, 1},
	{"epoll_limit", w_epoll_limit, 1},
	{"epoll", w_epoll, 0},
	{"epoll_pwait", w_epoll_pwait, 0},
	{"read", w_read, 0},
	{"recv_limit", w_recv_limit, 0},
	{"sem", w_sem, 0},
	{"semop", w_semop, 0},
	{"sigwait", w_sigwait, 0},
};

#define N (sizeof(waits) / sizeof(waits[0]))

static struct result {
	long value, ms;
	int err;
} results[N];

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void *run(void *data)
{
	size_t i = (size_t)(uintptr_t)data;
	long began = now_ms();

	results[i].value = waits[i].wait();
	results[i].err = results[i].value < 0 ? errno : 0;
	results[i].ms = now_ms() - began;
	return NULL;
}

int main(void)
{
	struct timespec more = {.tv_sec = SHORT_MS / 1000 + 1};
	struct sembuf give = {.sem_op = 1};
	pthread_t thread[N];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	ipc = semget(IPC_PRIVATE, 1, 0600);
	if (pipe(quiet) || pipe(told) || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) ||
	    sem_init(&sem, 0, 0) || ipc < 0)
		return 2;
	for (size_t i = 0; i < N; i++)
		pthread_create(&thread[i], NULL, run, (void *)(uintptr_t)i);
	puts("ready");
	fflush(stdout);
	/* By its own clock, as its sleep is one of those that may be wrong. */
	for (long end = now_ms() + 1000 * more.tv_sec; now_ms() < end;)
		usleep(10000);
	if (write(told[1], "x", 1) != 1 || write(sockets[1], "x", 1) != 1 ||
	    write(told[1] + 100, "x", 1) != 1)
		return 2;
	sem_post(&sem);
	semop(ipc, &give, 1);
	kill(getpid(), SIGUSR2);
	for (size_t i = 0; i < N; i++) {
		const struct result *r = &results[i];
		long least = waits[i].limited ? SHORT_MS - 5 : 1000 * more.tv_sec - 500;

		pthread_join(thread[i], NULL);
		printf("%s %ld %s %s\n", waits[i].name, r->value,
		       r->err ? strerrorname_np(r->err) : "-",
		       r->ms < least		 ? "early"
		       : r->ms > least + LATE_MS ? "late"
						 : "in-time");
		if (r->ms < least || r->ms > least + LATE_MS)
			fprintf(stderr, "%s took %ld ms\n", waits[i].name, r->ms);
	}
	semctl(ipc, 0, IPC_RMID);
	return 0;
}
