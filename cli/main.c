// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <signal.h>

#include "cli/cli.h"

static int run_help(const struct wh_cli_args *args, struct wh_error *e);

static const struct wh_cli_option help_options[] = {
	{"man", 0, NULL, "print the man page, for 'man -l'", false},
	{"completion", 0, "bash|zsh", "print completion for this shell", true},
	{NULL},
};

static const struct wh_cli_command help_command = {
	.name = "help",
	.summary = "show help, the man page or shell completion",
	.operands = "[COMMAND]",
	.about = "Shows the help of whittle or of one command, or prints the man page or the "
		 "completion "
		 "for a shell.",
	.example = "whittle help --man | man -l -\n"
		   "source <(whittle help --completion bash)",
	.options = help_options,
	.min_operands = 0,
	.max_operands = 1,
	.run = run_help,
};

/* In the order in which they are shown: that of the work. */
static const struct wh_cli_command *const commands[] = {
	&wh_record_command,
	&wh_attach_command,
	&wh_audit_command,
	&wh_generate_command,
	&wh_merge_command,
	&wh_show_command,
	&wh_explain_command,
	&wh_verify_command,
	&wh_diff_command,
	&wh_runtime_command,
	&wh_hook_command,
	&help_command,
	NULL,
};

static const struct wh_cli_command *find_command(const char *name, struct wh_error *e)
{
	const char *names[WH_ARRAY_SIZE(commands)], *meant;
	size_t n = 0;

	for (; commands[n]; n++) {
		if (strcmp(commands[n]->name, name) == 0)
			return commands[n];
		names[n] = commands[n]->name;
	}
	meant = wh_cli_closest(name, names, n);
	if (meant)
		wh_error_set(e, EINVAL, "unknown command '%s'; did you mean '%s'?", name, meant);
	else
		wh_error_set(e, EINVAL, "unknown command '%s'; see 'whittle --help'", name);
	return NULL;
}

static int run_help(const struct wh_cli_args *args, struct wh_error *e)
{
	const char *shell = wh_cli_value(args, "completion");
	bool man = wh_cli_value(args, "man");
	const struct wh_cli_command *command;

	if (man + (shell != NULL) + (args->n_rest > 0) > 1) {
		wh_error_set(e, EINVAL, "one thing at a time: COMMAND, --man or --completion");
		return WH_CLI_TROUBLE;
	}
	if (args->n_rest) {
		command = find_command(args->rest[0], e);
		if (!command)
			return WH_CLI_TROUBLE;
		wh_cli_help_command(stdout, command);
	} else if (man) {
		wh_cli_man(stdout, commands);
	} else if (shell) {
		(strcmp(shell, "zsh") == 0 ? wh_cli_completion_zsh
					   : wh_cli_completion_bash)(stdout, commands);
	} else {
		wh_cli_help(stdout, commands);
	}
	return WH_CLI_FINE;
}

/* Who reads our output must get all of it, or we must say that they did not. */
static int close_stdout(struct wh_error *e)
{
	bool failed = ferror(stdout);
	int r = 0;

	if (fflush(stdout) != 0)
		r = -errno;
	else if (failed)
		r = -EPIPE; /* it failed earlier, and nobody kept the reason */
	/* Some file systems report a full disk only when the file is closed. */
	if (close(STDOUT_FILENO) < 0 && !r && errno != EBADF)
		r = -errno;
	if (r == -EPIPE)
		wh_error_set(e, EPIPE,
			     "cannot write all to standard output; is its reader gone, or its disk "
			     "full?");
	else if (r < 0)
		wh_error_errno(e, r, "cannot write to standard output");
	return r;
}

/* Engines that take the path of a runtime, and nothing else, call it by this name. */
static bool is_runtime(const char *name)
{
	const char *slash = name ? strrchr(name, '/') : NULL;

	return name && strcmp(slash ? slash + 1 : name, "whittle-runtime") == 0;
}

static int run(int argc, char **argv, const struct wh_cli_command **ret_command, struct wh_error *e)
{
	const struct wh_cli_command *command;
	struct wh_cli_args args;

	if (is_runtime(argv[0])) {
		*ret_command = &wh_runtime_command;
		args = (struct wh_cli_args){
			.command = *ret_command, .rest = argv + 1, .n_rest = argc - 1};
		return args.command->run(&args, e);
	}
	if (argc < 2) {
		wh_error_set(e, EINVAL, "missing command; see 'whittle --help'");
		return WH_CLI_TROUBLE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		wh_cli_help(stdout, commands);
		return WH_CLI_FINE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts("whittle " WH_VERSION);
		return WH_CLI_FINE;
	}
	if (argv[1][0] == '-') {
		wh_error_set(e, EINVAL, "unknown option %s; see 'whittle --help'", argv[1]);
		return WH_CLI_TROUBLE;
	}
	command = find_command(argv[1], e);
	if (!command)
		return WH_CLI_TROUBLE;
	*ret_command = command;
	if (wh_cli_parse(command, argc - 2, argv + 2, &args, e) < 0)
		return WH_CLI_TROUBLE;
	if (args.help) {
		wh_cli_help_command(stdout, command);
		return WH_CLI_FINE;
	}
	return command->run(&args, e);
}

static void nothing(int sig)
{
	(void)sig;
}

/*
 * Were we started with a standard stream closed, the next file that we open would become it. Now
 * using it is an error instead: each is opened the wrong way round.
 */
static void hold_streams(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
			_exit(WH_CLI_TROUBLE);
	}
}

int main(int argc, char **argv)
{
	const struct wh_cli_command *command = NULL;
	/* A handler, not SIG_IGN: execve undoes it, so that what we start finds SIGPIPE as we did.
	 */
	struct sigaction pipe = {.sa_handler = nothing, .sa_flags = SA_RESTART}, before;
	struct wh_error e = {0};
	int status;

	hold_streams();
	if (sigaction(SIGPIPE, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
		sigaction(SIGPIPE, &pipe, NULL);
	status = run(argc, argv, &command, &e);
	if (close_stdout(&e) < 0)
		status = WH_CLI_TROUBLE;
	wh_assert(!e.err || status != WH_CLI_FINE);
	if (e.err)
		fprintf(stderr, "whittle%s%s: %s\n", command ? " " : "",
			command ? command->name : "", e.text);
	return status;
}
