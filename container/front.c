// SPDX-License-Identifier: Apache-2.0
#include "container/front.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#include "container/bundle.h"
#include "container/from_bundle.h"
#include "container/from_engine.h"
#include "container/intercept.h"
#include "container/rendezvous.h"
#include "whittle/command.h"

#define LOOK_MS	     50
#define ASK_EVERY    20 /* looks: whether it runs without having come to us */
#define END_MS	     10000
#define GIVE_UP_MS   5000
#define LOG_LINE_MAX 4096

struct front {
	struct wh_plan plan;
	struct wh_record_container container;
	struct wh_rendezvous *rendezvous;
	bool traced; /* its init, so that it was started */
	pid_t child; /* what runs the container; 0 when it is gone */
	int status;
	pid_t asked; /* whether it runs; 0: nobody */
	int answer;
};

/* ---- starting it ----------------------------------------------------------------------------- */

static int start_child(struct front *front, const sigset_t *mask, int out, int err,
		       struct wh_error *e)
{
	const struct wh_plan *plan = &front->plan;
	wh_auto(fd) null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct wh_program_setting setting = {.mask = mask, .in = -1, .out = out, .err = err};

	if (null < 0)
		return wh_error_errno(e, errno, "/dev/null");
	/* In the background, reading from a terminal would stop it. */
	if (!plan->with_input || isatty(STDIN_FILENO))
		setting.in = null;
	if (plan->silent && out < 0) {
		setting.out = null;
		return wh_program_start(&plan->start_silent, &setting, &front->child, e);
	}
	return wh_program_start(&plan->start, &setting, &front->child, e);
}

static int not_started(const struct front *front, struct wh_error *e)
{
	wh_auto(str) how = NULL;
	struct wh_buf text = {0};
	struct wh_error note = {0};

	wh_command_status(&text, front->status);
	how = wh_buf_take(&text);
	/* What the runtime noted it may have told nobody else. */
	if (front->plan.log)
		wh_bundle_last_note(front->plan.log, &note);
	wh_error_clear(e);
	return wh_error_set(e, ECHILD, "the container was not started: %s %s%s%s",
			    front->plan.start.argv[0], how ? how : "ended", note.err ? ": " : "",
			    note.err ? note.text : "; it says above why");
}

static bool is_interrupted(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 &&
	       (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
		sigismember(&pending, SIGQUIT));
}

/*
 * Its engine may be on another machine, or start it by other programs than ours. To be asked beside: an engine may answer
 * only when the container is started, for which it waits for our word.
 */
static int ask_status(struct front *front, struct wh_error *e)
{
	wh_auto(fd) null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct wh_program_setting setting = {.in = null, .err = null};
	int pipes[2], err;

	if (null < 0 || pipe2(pipes, O_CLOEXEC | O_NONBLOCK) < 0)
		return wh_error_errno(e, errno, "pipe");
	setting.out = pipes[1];
	err = wh_program_start(&front->plan.status, &setting, &front->asked, e);
	close(pipes[1]);
	front->answer = pipes[0];
	return err;
}

static void forget_status(struct front *front)
{
	int status;

	if (front->asked) {
		kill(front->asked, SIGKILL);
		while (waitpid(front->asked, &status, 0) < 0 && errno == EINTR)
			;
	}
	front->asked = 0;
	wh_util_close(wh_take_fd(&front->answer));
}

/* Return: 1 it runs, and nobody has come; 0 that is not known; -errno. */
static int runs_unseen(struct front *front, unsigned looks, struct wh_error *e)
{
	char said[32] = "";
	int status;

	if (!front->plan.status.n)
		return 0;
	if (!front->asked)
		return looks % ASK_EVERY ? 0 : ask_status(front, e);
	if (wh_program_wait(front->asked, 0, &status) == 0)
		return 0;
	front->asked = 0;
	(void)!read(front->answer, said, sizeof(said) - 1);
	forget_status(front);
	return wh_util_has_prefix(said, "running");
}

/* Return: 1 the hook has come; 0; -errno. */
static int look(struct front *front, char **ret_state, struct wh_error *e)
{
	struct pollfd p = {.fd = wh_rendezvous_fd(front->rendezvous), .events = POLLIN};
	int err = 0;

	poll(&p, 1, LOOK_MS);
	if (front->plan.intercept)
		err = wh_intercept_check(front->plan.intercept, e);
	return err < 0 ? err : wh_rendezvous_take(front->rendezvous, ret_state, e);
}

static int wait_for_hook(struct front *front, char **ret_state, struct wh_error *e)
{
	for (unsigned n = 1;; n++) {
		int k = look(front, ret_state, e);

		if (k)
			return k;
		if (front->child && wh_program_wait(front->child, 0, &front->status) == 1) {
			front->child = 0;
			if (!WIFEXITED(front->status) || WEXITSTATUS(front->status))
				return not_started(front, e);
		}
		if (is_interrupted())
			return wh_error_set(e, EINTR,
					    "interrupted before the container was started");
		k = runs_unseen(front, n, e);
		if (k > 0)
			return wh_error_set(
				e, ENOTSUP,
				"the container was started, but not by a runtime that whittle can "
				"wait for; is its engine on this machine? else run 'whittle "
				"runtime "
				"install' there");
		if (k < 0)
			return k;
	}
}

/*
 * What its engine will have executed in it is to join. That needs privileges which not everyone has; what is executed by
 * a runtime of whittle's own joins by itself.
 */
static void watch_for_others(struct front *front, pid_t init)
{
	char path[40];
	const struct wh_intercept_aim aim = {
		.runtime = path, .id = front->plan.id, .control = front->plan.control};

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)wh_plan_parent(init));
	if (front->plan.engine && !front->plan.intercept)
		wh_intercept_new(&aim, &front->plan.intercept, NULL);
}

static int start(void *data, const sigset_t *mask, int out, int err, pid_t *ret_init,
		 struct wh_error *e)
{
	struct front *front = data;
	wh_auto(str) state = NULL;
	int k = wh_rendezvous_new(front->plan.id, &front->rendezvous, e);

	if (k == 0)
		k = start_child(front, mask, out, err, e);
	if (k == 0)
		k = wait_for_hook(front, &state, e);
	forget_status(front);
	if (k < 0)
		return k;
	k = wh_bundle_state(state, front->plan.id, ret_init, e);
	if (k == 0)
		k = wh_plan_runtime(&front->plan, *ret_init, e);
	front->container.runtime = front->plan.runtime;
	if (k == 0)
		watch_for_others(front, *ret_init);
	return k;
}

static void seized(void *data)
{
	struct front *front = data;

	front->traced = true;
	wh_rendezvous_answer(front->rendezvous, NULL);
}

static void child_ended(void *data, pid_t pid, int status)
{
	struct front *front = data;

	if (pid != front->child)
		return;
	front->child = 0;
	front->status = status;
}

/* ---- its end --------------------------------------------------------------------------------- */

static int tell_missed(struct front *front, struct wh_trace *trace, struct wh_error *e)
{
	unsigned n = front->plan.intercept ? wh_intercept_missed(front->plan.intercept) : 0;
	const struct wh_run *run;
	char detail[32];
	size_t n_runs;

	if (!n)
		return 0;
	run = wh_trace_facts(trace, WH_KIND_RUN, &n_runs)[0];
	snprintf(detail, sizeof(detail), "%u times", n);
	return wh_trace_gap(trace, "unjoined", detail, WH_PHASE_EXEC, NULL, run->id) < 0
		       ? wh_error_oom(e)
		       : 0;
}

/* Whoever waits for our word goes on without, and finds that nobody records it. */
static void give_up(struct front *front, const struct wh_error *why)
{
	wh_intercept_free(wh_take(front->plan.intercept));
	if (front->rendezvous)
		wh_rendezvous_answer(front->rendezvous, why->text);
	wh_rendezvous_free(wh_take(front->rendezvous));
	/* Once the container was on its way, that goes by itself, and has something to say. */
	if (front->child && !front->traced)
		kill(front->child, SIGTERM);
}

/* What runs the container passes its output on, and takes it away. */
static void end_child(struct front *front, bool given_up)
{
	if (!front->child)
		return;
	if (wh_program_wait(front->child, given_up ? GIVE_UP_MS : END_MS, &front->status) == 0) {
		kill(front->child, SIGKILL);
		while (waitpid(front->child, &front->status, 0) < 0 && errno == EINTR)
			;
	}
	front->child = 0;
}

/* Its last words are still passed on. */
static void over(void *data, int err, const struct wh_error *why)
{
	struct front *front = data;

	if (err < 0)
		give_up(front, why);
	end_child(front, err < 0);
}

static void clean(const struct front *front)
{
	wh_auto(str) said = NULL;
	wh_auto(str) complaint = NULL;
	int status;

	/* Mostly it is gone already; then there is nothing to be done, and nothing to say. */
	if (front->plan.clean.n && !(front->plan.keep && front->traced))
		wh_program_run(&front->plan.clean, &said, &complaint, &status, NULL);
}

static int make_plan(const struct wh_plan_request *request, struct wh_plan *plan,
		     struct wh_error *e)
{
	return request->way == WH_PLAN_BUNDLE ? wh_from_bundle_plan(request, plan, e)
					      : wh_from_engine_plan(request, plan, e);
}

int wh_front_name(const struct wh_plan_request *request, char **ret_name, struct wh_error *e)
{
	return request->way == WH_PLAN_BUNDLE ? wh_from_bundle_name(request, ret_name, e)
					      : wh_from_engine_name(request, ret_name, e);
}

static int record(struct front *front, const struct wh_record_options *options,
		  struct wh_trace **ret_trace, struct wh_error *e)
{
	const struct wh_plan *plan = &front->plan;
	struct wh_record_options o = *options;
	struct wh_record_container *c = &front->container;

	*c = (struct wh_record_container){
		.expendable = true,
		.engine = plan->engine,
		.id = plan->id,
		.name = plan->name,
		.image = plan->image,
		.control = plan->control,
		.stop_signal = plan->stop_signal,
		.start = start,
		.seized = seized,
		.child = child_ended,
		.over = over,
		.data = front,
	};
	o.container = c;
	o.argv = NULL;
	if (!(o.grace > 0))
		o.grace = plan->stop_timeout;
	return wh_record_run(&o, ret_trace, e);
}

int wh_front_run(const struct wh_plan_request *request, const struct wh_record_options *options,
		 struct wh_trace **ret_trace, struct wh_error *e)
{
	/* Whoever started us may have ignored it, which would make our children vanish unseen. */
	const struct sigaction usual = {.sa_handler = SIG_DFL};
	struct sigaction before;
	struct wh_error own = {0};
	struct front front = {.answer = -1};
	int err;

	e = e ? e : &own;
	sigaction(SIGCHLD, &usual, &before);
	err = make_plan(request, &front.plan, e);
	if (err == 0)
		err = record(&front, options, ret_trace, e);
	if (err == 0)
		err = tell_missed(&front, *ret_trace, e);
	/* Its init has ended on its way to the entrypoint, and by now whoever started it has said why. */
	if (err == -ECHILD)
		err = not_started(&front, e);
	clean(&front);
	wh_rendezvous_free(front.rendezvous);
	wh_plan_free(&front.plan);
	sigaction(SIGCHLD, &before, NULL);
	return err;
}
