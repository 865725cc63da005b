// SPDX-License-Identifier: Apache-2.0
#include "tracer/supervise.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <time.h>

#include "tracer/asked.h"
#include "tracer/launch.h"
#include "tracer/outcome.h"
#include "tracer/procfs.h"
#include "tracer/whereabouts.h"
#include "whittle/command.h"
#include "whittle/ready.h"

#define GRACE	       10.0
#define READY_TIMEOUT  60.0
#define SETTLED	       1.0 /* no news for so long: started, where nothing says when */
#define PROGRESS_EVERY 0.25
#define ORPHANS_AFTER  0.5 /* the main process had so long to stop its own children */

enum stage { STARTING, WAITING, LOADING, SERVING, STOPPING };

static const char *const stage_names[] = {
	[STARTING] = "starting", [WAITING] = "waiting until ready", [LOADING] = "load",
	[SERVING] = "serving",	 [STOPPING] = "stopping",
};

/*
 * What whittle does with a signal of its own. A terminal sends its signals to the whole foreground
 * group, the service included: those are not passed on a second time.
 */
static const struct forward {
	int sig;
	int as;		   /* what the service gets */
	bool stops;	   /* the recording ends with it */
	bool stops_if_tty; /* … only if it comes from the terminal */
} forwards[] = {
	{SIGTERM, SIGTERM, true, true},	    {SIGINT, SIGTERM, true, true},
	{SIGQUIT, SIGQUIT, true, true},	    {SIGHUP, SIGHUP, false, true},
	{SIGUSR1, SIGUSR1, false, false},   {SIGUSR2, SIGUSR2, false, false},
	{SIGWINCH, SIGWINCH, false, false},
};

struct wh_supervisor {
	const struct wh_record_options *options;
	struct wh_recorder *r;
	struct wh_loop *loop;
	struct wh_ready *ready;
	int out, err; /* for the service */
	sigset_t mask, blocked;
	double grace, ready_timeout;
	pid_t main, load;
	enum stage stage;
	struct wh_outcome outcome;
	double began, started, ready_at, load_ended, stop_at, main_ended;
	double news_at, progress_at;
	uint64_t news;
	bool orphans_told;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- setting up ------------------------------------------------------------------------------ */

static void block_signals(struct wh_supervisor *sv)
{
	sigset_t tick;

	sigemptyset(&sv->blocked);
	sigaddset(&sv->blocked, SIGPIPE); /* a reader of ours that goes away is no reason to die */
	for (size_t i = 0; i < WH_ARRAY_SIZE(forwards); i++) {
		struct sigaction old;

		/* Ignored from the start (nohup): it is to stay so, for the service too. */
		if (forwards[i].sig == SIGHUP && sigaction(SIGHUP, NULL, &old) == 0 &&
		    old.sa_handler == SIG_IGN)
			continue;
		sigaddset(&sv->blocked, forwards[i].sig);
	}
	sigprocmask(SIG_BLOCK, &sv->blocked, &sv->mask);
	sigemptyset(&tick);
	sigaddset(&tick, wh_loop_tick_signal());
	sigprocmask(SIG_UNBLOCK, &tick, NULL);
}

int wh_supervise_new(const struct wh_record_options *options, struct wh_recorder *r,
		     struct wh_supervisor **ret, struct wh_error *e)
{
	struct wh_supervisor *sv = calloc(1, sizeof(*sv));
	int err = 0;

	if (!sv)
		return wh_error_oom(e);
	sv->options = options;
	sv->r = r;
	sv->out = sv->err = -1;
	sv->grace = options->grace > 0 ? options->grace : GRACE;
	sv->ready_timeout = options->ready_timeout > 0 ? options->ready_timeout : READY_TIMEOUT;
	sv->began = now();
	block_signals(sv);
	if (options->ready)
		err = wh_ready_new(options->ready, options->stdout_to_stderr, &sv->ready, &sv->out,
				   &sv->err, e);
	if (err == 0 && sv->out < 0 && options->stdout_to_stderr) {
		sv->out = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
		if (sv->out < 0)
			err = wh_error_errno(e, errno, "stderr");
	}
	if (err < 0) {
		wh_supervise_free(sv);
		return err;
	}
	*ret = sv;
	return 0;
}

const sigset_t *wh_supervise_mask(const struct wh_supervisor *sv)
{
	return &sv->mask;
}

void wh_supervise_streams(const struct wh_supervisor *sv, int *ret_out, int *ret_err)
{
	*ret_out = sv->out;
	*ret_err = sv->err;
}

static void close_streams(struct wh_supervisor *sv)
{
	wh_util_close(sv->out);
	wh_util_close(sv->err);
	sv->out = sv->err = -1;
}

void wh_supervise_free(struct wh_supervisor *sv)
{
	const struct timespec none = {0};

	if (!sv)
		return;
	close_streams(sv);
	wh_ready_free(sv->ready);
	/* What came too late to be forwarded must not kill whittle before the trace is written. */
	while (sigtimedwait(&sv->blocked, NULL, &none) > 0)
		;
	sigprocmask(SIG_SETMASK, &sv->mask, NULL);
	free(sv);
}

/* ---- signals to the service ------------------------------------------------------------------ */

struct top {
	const struct wh_supervisor *sv;
	int sig;
};

/* Of a tree without its root: the processes that no traced process is the parent of. */
static void signal_top(void *data, const struct wh_process *process)
{
	const struct top *top = data;
	pid_t tgid, ppid;

	if (wh_procfs_ids(top->sv->r->proc_fd, process->tgid, &tgid, &ppid) == 0 &&
	    !wh_task_process(top->sv->r->tasks, ppid))
		kill(process->tgid, top->sig);
}

static void signal_service(struct wh_supervisor *sv, int sig)
{
	struct top top = {sv, sig};

	if (!sv->outcome.ended)
		kill(sv->main, sig);
	else
		wh_task_each_process(sv->r->tasks, signal_top, &top);
}

static void kill_all(struct wh_supervisor *sv, bool hurried)
{
	sv->outcome.killed = true;
	sv->outcome.hurried = hurried;
	wh_loop_kill(sv->loop);
}

static void stop_load(struct wh_supervisor *sv, int sig)
{
	if (sv->load > 0)
		kill(-sv->load, sig);
}

/* What SIGTERM is to others may be something else to a container. */
static int ending_signal(const struct wh_supervisor *sv)
{
	const struct wh_record_container *c = sv->options->container;

	return c && c->stop_signal ? c->stop_signal : SIGTERM;
}

static void stop(struct wh_supervisor *sv, enum wh_stop why, int sig)
{
	sv->stage = STOPPING;
	sv->stop_at = now();
	sv->outcome.stop = why;
	stop_load(sv, SIGTERM);
	if (sv->outcome.attached)
		wh_loop_leave(sv->loop, false);
	else if (sig)
		signal_service(sv, sig == SIGTERM ? ending_signal(sv) : sig);
}

/* Nothing is passed on to a service that is not ours: what would end us ends the recording, all else is nothing. */
static void handle_own_signal(struct wh_supervisor *sv, const struct forward *f)
{
	if (!f->stops && !f->stops_if_tty)
		return;
	if (sv->stage == STOPPING) {
		wh_loop_leave(sv->loop, true);
		return;
	}
	sv->outcome.signal = f->sig;
	stop(sv, WH_STOP_SIGNAL, 0);
}

static void handle_signal(struct wh_supervisor *sv, const siginfo_t *si)
{
	bool tty = si->si_code == SI_KERNEL;

	/* A tracee's kill(0, …) reaches whittle too where both are of one group; it is not for us. */
	if (si->si_code <= 0 && wh_task_process(sv->r->tasks, si->si_pid))
		return;
	for (size_t i = 0; i < WH_ARRAY_SIZE(forwards); i++) {
		const struct forward *f = &forwards[i];

		if (f->sig != si->si_signo)
			continue;
		if (sv->outcome.attached) {
			handle_own_signal(sv, f);
			return;
		}
		if (!(tty ? f->stops_if_tty : f->stops)) {
			if (!tty) {
				sv->outcome.forwarded = f->as;
				signal_service(sv, f->as);
			}
			return;
		}
		if (sv->stage == STOPPING) {
			kill_all(sv, true);
			return;
		}
		sv->outcome.signal = f->sig;
		stop(sv, WH_STOP_SIGNAL, tty ? SIGTERM : f->as);
		return;
	}
}

static void take_signals(struct wh_supervisor *sv)
{
	const struct timespec none = {0};
	siginfo_t si;

	while (sigtimedwait(&sv->blocked, &si, &none) > 0)
		handle_signal(sv, &si);
}

/* ---- the course of a run --------------------------------------------------------------------- */

static int start_load(struct wh_supervisor *sv, struct wh_error *e)
{
	const struct wh_record_options *o = sv->options;
	const struct wh_record_container *c = o->attach ? o->attach->container : o->container;
	struct wh_whereabouts w = {0};
	int err;

	if (c)
		wh_whereabouts_fill(&w, c, sv->main);
	err = wh_command_shell(sv->options->load,
			       sv->options->stdout_to_stderr ? STDERR_FILENO : -1, &sv->mask, w.env,
			       &sv->load, e);
	if (err == 0) {
		sv->outcome.load_started = true;
		sv->stage = LOADING;
	}
	return err;
}

static int become_ready(struct wh_supervisor *sv, struct wh_error *e)
{
	sv->ready_at = now();
	sv->r->phase = sv->r->service_phase = WH_PHASE_SERVING;
	wh_asked_phase(sv->r);
	sv->outcome.unready = false;
	sv->stage = SERVING;
	return sv->options->load ? start_load(sv, e) : 0;
}

static int start_looking(struct wh_supervisor *sv, struct wh_error *e)
{
	int err = 0;

	if (sv->options->container)
		err = wh_ready_inside(sv->ready, sv->main, e);
	/* It was killed meanwhile: that will be told in its turn. */
	if (err == -ENOENT || err == -ESRCH) {
		wh_error_clear(e);
		return 0;
	}
	return err < 0 ? err : wh_ready_start(sv->ready, e);
}

int wh_supervise_started(struct wh_supervisor *sv, struct wh_loop *loop, pid_t main,
			 struct wh_error *e)
{
	const struct wh_record_options *o = sv->options;
	bool background = o->container && o->container->background;

	/* The writing ends are the service's alone, so that their end can be seen. */
	close_streams(sv);
	sv->loop = loop;
	sv->main = main;
	sv->started = sv->news_at = now();
	sv->stage = WAITING;
	sv->outcome = (struct wh_outcome){
		.grace = sv->grace,
		.ready_timeout = sv->ready_timeout,
		/* Until a container ends, if nobody waits for it: else it was cut short. */
		.planned = o->load || o->duration > 0 || o->until_stable > 0 || background,
		.unready = o->ready != NULL,
		.stop_signal = ending_signal(sv),
		.attached = o->attach || background,
		.load = o->load != NULL,
	};
	if (sv->ready)
		return start_looking(sv, e);
	return o->load && !o->attach ? 0 : become_ready(sv, e);
}

static int wait_ready(struct wh_supervisor *sv, double t, struct wh_error *e)
{
	bool late = t - sv->started > sv->ready_timeout;

	if (sv->ready) {
		if (wh_ready_is(sv->ready))
			return become_ready(sv, e);
		if (late)
			stop(sv, WH_STOP_NOT_READY, SIGTERM);
		return 0;
	}
	/* Nothing says when: it is ready when it has settled, or never will. */
	return late || t - sv->news_at > SETTLED ? become_ready(sv, e) : 0;
}

static bool is_over(const struct wh_supervisor *sv, double t)
{
	const struct wh_record_options *o = sv->options;
	bool loading = sv->stage == LOADING;

	if (o->duration > 0 && t - sv->ready_at >= o->duration)
		return true;
	if (loading)
		return false;
	if (o->until_stable > 0) {
		double since = sv->news_at > sv->ready_at ? sv->news_at : sv->ready_at;

		if (sv->load_ended > since)
			since = sv->load_ended;
		return t - since >= o->until_stable;
	}
	return o->load && !(o->duration > 0);
}

static void stop_tick(struct wh_supervisor *sv, double t)
{
	if (sv->outcome.killed || sv->outcome.attached)
		return;
	if (t - sv->stop_at >= sv->grace) {
		kill_all(sv, false);
	} else if (sv->outcome.ended && !sv->orphans_told && t - sv->stop_at > ORPHANS_AFTER &&
		   t - sv->main_ended > ORPHANS_AFTER) {
		sv->orphans_told = true;
		signal_service(sv, SIGTERM);
	}
}

static size_t count_caps(struct wh_trace *trace)
{
	size_t n, found = 0;
	const void *const *facts = wh_trace_facts(trace, WH_KIND_CAP, &n);
	const char *last = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct wh_cap *cap = facts[i];

		if (cap->denied || wh_util_streq(cap->cap, last))
			continue;
		last = cap->cap;
		found++;
	}
	return found;
}

static void report(struct wh_supervisor *sv, double t)
{
	struct wh_record_progress p = {
		.elapsed = t - sv->began,
		.since_news = t - sv->news_at,
		.syscalls = wh_trace_count(sv->r->trace, WH_KIND_SYSCALL),
		.files = wh_trace_count(sv->r->trace, WH_KIND_FILE),
		.caps = count_caps(sv->r->trace),
		.gaps = wh_trace_count(sv->r->trace, WH_KIND_GAP),
		.stage = stage_names[sv->stage],
	};

	if (!sv->options->progress || t - sv->progress_at < PROGRESS_EVERY)
		return;
	sv->progress_at = t;
	sv->options->progress(sv->options->progress_data, &p);
}

int wh_supervise_tick(struct wh_supervisor *sv, struct wh_error *e)
{
	double t = now();
	int err = 0;

	if (!sv->loop)
		return 0;
	if (sv->r->news != sv->news) {
		sv->news = sv->r->news;
		sv->news_at = t;
	}
	take_signals(sv);
	switch (sv->stage) {
	case STARTING:
		break;
	case WAITING:
		err = wait_ready(sv, t, e);
		break;
	case LOADING:
	case SERVING:
		if (is_over(sv, t))
			stop(sv, WH_STOP_DONE, SIGTERM);
		break;
	case STOPPING:
		stop_tick(sv, t);
		break;
	}
	report(sv, t);
	return err;
}

void wh_supervise_ended(struct wh_supervisor *sv, pid_t tgid, int status)
{
	if (tgid != sv->main || sv->outcome.ended)
		return;
	sv->outcome.ended = true;
	sv->outcome.status = status;
	sv->outcome.by_itself = sv->stage != STOPPING;
	sv->main_ended = now();
}

void wh_supervise_child(struct wh_supervisor *sv, pid_t pid, int status)
{
	if (!sv->load || pid != sv->load)
		return;
	/* What it left behind goes with it, now: later, the id of its group may be another's. */
	stop_load(sv, SIGKILL);
	sv->load = 0;
	sv->load_ended = now();
	if (sv->stage != LOADING)
		return;
	sv->outcome.load_ended = true;
	sv->outcome.load_status = status;
	sv->stage = SERVING;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		stop(sv, WH_STOP_LOAD_FAILED, SIGTERM);
}

static int intern(struct wh_recorder *r, struct wh_buf *b, const char **ret)
{
	wh_auto(str) text = wh_buf_take(b);

	if (!text)
		return -ENOMEM;
	*ret = *text ? wh_trace_intern(r->trace, text) : NULL;
	return *text && !*ret ? -ENOMEM : 0;
}

int wh_supervise_finish(struct wh_supervisor *sv, struct wh_run *run)
{
	struct wh_buf text = {0}, load = {0};
	int err;

	if (sv->load) {
		stop_load(sv, SIGKILL);
		while (waitpid(sv->load, NULL, 0) < 0 && errno == EINTR)
			;
		sv->load = 0;
	}
	wh_outcome_text(&text, &sv->outcome);
	wh_outcome_load(&load, &sv->outcome);
	err = intern(sv->r, &text, &run->outcome);
	if (err == 0)
		err = intern(sv->r, &load, &run->load_outcome);
	else
		wh_buf_free(&load);
	run->failed = wh_outcome_failed(&sv->outcome);
	run->complete = wh_outcome_complete(&sv->outcome);
	run->duration_ms = (uint64_t)((now() - sv->started) * 1000);
	if (err == 0 && !run->complete)
		err = wh_record_gap(sv->r, NULL, "cut-short", "%s", run->outcome);
	return err;
}
