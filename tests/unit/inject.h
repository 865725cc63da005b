/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters put into small tracees: each tells by a page that it shares with its tracer what it saw,
 * and exits with 0. Included by the one file of a test program.
 */
#ifndef WHITTLE_TESTS_UNIT_INJECT_H
#define WHITTLE_TESTS_UNIT_INJECT_H

#include "tracer/inject.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_STOPS   100000
#define MAPS_SIZE   65536
#define SMALL_STACK 16384 /* PTHREAD_STACK_MIN */
#define OPTIONS                                                                                    \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXIT | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |   \
	 PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP)

/* The registers after a call, in the order of probe_call(), and the red zone. */
struct state {
	uint64_t rax, rbx, rdi, rsi, rdx, r8, r9, r10, rbp, r12, r13, r14, r15, rsp;
	uint64_t red_zone[16];
};

/* What tracee and tracer share: @nr is the call at whose entry the tracer is to act. */
struct page {
	volatile long nr;
	volatile int signals;
	volatile int word;
	int fd[2];
	struct state state[2];
	char maps[2][MAPS_SIZE];
};

static struct page *page;

long probe_call(long nr, const long arg[6], struct state *ret_state);

/* Fills all registers and the red zone, makes the call and stores what it finds then. */
__asm__(".pushsection .text\n"
	".globl probe_call\n"
	".type probe_call, @function\n"
	"probe_call:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15; push %rdx\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %r11\n"
	"	.set i, 1\n"
	"	.rept 16\n"
	"	movq $0x5a5a00 + i, -8 * i(%rsp)\n"
	"	.set i, i + 1\n"
	"	.endr\n"
	"	mov 0(%r11), %rdi; mov 8(%r11), %rsi; mov 16(%r11), %rdx\n"
	"	mov 24(%r11), %r10; mov 32(%r11), %r8; mov 40(%r11), %r9\n"
	"	mov $0xb1, %ebx; mov $0xb2, %ebp; mov $0xb3, %r12; mov $0xb4, %r13\n"
	"	mov $0xb5, %r14; mov $0xb6, %r15\n"
	"	syscall\n"
	"	mov (%rsp), %rcx\n"
	"	mov %rax, 0(%rcx); mov %rbx, 8(%rcx); mov %rdi, 16(%rcx); mov %rsi, 24(%rcx)\n"
	"	mov %rdx, 32(%rcx); mov %r8, 40(%rcx); mov %r9, 48(%rcx); mov %r10, 56(%rcx)\n"
	"	mov %rbp, 64(%rcx); mov %r12, 72(%rcx); mov %r13, 80(%rcx); mov %r14, 88(%rcx)\n"
	"	mov %r15, 96(%rcx); mov %rsp, 104(%rcx)\n"
	"	.set i, 1\n"
	"	.rept 16\n"
	"	mov -8 * i(%rsp), %r11\n"
	"	mov %r11, 104 + 8 * i(%rcx)\n"
	"	.set i, i + 1\n"
	"	.endr\n"
	"	pop %rdx; pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	".popsection\n");

/* ---- the tracer ------------------------------------------------------------------------------ */

/* What to do at the entry of the page's call, and what came of it. */
struct plan {
	int sent[2];	   /* signals sent to the process just before */
	bool no_new_privs; /* see usual_plan() */
	bool inject;
	bool trace_first; /* begin with a filter that stops the thread at each call */
	bool stop_leader; /* stop the process just before, by another thread */
	bool with_exec;	  /* another thread has begun to execute a program, @late_us ago */
	unsigned stops;	  /* after how many group-stops of the thread to send SIGCONT */
	int late;	  /* a signal that comes @late_us after the injection's begin */
	long late_us;
	bool listen; /* with a listener, which is left to the test */
	enum wh_inject result;
	struct wh_inject_result detail;
	unsigned done;
	unsigned seen_stop; /* the number of those */
	pid_t tid;	    /* where it was done, … */
	pid_t held;	    /* … or will be: it is in the stop for that */
	struct user_regs_struct before, after;
};

/* getpriority() answers EXDEV: what no kernel says. */
static const struct sock_fprog *answer_filter(void)
{
	static struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpriority, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	static const struct sock_fprog prog = {sizeof(insns) / sizeof(*insns), insns};

	return &prog;
}

static const struct sock_fprog *trace_filter(void)
{
	static struct sock_filter insn = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	static const struct sock_fprog prog = {1, &insn};

	return &prog;
}

static bool filter_answers(void)
{
	errno = 0;
	return syscall(SYS_getpriority, 0, 0) == -1 && errno == EXDEV;
}

static bool have_sys_admin(void)
{
	return geteuid() == 0;
}

static struct plan usual_plan(void)
{
	return (struct plan){.inject = true, .no_new_privs = !have_sys_admin()};
}

struct late {
	pid_t pid;
	int sig;
	long after_us;
};

static void *send_late(void *data)
{
	const struct late *k = data;
	struct timespec ts = {0, k->after_us * 1000};

	nanosleep(&ts, NULL);
	kill(k->pid, k->sig);
	return NULL;
}

/* The other thread takes the SIGSTOP, so that the one at its entry is told by a group-stop. */
static void stop_by(pid_t leader)
{
	int status = 0;

	CU_ASSERT(syscall(SYS_tgkill, leader, leader, SIGSTOP) == 0);
	for (int i = 0; i < 8 && status >> 8 != SIGSTOP; i++) {
		if (i)
			ptrace(PTRACE_SYSCALL, leader, NULL, NULL);
		CU_ASSERT_FATAL(waitpid(leader, &status, __WALL) == leader);
		CU_ASSERT_FATAL(WIFSTOPPED(status));
	}
	CU_ASSERT(status >> 8 == SIGSTOP);
	ptrace(PTRACE_SYSCALL, leader, NULL, (void *)(long)SIGSTOP);
	/* Begun when it is in its own. */
	CU_ASSERT_FATAL(waitpid(leader, &status, __WALL) == leader);
	CU_ASSERT(status >> 8 == (SIGSTOP | PTRACE_EVENT_STOP << 8));
	ptrace(PTRACE_LISTEN, leader, NULL, NULL);
}

static void act(struct plan *plan, pid_t tid, pid_t tgid)
{
	struct late k = {tgid, plan->late, plan->late_us};
	struct __ptrace_syscall_info info;
	pthread_t thread;

	page->nr = -1;
	plan->tid = tid;
	for (int i = 0; i < 2; i++)
		if (plan->sent[i])
			CU_ASSERT(kill(tgid, plan->sent[i]) == 0);
	if (plan->stop_leader)
		stop_by(tgid);
	ptrace(PTRACE_GETREGS, tid, NULL, &plan->before);
	if (k.sig)
		CU_ASSERT_FATAL(pthread_create(&thread, NULL, send_late, &k) == 0);
	plan->result = (plan->listen ? wh_inject_listener : wh_inject_filter)(
		tid, plan->trace_first && !plan->done ? trace_filter() : answer_filter(),
		plan->no_new_privs, &plan->detail);
	plan->done++;
	if (k.sig)
		pthread_join(thread, NULL);
	else if (plan->result != WH_INJECT_DIED && !plan->with_exec) {
		CU_ASSERT(ptrace(PTRACE_GETREGS, tid, NULL, &plan->after) == 0);
		CU_ASSERT(memcmp(&plan->before, &plan->after, sizeof(plan->before)) == 0);
		CU_ASSERT(ptrace(PTRACE_GET_SYSCALL_INFO, tid, (void *)sizeof(info), &info) > 0 &&
			  info.op == PTRACE_SYSCALL_INFO_ENTRY);
	}
}

static void handle_stop(struct plan *plan, pid_t tid, pid_t tgid, int status)
{
	struct __ptrace_syscall_info info;
	int event = status >> 16, sig = WSTOPSIG(status);

	if (event == PTRACE_EVENT_STOP && sig != SIGTRAP) {
		/* Those that are stopped already may be told again. */
		plan->seen_stop += tid == plan->tid;
		ptrace(PTRACE_LISTEN, tid, NULL, NULL);
		if (plan->seen_stop == plan->stops)
			kill(tgid, SIGCONT);
		return;
	}
	if (plan->held && !event && sig == (SIGTRAP | 0x80)) {
		pid_t held = plan->held;

		if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, (void *)sizeof(info), &info) > 0 &&
		    info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_execve) {
			struct timespec ts = {0, plan->late_us * 1000};

			ptrace(PTRACE_SYSCALL, tid, NULL, NULL);
			nanosleep(&ts, NULL);
			plan->held = 0;
			act(plan, held, tgid);
			if (plan->result == WH_INJECT_DIED && !WIFSTOPPED(plan->detail.died))
				return;
			tid = held;
		}
	} else if (plan->with_exec && !event && sig == (SIGTRAP | 0x80) &&
		   ptrace(PTRACE_GET_SYSCALL_INFO, tid, (void *)sizeof(info), &info) > 0 &&
		   info.op == PTRACE_SYSCALL_INFO_ENTRY && (long)info.entry.nr == page->nr) {
		plan->held = tid;
		page->word = 1;
		return;
	} else if (!event && sig == (SIGTRAP | 0x80) && plan->inject &&
		   ptrace(PTRACE_GET_SYSCALL_INFO, tid, (void *)sizeof(info), &info) > 0 &&
		   info.op == PTRACE_SYSCALL_INFO_ENTRY && (long)info.entry.nr == page->nr) {
		act(plan, tid, tgid);
		if (plan->result == WH_INJECT_DIED && !WIFSTOPPED(plan->detail.died))
			return;
	}
	if (event || sig == (SIGTRAP | 0x80))
		sig = 0;
	ptrace(PTRACE_SYSCALL, tid, NULL, (void *)(long)sig);
}

/* Forks, traces and follows it; returns the status with which it ended. */
static int follow(struct plan *plan, int (*tracee)(void))
{
	int status = -1, go[2];
	pid_t pid, got;
	char c = 0;

	page->nr = -1;
	page->word = page->signals = 0;
	CU_ASSERT_FATAL(pipe(go) == 0);
	pid = fork();
	CU_ASSERT_FATAL(pid >= 0);
	if (pid == 0) {
		alarm(60);
		if (read(go[0], &c, 1) != 1)
			_exit(99);
		_exit(tracee());
	}
	CU_ASSERT_FATAL(ptrace(PTRACE_SEIZE, pid, NULL, (void *)(long)OPTIONS) == 0);
	ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
	CU_ASSERT(write(go[1], &c, 1) == 1);
	for (unsigned i = 0; i < MAX_STOPS; i++) {
		got = waitpid(-1, &status, __WALL);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			break;
		if (WIFSTOPPED(status))
			handle_stop(plan, got, pid, status);
		else if (got == pid)
			break;
		if (plan->result == WH_INJECT_DIED && plan->tid == pid &&
		    !WIFSTOPPED(plan->detail.died)) {
			status = plan->detail.died;
			break;
		}
	}
	close(go[0]);
	close(go[1]);
	return status;
}

/* ---- a tracee that both programs use --------------------------------------------------------- */

/* The smallest stack that the C library takes, and the filter in that thread alone. */
static void *small_thread(void *data)
{
	page->nr = SYS_getppid;
	syscall(SYS_getppid);
	return filter_answers() ? NULL : data;
}

static int small_tracee(void)
{
	static char stack[SMALL_STACK] __attribute__((aligned(4096)));
	pthread_attr_t attr;
	pthread_t thread;
	void *ret;

	if (pthread_attr_init(&attr) || pthread_attr_setstack(&attr, stack, sizeof(stack)) ||
	    pthread_create(&thread, &attr, small_thread, stack) || pthread_join(thread, &ret))
		return 1;
	return ret ? 2 : filter_answers() ? 3 : 0;
}

/* ---- the program ----------------------------------------------------------------------------- */

static int run_tests(const char *name, CU_TestInfo *tests)
{
	CU_SuiteInfo suites[] = {{.pName = name, .pTests = tests}, CU_SUITE_INFO_NULL};
	unsigned failed;

	alarm(60); /* a tracee that stays stopped */
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || CU_initialize_registry() || CU_register_suites(suites))
		return EXIT_FAILURE;
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
