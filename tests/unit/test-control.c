// SPDX-License-Identifier: Apache-2.0
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tracer/control.h"
#include "tracer/procfs.h"

static char folder[] = "/tmp/whittle-control.XXXXXX", path[sizeof(folder) + 16];
static struct wh_recorder recorder;
static struct wh_control *control;

static int set_up(void)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/socket", folder);
	recorder.trace = wh_trace_new();
	recorder.tasks = wh_task_table_new();
	recorder.proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return wh_control_new(path, &control, NULL);
}

static int tear_down(void)
{
	wh_control_free(control);
	wh_task_table_free(recorder.tasks);
	wh_trace_free(recorder.trace);
	close(recorder.proc_fd);
	return access(path, F_OK) == 0 || rmdir(folder) < 0;
}

static int connected(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(at.sun_path, path);
	CU_ASSERT_FATAL(fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	return fd;
}

/* The answer to what is said in these pieces; "" when it only hangs up. */
static void say(const char *const *pieces, char *ret, size_t size)
{
	int fd = connected();
	ssize_t n;

	for (; *pieces; pieces++) {
		CU_ASSERT_EQUAL(send(fd, *pieces, strlen(*pieces), MSG_NOSIGNAL),
				(ssize_t)strlen(*pieces));
		CU_ASSERT_EQUAL(wh_control_tick(control, &recorder, 0), 0);
	}
	n = recv(fd, ret, size - 1, MSG_DONTWAIT);
	ret[n > 0 ? n : 0] = '\0';
	close(fd);
	CU_ASSERT_EQUAL(wh_control_tick(control, &recorder, 0), 0);
}

static void test_nonsense(void)
{
	static const struct {
		const char *pieces[4];
		const char *answer;
	} table[] = {
		{{"hello\n"}, "error 'hello' is not understood\n"},
		{{"\n"}, "error '' is not understood\n"},
		{{"join \n"}, "error join: a process id is wanted\n"},
		{{"join -1\n"}, "error join: a process id is wanted\n"},
		{{"join 0\n"}, "error join: a process id is wanted\n"},
		{{"join 1\n"}, "error join: a process id is wanted\n"},
		{{"join 12x\n"}, "error join: a process id is wanted\n"},
		{{"join 4294967298\n"}, "error join: a process id is wanted\n"},
		{{"join 99999999999999999999999\n"}, "error join: a process id is wanted\n"},
		{{"join 2147483647\n"}, "error process 2147483647 is gone\n"},
		{{"jo", "in 2147", "483647\n"}, "error process 2147483647 is gone\n"},
	};
	char said[2048];

	for (size_t i = 0; i < WH_ARRAY_SIZE(table); i++) {
		say(table[i].pieces, said, sizeof(said));
		CU_ASSERT_STRING_EQUAL(said, table[i].answer);
	}
	CU_ASSERT_EQUAL(wh_task_count(recorder.tasks), 0);
}

static void test_endless(void)
{
	char line[512], said[64];
	const char *pieces[] = {line, NULL};

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	say(pieces, said, sizeof(said));
	CU_ASSERT_STRING_EQUAL(said, "");
}

/* More than there is room for, who say nothing: they are sent away, and the next is heard. */
static void test_silent(void)
{
	static const char *const hello[] = {"hello\n", NULL};
	char said[64] = "";
	int fd[64];

	for (size_t i = 0; i < 16; i++)
		fd[i] = connected();
	for (int i = 0; i < 300; i++)
		CU_ASSERT_EQUAL(wh_control_tick(control, &recorder, 0), 0);
	say(hello, said, sizeof(said));
	CU_ASSERT_STRING_EQUAL(said, "error 'hello' is not understood\n");
	for (size_t i = 0; i < 16; i++)
		close(fd[i]);
}

static void *ask(void *line)
{
	struct wh_error *e = calloc(1, sizeof(*e));

	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	wh_control_ask(path, line, 5000, e);
	return e;
}

static void test_join(void)
{
	char line[32];
	uint64_t tracer = 0;
	pthread_t thread;
	void *e = NULL;
	pid_t child = fork();

	if (!child) {
		pause();
		_exit(0);
	}
	snprintf(line, sizeof(line), "join %d", (int)child);
	CU_ASSERT_FATAL(pthread_create(&thread, NULL, ask, line) == 0);
	for (int i = 0; i < 5000 && !wh_task_count(recorder.tasks); i++) {
		CU_ASSERT_EQUAL(wh_control_tick(control, &recorder, 0), 0);
		poll(NULL, 0, 1);
	}
	pthread_join(thread, &e);
	CU_ASSERT_STRING_EQUAL(((struct wh_error *)e)->text, "");
	free(e);
	CU_ASSERT_EQUAL(wh_procfs_status(recorder.proc_fd, child, "TracerPid", &tracer), 0);
	CU_ASSERT_EQUAL(tracer, (uint64_t)getpid());
	CU_ASSERT_PTR_NOT_NULL_FATAL(wh_task_process(recorder.tasks, child));
	CU_ASSERT_EQUAL(wh_task_process(recorder.tasks, child)->outside, WH_OUTSIDE_JOINING);
	CU_ASSERT_EQUAL(wh_task_process(recorder.tasks, child)->phase, WH_PHASE_RUNTIME);
	kill(child, SIGKILL);
	while (waitpid(child, NULL, __WALL) == child)
		;
	wh_task_remove(recorder.tasks, wh_task_find(recorder.tasks, child));
}

static void test_nobody(void)
{
	struct wh_control *second = NULL;
	struct wh_error e = {0};
	char other[sizeof(path) + 4];
	int fd;

	snprintf(other, sizeof(other), "%s.2", path);
	CU_ASSERT_EQUAL(wh_control_ask(other, "join 2", 100, &e), -ENOENT);
	/* One that was killed leaves its socket behind; one that lives keeps it. */
	CU_ASSERT(wh_control_new(path, &second, NULL) < 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	{
		struct sockaddr_un at = {.sun_family = AF_UNIX};

		strcpy(at.sun_path, other);
		CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	}
	close(fd);
	wh_error_clear(&e);
	CU_ASSERT_EQUAL(wh_control_ask(other, "join 2", 100, &e), -ECONNREFUSED);
	CU_ASSERT_EQUAL(wh_control_new(other, &second, NULL), 0);
	wh_control_free(second);
}

int main(void)
{
	CU_pSuite suite;
	unsigned failures;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return CU_get_error();
	suite = CU_add_suite("control", set_up, tear_down);
	CU_add_test(suite, "nonsense", test_nonsense);
	CU_add_test(suite, "endless", test_endless);
	CU_add_test(suite, "silent", test_silent);
	CU_add_test(suite, "join", test_join);
	CU_add_test(suite, "nobody", test_nobody);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}
