// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"
#include "container/commandline.h"
#include "container/install.h"
#include "container/ocilog.h"
#include "container/destination.h"
#include "container/real.h"
#include "container/rundir.h"
#include "tracer/control.h"
#include "whittle/command.h"

#define DOCKER_CONFIG	"/etc/docker/daemon.json"
#define NAME		"whittle" /* of the runtime, to the engine */
#define JOIN_TIMEOUT_MS 10000

/* ---- create and run -------------------------------------------------------------------------- */

static int absolute(const char *path, char **ret, struct wh_error *e)
{
	*ret = realpath(path, NULL);
	return *ret ? 0 : wh_error_errno(e, errno, "%s", path);
}

/* Variables that the hook needs: it has no others. */
static int add_env(const char **env, size_t *n, char **keep, const char *name)
{
	const char *value = getenv(name);

	if (!value)
		return 0;
	if (asprintf(keep, "%s=%s", name, value) < 0) {
		*keep = NULL;
		return -ENOMEM;
	}
	env[(*n)++] = *keep;
	return 0;
}

static int add_hook(const struct wh_commandline *line, const char *config, const char *output,
		    struct wh_error *e)
{
	const char *argv[7] = {"whittle", "hook"}, *env[3] = {NULL};
	wh_auto(str) self = NULL;
	wh_auto(str) root = NULL;
	wh_auto(str) path = NULL;
	wh_auto(str) runtime_dir = NULL;
	size_t n = 2, n_env = 0;
	int err = absolute("/proc/self/exe", &self, e);

	if (err < 0)
		return err;
	/* The hook has another folder to start from, and the runtime may be yet to make this one. */
	if (line->root) {
		wh_auto(str) cwd = *line->root == '/' ? strdup("") : getcwd(NULL, 0);

		if (!cwd || asprintf(&root, "%s%s%s", cwd, *cwd ? "/" : "", line->root) < 0) {
			root = NULL;
			return wh_error_oom(e);
		}
		argv[n++] = "--root";
		argv[n++] = root;
	}
	if (output) {
		argv[n++] = "--output";
		argv[n++] = output;
	}
	if (add_env(env, &n_env, &path, "PATH") < 0 ||
	    add_env(env, &n_env, &runtime_dir, "XDG_RUNTIME_DIR") < 0)
		return wh_error_oom(e);
	return wh_oci_add_hook(config, self, argv, env, e);
}

/* What the hook will find wrong: here it can be said to the engine in its own way. */
static int check_place(const struct wh_oci *oci, const char *output,
		       const struct wh_settings *settings, struct wh_error *e)
{
	struct wh_identity identity = {0};
	struct wh_destination place = {0};
	int err = wh_identity_find(oci, &identity, e);

	if (err == 0)
		err = wh_destination_find(oci, &identity, output, settings, &place, e);
	if (err == 0)
		err = wh_destination_check(&place, e);
	wh_destination_release(&place);
	wh_identity_release(&identity);
	return err;
}

static int create(const struct wh_commandline *line, const char *output,
		  const struct wh_settings *settings, struct wh_error *e)
{
	wh_auto(str) bundle = NULL;
	wh_auto(str) config = NULL;
	wh_auto(oci) oci = NULL;
	int err;

	/* The runtime says better what it takes. */
	if (!line->id)
		return 0;
	err = absolute(line->bundle ? line->bundle : ".", &bundle, e);
	if (err < 0)
		return err;
	if (line->config)
		config = strdup(line->config);
	else if (asprintf(&config, "%s/config.json", bundle) < 0)
		config = NULL;
	if (!config)
		return wh_error_oom(e);
	err = wh_oci_config_read(line->id, bundle, config, &oci, e);
	if (err == 0)
		err = check_place(oci, output, settings, e);
	return err < 0 ? err : add_hook(line, config, output, e);
}

/* ---- exec ------------------------------------------------------------------------------------ */

static int join_at(const char *id, const char *root, struct wh_error *e)
{
	wh_auto(str) socket = NULL;
	char words[32];
	int err = wh_rundir_control(id, root, &socket, e);

	snprintf(words, sizeof(words), "join %d", (int)getpid());
	return err < 0 ? err : wh_control_ask(socket, words, JOIN_TIMEOUT_MS, e);
}

static bool is_recorded(int err)
{
	return err != -ENOENT && err != -ECONNREFUSED;
}

/*
 * From here on the recorder sees what this process does, which is about to become the runtime. A container that nobody
 * records, or no longer, is none of ours. What is recorded and does not let us join, or does not answer, is entered all the same.
 */
static void join(const struct wh_commandline *line)
{
	struct wh_error e = {0};
	int err;

	if (!line->id)
		return;
	err = join_at(line->id, line->root, &e);
	/* The hook of Podman and CRI-O is not told of the root. */
	if (err < 0 && !is_recorded(err) && line->root) {
		wh_error_clear(&e);
		err = join_at(line->id, NULL, &e);
	}
	if (err < 0 && is_recorded(err))
		fprintf(stderr, "whittle runtime: not recorded: %s\n", e.text);
}

/* ---- the wrapper ----------------------------------------------------------------------------- */

static int become_runtime(const char *path, char **argv, struct wh_error *e)
{
	/* One place in front of the runtime's arguments is the command's own name, and free. */
	char **with = argv - 1;

	with[0] = (char *)(uintptr_t)path;
	execv(path, with);
	return wh_command_exec_failed(path, errno, e);
}

static int wrap(const struct wh_cli_args *args, struct wh_error *e)
{
	const char *output = wh_cli_value(args, "output"), *name = wh_cli_value(args, "runtime");
	wh_auto(settings) settings = {0};
	wh_auto(str) real = NULL;
	struct wh_commandline line;
	bool creates;
	int err;

	wh_commandline_parse(args->rest, &line);
	creates = line.command &&
		  (strcmp(line.command, "create") == 0 || strcmp(line.command, "run") == 0);
	err = wh_settings_read(WH_SETTINGS_FILE, &settings, creates ? e : NULL);
	/* A container can be stopped and removed whatever has become of the settings. */
	if (!creates)
		err = 0;
	if (err == 0)
		err = wh_real_find(name ? name : settings.runtime, &real, e);
	if (err == 0 && creates)
		err = create(&line, output, &settings, e);
	if (err == 0 && line.command && strcmp(line.command, "exec") == 0)
		join(&line);
	if (err == 0)
		err = become_runtime(real, args->rest, e);
	if (line.log) {
		wh_auto(str) text = NULL;

		if (asprintf(&text, "whittle runtime: %s", e->text) < 0)
			text = NULL;
		wh_ocilog_error(line.log, line.log_format && strcmp(line.log_format, "json") == 0,
				text ? text : e->text);
	}
	return err;
}

/* ---- install and uninstall ------------------------------------------------------------------- */

static int check_name(const char *name, struct wh_error *e)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";

	if (strspn(name, letters) != strlen(name) || strcmp(name, "runc") == 0)
		return wh_error_set(e, EINVAL,
				    "--name %s: give small letters, digits, _ and -, and not the "
				    "name of the engine's own runtime, runc",
				    name);
	return 0;
}

/* Docker makes a shell script of a runtime that has arguments, and quotes nothing. */
static int check_word(const char *what, const char *word, struct wh_error *e)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:,=%";

	if (word && strspn(word, letters) != strlen(word))
		return wh_error_set(e, EINVAL,
				    "%s %s: Docker can only take letters, digits and /._-+@:,=%% "
				    "here; move it, or choose another name",
				    what, word);
	return 0;
}

static void what_next(const char *name, bool installed)
{
	puts("Now tell the engine, which stops no container for that:\n"
	     "  systemctl reload docker        (or: kill -HUP $(cat /run/docker.pid))");
	if (installed)
		printf("Then record a container:\n  docker run --runtime %s IMAGE\n", name);
}

static int install(const struct wh_cli_args *args, const char *config, const char *name,
		   struct wh_error *e)
{
	const char *runtime = wh_cli_value(args, "runtime"), *output = wh_cli_value(args, "output");
	const char *words[5] = {NULL};
	wh_auto(str) self = NULL;
	wh_auto(str) real = NULL;
	size_t n = 0;
	int err = absolute("/proc/self/exe", &self, e);

	if (err == 0)
		err = wh_real_find(runtime, &real, e);
	if (err == 0 && output && *output != '/')
		err = wh_error_set(e, EINVAL, "--output %s: not an absolute path", output);
	if (err == 0)
		err = check_word("this program,", self, e);
	if (err == 0)
		err = check_word("--runtime", runtime, e);
	if (err == 0)
		err = check_word("--output", output, e);
	if (err < 0)
		return err;
	if (runtime) {
		words[n++] = "--runtime";
		words[n++] = runtime;
	}
	if (output) {
		words[n++] = "--output";
		words[n++] = output;
	}
	err = wh_install_add(config, name, self, words, e);
	if (err < 0)
		return err;
	printf("%s: the runtime '%s' %s (it calls %s).\n", config, name,
	       err ? "is added" : "was there already", real);
	what_next(name, true);
	return 0;
}

static int uninstall(const char *config, const char *name, struct wh_error *e)
{
	int err = wh_install_remove(config, name, e);

	if (err < 0)
		return err;
	printf("%s: the runtime '%s' %s.\n", config, name,
	       err ? "is removed" : "was not there: nothing was changed");
	if (err)
		what_next(name, false);
	return 0;
}

static int change_engine(const struct wh_cli_args *args, bool add, struct wh_error *e)
{
	const char *config = wh_cli_value(args, "config"), *name = wh_cli_value(args, "name");
	int err;

	config = config ? config : DOCKER_CONFIG;
	name = name ? name : NAME;
	err = check_name(name, e);
	if (err < 0)
		return err;
	return add ? install(args, config, name, e) : uninstall(config, name, e);
}

static const struct wh_cli_option install_options[] = {
	{"runtime", 0, "NAME", "the real one: runc, crun or a path (default: runc, else crun)"},
	{"output", 'o', "PATH", "file or folder for traces (default: see 'man whittle', hook)"},
	{"name", 'n', "NAME", "what the engine calls it (default " NAME ")"},
	{"config", 0, "FILE", "the engine's configuration (default " DOCKER_CONFIG ")"},
	{"engine", 0, "docker", "whose configuration it is", true},
	{NULL},
};

static int run_install(const struct wh_cli_args *args, struct wh_error *e)
{
	return change_engine(args, true, e);
}

static int run_uninstall(const struct wh_cli_args *args, struct wh_error *e)
{
	return change_engine(args, false, e);
}

/* What follows whittle's own options, unless it is for the real runtime. */
static const struct wh_cli_command words[] = {
	{
		.name = "runtime install",
		.operands = "",
		.about = "Makes whittle a runtime of Docker. All else in its configuration stays "
			 "as it "
			 "is; once more changes nothing more.",
		.example = "whittle runtime install --runtime crun --output /srv/traces/",
		.options = install_options,
		.run = run_install,
	},
	{
		.name = "runtime uninstall",
		.operands = "",
		.about = "Takes out of Docker's configuration what 'whittle runtime install' has "
			 "put "
			 "into it.",
		.example = "whittle runtime uninstall && systemctl reload docker",
		.options = install_options,
		.run = run_uninstall,
	},
};

static int run_word(const struct wh_cli_command *word, const struct wh_cli_args *args,
		    struct wh_error *e)
{
	struct wh_cli_args own;

	for (int i = 0; args->command->options[i].name; i++)
		if (args->value[i])
			return wh_error_set(e, EINVAL, "--%s comes after %s: whittle %s --%s …",
					    args->command->options[i].name, args->rest[0],
					    word->name, args->command->options[i].name);
	if (wh_cli_parse(word, args->n_rest - 1, args->rest + 1, &own, e) < 0)
		return -EINVAL;
	if (own.help) {
		wh_cli_help_command(stdout, word);
		return 0;
	}
	return word->run(&own, e);
}

static int run(const struct wh_cli_args *args, struct wh_error *e)
{
	const struct wh_cli_command *word = NULL;
	int err;

	for (size_t i = 0; args->n_rest && i < WH_ARRAY_SIZE(words); i++)
		if (strcmp(strchr(words[i].name, ' ') + 1, args->rest[0]) == 0)
			word = &words[i];
	err = word ? run_word(word, args, e) : wrap(args, e);
	return err < 0 ? WH_CLI_TROUBLE : WH_CLI_FINE;
}

static const struct wh_cli_option options[] = {
	{"runtime", 0, "NAME", "the real one: runc, crun or a path (default: runc, else crun)"},
	{"output", 'o', "PATH", "file or folder for traces (default: see 'man whittle', hook)"},
	{NULL},
};

const struct wh_cli_command wh_runtime_command = {
	.name = "runtime",
	.summary = "record containers: an OCI runtime that calls the real one",
	.operands = "install|uninstall|-- ARG…",
	.takes_command = true,
	.about = "Calls runc or crun with the same arguments, and has each container recorded that "
		 "is "
		 "created; what is executed in it later joins. 'install' makes it a runtime of "
		 "Docker, "
		 "'uninstall' undoes that; see 'whittle runtime install --help'.",
	.details =
		"For 'create' and 'run' it adds 'whittle hook' to the bundle's config.json; for "
		"'exec' "
		"it joins the recording; all else is passed on as it is. Called by the name "
		"whittle-runtime, all arguments are the real runtime's, as engines want it that "
		"can be "
		"told but a path (podman --runtime): then \"runtime\" and \"output\" "
		"in " WH_SETTINGS_FILE
		" say what the options would. Killing the recorder leaves the container running. "
		"'install' and 'uninstall' take --config FILE (default " DOCKER_CONFIG
		"), --name NAME (default " NAME
		") and, for what the engine is to call, --runtime and --output.",
	.example = "whittle runtime install && systemctl reload docker\n"
		   "docker run --runtime whittle -e WHITTLE_TRACE=/srv/traces/ IMAGE\n"
		   "whittle runtime -- run --bundle /srv/web web",
	.options = options,
	.min_operands = 1,
	.max_operands = -1,
	.run = run,
};
