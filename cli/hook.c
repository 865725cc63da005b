// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "tracer/record.h"
#include "whittle/output.h"

#define CONTROL_FOLDER "/run/whittle"

static int read_state(pid_t *ret_pid, const char **ret_id, json_t **ret_state, struct wh_error *e)
{
	json_error_t error;
	const char *id;
	json_int_t pid;
	json_t *state = json_loadf(stdin, 0, &error);

	if (!state || json_unpack_ex(state, &error, 0, "{s:s, s:I}", "id", &id, "pid", &pid) < 0) {
		json_decref(state);
		return wh_error_set(e, EINVAL, "standard input is no state of a container: %s",
				    error.text);
	}
	*ret_pid = (pid_t)pid;
	*ret_id = id;
	*ret_state = state;
	return 0;
}

static void on_seized(void *data)
{
	int *fd = data, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* The runtime reads what its hook says until nobody holds the other end any more. */
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	wh_util_close(null);
	(void)!write(*fd, "", 1);
	wh_util_close(*fd);
	*fd = -1;
}

/* In the background: until the container has ended. */
static int record(pid_t init, const char *id, const char *output, int told, struct wh_error *e)
{
	wh_auto(str) socket = NULL;
	wh_auto(trace) trace = NULL;
	struct wh_record_container container = {
		.init = init, .id = id, .seized = on_seized, .data = &told};
	struct wh_record_options options = {.container = &container};
	int err;

	if (asprintf(&socket, CONTROL_FOLDER "/%s.sock", id) < 0) {
		socket = NULL;
		return wh_error_oom(e);
	}
	mkdir(CONTROL_FOLDER, 0700);
	container.control = socket;
	err = wh_record_run(&options, &trace, e);
	return err < 0 ? err : wh_trace_json_write(trace, output, e);
}

static int start(pid_t init, const char *id, const char *output, struct wh_error *e)
{
	int pipes[2];
	char c;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return wh_error_errno(e, errno, "pipe");
	pid = fork();
	if (pid < 0)
		return wh_error_errno(e, errno, "fork");
	if (!pid) {
		struct wh_error own = {0};

		setsid();
		close(pipes[0]);
		if (record(init, id, output, pipes[1], &own) < 0)
			fprintf(stderr, "whittle hook: %s\n", own.text);
		_exit(own.err ? WH_CLI_TROUBLE : WH_CLI_FINE);
	}
	close(pipes[1]);
	if (read(pipes[0], &c, 1) != 1)
		wh_error_set(e, ECHILD, "the recorder did not start");
	close(pipes[0]);
	return e->err ? -e->err : 0;
}

static int run(const struct wh_cli_args *args, struct wh_error *e)
{
	const char *id, *output = wh_cli_value(args, "output");
	json_t *state;
	pid_t init;
	int err = read_state(&init, &id, &state, e);

	if (err < 0)
		return WH_CLI_TROUBLE;
	err = start(init, id, output ? output : "whittle.trace.json", e);
	json_decref(state);
	return err < 0 ? WH_CLI_TROUBLE : WH_CLI_FINE;
}

static const struct wh_cli_option options[] = {
	{"output", 'o', "TRACE", "the trace"},
	{NULL},
};

const struct wh_cli_command wh_hook_command = {
	.name = "hook",
	.summary = "record a container: a createRuntime hook",
	.operands = "",
	.about = "Reads the state of a container from standard input, as an OCI runtime gives it "
		 "to its "
		 "createRuntime hooks, and records the container in the background until it ends.",
	.example = "whittle hook -o /var/lib/traces/web.json < state.json",
	.options = options,
	.min_operands = 0,
	.max_operands = 0,
	.run = run,
};
