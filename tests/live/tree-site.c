/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a call came from: the functions by name, innermost first, in whichever library; code that was made
 * at run time is not given an address, as that would be another one in each run.
 *
 * LIVE: static
 */
#include <sys/mman.h>
#include <sys/syscall.h>

#include "expect.h"

__attribute__((noinline)) long tree_site_inner(void);
__attribute__((noinline)) long tree_site_outer(void);

__attribute__((noinline)) long tree_site_inner(void)
{
	long sid = syscall(SYS_getsid, 0);

	__asm__ volatile(""); /* no tail call */
	return sid;
}

__attribute__((noinline)) long tree_site_outer(void)
{
	long sid = tree_site_inner();

	__asm__ volatile("");
	return sid + 1;
}

int main(int argc, char **argv)
{
	const char *program = strrchr(argv[0], '/') + 1;
	const char *libc = strstr(program, ".static") ? program : "libc.so.6";
	/* mov $SYS_getpgid, %eax; xor %edi, %edi; syscall; ret */
	unsigned char code[] = {0xb8, SYS_getpgid, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05, 0xc3};
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect_that(argc == 1 && page != MAP_FAILED);
	memcpy(page, code, sizeof(code));
	expect_that(((long (*)(void))page)() == getpgid(0));
	expect_that(tree_site_outer() == getsid(0) + 1);
	/* The dots stand for quotes and brackets. */
	expect("{'some':'syscalls','where':{'name':'^getpgid$','site':'stack.:..[\\\\[]anonymous["
	       "\\\\]].[\\\\]]'}}");
	/* A static program of glibc has no unwind tables: its first frame is all there is. */
	expect("{'some':'syscalls','where':{'name':'^getsid$','site':'stack.:..%s:syscall[+]0x[0-"
	       "9a-f]+'}}",
	       libc);
	if (libc == program)
		return 0;
	expect("{'some':'syscalls','where':{'name':'^getsid$','site':'stack.:..%s:syscall[+]0x[0-"
	       "9a-f]+"
	       ".,.%s:tree_site_inner[+]0x[0-9a-f]+.,.%s:tree_site_outer[+]0x[0-9a-f]+"
	       ".,.%s:main[+]0x[0-9a-f]+.,'}}",
	       libc, program, program, program);
	return 0;
}
