/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every way to open: what is asked for is what the flags say, not what the descriptor is used for.
 *
 * LIVE: m32
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "expect.h"

static void opens(const char *name, int flags)
{
	int fd = open(name, flags, 0600);

	expect_that(fd >= 0);
	close(fd);
}

int main(void)
{
	int fd;

	expect_files_scope();
	opens("a", O_RDWR | O_CREAT | O_EXCL);
	expect_file("a", "create", "ok", 1);
	opens("a", O_RDONLY);
	opens("a", O_WRONLY | O_CREAT); /* is there: not made */
	opens("a", O_WRONLY | O_APPEND);
	opens("a", O_RDWR | O_APPEND);
	opens("a", O_WRONLY | O_TRUNC);
	opens("a", O_RDONLY | O_TRUNC);
	opens("a", O_PATH);
	opens("a", O_ACCMODE);		   /* 3: asks for both, and can neither */
	expect_file("a", "read", "ok", 6); /* and once more below */
	expect_file("a", "append", "ok", 2);
	expect_file("a", "truncate", "ok", 2);
	expect_file("a", "path", "ok", 1);

	fd = creat("b", 0600);
	expect_that(fd >= 0);
	close(fd);
	fd = syscall(SYS_creat, "b", 0600);
	expect_that(fd >= 0);
	close(fd);
	expect_file("b", "create", "ok", 1);
	expect_file("b", "write", "ok", 2);
	expect_file("b", "truncate", "ok", 1);

	expect_that(syscall(SYS_open, "a", O_RDONLY) >= 0);
	expect_that(mkdir("dir", 0700) == 0);
	expect_file("dir/", "mkdir", "ok", 1);
	opens("dir", O_RDONLY);
	opens("dir", O_RDONLY | O_DIRECTORY);
	opens("dir", O_PATH | O_DIRECTORY);
	expect_file("dir/", "list", "ok", 2);
	expect_file("dir/", "path", "ok", 1);

	/* Through symlinks: the file is meant, and a dangling one makes its target. */
	expect_that(symlink("a", "to-a") == 0 && symlink("dir/new", "to-new") == 0);
	expect_file("to-a", "symlink", "ok", 1);
	expect_file("to-new", "symlink", "ok", 1);
	opens("to-a", O_WRONLY);
	opens("to-new", O_WRONLY | O_CREAT);
	expect_file("dir/new", "create", "ok", 1);
	expect_file("dir/new", "write", "ok", 1);
	opens("to-a", O_PATH | O_NOFOLLOW);
	expect_file("to-a", "path", "ok", 1);
	expect_that(open("to-a", O_RDONLY | O_NOFOLLOW) == -1 && errno == ELOOP);
	expect_file("to-a", "read", "ELOOP", 1);

	expect_that(open("a", O_WRONLY | O_CREAT | O_EXCL, 0600) == -1 && errno == EEXIST);
	expect("{'fact':'files','path':'%s/a','access':'write','outcomes':{'EEXIST':1,'ok':5}}",
	       expect_here());
	return 0;
}
