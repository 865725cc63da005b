/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As in a container: a pid namespace, a mount namespace and a root of its own. Numbers are others
 * there, and a path begins at the root of that mount namespace.
 *
 * LIVE: m32
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "expect.h"

static void inside(void)
{
	int status, fds[2];
	char byte;
	pid_t pid;

	expect_that(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	expect_that(mount("none", "root", "tmpfs", 0, NULL) == 0);
	expect_that(mkdir("root/proc", 0755) == 0 && mkdir("root/old", 0755) == 0);
	expect_that(chdir("root") == 0 && syscall(SYS_pivot_root, ".", "old") == 0);
	expect_that(chdir("/") == 0 && umount2("old", MNT_DETACH) == 0);
	expect_that(mount("proc", "proc", "proc", 0, NULL) == 0);
	expect_that(getpid() == 1);
	expect_that(open("/in/../made", O_WRONLY | O_CREAT, 0600) == -1 && errno == ENOENT);
	expect_that(open("/made", O_WRONLY | O_CREAT, 0600) >= 0);
	expect_that(open("/proc/self/status", O_RDONLY) >= 0);
	expect_that(open("/proc/1/comm", O_RDONLY) >= 0);
	expect_that(open("/proc/self/root/made", O_RDONLY) >= 0);
	expect_that(open("/proc/thread-self/stat", O_RDONLY) >= 0);
	expect_that(pipe(fds) == 0);
	pid = fork();
	expect_that(pid >= 0);
	if (pid == 0) {
		expect_that(kill(1, 0) == 0 && write(fds[1], "x", 1) == 1);
		for (;;)
			pause();
	}
	expect_that(read(fds[0], &byte, 1) == 1);
	expect_that(pid < 10 && kill(getpid(), 0) == 0);
	expect_that(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
}

int main(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int status;
	pid_t pid;

	expect_that(n > 0 && mkdir("root", 0755) == 0);
	self[n] = '\0';
	expect("{'scope':'files','where':{'path':'^(/made|/in|/proc/"
	       "@)','access':'^(read|write|create)$'"
	       "},'compare':['path','access','outcomes']}");
	expect("{'scope':'signals','where':{},'compare':['signal','target','peer','outcomes']}");
	pid = syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, NULL, NULL, NULL, NULL);
	expect_that(pid >= 0);
	if (pid == 0) {
		inside();
		_exit(0);
	}
	expect_that(waitpid(pid, &status, 0) == pid && status == 0);
	for (int i = 0; i < 2; i++)
		expect("{'fact':'files','path':'/in/../"
		       "made','access':'%s','outcomes':{'ENOENT':1}}",
		       i ? "create" : "write");
	expect("{'fact':'files','path':'/made','access':'create','outcomes':{'ok':1}}");
	expect("{'fact':'files','path':'/made','access':'write','outcomes':{'ok':1}}");
	expect("{'fact':'files','path':'/made','access':'read','outcomes':{'ok':1}}");
	expect("{'fact':'files','path':'/proc/@{pid}/status','access':'read','outcomes':{'ok':1}}");
	expect("{'fact':'files','path':'/proc/@{pid}/comm','access':'read','outcomes':{'ok':1}}");
	expect("{'fact':'files','path':'/proc/@{pid}/task/@{tid}/stat','access':'read',"
	       "'outcomes':{'ok':1}}");
	expect("{'fact':'signals','signal':'0','target':'self','outcomes':{'ok':1}}");
	expect("{'fact':'signals','signal':'0','target':'tree','peer':'%s','outcomes':{'ok':1}}",
	       self);
	expect("{'fact':'signals','signal':'SIGKILL','target':'tree','peer':'%s',"
	       "'outcomes':{'ok':1}}",
	       self);
	return 0;
}
