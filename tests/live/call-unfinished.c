/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that have no result: killed inside, or interrupted and entered again. They count, and what
 * they asked for is known; a kernel's restart code is nobody's error.
 *
 * LIVE: m32
 * In a native call that is killed BPF sees the return.
 * LIVE: differs ^only in A: gaps lost-exit open by 
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "expect.h"

static int state(pid_t pid)
{
	char path[32], letter = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	expect_that(f && fscanf(f, "%*d (%*[^)]) %c", &letter) == 1);
	fclose(f);
	return letter;
}

static void until(pid_t pid, int letter)
{
	for (int i = 0; state(pid) != letter; i++) {
		expect_that(i < 10000);
		poll(NULL, 0, 1);
	}
}

static void end(pid_t pid, int number)
{
	int status;

	expect_that(kill(pid, number) == 0 && waitpid(pid, &status, 0) == pid);
}

int main(void)
{
	char self[PATH_MAX], detail[PATH_MAX + 64];
	const char *engine = getenv("WH_ENGINE");
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	pid_t pid;
	int status;

	expect_that(n > 0 && mkfifo("fifo", 0600) == 0);
	self[n] = '\0';
	expect("{'scope':'files','where':{'path':'^%s/fifo$','access':'^read$'},"
	       "'compare':['path','access','type','outcomes']}",
	       expect_here());
	expect("{'scope':'syscalls','where':{'name':'^(restart_syscall|pause|open|nanosleep)$'},"
	       "'compare':['name','errors']}");

	/* Nobody will ever write: it dies waiting for one. */
	pid = fork();
	expect_that(pid >= 0);
	if (pid == 0) {
		syscall(SYS_open, "fifo", O_RDONLY);
		_exit(98);
	}
	poll(NULL, 0, 200);
	until(pid, 'S');
	end(pid, SIGKILL);
	expect("{'fact':'files','path':'%s/fifo','access':'read','type':'fifo'}", expect_here());
	snprintf(detail, sizeof(detail), "open by %s", self);
	/* BPF sees it return into a process that is dead: of native calls. */
	if (!engine || strcmp(engine, "assisted") != 0 || sizeof(long) != 8)
		expect_gap("lost-exit", detail);
	expect("{'fact':'syscalls','name':'open'}");

	/* Stopped and continued in its sleep: the rest of it is restart_syscall(). */
	pid = fork();
	expect_that(pid >= 0);
	if (pid == 0) {
		syscall(SYS_nanosleep, (long[]){3600, 0}, NULL);
		_exit(98);
	}
	poll(NULL, 0, 200);
	until(pid, 'S');
	expect_that(kill(pid, SIGSTOP) == 0);
	expect_that(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
	expect_that(kill(pid, SIGCONT) == 0);
	poll(NULL, 0, 200);
	until(pid, 'S');
	end(pid, SIGKILL);
	expect("{'fact':'syscalls','name':'nanosleep'}");
	expect("{'fact':'syscalls','name':'restart_syscall'}");

	pid = fork();
	expect_that(pid >= 0);
	if (pid == 0) {
		syscall(SYS_pause);
		_exit(98);
	}
	poll(NULL, 0, 200);
	until(pid, 'S');
	end(pid, SIGTERM);
	expect("{'fact':'syscalls','name':'pause'}");
	return 0;
}
