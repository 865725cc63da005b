/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program sees of itself is the same after it got hot: its mappings, descriptors, signal mask and
 * the seccomp lines of its status. It can filter itself while hot, and gets the errors it has to.
 */
#include <dirent.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "check.h"

#define FILE_TEXT 65536

/* All of a file of /proc, and without what may grow: the stack's size. */
static void take(const char *path, char text[FILE_TEXT])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n, all = 0;

	while ((n = read(fd, text + all, (size_t)(FILE_TEXT - 1 - all))) > 0)
		all += n;
	text[all] = '\0';
	close(fd);
}

static long field(const char *name)
{
	static char text[FILE_TEXT];
	char *line;

	take("/proc/self/status", text);
	line = strstr(text, name);
	return line ? strtol(line + strlen(name), NULL, 10) : -1;
}

static unsigned long descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned long bits = 0;
	struct dirent *entry;

	while ((entry = readdir(dir)))
		bits ^= 1ul << (strtoul(entry->d_name, NULL, 10) % 63);
	closedir(dir);
	return bits;
}

static void same_after_heat(void)
{
	static char before[FILE_TEXT], after[FILE_TEXT];
	unsigned long fds = descriptors();
	sigset_t mask, mask_after;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	take("/proc/self/maps", before);
	heat();
	syscall(SYS_getsid, 0);
	heat();
	take("/proc/self/maps", after);
	check(strcmp(before, after) == 0, "mappings");
	check(descriptors() == fds, "descriptors");
	sigprocmask(SIG_SETMASK, NULL, &mask_after);
	check(memcmp(&mask, &mask_after, 8) == 0, "signal-mask");
}

static void errors(void)
{
	struct timespec ts;

	check(syscall(5000) == -1 && errno == ENOSYS, "unknown-call");
	check(syscall(SYS_openat, AT_FDCWD, 8, O_RDONLY) == -1 && errno == EFAULT, "EFAULT-path");
	check(syscall(SYS_write, open("/dev/zero", O_WRONLY), -4096L, 1) <= 1, "write");
	check(syscall(SYS_rt_sigaction, SIGUSR1, 8, NULL, 8) == -1 && errno == EFAULT,
	      "EFAULT-sigaction");
	check(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 7) == -1 && errno == EINVAL,
	      "EINVAL-sigaction");
	check(clock_gettime(CLOCK_MONOTONIC, &ts) == 0 && ts.tv_nsec >= 0, "vdso");
}

static int filter(long nr, int error, unsigned flags)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static int barrier_in[2], barrier_out[2];

static void *other_thread(void *data)
{
	char c;

	heat();
	if (write(barrier_out[1], "x", 1) != 1 || read(barrier_in[0], &c, 1) != 1)
		exit(99);
	*(int *)data = syscall(SYS_getpgid, 0) == -1 && errno == 77;
	return NULL;
}

/* In a child: filters stay. */
static int filters_itself(void)
{
	pthread_t thread;
	int filtered = 0;
	char c;

	heat();
	check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
	check(filter(SYS_getsid, 78, 0) == 0, "own-filter");
	check(syscall(SYS_getsid, 0) == -1 && errno == 78, "own-filter-works");
	heat();
	check(syscall(SYS_getsid, 0) == -1 && errno == 78, "own-filter-stays");
	check(prctl(PR_GET_SECCOMP) == 2, "PR_GET_SECCOMP-filter");
	if (pipe(barrier_in) || pipe(barrier_out) ||
	    pthread_create(&thread, NULL, other_thread, &filtered) ||
	    read(barrier_out[0], &c, 1) != 1)
		return 99;
	check(filter(SYS_getpgid, 77, SECCOMP_FILTER_FLAG_TSYNC) == 0, "TSYNC");
	if (write(barrier_in[1], "x", 1) != 1)
		return 99;
	pthread_join(thread, NULL);
	check(filtered, "TSYNC-works");
	return 0;
}

int main(void)
{
	long seccomp = field("\nSeccomp:"), filters = field("\nSeccomp_filters:");
	long nnp = field("\nNoNewPrivs:");
	int status;
	pid_t pid;

	same_after_heat();
	errors();
	/* What a tracer cannot hide, and need not. */
	printf("  TracerPid %s\n", field("\nTracerPid:") ? "set" : "0");
	/* Nobody has filtered it behind its back. */
	check(seccomp == 0 && field("\nSeccomp:") == seccomp, "seccomp-mode");
	check(filters == 0 && field("\nSeccomp_filters:") == filters, "seccomp-filters");
	check(prctl(PR_GET_SECCOMP) == 0, "PR_GET_SECCOMP");
	check(field("\nNoNewPrivs:") == nnp, "no_new_privs-unchanged");
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(filters_itself());
	check(waitpid(pid, &status, 0) == pid && status == 0, "child");
	pid = fork();
	if (!pid) {
		heat();
		_exit(43);
	}
	check(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 43,
	      "exit-status");
	pid = fork();
	if (!pid) {
		heat();
		raise(SIGKILL);
	}
	check(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	      "killed");
	return 0;
}
