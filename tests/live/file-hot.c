/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that is asked for again and again, while what its name means changes in every way: each meaning is
 * seen, by whichever task it was changed.
 *
 * LIVE: threads
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"

#define HOT   6000
#define AGAIN 300

static char whole[4096];

static void put(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT, 0644);

	expect_that(fd >= 0 && close(fd) == 0);
}

static void ask(const char *name, int times)
{
	for (int i = 0; i < times; i++) {
		int fd = open(name, O_RDONLY);

		if (fd >= 0)
			close(fd);
	}
}

static void ask_both(const char *name)
{
	char path[8192];

	snprintf(path, sizeof(path), "%s/%s", whole, name);
	ask(path, AGAIN);
	ask(name, AGAIN);
}

static void *go(void *name)
{
	expect_that(chdir(name) == 0);
	return NULL;
}

static void by_child(const char *from, const char *to)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(rename(from, to) ? 1 : 0);
	expect_that(waitpid(pid, &status, 0) == pid && status == 0);
}

static void by_names(void)
{
	ask_both("name");
	expect_that(rename("name", "was") == 0);
	ask_both("name");
	expect_that(symlink("dir/first", "name") == 0);
	ask_both("name");
	expect_that(symlink("dir/second", "next") == 0);
	by_child("next", "name");
	ask_both("name");
	expect_that(unlink("name") == 0);
	put("name");
	ask_both("name");
	expect_that(rename("dir", "moved") == 0);
	ask_both("dir/third");
	ask_both("moved/third");
}

static void by_directory(void)
{
	pthread_t thread;

	expect_that(chdir("one") == 0);
	ask("here", AGAIN);
	expect_that(pthread_create(&thread, NULL, go, "../two") == 0);
	expect_that(pthread_join(thread, NULL) == 0);
	ask("here", AGAIN);
	expect_that(chdir("..") == 0);
}

/* Who may read it changes: it, or we. */
static void by_rights(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		ask_both("mine");
		expect_that(setresuid(65534, 65534, 65534) == 0);
		ask_both("mine");
		_exit(0);
	}
	expect_that(waitpid(pid, &status, 0) == pid && status == 0);
}

static void by_root(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		ask("/here", AGAIN);
		expect_that(chroot("one") == 0);
		ask("/here", AGAIN);
		_exit(0);
	}
	expect_that(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(void)
{
	char path[8192];

	expect_that(getcwd(whole, sizeof(whole)) != NULL && chmod(whole, 0755) == 0);
	expect_that(mkdir("dir", 0755) == 0 && mkdir("one", 0755) == 0 && mkdir("two", 0755) == 0);
	put("name");
	put("dir/first");
	put("dir/second");
	put("dir/third");
	put("one/here");
	put("two/here");
	put("mine");
	expect_that(chmod("mine", 0600) == 0);
	/* So often that an engine takes short cuts. */
	snprintf(path, sizeof(path), "%s/name", whole);
	for (int i = 0; i < HOT; i++)
		syscall(SYS_getppid);
	ask(path, HOT);
	by_names();
	by_directory();
	by_rights();
	by_root();
	expect("{'scope':'files','where':{'path':'^%s/"
	       "','access':'^read$'},'compare':['path','access']}",
	       expect_here());
	for (size_t i = 0; i < 9; i++) {
		static const char *const names[] = {"name",	 "dir/first",	"dir/second",
						    "dir/third", "moved/third", "one/here",
						    "two/here",	 "mine",	NULL};

		if (names[i])
			expect("{'fact':'files','path':'%s/%s','access':'read'}", expect_here(),
			       names[i]);
	}
	expect("{'some':'files','where':{'path':'^%s/"
	       "name$','access':'^read$','outcomes':'ENOENT'}}",
	       expect_here());
	expect("{'some':'files','where':{'path':'^%s/"
	       "mine$','access':'^read$','outcomes':'EACCES'}}",
	       expect_here());
	expect("{'some':'files','where':{'path':'^%s/one/"
	       "here$','access':'^read$','outcomes':'ok'}}",
	       expect_here());
	return 0;
}
