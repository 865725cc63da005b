/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files again: set-ID bits that stay or go, what nobody may do whatever he holds, links and files of other
 * processes in /proc.
 */
/* LIVE: m32 */
#include <linux/fs.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/xattr.h>

#include "cap.h"

#define NEEDS(cap) CAP_##cap, CAP_NONE, "required"
#define KEEPS	   CAP_FSETID, CAP_NONE, "likely"

static pid_t other; /* a process of another user */

static const char *at(const char *verb, const char *name, const char *behind)
{
	return cap_text("%s %s/t/%s%s", verb, expect_here(), name, behind);
}

/* Return: 0 if the bit is still there. */
static int has_bit(const char *name, mode_t bit)
{
	struct stat st;

	if (stat(name, &st) < 0)
		return -1;
	errno = 0;
	return st.st_mode & bit ? 0 : -1;
}
static int cut_setuid(void)
{
	expect_that(chmod("t/program", 04755) == 0);
	return truncate("t/program", 0) ? -1 : has_bit("t/program", S_ISUID);
}
static int cut_plain(void)
{
	return truncate("t/plain", 0);
}
static int open_cut(void)
{
	expect_that(chmod("t/program", 04755) == 0);
	if (close(open("t/program", O_WRONLY | O_TRUNC | O_CLOEXEC)))
		return -1;
	return has_bit("t/program", S_ISUID);
}
static int cut_open(void)
{
	int fd = open("t/program2", O_RDWR | O_CLOEXEC);

	expect_that(fchmod(fd, 04755) == 0);
	return ftruncate(fd, 0) ? -1 : has_bit("t/program2", S_ISUID);
}
static int make_in_group(void)
{
	unlink("t/group/new");
	if (close(open("t/group/new", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 02770)))
		return -1;
	return has_bit("t/group/new", S_ISGID);
}
static int make_plain(void)
{
	unlink("t/group/new");
	return close(open("t/group/new", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0770));
}
static int set_flag(int flag)
{
	int fd = open("t/fixed", O_RDONLY | O_CLOEXEC), flags = 0;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags))
		return -1;
	flags = flag ? flags | flag : flags & ~FS_IMMUTABLE_FL;
	return ioctl(fd, FS_IOC_SETFLAGS, &flags);
}
static int fix(void)
{
	return set_flag(FS_IMMUTABLE_FL);
}
static int loosen(void)
{
	return set_flag(0);
}
static int no_dump(void)
{
	return set_flag(FS_NODUMP_FL);
}
static int chmod_fixed(void)
{
	return chmod("t/fixed", 0600);
}
static int date_fixed(void)
{
	static const struct timeval then[2] = {{1000000000, 0}, {1000000000, 0}};

	return utimes("t/fixed", then);
}
static int open_protected(void)
{
	int fd = open("t/sticky/theirs", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	return fd < 0 ? -1 : close(fd);
}

static void bits(void)
{
	const char *cut = at("keep the set-ID bits of", "program", " when it is truncated");
	const struct cap_case cases[] = {
		{KEEPS, cut_setuid, cut_plain, cut, 255},
		{KEEPS, open_cut, NULL, cut, 255},
		{KEEPS, cut_open, NULL,
		 at("keep the set-ID bits of", "program2", " when it is truncated"), 255},
		{KEEPS, make_in_group, make_plain,
		 at("make", "group/new", " with the set-group-ID bit in a directory of group 44"),
		 255},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cap_try(&cases[i]);
}

static void fixed(void)
{
	const char *set = "set the immutable attribute of a file",
		   *clear = "clear the immutable attribute of a file";

	expect_that(cap_run(fix, CAP_LINUX_IMMUTABLE, -1) == EPERM);
	cap_expect(NEEDS(LINUX_IMMUTABLE), true, set, 0);
	expect_that(cap_run(no_dump, CAP_LINUX_IMMUTABLE, -1) == 0);
	expect_that(cap_run(fix, -1, -1) == 0);
	cap_expect(NEEDS(LINUX_IMMUTABLE), false, set, 0);
	/* Not its owner and without the capability: but with it he would be told the same. */
	expect_that(cap_run(date_fixed, CAP_FOWNER, -1) == EPERM);
	expect_that(cap_run(date_fixed, -1, -1) == EPERM);
	expect_that(cap_run(loosen, CAP_LINUX_IMMUTABLE, -1) == EPERM);
	cap_expect(NEEDS(LINUX_IMMUTABLE), true, clear, 0);
	expect_that(cap_run(loosen, -1, -1) == 0);
	cap_expect(NEEDS(LINUX_IMMUTABLE), false, clear, 0);
	/* Now it is for want of it. */
	expect_that(cap_run(chmod_fixed, CAP_FOWNER, -1) == EPERM);
	cap_expect(NEEDS(FOWNER), true, at("chmod", "fixed", " of uid 33"), 0);
	cap_expect(NEEDS(FOWNER), false, "change the inode flags of a file of uid 33", 0);
}

/* ---- other processes ------------------------------------------------------------------------- */

static const char *of_other(const char *name)
{
	return cap_text("/proc/%d/%s", other, name);
}
static int read_link(void)
{
	char text[PATH_MAX];

	return readlink(of_other("exe"), text, sizeof(text)) < 0 ? -1 : 0;
}
static int read_own_link(void)
{
	char text[PATH_MAX];

	return readlink("/proc/self/exe", text, sizeof(text)) < 0 ? -1 : 0;
}
static int follow_link(void)
{
	struct stat st;

	return stat(of_other("ns/net"), &st);
}
static int follow_own(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st);
}
static int slack(const char *name)
{
	char text[32];
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	return fd < 0 || read(fd, text, sizeof(text)) <= 0 ? -1 : 0;
}
static int slack_own(void)
{
	return slack("/proc/self/timerslack_ns");
}
static int as_other(int (*call)(void))
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	expect_that(syscall(SYS_capget, &header, data) == 0);
	expect_that(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0);
	expect_that(setresgid(OTHER, OTHER, OTHER) == 0 && setresuid(OTHER, OTHER, OTHER) == 0);
	data[0].effective = data[0].permitted &= 1u << CAP_NET_ADMIN;
	data[1].effective = data[1].permitted = 0;
	expect_that(syscall(SYS_capset, &header, data) == 0);
	return call();
}
static int set_network(void)
{
	int fd = open("/proc/sys/net/ipv4/ip_forward", O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -1 : close(fd);
}
static int network_as_other(void)
{
	return as_other(set_network);
}

/* Of the network root sets everything as root, others by the capability. */
static void network(void)
{
	const char *what = "change /proc/sys/net/ipv4/ip_forward of the network";

	expect_that(cap_run(set_network, CAP_NET_ADMIN, -1) == 0);
	expect_that(cap_run(network_as_other, CAP_NET_ADMIN, -1) == EACCES);
	cap_expect(NEEDS(NET_ADMIN), true, what, OTHER);
	expect_that(cap_run(network_as_other, -1, -1) == 0);
	cap_expect(NEEDS(NET_ADMIN), false, what, OTHER);
	cap_expect(NEEDS(SETUID), false, "become uid 33", 0);
	cap_expect(NEEDS(SETGID), false, "become gid 33", 0);
}

static void processes(void)
{
	const struct cap_case cases[] = {
		{NEEDS(SYS_PTRACE), read_link, read_own_link,
		 "read a link of another process in /proc", EACCES},
		{NEEDS(SYS_PTRACE), follow_link, follow_own,
		 "follow a link of another process in /proc", EACCES},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cap_try(&cases[i]);
	expect_that(cap_run(slack_own, CAP_SYS_NICE, -1) == 0);
}

static void prepare(void)
{
	expect_that(unshare(CLONE_NEWNS) == 0);
	cap_expect(NEEDS(SYS_ADMIN), false, "make a new mount namespace", 0);
	expect_that(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	cap_expect(NEEDS(SYS_ADMIN), false, "mount /", 0);
	expect_that(mkdir("t", 0755) == 0 && mount("none", "t", "tmpfs", 0, "mode=755") == 0);
	cap_expect(NEEDS(SYS_ADMIN), false, cap_text("mount %s/t", expect_here()), 0);
	cap_make_own("t/program", 0755);
	cap_make_own("t/program2", 0755);
	cap_make_own("t/plain", 0644);
	cap_make("t/fixed", false, 0644);
	expect_that(mkdir("t/group", 0755) == 0 && chown("t/group", -1, 44) == 0);
	cap_expect(NEEDS(CHOWN), false, at("chown", "group", " to gid 44"), 0);
	expect_that(chmod("t/group", 02775) == 0);
	cap_expect(KEEPS, false,
		   at("keep the set-group-ID bit in chmod of", "group", " of group 44"), 0);
	cap_make("t/sticky", true, 01777);
	cap_make("t/sticky/theirs", false, 0644);
	expect_that(chown("t/sticky/theirs", 44, 44) == 0);
	cap_expect(NEEDS(CHOWN), false, at("chown", "sticky/theirs", " to uid 44"), 0);
}

int main(void)
{
	const struct cap_case protected = {CAP_DAC_OVERRIDE,
					   CAP_NONE,
					   "required",
					   open_protected,
					   NULL,
					   at("write", "sticky/theirs", " (mode 644, uid 44)"),
					   EACCES};
	int ready[2];
	char c;

	umask(0);
	prepare();
	bits();
	if (cap_run(fix, CAP_LINUX_IMMUTABLE, -1) != ENOTTY)
		fixed();
	/* fs.protected_regular: with O_CREAT nobody, whatever he holds; without it is up to the mode. */
	if (cap_run(open_protected, -1, -1) == EACCES)
		expect_that(cap_run(open_protected, CAP_DAC_OVERRIDE, -1) == EACCES);
	else
		cap_try(&protected);
	expect_that(pipe(ready) == 0 && (other = fork()) >= 0);
	if (other == 0) {
		expect_that(setresgid(OTHER, OTHER, OTHER) == 0);
		expect_that(setresuid(OTHER, OTHER, OTHER) == 0);
		expect_that(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
		expect_that(write(ready[1], "", 1) == 1);
		for (;;)
			pause();
	}
	expect_that(read(ready[0], &c, 1) == 1);
	processes();
	network();
	expect_that(kill(other, SIGKILL) == 0);
	cap_expect(NEEDS(KILL), false, "send SIGKILL to a process of uid 33", 0);
	cap_done();
	return 0;
}
