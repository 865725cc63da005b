/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside a chroot the path is still the whole one, as the mount namespace has it: that is what a
 * profile names. ".." and absolute links end at the new root.
 *
 * LIVE: m32
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "expect.h"

int main(void)
{
	expect("{'scope':'files','where':{'path':'^%s/'},"
	       "'compare':['path','access','outcomes']}",
	       expect_here());
	expect_that(mkdir("new", 0755) == 0 && mkdir("new/etc", 0755) == 0);
	expect_file("new/", "mkdir", "ok", 1);
	expect_file("new/etc/", "mkdir", "ok", 1);
	expect_that(symlink("/../etc/conf", "new/link") == 0);
	expect_file("new/link", "symlink", "ok", 1);
	expect_that(chroot("new") == 0);
	expect_file("new/", "chroot", "ok", 1);
	/* The working directory is outside of it still. */
	expect_that(open("new/etc/conf", O_WRONLY | O_CREAT, 0600) >= 0);
	expect_file("new/etc/conf", "create", "ok", 1);
	expect_file("new/etc/conf", "write", "ok", 1);
	expect_that(open("/etc/conf", O_RDONLY) >= 0);
	expect_that(open("/link", O_RDONLY) >= 0);
	expect_that(open("/../../etc/../link", O_RDONLY) >= 0);
	expect_file("new/etc/conf", "read", "ok", 3);
	expect_that(chdir("/") == 0);
	expect_file("new/", "chdir", "ok", 1);
	expect_that(open("../../none", O_RDONLY) == -1 && errno == ENOENT);
	expect_file("new/none", "read", "ENOENT", 1);
	return 0;
}
