/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thing many times: `repeat getpid N`, `repeat names N` (N files with names of their own in one
 * folder), `repeat known N` (N times the same few questions about files), for memory.test.py. Alone it does each a few times.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

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

static void child(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(0);
	expect_that(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

static void known(long n)
{
	static const char *const paths[] = {"folder/a", "folder/b", "folder/none", "folder"};
	char text[16];
	struct stat st;

	expect_that(mkdir("folder", 0700) == 0);
	expect_that(close(open("folder/a", O_WRONLY | O_CREAT, 0600)) == 0);
	expect_that(symlink("a", "folder/b") == 0);
	for (long i = 0; i < n; i++) {
		const char *path = paths[i % 4];
		int fd;

		switch (i / 4 % 4) {
		case 0:
			fd = open(path, O_RDONLY);
			if (fd >= 0)
				close(fd);
			break;
		case 1:
			expect_that((stat(path, &st) == 0) == (i % 4 != 2));
			break;
		case 2:
			expect_that((access(path, R_OK) == 0) == (i % 4 != 2));
			break;
		case 3:
			expect_that((readlink(path, text, sizeof(text)) > 0) == (i % 4 == 1));
			break;
		}
		/* Tasks come and go, and what is known of them with them. */
		if (i % 5000 == 0)
			child();
	}
}

int main(int argc, char **argv)
{
	if (argc == 3) {
		void (*what)(long n) = getpids;

		if (strcmp(argv[1], "names") == 0)
			what = names;
		else if (strcmp(argv[1], "known") == 0)
			what = known;
		what(strtol(argv[2], NULL, 10));
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
