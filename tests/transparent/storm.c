/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All at once: threads whose calls get hot and have something new again and again, timers that interrupt
 * each of them, stops from outside, and children. No call fails, repeats or returns another's result.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#include "check.h"

#define THREADS 3
#define ROUNDS	2500

static const long rare[] = {SYS_getsid, SYS_getpgid, SYS_getuid,  SYS_geteuid,
			    SYS_getgid, SYS_getegid, SYS_getppid, SYS_sched_getscheduler};
static __thread volatile sig_atomic_t came;
static int wrong, interrupted, null_fd, over;

static void fail(int condition)
{
	if (condition)
		__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
}

static void on_timer(int sig, siginfo_t *si, void *context)
{
	int saved = errno;

	(void)context;
	fail(sig != SIGRTMIN || si->si_value.sival_int != (int)syscall(SYS_gettid));
	fail(write(null_fd, "x", 1) != 1);
	came = came + 1;
	errno = saved;
}

static timer_t start_timer(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN};
	struct itimerspec spec = {{0, 1500000}, {0, 1500000}};
	timer_t timer;

	event.sigev_value.sival_int = (int)syscall(SYS_gettid);
	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &spec, NULL))
		exit(99);
	return timer;
}

static void *work(void *data)
{
	uint64_t seed = (uint64_t)(uintptr_t)data * 0x9e3779b97f4a7c15u, got;
	timer_t timer = start_timer();
	long want[sizeof(rare) / sizeof(rare[0])];
	int pipes[2];

	for (size_t i = 0; i < sizeof(rare) / sizeof(rare[0]); i++)
		want[i] = syscall(rare[i], 0);
	if (pipe(pipes))
		exit(99);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		size_t k = i / 300 % (sizeof(rare) / sizeof(rare[0]));
		uint64_t sent = seed + i;

		fail(write(pipes[1], &sent, sizeof(sent)) != sizeof(sent));
		fail(read(pipes[0], &got, sizeof(got)) != sizeof(got) || got != sent);
		fail(syscall(rare[k], 0) != want[k]);
		errno = 0;
		fail(syscall(SYS_close, 1000 + (int)i) != -1 || errno != EBADF);
		if (i % 500 == 0) {
			int fd = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);

			fail(fd < 0 || read(fd, &got, 5) != 5 || close(fd) != 0);
		}
	}
	timer_delete(timer);
	__atomic_fetch_add(&interrupted, came > 0, __ATOMIC_RELAXED);
	close(pipes[0]);
	close(pipes[1]);
	return data;
}

static void *make_children(void *data)
{
	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		int status;
		pid_t pid = fork();

		if (!pid) {
			for (int i = 0; i < 50; i++)
				syscall(SYS_getppid);
			_exit(42);
		}
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		fail(!WIFEXITED(status) || WEXITSTATUS(status) != 42);
	}
	return data;
}

static pid_t stopper(void)
{
	struct timespec pause = {0, 15000000};
	pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	for (int i = 0; i < 8; i++) {
		nanosleep(&pause, NULL);
		kill(parent, SIGSTOP);
		nanosleep(&pause, NULL);
		kill(parent, SIGCONT);
	}
	_exit(0);
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = on_timer, .sa_flags = SA_SIGINFO | SA_RESTART};
	pthread_t thread[THREADS], maker;
	int status;
	pid_t pid;

	null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	sigaction(SIGRTMIN, &action, NULL);
	pid = stopper();
	if (pthread_create(&maker, NULL, make_children, NULL))
		return 99;
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, work, (void *)(i + 1)))
			return 99;
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	__atomic_store_n(&over, 1, __ATOMIC_RELEASE);
	pthread_join(maker, NULL);
	check(waitpid(pid, &status, 0) == pid && status == 0, "stopper");
	check(wrong == 0, "results");
	check(interrupted > 0, "interrupted");
	return 0;
}
