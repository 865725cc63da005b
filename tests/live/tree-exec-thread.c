/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that is not the leader executes: it takes over the leader's id, and all others vanish. The
 * second time around the leader has left before, so that its id comes back from nowhere.
 *
 * LIVE: threads m32 static
 */
#include <dirent.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/syscall.h>

#include "expect.h"

#define ABI (sizeof(long) == 4 ? "i386" : "x86_64")

static char *stage;
static int sleepers;

/* 'S' for a thread that waits in a call; a leader that has left is a zombie. */
static char state_of(const char *tid)
{
	char path[300], text[256], *end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%s/stat", tid);
	f = fopen(path, "re");
	expect_that(f && fgets(text, sizeof(text), f));
	fclose(f);
	end = strrchr(text, ')');
	expect_that(end);
	return end[2];
}

/* Until all others wait in pause(): how fast they get there is nobody's promise. */
static void wait_for_sleepers(int wanted)
{
	bool all = false;

	while (!all) {
		struct dirent *entry;
		DIR *dir;

		usleep(5000);
		all = __atomic_load_n(&sleepers, __ATOMIC_SEQ_CST) == wanted;
		dir = opendir("/proc/self/task");
		expect_that(dir);
		while ((entry = readdir(dir)))
			if (entry->d_name[0] != '.' && atoi(entry->d_name) != syscall(SYS_gettid))
				all = all && strchr("SZ", state_of(entry->d_name));
		closedir(dir);
	}
}

static void *sleeper(void *data)
{
	(void)data;
	__atomic_add_fetch(&sleepers, 1, __ATOMIC_SEQ_CST);
	for (;;)
		pause();
	return NULL;
}

static void *executor(void *data)
{
	(void)data;
	wait_for_sleepers(strcmp(stage, "second") == 0 ? 4 : 3);
	syscall(SYS_getsid, 0);
	execl("/proc/thread-self/exe", "again", stage, (char *)NULL);
	expect_that(!"execl");
	return NULL;
}

static void threads(void)
{
	pthread_t thread;

	for (int i = 0; i < 3; i++)
		expect_that(pthread_create(&thread, NULL, sleeper, NULL) == 0);
	expect_that(pthread_create(&thread, NULL, executor, NULL) == 0);
}

int main(int argc, char **argv)
{
	if (argc == 1) {
		stage = "second";
		threads();
		sleeper(NULL);
	}
	expect_that(syscall(SYS_gettid) == getpid());
	if (strcmp(argv[1], "second") == 0) {
		stage = "third";
		threads();
		pthread_exit(NULL);
	}
	syscall(SYS_getsid, 0);
	expect("{'scope':'syscalls','where':{'name':'^(getsid|execve|pause)$'},"
	       "'compare':['abi','name','count']}");
	expect("{'fact':'syscalls','abi':'%s','name':'getsid','count':3}", ABI);
	expect("{'fact':'syscalls','abi':'%s','name':'pause','count':7}", ABI);
	/* The first one was the launcher's, which is a program for this machine. */
	if (sizeof(long) == 4)
		expect("{'fact':'syscalls','abi':'x86_64','name':'execve','count':1}");
	expect("{'fact':'syscalls','abi':'%s','name':'execve','count':%d}", ABI,
	       sizeof(long) == 4 ? 2 : 3);
	expect("{'scope':'runs','where':{},'compare':['tasks']}");
	expect("{'fact':'runs','tasks':9}");
	return 0;
}
