/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A debugger in the container. Reading and writing another process' memory needs no ptrace, and works. A task
 * has one tracer, and while whittle is that the debugger is told so: EPERM, and nothing else, each time.
 */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "check.h"

static volatile uint64_t word = 0x1122334455667788u;

static pid_t child_with(long (*before)(void))
{
	int ready[2];
	char c;
	pid_t pid;

	if (pipe(ready))
		exit(99);
	pid = fork();
	if (!pid) {
		c = (char)(before ? before() : 0);
		if (write(ready[1], &c, 1) != 1)
			_exit(99);
		while (word != 0x99)
			syscall(SYS_getppid);
		_exit(55);
	}
	if (read(ready[0], &c, 1) != 1)
		exit(99);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void memory(void)
{
	uint64_t value = 0, new = 0x99;
	struct iovec here = {&value, sizeof(value)}, there = {(void *)&word, sizeof(word)};
	pid_t pid = child_with(NULL);
	int status, fd, got;
	char path[64];

	check(process_vm_readv(pid, &here, 1, &there, 1, 0) == 8 && value == word,
	      "process_vm_readv");
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	value = 0;
	check(pread(fd, &value, sizeof(value), (off_t)(uintptr_t)&word) == 8 && value == word,
	      "mem");
	close(fd);
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	got = (int)syscall(SYS_pidfd_getfd, fd, 1, 0);
	check(got >= 0, "pidfd_getfd");
	close(got);
	close(fd);
	here.iov_base = &new;
	check(process_vm_writev(pid, &here, 1, &there, 1, 0) == 8, "process_vm_writev");
	check(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 55,
	      "written");
}

static void end(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) == pid && !WIFSIGNALED(status))
		;
}

/* Attached (or refused), looked at, let go. */
static void attach(int seize)
{
	const char *name = seize ? "PTRACE_SEIZE" : "PTRACE_ATTACH";
	pid_t pid = child_with(NULL);
	int status;
	long ret = ptrace(seize ? PTRACE_SEIZE : PTRACE_ATTACH, pid, NULL, NULL);

	check(ret == 0, name);
	check(ret == 0 || errno == EPERM, seize ? "SEIZE-or-EPERM" : "ATTACH-or-EPERM");
	if (ret == 0) {
		if (seize)
			ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
		ret = waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) &&
		      ptrace(PTRACE_DETACH, pid, NULL, NULL) == 0;
	} else {
		/* Not half a tracer: what needs one that is stopped is refused, too. */
		ret = ptrace(PTRACE_CONT, pid, NULL, NULL) == -1 && errno == ESRCH;
	}
	check(ret == 1, seize ? "SEIZE-whole" : "ATTACH-whole");
	end(pid);
}

static long trace_me(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 1 : errno == EPERM ? 2 : 3;
}

static void traced_child(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		long got = trace_me();

		if (got == 1)
			raise(SIGTRAP);
		_exit((int)got);
	}
	waitpid(pid, &status, 0);
	check(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP, "PTRACE_TRACEME");
	check(WIFSTOPPED(status) || WEXITSTATUS(status) == 2, "TRACEME-or-EPERM");
	if (WIFSTOPPED(status))
		end(pid);
}

int main(void)
{
	for (int round = 0; round < 2; round++) {
		memory();
		attach(0);
		attach(1);
		traced_child();
		heat();
	}
	return 0;
}
