/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A 64-bit program that calls through the 32-bit gate: number 20 is getpid there and writev in its own
 * ABI. Each call must be counted under the ABI that it was made in.
 *
 * LIVE: nolibc
 * LIVE: expect {"scope":"syscalls","where":{},"compare":["abi","name","number","count"]}
 * LIVE: expect {"fact":"syscalls","abi":"i386","name":"getpid","number":20,"count":2}
 * LIVE: expect {"fact":"syscalls","abi":"x86_64","name":"getpid","number":39,"count":3}
 * LIVE: expect {"fact":"syscalls","abi":"x86_64","name":"execve","number":59,"count":1}
 * LIVE: expect {"fact":"syscalls","abi":"i386","name":"exit_group","number":252,"count":1}
 */
_Noreturn void _start(void);

static long gate64(long nr)
{
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr) : "rcx", "r11", "memory");
	return ret;
}

static long gate32(long nr, long first)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(nr), "b"(first)
			 : "r8", "r9", "r10", "r11", "memory");
	return ret;
}

_Noreturn void _start(void)
{
	long bad = 0;
	long pid = gate64(39);

	bad |= gate32(20, 0) != pid;
	bad |= gate64(39) != pid;
	bad |= gate32(20, 0) != pid;
	bad |= gate64(39) != pid;
	gate32(252, bad);
	__builtin_unreachable();
}
