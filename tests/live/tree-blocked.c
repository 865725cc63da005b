/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call counts when it is entered: those that never return are accept in a child that is killed, pause
 * in another, and exit_group and exit themselves.
 *
 * LIVE: m32
 */
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "expect.h"

static void read_proc(pid_t pid, const char *name, char *text, int size)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	f = fopen(path, "re");
	expect_that(f && fgets(text, size, f));
	fclose(f);
}

/*
 * Until the child sleeps in that call: how fast it gets there is nobody's promise. At the call's entry
 * its tracer still holds it, in another state.
 */
static void wait_until_in(pid_t pid, long call)
{
	char number[256], stat[256], *end;

	do {
		usleep(10000);
		read_proc(pid, "syscall", number, sizeof(number));
		read_proc(pid, "stat", stat, sizeof(stat));
		end = strrchr(stat, ')');
		expect_that(end);
	} while (strtol(number, NULL, 10) != call || end[2] != 'S');
}

static void kill_child_in(void (*block)(void), long call, int sig)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		block();
		_exit(98);
	}
	wait_until_in(pid, call);
	expect_that(kill(pid, sig) == 0);
	expect_that(waitpid(pid, &status, 0) == pid);
	expect_that(WIFSIGNALED(status) && WTERMSIG(status) == sig);
}

static void block_in_accept(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(un.sun_path, "\0tree-blocked", 13);
	expect_that(bind(fd, (struct sockaddr *)&un, sizeof(sa_family_t) + 13) == 0);
	expect_that(listen(fd, 1) == 0);
	syscall(SYS_accept4, fd, NULL, NULL, 0);
}

static void block_in_pause(void)
{
	syscall(SYS_pause);
}

static void leave_by_exit(void)
{
	syscall(SYS_exit, 0);
}

int main(void)
{
	pid_t pid;

	kill_child_in(block_in_accept, SYS_accept4, SIGKILL);
	kill_child_in(block_in_pause, SYS_pause, SIGTERM);
	kill_child_in(block_in_pause, SYS_pause, SIGKILL);
	pid = fork();
	if (!pid)
		leave_by_exit();
	expect_that(waitpid(pid, NULL, 0) == pid);
	expect("{'scope':'syscalls','where':{'name':'^(accept4|pause|exit|exit_group)$'},"
	       "'compare':['name','count','errors']}");
	expect("{'fact':'syscalls','name':'accept4','count':1}");
	expect("{'fact':'syscalls','name':'pause','count':2}");
	expect("{'fact':'syscalls','name':'exit','count':1}");
	expect("{'fact':'syscalls','name':'exit_group','count':1}");
	return 0;
}
