/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program is executed with megabytes of arguments and environment: the trace keeps a bounded part, and
 * the program itself gets all of it.
 *
 * LIVE: m32
 */
#include <sys/wait.h>

#include "expect.h"

#define ARGS	 4000
#define ARG_SIZE 200

static char *make(char letter, int i, int size)
{
	char *s = malloc(size + 1);

	expect_that(s);
	memset(s, letter, size);
	s[snprintf(s, size, "%c%d=", letter, i)] = letter;
	s[size] = '\0';
	return s;
}

int main(int argc, char **argv)
{
	static char *args[ARGS + 4], *env[ARGS + 1];
	char self[PATH_MAX];
	ssize_t n;
	int status;
	pid_t pid;

	if (argc > 1) {
		/* The second time: argv[1] is 100,000 bytes, then ARGS more. */
		int vars = 0;

		for (char **e = environ; *e; e++)
			vars += strlen(*e) == ARG_SIZE;
		return argc == ARGS + 2 && strlen(argv[1]) == 100000 && vars == ARGS ? 0 : 98;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	expect_that(n > 0);
	self[n] = '\0';
	args[0] = self;
	args[1] = make('l', 0, 100000);
	for (int i = 0; i < ARGS; i++) {
		args[i + 2] = make('a', i, ARG_SIZE);
		env[i] = make('e', i, ARG_SIZE);
	}
	pid = fork();
	expect_that(pid >= 0);
	if (pid == 0) {
		execve(self, args, env);
		_exit(97);
	}
	expect_that(waitpid(pid, &status, 0) == pid && status == 0);
	expect("{'scope':'execs','where':{},'compare':['from','to']}");
	expect("{'fact':'execs','to':'%s'}", self);
	expect("{'fact':'execs','from':'%s','to':'%s'}", self, self);
	return 0;
}
