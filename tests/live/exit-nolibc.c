/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least program there is: its only system call is the one that does not return. The execve that
 * started it is counted as well: a container's runtime makes it under the container's filter.
 *
 * LIVE: nolibc m32
 * LIVE: expect {"scope":"syscalls","where":{},"compare":["name","count","errors"]}
 * LIVE: expect {"fact":"syscalls","name":"exit_group","count":1}
 * LIVE: expect {"fact":"syscalls","name":"execve","count":1}
 * LIVE: expect {"scope":"files","where":{"path":"^@HERE@"},"compare":["path","access"]}
 */
#include <sys/syscall.h>

_Noreturn void _start(void);

_Noreturn void _start(void)
{
#ifdef __x86_64__
	__asm__ volatile("syscall" : : "a"(SYS_exit_group), "D"(0));
#else
	__asm__ volatile("int $0x80" : : "a"(SYS_exit_group), "b"(0));
#endif
	__builtin_unreachable();
}
