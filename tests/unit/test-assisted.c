/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's side of the assisted engine: its filter, what BPF tells, and what becomes of what has no room. */
#include <CUnit/Basic.h>
#include <stdio.h>

#ifdef WH_HAVE_BPF

#include "tracer/assisted_impl.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tracer/call.h"
#include "tracer/caprule.h"
#include "tracer/decode.h"
#include "tracer/known.h"
#include "tracer/launch.h"
#include "tracer/loop.h"
#include "tracer/quiet.h"
#include "tracer/site.h"

/* ---- the filter ------------------------------------------------------------------------------ */

/* The kernel's interpreter, as far as such filters go. */
static uint32_t run_filter(const struct sock_fprog *filter, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (unsigned pc = 0; pc < filter->len; pc++) {
		const struct sock_filter *i = &filter->filter[pc];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)data + i->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += a >= i->k ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			CU_FAIL("an instruction that is not known here");
			return 0;
		}
	}
	CU_FAIL("no answer");
	return 0;
}

static const struct {
	struct seccomp_data data;
	bool passes;
} cases[] = {
#define CALL(nr, ...)                                                                              \
	{                                                                                          \
		nr, AUDIT_ARCH_X86_64, 0,                                                          \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
	{CALL(SYS_read, 0, 0, 0), true},
	{CALL(SYS_exit_group, 0), true},
	{CALL(SYS_execve, 0, 0, 0), false},
	{CALL(SYS_rt_sigreturn, 0), false},
	{CALL(SYS_connect, 0, 0, 0), false},
	{CALL(SYS_openat, 0, 0, O_RDONLY | O_CLOEXEC), true},
	{CALL(SYS_openat, 0, 0, O_RDONLY | O_CREAT), false},
	{CALL(SYS_openat, 0, 0, O_RDONLY | O_TRUNC), false},
	{CALL(SYS_openat, 0, 0, O_TMPFILE), false},
	{CALL(SYS_open, 0, O_WRONLY), false},
	{CALL(SYS_open, 0, O_RDWR), false},
	{CALL(SYS_openat2, 0, 0, 0, 0), false},
	{CALL(SYS_creat, 0, 0), false},
	{CALL(SYS_stat, 0, 0), true},
	{CALL(SYS_chdir, 0), false},
	{CALL(SYS_swapoff, 0), false},
	{CALL(SYS_fcntl, 0, F_GETFD), true},
	{CALL(SYS_fcntl, 0, F_SETLK), false},
	{CALL(SYS_fcntl, 0, F_SETLEASE), false},
	{CALL(SYS_mmap, 0, 0, PROT_READ, MAP_PRIVATE), true},
	{CALL(SYS_mmap, 0, 0, PROT_READ, MAP_PRIVATE | MAP_LOCKED), false},
	{CALL(SYS_mprotect, 0, 0, PROT_READ), true},
	{CALL(SYS_mprotect, 0, 0, PROT_READ | PROT_EXEC), false},
	{CALL(SYS_madvise, 0, 0, 100), false},
	{CALL(SYS_clone, SIGCHLD), true},
	{CALL(SYS_clone, SIGCHLD | CLONE_NEWNET), false},
	{CALL(SYS_clone, SIGCHLD | CLONE_UNTRACED), false},
	{CALL(SYS_clone3, 0, 0), false},
	{CALL(SYS_prlimit64, 0, 3, 0), true},
	{CALL(SYS_prlimit64, 1, 3, 0), false},
	{CALL(SYS_prlimit64, 0, 3, 0x7f0000000000), false},
	{CALL(SYS_setsockopt, 0, SOL_SOCKET, SO_KEEPALIVE), true},
	{CALL(SYS_setsockopt, 0, SOL_SOCKET, SO_MARK), false},
	{CALL(WH_WATCH_NUMBERS), false},
	{CALL(0x40000000), false},
#undef CALL
	{{SYS_read, AUDIT_ARCH_I386, 0, {0}}, false},
};

static void test_filter(void)
{
	struct sock_fprog filter = {0};

	CU_ASSERT_FATAL(wh_assisted_compile(&filter) == 0);
	for (size_t i = 0; i < WH_ARRAY_SIZE(cases); i++) {
		uint32_t answer = run_filter(&filter, &cases[i].data);
		bool right = cases[i].passes ? answer == SECCOMP_RET_ALLOW
					     : answer == (SECCOMP_RET_TRACE | WH_ASSISTED_DATA);

		if (!right)
			printf("\n  case %zu, call %d: 0x%x\n", i, cases[i].data.nr, answer);
		CU_ASSERT(right);
	}
	free(filter.filter);
}

/* What passes is seen when it has been done: then a capability must not depend on what it has changed. */
static void test_no_capability(void)
{
	const struct wh_quiet_watch *w = wh_quiet_watch(wh_syscall_row("ioctl"));

	CU_ASSERT_FATAL(w && w->n);
	for (size_t i = 0; i < w->n; i++) {
		CU_ASSERT(w->tests[i][0].half == 2 && w->tests[i][0].mask == ~0U);
		CU_ASSERT(!wh_caprule_ioctl_asks(w->tests[i][0].value));
	}
	w = wh_quiet_watch(wh_syscall_row("setsockopt"));
	CU_ASSERT_FATAL(w && w->n);
	for (size_t i = 0; i < w->n; i++) {
		CU_ASSERT(w->tests[i][0].half == 2 && w->tests[i][1].half == 4);
		CU_ASSERT(
			!wh_caprule_net_asks((int)w->tests[i][0].value, (int)w->tests[i][1].value));
	}
}

static void test_rows(void)
{
	struct wh_watch_row row[WH_WATCH_NUMBERS];

	wh_assisted_rows(row);
	for (unsigned nr = 0; nr < WH_WATCH_NUMBERS; nr++) {
		CU_ASSERT(!(row[nr].with & WH_WATCH_PATH) || row[nr].path < 6);
		CU_ASSERT(!(row[nr].with & (WH_WATCH_STAT | WH_WATCH_STATX)) || row[nr].buffer < 6);
	}
	CU_ASSERT(row[SYS_openat].with & WH_WATCH_OPENED && row[SYS_openat].dirfd == 0);
	CU_ASSERT(row[SYS_accept].with & WH_WATCH_SOCKET);
	CU_ASSERT(row[SYS_exit_group].with & WH_WATCH_NO_RETURN);
	CU_ASSERT(!row[SYS_execve].with && !row[SYS_rename].with);
}

/* ---- a thread that is watched ---------------------------------------------------------------- */

/* Calls that do nothing, and each of which is another one. */
static const long plain[] = {
	SYS_getppid,
	SYS_getpid,
	SYS_gettid,
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_getpgrp,
	SYS_sched_yield,
	SYS_umask,
	SYS_alarm,
	SYS_getpriority,
	SYS_sched_getscheduler,
	SYS_sched_get_priority_max,
	SYS_times,
};

static void each_once(void)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(plain); i++)
		syscall(plain[i], 0, 0, 0, 0, 0, 0);
}

static void again_and_again(void)
{
	for (int i = 0; i < 100; i++)
		syscall(SYS_getppid);
}

#define MANY 200

/* A kept argument makes each of them another one. */
static void many_twice(void)
{
	for (int round = 0; round < 2; round++)
		for (long i = 0; i < MANY; i++)
			syscall(SYS_futex, NULL, 1000 + i, 0, NULL, NULL, 0);
}

static void a_child(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, &status, 0);
}

struct watched {
	struct wh_assisted_kernel *kernel;
	struct wh_watch_slot *slot;
	bool take; /* what it is stopped for becomes known */
	unsigned news[WH_WATCH_NUMBERS];
	uint64_t getppids; /* counted by BPF */
};

static void look(struct watched *w)
{
	for (unsigned i = 0; w->take && i < WH_WATCH_RECORDS; i++) {
		struct wh_watch_record *record = &w->slot->record[i];

		if (record->state != WH_WATCH_FULL)
			continue;
		w->news[record->nr]++;
		wh_assisted_learn(w->kernel, record, false);
		record->state = WH_WATCH_FREE;
	}
}

static void count_getppids(struct watched *w)
{
	for (unsigned i = 0; i < WH_WATCH_TALLIES; i++)
		if (WH_WATCH_TAG_NR(w->slot->tally[i].tag) == SYS_getppid)
			w->getppids += w->slot->tally[i].count;
}

/* Stops but for SIGSTOP go on as they are: those of a child, and of the end. */
static void follow(struct watched *w, pid_t pid)
{
	for (;;) {
		int status, sig;
		pid_t tid = waitpid(-1, &status, __WALL);

		CU_ASSERT_FATAL(tid > 0);
		if (!WIFSTOPPED(status)) {
			if (tid == pid)
				return;
			continue;
		}
		sig = WSTOPSIG(status);
		if (tid == pid && !(status >> 16) && sig == SIGSTOP)
			look(w);
		if (tid == pid && status >> 16 == PTRACE_EVENT_EXIT)
			count_getppids(w);
		ptrace(PTRACE_CONT, tid, NULL,
		       (void *)(long)(status >> 16 || sig == SIGSTOP || sig == SIGTRAP ? 0 : sig));
	}
}

static void watch(struct watched *w, const struct wh_assisted_limits *limits, void (*act)(void))
{
	struct wh_error e = {0};
	int go[2], status;
	char c = 0;
	pid_t pid;

	CU_ASSERT_FATAL(wh_assisted_new(&w->kernel, limits, &e) == 0);
	wh_assisted_tick(w->kernel, WH_PHASE_SERVING);
	CU_ASSERT_FATAL(pipe(go) == 0);
	pid = fork();
	if (!pid) {
		if (read(go[0], &c, 1) == 1)
			act();
		syscall(SYS_exit_group, 0);
	}
	CU_ASSERT_FATAL(
		ptrace(PTRACE_SEIZE, pid, NULL,
		       (void *)(PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK | PTRACE_O_TRACEEXIT)) == 0);
	CU_ASSERT_FATAL(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == 0);
	CU_ASSERT_FATAL(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
	w->slot = wh_assisted_give(w->kernel, pid);
	CU_ASSERT_FATAL(w->slot != NULL);
	CU_ASSERT(write(go[1], &c, 1) == 1);
	CU_ASSERT(ptrace(PTRACE_CONT, pid, NULL, NULL) == 0);
	follow(w, pid);
	wh_assisted_detach(w->kernel);
	close(go[0]);
	close(go[1]);
}

static bool can(void)
{
	const struct wh_record_options options = {0};
	struct wh_error e = {0};

	if (wh_assisted_engine.check(&options, &e) == 0)
		return true;
	printf("not here: %s ", e.text);
	return false;
}

static void test_news_once(void)
{
	struct watched w = {.take = true};

	if (!can())
		return;
	watch(&w, NULL, again_and_again);
	CU_ASSERT(w.news[SYS_getppid] == 1);
	CU_ASSERT(w.getppids == 99);
	CU_ASSERT(wh_assisted_lost(w.kernel) == 0);
	CU_ASSERT(wh_assisted_slotless(w.kernel) == 0);
	wh_assisted_free(w.kernel);
}

/* Nobody takes what it tells: when there is no more room, it says so. */
static void test_lost(void)
{
	struct watched w = {0};

	if (!can())
		return;
	watch(&w, NULL, each_once);
	CU_ASSERT(wh_assisted_lost(w.kernel) >= WH_ARRAY_SIZE(plain) - WH_WATCH_RECORDS);
	CU_ASSERT(wh_assisted_asked(w.kernel) == WH_WATCH_RECORDS);
	wh_assisted_free(w.kernel);
}

static void test_no_slot(void)
{
	const struct wh_assisted_limits limits = {.slots = 1};
	struct watched w = {.take = true};

	if (!can())
		return;
	watch(&w, &limits, a_child);
	CU_ASSERT(wh_assisted_slotless(w.kernel) == 1);
	CU_ASSERT(wh_assisted_lost(w.kernel) == 0);
	wh_assisted_free(w.kernel);
}

/* What the table cannot keep is told again. */
static void test_few_keys(void)
{
	const struct wh_assisted_limits limits = {.keys = 16};
	struct watched w = {.take = true};

	if (!can())
		return;
	watch(&w, &limits, many_twice);
	CU_ASSERT(w.news[SYS_futex] > MANY);
	CU_ASSERT(wh_assisted_lost(w.kernel) == 0);
	wh_assisted_free(w.kernel);
}

/* ---- a recording ----------------------------------------------------------------------------- */

static int on_started(void *data, struct wh_task *task)
{
	(void)data;
	(void)task;
	return 0;
}

static void on_ended(void *data, pid_t tgid, int status)
{
	(void)data;
	(void)tgid;
	(void)status;
}

static int on_tick(void *data)
{
	(void)data;
	return 0;
}

static bool has_gap(struct wh_trace *trace, const char *kind)
{
	size_t n;
	const void *const *v = wh_trace_facts(trace, WH_KIND_GAP, &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(((const struct wh_gap *)v[i])->kind, kind) == 0)
			return true;
	return false;
}

static void record(struct wh_recorder *r, unsigned records)
{
	const struct wh_engine *engine = &wh_assisted_engine;
	const struct wh_loop_owner owner = {on_started, on_ended, on_ended, NULL, on_tick, NULL};
	struct wh_run run = {0};
	struct wh_error e = {0};
	sigset_t mask;
	char *argv[] = {(char[]){"/bin/true"}, NULL};
	struct wh_launch what = {
		.path = argv[0], .argv = argv, .out = -1, .err = -1, .mask = &mask};
	struct wh_assisted_watch *w;
	struct wh_task *task = NULL;
	struct wh_loop *loop;
	int exec_err = -1;
	pid_t pid;

	sigemptyset(&mask);
	CU_ASSERT_FATAL(engine->start(r, &(struct wh_record_options){0}, &what, &e) == 0);
	w = r->watch;
	wh_assisted_narrow(w->kernel, records);
	CU_ASSERT_FATAL(wh_launch_start(&what, WH_LOOP_OPTIONS | engine->options, &pid, &e) == 0);
	loop = wh_loop_new(r, engine, WH_RECORD_LAUNCHED, &owner);
	CU_ASSERT_FATAL(loop && wh_task_add(r, pid, NULL, &task) == 0);
	task->process->program = wh_trace_intern(r->trace, argv[0]);
	task->executing = true;
	CU_ASSERT(wh_loop_run(loop, &exec_err) == 0 && exec_err == 0);
	CU_ASSERT(engine->finish(r, &run) == 0);
	free(run.engine_notes.v);
	wh_loop_free(loop);
	engine->free(r);
}

static struct wh_trace *trace_of(unsigned records)
{
	struct wh_recorder r = {
		.run = "run", .phase = WH_PHASE_STARTUP, .service_phase = WH_PHASE_STARTUP};
	struct wh_trace *trace;

	r.trace = trace = wh_trace_new();
	r.tasks = wh_task_table_new();
	r.sites = wh_site_new();
	r.decode = wh_decode_new();
	r.known = wh_known_new();
	r.proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_FATAL(r.trace && r.tasks && r.sites && r.decode && r.known && r.proc_fd >= 0);
	record(&r, records);
	wh_task_table_free(r.tasks);
	wh_decode_free(r.decode);
	wh_site_free(r.sites);
	wh_known_free(r.known);
	close(r.proc_fd);
	return trace;
}

/* The engine says in the trace what BPF has lost, and nothing of the kind where nothing was. */
static void test_gap(void)
{
	struct wh_trace *all, *none;

	if (!can())
		return;
	all = trace_of(WH_WATCH_RECORDS);
	none = trace_of(0);
	CU_ASSERT(!has_gap(all, "lost-news"));
	CU_ASSERT(has_gap(none, "lost-news"));
	CU_ASSERT(wh_trace_count(all, WH_KIND_SYSCALL) > wh_trace_count(none, WH_KIND_SYSCALL));
	wh_trace_free(all);
	wh_trace_free(none);
}

static void add_tests(CU_pSuite suite)
{
	CU_add_test(suite, "filter", test_filter);
	CU_add_test(suite, "no capability", test_no_capability);
	CU_add_test(suite, "rows", test_rows);
	CU_add_test(suite, "news once", test_news_once);
	CU_add_test(suite, "lost", test_lost);
	CU_add_test(suite, "no slot", test_no_slot);
	CU_add_test(suite, "few keys", test_few_keys);
	CU_add_test(suite, "gap", test_gap);
}

#else

static void add_tests(CU_pSuite suite)
{
	(void)suite;
	printf("this whittle was built without BPF\n");
}

#endif

int main(void)
{
	unsigned failed;

	CU_initialize_registry();
	add_tests(CU_add_suite("assisted", NULL, NULL));
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed ? 1 : 0;
}
