/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executing what a descriptor is, and what stays open over it: only a descriptor without FD_CLOEXEC
 * is checked again by the new program's profile.
 *
 * LIVE: m32
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "expect.h"

static void run(int dir, const char *path, int flags)
{
	static char *const argv[] = {(char *)"true", NULL}, *const env[] = {NULL};
	int status;
	pid_t pid = fork();

	expect_that(pid >= 0);
	if (pid == 0) {
		syscall(SYS_execveat, dir, path, argv, env, flags);
		_exit(99);
	}
	expect_that(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int fd, bin, mem;
	struct stat st;

	expect_that(n > 0);
	self[n] = '\0';
	expect("{'scope':'execs','where':{'from':'.'},'compare':['to','count']}");
	expect("{'scope':'files','where':{'path':'^%s/','access':'^inherit'},"
	       "'compare':['path','access','type','outcomes']}",
	       expect_here());
	expect_that(mkdir("d", 0700) == 0 && mkfifo("p", 0600) == 0);
	expect_that(open("r", O_RDONLY | O_CREAT, 0600) >= 0);
	expect_that(open("w", O_WRONLY | O_CREAT, 0600) >= 0);
	expect_that(open("rw", O_RDWR | O_CREAT | O_APPEND, 0600) >= 0);
	expect_that(open("d", O_RDONLY) >= 0 && open("p", O_RDWR) >= 0);
	expect_that(open("path", O_RDWR | O_CREAT | O_CLOEXEC, 0600) >= 0);
	expect_that(open("path", O_PATH) >= 0);

	fd = open("/usr/bin/true", O_RDONLY | O_CLOEXEC);
	bin = open("/usr/bin", O_PATH | O_CLOEXEC);
	expect_that(fd >= 0 && bin >= 0 && fstat(fd, &st) == 0);
	run(fd, "", AT_EMPTY_PATH);
	run(bin, "true", 0);
	expect("{'fact':'execs','to':'/usr/bin/true','count':2}");
	mem = memfd_create("program", MFD_CLOEXEC);
	expect_that(mem >= 0 && sendfile(mem, fd, NULL, st.st_size) == st.st_size);
	run(mem, "", AT_EMPTY_PATH);
	expect("{'fact':'execs','to':'/memfd:program','count':1}");

	expect("{'fact':'files','path':'%s/r','access':'inherit-read','type':'file',"
	       "'outcomes':{'ok':3}}",
	       expect_here());
	expect("{'fact':'files','path':'%s/w','access':'inherit-write','type':'file',"
	       "'outcomes':{'ok':3}}",
	       expect_here());
	for (int i = 0; i < 2; i++) {
		const char *access = i ? "inherit-read" : "inherit-write";

		expect("{'fact':'files','path':'%s/rw','access':'%s','type':'file',"
		       "'outcomes':{'ok':3}}",
		       expect_here(), access);
		expect("{'fact':'files','path':'%s/p','access':'%s','type':'fifo',"
		       "'outcomes':{'ok':3}}",
		       expect_here(), access);
	}
	expect("{'fact':'files','path':'%s/d/','access':'inherit-read','type':'dir',"
	       "'outcomes':{'ok':3}}",
	       expect_here());
	return 0;
}
