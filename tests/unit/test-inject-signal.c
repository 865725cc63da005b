// SPDX-License-Identifier: Apache-2.0
/* Signals, stops and death while a filter is put into a running thread. */
#ifdef __x86_64__

#include "tests/unit/inject.h"

/* ---- signals --------------------------------------------------------------------------------- */

static void on_signal(int sig, siginfo_t *si, void *context)
{
	(void)context;
	if (sig == SIGUSR1 && si->si_code == SI_USER && si->si_pid == getppid())
		page->signals++;
}

/* Pending when it begins, or it would be handled on the way back from the first injected call. */
static int signal_tracee(void)
{
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	sigset_t none, after;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	page->nr = SYS_pause;
	/* Interrupted, as it would have been without the filter: it does not sleep on. */
	if (pause() != -1 || errno != EINTR || page->signals != 1)
		return 1;
	sigprocmask(SIG_SETMASK, NULL, &after);
	if (memcmp(&none, &after, 8) != 0)
		return 2;
	return filter_answers() ? 0 : 3;
}

static void test_signal(void)
{
	struct plan plan = usual_plan();

	plan.sent[0] = SIGUSR1;
	CU_ASSERT(follow(&plan, signal_tracee) == 0);
	CU_ASSERT(plan.done == 1 && plan.result == WH_INJECT_DONE);
	CU_ASSERT(page->signals == 1);
}

static int stop_tracee(void)
{
	page->nr = SYS_getppid;
	if (syscall(SYS_getppid) <= 0)
		return 1;
	return filter_answers() ? 0 : 2;
}

/* It stops after all, once its call is under way, and SIGCONT ends that. */
static void test_stop(void)
{
	struct plan plan = usual_plan();

	plan.sent[0] = SIGSTOP;
	plan.stops = 1;
	CU_ASSERT(follow(&plan, stop_tracee) == 0);
	CU_ASSERT(plan.done == 1 && plan.result == WH_INJECT_DONE);
	CU_ASSERT(plan.seen_stop == 1);
}

static void test_group_stop(void)
{
	struct plan plan = usual_plan();

	plan.stop_leader = true;
	plan.stops = 1;
	CU_ASSERT(follow(&plan, small_tracee) == 0);
	CU_ASSERT(plan.done == 1 && plan.result == WH_INJECT_DONE);
	CU_ASSERT(plan.seen_stop == 1);
}

/* A stop that was over before it began leaves nothing behind. */
static void test_stop_continue(void)
{
	struct plan plan = usual_plan();

	plan.sent[0] = SIGSTOP;
	plan.sent[1] = SIGCONT;
	CU_ASSERT(follow(&plan, stop_tracee) == 0);
	CU_ASSERT(plan.done == 1 && plan.result == WH_INJECT_DONE);
	CU_ASSERT(plan.seen_stop == 0);
}

/*
 * Whenever SIGCONT comes, within or after, it ends the stop: but for the moment in which the SIGSTOP
 * is sent again, when it may be lost.
 */
static void test_continue_within(void)
{
	unsigned lost = 0;

	for (int i = 0; i < 8; i++) {
		struct plan plan = usual_plan();

		plan.sent[0] = SIGSTOP;
		plan.stops = 1;
		plan.late = SIGCONT;
		plan.late_us = 1 + 10 * i;
		CU_ASSERT(follow(&plan, stop_tracee) == 0);
		CU_ASSERT(plan.done == 1 && plan.result == WH_INJECT_DONE);
		lost += plan.seen_stop;
	}
	CU_ASSERT(lost <= 3);
}

static int pause_tracee(void)
{
	page->nr = SYS_pause;
	pause();
	return 1;
}

static void test_killed(void)
{
	struct plan plan = usual_plan();
	int status;

	plan.sent[0] = SIGKILL;
	status = follow(&plan, stop_tracee);
	CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	CU_ASSERT(plan.done == 1 && plan.result == WH_INJECT_DIED);
}

/* Killed at some moment of the injection, or just after it: by another thread. */
static void test_killed_within(void)
{
	for (int i = 0; i < 6; i++) {
		struct plan plan = usual_plan();
		int status;

		plan.late = SIGKILL;
		plan.late_us = 20 + 60 * i;
		status = follow(&plan, pause_tracee);
		CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		CU_ASSERT(plan.done == 1);
		CU_ASSERT(plan.result == WH_INJECT_DIED || plan.result == WH_INJECT_DONE);
	}
}

/* ---- another thread executes a program -------------------------------------------------------- */

static int execute_when_told(void)
{
	while (!page->word)
		;
	execl("/bin/true", "true", (char *)NULL);
	return 98;
}

static void *call_and_wait(void *data)
{
	(void)data;
	page->nr = SYS_getppid;
	syscall(SYS_getppid);
	for (;;)
		pause();
	return NULL;
}

static void *executor(void *data)
{
	(void)data;
	_exit(execute_when_told());
}

/* The leader is gone, and the executor has its id. */
static int leader_tracee(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, executor, NULL))
		return 1;
	call_and_wait(NULL);
	return 2;
}

static int thread_tracee(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, call_and_wait, NULL))
		return 1;
	return execute_when_told();
}

/* Whenever in an injection that is, the new program runs, and is none the worse for it. */
static void exec_within(int (*tracee)(void))
{
	unsigned died = 0;

	for (int i = 0; i < 40; i++) {
		struct plan plan = usual_plan();

		plan.with_exec = true;
		plan.late_us = 5 * i;
		CU_ASSERT(follow(&plan, tracee) == 0);
		CU_ASSERT(plan.done == 1);
		CU_ASSERT(plan.result == WH_INJECT_DIED || plan.result == WH_INJECT_DONE);
		died += plan.result == WH_INJECT_DIED;
	}
	/* Or the moment was never met. */
	CU_ASSERT(died > 0);
}

static void test_leader_replaced(void)
{
	exec_within(leader_tracee);
}

static void test_thread_replaced(void)
{
	exec_within(thread_tracee);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"a signal", test_signal},
		{"SIGSTOP", test_stop},
		{"a group-stop", test_group_stop},
		{"SIGSTOP and SIGCONT", test_stop_continue},
		{"SIGCONT within", test_continue_within},
		{"killed before", test_killed},
		{"killed within", test_killed_within},
		{"the leader replaced", test_leader_replaced},
		{"a thread replaced", test_thread_replaced},
		CU_TEST_INFO_NULL,
	};

	return run_tests("inject-signal", tests);
}

#else

int main(void)
{
	return 0;
}

#endif
