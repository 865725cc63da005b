/* SPDX-License-Identifier: Apache-2.0 */
/* A program that got hot can put itself into seccomp's strict mode, and is killed for what that forbids. */
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "check.h"

#define LIVED 'x'

static int in[2];

static int by_prctl(void)
{
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0);
}

static int by_seccomp(void)
{
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL);
}

/* A child makes @then in strict mode; its status as waitpid() tells it. */
static int child(int (*enter)(void), long then)
{
	int status = -1;
	char c = LIVED;
	pid_t pid = fork();

	if (!pid) {
		heat();
		if (enter() != 0)
			_exit(99);
		for (int i = 0; i < 1000; i++)
			syscall(SYS_read, -1, &c, 1);
		if (syscall(SYS_write, in[1], &c, 1) == 1)
			syscall(then, 7);
		syscall(SYS_exit, 98);
	}
	if (read(in[0], &c, 1) != 1 || c != LIVED || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

static void *thread_main(void *data)
{
	heat();
	if (by_seccomp() == 0)
		syscall(SYS_getppid);
	*(int *)data = 1; /* not reached */
	return NULL;
}

/* Only the thread is ended. */
static int in_a_thread(void)
{
	pthread_t thread;
	int reached = 0, status;
	pid_t pid = fork();

	if (!pid) {
		pthread_create(&thread, NULL, thread_main, &reached);
		pthread_join(thread, NULL);
		_exit(reached ? 1 : 5);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 5;
}

int main(void)
{
	int status;

	if (pipe(in))
		return 99;
	status = child(by_prctl, SYS_exit);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 7, "exit");
	status = child(by_prctl, SYS_getpid);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "killed");
	status = child(by_seccomp, SYS_exit_group);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "exit_group");
	check(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL) == -1 && errno == EINVAL,
	      "flags");
	check(in_a_thread(), "thread");
	return 0;
}
