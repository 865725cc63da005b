/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that opens the same files again and again: neither signals nor the end of its descriptors make
 * that fail, what blocks is still interrupted, and it has no descriptor that it has not made.
 */
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "check.h"

#define AGAIN 8000

static char here[4096], file[8192], fifo[8192];
static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
	caught = sig;
}

static void on_alarm(int often)
{
	const struct itimerval timer = {{0, often}, {0, often}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

/* How many of so many rounds failed; @ret_err: with what, last. */
static int ask(int times, int *ret_err)
{
	int failed = 0;
	struct stat st;

	*ret_err = 0;
	for (int i = 0; i < times; i++) {
		int fd = open(file, O_RDONLY | O_CLOEXEC);
		bool bad = fd < 0 || stat(file, &st) < 0 || access(file, R_OK) < 0;

		if (bad) {
			*ret_err = errno;
			failed++;
		}
		if (fd >= 0)
			close(fd);
	}
	return failed;
}

static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static void by_signals(int flags, const char *name)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
	int err;

	sigaction(SIGALRM, &action, NULL);
	caught = 0;
	on_alarm(200);
	check(ask(AGAIN, &err) == 0, name);
	on_alarm(0);
	if (err)
		printf("# %s: %s\n", name, strerror(err));
	check(caught == SIGALRM, "signals-came");
}

/* Nobody is at the other end: it waits until a signal comes. */
static void by_fifo(int flags, const char *name)
{
	struct sigaction action = {.sa_handler = on_signal};
	int fd;

	sigaction(SIGALRM, &action, NULL);
	on_alarm(20000);
	fd = open(fifo, flags);
	check(fd < 0 && errno == EINTR, name);
	on_alarm(0);
}

static void stopped_now_and_then(void)
{
	int err, status;
	pid_t parent = getpid(), pid = fork();

	if (!pid) {
		for (int i = 0; i < 50; i++) {
			kill(parent, SIGSTOP);
			usleep(500);
			kill(parent, SIGCONT);
			usleep(500);
		}
		_exit(0);
	}
	check(ask(AGAIN, &err) == 0, "stops");
	waitpid(pid, &status, 0);
}

static void by_child(void)
{
	int err, status;
	pid_t pid = fork();

	if (!pid)
		_exit(ask(AGAIN / 10, &err) ? 1 : 5);
	check(ask(AGAIN / 10, &err) == 0, "parent");
	check(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 5,
	      "child");
}

static void without_room(void)
{
	struct rlimit limit = {64, 64};
	int err, status;
	pid_t pid = fork();

	if (!pid) {
		int last = 0;

		setrlimit(RLIMIT_NOFILE, &limit);
		heat();
		while (last >= 0)
			last = dup(0);
		/* There is room for its own one descriptor, or for none. */
		if (ask(AGAIN, &err) != AGAIN || err != EMFILE)
			_exit(1);
		close(63);
		_exit(ask(AGAIN, &err) ? 2 : 5);
	}
	check(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 5,
	      "full");
}

int main(void)
{
	int err, fds, fd;

	if (!getcwd(here, sizeof(here)))
		return 99;
	snprintf(file, sizeof(file), "%s/file", here);
	snprintf(fifo, sizeof(fifo), "%s/fifo", here);
	fd = open(file, O_WRONLY | O_CREAT, 0644);
	if (fd < 0 || close(fd) < 0 || mkfifo(fifo, 0644) < 0)
		return 99;
	fds = count_descriptors();
	without_room();
	heat();
	check(ask(AGAIN, &err) == 0, "hot");
	check(count_descriptors() == fds, "descriptors");
	by_signals(0, "no-restart");
	by_signals(SA_RESTART, "restart");
	by_fifo(O_RDONLY, "fifo-read");
	by_fifo(O_WRONLY, "fifo-write");
	by_signals(0, "no-restart-again");
	stopped_now_and_then();
	by_child();
	unlink(file);
	unlink(fifo);
	return 0;
}
