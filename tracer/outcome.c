// SPDX-License-Identifier: Apache-2.0
#include "tracer/outcome.h"

#include <signal.h>
#include <sys/wait.h>

#include "whittle/command.h"

static bool exited_fine(int status)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* After whittle's signal any exit status is an answer, and so is death by what whittle sent. */
static bool died_of_its_own(const struct wh_outcome *o)
{
	int sig;

	if (!o->ended)
		return false;
	if (o->by_itself)
		return !exited_fine(o->status) && !(o->forwarded && WIFSIGNALED(o->status) &&
						    WTERMSIG(o->status) == o->forwarded);
	if (WIFEXITED(o->status))
		return false;
	sig = WTERMSIG(o->status);
	return sig != SIGTERM && sig != SIGKILL && sig != o->stop_signal && sig != o->signal &&
	       sig != o->forwarded;
}

static bool load_failed(const struct wh_outcome *o)
{
	if (!o->load)
		return false;
	if (!o->load_started || !o->load_ended)
		/* Whittle cut it short on purpose, or the service went away under it. */
		return o->stop == WH_STOP_NONE;
	return !exited_fine(o->load_status);
}

bool wh_outcome_failed(const struct wh_outcome *o)
{
	return died_of_its_own(o) || load_failed(o) || o->stop == WH_STOP_NOT_READY ||
	       (o->stop == WH_STOP_NONE && o->unready);
}

bool wh_outcome_complete(const struct wh_outcome *o)
{
	switch (o->stop) {
	case WH_STOP_NONE:
	case WH_STOP_DONE:
		return !o->hurried;
	case WH_STOP_SIGNAL:
		return !o->planned && !o->unready && !o->hurried;
	case WH_STOP_NOT_READY:
	case WH_STOP_LOAD_FAILED:
		break;
	}
	return false;
}

static void attached_text(struct wh_buf *b, const struct wh_outcome *o)
{
	if (o->ended && o->by_itself) {
		wh_command_status(b, o->status);
		return;
	}
	/* Its main thread may have ended before the others, and nobody has told us how. */
	wh_buf_adds(b, o->stop == WH_STOP_NONE ? "ended" : "left running");
	if (o->stop == WH_STOP_SIGNAL) {
		wh_buf_adds(b, " at ");
		wh_command_signal(b, o->signal);
	} else if (o->stop == WH_STOP_LOAD_FAILED) {
		wh_buf_adds(b, ": the load failed");
	}
}

void wh_outcome_text(struct wh_buf *b, const struct wh_outcome *o)
{
	if (o->attached) {
		attached_text(b, o);
		return;
	}
	switch (o->stop) {
	case WH_STOP_NONE:
		wh_command_status(b, o->status);
		if (o->unready)
			wh_buf_adds(b, " before it was ready");
		return;
	case WH_STOP_DONE:
		wh_buf_adds(b, "stopped by whittle");
		break;
	case WH_STOP_SIGNAL:
		wh_buf_adds(b, "stopped by ");
		wh_command_signal(b, o->signal);
		break;
	case WH_STOP_NOT_READY:
		wh_buf_addf(b, "not ready within %g s", o->ready_timeout);
		break;
	case WH_STOP_LOAD_FAILED:
		wh_buf_adds(b, "stopped by whittle: the load failed");
		break;
	}
	if (died_of_its_own(o)) {
		wh_buf_adds(b, ", ");
		wh_command_status(b, o->status);
	} else if (o->killed && o->hurried) {
		wh_buf_adds(b, ", killed at once");
	} else if (o->killed) {
		wh_buf_addf(b, ", killed after %g s", o->grace);
	}
}

void wh_outcome_load(struct wh_buf *b, const struct wh_outcome *o)
{
	if (!o->load)
		return;
	if (!o->load_started)
		wh_buf_adds(b, "not started");
	else if (o->load_ended)
		wh_command_status(b, o->load_status);
	else if (o->stop == WH_STOP_NONE)
		wh_buf_adds(b, "stopped: the workload ended first");
	else
		wh_buf_adds(b, "stopped by whittle");
}
