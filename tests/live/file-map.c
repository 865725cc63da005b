/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files become code: mapped so, or made so later, where only the mapping says which file it is.
 *
 * LIVE: m32
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "expect.h"

#define SIZE 12288

static void *map(const char *name, int prot, int flags)
{
	int fd = open(name, O_RDWR | O_CREAT, 0700);
	void *at;

	expect_that(fd >= 0 && ftruncate(fd, SIZE) == 0);
	at = mmap(NULL, SIZE, prot, flags, fd, 0);
	expect_that(at != MAP_FAILED);
	close(fd);
	return at;
}

int main(void)
{
	char *at;

	expect("{'scope':'files','where':{'path':'^%s/','access':'mmap-exec'},"
	       "'compare':['path','outcomes','syscalls']}",
	       expect_here());
	map("data", PROT_READ, MAP_PRIVATE);
	map("data", PROT_READ | PROT_WRITE, MAP_SHARED);
	map("code", PROT_READ | PROT_EXEC, MAP_PRIVATE);
	map("code", PROT_EXEC, MAP_SHARED);
	expect("{'fact':'files','path':'%s/code','outcomes':{'ok':2},'syscalls':['%s']}",
	       expect_here(), sizeof(long) == 4 ? "mmap2" : "mmap");
	/* Mapped as data; the part in the middle becomes code. */
	at = map("later", PROT_READ, MAP_PRIVATE);
	expect_that(mprotect(at + 4096, 4096, PROT_READ | PROT_EXEC) == 0);
	expect("{'fact':'files','path':'%s/later','outcomes':{'ok':1},'syscalls':['mprotect']}",
	       expect_here());
	expect_that(mprotect(at + 4096, 4096, PROT_READ) == 0);
	/* Gone from its folder, it is still what it was. */
	at = map("removed", PROT_READ, MAP_PRIVATE);
	expect_that(unlink("removed") == 0);
	expect_that(pkey_mprotect(at, SIZE, PROT_READ | PROT_EXEC, -1) == 0);
	expect("{'fact':'files','path':'%s/removed','outcomes':{'ok':1},"
	       "'syscalls':['mprotect']}",
	       expect_here());
	/* No file: nothing. */
	at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		  0);
	expect_that(at != MAP_FAILED && mprotect(at, SIZE, PROT_READ | PROT_EXEC) == 0);
	return 0;
}
