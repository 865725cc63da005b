/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One and the same path leads elsewhere after each of: a renamed directory, a swapped symlink, what
 * another process did, a mount, chdir() and chroot().
 *
 * LIVE: m32
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "expect.h"

static void looks(const char *path, int err)
{
	struct stat st;

	expect_that(err ? stat(path, &st) == -1 && errno == err : stat(path, &st) == 0);
}

static void touch(const char *path)
{
	expect_that(mknod(path, S_IFREG | 0600, 0) == 0);
}

/* Put a directory with a directory "f" where the link was. */
static void swap_in_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(unlink("d") != 0 || mkdir("d", 0755) != 0 || mkdir("d/f", 0755) != 0);
	expect_that(pid > 0 && waitpid(pid, &(int){0}, 0) == pid);
}

int main(void)
{
	char path[4200];

	expect("{'scope':'files','where':{'path':'^%s/','access':'^stat$'},"
	       "'compare':['path','access','outcomes']}",
	       expect_here());
	snprintf(path, sizeof(path), "%s/d/f", expect_here());
	expect_that(mkdir("d", 0755) == 0 && mkdir("h", 0755) == 0);
	touch("d/f");
	touch("h/f");
	looks(path, 0);
	looks("d/f", 0);

	expect_that(rename("d", "e") == 0);
	looks(path, ENOENT);
	looks("d/f", ENOENT);
	expect("{'fact':'files','path':'%s/d/f','access':'stat','outcomes':{'ok':2,'ENOENT':2}}",
	       expect_here());
	expect_that(symlink("e", "d") == 0);
	looks(path, 0);
	looks("d/f", 0);
	expect_file("e/f", "stat", "ok", 5);
	expect_that(unlink("d") == 0 && symlink("h", "d") == 0);
	looks(path, 0);
	looks("d/f", 0);
	expect_file("h/f", "stat", "ok", 6);
	swap_in_child();
	looks(path, 0);
	looks("d/f", 0);
	expect_file("d/f/", "stat", "ok", 4);

	expect_that(unshare(CLONE_NEWNS) == 0);
	expect_that(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	looks(path, 0);
	expect_that(mount("none", "d", "tmpfs", 0, NULL) == 0 && symlink("../h/f", "d/f") == 0);
	looks(path, 0);
	looks("d/f", 0);
	expect_that(umount("d") == 0);
	looks(path, 0);

	expect_that(chdir("e") == 0);
	looks("f", 0);
	expect_that(chdir("../h") == 0);
	looks("f", 0);
	expect_that(chroot("../e") == 0);
	looks("/f", 0);
	looks("f", 0);
	expect_that(chdir("/") == 0 && chroot(".") == 0);
	looks("/f", 0);
	return 0;
}
