// SPDX-License-Identifier: Apache-2.0
#include "container/commandline.h"

/* Options that take a value, which must not be taken for a command or an id. */
static const struct option {
	const char *command; /* NULL: before it */
	const char *name;
	size_t to; /* 0: it does not concern us */
} options[] = {
#define TO(member) offsetof(struct wh_commandline, member) + 1
	{NULL, "root", TO(root)},
	{NULL, "log", TO(log)},
	{NULL, "log-format", TO(log_format)},
	{NULL, "log-level", 0},
	{NULL, "criu", 0},
	{NULL, "rootless", 0},
	{NULL, "cgroup-manager", 0},
	{"create", "bundle", TO(bundle)},
	{"create", "b", TO(bundle)},
	{"create", "config", TO(config)},
	{"create", "f", TO(config)},
	{"create", "console-socket", 0},
	{"create", "pid-file", 0},
	{"create", "pidfd-socket", 0},
	{"create", "preserve-fds", 0},
	{"exec", "console-socket", 0},
	{"exec", "cwd", 0},
	{"exec", "env", 0},
	{"exec", "e", 0},
	{"exec", "user", 0},
	{"exec", "u", 0},
	{"exec", "additional-gids", 0},
	{"exec", "g", 0},
	{"exec", "process", 0},
	{"exec", "p", 0},
	{"exec", "pid-file", 0},
	{"exec", "pidfd-socket", 0},
	{"exec", "process-label", 0},
	{"exec", "apparmor", 0},
	{"exec", "cap", 0},
	{"exec", "c", 0},
	{"exec", "preserve-fds", 0},
	{"exec", "cgroup", 0},
#undef TO
};

/* "--name", "--name=value", and with one dash, as the Go library of runc takes them. */
static const struct option *find(const char *command, const char *word, const char **ret_value)
{
	const char *name = word + 1 + (word[1] == '-');
	size_t len = strcspn(name, "=");

	*ret_value = name[len] ? name + len + 1 : NULL;
	for (size_t i = 0; i < WH_ARRAY_SIZE(options); i++) {
		const struct option *o = &options[i];

		if (wh_util_streq(o->command, command) && strlen(o->name) == len &&
		    memcmp(o->name, name, len) == 0)
			return o;
	}
	return NULL;
}

/* Return: the first word that is no option. */
static char *const *parse_options(char *const *word, const char *command,
				  struct wh_commandline *ret)
{
	for (; *word && (*word)[0] == '-' && (*word)[1]; word++) {
		const char *value;
		const struct option *o;

		if (strcmp(*word, "--") == 0)
			return word + 1;
		o = find(command, *word, &value);
		if (!o)
			continue;
		if (!value) {
			if (!word[1])
				continue;
			value = *++word;
		}
		if (o->to)
			*(const char **)((char *)ret + o->to - 1) = value;
	}
	return word;
}

void wh_commandline_parse(char *const *argv, struct wh_commandline *ret)
{
	const char *like;

	*ret = (struct wh_commandline){0};
	argv = parse_options(argv, NULL, ret);
	if (!*argv)
		return;
	ret->command = *argv++;
	like = strcmp(ret->command, "run") == 0 ? "create" : ret->command;
	argv = parse_options(argv, like, ret);
	ret->id = *argv;
}
