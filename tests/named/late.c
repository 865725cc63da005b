/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was never done before, long after all got hot: by a thread that has been quiet, by one that is hot in
 * that moment, by a new thread, by a fork's child and by a program that a vfork's child executes. Each has a
 * number, an argument, a socket family and a path of its own; each does it once, and then hot.
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HOT 1200

static const struct act {
	const char *path;
	long number;
	unsigned long request;
	int family, type;
} quiet = {"late-quiet", SYS_getsid, FIONREAD, AF_NETLINK, SOCK_RAW},
  busy = {"late-busy", SYS_getpgid, FIOCLEX, AF_UNIX, SOCK_DGRAM},
  fresh = {"late-fresh", SYS_sched_getscheduler, FIONCLEX, AF_INET, SOCK_DGRAM},
  forked = {"late-forked", SYS_sched_get_priority_max, FIOASYNC, AF_PACKET, SOCK_DGRAM},
  executed = {"late-executed", SYS_sched_get_priority_min, SIOCATMARK, AF_INET6, SOCK_STREAM};
static int ready, go;

static void must(int condition)
{
	if (!condition)
		_exit(99);
}

/* Raw calls only, so that nothing is of libc's choice. */
static void heat(int n)
{
	struct pollfd nothing = {.fd = -1};
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	char c;

	for (int i = 0; i < n; i++)
		must(read(zero, &c, 1) == 1 && syscall(SYS_getppid) >= 0 &&
		     syscall(SYS_poll, &nothing, 1, 0) == 0);
	close(zero);
}

static void late(const struct act *act)
{
	int file = open(act->path, O_CREAT | O_RDWR | O_CLOEXEC, 0600), value = 0, fd;

	must(file >= 0 && unlink(act->path) == 0);
	for (int i = 0; i < HOT; i++) {
		fd = i % 100 == 0 ? socket(act->family, act->type, 0) : -1;
		syscall(act->number, 0);
		ioctl(fd < 0 ? file : fd, act->request, &value);
		if (fd >= 0)
			close(fd);
	}
	close(file);
}

static void wait_for(const int *word)
{
	while (!__atomic_load_n(word, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void set(int *word)
{
	__atomic_store_n(word, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, word, FUTEX_WAKE, 8, NULL, NULL, 0);
}

/* Hot, then quiet until all the others have been hot for long. */
static void *on_quiet(void *data)
{
	heat(HOT);
	set(&ready);
	wait_for(&go);
	late(&quiet);
	return data;
}

static void *on_busy(void *data)
{
	heat(HOT);
	late(&busy);
	heat(HOT);
	return data;
}

static void *on_fresh(void *data)
{
	late(&fresh);
	return data;
}

static void join(pthread_t thread, void **ret)
{
	must(pthread_join(thread, ret) == 0);
}

static void children(const char *program)
{
	char *const argv[] = {(char *)program, "late", NULL}, *const envp[] = {NULL};
	int status;
	pid_t pid = fork();

	if (!pid) {
		late(&forked);
		_exit(3);
	}
	must(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3);
	pid = vfork();
	if (!pid) {
		execve(program, argv, envp);
		_exit(98);
	}
	must(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv)
{
	struct timespec pause = {0, 400000000};
	pthread_t thread[3];
	int word = 1;

	if (argc > 1) {
		late(&executed);
		return 0;
	}
	/* What a wait may do, or not. */
	syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, ~0u);
	syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
	syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	must(pthread_create(&thread[0], NULL, on_quiet, NULL) == 0);
	wait_for(&ready);
	must(pthread_create(&thread[1], NULL, on_busy, NULL) == 0);
	heat(HOT);
	join(thread[1], NULL);
	syscall(SYS_nanosleep, &pause, NULL);
	must(pthread_create(&thread[2], NULL, on_fresh, NULL) == 0);
	join(thread[2], NULL);
	children(argv[0]);
	set(&go);
	join(thread[0], NULL);
	return 0;
}
