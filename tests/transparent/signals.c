/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signal that is ignored, one with a handler, one with SA_RESTART, and a stop, in the middle of each
 * call that waits: signal(7). A helper looks in /proc whether the call waits, and so hangs on no time.
 */
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "check.h"

enum how { IGNORED, HANDLED, RESTARTED, STOPPED, BOTH, HOWS };
static const char *const hows[] = {"ignored", "handled", "SA_RESTART", "stopped",
				   "ignored-then-handled"};

static volatile struct shared {
	int word, handled, done;
} * shared;
static int pipes[2], listener, epoll;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static const socklen_t address_len = sizeof(address.sun_family) + 20;

static void on_signal(int sig)
{
	(void)sig;
	shared->handled++;
}

/* ---- the calls ------------------------------------------------------------------------------- */

static long call_read(void)
{
	char c;

	return syscall(SYS_read, pipes[0], &c, 1);
}

static long call_accept(void)
{
	long fd = syscall(SYS_accept4, listener, NULL, NULL, 0);

	if (fd < 0)
		return fd;
	close((int)fd);
	return 1;
}

static long call_poll(void)
{
	struct pollfd p = {.fd = pipes[0], .events = POLLIN};

	return syscall(SYS_poll, &p, 1, 20000);
}

static long call_select(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(pipes[0], &set);
	return syscall(SYS_select, pipes[0] + 1, &set, NULL, NULL, NULL);
}

static long call_epoll(void)
{
	struct epoll_event event;

	return syscall(SYS_epoll_wait, epoll, &event, 1, -1);
}

static long call_futex(void)
{
	return syscall(SYS_futex, &shared->word, FUTEX_WAIT, 0, NULL, NULL, 0) == 0 ? 1 : -1;
}

static long call_futex_timed(void)
{
	struct timespec ts = {20, 0};

	return syscall(SYS_futex, &shared->word, FUTEX_WAIT, 0, &ts, NULL, 0) == 0 ? 1 : -1;
}

/* Long, where it is going to be interrupted. */
static int sleep_seconds;

static long call_nanosleep(void)
{
	struct timespec ts = {sleep_seconds, 400000000}, left = {9, 0};
	long ret = syscall(SYS_nanosleep, &ts, &left);

	if (ret < 0 && errno == EINTR &&
	    (left.tv_sec > ts.tv_sec || (left.tv_sec == ts.tv_sec && left.tv_nsec > ts.tv_nsec)))
		return -2;
	return ret < 0 ? ret : 1;
}

static long call_sigtimedwait(void)
{
	uint64_t set = 1ull << (SIGUSR2 - 1);

	return syscall(SYS_rt_sigtimedwait, &set, NULL, NULL, 8) == SIGUSR2 ? 1 : -1;
}

/* @ends: by which it ends when it goes on. @restarts: with SA_RESTART; @stops: by a stop, too. */
static const struct call {
	const char *name;
	long nr;
	long (*call)(void);
	int restarts, stop_ends;
} calls[] = {
	{"read", SYS_read, call_read, 1, 0},
	{"accept", SYS_accept4, call_accept, 1, 0},
	{"poll", SYS_poll, call_poll, 0, 0},
	{"select", SYS_select, call_select, 0, 0},
	{"epoll_wait", SYS_epoll_wait, call_epoll, 0, 1},
	{"futex", SYS_futex, call_futex, 1, 0},
	{"futex-timed", SYS_futex, call_futex_timed, 0, 0},
	{"nanosleep", SYS_nanosleep, call_nanosleep, 0, 0},
	{"sigtimedwait", SYS_rt_sigtimedwait, call_sigtimedwait, 0, 1},
};

/* ---- the helper ------------------------------------------------------------------------------ */

static void pause_ms(int ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&ts, NULL);
}

/* Its state letter, and whether it is in that call. */
static char state_of(pid_t pid, long nr)
{
	char path[64], text[512], *s;
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	/* A stop may have made a restart_syscall of it. */
	if (nr >= 0 && (strtol(text, &s, 10) != nr || s == text))
		return '?';
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	s = strrchr(text, ')');
	return s ? s[2] : '?';
}

static void release(const struct call *c, pid_t parent)
{
	if (c->call == call_accept) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		connect(fd, (struct sockaddr *)&address, address_len);
	} else if (c->nr == SYS_futex) {
		/* Again and again: it may be between two waits. */
		while (!shared->done) {
			syscall(SYS_futex, &shared->word, FUTEX_WAKE, 1, NULL, NULL, 0);
			pause_ms(5);
		}
	} else if (c->nr == SYS_rt_sigtimedwait) {
		kill(parent, SIGUSR2);
	} else if (c->nr != SYS_nanosleep) {
		if (write(pipes[1], "x", 1) != 1)
			_exit(1);
	}
}

static void help(const struct call *c, enum how how, pid_t parent)
{
	for (int i = 0; state_of(parent, c->nr) != 'S'; i++) {
		if (i > 5000)
			_exit(1);
		pause_ms(2);
	}
	if (how == STOPPED) {
		/* Under a tracer the state of a stop is 't'. */
		kill(parent, SIGSTOP);
		for (int i = 0; i < 5000 && !strchr("Tt", state_of(parent, -1)); i++)
			pause_ms(2);
		pause_ms(20);
		kill(parent, SIGCONT);
	} else {
		kill(parent, SIGUSR1);
		if (how == BOTH)
			kill(parent, SIGALRM);
	}
	for (int i = 0; i < 2000 && how != IGNORED && how != STOPPED && !shared->handled; i++)
		pause_ms(2);
	pause_ms(60);
	if (!shared->done)
		release(c, parent);
	_exit(0);
}

/* ---- one case -------------------------------------------------------------------------------- */

static void drain(void)
{
	char text[16];
	int fd;

	while (poll(&(struct pollfd){.fd = pipes[0], .events = POLLIN}, 1, 0) == 1)
		if (read(pipes[0], text, sizeof(text)) <= 0)
			break;
	while (poll(&(struct pollfd){.fd = listener, .events = POLLIN}, 1, 0) == 1) {
		fd = accept(listener, NULL, NULL);
		close(fd);
	}
}

static void try(const struct call *c, enum how how)
{
	struct sigaction action = {.sa_handler =
					   how == IGNORED || how == BOTH ? SIG_IGN : on_signal,
				   .sa_flags = how == RESTARTED ? SA_RESTART : 0};
	pid_t parent = getpid(), pid;
	int interrupted, status, expected;
	char name[64];
	long ret;

	sleep_seconds = how == IGNORED || how == STOPPED ? 0 : 8;
	shared->handled = shared->done = 0;
	sigaction(SIGUSR1, &action, NULL);
	pid = fork();
	if (!pid)
		help(c, how, parent);
	ret = c->call();
	interrupted = ret < 0 && errno == EINTR;
	shared->done = 1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	snprintf(name, sizeof(name), "%s-%s", c->name, hows[how]);
	expected = how == HANDLED || how == BOTH || (how == RESTARTED && !c->restarts) ||
		   (how == STOPPED && c->stop_ends);
	if (ret != 1 && !interrupted)
		printf("  %s: %ld, %s\n", name, ret, strerror(errno));
	check(status == 0 && (interrupted || ret == 1) && interrupted == expected, name);
	if (how != IGNORED && how != STOPPED)
		check(shared->handled == 1, name);
	drain();
}

int main(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t set;

	sigaction(SIGALRM, &action, NULL);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "whittle-check-%05d",
		 getpid() % 100000);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (pipe(pipes) || bind(listener, (struct sockaddr *)&address, address_len) ||
	    listen(listener, 8) || epoll_ctl(epoll, EPOLL_CTL_ADD, pipes[0], &event))
		return 99;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
			for (int how = 0; how < HOWS; how++)
				try(&calls[i], (enum how)how);
		heat();
	}
	return 0;
}
