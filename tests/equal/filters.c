/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that filter their own calls, before or after an engine's filter. */
#include "random.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* @nr is answered with @action. */
static void filter(int nr, unsigned action, int by_prctl)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {COUNT(insns), insns};

	if (by_prctl)
		must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) == 0, "prctl");
	else
		must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0, "seccomp");
}

static const int numbers[] = {SYS_getppid, SYS_getpriority, SYS_fstat, SYS_lseek};

/* A hot call is refused from now on. */
void deed_filter(struct actor *a)
{
	static const unsigned actions[] = {SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_ERRNO | ENOSYS,
					   SECCOMP_RET_ERRNO, SECCOMP_RET_TRACE | 77,
					   SECCOMP_RET_LOG};
	struct call call = {numbers[pick(a, COUNT(numbers))], 0, {WH_FD, 0, 0}};
	unsigned action = actions[pick(a, COUNT(actions))];

	if (call.nr == SYS_fstat)
		call.arg[1] = WH_BUF;
	else if (call.nr == SYS_getpriority)
		call.arg[0] = 0;
	make_calls(a, &call, 300);
	if (pick(a, 2))
		must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
	filter(call.nr, action, (int)pick(a, 2));
	make_calls(a, &call, 300);
	hot(a);
	if (pick(a, 2)) {
		/* The filter is the child's, and that of what it executes. */
		pid_t pid = fork();

		if (!pid) {
			make_calls(a, &call, 1);
			execute(a, -1);
		}
		wait_for(pid, 0);
	}
}

static void on_sigsys(int sig)
{
	(void)sig;
}

/* It is told by a signal, or killed. */
void deed_trap(struct actor *a)
{
	static const unsigned actions[] = {SECCOMP_RET_TRAP, SECCOMP_RET_KILL_PROCESS,
					   SECCOMP_RET_KILL_THREAD};
	struct sigaction action = {.sa_handler = on_sigsys};
	struct rlimit none = {1, 1};
	const struct call call = {SYS_getppid, 0, {0}};
	unsigned which = pick(a, COUNT(actions));
	pid_t pid;

	must(setrlimit(RLIMIT_CORE, &none) == 0, "setrlimit");
	must(sigaction(SIGSYS, &action, NULL) == 0, "sigaction");
	pid = fork();
	if (!pid) {
		make_calls(a, &call, 300);
		filter(call.nr, actions[which], 1);
		hot(a);
		make_calls(a, &call, 3);
		_exit(0);
	}
	wait_for(pid, which ? SIGSYS : 0);
}
