/* SPDX-License-Identifier: Apache-2.0 */
/* Heat: what is done so often that an engine looks away; and news after it, in the same thread. */
#include "random.h"

#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#define HOT 300 /* calls, each of two stops */

static void hot_once(struct actor *a, unsigned kind, int zero, int null, int epoll)
{
	struct epoll_event event;
	struct stat st;
	char text[16];

	switch (kind) {
	case 0:
		must(read(zero, text, sizeof(text)) == sizeof(text), "read");
		break;
	case 1:
		must(write(null, text, 0) == 0, "write");
		break;
	case 2:
		syscall(SYS_getppid);
		break;
	case 3:
		must(fcntl(null, F_GETFL) >= 0, "fcntl");
		break;
	case 4:
		must(epoll_wait(epoll, &event, 1, 0) == 0, "epoll_wait");
		break;
	case 5:
		must(stat(a->dir, &st) == 0, "stat");
		break;
	case 6:
		close(open(a->dir, O_RDONLY | O_CLOEXEC));
		break;
	case 7:
		lseek(zero, 0, SEEK_SET);
		break;
	}
}

void hot(struct actor *a)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC),
	    null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	unsigned kinds[3] = {pick(a, 8), pick(a, 5), pick(a, 3)}, n = 150 + pick(a, 300);

	must(zero >= 0 && null >= 0 && epoll >= 0, "hot");
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < COUNT(kinds); k++)
			hot_once(a, kinds[k], zero, null, epoll);
	close(zero);
	close(null);
	close(epoll);
}

/* What is hot, and what comes then: the same with something else, or another gate. */
static const struct {
	struct call hot, news;
} lates[] = {
	{{SYS_read, 0, {WH_FD, WH_PAGE, 1}}, {SYS_pread64, 0, {WH_FD, WH_PAGE, 1, 0}}},
	{{SYS_getppid, 0, {0}}, {0x40000000 | SYS_getppid, 0, {0}}},
	{{SYS_getppid, 0, {0}}, {SYS_getpgrp, 0, {0}}},
	{{SYS_fcntl, 0, {WH_FD, F_GETFL}}, {SYS_fcntl, 0, {WH_FD, F_GETOWN}}},
	{{SYS_fcntl, 0, {WH_FD, F_GETFL}}, {SYS_fcntl, 0, {WH_FD, F_GETFL | 1l << 32}}},
	{{SYS_fcntl, 0, {WH_FD, F_SETFL, 0}}, {SYS_fcntl, 0, {WH_FD, F_SETFL, O_NOATIME}}},
	{{SYS_fcntl, 0, {WH_FD, F_GETFD}}, {SYS_fcntl, 0, {-1, F_GETFD}}},
	{{SYS_ioctl, 0, {WH_FD, FIONREAD, WH_PAGE}},
	 {SYS_ioctl, 0, {WH_FD, 0x80086601, WH_PAGE}}}, /* FS_IOC_GETFLAGS */
	{{SYS_ioctl, 0, {WH_FD, FIONREAD, WH_PAGE}},
	 {SYS_ioctl, 0, {WH_FD, FIONREAD | 1l << 32, WH_PAGE}}},
	{{SYS_prctl, 0, {PR_GET_DUMPABLE, 0, 0, 0, 0}},
	 {SYS_prctl, 0, {PR_CAPBSET_READ, 1, 0, 0, 0}}},
	{{SYS_prctl, 0, {PR_GET_NAME, WH_PAGE, 0, 0, 0}},
	 {SYS_prctl, 0, {PR_SET_NAME, WH_PAGE, 0, 0, 0}}},
	{{SYS_mprotect, 0, {WH_PAGE, 4096, PROT_READ | PROT_WRITE}},
	 {SYS_mprotect, 0, {WH_PAGE, 4096, PROT_READ | PROT_EXEC}}},
	{{SYS_madvise, 0, {WH_PAGE, 4096, 0}}, {SYS_madvise, 0, {WH_PAGE, 4096, MADV_DONTNEED}}},
	{{SYS_madvise, 0, {WH_PAGE, 4096, 0}}, {SYS_madvise, 0, {WH_PAGE, 4096, 99}}},
	{{SYS_getpriority, 0, {0, 0}}, {SYS_getpriority, 0, {7, 0}}},
	{{SYS_getpriority, 0, {0, 0}}, {SYS_setpriority, 0, {0, 0, 0}}},
	{{SYS_clock_nanosleep, 0, {CLOCK_MONOTONIC, 0, WH_BUF, 0}},
	 {SYS_clock_nanosleep, 0, {CLOCK_TAI, 0, WH_BUF, 0}}},
	{{SYS_newfstatat, 0, {WH_FD, WH_TEXT(""), WH_PAGE, AT_EMPTY_PATH}},
	 {SYS_newfstatat, 0, {AT_FDCWD, WH_PATH, WH_PAGE, AT_EMPTY_PATH}}},
	{{SYS_newfstatat, 0, {AT_FDCWD, WH_PATH, WH_PAGE, 0}},
	 {SYS_newfstatat, 0, {AT_FDCWD, WH_PATH, WH_PAGE, AT_SYMLINK_NOFOLLOW}}},
	{{SYS_faccessat, 0, {AT_FDCWD, WH_PATH, R_OK}},
	 {SYS_faccessat, 0, {AT_FDCWD, WH_PATH, X_OK}}},
	{{SYS_openat, 1, {AT_FDCWD, WH_PATH, O_RDONLY | O_CLOEXEC}},
	 {SYS_openat, 1, {AT_FDCWD, WH_PATH, O_RDWR | O_CLOEXEC}}},
	{{SYS_openat, 1, {AT_FDCWD, WH_PATH, O_RDONLY | O_CLOEXEC}},
	 {SYS_openat, 1, {AT_FDCWD, WH_PATH, O_PATH | O_CLOEXEC}}},
	{{SYS_openat, 1, {AT_FDCWD, WH_NONE, O_RDONLY | O_CLOEXEC}},
	 {SYS_openat, 1, {AT_FDCWD, WH_NONE, O_CREAT | O_RDWR | O_CLOEXEC, 0600}}},
	{{SYS_openat, 1, {WH_DIR, WH_TEXT("call"), O_RDONLY | O_CLOEXEC}},
	 {SYS_openat, 1, {AT_FDCWD, WH_TEXT("call"), O_RDONLY | O_CLOEXEC}}},
	{{SYS_readlink, 0, {WH_PATH, WH_PAGE, 100}}, {SYS_readlink, 0, {WH_NONE, WH_PAGE, 100}}},
	{{SYS_getxattr, 0, {WH_PATH, WH_TEXT("user.late"), WH_PAGE, 10}},
	 {SYS_setxattr, 0, {WH_PATH, WH_TEXT("user.late"), WH_PAGE, 3, 0}}},
	{{SYS_stat, 0, {WH_PATH, WH_PAGE}}, {SYS_chmod, 0, {WH_PATH, 0100}}},
	{{SYS_sched_yield, 0, {0}}, {SYS_sched_setscheduler, 0, {0, 0, WH_BUF}}},
	{{SYS_futex, 0, {WH_PAGE, FUTEX_WAKE_PRIVATE, 1}},
	 {SYS_futex, 0, {WH_PAGE, FUTEX_WAKE_OP, 1, 1, WH_PAGE, 0}}},
	{{SYS_close, 0, {-1}}, {SYS_close, 0, {-2}}},
	{{SYS_kill, 0, {WH_PID, 0}}, {SYS_kill, 0, {1, 0}}},
	{{SYS_getsockopt, 0, {-1, 1, 2}}, {SYS_setsockopt, 0, {-1, 1, 36 /* SO_MARK */}}},
	{{SYS_sendto, 0, {WH_FD, WH_PAGE, 1}}, {SYS_sendto, 0, {WH_FD, WH_PAGE, 1, 0, WH_PAGE, 2}}},
	{{SYS_restart_syscall, 0, {0}}, {SYS_rt_sigpending, 0, {WH_PAGE, 8}}},
};

static void late(struct actor *a, size_t k)
{
	make_calls(a, &lates[k].hot, HOT);
	make_calls(a, &lates[k].news, 1);
	make_calls(a, &lates[k].hot, 1);
}

void act_late(struct actor *a)
{
	late(a, pick(a, COUNT(lates)));
}

/* Each in a process of its own: a filter that a thread has got once lets nothing more pass later. */
void act_lates(struct actor *a)
{
	for (size_t k = 0; k < COUNT(lates); k++) {
		struct actor child;
		pid_t pid;

		child_of(a, &child);
		pid = fork();
		if (!pid) {
			late(&child, k);
			_exit(0);
		}
		wait_for(pid, 0);
	}
}

/* A text that could not be written to when it was looked at, and that says something else later. */
void act_shown(struct actor *a)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open(a->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), by_map = (int)pick(a, 2);
	struct stat st;

	must(page != MAP_FAILED && fd >= 0, "shown");
	close(make(a, "s"));
	must(mprotect(page, 4096, PROT_READ) == 0, "mprotect");
	for (int i = 0; i < HOT; i++)
		must(syscall(SYS_newfstatat, fd, page, &st, AT_EMPTY_PATH) == 0, "fstat");
	if (by_map) {
		must(mmap(page, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page,
		     "mmap");
	} else {
		must(mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0, "mprotect");
	}
	page[0] = 's';
	must(syscall(SYS_newfstatat, fd, page, &st, AT_EMPTY_PATH) == 0, "stat");
	munmap(page, 4096);
	close(fd);
}
