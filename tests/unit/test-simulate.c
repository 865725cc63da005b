// SPDX-License-Identifier: Apache-2.0
#include <CUnit/Basic.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "judge/simulate.h"

#define HEAD                                                                                       \
	"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_"    \
	"ARCH_X86\"],"

static struct wh_filter *parse(const char *text)
{
	struct wh_filter *f = NULL;
	struct wh_error e = {0};

	CU_ASSERT_EQUAL(wh_filter_parse(text, strlen(text), &f, &e), 0);
	CU_ASSERT_STRING_EQUAL(e.text, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	return f;
}

static uint32_t ask(const struct wh_filter *f, const struct wh_filter_options *options,
		    const char *abi_name, const char *name, uint64_t arg0)
{
	const uint64_t args[6] = {arg0, arg0, arg0, arg0, arg0, arg0};
	const struct wh_abi *abi = wh_syscall_abi(abi_name);
	wh_auto(program) p = {0};
	struct wh_error e = {0};
	uint32_t action = 0xdead;
	int nr = wh_syscall_number(abi, name);

	/* A number of its own: "470". */
	if (nr < 0)
		nr = atoi(name);
	CU_ASSERT_EQUAL(wh_filter_compile(f, options, &p, &e), 0);
	CU_ASSERT_EQUAL(wh_simulate_run(&p, abi, (uint64_t)nr, args, &action, &e), 0);
	CU_ASSERT_STRING_EQUAL(e.text, "");
	return action;
}

static const struct wh_filter_options usual;

static void test_answers(void)
{
	wh_auto(filter) f =
		parse(HEAD "\"syscalls\":[{\"names\":[\"read\",\"write\",\"futex\",\"no_such_"
			   "call\"],\"action\":\"SCMP_ACT_ALLOW\"},"
			   "{\"names\":[\"clone3\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":38},"
			   "{\"names\":[\"reboot\"],\"action\":\"SCMP_ACT_KILL_PROCESS\"},"
			   "{\"names\":[\"uname\"],\"action\":\"SCMP_ACT_LOG\"}]}");
	static const char *const write_alone[] = {"write"};
	struct wh_filter_options without = {.without = write_alone, .n_without = 1},
				 notify = {.notify = true};
	size_t n;

	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "read", 0), SECCOMP_RET_ALLOW);
	CU_ASSERT_EQUAL(ask(f, &usual, "i386", "read", 0), SECCOMP_RET_ALLOW);
	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "write", 0), SECCOMP_RET_ALLOW);
	CU_ASSERT_EQUAL(ask(f, &without, "x86_64", "write", 0), SECCOMP_RET_ERRNO | EPERM);
	CU_ASSERT_EQUAL(ask(f, &without, "x86_64", "read", 0), SECCOMP_RET_ALLOW);
	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "mkdir", 0), SECCOMP_RET_ERRNO | EPERM);
	CU_ASSERT_EQUAL(ask(f, &usual, "i386", "mkdir", 0), SECCOMP_RET_ERRNO | EPERM);
	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "clone3", 0), SECCOMP_RET_ERRNO | ENOSYS);
	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "reboot", 0), SECCOMP_RET_KILL_PROCESS);
	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "uname", 0), SECCOMP_RET_LOG);
	/* Above the largest listed number, clone3's 435: as runc answers. */
	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "436", 0), SECCOMP_RET_ERRNO | ENOSYS);
	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "434", 0), SECCOMP_RET_ERRNO | EPERM);
	CU_ASSERT_EQUAL(ask(f, &usual, "i386", "470", 0), SECCOMP_RET_ERRNO | ENOSYS);
	/* Not covered: libseccomp's answer to a bad architecture. */
	CU_ASSERT_EQUAL(ask(f, &usual, "aarch64", "read", 0), SECCOMP_RET_KILL_THREAD);
	CU_ASSERT_EQUAL(ask(f, &usual, "x32", "read", 0), SECCOMP_RET_KILL_THREAD);
	/* A listener hears of what no rule is for, of the newer ones too, and of nothing else. */
	CU_ASSERT_EQUAL(ask(f, &notify, "x86_64", "mkdir", 0), SECCOMP_RET_USER_NOTIF);
	CU_ASSERT_EQUAL(ask(f, &notify, "x86_64", "470", 0), SECCOMP_RET_USER_NOTIF);
	CU_ASSERT_EQUAL(ask(f, &notify, "x86_64", "read", 0), SECCOMP_RET_ALLOW);
	CU_ASSERT_EQUAL(ask(f, &notify, "x86_64", "clone3", 0), SECCOMP_RET_ERRNO | ENOSYS);
	CU_ASSERT_EQUAL(wh_filter_answer(f, wh_syscall_abi("x86_64"), 83),
			SECCOMP_RET_ERRNO | EPERM);
	CU_ASSERT_EQUAL(wh_filter_answer(f, wh_syscall_abi("x86_64"), 470),
			SECCOMP_RET_ERRNO | ENOSYS);
	CU_ASSERT_STRING_EQUAL(wh_filter_names(f, &n)[0], "futex");
	CU_ASSERT_EQUAL(n, 5);
}

static void test_arguments(void)
{
	wh_auto(filter) f = parse(
		HEAD
		"\"syscalls\":[{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_ALLOW\","
		"\"args\":[{\"index\":0,\"value\":8,\"op\":\"SCMP_CMP_EQ\"}]},"
		"{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_ALLOW\","
		"\"args\":[{\"index\":0,\"value\":18446744073709551615,\"op\":\"SCMP_CMP_EQ\"}]},"
		"{\"names\":[\"socket\"],\"action\":\"SCMP_ACT_ALLOW\","
		"\"args\":[{\"index\":0,\"value\":40,\"op\":\"SCMP_CMP_NE\"}]},"
		"{\"names\":[\"clone\"],\"action\":\"SCMP_ACT_ALLOW\","
		"\"args\":[{\"index\":0,\"value\":2114060288,\"valueTwo\":0,\"op\":\"SCMP_CMP_"
		"MASKED_EQ\"}]},"
		"{\"names\":[\"ioctl\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
		"{\"index\":1,\"value\":5,\"op\":\"SCMP_CMP_GE\"},{\"index\":2,\"value\":9,\"op\":"
		"\"SCMP_CMP_LE\"}]},"
		"{\"names\":[\"prctl\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
		"{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"},{\"index\":0,\"value\":2,\"op\":"
		"\"SCMP_CMP_EQ\"}]}]}");
	const uint32_t no = SECCOMP_RET_ERRNO | EPERM;

	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "personality", 8), SECCOMP_RET_ALLOW);
	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "personality", UINT64_MAX), SECCOMP_RET_ALLOW);
	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "personality", INT64_MAX), no);
	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "personality", 8 | 1ull << 40), no);
	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "socket", 2), SECCOMP_RET_ALLOW);
	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "socket", 40), no);
	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "clone", 0x1200011), SECCOMP_RET_ALLOW);
	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "clone", 0x10000000), no);
	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "ioctl", 5), SECCOMP_RET_ALLOW);
	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "ioctl", 4), no);
	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "ioctl", 10), no);
	/* A repeated index: runc takes each condition for a rule, so that either is enough. */
	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "prctl", 1), SECCOMP_RET_ALLOW);
	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "prctl", 2), SECCOMP_RET_ALLOW);
	CU_ASSERT_EQUAL(ask(f, &usual, "x86_64", "prctl", 3), no);
}

static void test_defaults(void)
{
	wh_auto(filter) enosys =
		parse("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
		      "\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\"}]}");
	wh_auto(filter) open =
		parse("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
		      "{\"names\":[\"mount\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1}]}");
	wh_auto(filter) kill = parse("{\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\",\"syscalls\":["
				     "{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":"
				     "null,\"comment\":\"x\"}]}");
	struct wh_filter_options notify = {.notify = true};

	CU_ASSERT_EQUAL(ask(enosys, &usual, "x86_64", "mkdir", 0), SECCOMP_RET_ERRNO | ENOSYS);
	CU_ASSERT_EQUAL(ask(open, &usual, "x86_64", "mkdir", 0), SECCOMP_RET_ALLOW);
	CU_ASSERT_EQUAL(ask(open, &usual, "x86_64", "470", 0), SECCOMP_RET_ALLOW);
	CU_ASSERT_EQUAL(ask(open, &usual, "x86_64", "mount", 0), SECCOMP_RET_ERRNO | EPERM);
	CU_ASSERT_EQUAL(ask(open, &notify, "x86_64", "mkdir", 0), SECCOMP_RET_ALLOW);
	CU_ASSERT_EQUAL(ask(kill, &usual, "x86_64", "close", 0), SECCOMP_RET_ERRNO | ENOSYS);
}

static void test_bad_profiles(void)
{
	static const char *const bad[][2] = {
		{"", "not valid JSON: line 1: '[' or '{' expected near end of file"},
		{"[]", "not a JSON object"},
		{"{}", "defaultAction: missing"},
		{"{\"defaultAction\":7}", "defaultAction: not a string"},
		{"{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}",
		 "defaultAction: 'SCMP_ACT_NOTIFY' is not an action that can be judged here"},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultErrnoRet\":1}",
		 "defaultErrnoRet: SCMP_ACT_ALLOW takes none"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4096}",
		 "defaultErrnoRet: 4096 is more than 4095"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":-1}",
		 "defaultErrnoRet: not a whole number from 0 to 2^64 - 1"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"archMap\":[]}",
		 "'archMap' is moby's extension, which not every runtime knows; give pure OCI"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"sycalls\":[]}",
		 "unknown member 'sycalls'"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_VAX\"]}",
		 "architectures[0]: 'SCMP_ARCH_VAX' is not an architecture known here"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86\","
		 "\"SCMP_ARCH_X86\"]}",
		 "architectures[1]: SCMP_ARCH_X86 is there twice"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[1]}",
		 "architectures[0]: not a string"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"flags\":[\"X\"]}",
		 "flags[0]: 'X' is not a flag known here"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":{}}",
		 "syscalls: not an array"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[7]}",
		 "syscalls[0]: not an object"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"action\":\"SCMP_ACT_"
		 "ALLOW\"}]}",
		 "syscalls[0]: names: missing"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[],\"action\":"
		 "\"SCMP_ACT_ALLOW\"}]}",
		 "syscalls[0]: names: not an array of at least one name"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\",3],"
		 "\"action\":\"SCMP_ACT_ALLOW\"}]}",
		 "syscalls[0]: names[1]: not a name"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"a\\u0000b\"],"
		 "\"action\":\"SCMP_ACT_ALLOW\"}]}",
		 "not valid JSON: line 1: \\u0000 is not allowed without JSON_ALLOW_NUL near "
		 "'\"a\\u0000b\"'"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"],"
		 "\"action\":\"SCMP_ACT_ALLOW\","
		 "\"includes\":{}}]}",
		 "syscalls[0]: 'includes' is moby's extension, which not every runtime knows; give "
		 "pure OCI"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"],"
		 "\"action\":\"SCMP_ACT_ALLOW\","
		 "\"args\":[{\"index\":6,\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]}]}",
		 "syscalls[0]: args[0]: index: 6 is more than 5"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"],"
		 "\"action\":\"SCMP_ACT_ALLOW\","
		 "\"args\":[{\"index\":0,\"value\":18446744073709551616,\"op\":\"SCMP_CMP_EQ\"}]}]"
		 "}",
		 "syscalls[0]: args[0]: value: not a whole number from 0 to 2^64 - 1"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"],"
		 "\"action\":\"SCMP_ACT_ALLOW\","
		 "\"args\":[{\"index\":0,\"value\":\"1\",\"op\":\"SCMP_CMP_EQ\"}]}]}",
		 "syscalls[0]: args[0]: value: not a whole number from 0 to 2^64 - 1"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"],"
		 "\"action\":\"SCMP_ACT_ALLOW\","
		 "\"args\":[{\"index\":0,\"value\":1,\"op\":\"EQ\"}]}]}",
		 "syscalls[0]: args[0]: op: 'EQ' is not an operator"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultAction\":\"SCMP_ACT_ALLOW\"}",
		 "not valid JSON: line 1: duplicate object key near '\"defaultAction\"'"},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(bad); i++) {
		struct wh_filter *f = NULL;
		struct wh_error e = {0};

		CU_ASSERT_TRUE(wh_filter_parse(bad[i][0], strlen(bad[i][0]), &f, &e) < 0);
		CU_ASSERT_PTR_NULL(f);
		CU_ASSERT_STRING_EQUAL(e.text, bad[i][1]);
		if (strcmp(e.text, bad[i][1]) != 0)
			fprintf(stderr, "case %zu: %s\n", i, e.text);
	}
}

/* Programs that the kernel refuses are refused, not run wild with. */
static void test_bad_programs(void)
{
	static struct sock_filter bad[][2] = {
		{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), BPF_STMT(BPF_RET | BPF_K, 0)},
		{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), BPF_STMT(BPF_RET | BPF_K, 0)},
		{BPF_STMT(BPF_LD | BPF_MEM, 16), BPF_STMT(BPF_RET | BPF_K, 0)},
		{BPF_STMT(BPF_ST, 99), BPF_STMT(BPF_RET | BPF_K, 0)},
		{BPF_STMT(BPF_JMP | BPF_JA, 1000), BPF_STMT(BPF_RET | BPF_K, 0)},
		{BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, 0)},
		{BPF_STMT(BPF_LD | BPF_IMM, 1), BPF_STMT(BPF_LD | BPF_IMM, 1)},
	};
	static const uint64_t args[6];

	for (size_t i = 0; i < WH_ARRAY_SIZE(bad); i++) {
		struct wh_filter_program p = {bad[i], 2, 0};
		uint32_t action = 7;

		CU_ASSERT_EQUAL(
			wh_simulate_run(&p, wh_syscall_abi_native(), 0, args, &action, NULL),
			-EINVAL);
		CU_ASSERT_EQUAL(action, 7);
	}
}

/*
 * The kernel itself agrees: a child under the filter tries calls that do nothing. (sigaltstack is for the
 * sanitizers, which call it at the end.)
 */
static void test_against_kernel(void)
{
	wh_auto(filter) f =
		parse("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":71,\"syscalls\":["
		      "{\"names\":[\"exit_group\",\"getpid\",\"rt_sigreturn\",\"sigaltstack\"],"
		      "\"action\":\"SCMP_ACT_ALLOW\"},"
		      "{\"names\":[\"getppid\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":42},"
		      "{\"names\":[\"getpriority\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":43,"
		      "\"args\":["
		      "{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_GT\"}]}]}");
	static const int calls[] = {SYS_getpid, SYS_getppid,	 SYS_getpriority,
				    SYS_getuid, SYS_sched_yield, 999};
	wh_auto(program) p = {0};
	int status, wrong = 0;

	CU_ASSERT_EQUAL_FATAL(wh_filter_compile(f, &usual, &p, NULL), 0);
	if (fork() == 0) {
		struct sock_fprog prog = {(unsigned short)p.n, p.insn};

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
			_exit(99);
		for (size_t i = 0; i < WH_ARRAY_SIZE(calls); i++) {
			for (uint64_t arg = 0; arg < 4; arg++) {
				const uint64_t args[6] = {arg};
				uint32_t action;
				long r;

				if (wh_simulate_run(&p, wh_syscall_abi_native(), (uint64_t)calls[i],
						    args, &action, NULL) < 0)
					_exit(98);
				errno = 0;
				r = syscall(calls[i], arg, 0, 0, 0, 0, 0);
				if (action == SECCOMP_RET_ALLOW
					    ? r < 0
					    : r != -1 || (uint32_t)errno !=
								 (action & SECCOMP_RET_DATA))
					wrong++;
			}
		}
		_exit(wrong);
	}
	CU_ASSERT_TRUE(wait(&status) > 0);
	CU_ASSERT_TRUE(WIFEXITED(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
}

static void test_words(void)
{
	static const struct {
		uint32_t action;
		const char *words;
	} rows[] = {
		{SECCOMP_RET_ALLOW, "allow"},
		{SECCOMP_RET_ERRNO | EPERM, "errno EPERM"},
		{SECCOMP_RET_ERRNO | ENOSYS, "errno ENOSYS"},
		{SECCOMP_RET_KILL_PROCESS, "kill process"},
		{SECCOMP_RET_KILL_THREAD, "kill thread"},
		{0x12340000, "kill process (0x12340000)"},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(rows); i++) {
		char text[64];

		wh_simulate_action(rows[i].action, text, sizeof(text));
		CU_ASSERT_STRING_EQUAL(text, rows[i].words);
	}
}

int main(void)
{
	unsigned failures;
	CU_pSuite suite;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("simulate", NULL, NULL);
	CU_ADD_TEST(suite, test_answers);
	CU_ADD_TEST(suite, test_arguments);
	CU_ADD_TEST(suite, test_defaults);
	CU_ADD_TEST(suite, test_bad_profiles);
	CU_ADD_TEST(suite, test_bad_programs);
	CU_ADD_TEST(suite, test_against_kernel);
	CU_ADD_TEST(suite, test_words);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}
