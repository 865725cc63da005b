/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is held to be known, held against the kernel: a program that asks the same again and again, and
 * changes what it asks about in every way, is traced by an engine that looks at the returns all the
 * same. Each must be the one that was foretold, and the facts must be those of a recording without. Then
 * by one that does not even decode what is known by the text of its path.
 */
#include "tracer/known.h"

#include <CUnit/Basic.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tracer/call.h"
#include "tracer/decode.h"
#include "tracer/launch.h"
#include "tracer/loop.h"
#include "tracer/recent.h"
#include "tracer/site.h"
#include "known.h"

/* ---- the engine ------------------------------------------------------------------------------ */

/* Of each task at most one call is foretold, and here there is but one task. */
static struct {
	uint64_t stops; /* in all */
	bool use, foretold, fails;
	unsigned known, wrong, recent;
} oracle;

enum how { WITHOUT, KNOWN, RECENT, ASSISTED };

static int on_stop(struct wh_recorder *r, struct wh_task *task,
		   const struct __ptrace_syscall_info *info)
{
	const struct wh_place *place = &task->call.place[0];
	int k;

	if (info->op == PTRACE_SYSCALL_INFO_EXIT) {
		if (oracle.foretold) {
			int err = info->exit.is_error ? (int)-info->exit.rval : 0;

			if (err != (oracle.fails ? ENOENT : 0))
				oracle.wrong++;
		}
		oracle.foretold = false;
		return wh_call_leave(r, task, info);
	}
	if (info->op != PTRACE_SYSCALL_INFO_ENTRY)
		return 0;
	if (wh_recent_call(r, task, info->entry.nr, info->entry.args)) {
		oracle.recent++;
		return wh_call_lose(r, task);
	}
	k = wh_call_enter(r, task, info);
	if (k < 0 || !oracle.use)
		return k;
	oracle.fails = place->valid && !place->exists;
	k = wh_known_call(r, task);
	oracle.foretold = k == 1;
	oracle.known += k == 1;
	CU_ASSERT(k != 1 || !task->in_call);
	return k < 0 ? k : 0;
}

static enum __ptrace_request on_resume(struct wh_recorder *r, struct wh_task *task)
{
	(void)r;
	(void)task;
	return PTRACE_SYSCALL;
}

static int on_engine_tick(struct wh_recorder *r)
{
	return wh_recent_check(r);
}

static const struct wh_engine engine = {
	.name = "test",
	.stop = on_stop,
	.resume = on_resume,
	.exiting = wh_recent_leave,
	.tick = on_engine_tick,
};

static int on_started(void *data, struct wh_task *task)
{
	(void)data;
	(void)task;
	return 0;
}

static void on_ended(void *data, pid_t tgid, int status)
{
	(void)tgid;
	*(int *)data = status;
}

static void on_child(void *data, pid_t pid, int status)
{
	(void)data;
	(void)pid;
	(void)status;
}

static int on_tick(void *data)
{
	(void)data;
	return 0;
}

/* ---- recording ------------------------------------------------------------------------------- */

static char self[PATH_MAX], folder[] = "/tmp/whittle-known.XXXXXX";

static void record(struct wh_recorder *r, char **argv, const struct wh_engine *by)
{
	sigset_t mask;
	struct wh_launch what = {.path = self, .argv = argv, .out = -1, .err = -1, .mask = &mask};
	int status = -1, exec_err = -1;
	const struct wh_loop_owner owner = {on_started, on_ended, on_child, NULL, on_tick, &status};
	struct wh_error e = {0};
	struct wh_loop *loop;
	struct wh_task *task = NULL;
	pid_t pid;

	sigemptyset(&mask);
	CU_ASSERT_FATAL(!by->start || by->start(r, &(struct wh_record_options){0}, &what, &e) == 0);
	CU_ASSERT_FATAL(wh_launch_start(&what, WH_LOOP_OPTIONS | by->options, &pid, &e) == 0);
	loop = wh_loop_new(r, by, WH_RECORD_LAUNCHED, &owner);
	CU_ASSERT_FATAL(loop && wh_task_add(r, pid, NULL, &task) == 0);
	task->process->program = wh_trace_intern(r->trace, self);
	task->executing = true;
	CU_ASSERT(wh_loop_run(loop, &exec_err) == 0);
	CU_ASSERT(exec_err == 0);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	wh_loop_free(loop);
	if (by->free)
		by->free(r);
}

static void empty(void)
{
	CU_ASSERT(system("rm -rf d e") == 0);
}

static struct wh_trace *trace_of(enum how how, const char *what, unsigned ms)
{
	struct wh_recorder r = {
		.run = "run", .phase = WH_PHASE_STARTUP, .service_phase = WH_PHASE_STARTUP};
	int ask_pipe[2], answer_pipe[2], status;
	char to[12], from[12];
	char *argv[] = {self, (char *)(uintptr_t)what, to, from, NULL};
	pid_t helper;

	oracle.use = how == KNOWN;
	r.recent = how == RECENT ? wh_recent_new() : NULL;
	CU_ASSERT_FATAL(how != RECENT || r.recent);
	r.trace = wh_trace_new();
	r.tasks = wh_task_table_new();
	r.sites = wh_site_new();
	r.decode = wh_decode_new();
	r.known = wh_known_new();
	r.proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_FATAL(r.trace && r.tasks && r.sites && r.decode && r.known && r.proc_fd >= 0);
	CU_ASSERT_FATAL(pipe(ask_pipe) == 0 && pipe(answer_pipe) == 0);
	helper = fork();
	if (helper == 0) {
		close(ask_pipe[1]);
		_exit(outside(ask_pipe[0], answer_pipe[1], ms));
	}
	snprintf(to, sizeof(to), "%d", ask_pipe[1]);
	snprintf(from, sizeof(from), "%d", answer_pipe[0]);
	record(&r, argv, how == ASSISTED ? &wh_assisted_engine : &engine);
	close(ask_pipe[0]);
	close(ask_pipe[1]);
	close(answer_pipe[0]);
	close(answer_pipe[1]);
	/* The loop may have waited for it. */
	waitpid(helper, &status, 0);
	oracle.stops = r.stops;
	CU_ASSERT(wh_recent_finish(&r) == 0);
	wh_recent_free(r.recent);
	wh_task_table_free(r.tasks);
	wh_decode_free(r.decode);
	wh_site_free(r.sites);
	wh_known_free(r.known);
	close(r.proc_fd);
	empty();
	return r.trace;
}

static bool same_counts(const struct wh_counts *a, const struct wh_counts *b, bool counts)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = strcmp(a->v[i].name, b->v[i].name) == 0 &&
		       (!counts || a->v[i].count == b->v[i].count);
	return same;
}

static void compare_files(struct wh_trace *a, struct wh_trace *b, bool counts)
{
	size_t n, m;
	const void *const *v = wh_trace_facts(a, WH_KIND_FILE, &n);
	const void *const *w = wh_trace_facts(b, WH_KIND_FILE, &m);

	CU_ASSERT_FATAL(n == m && n > 0);
	for (size_t i = 0; i < n; i++) {
		const struct wh_file *f = v[i], *g = w[i];
		bool same = strcmp(f->path, g->path) == 0 && f->access == g->access &&
			    (!counts || f->f.count == g->f.count) &&
			    f->owner_always == g->owner_always && wh_util_streq(f->type, g->type) &&
			    same_counts(&f->outcomes, &g->outcomes, counts);

		if (!same)
			printf("\n  %s (%s) and %s (%s)\n", f->path,
			       wh_trace_access_name(f->access), g->path,
			       wh_trace_access_name(g->access));
		CU_ASSERT(same);
	}
}

/*
 * Where memory lies is chance, and with it how often more of it is asked for; and whether a thread has to be waited for
 * that is about to end.
 */
static bool is_chance(const struct wh_syscall *call)
{
	return strcmp(call->name, "brk") == 0 || strcmp(call->name, "futex") == 0;
}

static void say_call(const struct wh_syscall *call)
{
	printf("\n  %s: %llu times", call->name, (unsigned long long)call->f.count);
	for (size_t i = 0; i < call->errors.n; i++)
		printf(", %s %llu", call->errors.v[i].name,
		       (unsigned long long)call->errors.v[i].count);
}

static void compare_calls(struct wh_trace *a, struct wh_trace *b, bool counts)
{
	size_t n, m, i = 0, j = 0;
	const void *const *v = wh_trace_facts(a, WH_KIND_SYSCALL, &n);
	const void *const *w = wh_trace_facts(b, WH_KIND_SYSCALL, &m);

	CU_ASSERT_FATAL(n > 0 && m > 0);
	for (;; i++, j++) {
		const struct wh_syscall *f, *g;

		while (i < n && is_chance(v[i]))
			i++;
		while (j < m && is_chance(w[j]))
			j++;
		if (i == n || j == m)
			break;
		f = v[i];
		g = w[j];
		if (strcmp(f->name, g->name) == 0 && (!counts || f->f.count == g->f.count) &&
		    same_counts(&f->errors, &g->errors, counts))
			continue;
		say_call(f);
		say_call(g);
		CU_FAIL_FATAL("calls differ");
	}
	CU_ASSERT(i == n && j == m);
	CU_ASSERT(wh_trace_count(a, WH_KIND_CAP) == wh_trace_count(b, WH_KIND_CAP));
	CU_ASSERT(wh_trace_count(a, WH_KIND_GAP) == wh_trace_count(b, WH_KIND_GAP));
}

static void test_foretold(void)
{
	struct wh_trace *without = trace_of(WITHOUT, "child", 0);
	struct wh_trace *with = trace_of(KNOWN, "child", 0);

	printf("known: %u ", oracle.known);
	CU_ASSERT(oracle.wrong == 0);
	/* Of the four times that all is asked, at least one is for sure the same as before. */
	CU_ASSERT(oracle.known > 100);
	compare_files(without, with, true);
	compare_calls(without, with, true);
	wh_trace_free(without);
	wh_trace_free(with);
}

static void test_recent(void)
{
	struct wh_trace *without = trace_of(WITHOUT, "child", 0);
	struct wh_trace *with = trace_of(RECENT, "child", WH_RECENT_MS + 20);

	printf("recent: %u ", oracle.recent);
	CU_ASSERT(oracle.recent > 100);
	compare_files(without, with, false);
	compare_calls(without, with, false);
	wh_trace_free(without);
	wh_trace_free(with);
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

/* What others changed just before the end: that is told, or else it was seen. */
static void test_unseen(void)
{
	struct wh_trace *quick = trace_of(RECENT, "once", 0);
	struct wh_trace *slow = trace_of(RECENT, "once", WH_RECENT_MS + 20);
	struct wh_trace *without = trace_of(WITHOUT, "once", 0);

	CU_ASSERT(has_gap(quick, "path-changed"));
	CU_ASSERT(!has_gap(slow, "path-changed"));
	compare_files(without, slow, false);
	wh_trace_free(quick);
	wh_trace_free(slow);
	wh_trace_free(without);
}

/* BPF looks at what others may have changed when a second has begun. */
static void test_assisted(void)
{
	const struct wh_record_options options = {0};
	struct wh_trace *without, *with;
	struct wh_error e = {0};
	uint64_t stops;

	if (!wh_assisted_engine.check || wh_assisted_engine.check(&options, &e) < 0) {
		printf("not here: %s ", e.text);
		return;
	}
	without = trace_of(WITHOUT, "child", 0);
	stops = oracle.stops;
	with = trace_of(ASSISTED, "child", 1100);
	printf("stops: %u of %u ", (unsigned)oracle.stops, (unsigned)stops);
	CU_ASSERT(oracle.stops < stops / 3);
	compare_files(without, with, false);
	compare_calls(without, with, false);
	wh_trace_free(without);
	wh_trace_free(with);
}

int main(int argc, char **argv)
{
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	CU_pSuite suite;
	unsigned failed;

	/* Without what a sanitizer does at the end: it cannot look for leaks where somebody traces. */
	if (argc == 4)
		_exit(child(argv));
	if (n <= 0 || !mkdtemp(folder) || chmod(folder, 0755) < 0 || chdir(folder) < 0)
		return 1;
	CU_initialize_registry();
	suite = CU_add_suite("known", NULL, NULL);
	CU_add_test(suite, "foretold", test_foretold);
	CU_add_test(suite, "recent", test_recent);
	CU_add_test(suite, "unseen", test_unseen);
	CU_add_test(suite, "assisted", test_assisted);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	if (chdir("/") < 0 || rmdir(folder) < 0)
		return 1;
	return failed ? 1 : 0;
}
