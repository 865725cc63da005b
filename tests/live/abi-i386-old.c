/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls that only i386 has, from both a 32-bit and a 64-bit program: old structs, 16-bit ids,
 * arguments behind a pointer, many calls behind one number.
 *
 * LIVE: m32
 */
#include <fcntl.h>
#include <linux/net.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "expect.h"

static char *low; /* memory that 32 bits can point to */

static long gate(long nr, long a, long b, long c, long d, long e)
{
	long ret;

	/* The frame pointer is the sixth argument: none of these has one. */
#ifdef __x86_64__
	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
			 : "r8", "r9", "r10", "r11", "memory");
	return (int)ret;
#else
	__asm__ volatile("xchg %%esi, %1\n\tint $0x80\n\txchg %%esi, %1"
			 : "=a"(ret), "+m"(d)
			 : "a"(nr), "b"(a), "c"(b), "d"(c), "D"(e)
			 : "memory");
	return ret;
#endif
}

static long text(const char *s)
{
	static size_t used = 4096;
	long at = (long)(low + used);

	strcpy(low + used, s);
	used += strlen(s) + 1;
	return at;
}

static long words(int n, const long *v)
{
	static size_t used = 8192;
	unsigned *at = (unsigned *)(low + used);

	for (int i = 0; i < n; i++)
		at[i] = v[i];
	used += n * 4;
	return (long)at;
}

#define WORDS(...) words(sizeof((long[]){__VA_ARGS__}) / sizeof(long), (const long[]){__VA_ARGS__})

static void sockets(void)
{
	struct sockaddr_un *un = (struct sockaddr_un *)(low + 1024);
	int fd = gate(102, SYS_SOCKET, WORDS(AF_UNIX, SOCK_DGRAM, 0), 0, 0, 0);

	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, "sock");
	expect_that(fd >= 0);
	expect_that(gate(102, SYS_BIND, WORDS(fd, (long)un, sizeof(*un)), 0, 0, 0) == 0);
	expect_that(gate(102, SYS_SENDTO, WORDS(fd, (long)low, 1, 0, (long)un, sizeof(*un)), 0, 0,
			 0) == 1);
	expect_that(gate(102, SYS_SEND, WORDS(fd, (long)low, 1, 0), 0, 0, 0) == -ENOTCONN);
	expect_that(gate(102, 99, 0, 0, 0, 0) == -EINVAL);
	expect_file("sock", "bind", "ok", 1);
	expect_file("sock", "connect", "ok", 1);
	expect("{'scope':'sockets','where':{},'compare':['op','family','type','address',"
	       "'outcomes']}");
	expect("{'fact':'sockets','op':'socket','family':'AF_UNIX','type':'SOCK_DGRAM',"
	       "'address':'','outcomes':{'ok':1}}");
	for (int i = 0; i < 2; i++)
		expect("{'fact':'sockets','op':'%s','family':'AF_UNIX','type':'SOCK_DGRAM',"
		       "'address':'unix:%s/sock','outcomes':{'ok':1}}",
		       i ? "send" : "bind", expect_here());
}

int main(void)
{
	int fd, small;

	expect_files_scope();
	expect("{'scope':'syscalls','where':{'abi':'i386','name':'^(socketcall|chown|ipc)$'"
	       "},"
	       "'compare':['name','count','errors']}");
	low = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1,
		   0);
	expect_that(low != MAP_FAILED && (unsigned long)low < 0xffff0000);

	fd = gate(5, text("f"), O_RDWR | O_CREAT, 0700, 0, 0);
	expect_that(fd >= 0);
	expect_file("f", "create", "ok", 1);
	expect_file("f", "read", "ok", 2);
	expect_file("f", "write", "ok", 2);
	expect_that(gate(8, text("f"), 0600, 0, 0, 0) >= 0);
	expect_that(gate(193, text("f"), 4096, 0, 0, 0) == 0); /* truncate64, its length in two */
	expect_file("f", "truncate", "ok", 2);
	/* The old struct has 16 bits for an inode's number. */
	small = gate(18, text("f"), (long)low, 0, 0, 0) == 0;
	expect_that(gate(195, text("f"), (long)low, 0, 0, 0) == 0);
	expect_that(gate(33, text("f"), 0, 0, 0, 0) == 0);
	expect_that(gate(99, text("f"), (long)low, 0, 0, 0) == 0);
	expect("{'fact':'files','path':'%s/f','access':'stat','outcomes':{%s}}", expect_here(),
	       small ? "\"ok\":4" : "\"EOVERFLOW\":1,\"ok\":3");
	expect_that(gate(182, text("f"), 0, 0, 0, 0) == 0);
	expect_that(gate(212, text("f"), 0, 0, 0, 0) == 0);
	expect_file("f", "chown", "ok", 2);
	expect_that(gate(30, text("f"), 0, 0, 0, 0) == 0);
	expect_file("f", "utime", "ok", 1);
	/* old_mmap(): all six arguments behind one pointer. */
	fd = gate(5, text("f"), O_RDONLY, 0, 0, 0);
	expect_that(gate(90, WORDS(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0), 0, 0, 0,
			 0) != -EINVAL);
	expect_file("f", "mmap-exec", "ok", 1);
	expect_that(gate(9, text("f"), text("g"), 0, 0, 0) == 0);
	expect_file("f", "link-from", "ok", 1);
	expect_file("g", "link-to", "ok", 1);
	expect_that(gate(38, text("g"), text("h"), 0, 0, 0) == 0);
	expect_file("g", "rename-from", "ok", 1);
	expect_file("h", "rename-to", "ok", 1);
	expect_that(gate(83, text("f"), text("s"), 0, 0, 0) == 0);
	expect_file("s", "symlink", "ok", 1);
	small = gate(84, text("s"), (long)low, 0, 0, 0) == 0; /* oldlstat */
	expect_file("s", "stat", small ? "ok" : "EOVERFLOW", 1);
	expect_that(gate(10, text("h"), 0, 0, 0, 0) == 0);
	expect_file("h", "unlink", "ok", 1);
	sockets();
	/* ipc(): shmget inside. */
	fd = gate(117, 23, 0, 4096, 0600, 0);
	expect_that(fd >= 0 && gate(117, 24, fd, 0 /* IPC_RMID */, 0, 0) == 0);
	expect("{'fact':'syscalls','name':'socketcall','count':5,'errors':{'EINVAL':1,"
	       "'ENOTCONN':1}}");
	expect("{'fact':'syscalls','name':'chown','count':1}");
	expect("{'fact':'syscalls','name':'ipc','count':2}");
	return 0;
}
