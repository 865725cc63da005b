/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dead child stays its parent's until that one asks, with the status that it left; one that has lost
 * its parent is reaped by whoever inherits it.
 *
 * LIVE: m32
 *
 * A look at its state may come just when it is gone.
 * LIVE: differs \bread: errors "ESRCH"
 *
 * A child may end while its parent, whom any signal wakes that is traced, sleeps; or just not.
 * LIVE: differs \brestart_syscall$
 */
#include <signal.h>
#include <sys/wait.h>

#include "expect.h"

static char state_of(pid_t pid)
{
	char path[64], text[256], *p;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	p = fgets(text, sizeof(text), f) ? strrchr(text, ')') : NULL;
	fclose(f);
	return p ? p[2] : 0;
}

int main(void)
{
	int status, pipes[2];
	pid_t pid = fork(), orphan;

	if (!pid)
		_exit(7);
	for (int i = 0; i < 100 && state_of(pid) != 'Z'; i++)
		usleep(10000);
	usleep(100000);
	expect_that(state_of(pid) == 'Z');
	expect_that(waitpid(pid, &status, 0) == pid);
	expect_that(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	expect_that(state_of(pid) == 0);

	expect_that(pipe(pipes) == 0);
	pid = fork();
	if (!pid) {
		orphan = fork();
		if (!orphan) {
			usleep(100000);
			_exit(0);
		}
		expect_that(write(pipes[1], &orphan, sizeof(orphan)) == sizeof(orphan));
		raise(SIGKILL);
	}
	expect_that(read(pipes[0], &orphan, sizeof(orphan)) == sizeof(orphan));
	expect_that(waitpid(pid, &status, 0) == pid);
	expect_that(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	for (int i = 0; i < 300 && state_of(orphan); i++)
		usleep(10000);
	expect_that(state_of(orphan) == 0);
	expect_that(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD);
	expect("{'scope':'runs','where':{},'compare':['tasks']}");
	expect("{'fact':'runs','tasks':4}");
	return 0;
}
