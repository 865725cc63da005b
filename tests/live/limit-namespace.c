/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New namespaces, by each call that makes or enters one.
 *
 * LIVE: m32
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "expect.h"

static void end(pid_t pid)
{
	int status;

	expect_that(pid >= 0);
	if (pid == 0)
		_exit(0);
	expect_that(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(void)
{
	uint64_t args[8] = {CLONE_NEWNET | CLONE_NEWCGROUP, 0, 0, 0, SIGCHLD};
	int fd;

	expect("{'scope':'namespaces','where':{},'compare':['op','type','outcomes']}");
	end(fork()); /* none */
	end(syscall(SYS_clone, CLONE_NEWUTS | CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, NULL));
	end(syscall(SYS_clone3, args, sizeof(args)));
	for (int i = 0; i < 4; i++)
		expect("{'fact':'namespaces','op':'clone','type':'%s','outcomes':{'ok':1}}",
		       ((const char *[]){"uts", "pid", "net", "cgroup"})[i]);
	fd = open("/proc/self/ns/ipc", O_RDONLY);
	expect_that(fd >= 0 && unshare(CLONE_NEWIPC | CLONE_NEWNS) == 0 && setns(fd, 0) == 0);
	expect_that(unshare(CLONE_NEWTIME) == 0);
	expect_that(setns(fd, CLONE_NEWNET) == -1 && errno == EINVAL);
	expect("{'fact':'namespaces','op':'unshare','type':'ipc','outcomes':{'ok':1}}");
	expect("{'fact':'namespaces','op':'unshare','type':'mnt','outcomes':{'ok':1}}");
	expect("{'fact':'namespaces','op':'unshare','type':'time','outcomes':{'ok':1}}");
	expect("{'fact':'namespaces','op':'setns','type':'ipc','outcomes':{'EINVAL':1,'ok':1}}");
	return 0;
}
