/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program's own seccomp filters do what they say, of whatever kind, loaded cold or hot, and nothing else
 * answers in their place.
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ucontext.h>
#include <sys/wait.h>

#include "check.h"

#ifdef __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#else
#define ARCH AUDIT_ARCH_I386
#endif

static volatile sig_atomic_t trapped, number, data, arch;

/* Of one call, all others pass. */
static int filter(long nr, unsigned action, unsigned flags)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		_exit(98);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static void on_trap(int sig, siginfo_t *si, void *context)
{
	ucontext_t *u = context;

	(void)sig;
	trapped = trapped + 1;
	number = si->si_syscall;
	data = si->si_errno;
	arch = (int)si->si_arch;
#ifdef __x86_64__
	u->uc_mcontext.gregs[REG_RAX] = 4711;
#elif defined(__i386__)
	u->uc_mcontext.gregs[REG_EAX] = 4711;
#else
	(void)u;
#endif
}

static int traps(void)
{
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

	sigaction(SIGSYS, &action, NULL);
	if (filter(SYS_getsid, SECCOMP_RET_TRAP | 77, 0))
		return 97;
	for (int i = 0; i < 3; i++)
		if (syscall(SYS_getsid, 0) != 4711 || trapped != i + 1 || number != SYS_getsid ||
		    data != 77 || arch != (int)ARCH)
			return 1;
	heat();
	return syscall(SYS_getsid, 0) == 4711 && trapped == 4 ? 0 : 2;
}

static int errors(void)
{
	if (filter(SYS_getsid, SECCOMP_RET_ERRNO | 78, 0))
		return 97;
	heat();
	return syscall(SYS_getsid, 0) == -1 && errno == 78 ? 0 : 1;
}

/* The sharper of two filters, whichever comes first. */
static int stacked(void)
{
	if (filter(SYS_getsid, SECCOMP_RET_ERRNO | 5, 0) ||
	    filter(SYS_getsid, SECCOMP_RET_ERRNO | 6, 0) ||
	    filter(SYS_getpgid, SECCOMP_RET_ERRNO | 7, 0) ||
	    filter(SYS_getpgid, SECCOMP_RET_LOG, 0))
		return 97;
	return syscall(SYS_getsid, 0) == -1 && errno == 6 && syscall(SYS_getpgid, 0) == -1 &&
			       errno == 7
		       ? 0
		       : 1;
}

static int logs(void)
{
	long want = syscall(SYS_getsid, 0);

	if (filter(SYS_getsid, SECCOMP_RET_LOG, 0))
		return 97;
	return syscall(SYS_getsid, 0) == want ? 0 : 1;
}

/* Nobody traces it: ENOSYS. */
static int asks_a_tracer(void)
{
	if (filter(SYS_getsid, SECCOMP_RET_TRACE | 9, 0))
		return 97;
	heat();
	return syscall(SYS_getsid, 0) == -1 && errno == ENOSYS ? 0 : 1;
}

static int kills(void)
{
	if (filter(SYS_getsid, SECCOMP_RET_KILL_PROCESS, 0))
		return 97;
	syscall(SYS_getsid, 0);
	return 1;
}

static int is_strict(void)
{
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
		return 97;
	syscall(SYS_getppid);
	return 1;
}

static int executes(void)
{
	char *argv[] = {"filters", "filtered", NULL};

	if (filter(SYS_getsid, SECCOMP_RET_ERRNO | 79, 0))
		return 97;
	execv("/proc/self/exe", argv);
	return 96;
}

/* Its answers come from another process. */
static void answer(int fd)
{
	struct seccomp_notif n = {0};
	struct seccomp_notif_resp r;

	for (int i = 0; i < 3; i++) {
		memset(&n, 0, sizeof(n));
		if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &n) || n.data.nr != SYS_getsid)
			_exit(1);
		memset(&r, 0, sizeof(r));
		r.id = n.id;
		if (i == 0)
			r.val = 1234;
		else if (i == 1)
			r.error = -80;
		else
			r.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		if (ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &r))
			_exit(2);
	}
	_exit(0);
}

static int notifies(void)
{
	int fd, status, good;
	long sid = syscall(SYS_getsid, 0);
	pid_t pid;

	heat();
	fd = filter(SYS_getsid, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	if (fd < 0)
		return 97;
	pid = fork();
	if (!pid)
		answer(fd);
	good = syscall(SYS_getsid, 0) == 1234;
	good = syscall(SYS_getsid, 0) == -1 && errno == 80 && good;
	good = syscall(SYS_getsid, 0) == sid && good;
	return waitpid(pid, &status, 0) == pid && status == 0 && good ? 0 : 1;
}

static const struct {
	const char *name;
	int (*child)(void);
	int want;
} cases[] = {
	{"RET_TRAP", traps, 0},
	{"RET_ERRNO", errors, 0},
	{"two-filters", stacked, 0},
	{"RET_LOG", logs, 0},
	{"RET_TRACE", asks_a_tracer, 0},
	{"RET_KILL_PROCESS", kills, SIGSYS},
	{"strict-mode", is_strict, SIGKILL},
	{"filter-survives-exec", executes, 0},
	{"RET_USER_NOTIF", notifies, 0},
};

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return syscall(SYS_getsid, 0) == -1 && errno == 79 ? 0 : 1;
	check(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0, "no_new_privs-off");
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			int status = -1;
			/* Each in a child: filters stay. */
			pid_t pid = fork();

			if (!pid)
				_exit(cases[i].child());
			waitpid(pid, &status, 0);
			if ((WIFSIGNALED(status) ? WTERMSIG(status) : status) != cases[i].want)
				printf("  %s: status 0x%x\n", cases[i].name, (unsigned)status);
			check((WIFSIGNALED(status) ? WTERMSIG(status) : status) == cases[i].want,
			      cases[i].name);
		}
		heat();
	}
	check(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0, "no_new_privs-still-off");
	check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		      prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1,
	      "no_new_privs-on");
	return 0;
}
