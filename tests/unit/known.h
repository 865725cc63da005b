/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What test-known traces: a program that asks the same again and again, and changes what it asks about in
 * every way; and one that changes it from outside. Included by the one file of that test.
 */
#ifndef WHITTLE_TESTS_UNIT_KNOWN_H
#define WHITTLE_TESTS_UNIT_KNOWN_H

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

/* ---- the program ----------------------------------------------------------------------------- */

#define AGAIN 4

static void must(bool good)
{
	if (!good)
		_exit(1);
}

static void put(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0644);

	must(fd >= 0 && close(fd) == 0);
}

static void ask_at(int dir, const char *path)
{
	char text[16];
	struct stat st;

	for (int i = 0; i < AGAIN; i++) {
		int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);

		if (fd >= 0) {
			fstat(fd, &st);
			close(fd);
		}
		fstatat(dir, path, &st, 0);
		if (faccessat(dir, path, R_OK, 0) < 0 ||
		    readlinkat(dir, path, text, sizeof(text)) < 0)
			continue;
	}
}

static void ask(const char *path)
{
	ask_at(AT_FDCWD, path);
}

static void *to_other(void *unused)
{
	must(chdir("../e") == 0);
	return unused;
}

static char here[PATH_MAX];

static void ask_whole(const char *path)
{
	char whole[2 * PATH_MAX];

	snprintf(whole, sizeof(whole), "%s/%s", here, path);
	ask(whole);
}

static void whole_names(void)
{
	must(symlink("d", "whole") == 0);
	ask_whole("d/f");
	ask_whole("whole/f");
	ask_whole("whole/none");
	must(rename("d/f", "d/whole") == 0);
	ask_whole("whole/f");
	must(symlink("whole", "d/f") == 0);
	ask_whole("d/f");
	must(unlink("d/f") == 0 && rename("d/whole", "d/f") == 0);
	ask_whole("whole/f");
	must(symlink("e", "next") == 0 && rename("next", "whole") == 0);
	ask_whole("whole/f");
	must(rename("e", "gone") == 0);
	ask_whole("whole/f");
	must(mkdir("e", 0700) == 0);
	ask_whole("whole/f");
	put("e/f");
	ask_whole("whole/f");
	must(unlink("e/f") == 0 && rmdir("e") == 0 && rename("gone", "e") == 0);
	ask_whole("whole/f");
	must(unlink("whole") == 0);
}

static void names(void)
{
	pthread_t thread;
	int dir;

	whole_names();
	ask("d/f");
	must(rename("d/f", "d/g") == 0);
	ask("d/f");
	put("d/f");
	ask("d/f");
	must(unlink("d/f") == 0);
	put("d/f");
	ask("d/f");
	must(symlink("d", "now") == 0);
	ask("now/f");
	must(symlink("e", "next") == 0 && rename("next", "now") == 0);
	ask("now/f");
	must(unlink("now") == 0);
	ask("now/f");
	dir = open("d", O_RDONLY | O_DIRECTORY);
	must(dir >= 0);
	ask_at(dir, "f");
	close(dir);
	must(open("e", O_RDONLY | O_DIRECTORY) == dir);
	ask_at(dir, "f");
	ask_at(dir, "g");
	close(dir);
	ask_at(dir, "f");
	must(chdir("e") == 0);
	ask("f");
	ask("g");
	must(chdir("../d") == 0);
	ask("f");
	ask("g");
	/* Threads have one directory together. */
	must(pthread_create(&thread, NULL, to_other, NULL) == 0 && pthread_join(thread, NULL) == 0);
	ask("f");
	ask("g");
	must(chdir("..") == 0);
}

/* Somebody outside of the tree does it, and says when it is done. */
static void outsider(int to, int from, char what)
{
	char answer;

	must(write(to, &what, 1) == 1 && read(from, &answer, 1) == 1);
}

static void by_another(int to, int from)
{
	for (const char *what = "urcmdk"; *what; what++) {
		ask("d/f");
		ask("e/f");
		outsider(to, from, *what);
		ask("d/f");
		ask("e/f");
	}
}

/* An ACL for uid 65534 that leaves the mode as it is: 0644. */
static bool set_acl(const char *path, uint16_t perm)
{
	const struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} entry[5];
	} acl = {2, {{1, 6, -1U}, {2, perm, 65534}, {4, 4, -1U}, {16, 4, -1U}, {32, 4, -1U}}};

	return setxattr(path, "system.posix_acl_access", &acl, sizeof(acl), 0) == 0;
}

static void by_acl(void)
{
	must(chmod("e/f", 0644) == 0);
	for (unsigned i = 0; i < 3; i++) {
		if (!set_acl("e/f", i % 2 ? 0 : 4))
			return;
		must(seteuid(65534) == 0);
		ask("e/f");
		must(seteuid(0) == 0);
	}
}

static void as_others(void)
{
	by_acl();
	must(chmod("d", 0755) == 0 && chmod("d/f", 0600) == 0);
	ask("d/f");
	must(seteuid(65534) == 0);
	ask("d/f");
	must(seteuid(0) == 0);
	ask("d/f");
	setfsuid(65534);
	ask("d/f");
	setfsuid(0);
	ask("d/f");
	must(chmod("d/f", 0644) == 0);
	must(setresuid(65534, 65534, 0) == 0);
	ask("d/f");
	must(seteuid(0) == 0 && chmod("d", 0700) == 0 && seteuid(65534) == 0);
	ask("d/f");
	must(seteuid(0) == 0 && chmod("d", 0755) == 0);
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0) {
		ask("d/f");
		must(mount("e", "d", NULL, MS_BIND, NULL) == 0);
		ask("d/f");
		must(umount("d") == 0);
		ask("d/f");
	}
	ask("/etc/passwd");
	must(chroot("e") == 0 && chdir("/") == 0);
	ask("/etc/passwd");
	ask("/f");
}

static int child(char **argv)
{
	int to = atoi(argv[2]), from = atoi(argv[3]);

	must(getcwd(here, sizeof(here)) != NULL);
	must(mkdir("d", 0755) == 0 && mkdir("e", 0755) == 0);
	put("d/f");
	put("e/f");
	if (strcmp(argv[1], "once") == 0) {
		ask("d/f");
		outsider(to, from, 'u');
		ask("d/f");
		return 0;
	}
	names();
	by_another(to, from);
	if (geteuid() == 0)
		as_others();
	return 0;
}

/* ---- who is not traced ----------------------------------------------------------------------- */

static int outside(int from, int to, unsigned ms)
{
	const struct timespec more = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	char what;

	while (read(from, &what, 1) == 1) {
		bool good = false;
		int fd;

		switch (what) {
		case 'u':
			good = unlink("d/f") == 0;
			break;
		case 'r':
			good = rename("e/f", "d/f") == 0;
			break;
		case 'c':
			fd = open("e/f", O_WRONLY | O_CREAT, 0600);
			good = fd >= 0 && close(fd) == 0;
			break;
		case 'm':
			good = chmod("d/f", 0) == 0;
			break;
		case 'd':
			good = chmod("d", 0) == 0;
			break;
		case 'k':
			good = chmod("d", 0755) == 0 && rename("d", "x") == 0 &&
			       symlink("x", "d") == 0 && unlink("d") == 0 && rename("x", "d") == 0;
			break;
		}
		/* Before that time, what others do is not noticed. */
		nanosleep(&more, NULL);
		if (!good || write(to, &what, 1) != 1)
			return 1;
	}
	return 0;
}

#endif
