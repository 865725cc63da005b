// SPDX-License-Identifier: Apache-2.0
#include "judge/trial.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <seccomp.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "judge/denial.h"
#include "judge/simulate.h"
#include "whittle/command.h"
#include "whittle/ready.h"

#define TICK_MS 20

struct run {
	const struct wh_trial *trial;
	struct wh_trial_result *result;
	struct wh_ready *ready;
	struct seccomp_notif *request;
	struct seccomp_notif_resp *response;
	int listener;
	pid_t service, load; /* -1 once they have ended */
	int service_status, load_status;
	double began;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void why(struct run *r, const char *fmt, ...) wh_printf(2, 3);

static void why(struct run *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->result->why, sizeof(r->result->why), fmt, ap);
	va_end(ap);
}

/* ---- the listener ---------------------------------------------------------------------------- */

static struct wh_denial *remember(struct wh_trial_result *result, const struct wh_abi *abi,
				  uint64_t nr)
{
	struct wh_denial *d;

	for (size_t i = 0; i < result->n_denials; i++) {
		d = &result->denial[i];
		if (d->abi == abi && d->nr == nr)
			return d;
	}
	if (result->n_denials == WH_TRIAL_DENIALS_MAX) {
		result->more_denials = true;
		return NULL;
	}
	d = &result->denial[result->n_denials++];
	*d = (struct wh_denial){.abi = abi, .nr = nr};
	return d;
}

/* Answers as the filter itself would have, and remembers what was asked. */
static void answer(struct run *r)
{
	const struct wh_abi *abi;
	struct wh_denial *d;
	uint32_t action;
	uint64_t nr;

	memset(r->request, 0, sizeof(*r->request));
	memset(r->response, 0, sizeof(*r->response));
	/* The asker may have died meanwhile. */
	if (seccomp_notify_receive(r->listener, r->request) < 0)
		return;
	nr = (uint32_t)r->request->data.nr;
	abi = wh_syscall_abi_audit(r->request->data.arch, nr);
	action = abi ? wh_filter_answer(r->trial->filter, abi, nr) : SECCOMP_RET_KILL_THREAD;
	d = remember(r->result, abi, nr);
	if (d) {
		if (!d->count) {
			uint64_t arg[6];

			for (unsigned i = 0; i < 6; i++)
				arg[i] = r->request->data.args[i];
			wh_denial_look(d, (pid_t)r->request->pid, arg);
			/* Of another thread that has got its number, if it died meanwhile. */
			if (seccomp_notify_id_valid(r->listener, r->request->id) != 0)
				d->call[0] = d->program[0] = '\0';
		}
		d->answer = action;
		d->count++;
	}
	r->response->id = r->request->id;
	if ((action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
		r->response->error = -(int)(action & SECCOMP_RET_DATA);
	else
		kill((pid_t)r->request->pid, SIGSYS);
	if (!r->response->error)
		r->response->error = -EPERM;
	seccomp_notify_respond(r->listener, r->response);
}

/* ---- the course ------------------------------------------------------------------------------- */

static void say_status(int status, char *ret_text, size_t size)
{
	wh_auto(buf) b = {};

	wh_command_status(&b, status);
	snprintf(ret_text, size, "%s", b.data ? b.data : "ended");
}

static void reap(struct run *r)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		if (pid == r->service) {
			r->service = -1;
			r->service_status = status;
			say_status(status, r->result->service, sizeof(r->result->service));
		} else if (pid == r->load) {
			r->load = -1;
			r->load_status = status;
			say_status(status, r->result->load, sizeof(r->result->load));
		}
	}
}

/* A moment of waiting, in which the listener is served. Return: 0 or -EINTR. */
static int tick(struct run *r)
{
	struct pollfd p = {.fd = r->listener, .events = POLLIN};
	double until = now() + TICK_MS / 1e3;

	do {
		int n = poll(&p, 1, TICK_MS);

		if (n <= 0)
			break;
		if (p.revents & POLLIN)
			answer(r);
		else
			r->listener = -1; /* nobody is left under the filter */
	} while (now() < until && r->listener >= 0);
	reap(r);
	return r->trial->interrupted && *r->trial->interrupted ? -EINTR : 0;
}

/* "exited 1", "was killed by SIGSEGV": after "it". */
static const char *did(const char *outcome, char *ret, size_t size)
{
	snprintf(ret, size, "%s%s", wh_util_has_prefix(outcome, "killed") ? "was " : "", outcome);
	return ret;
}

static bool in_time(const struct run *r, double since)
{
	return now() - since < r->trial->timeout;
}

static bool status_good(int status)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Return: 1 ready, 0 not (and why), or -EINTR. */
static int wait_until_ready(struct run *r)
{
	char text[80];
	double since = now();
	int err;

	while (!wh_ready_is(r->ready)) {
		err = tick(r);
		if (err < 0)
			return err;
		if (r->service < 0) {
			why(r, "it %s before it was ready",
			    did(r->result->service, text, sizeof(text)));
			return 0;
		}
		if (!in_time(r, since)) {
			why(r, "it was not ready (%s) within %g s", r->trial->ready,
			    r->trial->timeout);
			return 0;
		}
	}
	r->result->ready = true;
	return 1;
}

/*
 * A shell command of the user's, to its end. Return: 1 it exited with 0, 0 it did not, -ETIME, -EINTR or
 * another error.
 */
static int run_command(struct run *r, const char *command, struct wh_error *e)
{
	double since = now();
	wh_auto(str) quiet = NULL;
	sigset_t none;
	int err;

	sigemptyset(&none);
	if (r->trial->quiet) {
		/* The command is a shell's: so is the way to make it silent. */
		if (asprintf(&quiet, "exec >/dev/null 2>&1\n%s", command) < 0) {
			quiet = NULL;
			return wh_error_oom(e);
		}
		command = quiet;
	}
	err = wh_command_shell(command, STDERR_FILENO, &none, NULL, &r->load, e);
	if (err < 0)
		return err;
	while (r->load > 0) {
		err = tick(r);
		if (err < 0)
			return err;
		if (r->load > 0 && !in_time(r, since))
			return -ETIME;
	}
	return status_good(r->load_status);
}

static int prepare(struct run *r, struct wh_error *e)
{
	int good = run_command(r, r->trial->prepare, e);

	if (good == -ETIME)
		return wh_error_set(e, ETIME, "--prepare did not end within %g s",
				    r->trial->timeout);
	if (good == 0)
		return wh_error_set(e, ECANCELED, "--prepare %s: %s", r->result->load,
				    r->trial->prepare);
	r->result->load[0] = '\0';
	return good < 0 ? good : 0;
}

static int run_load(struct run *r, struct wh_error *e)
{
	int good = run_command(r, r->trial->load, e);
	char text[80];

	if (good == -ETIME) {
		why(r, "the load did not end within %g s", r->trial->timeout);
		return 0;
	}
	if (good < 0)
		return good;
	if (!good && r->service < 0)
		why(r, "the load %s; the service %s", r->result->load, r->result->service);
	else if (!good)
		why(r, "the load %s", did(r->result->load, text, sizeof(text)));
	else if (r->service < 0 && !status_good(r->service_status))
		why(r, "it %s during the load", did(r->result->service, text, sizeof(text)));
	else
		return 1;
	return 0;
}

static int wait_for_end(struct run *r)
{
	char text[80];
	double since = now();

	while (r->service > 0) {
		int err = tick(r);

		if (err < 0)
			return err;
		if (r->service > 0 && !in_time(r, since)) {
			why(r, "it did not end within %g s (a service needs --ready and --load)",
			    r->trial->timeout);
			return 0;
		}
	}
	if (!status_good(r->service_status)) {
		why(r, "it %s", did(r->result->service, text, sizeof(text)));
		return 0;
	}
	return 1;
}

/* SIGTERM, and a while to obey it. A crash on the way out is a failure like any other. */
static int stop_service(struct run *r)
{
	double since = now();
	int err;

	if (r->service < 0)
		return 1;
	kill(r->service, SIGTERM);
	while (r->service > 0 && now() - since < r->trial->grace) {
		err = tick(r);
		if (err < 0)
			return err;
	}
	if (r->service < 0 && WIFSIGNALED(r->service_status) &&
	    WTERMSIG(r->service_status) != SIGTERM && WTERMSIG(r->service_status) != SIGKILL) {
		why(r, "it was %s when it was told to stop", r->result->service);
		return 0;
	}
	if (r->service > 0)
		snprintf(r->result->service, sizeof(r->result->service),
			 "did not stop at SIGTERM, was killed");
	return 1;
}

/* A profile without execve is a bad profile, not trouble: said before it is tried in vain. */
static bool may_start(struct run *r, struct wh_error *e)
{
	static const uint64_t no_args[6];
	const struct wh_abi *abi = wh_syscall_abi_native();
	const struct wh_filter_program *program = r->trial->sandbox.program;
	int nr = wh_syscall_number(abi, "execve");
	struct wh_denial *d;
	uint32_t action;

	if (!program || wh_simulate_run(program, abi, (uint64_t)nr, no_args, &action, e) < 0 ||
	    action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG ||
	    (action == SECCOMP_RET_USER_NOTIF && !r->trial->sandbox.listen))
		return true;
	if (action == SECCOMP_RET_USER_NOTIF)
		action = wh_filter_answer(r->trial->filter, abi, (uint64_t)nr);
	why(r, "the seccomp profile does not allow execve, with which it starts");
	d = remember(r->result, abi, (uint64_t)nr);
	if (d) {
		d->answer = action;
		d->count = 1;
		snprintf(d->program, sizeof(d->program), "%s", r->trial->sandbox.path);
	}
	return false;
}

/* Return: 1 passed, 0 not (and why), or an error. */
static int follow(struct run *r, struct wh_error *e)
{
	int passed = 1;

	if (r->ready) {
		if (wh_ready_start(r->ready, e) < 0)
			return -e->err;
		passed = wait_until_ready(r);
	}
	if (passed == 1 && r->trial->load)
		passed = run_load(r, e);
	if (passed == 1 && !r->trial->ready && !r->trial->load)
		passed = wait_for_end(r);
	if (passed == 1)
		passed = stop_service(r);
	return passed;
}

static int start(struct run *r, struct wh_error *e)
{
	struct wh_sandbox sandbox = r->trial->sandbox;
	wh_auto(fd) null = -1;
	wh_auto(fd) out = -1;
	wh_auto(fd) err = -1;
	int result;

	sandbox.out = STDERR_FILENO;
	sandbox.err = -1;
	if (r->trial->quiet) {
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		if (null < 0)
			return wh_error_errno(e, errno, "/dev/null");
		sandbox.out = sandbox.err = null;
	}
	if (r->trial->ready) {
		result = wh_ready_new(r->trial->ready, true, &r->ready, &out, &err, e);
		if (result < 0)
			return result;
		if (out >= 0)
			sandbox.out = out;
		if (err >= 0)
			sandbox.err = err;
	}
	return wh_sandbox_start(&sandbox, &r->service, &r->listener, e);
}

int wh_trial_run(const struct wh_trial *trial, struct wh_trial_result *ret_result,
		 struct wh_error *e)
{
	struct wh_trial_result *result = calloc(1, sizeof(*result));
	struct run r = {
		.trial = trial, .result = result, .listener = -1, .service = -1, .load = -1};
	struct wh_error own = {0};
	int listener = -1, err;

	if (!result)
		return wh_error_oom(e);
	r.began = now();
	if (seccomp_notify_alloc(&r.request, &r.response) < 0) {
		free(result);
		return wh_error_set(e, ENOSYS, "this kernel has no seccomp notifications");
	}
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) {
		err = wh_error_errno(&own, errno, "PR_SET_CHILD_SUBREAPER");
	} else if (!may_start(&r, &own)) {
		err = 0;
	} else {
		err = trial->prepare ? prepare(&r, &own) : 0;
		if (err == 0)
			err = start(&r, &own);
		listener = r.listener;
		if (err == 0)
			err = follow(&r, &own);
	}
	/* A task that waits for an answer cannot be killed before the listener is closed. */
	wh_util_close(listener);
	wh_sandbox_kill_all();
	wh_ready_free(r.ready);
	seccomp_notify_free(r.request, r.response);
	if (err >= 0) {
		result->passed = err == 1;
		result->seconds = now() - r.began;
		*ret_result = *result;
		err = 0;
	} else if (err == -EINTR && !own.err) {
		wh_error_set(e, EINTR, "interrupted; nothing is left running");
	} else {
		wh_error_set(e, own.err, "%s", own.text);
	}
	free(result);
	return err;
}
