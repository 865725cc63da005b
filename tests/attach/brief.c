// SPDX-License-Identifier: Apache-2.0
/* Does one thing that nobody else does in its container, and ends: within a millisecond, too soon to be looked for. */
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	syscall(SYS_getpriority, 0, 0);
	return 6;
}
