/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Futexes in their richer forms: robust ones outlive their owner, those with priority inheritance exclude and
 * find deadlocks, conditions move waiters, and a thread's end wakes who joins it.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "check.h"

static struct shared {
	pthread_mutex_t mutex;
	int held;
} * shared;

static void init(int protocol)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setprotocol(&attr, protocol);
	pthread_mutex_init(&shared->mutex, &attr);
	shared->held = 0;
}

/* @how: 0 it exits, 1 it is killed, 2 only the thread that holds it ends */
static void *hold(void *data)
{
	pthread_mutex_lock(&shared->mutex);
	heat();
	__atomic_store_n(&shared->held, 1, __ATOMIC_RELEASE);
	/* Others should wait for it by then. */
	nanosleep(&(struct timespec){0, 30000000}, NULL);
	return data;
}

static void orphan(int protocol, int how, const char *name)
{
	pthread_t thread;
	int ret, status = 0;
	pid_t pid = -1;

	init(protocol);
	if (how == 2) {
		if (pthread_create(&thread, NULL, hold, NULL))
			exit(99);
	} else {
		pid = fork();
		if (!pid) {
			hold(NULL);
			if (how == 1)
				raise(SIGKILL);
			_exit(0);
		}
	}
	while (!__atomic_load_n(&shared->held, __ATOMIC_ACQUIRE))
		sched_yield();
	ret = pthread_mutex_lock(&shared->mutex);
	check(ret == EOWNERDEAD, name);
	check(pthread_mutex_consistent(&shared->mutex) == 0 &&
		      pthread_mutex_unlock(&shared->mutex) == 0 &&
		      pthread_mutex_lock(&shared->mutex) == 0 &&
		      pthread_mutex_unlock(&shared->mutex) == 0,
	      name);
	if (how == 2)
		pthread_join(thread, NULL);
	else
		check(waitpid(pid, &status, 0) == pid && status == (how == 1 ? SIGKILL : 0), name);
}

/* ---- priority inheritance, conditions, barriers ---------------------------------------------- */

#define THREADS 4
#define ROUNDS	400

static pthread_mutex_t mutex;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static unsigned long total;
static int turn;

static void *add(void *data)
{
	for (int i = 0; i < ROUNDS; i++) {
		unsigned long was;

		pthread_mutex_lock(&mutex);
		was = total;
		syscall(SYS_getppid);
		total = was + 1;
		pthread_mutex_unlock(&mutex);
	}
	return data;
}

static void *take_turns(void *data)
{
	int mine = (int)(intptr_t)data;

	for (int i = 0; i < 50; i++) {
		pthread_mutex_lock(&mutex);
		while (turn != mine)
			pthread_cond_wait(&cond, &mutex);
		turn = (turn + 1) % THREADS;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&mutex);
	}
	return (void *)(intptr_t)(mine + 1);
}

static void together(void *(*main)(void *), const char *name)
{
	pthread_t thread[THREADS];
	void *ret;
	int good = 1;

	for (intptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, main, (void *)i))
			exit(99);
	for (intptr_t i = 0; i < THREADS; i++)
		good = pthread_join(thread[i], &ret) == 0 &&
		       (main != take_turns || ret == (void *)(i + 1)) && good;
	check(good, name);
}

static void inheriting(void)
{
	pthread_mutexattr_t attr;
	int word = (int)syscall(SYS_gettid);

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&mutex, &attr);
	total = 0;
	together(add, "PI");
	check(total == THREADS * ROUNDS, "PI-excludes");
	turn = 0;
	together(take_turns, "conditions");
	check(syscall(SYS_futex, &word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == -1 &&
		      errno == EDEADLK,
	      "PI-deadlock");
}

static void waits(void)
{
	struct timespec until;
	int word = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += 20000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (sizeof(until) == 16) { /* else the call has another layout than libc's */
		check(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, &until, NULL, ~0u) ==
				      -1 &&
			      errno == ETIMEDOUT,
		      "ETIMEDOUT");
	}
	check(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0) == -1 &&
		      errno == EAGAIN,
	      "EAGAIN");
	check(syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0, "nobody-woken");
}

int main(void)
{
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int round = 0; round < 2; round++) {
		orphan(PTHREAD_PRIO_NONE, 0, "robust-exit");
		orphan(PTHREAD_PRIO_NONE, 1, "robust-killed");
		orphan(PTHREAD_PRIO_NONE, 2, "robust-thread");
		orphan(PTHREAD_PRIO_INHERIT, 0, "robust-PI-exit");
		orphan(PTHREAD_PRIO_INHERIT, 1, "robust-PI-killed");
		inheriting();
		waits();
		heat();
	}
	return 0;
}
