/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What not everybody could have done, going by the modes; and the most threads at once.
 *
 * LIVE: m32 threads
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "expect.h"

static pthread_barrier_t barrier;

static void *wait_for_all(void *arg)
{
	pthread_barrier_wait(&barrier);
	return arg;
}

static void opened(const char *name, const char *access, int flags, bool restricted)
{
	int fd = open(name, flags, 0600);

	expect_that(fd >= 0 && close(fd) == 0);
	if (restricted)
		expect("{'fact':'files','path':'%s/%s','access':'%s','restricted':true}",
		       expect_here(), name, access);
	else
		expect("{'fact':'files','path':'%s/%s','access':'%s'}", expect_here(), name,
		       access);
}

static void made(const char *name, mode_t mode)
{
	expect_that(mkdir(name, 0755) == 0 && chmod(name, mode) == 0);
	expect("{'fact':'files','path':'%s/%s/','access':'mkdir','restricted':true}", expect_here(),
	       name);
}

int main(void)
{
	pthread_t threads[4];
	struct stat st;
	pid_t child;

	/* The folder of the test is its owner's alone to write in. */
	expect_that(stat(".", &st) == 0 && (st.st_mode & 07) == 05);
	expect("{'scope':'files','where':{'path':'^%s/"
	       "','access':'^(read|write|mkdir|list|create|unlink)$'},"
	       "'compare':['path','access','restricted']}",
	       expect_here());
	made("all", 01777);
	made("none", 0711);
	made("closed", 0700);
	opened("all/a", "create", O_WRONLY | O_CREAT, false);
	/* The mode is that of the new file. */
	expect("{'fact':'files','path':'%s/all/a','access':'write','restricted':true}",
	       expect_here());
	opened("none/b", "create", O_WRONLY | O_CREAT, true);
	expect("{'fact':'files','path':'%s/none/b','access':'write','restricted':true}",
	       expect_here());
	opened("closed/c", "create", O_WRONLY | O_CREAT, true);
	/* It was searched for in a folder that others may not search. */
	expect("{'fact':'files','path':'%s/closed/c','access':'write','restricted':true}",
	       expect_here());
	expect_that(chmod("all/a", 0604) == 0 && chmod("closed/c", 0666) == 0);
	opened("all/a", "read", O_RDONLY, false);
	opened("none/b", "read", O_RDONLY, true);
	opened("closed/c", "read", O_RDONLY, true);
	opened("none/", "list", O_RDONLY | O_DIRECTORY, true);
	opened("all/", "list", O_RDONLY | O_DIRECTORY, false);
	expect_that(unlink("all/a") == 0 && unlink("none/b") == 0);
	expect("{'fact':'files','path':'%s/all/a','access':'unlink'}", expect_here());
	expect("{'fact':'files','path':'%s/none/b','access':'unlink','restricted':true}",
	       expect_here());

	expect("{'scope':'runs','where':{},'compare':['peak_tasks','mounts']}");
	expect("{'fact':'runs','peak_tasks':5}");
	expect_that(pthread_barrier_init(&barrier, NULL, 5) == 0);
	for (int i = 0; i < 4; i++)
		expect_that(pthread_create(&threads[i], NULL, wait_for_all, NULL) == 0);
	wait_for_all(NULL);
	for (int i = 0; i < 4; i++)
		expect_that(pthread_join(threads[i], NULL) == 0);
	child = fork();
	if (child == 0)
		_exit(0);
	expect_that(waitpid(child, NULL, 0) == child);
	return 0;
}
