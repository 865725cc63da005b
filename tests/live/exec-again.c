/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same name executed again, while what is there changes: the file is replaced, rewritten in place, gets
 * a set-id bit; its loader becomes another one; it is executed under another root.
 *
 * LIVE: random wh\.\w{6}
 * LIVE: differs \bgetrandom\b
 */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "expect.h"

#define TIMES 3

/* Short, so that the name of a loader in it fits where the original's was. */
static char top[] = "/tmp/wh.XXXXXX";
static char image[1 << 20];
static size_t length;
static char *loader; /* in @image */
static char original[64];

static void read_self(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	const ElfW(Ehdr) *eh = (const void *)image;
	const ElfW(Phdr) * ph;
	ssize_t n;

	while ((n = read(fd, image + length, sizeof(image) - length)) > 0)
		length += (size_t)n;
	expect_that(n == 0 && length < sizeof(image));
	ph = (const void *)(image + eh->e_phoff);
	for (int i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_INTERP)
			loader = image + ph[i].p_offset;
	expect_that(loader && strlen(loader) < sizeof(original));
	strcpy(original, loader);
}

static void write_file(const char *name, int flags, const void *data, size_t n)
{
	int fd = open(name, O_WRONLY | O_CREAT | flags, 0755);

	expect_that(fd >= 0 && write(fd, data, n) == (ssize_t)n && fchmod(fd, 0755) == 0 &&
		    close(fd) == 0);
}

/* A copy of this program that wants that loader. */
static void write_tool(const char *name, const char *wanted, int flags)
{
	if (wanted[0] == '/')
		strcpy(loader, wanted);
	else
		sprintf(loader, "%s/%s", top, wanted);
	expect_that(strlen(loader) <= strlen(original));
	write_file(name, flags, image, length);
}

static void copy(const char *from, const char *to)
{
	static char data[8 << 20];
	int fd = open(from, O_RDONLY);
	size_t n = 0;
	ssize_t k;

	expect_that(fd >= 0);
	while ((k = read(fd, data + n, sizeof(data) - n)) > 0)
		n += (size_t)k;
	expect_that(k == 0 && n < sizeof(data) && close(fd) == 0);
	write_file(to, O_EXCL, data, n);
}

/* As it is here, there is one under another root. */
static void copy_under(const char *root, const char *from)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s", root, from);
	for (char *s = strchr(path + 1, '/'); s; s = strchr(s + 1, '/')) {
		*s = '\0';
		expect_that(mkdir(path, 0755) == 0 || errno == EEXIST);
		*s = '/';
	}
	copy(from, path);
}

static int copy_library(struct dl_phdr_info *info, size_t size, void *root)
{
	(void)size;
	if (!strstr(info->dlpi_name, "/libc.so"))
		return 0;
	copy_under(root, info->dlpi_name);
	return 1;
}

static void run(const char *root, const char *name)
{
	char *argv[] = {(char[]){"tool"}, NULL};

	for (int i = 0; i < TIMES; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			if (root && (chroot(root) < 0 || chdir("/") < 0))
				_exit(98);
			execv(name, argv);
			_exit(97);
		}
		expect_that(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	}
}

/* What was changed a moment ago is looked at each time anyway. */
static void settle(void)
{
	sleep(3);
}

static void expect_loader(const char *name)
{
	expect("{'fact':'files','path':'%s/%s','access':'loader','outcomes':{'ok':%d}}", top, name,
	       TIMES);
}

static void expect_exec(const char *name, bool gains)
{
	expect("{'fact':'execs','to':'%s/%s','gains':%s}", top, name, gains ? "true" : "false");
}

int main(int argc, char **argv)
{
	char path[PATH_MAX];

	(void)argc;
	if (strcmp(argv[0], "tool") == 0)
		return 0;
	read_self();
	expect_that(mkdtemp(top) && chdir(top) == 0);
	copy(original, "la");
	copy(original, "lb");
	copy(original, "lc");
	copy(original, "ld");
	expect_that(symlink("lb", "link") == 0 && mkdir("root", 0755) == 0);
	snprintf(path, sizeof(path), "%s/ld", top);
	copy_under("root", path);
	expect_that(dl_iterate_phdr(copy_library, (char[]){"root"}) == 1);
	write_tool("tool", original, O_EXCL);
	write_tool("other", "la", O_EXCL);
	write_tool("third", "link", O_EXCL);
	write_tool("root/tool", "ld", O_EXCL);
	write_tool("gain", original, O_EXCL);
	settle();
	run(NULL, "./tool");
	run(NULL, "./third");
	run(NULL, "root/tool");
	run(NULL, "./gain");
	/* Another file, another loader of the same name, another root, a privilege. */
	expect_that(rename("other", "tool") == 0);
	expect_that(unlink("link") == 0 && symlink("lc", "link") == 0);
	run(NULL, "./tool");
	run(NULL, "./third");
	run("root", "/tool");
	expect_that(chown("gain", 1, 1) == 0 && chmod("gain", 04755) == 0);
	run(NULL, "./gain");
	/* The same file, with something else in it. */
	settle();
	run(NULL, "./tool");
	write_tool("tool", "link", O_TRUNC);
	run(NULL, "./tool");

	expect("{'scope':'files','where':{'path':'^%s/','access':'^loader$'},"
	       "'compare':['path','access','outcomes']}",
	       top);
	expect_loader("lb");
	expect_loader("ld");
	snprintf(path, sizeof(path), "root%s/ld", top);
	expect_loader(path);
	expect("{'fact':'files','path':'%s/la','access':'loader','outcomes':{'ok':%d}}", top,
	       2 * TIMES);
	expect("{'fact':'files','path':'%s/lc','access':'loader','outcomes':{'ok':%d}}", top,
	       2 * TIMES);
	expect("{'scope':'execs','where':{'to':'^%s/'},'compare':['to','gains']}", top);
	expect_exec("tool", false);
	expect_exec("third", false);
	expect_exec("root/tool", false);
	expect_exec("gain", true);
	snprintf(path, sizeof(path), "rm -r %s", top);
	expect_that(system(path) == 0);
	return 0;
}
