// SPDX-License-Identifier: Apache-2.0
#include "tracer/record.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tracer/argv.h"
#include "tracer/asked.h"
#include "tracer/attach.h"
#include "tracer/control.h"
#include "tracer/decode.h"
#include "tracer/engine.h"
#include "tracer/known.h"
#include "tracer/launch.h"
#include "tracer/loop.h"
#include "tracer/newcomers.h"
#include "tracer/outside.h"
#include "tracer/runinfo.h"
#include "tracer/seize.h"
#include "tracer/site.h"
#include "tracer/supervise.h"
#include "whittle/command.h"

/* ---- facts ----------------------------------------------------------------------------------- */

/* The common part of a fact, in front of every kind but runs. */
static int fill(struct wh_recorder *r, const struct wh_task *task, struct wh_fact *f)
{
	const char *program = task && task->process ? task->process->program : NULL;

	f->count++;
	f->phases |= r->phase;
	/* Which runtime it is the run says; its program is none of the container's. */
	if (r->phase == WH_PHASE_RUNTIME)
		program = NULL;
	if (program && wh_trace_add_str(r->trace, &f->programs, WH_LIMIT_PROGRAMS, program) < 0)
		return -ENOMEM;
	return wh_trace_add_str(r->trace, &f->runs, WH_LIMIT_RUNS, r->run) < 0 ? -ENOMEM : 0;
}

int wh_record_fact(struct wh_recorder *r, struct wh_task *task, enum wh_kind kind, const void *key,
		   bool want_site, void *ret_fact)
{
	struct wh_fact *f = NULL;
	int made = wh_trace_put(r->trace, kind, key, &f);

	if (made < 0)
		return made;
	wh_assert(kind != WH_KIND_RUN);
	if (fill(r, task, f) < 0)
		return -ENOMEM;
	r->news += made;
	/* The first sight may have been the runtime's, which has no site; and what is found is not of the call it was found in. */
	if (want_site && task && !f->site && r->phase != WH_PHASE_FOUND) {
		f->site = wh_site_find(r, task);
		if (!f->site)
			return -ENOMEM;
	}
	*(void **)ret_fact = f;
	return made;
}

int wh_record_gap(struct wh_recorder *r, const struct wh_task *task, const char *kind,
		  const char *detail, ...)
{
	const char *program = task && task->process ? task->process->program : NULL;
	wh_auto(str) text = NULL;
	size_t before = wh_trace_count(r->trace, WH_KIND_GAP);
	va_list ap;
	int n, err;

	va_start(ap, detail);
	n = vasprintf(&text, detail, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		return -ENOMEM;
	}
	err = wh_trace_gap(r->trace, kind, text, r->phase, program, r->run);
	if (wh_trace_count(r->trace, WH_KIND_GAP) != before)
		r->news++;
	return err;
}

/* ---- a recording ----------------------------------------------------------------------------- */

struct recording {
	const struct wh_record_options *options;
	struct wh_recorder r;
	struct wh_run *run;
	struct wh_supervisor *sv;
	struct wh_loop *loop;
	const struct wh_engine *engine;
	struct wh_control *control;
	struct wh_members *members;
	struct wh_newcomers *newcomers;
	bool started;
	pid_t main;
	struct wh_error *e;
};

/* What is not ours must outlive a tracer that is killed; unless a filter of the engine's would then refuse it calls. */
static unsigned long ptrace_options(const struct recording *rec)
{
	bool survives = wh_record_source(rec->options) != WH_RECORD_LAUNCHED &&
			rec->engine == &wh_plain_engine;

	return (survives ? WH_LOOP_FOLLOW : WH_LOOP_OPTIONS) | rec->engine->options;
}

static int on_started(void *data, struct wh_task *task)
{
	struct recording *rec = data;

	rec->started = true;
	if (wh_runinfo_entry(&rec->r, task, rec->run) < 0)
		return wh_error_oom(rec->e);
	return wh_supervise_started(rec->sv, rec->loop, rec->main, rec->e);
}

static void on_ended(void *data, pid_t tgid, int status)
{
	struct recording *rec = data;

	wh_supervise_ended(rec->sv, tgid, status);
}

static void on_child(void *data, pid_t pid, int status)
{
	struct recording *rec = data;
	const struct wh_record_container *c = rec->options->container;

	if (c && c->child)
		c->child(c->data, pid, status);
	wh_supervise_child(rec->sv, pid, status);
}

/* Who comes once it has begun to end is none of the recording's. */
static int on_look(void *data)
{
	struct recording *rec = data;
	int err = 0;

	if (rec->newcomers && !wh_loop_is_leaving(rec->loop))
		err = wh_newcomers_look(rec->newcomers, &rec->r);
	return err < 0 ? wh_error_oom(rec->e) : 0;
}

static int on_tick(void *data)
{
	struct recording *rec = data;
	int err = rec->control ? wh_control_tick(rec->control, &rec->r, ptrace_options(rec)) : 0;

	if (err == 0 && rec->newcomers && !wh_loop_is_leaving(rec->loop))
		err = wh_newcomers_tick(rec->newcomers, &rec->r);
	return err < 0 ? wh_error_oom(rec->e) : wh_supervise_tick(rec->sv, rec->e);
}

/* In the proc filesystem of another pid namespace every id would be somebody else's. */
static int check_proc(struct wh_error *e)
{
	char self[32];
	ssize_t n = readlink("/proc/self", self, sizeof(self) - 1);
	uint64_t pid;

	if (n < 0)
		return wh_error_set(e, ENOENT,
				    "/proc is not the proc filesystem: mount -t proc proc /proc");
	self[n] = '\0';
	if (wh_util_parse_u64(self, &pid) < 0 || pid != (uint64_t)getpid())
		return wh_error_set(e, ENOENT,
				    "/proc is that of another pid namespace: mount -t proc proc "
				    "/proc (unshare --mount-proc)");
	return 0;
}

static int prepare(struct recording *rec)
{
	struct wh_recorder *r = &rec->r;
	int err;

	r->phase = r->service_phase = WH_PHASE_STARTUP;
	r->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->proc_fd < 0)
		return wh_error_errno(rec->e, errno, "/proc");
	if (check_proc(rec->e) < 0)
		return -ENOENT;
	err = wh_userns_read(r->proc_fd, getpid(), &r->home);
	if (err < 0)
		return wh_error_errno(rec->e, err, "the user namespace");
	r->trace = wh_trace_new();
	r->tasks = wh_task_table_new();
	r->sites = wh_site_new();
	r->decode = wh_decode_new();
	r->known = wh_known_new();
	if (!r->trace || !r->tasks || !r->sites || !r->decode || !r->known)
		return wh_error_oom(rec->e);
	return wh_runinfo_new(r, rec->options, &rec->run, rec->e);
}

static void release(struct recording *rec)
{
	struct wh_recorder *r = &rec->r;

	wh_loop_free(rec->loop);
	wh_control_free(rec->control);
	wh_newcomers_free(rec->newcomers);
	wh_members_free(rec->members);
	if (rec->engine && rec->engine->free)
		rec->engine->free(r);
	wh_asked_free(r);
	wh_supervise_free(rec->sv);
	wh_task_table_free(r->tasks);
	wh_decode_free(r->decode);
	wh_known_free(r->known);
	wh_site_free(r->sites);
	wh_util_close(r->proc_fd);
	wh_trace_free(r->trace);
}

static int begin(struct recording *rec, struct wh_launch *launch)
{
	wh_auto(str) reason = NULL;
	int err = wh_engine_begin(rec->options, &rec->r, launch, &rec->engine, &reason, rec->e);

	if (err < 0)
		return err;
	rec->run->engine = wh_trace_intern(rec->r.trace, rec->engine->name);
	rec->run->engine_reason = wh_trace_intern(rec->r.trace, reason);
	return rec->run->engine && rec->run->engine_reason && wh_asked_begin(&rec->r, rec->run) == 0
		       ? 0
		       : wh_error_oom(rec->e);
}

static int launch(struct recording *rec, const char *path)
{
	int err;
	struct wh_launch what = {
		.path = path,
		.argv = rec->options->argv,
		.no_new_privs = rec->options->no_new_privs,
		.mask = wh_supervise_mask(rec->sv),
	};

	wh_supervise_streams(rec->sv, &what.out, &what.err);
	err = begin(rec, &what);
	if (err < 0)
		return err;
	return wh_launch_start(&what, ptrace_options(rec), &rec->main, rec->e);
}

/* Until the kernel can say what it executes, the first task is what it was started to become. */
static int name_first(struct recording *rec, const char *path)
{
	wh_auto(str) real = realpath(path, NULL);
	struct wh_task *task;

	if (wh_task_add(&rec->r, rec->main, NULL, &task) < 0)
		return -ENOMEM;
	task->process->program = wh_trace_intern(rec->r.trace, real ? real : path);
	if (!task->process->program)
		return -ENOMEM;
	task->executing = true;
	return wh_argv_set(&task->process->argv, rec->run->argv.v, rec->run->argv.n);
}

static void kill_first(const struct recording *rec)
{
	kill(rec->main, SIGKILL);
	while (waitpid(rec->main, NULL, __WALL) < 0 && errno == EINTR)
		;
}

static int run_loop(struct recording *rec, int *ret_exec_err)
{
	int err = wh_loop_run(rec->loop, ret_exec_err);

	if (err == -ENOMEM)
		return wh_error_oom(rec->e);
	return err < 0 ? wh_error_errno(rec->e, err, "cannot trace") : 0;
}

static int find_init(struct recording *rec)
{
	const struct wh_record_container *c = rec->options->container;
	int out, err;

	rec->main = c->init;
	if (!c->start)
		return 0;
	wh_supervise_streams(rec->sv, &out, &err);
	return c->start(c->data, wh_supervise_mask(rec->sv), out, err, &rec->main, rec->e);
}

/* Other engines must know a task from its first instruction on; where they are used, whoever comes says so, or is a gap. */
static int watch_newcomers(struct recording *rec, bool contained)
{
	int err = wh_members_new(rec->r.proc_fd, rec->main, contained, &rec->members, rec->e);

	if (err < 0)
		return err;
	err = wh_newcomers_new(rec->members, &rec->r, rec->engine == &wh_plain_engine,
			       ptrace_options(rec), &rec->newcomers);
	return err < 0 ? wh_error_oom(rec->e) : 0;
}

/* The init is somebody else's child, and waits for its runtime, which waits for us. */
static int trace_container(struct recording *rec, const struct wh_loop_owner *owner)
{
	const struct wh_record_container *c = rec->options->container;
	struct wh_launch none = {.out = -1, .err = -1};
	int exec_err, err = begin(rec, &none);

	if (err == 0 && c->control)
		err = wh_control_new(c->control, &rec->control, rec->e);
	if (err == 0)
		err = find_init(rec);
	if (err == 0)
		err = wh_seize_process(&rec->r, rec->main, ptrace_options(rec), rec->e);
	if (err < 0)
		return err;
	if (wh_runinfo_container(&rec->r, c, rec->run) < 0)
		return wh_error_oom(rec->e);
	wh_outside_put(wh_task_process(rec->r.tasks, rec->main), WH_OUTSIDE_INIT);
	err = watch_newcomers(rec, true);
	if (err < 0)
		return err;
	rec->loop = wh_loop_new(&rec->r, rec->engine, WH_RECORD_CONTAINER, owner);
	if (!rec->loop)
		return wh_error_oom(rec->e);
	if (c->seized)
		c->seized(c->data);
	err = run_loop(rec, &exec_err);
	/* Those who came at its very end. */
	if (err == 0)
		err = on_look(rec);
	if (err == 0 && !rec->started)
		return wh_error_set(
			rec->e, ECHILD,
			"the container was not started: its init ended before it executed the "
			"entrypoint");
	return err;
}

static int trace_attached(struct recording *rec, const struct wh_loop_owner *owner)
{
	const struct wh_record_attach *attach = rec->options->attach;
	struct wh_launch none = {.out = -1, .err = -1};
	int exec_err, err = begin(rec, &none);

	rec->main = attach->pid;
	if (err == 0)
		err = watch_newcomers(rec, attach->container);
	if (err == 0)
		err = wh_attach_begin(&rec->r, attach, ptrace_options(rec), rec->run, rec->members,
				      rec->e);
	if (err == 0 && wh_newcomers_begin(rec->newcomers, &rec->r) < 0)
		err = wh_error_oom(rec->e);
	if (err < 0)
		return err;
	rec->loop = wh_loop_new(&rec->r, rec->engine, WH_RECORD_ATTACHED, owner);
	if (!rec->loop)
		return wh_error_oom(rec->e);
	err = wh_supervise_started(rec->sv, rec->loop, rec->main, rec->e);
	return err < 0 ? err : run_loop(rec, &exec_err);
}

static int trace_all(struct recording *rec, const char *path)
{
	const struct wh_loop_owner owner = {on_started, on_ended, on_child, on_look, on_tick, rec};
	int err, exec_err = 0;

	if (rec->options->container)
		return trace_container(rec, &owner);
	if (rec->options->attach)
		return trace_attached(rec, &owner);
	err = launch(rec, path);
	if (err < 0)
		return err;
	rec->loop = wh_loop_new(&rec->r, rec->engine, WH_RECORD_LAUNCHED, &owner);
	if (!rec->loop || name_first(rec, path) < 0) {
		kill_first(rec);
		return wh_error_oom(rec->e);
	}
	err = run_loop(rec, &exec_err);
	if (err == 0 && exec_err)
		return wh_command_exec_failed(path, exec_err, rec->e);
	return err;
}

static int record(struct recording *rec)
{
	const struct wh_record_options *options = rec->options;
	wh_auto(str) path = NULL;
	int err = wh_record_source(options) == WH_RECORD_LAUNCHED
			  ? wh_command_find(options->argv[0], &path, rec->e)
			  : 0;

	if (err == 0)
		err = prepare(rec);
	if (err == 0)
		err = wh_supervise_new(rec->options, &rec->r, &rec->sv, rec->e);
	if (err < 0)
		return err;
	err = trace_all(rec, path);
	if (err < 0)
		return err;
	if (wh_asked_finish(&rec->r, rec->run) < 0)
		return wh_error_oom(rec->e);
	rec->run->stops = rec->r.stops;
	rec->run->tasks = wh_task_total(rec->r.tasks);
	rec->run->peak_tasks = wh_task_peak(rec->r.tasks);
	if (rec->engine->finish && rec->engine->finish(&rec->r, rec->run) < 0)
		return wh_error_oom(rec->e);
	return wh_supervise_finish(rec->sv, rec->run) < 0 ? wh_error_oom(rec->e) : 0;
}

int wh_record_run(const struct wh_record_options *options, struct wh_trace **ret_trace,
		  struct wh_error *e)
{
	struct wh_error own = {0};
	struct recording rec = {.options = options, .e = e ? e : &own, .r.proc_fd = -1};
	int err;

	/*
	 * Daemons that lose their parent become ours, so that their end is seen; PID 1 has it so. In a container
	 * they become its init's; and what an engine starts for it and leaves alone is not for us.
	 */
	if (wh_record_source(options) == WH_RECORD_LAUNCHED)
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	err = record(&rec);
	prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
	if (err == 0)
		*ret_trace = wh_take(rec.r.trace);
	if (options->container && options->container->over)
		options->container->over(options->container->data, err, rec.e);
	release(&rec);
	return err;
}
