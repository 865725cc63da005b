// SPDX-License-Identifier: Apache-2.0
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "tracer/members.h"

static void test_cgroup_line(void)
{
	const char *controllers, *path;
	char two[] = "0::/system.slice/a b:c.service", one[] = "4:cpu,cpuacct:/docker/0123";
	char named[] = "1:name=systemd:/";

	CU_ASSERT_TRUE_FATAL(wh_members_cgroup_line(two, &controllers, &path));
	CU_ASSERT_STRING_EQUAL(controllers, "");
	CU_ASSERT_STRING_EQUAL(path, "/system.slice/a b:c.service");
	CU_ASSERT_TRUE_FATAL(wh_members_cgroup_line(one, &controllers, &path));
	CU_ASSERT_STRING_EQUAL(controllers, "cpu,cpuacct");
	CU_ASSERT_STRING_EQUAL(path, "/docker/0123");
	CU_ASSERT_TRUE_FATAL(wh_members_cgroup_line(named, &controllers, &path));
	CU_ASSERT_STRING_EQUAL(controllers, "name=systemd");
	for (const char *const *bad = (const char *const[]){"", "0", "0:", "0::", "0::x", NULL};
	     *bad; bad++) {
		char text[16];

		snprintf(text, sizeof(text), "%s", *bad);
		CU_ASSERT_FALSE(wh_members_cgroup_line(text, &controllers, &path));
	}
}

static void test_mount_line(void)
{
	struct wh_members_mount m;
	char two[] =
		"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw";
	char one[] = "39 31 0:36 /../x\\040y /sys/fs/cgroup/pids\\134 rw - cgroup cgroup rw,pids";
	char other[] = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755";

	CU_ASSERT_TRUE_FATAL(wh_members_mount_line(two, &m));
	CU_ASSERT_STRING_EQUAL(m.root, "/");
	CU_ASSERT_STRING_EQUAL(m.point, "/sys/fs/cgroup/unified");
	CU_ASSERT_PTR_NULL(m.controllers);
	CU_ASSERT_TRUE_FATAL(wh_members_mount_line(one, &m));
	CU_ASSERT_STRING_EQUAL(m.root, "/../x y");
	CU_ASSERT_STRING_EQUAL(m.point, "/sys/fs/cgroup/pids\\");
	CU_ASSERT_STRING_EQUAL(m.controllers, "rw,pids");
	CU_ASSERT_FALSE(wh_members_mount_line(other, &m));
	for (const char *const *bad = (const char *const[]){"", " - ", "a b c d e - cgroup x",
							    "a b c - cgroup2 x rw", NULL};
	     *bad; bad++) {
		char text[64];

		snprintf(text, sizeof(text), "%s", *bad);
		CU_ASSERT_FALSE(wh_members_mount_line(text, &m));
	}
}

/* A child with a child of its own. */
static pid_t make_tree(pid_t *ret_inner)
{
	int pipes[2];
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(pipe2(pipes, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		pid_t inner = fork();

		if (inner && write(pipes[1], &inner, sizeof(inner)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	CU_ASSERT_EQUAL(read(pipes[0], ret_inner, sizeof(*ret_inner)), (ssize_t)sizeof(*ret_inner));
	close(pipes[0]);
	close(pipes[1]);
	return pid;
}

static bool lists(struct wh_members *members, pid_t pid)
{
	const pid_t *pids;
	ssize_t n = wh_members_list(members, false, &pids);

	for (ssize_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

static void test_tree(void)
{
	wh_auto(fd) proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct wh_members *members = NULL;
	struct wh_error e = {0};
	pid_t inner, pid = make_tree(&inner);
	const pid_t *pids;

	CU_ASSERT_EQUAL_FATAL(wh_members_new(proc_fd, pid, false, &members, &e), 0);
	CU_ASSERT_FALSE(wh_members_is_quick(members));
	CU_ASSERT_TRUE(lists(members, pid));
	CU_ASSERT_TRUE(lists(members, inner));
	CU_ASSERT_EQUAL(wh_members_list(members, false, &pids), 2);
	wh_members_free(members);
	kill(inner, SIGKILL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CU_ASSERT_EQUAL(wh_members_new(proc_fd, pid, false, &members, &e), -ESRCH);
	e.err = 0;
	CU_ASSERT_EQUAL(wh_members_new(proc_fd, getppid(), false, &members, &e), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.text, "itself below"));
}

int main(void)
{
	CU_pSuite suite;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("members", NULL, NULL);
	CU_add_test(suite, "lines of /proc/PID/cgroup", test_cgroup_line);
	CU_add_test(suite, "lines of mountinfo", test_mount_line);
	CU_add_test(suite, "a tree of processes", test_tree);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	return CU_get_number_of_failures() ? 1 : 0;
}
