/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A 64-bit program executes its 32-bit twin, which executes the first one again: the calls of each are
 * counted under its own ABI.
 *
 * LIVE: m32
 */
#include <sys/syscall.h>

#include "expect.h"

int main(int argc, char **argv)
{
	char self[PATH_MAX], *suffix;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 8);
	char depth[2] = {argc > 1 ? (char)(argv[1][0] + 1) : '1', '\0'};

	expect_that(n > 0);
	self[n] = '\0';
	for (int i = 0; i < 1 + 2 * (sizeof(long) == 4); i++)
		syscall(SYS_getsid, 0);
	if (depth[0] < '3') {
		suffix = self + n - 4;
		if (strcmp(suffix, ".m32") == 0)
			*suffix = '\0';
		else
			strcat(self, ".m32");
		execl(self, self, depth, (char *)NULL);
		expect_that(!"execl");
	}
	expect("{'scope':'syscalls','where':{'name':'^getsid$'},'compare':['abi','count']}");
	expect("{'fact':'syscalls','name':'getsid','abi':'x86_64','count':%d}",
	       sizeof(long) == 8 ? 2 : 1);
	expect("{'fact':'syscalls','name':'getsid','abi':'i386','count':%d}",
	       sizeof(long) == 8 ? 3 : 6);
	expect("{'scope':'runs','where':{},'compare':['tasks']}");
	expect("{'fact':'runs','tasks':1}");
	return 0;
}
