/* SPDX-License-Identifier: Apache-2.0 */
/* A filter put into a running thread: it must notice nothing but the filter. */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tracer/inject.h"
#include "whittle/util.h"

#define OPTIONS (PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXIT)
#define DENIED	SYS_getpgrp /* what the filter of these tests answers EDOM to */
#define MARK	SYS_getuid  /* a child makes this call when its time has come */

#ifdef __x86_64__

static struct sock_fprog deny(void)
{
	static struct sock_filter insn[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, DENIED, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EDOM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return (struct sock_fprog){WH_ARRAY_SIZE(insn), insn};
}

/*
 * One call with all other registers and the red zone filled; whether they, and the flags, are the same
 * after it. @ret_result: of the call
 */
static bool call_and_compare(long nr, long arg, long *ret_result)
{
	uint64_t same = 0;
	long result = nr;

	/* The compiler may use the red zone itself: ours is below its. */
	__asm__ volatile(
		"movq %%rbx, %%r15\n"
		"leaq -256(%%rsp), %%rsp\n"
		"movq $0x1111111111111111, %%rbx\n"
		"movq $0x2222222222222222, %%r12\n"
		"movq $0x3333333333333333, %%r13\n"
		"movq $0x4444444444444444, %%r14\n"
		"movq $0x5555555555555555, %%r8\n"
		"movq $0x6666666666666666, %%r9\n"
		"movq $0x7777777777777777, %%r10\n"
		"movq %%r10, -8(%%rsp)\n"
		"movq %%r10, -128(%%rsp)\n"
		"movq %%r10, %%xmm7\n"
		"stc\n"
		"syscall\n"
		"setc %%cl\n"
		"movzbq %%cl, %%rcx\n"
		"movq %%rcx, %[same]\n"
		"movq $0x7777777777777777, %%r11\n"
		"cmpq %%r11, %%r10\n jne 1f\n incq %[same]\n"
		"1: cmpq %%r11, -8(%%rsp)\n jne 1f\n incq %[same]\n"
		"1: cmpq %%r11, -128(%%rsp)\n jne 1f\n incq %[same]\n"
		"1: movq %%xmm7, %%rcx\n cmpq %%r11, %%rcx\n jne 1f\n incq %[same]\n"
		"1: movq $0x1111111111111111, %%r11\n cmpq %%r11, %%rbx\n jne 1f\n incq %[same]\n"
		"1: movq $0x2222222222222222, %%r11\n cmpq %%r11, %%r12\n jne 1f\n incq %[same]\n"
		"1: movq $0x3333333333333333, %%r11\n cmpq %%r11, %%r13\n jne 1f\n incq %[same]\n"
		"1: movq $0x4444444444444444, %%r11\n cmpq %%r11, %%r14\n jne 1f\n incq %[same]\n"
		"1: movq $0x5555555555555555, %%r11\n cmpq %%r11, %%r8\n jne 1f\n incq %[same]\n"
		"1: movq $0x6666666666666666, %%r11\n cmpq %%r11, %%r9\n jne 1f\n incq %[same]\n"
		"1: movq %%r15, %%rbx\n"
		"leaq 256(%%rsp), %%rsp\n"
		: "+a"(result), [same] "+&d"(same), "+D"(arg)
		:
		: "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm7", "memory",
		  "cc");
	*ret_result = result;
	return same == 11;
}

/* The text of maps, but for what the tracer cannot change anyway; 0 where it cannot be read. */
static uint64_t mappings(void)
{
	char text[32768];
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	uint64_t h = 1;

	for (ssize_t i = 0; i < n; i++)
		h = h * 1099511628211u + (unsigned char)text[i];
	close(fd);
	return n > 0 ? h : 0;
}

/* ---- a child, and its tracer ----------------------------------------------------------------- */

static pid_t start(int (*child)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		raise(SIGSTOP);
		_exit(child());
	}
	CU_ASSERT_EQUAL_FATAL(waitpid(pid, &status, WUNTRACED), pid);
	CU_ASSERT_EQUAL_FATAL(ptrace(PTRACE_SEIZE, pid, NULL, (void *)OPTIONS), 0);
	kill(pid, SIGCONT);
	return pid;
}

/* On until the entry of call @nr, or its end: then false, with the status. */
static bool run_to(pid_t pid, long nr, int *ret_status)
{
	struct __ptrace_syscall_info info;

	for (;;) {
		int sig = 0;

		if (waitpid(pid, ret_status, __WALL) != pid || !WIFSTOPPED(*ret_status))
			return false;
		if (WSTOPSIG(*ret_status) == (SIGTRAP | 0x80) &&
		    ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) > 0 &&
		    info.op == PTRACE_SYSCALL_INFO_ENTRY && (long)info.entry.nr == nr)
			return true;
		if (*ret_status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(*ret_status) != SIGTRAP) {
			ptrace(PTRACE_LISTEN, pid, NULL, NULL);
			continue;
		}
		if (*ret_status >> 16 == 0 && WSTOPSIG(*ret_status) != (SIGTRAP | 0x80))
			sig = WSTOPSIG(*ret_status);
		ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)sig);
	}
}

/* Inject at the entry of @nr, and let it run to its end. Return: its exit status, -1 if it was killed. */
static int inject_at(pid_t pid, long nr, bool no_new_privs, unsigned times, enum wh_inject want)
{
	struct user_regs_struct before, after;
	struct wh_inject_result result;
	struct sock_fprog filter = deny();
	uint64_t mask[2] = {0};
	int status;

	CU_ASSERT_FATAL(run_to(pid, nr, &status));
	for (unsigned i = 0; i < times; i++) {
		ptrace(PTRACE_GETREGS, pid, NULL, &before);
		ptrace(PTRACE_GETSIGMASK, pid, (void *)8, &mask[0]);
		CU_ASSERT_EQUAL(wh_inject_filter(pid, pid, &filter, no_new_privs, &result), want);
		ptrace(PTRACE_GETREGS, pid, NULL, &after);
		ptrace(PTRACE_GETSIGMASK, pid, (void *)8, &mask[1]);
		CU_ASSERT_EQUAL(memcmp(&before, &after, sizeof(before)), 0);
		CU_ASSERT_EQUAL(mask[0], mask[1]);
	}
	ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
	CU_ASSERT(!run_to(pid, -1, &status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- children: they exit with 0 when all is as it should be ------------------------------------ */

static bool is_denied(void)
{
	return syscall(DENIED) == -1 && errno == EDOM;
}

static int child_registers(void)
{
	uint64_t maps = mappings();
	long result;

	if (!call_and_compare(MARK, 0, &result) || result != (long)getuid())
		return 1;
	if (!maps || mappings() != maps)
		return 2;
	return is_denied() ? 0 : 3;
}

static void test_registers(void)
{
	CU_ASSERT_EQUAL(inject_at(start(child_registers), MARK, false, 1, WH_INJECT_DONE), 0);
}

/* A second filter, and a third, in the same call. */
static void test_again(void)
{
	CU_ASSERT_EQUAL(inject_at(start(child_registers), MARK, false, 3, WH_INJECT_DONE), 0);
}

/* A call with arguments and effects of its own: made once, after the injection. */
static int child_write(void)
{
	int pipes[2];
	char text[8] = "";

	if (pipe(pipes) < 0 || write(pipes[1], "abc", 3) != 3)
		return 1;
	close(pipes[1]);
	if (read(pipes[0], text, sizeof(text)) != 3 || strcmp(text, "abc") != 0)
		return 2;
	return is_denied() ? 0 : 3;
}

static void test_own_call(void)
{
	CU_ASSERT_EQUAL(inject_at(start(child_write), SYS_write, false, 1, WH_INJECT_DONE), 0);
	CU_ASSERT_EQUAL(inject_at(start(child_write), SYS_read, false, 1, WH_INJECT_DONE), 0);
}

/* Just enough stack that a few bytes below it would be another's. */
static int child_small_stack(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *stack = mmap(NULL, 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long result = MARK;

	if (stack == MAP_FAILED || mprotect(stack + page, page, PROT_READ | PROT_WRITE) < 0)
		return 1;
	/* The stack pointer at the very start of the page. */
	__asm__ volatile("movq %%rsp, %%r12\n"
			 "movq %[stack], %%rsp\n"
			 "syscall\n"
			 "movq %%r12, %%rsp\n"
			 : "+a"(result)
			 : [stack] "r"(stack + page)
			 : "rcx", "r11", "r12", "memory");
	return result == (long)getuid() && is_denied() ? 0 : 2;
}

static void test_small_stack(void)
{
	CU_ASSERT_EQUAL(inject_at(start(child_small_stack), MARK, false, 1, WH_INJECT_DONE), 0);
}

/* Calls that make a thread, or do not come back: left alone. */
static int child_fork(void)
{
	long pid = syscall(SYS_fork);

	if (!pid)
		_exit(0);
	if (pid < 0 || waitpid((pid_t)pid, NULL, 0) != pid)
		return 1;
	return is_denied() ? 2 : 0;
}

static void test_not_now(void)
{
	CU_ASSERT_EQUAL(inject_at(start(child_fork), SYS_fork, false, 1, WH_INJECT_NOT_NOW), 0);
}

static bool drop_privilege(void)
{
	return setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0;
}

static int child_unprivileged(void)
{
	if (!drop_privilege())
		return 1;
	syscall(MARK);
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))
		return 2;
	return is_denied() ? 3 : 0;
}

static int child_no_new_privs(void)
{
	if (!drop_privilege())
		return 1;
	syscall(MARK);
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && is_denied() ? 0 : 2;
}

static void test_privilege(void)
{
	CU_ASSERT_EQUAL(inject_at(start(child_unprivileged), MARK, false, 1, WH_INJECT_REFUSED), 0);
	CU_ASSERT_EQUAL(inject_at(start(child_no_new_privs), MARK, true, 1, WH_INJECT_DONE), 0);
}

/* Signals that are on their way take effect after it, as they would have after the call. */
static volatile sig_atomic_t caught;

static void catch (int sig)
{
	(void)sig;
	caught++;
}

static int child_signal(void)
{
	signal(SIGUSR1, catch);
	syscall(MARK);
	return caught == 1 && is_denied() ? 0 : 1;
}

static void test_signal(void)
{
	pid_t pid = start(child_signal);
	struct wh_inject_result result;
	struct sock_fprog filter = deny();
	int status;

	CU_ASSERT_FATAL(run_to(pid, MARK, &status));
	kill(pid, SIGUSR1);
	CU_ASSERT_EQUAL(wh_inject_filter(pid, pid, &filter, false, &result), WH_INJECT_DONE);
	ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
	CU_ASSERT(!run_to(pid, -1, &status));
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* SIGSTOP cannot be blocked: it stops the process after the injection, until SIGCONT. */
static void test_stop(void)
{
	pid_t pid = start(child_registers);
	struct wh_inject_result result;
	struct sock_fprog filter = deny();
	bool stopped = false;
	int status = 0;

	CU_ASSERT_FATAL(run_to(pid, MARK, &status));
	kill(pid, SIGSTOP);
	CU_ASSERT_EQUAL(wh_inject_filter(pid, pid, &filter, false, &result), WH_INJECT_DONE);
	ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		if (status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) == SIGSTOP) {
			stopped = true;
			ptrace(PTRACE_LISTEN, pid, NULL, NULL);
			kill(pid, SIGCONT);
			continue;
		}
		ptrace(PTRACE_SYSCALL, pid, NULL,
		       (void *)(long)(status >> 16 == 0 && WSTOPSIG(status) != (SIGTRAP | 0x80)
					      ? WSTOPSIG(status)
					      : 0));
	}
	CU_ASSERT(stopped);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Killed in its stop: that is told, and waited for by nobody in vain. */
static void test_killed(void)
{
	pid_t pid = start(child_registers);
	struct wh_inject_result result = {0};
	struct sock_fprog filter = deny();
	enum wh_inject got;
	int status;

	CU_ASSERT_FATAL(run_to(pid, MARK, &status));
	kill(pid, SIGKILL);
	got = wh_inject_filter(pid, pid, &filter, false, &result);
	CU_ASSERT(got == WH_INJECT_DIED || got == WH_INJECT_NOT_NOW);
	status = result.died;
	if (got == WH_INJECT_NOT_NOW || WIFSTOPPED(status)) {
		ptrace(PTRACE_CONT, pid, NULL, NULL);
		while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
			ptrace(PTRACE_CONT, pid, NULL, NULL);
	}
	CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

#endif

int main(void)
{
	CU_pSuite suite;
	unsigned failed;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("inject", NULL, NULL);
#ifdef __x86_64__
	if (prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) == 1 && geteuid() == 0) {
		CU_add_test(suite, "registers, red zone and mappings stay", test_registers);
		CU_add_test(suite, "more than once", test_again);
		CU_add_test(suite, "the call itself is made, once", test_own_call);
		CU_add_test(suite, "nothing is put below the stack", test_small_stack);
		CU_add_test(suite, "only at ordinary calls", test_not_now);
		CU_add_test(suite, "with and without privilege", test_privilege);
		CU_add_test(suite, "a signal comes after it", test_signal);
		CU_add_test(suite, "a stop comes after it", test_stop);
		CU_add_test(suite, "killed meanwhile", test_killed);
	}
#else
	(void)suite;
#endif
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed ? 1 : 0;
}
