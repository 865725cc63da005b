// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/wait.h>

#include "audit/audit.h"
#include "cli/cli.h"
#include "container/program.h"
#include "whittle/command.h"

/* struct reader - a program that prints a log. */
struct reader {
	const char *option, *argv[8];
};

/* The journal keeps which records came from the kernel: what a service prints is not among them. */
static const struct reader readers[] = {
	{"dmesg", {"dmesg", NULL}},
	{"journal",
	 {"journalctl", "--no-pager", "--quiet", "--output=short-iso", "_TRANSPORT=kernel",
	  "_TRANSPORT=audit", NULL}},
};

static int start(const struct reader *reader, pid_t *ret_pid, FILE **ret, struct wh_error *e)
{
	wh_auto(container_program) p = {0};
	wh_auto(fd) null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	wh_auto(fd) from = -1;
	wh_auto(fd) to = -1;
	int fds[2], err;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return wh_error_errno(e, errno, "cannot make a pipe");
	from = fds[0];
	to = fds[1];
	wh_program_add_all(&p, (char *const *)(uintptr_t)reader->argv);
	err = wh_program_start(&p, &(struct wh_program_setting){.in = null, .out = to, .err = -1},
			       ret_pid, e);
	if (err < 0)
		return err;
	*ret = fdopen(from, "r");
	/* Without a reader it ends by itself. */
	if (!*ret)
		return wh_error_oom(e);
	wh_take_fd(&from);
	return 0;
}

static int read_program(struct wh_audit *a, const struct reader *reader, struct wh_error *e)
{
	struct wh_buf how = {0};
	wh_auto(file) f = NULL;
	int status, err;
	pid_t pid;

	err = start(reader, &pid, &f, e);
	if (err < 0)
		return err;
	err = wh_audit_read(a, f, reader->argv[0], e);
	/* It would wait for a reader for ever. */
	fclose(wh_take(f));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return wh_error_errno(e, errno, "waitpid");
	if (err < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return err;
	wh_command_status(&how, status);
	wh_error_set(e, EACCES, "%s %s: may this user read the kernel's log? Try with sudo",
		     reader->argv[0], how.data ? how.data : "failed");
	wh_buf_free(&how);
	return -EACCES;
}

static int read_file(struct wh_audit *a, const char *path, struct wh_error *e)
{
	wh_auto(file) f = NULL;
	const char *slash = strrchr(path, '/');

	if (strcmp(path, "-") == 0)
		return wh_audit_read(a, stdin, "standard input", e);
	f = fopen(path, "re");
	if (!f)
		return wh_error_errno(e, errno, "cannot open %s", path);
	return wh_audit_read(a, f, slash && slash[1] ? slash + 1 : path, e);
}

static int read_all(const struct wh_cli_args *args, struct wh_audit *a, struct wh_error *e)
{
	int stdins = 0, err = 0;
	bool any = args->n_rest > 0;

	for (int i = 0; i < args->n_rest; i++)
		stdins += strcmp(args->rest[i], "-") == 0;
	if (stdins > 1)
		return wh_error_set(e, EINVAL, "- is given twice; standard input can be read once");
	for (size_t i = 0; err == 0 && i < WH_ARRAY_SIZE(readers); i++) {
		if (!wh_cli_value(args, readers[i].option))
			continue;
		any = true;
		err = read_program(a, &readers[i], e);
	}
	if (!any)
		return wh_error_set(e, EINVAL,
				    "missing log; give a FILE, - for standard input, --dmesg or "
				    "--journal");
	for (int i = 0; err == 0 && i < args->n_rest; i++)
		err = read_file(a, args->rest[i], e);
	return err;
}

static void say_some(size_t n, const char *what, const char *names)
{
	if (n)
		fprintf(stderr, "  %zu %s%s%s\n", n, what, *names ? ": " : "", names);
}

static int say(const struct wh_audit_summary *s, struct wh_error *e)
{
	size_t n = s->denied + s->allowed + s->seccomp + s->unread;
	wh_auto(str) profile = wh_cli_safe(s->profile);
	wh_auto(str) others = wh_cli_safe(s->other_names);

	if (!profile || !others)
		return wh_error_oom(e);
	fprintf(stderr, "%zu record%s%s%s\n", n, n == 1 ? "" : "s", *profile ? " of " : "",
		profile);
	say_some(s->denied, "denied", "");
	say_some(s->allowed, "let pass in complain mode", "");
	say_some(s->seccomp, "of seccomp", "");
	say_some(s->unread, "not understood: each is a gap, see whittle show", "");
	say_some(s->lost, "times records were lost: there may have been more", "");
	say_some(s->repeated, "read twice, counted once", "");
	say_some(s->early, "older than --since, left out", "");
	say_some(s->others, "of others, left out", others);
	return 0;
}

static int audit(const struct wh_cli_args *args, struct wh_error *e)
{
	const char *since = wh_cli_value(args, "since"), *output = wh_cli_value(args, "output");
	struct wh_audit_options options = {.profile = wh_cli_value(args, "profile"),
					   .program = wh_cli_value(args, "exe")};
	wh_auto(audit) a = wh_audit_new();
	wh_auto(trace) trace = NULL;
	struct wh_audit_summary summary;
	int err = a ? 0 : wh_error_oom(e);

	if (err == 0 && since)
		err = wh_audit_since(since, time(NULL), &options.since, e);
	if (err == 0)
		err = read_all(args, a, e);
	if (err == 0)
		err = wh_audit_trace(a, &options, &trace, &summary, e);
	if (err == 0)
		err = wh_trace_json_write(trace, output ? output : "-", e);
	if (err == 0)
		err = say(&summary, e);
	return err;
}

static int run(const struct wh_cli_args *args, struct wh_error *e)
{
	return audit(args, e) < 0 ? WH_CLI_TROUBLE : WH_CLI_FINE;
}

static const struct wh_cli_option options[] = {
	{"output", 'o', "TRACE", "write the trace there (default: standard output)"},
	{"profile", 0, "NAME", "records of that AppArmor profile (default: the only one)"},
	{"exe", 0, "PATH", "and of seccomp those of that program, whatever its profile"},
	{"since", 0, "WHEN", "not older: 30s, 5m, 2h, 3d, @SECONDS, \"2026-11-28 13:45\" (UTC)"},
	{"dmesg", 0, NULL, "read what dmesg prints"},
	{"journal", 0, NULL, "read what the kernel wrote to the journal, by journalctl"},
	{NULL},
};

const struct wh_cli_command wh_audit_command = {
	.name = "audit",
	.summary = "make a trace of what the kernel's log says was denied",
	.operands = "[FILE…|-]",
	.about =
		"Reads denials of AppArmor, what a profile in complain mode let pass, and "
		"seccomp's "
		"records, as facts of phase audit. A FILE is the output of dmesg or journalctl, "
		"kern.log, or auditd's audit.log. A log knows only what was denied: merge the "
		"trace "
		"with the recording that the profile was made of, and generate again. See what you "
		"let in: whittle show. What cannot be read is a gap; records of others are left "
		"out "
		"and counted.",
	.details =
		"The log of a service is not to be given: it could write such lines itself. "
		"The kernel limits the rate at which it writes, and writes a capability "
		"once: repeat it until nothing is denied. A capability that was denied is added: "
		"the log does not tell whether the service would do without.",
	.example = "whittle audit --dmesg --profile whittle-web -o denied.trace\n"
		   "whittle merge -o all.trace web/trace.json denied.trace\n"
		   "whittle generate -o web all.trace",
	.options = options,
	.min_operands = 0,
	.max_operands = -1,
	.run = run,
};
