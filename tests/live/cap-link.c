/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link that another one has put into a sticky directory: with fs.protected_symlinks nobody follows it, so that a refusal
 * is not for want of a capability. A hard link to what is not one's own is: CAP_FOWNER.
 */
/* LIVE: m32 */
#include "cap.h"

static int open_in(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : close(fd);
}
static int follow(void)
{
	return open_in("sticky/link");
}
static int follow_at(void)
{
	int dir = open("sticky", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = openat(dir, "link", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : close(fd);
}
static int straight(void)
{
	return open_in("secret");
}
static int hard_link(void)
{
	unlink("another");
	return link("secret", "another");
}
static int hard_link_own(void)
{
	unlink("another");
	return link("own", "another");
}

static bool is_on(const char *path)
{
	char c = '0';
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, &c, 1) == 1 && close(fd) == 0 && c != '0';
}

int main(void)
{
	const char *read_it = cap_text("read %s/secret (mode 600, uid 33)", expect_here());
	const struct cap_case direct = {
		CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE, "required", straight, NULL, read_it, EACCES};
	const struct cap_case linking = {
		CAP_FOWNER,    CAP_DAC_OVERRIDE,
		"required",    hard_link,
		hard_link_own, cap_text("hard-link %s/secret of uid 33", expect_here()),
	};

	cap_make("secret", false, 0600);
	cap_make_own("own", 0600);
	expect_that(mkdir("sticky", 0700) == 0 && chmod("sticky", 01777) == 0);
	expect_that(symlink("../secret", "sticky/link") == 0);
	expect_that(lchown("sticky/link", OTHER, OTHER) == 0);
	cap_expect(CAP_CHOWN, CAP_NONE, "required", false,
		   cap_text("chown %s/sticky/link to uid %d", expect_here(), OTHER), 0);
	/* Before anything else speaks of that file. */
	if (is_on("/proc/sys/fs/protected_symlinks")) {
		expect_that(cap_run(follow, -1, -1) == EACCES);
		expect_that(cap_run(follow, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE) == EACCES);
		expect_that(cap_run(follow_at, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE) == EACCES);
	} else {
		expect_that(cap_run(follow, -1, -1) == 0);
		cap_try(&direct);
	}
	if (is_on("/proc/sys/fs/protected_hardlinks"))
		cap_try(&linking);
	cap_done();
	return 0;
}
