// SPDX-License-Identifier: Apache-2.0
#include "container/runargs.h"

/*
 * The options without a value, of either client (docker 28, podman 5): of all others the next word is one. That is all
 * that has to be known to find the image.
 */
static const struct {
	const char *name;
	char letter;
} flags[] = {
	{"detach", 'd'},
	{"interactive", 'i'},
	{"tty", 't'},
	{"publish-all", 'P'},
	{"quiet", 'q'},
	{"disable-content-trust", 0},
	{"env-host", 0},
	{"help", 'h'},
	{"http-proxy", 0},
	{"init", 0},
	{"no-healthcheck", 0},
	{"no-hostname", 0},
	{"no-hosts", 0},
	{"oom-kill-disable", 0},
	{"passwd", 0},
	{"privileged", 0},
	{"read-only", 0},
	{"read-only-tmpfs", 0},
	{"replace", 0},
	{"rm", 0},
	{"rmi", 0},
	{"rootfs", 0},
	{"sig-proxy", 0},
	{"tls-verify", 0},
	{"unsetenv-all", 0},
	{"use-api-socket", 0},
};

/* Of "run" alone, or without meaning where the container is started and stopped by us. */
static bool is_of_run(const char *name, size_t len)
{
	static const char *const names[] = {"detach", "detach-keys",  "sig-proxy",
					    "rmi",    "preserve-fds", "restart"};

	for (size_t i = 0; i < WH_ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return true;
	return false;
}

static bool is_flag(const char *name, size_t len)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(flags); i++)
		if (strlen(flags[i].name) == len && memcmp(flags[i].name, name, len) == 0)
			return true;
	return false;
}

static bool is_short_flag(char letter)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(flags); i++)
		if (flags[i].letter == letter)
			return true;
	return false;
}

static bool is(const char *name, size_t len, const char *other)
{
	return strlen(other) == len && memcmp(name, other, len) == 0;
}

static void note(struct wh_runargs *r, const char *name, size_t len, const char *value)
{
	bool on = !value || strcmp(value, "false") != 0;

	if (is(name, len, "name"))
		r->name = value;
	else if (is(name, len, "runtime"))
		r->runtime = value;
	else if (is(name, len, "detach"))
		r->detach = on;
	else if (is(name, len, "interactive"))
		r->interactive = on;
	else if (is(name, len, "pull") || is(name, len, "platform") || is(name, len, "rootfs"))
		r->pulls = true;
}

/* "--name", "--name value", "--name=value". Return: how many words it is. */
static size_t parse_long(struct wh_runargs *r, char *const *args)
{
	const char *name = args[0] + 2, *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	size_t n = equals || is_flag(name, len) || !args[1] ? 1 : 2;

	note(r, name, len, equals ? equals + 1 : n == 2 ? args[1] : NULL);
	for (size_t i = 0; i < n && !is_of_run(name, len); i++)
		wh_program_add(&r->options, args[i]);
	return n;
}

/* "-it", "-p 80:80", "-dp80:80". Return: how many words it is. */
static size_t parse_short(struct wh_runargs *r, char *const *args)
{
	char kept[64] = "-";
	size_t n = 1, len = 1;

	for (const char *p = args[0] + 1; *p; p++) {
		if (*p == 'd')
			r->detach = true;
		r->interactive |= *p == 'i';
		if (is_short_flag(*p)) {
			if (*p != 'd' && len + 1 < sizeof(kept))
				kept[len++] = *p;
			continue;
		}
		/* It takes a value: the rest of the word, or the next one. */
		n = p[1] || !args[1] ? 1 : 2;
		kept[len] = '\0';
		wh_program_addf(&r->options, "%s%s", kept, p);
		if (n == 2)
			wh_program_add(&r->options, args[1]);
		return n;
	}
	kept[len] = '\0';
	if (len > 1)
		wh_program_add(&r->options, kept);
	return n;
}

void wh_runargs_parse(char *const *args, struct wh_runargs *ret)
{
	*ret = (struct wh_runargs){0};
	while (args[0] && args[0][0] == '-' && args[0][1]) {
		if (strcmp(args[0], "--") == 0) {
			args++;
			break;
		}
		args += args[0][1] == '-' ? parse_long(ret, args) : parse_short(ret, args);
	}
	ret->image = args[0];
	ret->command = args[0] ? args + 1 : args;
}

void wh_runargs_free(struct wh_runargs *args)
{
	wh_program_free(&args->options);
}
