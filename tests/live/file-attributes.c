/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owner, mode, times, size and extended attributes, by path, by descriptor and by both.
 *
 * LIVE: m32
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <utime.h>

#include "expect.h"

int main(void)
{
	struct timespec now[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
	int fd, path, here;
	char buf[16];

	expect_files_scope();
	fd = open("f", O_RDWR | O_CREAT, 0600);
	expect_that(fd >= 0);
	expect_file("f", "create", "ok", 1);
	expect_file("f", "read", "ok", 1);
	expect_file("f", "write", "ok", 1);
	expect_that(symlink("f", "l") == 0);
	expect_file("l", "symlink", "ok", 1);
	here = open(".", O_RDONLY | O_DIRECTORY);
	path = open("f", O_PATH);
	expect_that(here >= 0 && path >= 0);
	expect_file("", "list", "ok", 1);
	expect_file("f", "path", "ok", 1);

	expect_that(chmod("f", 0640) == 0 && chmod("l", 0640) == 0 && fchmod(fd, 0600) == 0);
	expect_that(syscall(SYS_fchmodat, here, "f", 0600) == 0);
	expect_file("f", "chmod", "ok", 4);

	expect_that(chown("l", 0, 0) == 0 && fchown(fd, 0, 0) == 0 && lchown("l", 0, 0) == 0);
	expect_that(fchownat(path, "", 0, 0, AT_EMPTY_PATH) == 0);
	expect_that(fchownat(here, "l", 0, 0, AT_SYMLINK_NOFOLLOW) == 0);
	expect_file("f", "chown", "ok", 3);
	expect_file("l", "chown", "ok", 2);

	expect_that(utime("f", NULL) == 0 && utimes("l", NULL) == 0 && futimens(fd, now) == 0);
	expect_that(utimensat(here, "f", now, 0) == 0);
	expect_that(utimensat(here, "l", now, AT_SYMLINK_NOFOLLOW) == 0);
	expect_that(syscall(SYS_futimesat, here, "f", NULL) == 0);
	expect_that(syscall(SYS_utime, "f", NULL) == 0);
	expect_file("f", "utime", "ok", 6);
	expect_file("l", "utime", "ok", 1);

	expect_that(truncate("l", 10) == 0 && ftruncate(fd, 5) == 0);
	expect_that(truncate("f", 1) == 0);
	expect_file("f", "truncate", "ok", 3);

	/* A trusted one: those of users are not on each file system. */
	expect_that(setxattr("l", "trusted.a", "1", 1, 0) == 0);
	expect_that(fsetxattr(fd, "trusted.b", "2", 1, 0) == 0);
	expect_that(getxattr("f", "trusted.a", buf, sizeof(buf)) == 1);
	expect_that(fgetxattr(fd, "trusted.b", buf, sizeof(buf)) == 1);
	expect_that(lgetxattr("l", "trusted.a", buf, sizeof(buf)) == -1 && errno == ENODATA);
	expect_that(removexattr("f", "trusted.a") == 0 && fremovexattr(fd, "trusted.b") == 0);
	expect_file("f", "setxattr", "ok", 2);
	expect_file("f", "getxattr", "ok", 2);
	expect_file("l", "getxattr", "ENODATA", 1);
	expect_file("f", "removexattr", "ok", 2);
	return 0;
}
