/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs that check themselves share. */
#ifndef WHITTLE_TESTS_CHECK_H
#define WHITTLE_TESTS_CHECK_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/** check() - a line of result; what is true untraced must be true traced. */
static inline void check(int condition, const char *name)
{
	printf(condition ? "ok %s\n" : "not ok %s\n", name);
	fflush(stdout);
}

/** heat() - so many calls within so short a time that a tracer stops looking at them. */
static inline void heat(void)
{
	struct pollfd nothing = {.fd = -1};
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	char c;

	for (int i = 0; i < 1100; i++) {
		syscall(SYS_getppid);
		if (read(zero, &c, 1) != 1 || poll(&nothing, 1, 0) != 0)
			printf("not ok heat\n");
	}
	close(zero);
}

#endif
