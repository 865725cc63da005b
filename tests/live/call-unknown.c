/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers that no table knows: recorded by the number, and a gap says that their meaning is unknown.
 *
 * LIVE: m32
 */
#include <sys/syscall.h>

#include "expect.h"

#define ABI (sizeof(long) == 4 ? "i386" : "x86_64")

int main(void)
{
	char detail[64];
	long numbers[] = {900, 1500, 1500, 0x12345};

	expect("{'scope':'syscalls','where':{'name':'^syscall_'},"
	       "'compare':['abi','name','number','count','errors']}");
	for (int i = 0; i < 4; i++)
		expect_that(syscall(numbers[i]) == -1 && errno == ENOSYS);
	for (int i = 0; i < 4; i++) {
		if (i == 2)
			continue;
		expect("{'fact':'syscalls','abi':'%s','name':'syscall_%ld','number':%ld,'count':%d,"
		       "'errors':{'ENOSYS':%d}}",
		       ABI, numbers[i], numbers[i], i == 1 ? 2 : 1, i == 1 ? 2 : 1);
		snprintf(detail, sizeof(detail), "%s %ld", ABI, numbers[i]);
		expect_gap("unknown-syscall", detail);
	}
	return 0;
}
