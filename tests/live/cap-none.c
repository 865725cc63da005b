/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel asks for in vain all the time (memory, programs, one's own files) is no use of a
 * capability, and what is done in a user namespace of one's own needs none from outside.
 */
/* LIVE: m32 */
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/xattr.h>

#include "cap.h"

static void ordinary(void)
{
	char *p = mmap(NULL, 1 << 26, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rlimit limit;
	char list[256];
	pid_t pid;

	expect_that(p != MAP_FAILED && mprotect(p, 1 << 20, PROT_READ) == 0);
	expect_that(sbrk(1 << 20) != (void *)-1);
	expect_that(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	expect_that(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	cap_make_own("mine", 0600);
	expect_that(chmod("mine", 0640) == 0 && chown("mine", 0, 0) == 0);
	expect_that(listxattr("mine", list, sizeof(list)) >= 0);
	expect_that(setuid(0) == 0 && setgid(0) == 0);
	pid = fork();
	expect_that(pid >= 0);
	if (pid == 0) {
		execl("/bin/true", "true", NULL);
		_exit(99);
	}
	expect_that(waitpid(pid, NULL, 0) == pid);
}

/* The process that made the namespace has all capabilities in it, whatever it had before. */
static int inside(void)
{
	if (unshare(CLONE_NEWUSER) || unshare(CLONE_NEWNS))
		return -1;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

int main(void)
{
	int status;
	pid_t pid;

	ordinary();
	pid = fork();
	expect_that(pid >= 0);
	if (pid == 0) {
		expect_that(setresuid(OTHER, OTHER, OTHER) == 0);
		_exit(inside() ? errno : 0);
	}
	expect_that(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	cap_expect(CAP_SETUID, CAP_NONE, "required", false, "become uid 33", 0);
	/* A machine may keep user namespaces from ordinary users: then there is nothing to see. */
	if (WEXITSTATUS(status) == 0) {
		/* There is no map: everyone is nobody, seen from inside, but not from out here. */
		cap_expect(CAP_SYS_ADMIN, CAP_NONE, "possible", false,
			   "make a new mount namespace by uid 33 in a user namespace of its own",
			   OTHER);
		cap_expect(CAP_SYS_ADMIN, CAP_NONE, "possible", false,
			   "mount / by uid 33 in a user namespace of its own", OTHER);
	}
	cap_done();
	return 0;
}
