// SPDX-License-Identifier: Apache-2.0
/*
 * Makes N system calls of bounded variety in the current folder: a few hundred names, opened, missed
 * and closed over and over, calls without a path, and now and then a child. After a tenth, a half and
 * all of them it writes a line into the pipe MARKS and waits for one from the pipe GO, so that somebody
 * can look at its tracer.
 *
 *   events N MARKS GO
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	NAMES = 256,
	CALLS = 8,	    /* of one turn */
	CHILD_EVERY = 1000, /* turns */
};

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "events: ");
	perror(what);
	exit(1);
}

static void child(void)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("fork");
	if (pid == 0)
		_exit(0);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		die("the child");
}

static void turn(unsigned long i)
{
	char name[32], byte = 0;
	struct stat st;
	int fd;

	snprintf(name, sizeof(name), "file-%lu", i % NAMES);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, &byte, 1) != 1 || lseek(fd, 0, SEEK_SET) != 0 ||
	    read(fd, &byte, 1) != 1 || fstat(fd, &st) < 0)
		die(name);
	close(fd);
	snprintf(name, sizeof(name), "missing-%lu", i % NAMES);
	if (stat(name, &st) == 0)
		die(name);
	/* The libc's own may remember it. */
	syscall(SYS_getpid);
	if (i % CHILD_EVERY == 0)
		child();
}

/* Opened at each mark: for the program they are files like any other. */
static void mark(const char *marks, const char *go, unsigned long calls)
{
	char line[32];
	int fd = open(marks, O_WRONLY | O_CLOEXEC);
	int length = snprintf(line, sizeof(line), "%lu\n", calls);

	if (fd < 0 || write(fd, line, (size_t)length) != length)
		die(marks);
	close(fd);
	fd = open(go, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, line, sizeof(line)) <= 0)
		die(go);
	close(fd);
}

int main(int argc, char **argv)
{
	char *end;
	unsigned long n = argc == 4 ? strtoul(argv[1], &end, 10) : 0, turns = n / CALLS;

	if (turns < 10 || *end) {
		fprintf(stderr, "usage: events N MARKS GO (N is %d or more)\n", 10 * CALLS);
		return 2;
	}
	for (unsigned long i = 1; i <= turns; i++) {
		turn(i);
		if (i == turns / 10 || i == turns / 2 || i == turns)
			mark(argv[2], argv[3], i * CALLS);
	}
	return 0;
}
