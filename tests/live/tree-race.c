/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes whose threads are just executing, forking and leaving when they are killed: the recording
 * ends when the last of them is gone, and what could not be seen of them is said.
 *
 * LIVE: threads m32
 * How far they get before they are killed is chance.
 * LIVE: differs libgcc_s|\b(clone3?|futex): errors "E|: errors "EINTR"$|: gaps (lost-exit|tracee-died) |\brestart_syscall$|: signals SIGKILL outside$
 */
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "expect.h"

#define ROUNDS 150

static void *execute(void *data)
{
	(void)data;
	execl("/proc/thread-self/exe", "again", "again", (char *)NULL);
	return NULL;
}

static void *spawn(void *data)
{
	(void)data;
	for (int i = 0; i < 3; i++)
		if (!fork())
			_exit(0);
	return NULL;
}

static _Noreturn void child(unsigned kind)
{
	pthread_t thread[3];

	for (int i = 0; i < 3; i++)
		pthread_create(&thread[i], NULL, (kind + i) % 3 ? execute : spawn, NULL);
	if (kind % 2)
		pthread_exit(NULL);
	usleep(1000);
	_exit(0);
}

int main(int argc, char **argv)
{
	unsigned seed = 12345;

	if (argc > 1 && strcmp(argv[1], "again") == 0)
		return 0;
	for (unsigned i = 0; i < ROUNDS; i++) {
		pid_t pid = fork();

		if (!pid)
			child(i);
		seed = seed * 1103515245 + 12345;
		usleep(seed >> 16 & 0xfff);
		kill(pid, SIGKILL);
		expect_that(waitpid(pid, NULL, 0) == pid);
		expect_that(syscall(SYS_getsid, 0) >= 0);
	}
	expect("{'scope':'syscalls','where':{'name':'^getsid$'},'compare':['count']}");
	expect("{'fact':'syscalls','name':'getsid','count':%d}", ROUNDS);
	/* Only what a task's death explains. */
	expect("{'scope':'gaps','where':{'kind':'^(cut-short|limit|unknown-syscall|untraced-child|"
	       "nested-ptrace|privilege-not-gained|io-uring)$'},'compare':['kind','detail']}");
	return 0;
}
