// SPDX-License-Identifier: Apache-2.0
/* What a line of mountinfo says, and what a run keeps of it. */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "tracer/mounts.h"

static int parse(const char *text, struct wh_mounts_line *ret_line)
{
	static char buf[512];

	snprintf(buf, sizeof(buf), "%s", text);
	return wh_mounts_parse(buf, ret_line);
}

static void check(const char *text, const char *word, const char *point, const char *fstype,
		  bool read_only)
{
	struct wh_mounts_line line = {0};

	CU_ASSERT_EQUAL_FATAL(parse(text, &line), 0);
	CU_ASSERT_STRING_EQUAL(wh_mounts_word(&line), word);
	CU_ASSERT_STRING_EQUAL(line.point, point);
	CU_ASSERT_STRING_EQUAL(line.fstype, fstype);
	CU_ASSERT_EQUAL(line.read_only, read_only);
}

static void test_lines(void)
{
	check("1 2 0:30 / / rw,relatime master:1 - overlay overlay rw,lowerdir=/a,upperdir=/b",
	      "root", "/", "overlay", false);
	check("1 2 0:30 / / ro,relatime - overlay overlay rw,lowerdir=/a", "root", "/", "overlay",
	      true);
	check("1 2 0:30 / / rw - squashfs /dev/loop0 ro,errors=continue", "root", "/", "squashfs",
	      true);
	check("1 2 0:31 / /proc rw,nosuid - proc proc rw", "kernel", "/proc", "proc", false);
	check("1 2 0:32 / /run rw,nosuid - tmpfs tmpfs rw,size=64k", "tmpfs", "/run", "tmpfs",
	      false);
	check("1 2 8:1 /var/lib/docker/volumes/x/_data /data rw - ext4 /dev/sda1 rw", "volume",
	      "/data", "ext4", false);
	check("1 2 8:1 /srv/volumes/_data2 /data rw - ext4 /dev/sda1 rw", "bind", "/data", "ext4",
	      false);
	check("1 2 8:1 /srv/c /etc/app.conf ro - ext4 /dev/sda1 rw", "bind", "/etc/app.conf",
	      "ext4", true);
	check("1 2 8:2 / /disk rw shared:4 master:2 - xfs /dev/sdb rw,norecovery", "mount", "/disk",
	      "xfs", false);
	/* A part of a tmpfs is somebody's folder. */
	check("1 2 0:33 /a /b rw - tmpfs tmpfs rw", "bind", "/b", "tmpfs", false);
	/* Blanks and the like are octal numbers; a source may be empty. */
	check("1 2 0:34 /a\\040b /c\\011\\134d\\040e rw - ext4  rw", "bind", "/c\t\\d e", "ext4",
	      false);
}

/* @text: of the device 0:35. */
static void check_served(const char *text, bool served, bool lenient)
{
	struct wh_mounts_line line = {0};

	CU_ASSERT_EQUAL_FATAL(parse(text, &line), 0);
	CU_ASSERT_EQUAL(line.dev, makedev(0, 35));
	CU_ASSERT_EQUAL(line.served, served);
	CU_ASSERT_EQUAL(line.lenient, lenient);
}

/* fusectl is the kernel's own. */
static void test_served(void)
{
	check_served("1 2 0:35 / /m rw - fuse.sshfs a rw,user_id=0,group_id=0", true, true);
	check_served("1 2 0:35 / /m rw - fuseblk /dev/sdb rw,default_permissions,blksize=4", true,
		     false);
	check_served("1 2 0:35 / /m rw - fuse a rw,default_permissions", true, false);
	check_served("1 2 0:35 / /m rw - fusectl fusectl rw", false, false);
	check_served("1 2 0:35 / /m rw - ext4 /dev/sda rw", false, false);
}

static void test_no_lines(void)
{
	static const char *const bad[] = {
		"",
		"1",
		"1 2 0:30 / /",
		"1 2 0:30 / / rw",
		"1 2 0:30 / / rw shared:1",
		"1 2 0:30 / / rw -",
		"1 2 030 / / rw - ext4 /dev/sda rw",
		"1 2 0:30 x / rw - ext4 /dev/sda rw",
		"1 2 0:30 / x rw - ext4 /dev/sda rw",
	};
	struct wh_mounts_line line = {0};

	for (size_t i = 0; i < WH_ARRAY_SIZE(bad); i++)
		CU_ASSERT_EQUAL(parse(bad[i], &line), -EINVAL);
	CU_ASSERT_PTR_NULL(line.point);
}

static void test_self(void)
{
	wh_auto(trace) trace = wh_trace_new();
	wh_auto(fd) proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct wh_recorder r = {.trace = trace, .proc_fd = proc_fd};
	struct wh_run run = {0};
	size_t roots = 0;

	CU_ASSERT_EQUAL(wh_mounts_fill(&r, getpid(), true, &run), 0);
	for (size_t i = 0; i < run.mounts.n; i++)
		roots += strncmp(run.mounts.v[i], "root ", 5) == 0;
	CU_ASSERT_EQUAL(roots, 1);
	free((void *)(uintptr_t)run.mounts.v);
	run = (struct wh_run){0};
	/* Of nobody. */
	CU_ASSERT_EQUAL(wh_mounts_fill(&r, 0x7fffffff, true, &run), 0);
	CU_ASSERT_EQUAL(run.mounts.n, 0);
}

int main(void)
{
	CU_pSuite suite;
	int failed;

	CU_initialize_registry();
	suite = CU_add_suite("mounts", NULL, NULL);
	CU_add_test(suite, "lines of mountinfo", test_lines);
	CU_add_test(suite, "served by a program", test_served);
	CU_add_test(suite, "lines that are none", test_no_lines);
	CU_add_test(suite, "this process", test_self);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures() != 0 || CU_get_error() != CUE_SUCCESS;
	CU_cleanup_registry();
	return failed;
}
