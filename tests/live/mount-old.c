/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount(2) and its kin, in a mount namespace of its own.
 *
 * LIVE: m32
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "expect.h"

static void fact(const char *rest)
{
	expect("{'fact':'mounts',%s}", rest);
}

int main(void)
{
	char here[PATH_MAX], rest[4 * PATH_MAX];

	snprintf(here, sizeof(here), "%s", expect_here());
	expect("{'scope':'mounts','where':{},"
	       "'compare':['op','source','target','fstype','flags','outcomes']}");
	expect_that(mkdir("a", 0755) == 0 && mkdir("b", 0755) == 0 && mkdir("c", 0755) == 0);
	expect_that(unshare(CLONE_NEWNS) == 0);
	expect_that(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	fact("\"op\":\"propagation\",\"target\":\"/"
	     "\",\"flags\":\"rprivate\",\"outcomes\":{\"ok\":1}");
	expect_that(mount("some name", "a", "tmpfs", MS_NOSUID | MS_NODEV, "size=1m") == 0);
	snprintf(rest, sizeof(rest),
		 "\"op\":\"mount\",\"source\":\"some name\",\"target\":\"%s/a/\","
		 "\"fstype\":\"tmpfs\",\"flags\":\"rw,nosuid,nodev\",\"outcomes\":{\"ok\":1}",
		 here);
	fact(rest);
	expect_that(mount("a", "b", NULL, MS_BIND | MS_REC, NULL) == 0);
	snprintf(rest, sizeof(rest),
		 "\"op\":\"bind\",\"source\":\"%s/a\",\"target\":\"%s/b/\","
		 "\"flags\":\"rw,rbind\",\"outcomes\":{\"ok\":1}",
		 here, here);
	fact(rest);
	expect_that(mount(NULL, "b", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0);
	snprintf(rest, sizeof(rest),
		 "\"op\":\"remount\",\"target\":\"%s/b/\",\"flags\":\"ro,remount,bind\","
		 "\"outcomes\":{\"ok\":1}",
		 here);
	fact(rest);
	expect_that(mount("b", "c", NULL, MS_MOVE, NULL) == 0);
	snprintf(rest, sizeof(rest),
		 "\"op\":\"move\",\"source\":\"%s/b\",\"target\":\"%s/c/\","
		 "\"flags\":\"rw,move\",\"outcomes\":{\"ok\":1}",
		 here, here);
	fact(rest);
	expect_that(umount2("c", MNT_DETACH | UMOUNT_NOFOLLOW) == 0);
	snprintf(rest, sizeof(rest),
		 "\"op\":\"umount\",\"target\":\"%s/c/\",\"flags\":\"detach,nofollow\","
		 "\"outcomes\":{\"ok\":1}",
		 here);
	fact(rest);
	expect_that(mkdir("a/old", 0700) == 0);
	expect_that(syscall(SYS_pivot_root, "a", "a/old") == 0);
	snprintf(
		rest, sizeof(rest),
		"\"op\":\"pivot_root\",\"source\":\"%s/a/old\",\"target\":\"%s/a/\",\"flags\":\"\","
		"\"outcomes\":{\"ok\":1}",
		here, here);
	fact(rest);
	expect_that(mount("x", "/nowhere", "nothing", 0, NULL) == -1);
	fact("\"op\":\"mount\",\"source\":\"x\",\"target\":\"/nowhere\",\"fstype\":\"nothing\","
	     "\"flags\":\"rw\",\"outcomes\":{\"ENOENT\":1}");
	return 0;
}
