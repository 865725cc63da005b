/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many short-lived children that execute one of two small programs, of which a few do what no other does. Who
 * did what must be told whatever an engine lets pass unseen: also a call that only the maker makes again and
 * again, or only its children, made for the first time by the other one.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "expect.h"

#define CHILDREN 120
#define TINY(i)	 ((i) % 4 == 3) /* which execute the other program */
/* The number of a child, or what it does. */
#define ODD_FILE   "50" /* maps code of another file, and reads another limit */
#define ODD_CALL   "60" /* getsid() */
#define ODD_TINY   "63" /* likewise, by the other program */
#define ODD_SIGNAL "70" /* sigaction() and getppid(), which the maker calls again and again */
#define ODD_PLACE  "80" /* sched_yield(), which the maker calls, from where the maker has its code */
#define ODD_MOVE   "90" /* getpgrp(), from a mapping that mremap() has put there */
#define ODD_FORK   100	/* before it executes: getuid() */

extern char **environ;

/* Makes of @page code that makes the call. */
static void write_code(void *page, int nr)
{
	const unsigned char code[] = {0xb8, (unsigned char)nr, 0, 0, 0, 0x0f, 0x05, 0xc3};

	memcpy(page, code, sizeof(code));
	expect_that(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
}

static void run_code(void *page)
{
	/* Between a function and an object ISO C knows no way. */
	((void (*)(void))(uintptr_t)page)();
}

/* getppid(), made by the program itself: all copies of it have that at the same place in their file. */
static void own_call(void)
{
#ifdef __x86_64__
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "0"(SYS_getppid) : "rcx", "r11", "memory");
#else
	syscall(SYS_getppid);
#endif
}

static void *new_page(void *at)
{
	void *page = mmap(at, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED_NOREPLACE : 0), -1, 0);

	/* Without address randomisation there is code at that place already. */
	if (page == MAP_FAILED && at && errno == EEXIST)
		return NULL;
	expect_that(page != MAP_FAILED);
	return page;
}

static int child(const char *number, const char *place)
{
	void *at = (void *)(uintptr_t)strtoull(place, NULL, 16), *page;

	syscall(SYS_getpid);
	if (strcmp(number, ODD_FILE) == 0) {
		struct rlimit limit;
		int fd = open("other", O_RDONLY);

		page = new_page(NULL);
		expect_that(mmap(page, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd,
				 0) == page);
		expect_that(getrlimit(RLIMIT_CORE, &limit) == 0);
	} else if (strcmp(number, ODD_CALL) == 0 || strcmp(number, ODD_TINY) == 0) {
		syscall(SYS_getsid, 0);
	} else if (strcmp(number, ODD_SIGNAL) == 0) {
		signal(SIGUSR1, SIG_IGN);
		own_call();
	} else if (strcmp(number, ODD_PLACE) == 0) {
		page = new_page(at);
		page = page ? page : new_page(NULL);
		write_code(page, SYS_sched_yield);
		run_code(page);
	} else if (strcmp(number, ODD_MOVE) == 0) {
		page = new_page(NULL);
		write_code(page, SYS_getpgrp);
		if (new_page(at))
			page = mremap(page, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, at);
		expect_that(page != MAP_FAILED);
		run_code(page);
	}
	return 0;
}

static pid_t start(int i, char *const argv[])
{
	const char *path = TINY(i) ? "./tiny" : argv[0];
	pid_t pid;

	if (i % 3 == 2) {
		expect_that(posix_spawn(&pid, path, NULL, NULL, argv, environ) == 0);
		return pid;
	}
	pid = i % 3 ? vfork() : fork();
	if (pid == 0) {
		if (i == ODD_FORK)
			syscall(SYS_getuid);
		execv(path, argv);
		_exit(127);
	}
	return pid;
}

static void copy_self(const char *to)
{
	int from = open("/proc/self/exe", O_RDONLY),
	    fd = open(to, O_WRONLY | O_CREAT | O_EXCL, 0700);
	static char text[65536];
	ssize_t n;

	expect_that(from >= 0 && fd >= 0);
	while ((n = read(from, text, sizeof(text))) > 0)
		expect_that(write(fd, text, (size_t)n) == n);
	expect_that(n == 0 && close(fd) == 0 && close(from) == 0);
}

static const char *self(void)
{
	static char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	expect_that(n > 0);
	return path;
}

static void expect_programs(const char *name, bool maker, bool small, bool tiny)
{
	const char *here = expect_here(), *me = maker ? self() : "";
	bool first = strcmp(me, here) < 0;
	char programs[4 * PATH_MAX] = "";
	size_t n = 0;

	/* Sorted, as a trace has them. */
	for (int turn = 0; turn < 4; turn++) {
		const char *program = turn == 0	  ? (first ? me : "")
				      : turn == 1 ? (small ? "/small" : "")
				      : turn == 2 ? (tiny ? "/tiny" : "")
						  : (first ? "" : me);

		if (*program)
			n += (size_t)snprintf(programs + n, sizeof(programs) - n, "%s'%s%s'",
					      n ? "," : "", turn == 1 || turn == 2 ? here : "",
					      program);
	}
	for (char *s = programs; *s; s++)
		*s = *s == '\'' ? '"' : *s;
	expect("{'scope':'syscalls','where':{'name':'^%s$'},'compare':['name','programs']}", name);
	expect("{'fact':'syscalls','name':'%s','programs':[%s]}", name, programs);
}

int main(int argc, char **argv)
{
	char number[16], place[32], small[] = "./small";
	char *args[] = {small, number, place, NULL};
	size_t len = strlen(argv[0]);
	void *page;

	if (argc == 3 && len >= 5 && strcmp(argv[0] + len - 5, "small") == 0)
		return child(argv[1], argv[2]);
#ifdef FIXED_ADDRESSES
	if (!(personality(UINT32_MAX) & ADDR_NO_RANDOMIZE)) {
		personality(ADDR_NO_RANDOMIZE);
		execv("/proc/self/exe", argv);
		expect_that(false);
	}
	personality(SOME_FIXED);
#endif
	copy_self("small");
	copy_self("tiny");
	copy_self("other");
	/* The page that sched_yield() of the C library is in. */
	snprintf(place, sizeof(place), "%llx",
		 (unsigned long long)(uintptr_t)sched_yield & ~4095ULL);
	for (int i = 0; i < CHILDREN; i++) {
		int status;
		pid_t pid;

		snprintf(number, sizeof(number), "%d", i);
		sched_yield();
		syscall(SYS_getpgrp);
		own_call();
		signal(SIGUSR1, SIG_DFL);
#ifdef FIXED_ADDRESSES
		if (strcmp(number, ODD_SIGNAL) == 0)
			personality(ADDR_NO_RANDOMIZE);
#endif
		pid = start(i, args);
#ifdef FIXED_ADDRESSES
		if (strcmp(number, ODD_SIGNAL) == 0)
			personality(SOME_FIXED);
#endif
		expect_that(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	}
	/* Code that was not there before, and a call that its children make there. */
	page = new_page((void *)(uintptr_t)0x10000000);
	write_code(page, SYS_getpid);
	run_code(page);
	expect_programs("getsid", false, true, true);
	expect_programs("rt_sigaction", true, true, false);
	expect_programs("sched_yield", true, true, false);
	expect_programs("getpgrp", true, true, false);
	expect_programs("getppid", true, true, false);
	expect_programs("getuid", true, false, false);
	expect_programs("getpid", true, true, true);
	expect("{'scope':'files','where':{'path':'^%s/other$','access':'^mmap-exec$'},"
	       "'compare':['path','programs','outcomes']}",
	       expect_here());
	expect("{'fact':'files','path':'%s/other','programs':['%s/small'],'outcomes':{'ok':1}}",
	       expect_here(), expect_here());
	expect("{'scope':'rlimits','where':{'resource':'^RLIMIT_CORE$'},"
	       "'compare':['change','programs']}");
	expect("{'fact':'rlimits','resource':'RLIMIT_CORE','change':'read','programs':['%s/"
	       "small']}",
	       expect_here());
	expect("{'scope':'execs','where':{'to':'/(small|tiny)$'},'compare':['to','count']}");
	expect("{'fact':'execs','to':'%s/small','count':%d}", expect_here(), CHILDREN * 3 / 4);
	expect("{'fact':'execs','to':'%s/tiny','count':%d}", expect_here(), CHILDREN / 4);
	return 0;
}
