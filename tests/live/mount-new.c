/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mount calls by descriptor: each step is a fact of its own.
 *
 * LIVE: m32
 */
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "expect.h"

#define HERE expect_here()

int main(void)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC};
	int fs, mnt, tree;

	expect("{'scope':'mounts','where':{},"
	       "'compare':['op','source','target','fstype','flags','outcomes']}");
	expect_that(mkdir("a", 0755) == 0 && mkdir("b", 0755) == 0);
	expect_that(unshare(CLONE_NEWNS) == 0);
	fs = syscall(SYS_fsopen, "tmpfs", 0);
	expect_that(fs >= 0);
	expect("{'fact':'mounts','op':'fsopen','fstype':'tmpfs','flags':'','outcomes':{'ok':1}}");
	expect_that(syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", "mine", 0) == 0);
	expect("{'fact':'mounts','op':'fsconfig','source':'mine','flags':'set-string:source',"
	       "'outcomes':{'ok':1}}");
	expect_that(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0);
	expect("{'fact':'mounts','op':'fsconfig','flags':'create','outcomes':{'ok':1}}");
	mnt = syscall(SYS_fsmount, fs, 0, MOUNT_ATTR_NOSUID);
	expect_that(mnt >= 0);
	expect("{'fact':'mounts','op':'fsmount','flags':'nosuid','outcomes':{'ok':1}}");
	expect_that(syscall(SYS_move_mount, mnt, "", AT_FDCWD, "a", MOVE_MOUNT_F_EMPTY_PATH) == 0);
	expect("{'some':'mounts','where':{'op':'^move_mount$','target':'^%s/a/$'}}", HERE);
	expect("{'fact':'mounts','op':'move_mount','source':'(unreachable)/','target':'%s/a/"
	       "','flags':'',"
	       "'outcomes':{'ok':1}}",
	       HERE);
	tree = syscall(SYS_open_tree, AT_FDCWD, "a", OPEN_TREE_CLONE | AT_RECURSIVE);
	expect_that(tree >= 0);
	expect("{'fact':'mounts','op':'open_tree','target':'%s/a/','flags':'rclone',"
	       "'outcomes':{'ok':1}}",
	       HERE);
	expect_that(syscall(SYS_mount_setattr, AT_FDCWD, "a", 0, &attr, sizeof(attr)) == 0);
	expect("{'fact':'mounts','op':'mount_setattr','target':'%s/a/','flags':'ro,noexec',"
	       "'outcomes':{'ok':1}}",
	       HERE);
	expect_that(syscall(SYS_fspick, AT_FDCWD, "a", 0) >= 0);
	expect("{'fact':'mounts','op':'fspick','target':'%s/a/','flags':'','outcomes':{'ok':1}}",
	       HERE);
	return 0;
}
