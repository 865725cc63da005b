// SPDX-License-Identifier: Apache-2.0
/*
 * A process storm: executes PROGRAM N times, one after the other, by fork(), vfork() and
 * posix_spawn() in turn, and writes "N SECONDS" into RESULT. What comes before the first of the N
 * (a twentieth of them, to warm up) is not in the time, nor is the start of a tracer.
 *
 *   storm N PROGRAM RESULT
 */
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* Never returns into the parent's frame, so that it is fit for a vfork() child. */
static void __attribute__((noreturn)) become(char *const argv[])
{
	execv(argv[0], argv);
	_exit(127);
}

static pid_t start(long turn, char *const argv[])
{
	pid_t pid;

	switch (turn % 3) {
	case 0:
		pid = fork();
		break;
	case 1:
		pid = vfork();
		break;
	default:
		errno = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ);
		return errno ? -1 : pid;
	}
	if (pid == 0)
		become(argv);
	return pid;
}

static void run(long times, char *const argv[])
{
	for (long i = 0; i < times; i++) {
		pid_t pid = start(i, argv);
		int status;

		if (pid < 0) {
			perror("storm: fork");
			exit(1);
		}
		if (waitpid(pid, &status, 0) != pid || status != 0) {
			fprintf(stderr, "storm: %s did not end well\n", argv[0]);
			exit(1);
		}
	}
}

int main(int argc, char **argv)
{
	struct timespec from, to;
	char *end;
	long n = argc == 4 ? strtol(argv[1], &end, 10) : 0;
	FILE *result;

	if (n <= 0 || *end) {
		fprintf(stderr, "usage: storm N PROGRAM RESULT\n");
		return 2;
	}
	run(n / 20, (char *[]){argv[2], NULL});
	clock_gettime(CLOCK_MONOTONIC, &from);
	run(n, (char *[]){argv[2], NULL});
	clock_gettime(CLOCK_MONOTONIC, &to);
	result = fopen(argv[3], "we");
	if (!result ||
	    fprintf(result, "%ld %.6f\n", n,
		    (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9) <
		    0 ||
	    fclose(result) != 0) {
		perror("storm: the result");
		return 1;
	}
	return 0;
}
