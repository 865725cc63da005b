/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that need no more than arguments: a table. Some are of other ABIs. */
#include "random.h"

#include <linux/capability.h>
#include <linux/fanotify.h>
#include <linux/futex.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#define X32 0x40000000

static const struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};

static const struct call calls[] = {
	/* Descriptors of every kind. */
	{SYS_memfd_create, 1, {WH_TEXT("name"), MFD_CLOEXEC}},
	{SYS_memfd_create, 1, {WH_TEXT("name"), MFD_CLOEXEC | MFD_ALLOW_SEALING}},
	{SYS_eventfd2, 1, {0, EFD_CLOEXEC}},
	{SYS_eventfd2, 1, {1, EFD_CLOEXEC | EFD_SEMAPHORE}},
	{SYS_timerfd_create, 1, {CLOCK_MONOTONIC, TFD_CLOEXEC}},
	{SYS_timerfd_create, 1, {CLOCK_REALTIME_ALARM, TFD_CLOEXEC}},
	{SYS_signalfd4, 1, {-1, WH_BUF, 8, SFD_CLOEXEC}},
	{SYS_inotify_init1, 1, {02000000}},
	{SYS_fanotify_init, 1, {FAN_CLOEXEC | FAN_CLASS_NOTIF, O_RDONLY}},
	{SYS_fanotify_init, 1, {FAN_CLOEXEC | FAN_CLASS_CONTENT, O_RDONLY}},
	{SYS_pidfd_open, 1, {WH_PID, 0}},
	{SYS_io_uring_setup, 1, {4, WH_BUF}},
	{444 /* landlock_create_ruleset: its version */, 0, {0, 0, 1}},
	{SYS_userfaultfd, 1, {O_CLOEXEC | 1}},
	{SYS_perf_event_open, 1, {WH_BUF, 0, -1, -1, 8}},
	{SYS_epoll_create1, 1, {EPOLL_CLOEXEC}},
	{SYS_open_tree, 1, {AT_FDCWD, WH_PATH, O_CLOEXEC}},
	{SYS_open_tree, 1, {AT_FDCWD, WH_PATH, O_CLOEXEC | 1 /* OPEN_TREE_CLONE */}},
	{SYS_fsopen, 1, {WH_TEXT("tmpfs"), 1}},
	{SYS_fsopen, 1, {WH_TEXT("none"), 1}},
	{437 /* openat2 */, 1, {AT_FDCWD, WH_PATH, WH_TEXT(&how), sizeof(how)}},
	{437 /* openat2 */, 1, {AT_FDCWD, WH_PATH, WH_TEXT(&how), 3}},
	{SYS_dup, 1, {-1}},
	{SYS_fcntl, 1, {WH_FD, F_DUPFD_CLOEXEC, 20}},
	/* Files. */
	{SYS_setxattr, 0, {WH_PATH, WH_TEXT("user.a"), WH_BUF, 3, 0}},
	{SYS_setxattr, 0, {WH_PATH, WH_TEXT("trusted.a"), WH_BUF, 3, 0}},
	{SYS_lsetxattr, 0, {WH_PATH, WH_TEXT("user.b"), WH_BUF, 3, 1}},
	{SYS_fsetxattr, 0, {WH_FD, WH_TEXT("security.x"), WH_BUF, 3, 0}},
	{SYS_getxattr, 0, {WH_PATH, WH_TEXT("user.a"), WH_BUF, 100}},
	{SYS_lgetxattr, 0, {WH_PATH, WH_TEXT("user.none"), WH_BUF, 100}},
	{SYS_fgetxattr, 0, {WH_FD, WH_TEXT("trusted.a"), WH_BUF, 100}},
	{SYS_listxattr, 0, {WH_PATH, WH_BUF, 100}},
	{SYS_llistxattr, 0, {WH_NONE, WH_BUF, 100}},
	{SYS_flistxattr, 0, {WH_FD, WH_BUF, 100}},
	{SYS_removexattr, 0, {WH_PATH, WH_TEXT("user.a")}},
	{SYS_fremovexattr, 0, {WH_FD, WH_TEXT("user.none")}},
	{SYS_statx, 0, {AT_FDCWD, WH_PATH, 0, 0x7ff, WH_BUF}},
	{SYS_statx, 0, {WH_FD, WH_TEXT(""), AT_EMPTY_PATH, 0x7ff, WH_BUF}},
	{SYS_newfstatat, 0, {WH_DIR, WH_TEXT("none"), WH_BUF, AT_SYMLINK_NOFOLLOW}},
	{SYS_faccessat, 0, {WH_DIR, WH_TEXT(".."), X_OK}},
	{439 /* faccessat2 */, 0, {AT_FDCWD, WH_PATH, W_OK, AT_EACCESS}},
	{452 /* fchmodat2 */, 0, {AT_FDCWD, WH_PATH, 0640, AT_SYMLINK_NOFOLLOW}},
	{SYS_fchmod, 0, {WH_FD, 04755}},
	{SYS_utimensat, 0, {AT_FDCWD, WH_PATH, 0, 0}},
	{SYS_utimensat, 0, {WH_FD, 0, 0, 0}},
	{SYS_futimesat, 0, {WH_DIR, WH_TEXT("none"), 0}},
	{SYS_utime, 0, {WH_PATH, 0}},
	{SYS_readlinkat, 0, {AT_FDCWD, WH_PATH, WH_BUF, 100}},
	{SYS_statfs, 0, {WH_PATH, WH_BUF}},
	{SYS_fstatfs, 0, {WH_FD, WH_BUF}},
	{SYS_name_to_handle_at, 0, {AT_FDCWD, WH_PATH, WH_BUF, WH_PAGE, 0}},
	{SYS_open_by_handle_at, 1, {WH_DIR, WH_BUF, O_RDONLY}},
	{SYS_lchown, 0, {WH_PATH, -1, -1}},
	{SYS_fchown, 0, {WH_FD, 0, 0}},
	{SYS_fchownat, 0, {WH_DIR, WH_TEXT(""), 0, 0, AT_EMPTY_PATH}},
	{SYS_fchownat, 0, {AT_FDCWD, WH_NONE, 1, 1, 0}},
	{SYS_mknod, 0, {WH_NONE, 0777, 0}},
	{SYS_unlinkat, 0, {AT_FDCWD, WH_NONE, 0}},
	{SYS_unlinkat, 0, {AT_FDCWD, WH_PATH, AT_REMOVEDIR}},
	{SYS_linkat, 0, {WH_FD, WH_TEXT(""), AT_FDCWD, WH_PATH, AT_EMPTY_PATH}},
	{SYS_renameat2, 0, {AT_FDCWD, WH_PATH, AT_FDCWD, WH_PATH, 1}},
	{SYS_fallocate, 0, {WH_FD, 0, 0, 100}},
	{SYS_fadvise64, 0, {WH_FD, 0, 0, 1}},
	{SYS_readahead, 0, {WH_FD, 0, 100}},
	{SYS_sync_file_range, 0, {WH_FD, 0, 100, 1}},
	{SYS_fsync, 0, {WH_FD}},
	{SYS_fdatasync, 0, {WH_FD}},
	{SYS_flock, 0, {WH_FD, 1}},
	{SYS_flock, 0, {WH_FD, 1 | 4}},
	{SYS_pread64, 0, {WH_FD, WH_PAGE, 10, 0}},
	{SYS_pwrite64, 0, {WH_FD, WH_PAGE, 10, 0}},
	{SYS_readv, 0, {WH_FD, WH_BUF, 1}},
	{SYS_writev, 0, {WH_FD, WH_BUF, 1}},
	{SYS_preadv2, 0, {WH_FD, WH_BUF, 1, 0, 0, 8}},
	{SYS_pwritev2, 0, {WH_FD, WH_BUF, 1, 0, 0, 0}},
	{SYS_getdents64, 0, {WH_DIR, WH_PAGE, 4000}},
	{SYS_getdents, 0, {WH_DIR, WH_PAGE, 4000}},
	{SYS_inotify_add_watch, 0, {-1, WH_PATH, 2}},
	{SYS_fanotify_mark, 0, {-1, 1, 2, AT_FDCWD, WH_PATH}},
	{SYS_sendfile, 0, {WH_FD, WH_FD, 0, 10}},
	{SYS_copy_file_range, 0, {WH_FD, 0, WH_FD, 0, 10, 0}},
	{SYS_creat, 1, {WH_NONE, 0600}},
	{SYS_openat, 1, {WH_DIR, WH_TEXT("."), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600}},
	{SYS_openat, 1, {AT_FDCWD, WH_PATH, O_PATH | O_CLOEXEC}},
	{SYS_openat, 1, {AT_FDCWD, WH_PATH, O_RDWR | O_NOATIME | O_CLOEXEC}},
	{SYS_openat, 1, {AT_FDCWD, WH_TEXT("/proc/self/fd/0"), O_RDONLY | O_CLOEXEC}},
	{SYS_openat, 1, {AT_FDCWD, WH_TEXT("/proc/self/status"), O_RDONLY | O_CLOEXEC}},
	{SYS_openat, 1, {AT_FDCWD, WH_TEXT("/proc/1/maps"), O_RDONLY | O_CLOEXEC}},
	{SYS_openat, 1, {AT_FDCWD, WH_TEXT("/dev/tty"), O_RDONLY | O_CLOEXEC}},
	{SYS_fcntl, 0, {WH_FD, F_GETOWN, 0}},
	{SYS_fcntl, 0, {WH_FD, F_SETOWN, WH_PID}},
	{SYS_fcntl, 0, {WH_FD, F_SETFL, O_APPEND | O_NONBLOCK}},
	{SYS_fcntl, 0, {WH_FD, F_SETFL, O_NOATIME}},
	{SYS_fcntl, 0, {WH_FD, F_GETLK, WH_BUF}},
	{SYS_fcntl, 0, {WH_FD, F_SETLEASE, F_RDLCK}},
	{SYS_fcntl, 0, {WH_DIR, F_NOTIFY, 0}},
	{SYS_fcntl, 0, {WH_FD, 1024 + 9, 0}}, /* F_ADD_SEALS */
	{SYS_fcntl, 0, {WH_FD, 9999, 0}},
	{SYS_ioctl, 0, {WH_FD, FIONREAD, WH_BUF}},
	{SYS_ioctl, 0, {WH_FD, TCGETS, WH_BUF}},
	{SYS_ioctl, 0, {WH_FD, FIOCLEX, 0}},
	{SYS_ioctl, 0, {WH_FD, 0x80086601, WH_BUF}}, /* FS_IOC_GETFLAGS */
	{SYS_ioctl, 0, {WH_FD, 0x1234, WH_BUF}},
	/* Who it is, and what it may. */
	{SYS_capget, 0, {WH_BUF, 0}},
	{SYS_prctl, 0, {PR_GET_DUMPABLE, 0, 0, 0, 0}},
	{SYS_prctl, 0, {PR_GET_NAME, WH_PAGE, 0, 0, 0}},
	{SYS_prctl, 0, {PR_SET_NAME, WH_TEXT("random"), 0, 0, 0}},
	{SYS_prctl, 0, {PR_GET_SECCOMP, 0, 0, 0, 0}},
	{SYS_prctl, 0, {PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0}},
	{SYS_prctl, 0, {PR_CAPBSET_READ, CAP_CHOWN, 0, 0, 0}},
	{SYS_prctl, 0, {PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0}},
	{SYS_prctl, 0, {PR_SET_PDEATHSIG, 0, 0, 0, 0}},
	{SYS_prctl, 0, {PR_GET_SECUREBITS, 0, 0, 0, 0}},
	{SYS_prctl, 0, {PR_GET_SPECULATION_CTRL, 0, 0, 0, 0}},
	{SYS_prctl, 0, {PR_SET_TIMERSLACK, 50000, 0, 0, 0}},
	{SYS_prctl, 0, {PR_SET_MM, 99, 0, 0, 0}},
	{SYS_prctl, 0, {12345, 0, 0, 0, 0}},
	{SYS_getresuid, 0, {WH_PAGE, WH_PAGE, WH_PAGE}},
	{SYS_getgroups, 0, {0, 0}},
	{SYS_setresuid, 0, {-1, -1, -1}},
	{SYS_setfsuid, 0, {-1}},
	{SYS_setfsgid, 0, {0}},
	{SYS_setns, 0, {-1, 0}},
	{SYS_unshare, 0, {0}},
	{SYS_getpgid, 0, {0}},
	{SYS_getsid, 0, {0}},
	{SYS_keyctl, 0, {0, -3, 0}},
	{SYS_request_key, 0, {WH_TEXT("user"), WH_TEXT("none"), 0, 0}},
	{SYS_syslog, 0, {10, 0, 0}},
	{SYS_bpf, 0, {-1, 0, 0}},
	{SYS_kcmp, 0, {WH_PID, WH_PID, 0, 0, 1}},
	{SYS_prlimit64, 0, {0, RLIMIT_NOFILE, 0, WH_PAGE}},
	{SYS_prlimit64, 0, {1, RLIMIT_NOFILE, 0, WH_PAGE}},
	{SYS_getrusage, 0, {0, WH_PAGE}},
	{SYS_getpriority, 0, {0, 0}},
	{SYS_getpriority, 0, {7, 0}},
	{SYS_setpriority, 0, {0, 0, 0}},
	{SYS_ioprio_get, 0, {1, 0}},
	{SYS_ioprio_set, 0, {1, 0, 1 << 13}},
	{SYS_mount, 0, {0, WH_NONE, 0, 0, 0}},
	{SYS_umount2, 0, {WH_NONE, 0}},
	{SYS_pivot_root, 0, {WH_NONE, WH_NONE}},
	{SYS_chroot, 0, {WH_NONE}},
	{SYS_chdir, 0, {WH_NONE}},
	{SYS_swapoff, 0, {WH_NONE}},
	{SYS_acct, 0, {WH_NONE}},
	{SYS_delete_module, 0, {WH_TEXT("none"), 0}},
	{SYS_ptrace, 0, {2, 0, 0, 0}},
	/* Time and turns. */
	{SYS_sched_getparam, 0, {0, WH_PAGE}},
	{SYS_sched_setscheduler, 0, {0, SCHED_OTHER, WH_BUF}},
	{SYS_sched_setscheduler, 0, {0, SCHED_BATCH, WH_BUF}},
	{SYS_sched_getattr, 0, {0, WH_PAGE, 48, 0}},
	{SYS_sched_getaffinity, 0, {0, 128, WH_PAGE}},
	{SYS_sched_rr_get_interval, 0, {0, WH_PAGE}},
	{SYS_clock_gettime, 0, {CLOCK_MONOTONIC_RAW, WH_PAGE}},
	{SYS_clock_getres, 0, {CLOCK_BOOTTIME, WH_PAGE}},
	{SYS_clock_settime, 0, {CLOCK_MONOTONIC, WH_BUF}},
	{SYS_clock_nanosleep, 0, {CLOCK_TAI, 0, WH_BUF, 0}},
	{SYS_clock_nanosleep, 0, {CLOCK_MONOTONIC, TIMER_ABSTIME, WH_BUF, 0}},
	{SYS_adjtimex, 0, {WH_PAGE}},
	{SYS_getitimer, 0, {0, WH_PAGE}},
	{SYS_alarm, 0, {0}},
	{SYS_times, 0, {WH_PAGE}},
	{SYS_poll, 0, {0, 0, 0}},
	{SYS_ppoll, 0, {0, 0, WH_BUF, 0, 8}},
	{SYS_pselect6, 0, {0, 0, 0, 0, WH_BUF, 0}},
	{449 /* futex_waitv */, 0, {WH_BUF, 0, 0, 0, 0}},
	{SYS_futex, 0, {WH_BUF, FUTEX_REQUEUE, 0, 0, WH_BUF, 0}},
	{SYS_rt_sigpending, 0, {WH_PAGE, 8}},
	{SYS_rt_sigtimedwait, 0, {WH_BUF, 0, WH_BUF, 8}},
	{SYS_rt_sigqueueinfo, 0, {WH_PID, 0, WH_BUF}},
	{SYS_tkill, 0, {WH_TID, 0}},
	{SYS_tkill, 0, {-1, 0}},
	{SYS_sigaltstack, 0, {0, WH_PAGE}},
	{SYS_restart_syscall, 0, {0}},
	{SYS_wait4, 0, {1, 0, WNOHANG, 0}},
	{SYS_waitid, 0, {P_PID, 1, 0, WEXITED, 0}},
	{SYS_pidfd_send_signal, 0, {-1, 0, 0, 0}},
	{438 /* pidfd_getfd */, 0, {-1, 0, 0}},
	{SYS_personality, 0, {0xffffffff}},
	{SYS_uname, 0, {WH_PAGE}},
	{SYS_sysinfo, 0, {WH_PAGE}},
	{SYS_getrandom, 0, {WH_PAGE, 16, 1}},
	{SYS_getcpu, 0, {WH_PAGE, 0, 0}},
	/* Memory. */
	{SYS_mincore, 0, {WH_BUF, 4096, WH_PAGE}},
	{SYS_msync, 0, {WH_BUF, 4096, 1}},
	{SYS_mlock, 0, {WH_PAGE, 64}},
	{SYS_mlock2, 0, {WH_PAGE, 64, 1}},
	{SYS_munlock, 0, {WH_PAGE, 64}},
	{SYS_mprotect, 0, {WH_PAGE, 4096, PROT_READ | PROT_EXEC}},
	{SYS_madvise, 0, {WH_PAGE, 4096, MADV_DONTFORK}},
	{SYS_membarrier, 0, {0, 0, 0}},
	{SYS_pkey_alloc, 0, {1, 0}},
	{SYS_get_mempolicy, 0, {WH_PAGE, 0, 0, 0, 0}},
	{SYS_set_mempolicy, 0, {0, 0, 0}},
	{SYS_move_pages, 0, {0, 0, 0, 0, 0, 0}},
	{SYS_process_vm_readv, 0, {WH_PID, 0, 0, 0, 0, 0}},
	{440 /* process_madvise */, 0, {-1, 0, 0, 0, 0}},
	{SYS_arch_prctl, 0, {0x1003, WH_PAGE}},
	{SYS_modify_ldt, 0, {0, WH_PAGE, 0}},
	/* What is no call, or is newer than those who look. */
	{X32 | SYS_getpid, 0, {0}},
	{X32 | SYS_getuid, 0, {0}},
	{X32 | 514, 0, {0}},
	{X32 | 600, 0, {0}},
	{462 /* mseal */, 0, {0, 0, 0}},
	{470, 0, {0}},
	{999, 0, {0}},
};

static long meant(const struct actor *a, long arg, int *fd, int *dir, char *page)
{
	static const char zeros[4096] __attribute__((aligned(4096)));

	switch (arg) {
	case WH_FD:
		return *fd >= 0 ? *fd : (*fd = make(a, "call"));
	case WH_DIR:
		if (*dir < 0)
			*dir = open(a->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return *dir;
	case WH_PATH:
		if (*fd < 0)
			*fd = make(a, "call");
		return WH_TEXT(in_dir(a, "call"));
	case WH_NONE:
		return WH_TEXT(in_dir(a, "no/thing"));
	case WH_BUF:
		return WH_TEXT(zeros);
	case WH_PAGE:
		return WH_TEXT(page);
	case WH_PID:
		return getpid();
	case WH_TID:
		return syscall(SYS_gettid);
	}
	return arg;
}

void make_calls(struct actor *a, const struct call *call, unsigned times)
{
	int fd = -1, dir = -1, pages = 0;
	char *page = NULL;
	long arg[6];

	for (size_t i = 0; i < COUNT(arg); i++)
		pages += call->arg[i] == WH_PAGE || call->arg[i] == WH_BUF;
	if (pages)
		page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < COUNT(arg); i++)
		arg[i] = meant(a, call->arg[i], &fd, &dir, page);
	for (unsigned i = 0; i < times; i++) {
		long ret = syscall(call->nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);

		if (call->makes_fd)
			close((int)ret);
	}
	if (page)
		munmap(page, 4096);
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
}

void act_calls(struct actor *a)
{
	for (int i = 0; i < 4; i++)
		make_calls(a, &calls[pick(a, COUNT(calls))], 1);
}

/* Each of them once. */
void act_table(struct actor *a)
{
	for (size_t i = 0; i < COUNT(calls); i++)
		make_calls(a, &calls[i], 1);
}

void act_error(struct actor *a)
{
	static const struct call errors[] = {
		{SYS_read, 0, {-1, WH_PAGE, 1}},
		{SYS_openat, 1, {AT_FDCWD, WH_NONE, O_RDONLY | O_CLOEXEC}},
		{SYS_openat, 1, {AT_FDCWD, 8, O_RDONLY | O_CLOEXEC}},
		{SYS_openat, 1, {AT_FDCWD, WH_TEXT("/etc/passwd/x"), O_RDONLY | O_CLOEXEC}},
		{SYS_openat, 1, {-5, WH_TEXT("x"), O_RDONLY | O_CLOEXEC}},
		{SYS_mkdir, 0, {WH_TEXT("."), 0700}},
		{SYS_rmdir, 0, {WH_TEXT("/proc/self")}},
		{SYS_stat, 0, {WH_PATH, 8}},
		{SYS_execve, 0, {WH_NONE, 0, 0}},
		{SYS_execve, 0, {WH_PATH, 0, 0}},
	};

	make_calls(a, &errors[pick(a, COUNT(errors))], 1);
}

/* ---- i386 ------------------------------------------------------------------------------------ */

static long int80(long nr, long b, long c, long d)
{
#ifdef __x86_64__
	__asm__ volatile("int $0x80"
			 : "+a"(nr)
			 : "b"(b), "c"(c), "d"(d)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)nr;
#else
	(void)b;
	(void)c;
	(void)d;
	return -nr;
#endif
}

/* Calls without pointers, through the gate of another ABI; hot, too. */
void act_old(struct actor *a)
{
	static const int numbers[] = {20, 24, 64, 199, 224, 132, 47, 49, 158, 57, 999};
	int nr = numbers[pick(a, COUNT(numbers))];
	unsigned n = pick(a, 4) ? 1 : 300;

	for (unsigned i = 0; i < n; i++)
		int80(nr, 0, 0, 0);
}

/* With pointers, that have to be short. */
void act_low(struct actor *a)
{
#ifdef __x86_64__
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	uint32_t *args = (uint32_t *)(void *)(low + 2048);
	long addr = WH_TEXT(low), fd;

	must(low != MAP_FAILED, "MAP_32BIT");
	snprintf(low, 200, "%s", in_dir(a, "low"));
	fd = int80(5, addr, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	must(fd >= 0, "open");
	must(int80(33, addr, R_OK, 0) == 0, "access");
	must(int80(195, addr, addr + 512, 0) == 0, "stat64");
	must(int80(55, fd, F_GETFL, 0) >= 0, "fcntl");
	int80(6, fd, 0, 0);
	must(int80(15, addr, 0640, 0) == 0, "chmod");
	/* socketcall: socket(), and the same hot in between */
	args[0] = 1 + pick(a, 2);
	args[1] = SOCK_CLOEXEC | (1 + pick(a, 2));
	args[2] = 0;
	fd = int80(102, 1, addr + 2048, 0);
	must(fd >= 0, "socket");
	close((int)fd);
	must(int80(10, addr, 0, 0) == 0, "unlink");
	munmap(low, 4096);
#endif
	(void)a;
}
