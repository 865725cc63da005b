/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openat2() and what it forbids on the way; and paths that begin at a descriptor or at another
 * working directory.
 *
 * LIVE: m32
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "expect.h"

static int open2(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {.flags = flags, .resolve = resolve};

	if (flags & O_CREAT)
		how.mode = 0600;
	return syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

int main(void)
{
	struct stat st;
	int dir, fd;

	expect_files_scope();
	expect_that(mkdir("d", 0700) == 0 && mkdir("d/e", 0700) == 0);
	expect_file("d/", "mkdir", "ok", 1);
	expect_file("d/e/", "mkdir", "ok", 1);
	dir = open2(AT_FDCWD, "d", O_PATH | O_DIRECTORY, 0);
	expect_that(dir >= 0);
	expect_file("d/", "path", "ok", 1);
	fd = open2(dir, "e/file", O_RDWR | O_CREAT | O_EXCL, 0);
	expect_that(fd >= 0);
	expect_file("d/e/file", "create", "ok", 1);
	expect_file("d/e/file", "write", "ok", 1);

	/* Inside a root of its own an absolute link and ".." stay inside. */
	expect_that(symlink("/e/file", "d/abs") == 0);
	expect_file("d/abs", "symlink", "ok", 1);
	expect_that(open2(dir, "abs", O_RDONLY, RESOLVE_IN_ROOT) >= 0);
	expect_that(open2(dir, "/../../e/../abs", O_RDONLY, RESOLVE_IN_ROOT) >= 0);
	expect_that(open2(dir, "abs", O_RDONLY, RESOLVE_NO_SYMLINKS) == -1 && errno == ELOOP);
	expect_file("d/abs", "read", "ELOOP", 1);
	expect_that(open2(dir, "../d/e/none", O_RDONLY, RESOLVE_BENEATH) == -1 && errno == EXDEV);
	expect_file("d/e/none", "read", "EXDEV", 1);
	expect_that(open2(dir, "e/file", O_RDONLY, RESOLVE_BENEATH) >= 0);
	expect_file("d/e/file", "read", "ok", 4);

	expect_that(chdir("d/e") == 0);
	expect_file("d/e/", "chdir", "ok", 1);
	expect_that(stat("../e//./file", &st) == 0);
	expect_file("d/e/file", "stat", "ok", 1);
	expect_that(fchdir(dir) == 0);
	expect_file("d/", "chdir", "ok", 1);
	expect_that(faccessat(dir, "e/", R_OK, 0) == 0);
	expect_that(syscall(SYS_statx, dir, "abs", AT_SYMLINK_NOFOLLOW, 0, &(char[256]){0}) == 0);
	expect_file("d/abs", "stat", "ok", 1);
	expect_file("d/e/", "stat", "ok", 1);
	return 0;
}
