/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that a signal interrupts end or go on as they would without a tracer, restart_syscall included,
 * which only the kernel calls.
 *
 * LIVE: m32
 */
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "expect.h"

static void on_signal(int sig)
{
	(void)sig;
}

static void handle(int flags)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};

	expect_that(sigaction(SIGUSR1, &action, NULL) == 0);
}

/* A child that sends us a signal, or two, while we sleep. */
static pid_t send_later(int first, int second)
{
	pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	usleep(200000);
	kill(parent, first);
	usleep(200000);
	if (second)
		kill(parent, second);
	_exit(0);
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

int main(void)
{
	struct timespec ts = {1, 0}, left;
	long long start;
	int pipes[2];
	char c;
	pid_t pid;

	/* A handler ends it, and what is left is told. */
	handle(0);
	pid = send_later(SIGUSR1, 0);
	expect_that(nanosleep(&ts, &left) == -1 && errno == EINTR);
	expect_that(left.tv_sec == 0 && left.tv_nsec > 300000000);
	expect_that(waitpid(pid, NULL, 0) == pid);
	/* Stopped and continued, it sleeps on for as long as was asked. */
	start = now_ms();
	pid = send_later(SIGSTOP, SIGCONT);
	expect_that(nanosleep(&ts, NULL) == 0);
	expect_that(now_ms() - start >= 1000 && now_ms() - start < 3000);
	expect_that(waitpid(pid, NULL, 0) == pid);
	/* With SA_RESTART a read goes on, and ends when something comes. */
	expect_that(pipe(pipes) == 0);
	handle(SA_RESTART);
	pid = fork();
	if (!pid) {
		usleep(200000);
		kill(getppid(), SIGUSR1);
		usleep(200000);
		_exit(write(pipes[1], "x", 1) != 1);
	}
	expect_that(read(pipes[0], &c, 1) == 1 && c == 'x');
	expect_that(waitpid(pid, NULL, 0) == pid);
	/* At least once: a traced task also wakes up for the SIGCONT itself. */
	expect("{'some':'syscalls','where':{'name':'^restart_syscall$'}}");
	return 0;
}
