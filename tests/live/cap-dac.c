/* SPDX-License-Identifier: Apache-2.0 */
/* Permissions of files and directories, and what only owners may do with them. */
/* LIVE: m32 */
#include <dirent.h>
#include <sys/inotify.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/socket.h>
#include <sys/xattr.h>
#include <utime.h>

#include "cap.h"

static int opens(const char *name, int flags)
{
	int fd = open(name, flags | O_CLOEXEC, 0644);

	return fd < 0 ? -1 : close(fd);
}

static int read_other(void)
{
	return opens("other600", O_RDONLY);
}
static int read_open(void)
{
	return opens("other644", O_RDONLY);
}
static int write_other(void)
{
	return opens("other644", O_WRONLY | O_APPEND);
}
static int write_open(void)
{
	return opens("other666", O_WRONLY);
}
static int both_other(void)
{
	return opens("other600", O_RDWR);
}
static int truncate_other(void)
{
	return truncate("other644", 0);
}
static int truncate_open(void)
{
	return truncate("other666", 0);
}
static int search_other(void)
{
	struct stat st;
	return stat("dir700/inner", &st);
}
static int search_missing(void)
{
	struct stat st;
	return stat("dir700/missing", &st) < 0 && errno == ENOENT ? 0 : -1;
}
static int search_open(void)
{
	struct stat st;
	return stat("dir755/inner", &st);
}
static int list_other(void)
{
	return opens("dir700", O_RDONLY | O_DIRECTORY);
}
static int list_open(void)
{
	return opens("dir755", O_RDONLY | O_DIRECTORY);
}
static int chdir_other(void)
{
	return chdir("dir700");
}
static int chdir_open(void)
{
	return chdir("dir755");
}
static int create_other(void)
{
	int k = opens("dir755/new", O_CREAT | O_EXCL | O_WRONLY);
	return k;
}
static int create_open(void)
{
	return opens("dir777/new", O_CREAT | O_WRONLY);
}
static int unlink_other(void)
{
	return unlink("dir755/new");
}
static int unlink_open(void)
{
	return unlink("dir777/new");
}
static int mkdir_other(void)
{
	return mkdir("dir755/sub", 0755);
}
static int mkdir_open(void)
{
	return mkdir("dir777/sub", 0755);
}
static int rmdir_other(void)
{
	return rmdir("dir755/sub");
}
static int rmdir_open(void)
{
	return rmdir("dir777/sub");
}
static int watch_other(void)
{
	return inotify_add_watch(inotify_init1(0), "other600", IN_MODIFY) < 0 ? -1 : 0;
}
static int watch_open(void)
{
	return inotify_add_watch(inotify_init1(0), "other644", IN_MODIFY) < 0 ? -1 : 0;
}

static int chown_other(void)
{
	return chown("mine", 44, (gid_t)-1);
}
static int chown_back(void)
{
	return chown("mine", 0, 0);
}
static int chown_nothing(void)
{
	return chown("other644", (uid_t)-1, (gid_t)-1);
}
static int chown_group(void)
{
	return chown("mine", (uid_t)-1, 44);
}
static int chown_own_group(void)
{
	return chown("mine", (uid_t)-1, 0);
}
static int chmod_other(void)
{
	return chmod("other644", 0644);
}
static int chmod_own(void)
{
	return chmod("mine", 0600);
}
static int setgid_bit(void)
{
	struct stat st;

	if (chmod("strange", 02755) < 0 || stat("strange", &st) < 0)
		return -1;
	errno = 0;
	return st.st_mode & S_ISGID ? 0 : -1;
}
static int setgid_bit_own(void)
{
	return chmod("mine", 02755);
}
static const struct timeval then[2] = {{1000000000, 0}, {1000000000, 0}};
static int times_other(void)
{
	return utimes("other644", then);
}
static int times_own(void)
{
	return utimes("mine", then);
}
static int touch_other(void)
{
	return utimes("other644", NULL);
}
static int touch_open(void)
{
	return utimes("other666", NULL);
}
static int noatime_other(void)
{
	return opens("other644", O_RDONLY | O_NOATIME);
}
static int noatime_own(void)
{
	return opens("mine", O_RDONLY | O_NOATIME);
}
static int sticky_remove(void)
{
	return unlink("sticky/theirs");
}
static int sticky_own(void)
{
	return unlink("sticky/mine");
}
static int link_other(void)
{
	int k = link("other600", "linked");
	return k ? k : unlink("linked");
}
static int link_own(void)
{
	int k = link("mine", "linked");
	return k ? k : unlink("linked");
}
static int trusted(void)
{
	return setxattr("mine", "trusted.whittle", "x", 1, 0);
}
static int security(void)
{
	return setxattr("mine", "security.whittle", "x", 1, 0);
}
static const uint32_t no_caps[5] = {0x02000000};
static int filecap(void)
{
	return setxattr("mine", "security.capability", no_caps, sizeof(no_caps), 0);
}

static int connect_to(const char *name)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(un.sun_path, name);
	return connect(fd, (struct sockaddr *)&un, sizeof(un));
}
static int connect_other(void)
{
	return connect_to("socket755");
}
static int connect_open(void)
{
	return connect_to("socket777");
}

static void listen_at(const char *name, mode_t mode)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(un.sun_path, name);
	expect_that(bind(fd, (struct sockaddr *)&un, sizeof(un)) == 0 && listen(fd, 20) == 0);
	expect_that(chmod(name, mode) == 0 && chown(name, OTHER, OTHER) == 0);
	cap_expect(CAP_CHOWN, -1, "required", false,
		   cap_text("chown %s/%s to uid %d", expect_here(), name, OTHER), 0);
}

static const char *at(const char *verb, const char *name, const char *behind)
{
	return cap_text("%s %s/%s%s", verb, expect_here(), name, behind);
}

#define SEARCH	   CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE, "required"
#define WRITE	   CAP_DAC_OVERRIDE, CAP_NONE, "required"
#define NEEDS(cap) CAP_##cap, CAP_NONE, "required"

static void permissions(void)
{
	const struct cap_case cases[] = {
		{SEARCH, read_other, read_open, at("read", "other600", " (mode 600, uid 33)"),
		 EACCES},
		{WRITE, write_other, write_open, at("write", "other644", " (mode 644, uid 33)"),
		 EACCES},
		{WRITE, both_other, NULL, at("read and write", "other600", " (mode 600, uid 33)"),
		 EACCES},
		{WRITE, truncate_other, truncate_open,
		 at("truncate", "other644", " (mode 644, uid 33)"), EACCES},
		{SEARCH, search_other, search_open,
		 at("search the directories on the way to", "dir700/inner", ""), EACCES},
		{CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE, "likely", search_missing, NULL,
		 at("search the directories on the way to", "dir700/missing", ""), EACCES},
		{SEARCH, list_other, list_open, at("read", "dir700", " (mode 700, uid 33)"),
		 EACCES},
		{SEARCH, chdir_other, chdir_open, at("enter", "dir700", " (mode 700, uid 33)"),
		 EACCES},
		{SEARCH, watch_other, watch_open, at("watch", "other600", " (mode 600, uid 33)"),
		 EACCES},
		{WRITE, connect_other, connect_open,
		 at("connect to", "socket755", " (mode 755, uid 33)"), EACCES},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cap_try(&cases[i]);
}

static void directories(void)
{
	/* In pairs, so that each leaves the folder as it was for the one without the capability. */
	static const char in[] = " in a directory of mode 755 and uid 33";
	const struct {
		int (*call)(void);
		const char *what;
		int with;
	} steps[] = {
		{create_other, at("create", "dir755/new", in), 0},
		{create_other, at("create", "dir755/new", in), EACCES},
		{unlink_other, at("remove", "dir755/new", in), 0},
		{mkdir_other, at("create", "dir755/sub", in), 0},
		{rmdir_other, at("remove", "dir755/sub", in), EACCES},
		{rmdir_other, at("remove", "dir755/sub", in), 0},
	};

	expect_that(cap_run(create_other, CAP_DAC_OVERRIDE, -1) == EACCES);
	cap_expect(WRITE, true, steps[0].what, 0);
	expect_that(cap_run(create_other, -1, -1) == 0);
	cap_expect(WRITE, false, steps[0].what, 0);
	expect_that(cap_run(unlink_other, CAP_DAC_OVERRIDE, -1) == EACCES);
	cap_expect(WRITE, true, steps[2].what, 0);
	expect_that(cap_run(unlink_other, -1, -1) == 0);
	cap_expect(WRITE, false, steps[2].what, 0);
	expect_that(cap_run(mkdir_other, CAP_DAC_OVERRIDE, -1) == EACCES);
	cap_expect(WRITE, true, steps[3].what, 0);
	expect_that(cap_run(mkdir_other, -1, -1) == 0);
	cap_expect(WRITE, false, steps[3].what, 0);
	expect_that(cap_run(rmdir_other, CAP_DAC_OVERRIDE, -1) == EACCES);
	cap_expect(WRITE, true, steps[4].what, 0);
	expect_that(cap_run(rmdir_other, -1, -1) == 0);
	cap_expect(WRITE, false, steps[4].what, 0);
	/* And where anyone may write none of it needs anything. */
	expect_that(cap_run(create_open, CAP_DAC_OVERRIDE, -1) == 0);
	expect_that(cap_run(unlink_open, CAP_DAC_OVERRIDE, -1) == 0);
	expect_that(cap_run(mkdir_open, CAP_DAC_OVERRIDE, -1) == 0);
	expect_that(cap_run(rmdir_open, CAP_DAC_OVERRIDE, -1) == 0);
}

static void owners(void)
{
	const struct cap_case cases[] = {
		{NEEDS(FOWNER), chmod_other, chmod_own, at("chmod", "other644", " of uid 33")},
		{NEEDS(FOWNER), times_other, times_own,
		 at("set the times of", "other644", " of uid 33")},
		{CAP_FOWNER, CAP_DAC_OVERRIDE, "required", touch_other, touch_open,
		 at("touch", "other644", " of uid 33"), EACCES},
		{NEEDS(FOWNER), noatime_other, noatime_own,
		 at("open", "other644", " of uid 33 with O_NOATIME")},
		{CAP_FOWNER, CAP_DAC_OVERRIDE, "required", link_other, link_own,
		 at("hard-link", "other600", " of uid 33")},
		{CAP_FSETID, CAP_NONE, "likely", setgid_bit, setgid_bit_own,
		 at("keep the set-group-ID bit in chmod of", "strange", " of group 44"), 255},
		{NEEDS(SYS_ADMIN), trusted, NULL,
		 at("change the attribute trusted.whittle of", "mine", "")},
		{NEEDS(SYS_ADMIN), security, NULL,
		 at("change the attribute security.whittle of", "mine", "")},
		{NEEDS(SETFCAP), filecap, NULL,
		 at("change the attribute security.capability of", "mine", "")},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cap_try(&cases[i]);
}

static void sticky(void)
{
	const char *what =
		at("remove", "sticky/theirs", " of uid 44 in a sticky directory of uid 33");

	expect_that(cap_run(sticky_remove, CAP_FOWNER, -1) == EPERM);
	cap_expect(NEEDS(FOWNER), true, what, 0);
	expect_that(cap_run(sticky_remove, -1, -1) == 0);
	cap_expect(NEEDS(FOWNER), false, what, 0);
	expect_that(cap_run(sticky_own, CAP_FOWNER, -1) == 0);
}

static void chowns(void)
{
	expect_that(cap_run(chown_other, CAP_CHOWN, -1) == EPERM);
	cap_expect(NEEDS(CHOWN), true, at("chown", "mine", " to uid 44"), 0);
	expect_that(cap_run(chown_group, CAP_CHOWN, -1) == EPERM);
	cap_expect(NEEDS(CHOWN), true, at("chown", "mine", " to gid 44"), 0);
	expect_that(cap_run(chown_back, CAP_CHOWN, -1) == 0);
	expect_that(cap_run(chown_nothing, CAP_CHOWN, -1) == 0);
	expect_that(cap_run(chown_own_group, CAP_CHOWN, -1) == 0);
	expect_that(cap_run(chown_group, -1, -1) == 0);
	cap_expect(NEEDS(CHOWN), false, at("chown", "mine", " to gid 44"), 0);
	expect_that(cap_run(chown_other, -1, -1) == 0);
	cap_expect(NEEDS(CHOWN), false, at("chown", "mine", " to uid 44"), 0);
}

int main(void)
{
	umask(0);
	cap_make("other600", false, 0600);
	cap_make("other644", false, 0644);
	cap_make("other666", false, 0666);
	cap_make("dir700", true, 0700);
	cap_make("dir755", true, 0755);
	cap_make("dir777", true, 0777);
	cap_make("sticky", true, 01777);
	cap_make_own("mine", 0644);
	cap_make_own("sticky/mine", 0644);
	cap_make_own("sticky/theirs", 0644);
	expect_that(chown("sticky/theirs", 44, 44) == 0);
	cap_expect(NEEDS(CHOWN), false, at("chown", "sticky/theirs", " to uid 44"), 0);
	cap_make_own("strange", 0644);
	expect_that(chown("strange", -1, 44) == 0);
	cap_expect(NEEDS(CHOWN), false, at("chown", "strange", " to gid 44"), 0);
	listen_at("socket755", 0755);
	listen_at("socket777", 0777);
	permissions();
	directories();
	owners();
	sticky();
	chowns();
	cap_done();
	return 0;
}
