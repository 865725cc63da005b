/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that got hot sees no filter in its own status, nor in that of its threads and children, however
 * it reads the file; and it sees those that it has loaded itself.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "check.h"

#define TEXT 16384

enum how { READ_ALL, READ_BYTES, READ_SOME, PREAD_BACKWARDS, READV, STDIO, HOWS };

static ssize_t read_steps(int fd, char *text, size_t step)
{
	ssize_t n, all = 0;

	while ((n = read(fd, text + all, step)) > 0)
		all += n;
	return all;
}

/* In halves, the last one first; both begin where nothing is known of what is before. */
static ssize_t pread_backwards(int fd, char *text)
{
	ssize_t low, high;

	high = pread(fd, text + 512, TEXT - 513, 512);
	low = pread(fd, text, 512, 0);
	return low == 512 && high > 0 ? 512 + high : 0;
}

static ssize_t read_vector(int fd, char *text)
{
	struct iovec v[3] = {{text, 100}, {text + 100, 1}, {text + 101, TEXT - 102}};

	return readv(fd, v, 3);
}

static ssize_t read_stdio(const char *path, char *text)
{
	FILE *f = fopen(path, "re");
	char line[1024];
	size_t n = 0;

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		memcpy(text + n, line, strlen(line));
		n += strlen(line);
	}
	fclose(f);
	return (ssize_t)n;
}

static void take(const char *path, enum how how, char text[TEXT])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	switch (how) {
	case READ_ALL:
		n = read_steps(fd, text, TEXT - 8192);
		break;
	case READ_BYTES:
		n = read_steps(fd, text, 1);
		break;
	case READ_SOME:
		n = read_steps(fd, text, 7);
		break;
	case PREAD_BACKWARDS:
		n = pread_backwards(fd, text);
		break;
	case READV:
		n = read_vector(fd, text);
		break;
	case STDIO:
	case HOWS:
		n = read_stdio(path, text);
		break;
	}
	close(fd);
	text[n > 0 ? n : 0] = '\0';
}

static long field(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtol(line + strlen(name), NULL, 10) : -1;
}

static int shows(const char *path, enum how how, long mode, long filters)
{
	static char text[TEXT];

	take(path, how, text);
	return field(text, "\nSeccomp:") == mode && field(text, "\nSeccomp_filters:") == filters;
}

static void *thread_main(void *data)
{
	heat();
	*(int *)data = shows("/proc/thread-self/status", READ_ALL, 0, 0) &&
		       shows("/proc/self/status", STDIO, 0, 0);
	return NULL;
}

/* What one thread has opened, another one reads that is hot. */
static int shared_fd = -1;
static int gate_in[2], gate_out[2];

static void *reader_main(void *data)
{
	char text[TEXT], c;
	ssize_t n;

	heat();
	if (write(gate_out[1], "x", 1) != 1 || read(gate_in[0], &c, 1) != 1)
		return NULL;
	n = read(shared_fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	*(int *)data = field(text, "\nSeccomp:") == 0 && field(text, "\nSeccomp_filters:") == 0;
	return NULL;
}

static int read_by_another(void)
{
	pthread_t thread;
	int good = 0;
	char c;

	if (pipe(gate_in) || pipe(gate_out) || pthread_create(&thread, NULL, reader_main, &good) ||
	    read(gate_out[0], &c, 1) != 1)
		return 0;
	shared_fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	if (write(gate_in[1], "x", 1) != 1)
		return 0;
	pthread_join(thread, NULL);
	close(shared_fd);
	return good;
}

static int own_filter(void)
{
	struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {1, code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

static void of_a_child(void)
{
	char path[64], c;
	int in[2], out[2], status;
	pid_t pid;

	if (pipe(in) || pipe(out))
		exit(99);
	pid = fork();
	if (!pid) {
		heat();
		if (write(out[1], "x", 1) != 1 || read(in[0], &c, 1) != 1)
			_exit(99);
		heat();
		_exit(own_filter() && write(out[1], "x", 1) == 1 && read(in[0], &c, 1) == 1 ? 0
											    : 99);
	}
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	check(read(out[0], &c, 1) == 1 && shows(path, READ_ALL, 0, 0), "of-a-child");
	check(write(in[1], "x", 1) == 1 && read(out[0], &c, 1) == 1 && shows(path, STDIO, 2, 1),
	      "of-a-filtered-child");
	check(write(in[1], "x", 1) == 1 && waitpid(pid, &status, 0) == pid && status == 0, "child");
}

int main(void)
{
	static const char *const names[HOWS] = {"read", "bytes", "some", "pread", "readv", "stdio"};
	pthread_t thread;
	int good = 0;

	check(shows("/proc/self/status", READ_ALL, 0, 0), "cold");
	for (int how = READ_ALL; how < HOWS; how++) {
		heat();
		check(shows("/proc/self/status", (enum how)how, 0, 0), names[how]);
	}
	check(pthread_create(&thread, NULL, thread_main, &good) == 0 &&
		      pthread_join(thread, NULL) == 0 && good,
	      "thread");
	check(read_by_another(), "another-thread");
	heat();
	of_a_child();
	heat();
	check(own_filter(), "own-filter");
	check(shows("/proc/self/status", READ_ALL, 2, 1), "own-filter-shows");
	heat();
	check(shows("/proc/self/status", STDIO, 2, 1), "own-filter-shows-still");
	return 0;
}
