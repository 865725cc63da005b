/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls whose row of the table says all: each leaves its fact, made or refused.
 *
 * LIVE: m32
 */
#include <fcntl.h>
#include <linux/quota.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/quota.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "expect.h"

static void fact(const char *name, const char *access, const char *call)
{
	expect("{'fact':'files','path':'%s/%s','access':'%s','syscalls':['%s']}", expect_here(),
	       name, access, call);
}

#define WIDE (sizeof(long) == 8)

int main(void)
{
	char buf[256];
	struct statfs fs;
	struct stat st;
	int fan;

	expect("{'scope':'files','where':{'path':'^%s/'},'compare':['path','access','syscalls']}",
	       expect_here());
	for (char c = 'a'; c <= 'n'; c++) {
		char name[2] = {c, 0};

		expect_that(syscall(SYS_mknod, name, S_IFREG | 0600, 0) == 0);
		fact(name, "mknod", "mknod");
	}
	expect_that(syscall(SYS_mkdirat, AT_FDCWD, "dir", 0700) == 0);
	fact("dir/", "mkdir", "mkdirat");
	expect_that(statfs("a", &fs) == 0);
	fact("a", "stat", WIDE ? "statfs" : "statfs64");
	expect_that(syscall(SYS_access, "b", R_OK) == 0);
	fact("b", "stat", "access");
	syscall(SYS_faccessat2, AT_FDCWD, "c", R_OK, AT_EACCESS);
	fact("c", "stat", "faccessat2");
	expect_that(inotify_add_watch(inotify_init(), "d", IN_MODIFY) >= 0);
	fact("d", "stat", "inotify_add_watch");
	fan = syscall(SYS_fanotify_init, FAN_CLASS_NOTIF, O_RDONLY);
	if (fan >= 0) {
		fanotify_mark(fan, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "e");
		fact("e", "stat", "fanotify_mark");
	}
	expect_that(swapon("f", 0) == -1);
	fact("f", "write", "swapon");
	expect_that(swapoff("g") == -1);
	fact("g", "stat", "swapoff");
	expect_that(syscall(SYS_quotactl, QCMD(Q_GETQUOTA, USRQUOTA), "h", 0, buf) == -1);
	fact("h", "stat", "quotactl");
	expect_that(listxattr("i", buf, sizeof(buf)) >= 0);
	fact("i", "stat", "listxattr");
	expect_that(llistxattr("j", buf, sizeof(buf)) >= 0);
	fact("j", "stat", "llistxattr");
	expect_that(syscall(SYS_statx, AT_FDCWD, "k", 0, 0, buf) == 0);
	fact("k", "stat", "statx");
	syscall(SYS_uselib, "l");
	fact("l", "mmap-exec", "uselib");
	expect_that(syscall(WIDE ? SYS_stat : 195, "m", &st) == 0);
	fact("m", "stat", WIDE ? "stat" : "stat64");
	expect_that(syscall(SYS_readlink, "n", buf, sizeof(buf)) == -1 && errno == EINVAL);
	fact("n", "readlink", "readlink");
	expect_that(syscall(SYS_rmdir, "dir") == 0);
	fact("dir/", "rmdir", "rmdir");
	/* acct() writes where it is told to: to a file that does not exist it cannot. */
	expect_that(syscall(SYS_acct, "none") == -1);
	fact("none", "write", "acct");
	return 0;
}
