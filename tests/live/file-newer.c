/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that are newer than the libseccomp at hand: decoded all the same, under their names, whether
 * the kernel has them or not.
 *
 * LIVE: m32
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "expect.h"

struct xattr_args {
	uint64_t value;
	uint32_t size, flags;
};

static void fact(const char *access, const char *call, long ret)
{
	const char *outcome = ret >= 0		 ? "ok"
			      : errno == ENOSYS	 ? "ENOSYS"
			      : errno == ENOTSUP ? "EOPNOTSUPP"
						 : "?";

	expect("{'fact':'files','path':'%s/f','access':'%s','syscalls':['%s'],'outcomes':{'%s':1}}",
	       expect_here(), access, call, outcome);
}

int main(void)
{
	char value[8] = "1";
	struct xattr_args args = {.value = (uintptr_t)value, .size = 1};
	int fd, path;

	expect("{'scope':'files','where':{'path':'^%s/"
	       "f$','access':'^(chmod|setx|getx|removex|stat)'},"
	       "'compare':['path','access','syscalls','outcomes']}",
	       expect_here());
	fd = open("f", O_RDWR | O_CREAT, 0600);
	path = open("f", O_PATH);
	expect_that(fd >= 0 && path >= 0);
	fact("chmod", "fchmodat2", syscall(452, path, "", 0640, AT_EMPTY_PATH));
	fact("setxattr", "setxattrat",
	     syscall(463, AT_FDCWD, "f", 0, "trusted.a", &args, sizeof(args)));
	fact("getxattr", "getxattrat",
	     syscall(464, AT_FDCWD, "f", 0, "trusted.a", &args, sizeof(args)));
	fact("stat", "listxattrat", syscall(465, AT_FDCWD, "f", 0, value, 0));
	fact("removexattr", "removexattrat", syscall(466, AT_FDCWD, "f", 0, "trusted.a"));
	return 0;
}
