/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same work done through every C library and linking: glibc and musl, shared and static, 64 and
 * 32 bits. The libraries choose different calls; what happened to the files is the same.
 *
 * LIVE: m32 static musl
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "expect.h"

int main(void)
{
	struct stat st;
	char text[4];
	int fd;

	expect_files_scope();
	expect_that(mkdir("dir", 0700) == 0);
	expect_file("dir/", "mkdir", "ok", 1);
	fd = open("dir/a", O_RDWR | O_CREAT | O_EXCL, 0600);
	expect_that(fd >= 0);
	expect_file("dir/a", "create", "ok", 1);
	expect_file("dir/a", "read", "ok", 2);
	expect_file("dir/a", "write", "ok", 1);
	expect_that(write(fd, "abc", 3) == 3);
	close(fd);
	fd = open("dir/a", O_RDONLY);
	expect_that(fd >= 0 && read(fd, text, 3) == 3);
	close(fd);
	expect_that(open("dir/none", O_RDONLY) == -1 && errno == ENOENT);
	expect_file("dir/none", "read", "ENOENT", 1);
	expect_that(lstat("dir/a", &st) == 0 && st.st_size == 3);
	expect_file("dir/a", "stat", "ok", 1);
	expect_that(rename("dir/a", "dir/b") == 0);
	expect_file("dir/a", "rename-from", "ok", 1);
	expect_file("dir/b", "rename-to", "ok", 1);
	expect_that(unlink("dir/b") == 0);
	expect_file("dir/b", "unlink", "ok", 1);
	expect_that(rmdir("dir") == 0);
	expect_file("dir/", "rmdir", "ok", 1);
	return 0;
}
