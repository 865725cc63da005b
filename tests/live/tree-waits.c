/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that open the same file again and again while others make and remove files beside it, and one that
 * waits for the other end of a fifo, with O_CREAT: all get on, and what each did is seen.
 *
 * What one of them is killed in is chance.
 * LIVE: differs : gaps lost-exit |: errors "E
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"

#define HOT  3000
#define MADE 20

static char file[8192], fifo[8192];

static void ask(int times)
{
	for (int i = 0; i < times; i++) {
		int fd = open(file, O_RDONLY);

		expect_that(fd >= 0 && close(fd) == 0);
	}
}

static void heat(void)
{
	for (int i = 0; i < HOT; i++)
		syscall(SYS_getppid);
	ask(HOT);
}

/* Makes and removes a file of the parent's folder until it is killed; says when it has done so for a while. */
static pid_t maker(int said)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	for (int i = 0;; i++) {
		int fd = open("made", O_WRONLY | O_CREAT, 0644);

		if (fd < 0 || close(fd) < 0 || unlink("made") < 0 ||
		    (i == MADE && write(said, "x", 1) != 1))
			_exit(1);
	}
}

static pid_t waiter(void)
{
	pid_t pid = fork();

	if (!pid) {
		int fd = open(fifo, O_WRONLY | O_CREAT, 0644);

		_exit(fd >= 0 && write(fd, "x", 1) == 1 ? 0 : 1);
	}
	return pid;
}

int main(void)
{
	int fd, status, made[2];
	char here[4096], c;
	pid_t pid;

	expect_that(getcwd(here, sizeof(here)) != NULL);
	snprintf(file, sizeof(file), "%s/file", here);
	snprintf(fifo, sizeof(fifo), "%s/fifo", here);
	fd = open(file, O_WRONLY | O_CREAT, 0644);
	expect_that(fd >= 0 && close(fd) == 0 && mkfifo(fifo, 0644) == 0 && pipe(made) == 0);
	heat();
	pid = maker(made[1]);
	ask(HOT);
	expect_that(read(made[0], &c, 1) == 1);
	expect_that(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
	for (int i = 0; i < 20; i++) {
		pid = waiter();
		ask(20);
		fd = open(fifo, O_RDONLY);
		expect_that(fd >= 0 && read(fd, &c, 1) == 1 && close(fd) == 0);
		expect_that(waitpid(pid, &status, 0) == pid && status == 0);
	}
	expect("{'scope':'files','where':{'path':'^%s/"
	       "','access':'^(read|create|unlink)$'},'compare':['path','access']}",
	       expect_here());
	expect("{'fact':'files','path':'%s/file','access':'create'}", expect_here());
	expect("{'fact':'files','path':'%s/file','access':'read'}", expect_here());
	expect("{'fact':'files','path':'%s/made','access':'create'}", expect_here());
	expect("{'fact':'files','path':'%s/made','access':'unlink'}", expect_here());
	expect("{'fact':'files','path':'%s/fifo','access':'read'}", expect_here());
	/* Whether it dies in its open is chance. */
	expect("{'scope':'gaps','where':{'kind':'^(?!lost-exit)'},'compare':['kind']}");
	return 0;
}
