// SPDX-License-Identifier: Apache-2.0
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <fcntl.h>

#include "tracer/procfs.h"

static int parse(const char *text, struct wh_procfs_map *ret_map, char buf[256])
{
	snprintf(buf, 256, "%s", text);
	return wh_procfs_map_parse(buf, ret_map);
}

static void test_maps(void)
{
	struct wh_procfs_map map;
	char buf[256];

	CU_ASSERT_EQUAL_FATAL(parse("7f1e2c000000-7f1e2c021000 r-xp 00026000 fe:01 1311    "
				    "/usr/lib/x86_64-linux-gnu/libc.so.6",
				    &map, buf),
			      0);
	CU_ASSERT_EQUAL(map.start, 0x7f1e2c000000);
	CU_ASSERT_EQUAL(map.end, 0x7f1e2c021000);
	CU_ASSERT_EQUAL(map.offset, 0x26000);
	CU_ASSERT_TRUE(map.exec);
	CU_ASSERT_EQUAL(map.dev_major, 0xfe);
	CU_ASSERT_EQUAL(map.dev_minor, 1);
	CU_ASSERT_EQUAL(map.ino, 1311);
	CU_ASSERT_STRING_EQUAL(map.path, "/usr/lib/x86_64-linux-gnu/libc.so.6");

	CU_ASSERT_EQUAL_FATAL(parse("1000-2000 rw-p 00000000 00:00 0 ", &map, buf), 0);
	CU_ASSERT_FALSE(map.exec);
	CU_ASSERT_PTR_NULL(map.path);
	CU_ASSERT_EQUAL_FATAL(parse("1000-2000 rw-p 00000000 00:00 0", &map, buf), 0);
	CU_ASSERT_PTR_NULL(map.path);

	/* A name may hold anything but a newline. */
	CU_ASSERT_EQUAL_FATAL(parse("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0     "
				    "a b (deleted)",
				    &map, buf),
			      0);
	CU_ASSERT_EQUAL(map.start, 0xffffffffff600000);
	CU_ASSERT_STRING_EQUAL(map.path, "a b (deleted)");
}

static void test_no_maps(void)
{
	static const char *const bad[] = {
		"",
		"x",
		"1000",
		"1000-",
		"1000-2000",
		"1000-2000 r-xp",
		"1000-2000 r-xp 0",
		"1000-2000 r-xp 0 00:00",
		"1000-2000 r-x 0 00:00 0",
		"2000-1000 r-xp 0 00:00 0",
		"1000-1000 r-xp 0 00:00 0",
		"Size: 4 kB",
	};
	struct wh_procfs_map map = {.ino = 42};
	char buf[256];

	for (size_t i = 0; i < WH_ARRAY_SIZE(bad); i++)
		CU_ASSERT_EQUAL(parse(bad[i], &map, buf), -EINVAL);
	CU_ASSERT_EQUAL(map.ino, 42);
}

static void test_fields(void)
{
	static const char status[] = "Name:\tTgid:\t5\nTgid:\t12\nPid:\t13\nPPid:\t14\nCap:\tx\n"
				     "Big:\t99999999999999999999\n";
	uint64_t value = 42;

	CU_ASSERT_EQUAL(wh_procfs_field(status, "Tgid", &value), 0);
	CU_ASSERT_EQUAL(value, 12);
	CU_ASSERT_EQUAL(wh_procfs_field(status, "Pid", &value), 0);
	CU_ASSERT_EQUAL(value, 13);
	CU_ASSERT_EQUAL(wh_procfs_field(status, "PPid", &value), 0);
	CU_ASSERT_EQUAL(value, 14);
	CU_ASSERT_EQUAL(wh_procfs_field(status, "Uid", &value), -ENOENT);
	CU_ASSERT_EQUAL(wh_procfs_field(status, "Cap", &value), -EINVAL);
	CU_ASSERT_EQUAL(wh_procfs_field(status, "Big", &value), -EINVAL);
	CU_ASSERT_EQUAL(wh_procfs_field("", "Pid", &value), -ENOENT);
	CU_ASSERT_EQUAL(value, 14);
}

static void test_self(void)
{
	wh_auto(fd) proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	wh_auto(str) exe = NULL;
	char tiny[5];
	pid_t tgid, ppid;

	CU_ASSERT_EQUAL_FATAL(wh_procfs_ids(proc_fd, getpid(), &tgid, &ppid), 0);
	CU_ASSERT_EQUAL(tgid, getpid());
	CU_ASSERT_EQUAL(ppid, getppid());
	CU_ASSERT_EQUAL_FATAL(wh_procfs_exe(proc_fd, getpid(), &exe), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(exe, "test-procfs"));
	CU_ASSERT_EQUAL(wh_procfs_read(proc_fd, "self/status", tiny, sizeof(tiny)), 4);
	CU_ASSERT_STRING_EQUAL(tiny, "Name");
	CU_ASSERT_EQUAL(wh_procfs_read(proc_fd, "self/none", tiny, sizeof(tiny)), -ENOENT);
	CU_ASSERT_EQUAL(wh_procfs_ids(proc_fd, 0x7fffffff, &tgid, &ppid), -ENOENT);
}

int main(void)
{
	CU_pSuite suite;
	int failed;

	CU_initialize_registry();
	suite = CU_add_suite("procfs", NULL, NULL);
	CU_add_test(suite, "lines of maps", test_maps);
	CU_add_test(suite, "lines that are none", test_no_maps);
	CU_add_test(suite, "fields of status", test_fields);
	CU_add_test(suite, "this process", test_self);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures() != 0 || CU_get_error() != CUE_SUCCESS;
	CU_cleanup_registry();
	return failed;
}
