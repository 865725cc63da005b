/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Job control under the tracer is what it is without: a child with threads stops as a whole and stays so,
 * its parent hears of it, SIGCONT goes on, and a signal that came meanwhile is delivered then.
 *
 * LIVE: threads m32
 * Whether the thread sleeps just then is chance.
 * LIVE: differs \brestart_syscall
 */
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "expect.h"

static volatile int *counter;
static volatile sig_atomic_t got;

static void on_usr1(int sig)
{
	(void)sig;
	got++;
}

static void *spin(void *data)
{
	(void)data;
	for (;;) {
		(*counter)++;
		usleep(1000);
	}
	return NULL;
}

static _Noreturn void child(int fd)
{
	static int own;
	pthread_t thread;

	counter = &own;
	signal(SIGUSR1, on_usr1);
	expect_that(pthread_create(&thread, NULL, spin, NULL) == 0);
	/* What it has counted to, whenever it is asked by a byte. */
	for (;;) {
		int n;
		char c;
		ssize_t r = read(fd, &c, 1);

		if (r < 0 && errno == EINTR)
			continue;
		if (r != 1 || c == 'q')
			break;
		n = own;
		expect_that(write(fd, &n, sizeof(n)) == sizeof(n));
	}
	syscall(SYS_getsid, 0);
	_exit(got);
}

static char state_of(pid_t pid)
{
	char path[64], text[256], *p;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	expect_that(f && fgets(text, sizeof(text), f));
	fclose(f);
	p = strrchr(text, ')');
	return p[2];
}

static void stop_and_go(pid_t pid, int sig)
{
	int status;
	char state;

	expect_that(kill(pid, sig) == 0);
	expect_that(waitpid(pid, &status, WUNTRACED) == pid);
	expect_that(WIFSTOPPED(status) && WSTOPSIG(status) == sig);
	expect_that(kill(pid, SIGUSR1) == 0);
	usleep(100000);
	/* It is still stopped, for its parent as for ps. */
	expect_that(waitpid(pid, &status, WNOHANG | WUNTRACED | WCONTINUED) == 0);
	state = state_of(pid);
	expect_that(state == 't' || state == 'T');
	expect_that(kill(pid, SIGCONT) == 0);
	expect_that(waitpid(pid, &status, WCONTINUED) == pid);
	expect_that(WIFCONTINUED(status));
}

int main(void)
{
	int pipes[2][2], status, n, before = 0;
	pid_t pid;

	expect_that(syscall(
#ifdef SYS_socketpair
			    SYS_socketpair, 1 /* AF_UNIX */, 1 /* SOCK_STREAM */, 0, pipes[0]
#else
			    SYS_socketcall, 8, (long[]){1, 1, 0, (long)pipes[0]}
#endif
			    ) == 0);
	pid = fork();
	if (!pid) {
		/* SIGTSTP does not stop what is in an orphaned process group. */
		expect_that(setpgid(0, 0) == 0);
		close(pipes[0][0]);
		child(pipes[0][1]);
	}
	close(pipes[0][1]);
	/* It answers: then it is ready for signals. */
	expect_that(write(pipes[0][0], "?", 1) == 1);
	expect_that(read(pipes[0][0], &before, sizeof(before)) == sizeof(before));
	for (int i = 0; i < 3; i++) {
		static const int stops[] = {SIGSTOP, SIGTSTP, SIGSTOP};

		stop_and_go(pid, stops[i]);
		/* Both threads work again. */
		for (n = before; n <= before;) {
			expect_that(write(pipes[0][0], "?", 1) == 1);
			expect_that(read(pipes[0][0], &n, sizeof(n)) == sizeof(n));
		}
		before = n;
	}
	expect_that(write(pipes[0][0], "q", 1) == 1);
	expect_that(waitpid(pid, &status, 0) == pid);
	expect_that(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	expect("{'scope':'syscalls','where':{'name':'^getsid$'},'compare':['count']}");
	expect("{'fact':'syscalls','name':'getsid','count':1}");
	return 0;
}
