// SPDX-License-Identifier: Apache-2.0
/*
 * Makes threads and processes all the time, each of which makes one call that nobody else makes, and counts them: nothing
 * may be lost, stuck or left behind while it is attached to and let go again and again. Ends at SIGTERM, and then says how
 * many there were, and whether each ended as it should.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAKERS 3

static atomic_int over;
static atomic_ulong made, ended, wrong;

static void on_term(int sig)
{
	(void)sig;
	atomic_store(&over, 1);
}

static void *brief(void *data)
{
	struct timespec nap = {.tv_nsec = 200000};

	nanosleep(&nap, NULL);
	return data;
}

static void expect(int good, const char *what)
{
	if (good)
		return;
	atomic_fetch_add(&wrong, 1);
	fprintf(stderr, "wrong: %s: %s\n", what, strerror(errno));
}

static void *make_threads(void *data)
{
	while (!atomic_load(&over)) {
		pthread_t thread;
		void *back = NULL;

		expect(pthread_create(&thread, NULL, brief, data) == 0, "pthread_create");
		atomic_fetch_add(&made, 1);
		expect(pthread_join(thread, &back) == 0 && back == data, "pthread_join");
		atomic_fetch_add(&ended, 1);
	}
	return NULL;
}

static void child(void)
{
	pid_t grandchild = fork();
	int status;

	if (!grandchild)
		_exit(3);
	_exit(waitpid(grandchild, &status, 0) == grandchild && WEXITSTATUS(status) == 3 ? 7 : 1);
}

static void *make_processes(void *data)
{
	while (!atomic_load(&over)) {
		pid_t pid = fork();
		int status = 0;

		if (!pid)
			child();
		expect(pid > 0, "fork");
		atomic_fetch_add(&made, 1);
		expect(waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
			       WEXITSTATUS(status) == 7,
		       "child");
		atomic_fetch_add(&ended, 1);
	}
	return data;
}

/* A parent that waits in vfork() for a child that takes its time. */
static void *make_vforks(void *data)
{
	while (!atomic_load(&over)) {
		struct timespec nap = {.tv_nsec = 3000000};
		pid_t pid = vfork();
		int status = 0;

		if (!pid) {
			nanosleep(&nap, NULL);
			execl("/bin/true", "true", (char *)NULL);
			_exit(1);
		}
		expect(pid > 0, "vfork");
		atomic_fetch_add(&made, 1);
		expect(waitpid(pid, &status, 0) == pid && status == 0, "vfork child");
		atomic_fetch_add(&ended, 1);
	}
	return data;
}

int main(void)
{
	struct sigaction action = {.sa_handler = on_term};
	pthread_t thread[3 * MAKERS];
	size_t n = 0;

	sigaction(SIGTERM, &action, NULL);
	for (int i = 0; i < MAKERS; i++) {
		pthread_create(&thread[n++], NULL, make_threads, NULL);
		pthread_create(&thread[n++], NULL, make_processes, NULL);
		pthread_create(&thread[n++], NULL, make_vforks, NULL);
	}
	puts("ready");
	fflush(stdout);
	for (size_t i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	printf("made %lu ended %lu wrong %lu\n", made, ended, wrong);
	return made == ended && !wrong ? 0 : 1;
}
