/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thing many times: `repeat getpid N`, `repeat names N` (N files with names of their own in one
 * folder), for memory.test.py. Alone it does each a few times.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "expect.h"

static void getpids(long n)
{
	for (long i = 0; i < n; i++)
		syscall(SYS_getpid);
}

static void names(long n)
{
	char name[64];
	int fd;

	expect_that(mkdir("folder", 0700) == 0);
	for (long i = 0; i < n; i++) {
		/* As if made at random: neighbours in time are no neighbours in order. */
		snprintf(name, sizeof(name), "folder/%08lx", (i * 2654435761L) & 0xffffffff);
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
		expect_that(fd >= 0);
		close(fd);
		expect_that(unlink(name) == 0);
	}
}

int main(int argc, char **argv)
{
	if (argc == 3) {
		(strcmp(argv[1], "names") == 0 ? names : getpids)(strtol(argv[2], NULL, 10));
		return 0;
	}
	getpids(7);
	names(2);
	expect("{'scope':'syscalls','where':{'name':'^getpid$'},'compare':['name','count']}");
	expect("{'fact':'syscalls','name':'getpid','count':7}");
	expect_files_scope();
	expect_file("folder/", "mkdir", "ok", 1);
	for (long i = 0; i < 2; i++) {
		char name[64];

		snprintf(name, sizeof(name), "folder/%08lx", (i * 2654435761L) & 0xffffffff);
		expect_file(name, "create", "ok", 1);
		expect_file(name, "write", "ok", 1);
		expect_file(name, "unlink", "ok", 1);
	}
	return 0;
}
