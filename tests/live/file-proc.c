/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc: "self" is the tracee, not whoever looks; its links jump; its numbers are never the same
 * twice and are written as variables.
 *
 * LIVE: m32 threads
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "expect.h"

static void *thread(void *unused)
{
	expect_that(open("/proc/thread-self/comm", O_RDONLY) >= 0);
	expect_that(open("/proc/self/maps", O_RDONLY) >= 0);
	return unused;
}

int main(void)
{
	char path[64], buf[PATH_MAX];
	pthread_t t;
	int fd;

	expect("{'scope':'files','where':{'path':'^(/proc|%s)/"
	       "','access':'^(read|write|readlink)$'},"
	       "'compare':['path','access','outcomes']}",
	       expect_here());
	fd = open("file", O_WRONLY | O_CREAT, 0600);
	expect_that(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	expect_that(open(path, O_RDONLY) >= 0);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), fd);
	expect_that(open(path, O_RDONLY) >= 0);
	expect_that(open("/proc/self/cwd/file", O_RDONLY) >= 0);
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	expect_that(open(path, O_RDONLY) >= 0);
	expect_that(unlink("file") == 0);
	/* The name is gone, the file is not: through the descriptor it is reached all the same. */
	expect_that(open(path, O_RDONLY) >= 0);
	expect_file("file", "write", "ok", 1);
	expect_file("file", "read", "ok", 5);

	expect_that(open("/proc/self/stat", O_RDONLY) >= 0);
	snprintf(path, sizeof(path), "/proc/%d/stat", getpid());
	expect_that(open(path, O_RDONLY) >= 0);
	expect("{'fact':'files','path':'/proc/@{pid}/"
	       "stat','access':'read','outcomes':{'ENOENT':1,'ok':2}}");
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	expect_that(open(path, O_RDONLY) >= 0);
	expect("{'fact':'files','path':'/proc/@{pid}/task/@{tid}/stat','access':'read',"
	       "'outcomes':{'ok':1}}");
	expect_that(open("/proc/1/cmdline", O_RDONLY) >= 0);
	expect("{'fact':'files','path':'/proc/@{pid}/"
	       "cmdline','access':'read','outcomes':{'ok':1}}");
	expect_that(open("/proc/999999999/stat", O_RDONLY) == -1);
	expect_that(readlink("/proc/self/exe", buf, sizeof(buf)) > 0);
	expect("{'fact':'files','path':'/proc/@{pid}/"
	       "exe','access':'readlink','outcomes':{'ok':1}}");
	expect_that(open("/proc/mounts", O_RDONLY) >= 0);
	expect("{'fact':'files','path':'/proc/@{pid}/mounts','access':'read','outcomes':{'ok':1}}");
	expect_that(open("/proc/sys/kernel/ostype", O_RDONLY) >= 0);
	expect("{'fact':'files','path':'/proc/sys/kernel/ostype','access':'read',"
	       "'outcomes':{'ok':1}}");
	expect_that(pthread_create(&t, NULL, thread, NULL) == 0 && pthread_join(t, NULL) == 0);
	expect("{'fact':'files','path':'/proc/@{pid}/task/@{tid}/comm','access':'read',"
	       "'outcomes':{'ok':1}}");
	expect("{'fact':'files','path':'/proc/@{pid}/maps','access':'read','outcomes':{'ok':1}}");
	return 0;
}
