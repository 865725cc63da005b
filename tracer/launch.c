// SPDX-License-Identifier: Apache-2.0
#include "tracer/launch.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tracer/procfs.h"

/* The child, up to its execve(). The parent sees the calls from the read on and skips them. */
static _Noreturn void child(const struct wh_launch *launch, int go)
{
	char c;

	if (launch->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(126);
	if ((launch->out >= 0 && dup2(launch->out, STDOUT_FILENO) < 0) ||
	    (launch->err >= 0 && dup2(launch->err, STDERR_FILENO) < 0))
		_exit(126);
	sigprocmask(SIG_SETMASK, launch->mask, NULL);
	/* Nothing comes when the tracer has died or could not seize. */
	while (read(go, &c, 1) != 1)
		if (errno != EINTR)
			_exit(126);
	/* Now, as what it stops for would fail without a tracer. */
	if (launch->filter && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				      SECCOMP_FILTER_FLAG_SPEC_ALLOW, launch->filter) < 0)
		_exit(126);
	execv(launch->path, launch->argv);
	_exit(127);
}

int wh_launch_refused(pid_t pid, int err, struct wh_error *e)
{
	wh_auto(fd) proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[32], text[4096];
	uint64_t tracer, scope;

	snprintf(name, sizeof(name), "%d/status", pid);
	if (wh_procfs_read(proc_fd, name, text, sizeof(text)) > 0 &&
	    wh_procfs_field(text, "TracerPid", &tracer) == 0 && tracer)
		return wh_error_set(
			e, EPERM,
			"cannot trace: process %llu traces it already (strace -f, a debugger?), "
			"and a process has one tracer",
			(unsigned long long)tracer);
	if (wh_procfs_read(proc_fd, "sys/kernel/yama/ptrace_scope", text, sizeof(text)) > 0 &&
	    wh_util_parse_u64(strtok(text, "\n"), &scope) == 0 && scope >= 2)
		return wh_error_set(e, EPERM, "cannot trace: kernel.yama.ptrace_scope is %llu; %s",
				    (unsigned long long)scope,
				    scope == 2
					    ? "run as root (in a container: --cap-add SYS_PTRACE), "
					      "or set it to 1"
					    : "it stays so until the next boot");
	return wh_error_set(
		e, err,
		"cannot trace: ptrace: %s; in a container add --cap-add SYS_PTRACE, and "
		"see that its seccomp and AppArmor profiles allow ptrace",
		strerror(err));
}

/* Stop the seized child where it waits, so that it meets PTRACE_SYSCALL before its execve(). */
static int stop_child(pid_t pid, struct wh_error *e)
{
	struct __ptrace_syscall_info info;
	int status;

	if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
		return wh_error_errno(e, errno, "cannot trace: PTRACE_INTERRUPT");
	for (;;) {
		if (waitpid(pid, &status, __WALL) < 0) {
			if (errno == EINTR)
				continue;
			return wh_error_errno(e, errno, "cannot trace: waitpid");
		}
		if (!WIFSTOPPED(status))
			return wh_error_set(
				e, ECHILD, "cannot start: the new process died at once (%s %d)",
				WIFEXITED(status) ? "status" : "signal",
				WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
		if (status >> 16 == PTRACE_EVENT_STOP)
			break;
		/* A signal came first: it gets it, and the stop that we asked for follows. */
		if (ptrace(PTRACE_CONT, pid, NULL, (void *)(long)WSTOPSIG(status)) < 0)
			return wh_error_errno(e, errno, "cannot trace: PTRACE_CONT");
	}
	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) < 0)
		return wh_error_set(
			e, errno,
			"cannot trace: PTRACE_GET_SYSCALL_INFO: %s; whittle needs Linux "
			"5.3 or newer",
			strerror(errno));
	if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0)
		return wh_error_errno(e, errno, "cannot trace: PTRACE_SYSCALL");
	return 0;
}

int wh_launch_start(const struct wh_launch *launch, unsigned long options, pid_t *ret_pid,
		    struct wh_error *e)
{
	wh_auto(fd) go_read = -1;
	wh_auto(fd) go = -1;
	int pipes[2], err;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return wh_error_errno(e, errno, "cannot start: pipe");
	go_read = pipes[0];
	go = pipes[1];
	pid = fork();
	if (pid < 0)
		return wh_error_errno(e, errno, "cannot start: fork");
	if (!pid) {
		/* Its own copy of the writing end would keep it from seeing the tracer's death. */
		close(go);
		child(launch, go_read);
	}
	err = ptrace(PTRACE_SEIZE, pid, NULL, (void *)options) < 0
		      ? wh_launch_refused(pid, errno, e)
		      : stop_child(pid, e);
	if (err == 0 && write(go, "", 1) != 1)
		err = wh_error_errno(e, errno, "cannot start: write");
	if (err < 0) {
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
			;
		return err;
	}
	*ret_pid = pid;
	return 0;
}
