/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments that make no sense: they fail as they would alone, and make neither facts nor gaps.
 *
 * LIVE: m32
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "expect.h"

static void fails(long ret, int err)
{
	if (ret != -1 || errno != err)
		fprintf(stderr, "returned %ld, errno %d, not %d\n", ret, errno, err);
	expect_that(ret == -1 && errno == err);
}

int main(void)
{
	static char longest[PATH_MAX + 2], name[300];
	char *bad = (char *)-4096L, *edge;
	struct stat st;

	expect_files_scope();
	memset(longest, '/', sizeof(longest) - 1);
	memset(name, 'n', 256);
	edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	expect_that(edge != MAP_FAILED && munmap(edge + 4096, 4096) == 0);
	memset(edge, 'x', 4096);

	fails(syscall(SYS_open, NULL, O_RDONLY), EFAULT);
	fails(syscall(SYS_openat, AT_FDCWD, bad, O_RDONLY), EFAULT);
	fails(syscall(SYS_openat, AT_FDCWD, edge + 4090, O_RDONLY), EFAULT);
	fails(syscall(SYS_openat, AT_FDCWD, "", O_RDONLY), ENOENT);
	fails(syscall(SYS_openat, AT_FDCWD, longest, O_RDONLY), ENAMETOOLONG);
	fails(syscall(SYS_openat, AT_FDCWD, name, O_RDONLY), ENAMETOOLONG);
	fails(syscall(SYS_openat, 999, "x", O_RDONLY), EBADF);
	fails(syscall(SYS_openat, -1, "x", O_RDONLY), EBADF);
	fails(syscall(SYS_openat2, AT_FDCWD, "x", bad, 24), EFAULT);
	fails(syscall(SYS_openat2, AT_FDCWD, "x", &st, 1), EINVAL);
	fails(syscall(SYS_rename, bad, NULL), EFAULT);
	fails(syscall(SYS_link, bad, "y"), EFAULT);
	expect_file("y", "link-to", "EFAULT", 1); /* half of it did make sense */
	fails(syscall(SYS_execve, bad, NULL, NULL), EFAULT);
	fails(syscall(SYS_fchmod, 999, 0600), EBADF);
	fails(syscall(SYS_connect, 999, bad, 16), EBADF);
	fails(syscall(SYS_bind, 0, bad, 16), ENOTSOCK);
	fails(syscall(SYS_connect, 999, &st, -1), EBADF);
	fails(syscall(SYS_sendmsg, 999, bad, 0), EBADF);
	fails(syscall(SYS_sendmmsg, 999, bad, -1, 0), EBADF);
	fails(syscall(SYS_mount, bad, bad, bad, 0, bad), EFAULT);
	fails(syscall(SYS_setrlimit, 999, &st), EINVAL);
	fails(syscall(SYS_clone3, bad, 64), EFAULT);
	fails(syscall(SYS_kill, 999999999, 0), ESRCH);
	/* A name that just fits, up to the last byte before the hole. */
	edge[4095] = '\0';
	fails(syscall(SYS_openat, AT_FDCWD, edge + 4090, O_RDONLY), ENOENT);
	expect_file("xxxxx", "read", "ENOENT", 1);
	return 0;
}
