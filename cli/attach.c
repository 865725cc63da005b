// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <limits.h>

#include "cli/cli.h"
#include "cli/record.h"
#include "container/running.h"
#include "tracer/procfs.h"

static int read_options(const struct wh_cli_args *args, struct wh_record_options *o,
			struct wh_error *e)
{
	o->name = wh_cli_value(args, "name");
	o->load = wh_cli_value(args, "load");
	if (wh_cli_seconds(args, "duration", 0, &o->duration, e) < 0 ||
	    wh_cli_seconds(args, "until-stable", 0, &o->until_stable, e) < 0)
		return -EINVAL;
	return 0;
}

/*
 * What a process is called: as it was executed (redis-server is a link to another name), which it may have changed since; or
 * where that is but cut to its 15 bytes, in full.
 */
static int name_process(pid_t pid, char **ret_name, struct wh_error *e)
{
	wh_auto(fd) proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	wh_auto(str) path = NULL;
	char file[32], comm[64];
	const char *base = NULL;

	snprintf(file, sizeof(file), "%d/comm", (int)pid);
	if (wh_procfs_read(proc_fd, file, comm, sizeof(comm)) <= 0)
		comm[0] = '\0';
	comm[strcspn(comm, "\n")] = '\0';
	if (wh_procfs_exe(proc_fd, pid, &path) < 0)
		path = NULL;
	if (path && strrchr(path, '/'))
		base = strrchr(path, '/') + 1;
	if (!base || !wh_util_has_prefix(base, comm))
		base = comm;
	*ret_name = strdup(*base ? base : "service");
	return *ret_name ? 0 : wh_error_oom(e);
}

static int default_output(const char *name, bool given, char **ret_path, struct wh_error *e)
{
	if (strchr(name, '/') || !*name)
		return wh_error_set(e, EINVAL, "%s%s: no name for a file; say where with -o",
				    given ? "--name " : "", name);
	return asprintf(ret_path, "%s.trace.json", name) < 0 ? wh_error_oom(e) : 0;
}

static int attach(const struct wh_cli_args *args, struct wh_record_attach *what,
		  const struct wh_running *found, bool *ret_failed, struct wh_error *e)
{
	const char *output = wh_cli_value(args, "output");
	struct wh_record_options options = {.attach = what};
	wh_auto(str) name = NULL;
	wh_auto(str) place = NULL;
	int err = read_options(args, &options, e);

	if (err == 0 && !options.name) {
		if (found->about.id)
			options.name = found->about.name ? found->about.name : found->about.id;
		else if ((err = name_process(what->pid, &name, e)) == 0)
			options.name = name;
	}
	if (err == 0 && !output) {
		err = default_output(options.name, wh_cli_value(args, "name"), &place, e);
		output = place;
	}
	return err < 0 ? err : wh_cli_record_run(NULL, &options, output, ret_failed, e);
}

/* A number is a process: so an id that is one cannot be used, but a part of it with a letter can. */
static int find(const char *word, struct wh_record_attach *what, struct wh_running *found,
		struct wh_record_container *container, struct wh_error *e)
{
	uint64_t pid;
	int err;

	if (word[strspn(word, "0123456789")] == '\0') {
		if (wh_util_parse_u64(word, &pid) < 0 || pid < 1 || pid > INT_MAX)
			return wh_error_set(e, EINVAL, "%s is no process id", word);
		what->pid = (pid_t)pid;
		return 0;
	}
	err = wh_running_find(word, found, e);
	if (err < 0)
		return err;
	*container = (struct wh_record_container){
		.init = found->about.pid,
		.engine = found->engine,
		.id = found->about.id,
		.name = found->about.name,
		.image = found->about.image,
		.runtime = found->about.runtime,
	};
	what->pid = found->about.pid;
	what->container = container;
	return 0;
}

static int run(const struct wh_cli_args *args, struct wh_error *e)
{
	struct wh_record_container container;
	struct wh_running found = {0};
	struct wh_record_attach what = {0};
	bool failed = false;
	int err = find(args->rest[0], &what, &found, &container, e);

	if (err == 0)
		err = attach(args, &what, &found, &failed, e);
	wh_running_release(&found);
	if (err < 0)
		return WH_CLI_TROUBLE;
	return failed ? WH_CLI_NO : WH_CLI_FINE;
}

static const struct wh_cli_option options[] = {
	{"output", 'o', "TRACE", "the trace (default NAME.trace.json; - is stdout)"},
	{"name", 'n', "NAME", "name of the service (default: container's or program's)"},
	{"load", 'l', "CMD", "shell command to run once it is watched"},
	{"duration", 'd', "S", "watch so long, at most"},
	{"until-stable", 0, "S", "end when nothing new was seen for so long"},
	{NULL},
};

const struct wh_cli_command wh_attach_command = {
	.name = "attach",
	.summary = "record a service or a container that is already running",
	.operands = "CONTAINER|PID",
	.about =
		"Watches a running container of Docker, Podman, runc or crun, or a process with "
		"all "
		"that it has started, and then lets it go on as if nothing had been. Ends with the "
		"load, after --duration or --until-stable, or at Ctrl-C. Its start-up was not "
		"seen: the trace says so, and a profile needs another recording for that.",
	.details =
		"What is open and mapped already is recorded as found. The service is never sent a "
		"signal: Ctrl-C, SIGTERM, SIGQUIT and SIGHUP end the watching, and if whittle is "
		"killed the "
		"service goes on. A process that is traced already cannot be watched. What is "
		"executed "
		"in a container meanwhile (docker exec) joins; of one that ended too soon "
		"there is a gap with its name. Exit "
		"status 1: "
		"the service failed or the load did; the trace is written and says so.",
	.example = "whittle attach --load 'curl -s http://localhost/' web\n"
		   "whittle attach -o redis.trace --duration 60s \"$(pidof redis-server)\"",
	.options = options,
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};
