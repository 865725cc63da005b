// SPDX-License-Identifier: Apache-2.0
/* --help: made to fit a terminal of 80 columns and 24 lines. */
#include "cli/cli.h"

#define WIDTH 79

/* Words of @text, wrapped; the first line goes on at column @at, further ones begin at @indent. */
static void wrap(FILE *f, const char *text, size_t at, size_t indent)
{
	bool fresh = true;

	while (*text) {
		size_t len = strcspn(text, " \n"), width = 0;

		for (size_t i = 0; i < len; i++)
			width += ((unsigned char)text[i] & 0xc0) != 0x80;
		if (len && !fresh && at + 1 + width > WIDTH) {
			fprintf(f, "\n%*s", (int)indent, "");
			at = indent;
			fresh = true;
		}
		if (len) {
			fprintf(f, "%s%.*s", fresh ? "" : " ", (int)len, text);
			at += width + !fresh;
			fresh = false;
		}
		text += len;
		text += strspn(text, " \n");
	}
	fputc('\n', f);
}

/* Choices that would not fit beside the help are listed behind it instead. */
static bool many_choices(const struct wh_cli_option *o)
{
	return o->choice && strlen(o->value) > 20;
}

static void option_text(const struct wh_cli_option *o, char *ret, size_t size)
{
	char letter[8] = "    ";
	const char *value = o->value && many_choices(o) ? "WHICH" : o->value;

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	snprintf(ret, size, "%s--%s%s%s", letter, o->name, value ? " " : "", value ? value : "");
}

/* The widest column of options that leaves room for the help; longer ones get a line of their own.
 */
#define OPTION_COLUMN_MAX 30

/* The help, and the choices where they are many: "…: text, json, sarif". */
static void help_text(const struct wh_cli_option *o, char *ret, size_t size)
{
	size_t len = (size_t)snprintf(ret, size, "%s%s", o->help, many_choices(o) ? ": " : "");

	for (const char *p = many_choices(o) ? o->value : ""; *p && len + 3 < size; p++) {
		if (*p == '|')
			ret[len++] = ',';
		ret[len++] = *p == '|' ? ' ' : *p;
		ret[len] = '\0';
	}
}

/* Of the option and those that are joined to it. Return: how many. */
static size_t joined_text(const struct wh_cli_option *o, char *ret, size_t size)
{
	size_t n = 1;

	option_text(o, ret, size);
	for (; o[n].name && o[n].joined; n++) {
		size_t len = strlen(ret);

		snprintf(ret + len, size - len, ", --%s%s%s", o[n].name, o[n].value ? " " : "",
			 o[n].value ? o[n].value : "");
	}
	return n;
}

static void print_option(FILE *f, const char *text, const struct wh_cli_option *o, size_t width)
{
	char help_line[512];

	fprintf(f, "  %s", text);
	if (wh_cli_columns(text) > width)
		fprintf(f, "\n%*s", (int)width + 4, "");
	else
		fprintf(f, "%*s", (int)(width - wh_cli_columns(text)) + 2, "");
	help_text(o, help_line, sizeof(help_line));
	wrap(f, help_line, width + 4, width + 4);
}

static void print_options(FILE *f, const struct wh_cli_option *options)
{
	static const struct wh_cli_option help[] = {
		{"help", 'h', NULL, "show this text", false},
		{NULL},
	};
	size_t width = 12;
	char text[256];

	for (const struct wh_cli_option *o = options; o && o->name;) {
		o += joined_text(o, text, sizeof(text));
		if (wh_cli_columns(text) > width && wh_cli_columns(text) <= OPTION_COLUMN_MAX)
			width = wh_cli_columns(text);
	}
	fputs("\nOptions:\n", f);
	for (const struct wh_cli_option *o = options; o && o->name;) {
		size_t n = joined_text(o, text, sizeof(text));

		print_option(f, text, o, width);
		o += n;
	}
	joined_text(help, text, sizeof(text));
	print_option(f, text, help, width);
}

static void print_indented(FILE *f, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		fprintf(f, "  %.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

void wh_cli_help_command(FILE *f, const struct wh_cli_command *command)
{
	const char *operands = command->operands ? command->operands : "";

	fprintf(f, "Usage: whittle %s [OPTION…]%s%s\n\n", command->name, *operands ? " " : "",
		operands);
	wrap(f, command->about, 0, 0);
	print_options(f, command->options);
	if (command->example) {
		fputs("\nExample:\n", f);
		print_indented(f, command->example);
	}
}

void wh_cli_help(FILE *f, wh_cli_table commands)
{
	size_t width = 0;

	fputs("Usage: whittle COMMAND [OPTION…] …\n\n", f);
	wrap(f, "Records what a service does, and generates the least privilege that it needs.", 0,
	     0);
	fputs("\nCommands:\n", f);
	for (size_t i = 0; commands[i]; i++) {
		if (strlen(commands[i]->name) > width)
			width = strlen(commands[i]->name);
	}
	for (size_t i = 0; commands[i]; i++) {
		fprintf(f, "  %-*s  ", (int)width, commands[i]->name);
		wrap(f, commands[i]->summary, width + 4, width + 4);
	}
	fputs("\n'whittle COMMAND --help' tells more of each; 'whittle --version' names the "
	      "release.\n"
	      "Exit status: 0 fine, 1 the answer is no, 2 wrong use or trouble.\n",
	      f);
	fputs("\nExample:\n"
	      "  whittle record -o redis.trace --load redis-benchmark -- redis-server\n"
	      "  whittle generate -o redis.bundle redis.trace\n",
	      f);
}
