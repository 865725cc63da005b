// SPDX-License-Identifier: Apache-2.0
/*
 * Counts the signals that it gets. A child sends queued ones, each with its number, and waits for none to come back; so
 * a lost one, one that came twice, and another order are seen. Threads wait in calls that a handler must get out with
 * EINTR: that none of them waits for ever is what the end shows. Ends when the last signal has come.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SIGNALS 3000

static atomic_int queued, disordered, plain_sent, plain_got;

static void on_queued(int sig, siginfo_t *si, void *context)
{
	(void)sig;
	(void)context;
	if (si->si_value.sival_int != atomic_fetch_add(&queued, 1))
		atomic_fetch_add(&disordered, 1);
}

static void on_plain(int sig)
{
	(void)sig;
	atomic_fetch_add(&plain_got, 1);
}

/* One thread gets each signal while it waits for it: epoll_pwait() lets it in, and must tell of each by EINTR. */
static void *waiter(void *data)
{
	struct epoll_event event;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	sigset_t in;

	sigfillset(&in);
	sigdelset(&in, SIGUSR1);
	while (atomic_load(&plain_got) < SIGNALS)
		if (epoll_pwait(epoll, &event, 1, -1, &in) != -1 || errno != EINTR)
			exit(3);
	return data;
}

static void send_all(pid_t to)
{
	struct timespec nap = {.tv_nsec = 300000};

	for (int i = 0; i < SIGNALS; i++) {
		union sigval value = {.sival_int = i};

		while (sigqueue(to, SIGRTMIN + 1, value) < 0 && errno == EAGAIN)
			nanosleep(&nap, NULL);
		nanosleep(&nap, NULL);
	}
	_exit(0);
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = on_queued, .sa_flags = SA_SIGINFO};
	struct sigaction plain = {.sa_handler = on_plain};
	struct timespec nap = {.tv_nsec = 500000};
	sigset_t set;
	pthread_t thread;
	pid_t child;
	int status;

	sigfillset(&set);
	sigaction(SIGRTMIN + 1, &action, NULL);
	sigaction(SIGUSR1, &plain, NULL);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_create(&thread, NULL, waiter, NULL);
	sigdelset(&set, SIGRTMIN + 1);
	sigdelset(&set, SIGTERM);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	puts("ready");
	fflush(stdout);
	child = fork();
	if (!child)
		send_all(getppid());
	/* The next only when the last has come: plain signals of one number are one. */
	for (int i = 0; i < SIGNALS; i++) {
		atomic_fetch_add(&plain_sent, 1);
		pthread_kill(thread, SIGUSR1);
		while (atomic_load(&plain_got) < i + 1)
			nanosleep(&nap, NULL);
	}
	pthread_join(thread, NULL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	while (atomic_load(&queued) < SIGNALS)
		nanosleep(&nap, NULL);
	printf("queued %d disordered %d plain %d\n", queued, disordered, plain_got);
	return queued == SIGNALS && !disordered && plain_got == SIGNALS ? 0 : 1;
}
