/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that cuts off the file of the code it is running while it makes new calls from there: who
 * looks up the site of a call must neither trust the file's length nor die of it.
 *
 * LIVE: threads
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "expect.h"

#define PAGE   4096
#define ROUNDS 400

static int fd;
static char *image;
static size_t len;
static volatile int done;

static void *cutter(void *arg)
{
	for (unsigned i = 0; !done; i++) {
		/* What runs stays, but not the sections behind it. */
		expect_that(ftruncate(fd, (2 + i % 2) * PAGE) == 0);
		expect_that(pwrite(fd, image, len, 0) == (ssize_t)len);
	}
	return arg;
}

int main(int argc, char **argv)
{
	/* mov %edi, %eax; mov %rsi, %rdi; xor %esi, %esi; syscall; ret */
	static const unsigned char code[] = {0x89, 0xf8, 0x48, 0x89, 0xf7,
					     0x31, 0xf6, 0x0f, 0x05, 0xc3};
	int self = open("/proc/self/exe", O_RDONLY), failed = 0;
	long (*call)(long number, const char *path);
	pthread_t thread;
	void *page;

	expect_that(argc == 1 && argv[0] && self >= 0);
	len = lseek(self, 0, SEEK_END);
	image = malloc(len);
	expect_that(image && pread(self, image, len, 0) == (ssize_t)len);
	fd = open("copy.so", O_RDWR | O_CREAT | O_CLOEXEC, 0700);
	expect_that(fd >= 0 && len > 2 * PAGE && pwrite(fd, image, len, 0) == (ssize_t)len);
	/* Its head is enough to find the program's headers in, and there is code in it. */
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, PAGE);
	expect_that(page != MAP_FAILED);
	memcpy(page, code, sizeof(code));
	expect_that(mprotect(page, PAGE, PROT_READ | PROT_EXEC) == 0);
	call = (long (*)(long, const char *))page;
	expect_that(pthread_create(&thread, NULL, cutter, NULL) == 0);
	/* Each is the first of its directory, so that its site is looked up. */
	for (int i = 0; i < ROUNDS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "d%d/x", i);
		failed += call(SYS_access, name) == -ENOENT;
	}
	done = 1;
	pthread_join(thread, NULL);
	expect_that(failed == ROUNDS);
	expect("{'some':'syscalls','where':{'name':'^access$'}}");
	expect("{'some':'files','where':{'path':'/d%d/x$','site':'copy.so'}}", ROUNDS - 1);
	return 0;
}
