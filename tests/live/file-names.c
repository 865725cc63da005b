/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names made, moved and removed: link, rename, symlink, mknod, unlink in every variant, with the other
 * side of each.
 *
 * LIVE: m32
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "expect.h"

static void with_peer(const char *name, const char *access, const char *type, const char *peer)
{
	expect("{'fact':'files','path':'%s/%s','access':'%s','type':'%s','outcomes':{'ok':1},"
	       "'peers':['%s/%s']}",
	       expect_here(), name, access, type, expect_here(), peer);
}

static void fact(const char *name, const char *access, const char *type, const char *outcome)
{
	expect("{'fact':'files','path':'%s/%s','access':'%s','type':'%s','outcomes':{'%s':1}}",
	       expect_here(), name, access, type, outcome);
}

static void make(const char *name)
{
	expect_that(mknod(name, S_IFREG | 0600, 0) == 0);
	fact(name, "mknod", "file", "ok");
}

int main(void)
{
	char path[64];
	int dir, fd;

	expect("{'scope':'files','where':{'path':'^%s/','access':"
	       "'^(rename|link|symlink|mknod|unlink|rmdir|mkdir)'},"
	       "'compare':['path','access','type','outcomes','peers']}",
	       expect_here());
	expect_that(mkdir("d", 0700) == 0);
	fact("d/", "mkdir", "dir", "ok");
	dir = open("d", O_PATH | O_DIRECTORY);
	expect_that(dir >= 0);

	make("r1");
	expect_that(rename("r1", "r2") == 0);
	with_peer("r1", "rename-from", "file", "r2");
	with_peer("r2", "rename-to", "file", "r1");
	make("r3");
	expect_that(syscall(SYS_renameat, AT_FDCWD, "r3", dir, "r4") == 0);
	with_peer("r3", "rename-from", "file", "d/r4");
	with_peer("d/r4", "rename-to", "file", "r3");
	make("x1");
	expect_that(mkdir("x2", 0700) == 0);
	fact("x2/", "mkdir", "dir", "ok");
	expect_that(syscall(SYS_renameat2, AT_FDCWD, "x1", AT_FDCWD, "x2", 2 /* EXCHANGE */) == 0);
	with_peer("x1", "rename-from", "file", "x2/");
	with_peer("x2/", "rename-to", "dir", "x1");
	with_peer("x2/", "rename-from", "dir", "x1");
	with_peer("x1", "rename-to", "file", "x2/");
	make("n1");
	make("n2");
	expect_that(syscall(SYS_renameat2, AT_FDCWD, "n1", AT_FDCWD, "n2", 1 /* NOREPLACE */) ==
		    -1);
	expect("{'fact':'files','path':'%s/n1','access':'rename-from','type':'file',"
	       "'outcomes':{'EEXIST':1},'peers':['%s/n2']}",
	       expect_here(), expect_here());
	expect("{'fact':'files','path':'%s/n2','access':'rename-to','type':'file',"
	       "'outcomes':{'EEXIST':1},'peers':['%s/n1']}",
	       expect_here(), expect_here());

	/* Hard links, the last two to a file known by its descriptor only. */
	make("l1");
	expect_that(link("l1", "l2") == 0);
	with_peer("l2", "link-to", "file", "l1");
	expect_that(linkat(dir, "../l1", dir, "l3", 0) == 0);
	with_peer("d/l3", "link-to", "file", "l1");
	fd = open("l1", O_RDONLY);
	expect_that(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	expect_that(linkat(AT_FDCWD, path, AT_FDCWD, "l4", AT_SYMLINK_FOLLOW) == 0);
	with_peer("l4", "link-to", "file", "l1");
	expect_that(linkat(fd, "", AT_FDCWD, "l5", AT_EMPTY_PATH) == 0);
	with_peer("l5", "link-to", "file", "l1");
	expect("{'fact':'files','path':'%1$s/l1','access':'link-from','type':'file',"
	       "'outcomes':{'ok':4},'peers':['%1$s/d/l3','%1$s/l2','%1$s/l4','%1$s/l5']}",
	       expect_here());

	expect_that(symlink("some/where", "s1") == 0 && symlinkat("l1", dir, "s2") == 0);
	expect("{'fact':'files','path':'%s/s1','access':'symlink','type':'link',"
	       "'outcomes':{'ok':1},'peers':['some/where']}",
	       expect_here());
	expect("{'fact':'files','path':'%s/d/s2','access':'symlink','type':'link',"
	       "'outcomes':{'ok':1},'peers':['l1']}",
	       expect_here());

	expect_that(mknod("fifo", S_IFIFO | 0600, 0) == 0);
	fact("fifo", "mknod", "fifo", "ok");
	expect_that(mknodat(dir, "null", S_IFCHR | 0600, makedev(1, 3)) == 0);
	fact("d/null", "mknod", "chr", "ok");
	expect_that(mknod("disk", S_IFBLK | 0600, makedev(7, 250)) == 0);
	fact("disk", "mknod", "blk", "ok");
	expect_that(mknod("sock", S_IFSOCK | 0600, 0) == 0);
	fact("sock", "mknod", "socket", "ok");

	expect_that(unlink("s1") == 0);
	fact("s1", "unlink", "link", "ok");
	expect_that(unlinkat(dir, "s2", 0) == 0);
	fact("d/s2", "unlink", "link", "ok");
	expect_that(rmdir("x1") == 0); /* exchanged: the directory is here now */
	fact("x1/", "rmdir", "dir", "ok");
	expect_that(mkdirat(dir, "sub/", 0700) == 0);
	fact("d/sub/", "mkdir", "dir", "ok");
	expect_that(unlinkat(dir, "sub", AT_REMOVEDIR) == 0);
	fact("d/sub/", "rmdir", "dir", "ok");
	expect_that(unlink("d") == -1 && errno == EISDIR);
	fact("d/", "unlink", "dir", "EISDIR");
	expect_that(rmdir("d") == -1 && errno == ENOTEMPTY);
	fact("d/", "rmdir", "dir", "ENOTEMPTY");
	expect_that(unlink("none") == -1 && errno == ENOENT);
	fact("none", "unlink", "missing", "ENOENT");
	expect_that(unlink("no/where/../x") == -1 && errno == ENOENT);
	fact("no/where/../x", "unlink", "missing", "ENOENT");
	return 0;
}
