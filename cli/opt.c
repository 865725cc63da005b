// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "cli/cli.h"

/* Edit distance with a small bound: names longer than this are never suggested. */
#define NAME_MAX_CLOSE 32
#define CHOICES_MAX    32

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Letters to insert, leave out, change, or swap with their neighbour. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][NAME_MAX_CLOSE + 1], n = strlen(a), m = strlen(b);

	if (n > NAME_MAX_CLOSE || m > NAME_MAX_CLOSE)
		return SIZE_MAX;
	for (size_t j = 0; j <= m; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3],
		       *two_above = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			row[j] = least(least(above[j] + 1, row[j - 1] + 1),
				       above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], two_above[j - 2] + 1);
		}
	}
	return rows[n % 3][m];
}

const char *wh_cli_closest(const char *given, const char *const *names, size_t n)
{
	const char *best = NULL;
	size_t best_distance = SIZE_MAX, len = strlen(given);

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(given, names[i]);

		/* Of a longer word, its beginning is as good as a slip of the finger. */
		if (len >= 3 && wh_util_has_prefix(names[i], given))
			d = 1;
		if (d < best_distance) {
			best = names[i];
			best_distance = d;
		}
	}
	return best && best_distance <= 1 + len / 5 && best_distance < strlen(best) ? best : NULL;
}

static int find_long(const struct wh_cli_command *command, const char *name, size_t len)
{
	for (int i = 0; command->options && command->options[i].name; i++) {
		const char *known = command->options[i].name;

		if (strlen(known) == len && memcmp(known, name, len) == 0)
			return i;
	}
	return -1;
}

static int find_short(const struct wh_cli_command *command, char letter)
{
	for (int i = 0; command->options && command->options[i].name; i++) {
		if (command->options[i].letter == letter)
			return i;
	}
	return -1;
}

static int unknown_option(const struct wh_cli_command *command, const char *word, size_t len,
			  struct wh_error *e)
{
	const char *names[WH_CLI_OPTIONS_MAX + 1];
	wh_auto(str) given = strndup(word, len);
	const char *meant;
	size_t n = 0;

	if (!given)
		return wh_error_oom(e);
	for (int i = 0; command->options && command->options[i].name; i++)
		names[n++] = command->options[i].name;
	names[n++] = "help";
	meant = given[1] == '-' ? wh_cli_closest(given + 2, names, n) : NULL;
	if (meant)
		return wh_error_set(e, EINVAL, "unknown option %s; did you mean --%s?", given,
				    meant);
	return wh_error_set(e, EINVAL, "unknown option %s; see 'whittle %s --help'", given,
			    command->name);
}

static bool is_choice(const char *choices, const char *given)
{
	size_t len = strlen(given);

	for (const char *p = choices; *p;) {
		size_t n = strcspn(p, "|");

		if (n == len && memcmp(p, given, n) == 0)
			return true;
		p += n + (p[n] == '|');
	}
	return false;
}

static int unknown_choice(const struct wh_cli_option *o, const char *given, struct wh_error *e)
{
	wh_auto(str) copy = strdup(o->value);
	const char *names[CHOICES_MAX], *meant;
	size_t n = 0;
	char *rest;

	if (!copy)
		return wh_error_oom(e);
	for (char *p = strtok_r(copy, "|", &rest); p; p = strtok_r(NULL, "|", &rest)) {
		wh_assert(n < CHOICES_MAX);
		names[n++] = p;
	}
	meant = wh_cli_closest(given, names, n);
	if (meant)
		return wh_error_set(e, EINVAL, "--%s does not know '%s'; did you mean '%s'?",
				    o->name, given, meant);
	return wh_error_set(e, EINVAL, "--%s does not know '%s'; it takes one of %s", o->name,
			    given, o->value);
}

static int set_value(struct wh_cli_args *args, int i, const char *value, struct wh_error *e)
{
	const struct wh_cli_option *o = &args->command->options[i];

	wh_assert(i < WH_CLI_OPTIONS_MAX);
	if (args->value[i])
		return wh_error_set(e, EINVAL, "--%s is given twice; give it once", o->name);
	if (o->value && !*value)
		return wh_error_set(e, EINVAL, "--%s has an empty value; it takes %s", o->name,
				    o->value);
	if (o->choice && !is_choice(o->value, value))
		return unknown_choice(o, value, e);
	args->value[i] = value;
	return 0;
}

/* The word at argv[*at] is "--name", "--name=value"; moves *at on over a value of its own. */
static int parse_long(struct wh_cli_args *args, int argc, char **argv, int *at, struct wh_error *e)
{
	char *word = argv[*at], *name = word + 2;
	size_t len = strcspn(name, "=");
	int i = find_long(args->command, name, len);
	const struct wh_cli_option *o;

	if (i < 0)
		return unknown_option(args->command, word, len + 2, e);
	o = &args->command->options[i];
	if (!o->value) {
		if (name[len] == '=')
			return wh_error_set(e, EINVAL, "--%s takes no value", o->name);
		return set_value(args, i, "", e);
	}
	if (name[len] == '=')
		return set_value(args, i, name + len + 1, e);
	if (*at + 1 >= argc)
		return wh_error_set(e, EINVAL, "--%s needs a value: --%s %s", o->name, o->name,
				    o->value);
	return set_value(args, i, argv[++*at], e);
}

/* "-o FILE", "-oFILE"; flags may be joined. */
static int parse_short(struct wh_cli_args *args, int argc, char **argv, int *at, struct wh_error *e)
{
	char *word = argv[*at];

	for (char *p = word + 1; *p; p++) {
		int i = find_short(args->command, *p), r;
		const struct wh_cli_option *o;

		if (i < 0)
			return unknown_option(args->command, word, strlen(word), e);
		o = &args->command->options[i];
		if (o->value) {
			if (p[1])
				return set_value(args, i, p + 1, e);
			if (*at + 1 >= argc)
				return wh_error_set(e, EINVAL, "-%c needs a value: -%c %s",
						    o->letter, o->letter, o->value);
			return set_value(args, i, argv[++*at], e);
		}
		r = set_value(args, i, "", e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_operands(const struct wh_cli_args *args, struct wh_error *e)
{
	const struct wh_cli_command *c = args->command;
	bool alone = c->alone && wh_cli_value(args, c->alone);

	if (args->n_rest < (alone ? 1 : c->min_operands)) {
		if (!args->n_rest)
			return wh_error_set(e, EINVAL, "missing %s; see 'whittle %s --help'",
					    c->operands, c->name);
		return wh_error_set(e, EINVAL,
				    "too few operands: it takes %s; see 'whittle %s --help'",
				    c->operands, c->name);
	}
	if (c->max_operands >= 0 && args->n_rest > c->max_operands)
		return wh_error_set(e, EINVAL, "'%s' is one operand too many; %s",
				    args->rest[c->max_operands],
				    c->operands && *c->operands ? "see --help for what it takes"
								: "it takes none");
	for (int i = 0; i < args->n_rest; i++) {
		if (!*args->rest[i] && !(c->takes_command && i >= c->min_operands))
			return wh_error_set(e, EINVAL, "operand %d is empty; it takes %s", i + 1,
					    c->operands);
	}
	return 0;
}

int wh_cli_parse(const struct wh_cli_command *command, int argc, char **argv,
		 struct wh_cli_args *ret_args, struct wh_error *e)
{
	struct wh_cli_args args = {.command = command, .rest = argv};
	int before = command->takes_command ? command->min_operands - 1 : argc;
	int at = 0, r = 0;

	for (; at < argc; at++) {
		char *word = argv[at];

		if (strcmp(word, "--") == 0) {
			at++;
			/* A command must not be taken for the operand that was forgotten before it.
			 */
			if (command->takes_command && args.n_rest < before)
				return wh_error_set(e, EINVAL,
						    "missing operand before --: it takes %s; see "
						    "'whittle %s --help'",
						    command->operands, command->name);
			break;
		}
		if (word[0] != '-' || !word[1]) {
			if (args.n_rest >= before)
				break;
			args.rest[args.n_rest++] = word;
			continue;
		}
		if (strcmp(word, "--help") == 0 ||
		    (strcmp(word, "-h") == 0 && find_short(command, 'h') < 0)) {
			args.help = true;
			*ret_args = args;
			return 0;
		}
		r = word[1] == '-' ? parse_long(&args, argc, argv, &at, e)
				   : parse_short(&args, argc, argv, &at, e);
		if (r < 0)
			return r;
	}
	while (at < argc)
		args.rest[args.n_rest++] = argv[at++];
	args.rest[args.n_rest] = NULL;
	r = check_operands(&args, e);
	if (r < 0)
		return r;
	*ret_args = args;
	return 0;
}

const char *wh_cli_value(const struct wh_cli_args *args, const char *name)
{
	int i = find_long(args->command, name, strlen(name));

	wh_assert(i >= 0);
	return args->value[i];
}

int wh_cli_seconds(const struct wh_cli_args *args, const char *name, double fallback,
		   double *ret_seconds, struct wh_error *e)
{
	const char *text = wh_cli_value(args, name);
	double seconds;
	char *end;

	if (!text) {
		*ret_seconds = fallback;
		return 0;
	}
	/* strtod() takes more than we promise: blanks, signs, hexadecimal, "inf". */
	if (strspn(text, "0123456789.") == 0)
		goto bad;
	if (text[0] == '0' && (text[1] | 0x20) == 'x')
		goto bad;
	seconds = strtod(text, &end);
	if (*end == 'm') {
		seconds *= 60;
		end++;
	} else if (*end == 's') {
		end++;
	}
	/* A month is more than anyone means, and fits every clock. */
	if (*end || !isfinite(seconds) || seconds <= 0 || seconds > 31 * 86400.0)
		goto bad;
	*ret_seconds = seconds;
	return 0;
bad:
	return wh_error_set(
		e, EINVAL,
		"--%s does not understand '%s'; give seconds or minutes: 2, 0.5, 30s, 5m", name,
		text);
}
