/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scripts: the file that was named, the program that its first line names, and so on; and what fails.
 *
 * LIVE: m32
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "expect.h"

static void script(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	expect_that(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static int run(const char *path)
{
	int status;
	pid_t pid = fork();

	expect_that(pid >= 0);
	if (pid == 0) {
		execl(path, path, "x", NULL);
		_exit(errno);
	}
	expect_that(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void fact(const char *path, const char *access, const char *type, const char *outcome, int n)
{
	expect("{'fact':'files','path':'%s%s','access':'%s','type':'%s','outcomes':{'%s':%d}}",
	       strncmp(path, "/usr/", 5) == 0 ? "" : expect_here(), path, access, type, outcome, n);
}

int main(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	expect_that(n > 0);
	self[n] = '\0';
	expect("{'scope':'files','where':{'path':'^(%s/|/usr/bin/)','access':'^(exec|interp)'},"
	       "'compare':['path','access','type','outcomes']}",
	       expect_here());
	expect("{'scope':'execs','where':{},'compare':['from','to','interpreter']}");
	expect("{'fact':'execs','to':'%s'}", self);
	script("one", "#!/bin/true\n");
	/* A relative interpreter begins at the working directory; a script may name a script. */
	script("two", "#! one -x\n");
	script("nowhere", "#!/no/such/program\n");
	script("nothing", "neither\n");
	expect_that(symlink("two", "link") == 0);
	expect_that(run("./one") == 0);
	expect_that(run("./link") == 0);
	expect_that(run("./nowhere") == ENOENT);
	expect_that(run("./nothing") == ENOEXEC);
	expect_that(run("./none") == ENOENT);
	expect_that(run(".") == EACCES);
	expect("{'fact':'execs','from':'%s','to':'%s/one','interpreter':'/usr/bin/true'}", self,
	       expect_here());
	expect("{'fact':'execs','from':'%s','to':'%s/two','interpreter':'/usr/bin/true'}", self,
	       expect_here());
	fact("/one", "exec", "file", "ok", 1);
	fact("/one", "interpreter", "file", "ok", 1);
	fact("/two", "exec", "file", "ok", 1);
	fact("/usr/bin/true", "interpreter", "file", "ok", 2);
	fact("/nowhere", "exec", "file", "ENOENT", 1);
	fact("/nothing", "exec", "file", "ENOEXEC", 1);
	fact("/none", "exec", "missing", "ENOENT", 1);
	fact("/", "exec", "dir", "EACCES", 1);
	return 0;
}
