/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line as data: parsing, --help, the man page and shell completion all come from the
 * command tables, so none of them can say something else.
 */
#ifndef WHITTLE_CLI_H
#define WHITTLE_CLI_H

#include "whittle/error.h"

enum { WH_CLI_FINE = 0, WH_CLI_NO = 1, WH_CLI_TROUBLE = 2 };

struct wh_cli_option {
	const char *name;  /* long, without dashes */
	char letter;	   /* short, or 0 */
	const char *value; /* what it takes ("FILE", "DIR": completed as such), NULL for a flag */
	const char *help;  /* one line */
	bool choice;	   /* @value lists all that it takes: "text|json" */
	bool joined;	   /* --help names it beside the one before, whose help tells of both */
};

#define WH_CLI_OPTIONS_MAX 24

/** struct wh_cli_args - a parsed command line: value[i] belongs to options[i] of the command. */
struct wh_cli_args {
	const struct wh_cli_command *command;
	const char *value[WH_CLI_OPTIONS_MAX]; /* NULL: not given; a flag: "" */
	char **rest;			       /* operands, NULL-terminated */
	int n_rest;
	bool help; /* --help was given: nothing else was looked at */
};

/**
 * struct wh_cli_command - one subcommand.
 * @operands: "TRACE…" or "-- COMMAND [ARG…]"
 * @takes_command: what follows "--" is a command that whittle must not read as options
 * @about: a few sentences for --help and the man page
 * @details: what --help has no room for, for the man page alone; or NULL
 * @example: a real call and what it does, lines of "whittle …" and of plain text
 * @min_operands, @max_operands: of all operands, the command's words included; max -1: any number
 * @alone: the option with which no command is run, and one operand is enough; or NULL
 * @run: the exit status. A failure has been reported in @e, unless the answer is simply no.
 */
struct wh_cli_command {
	const char *name, *summary, *operands, *about, *details, *example;
	bool takes_command;
	const struct wh_cli_option *options; /* ends with a NULL name */
	int min_operands, max_operands;
	const char *alone;
	int (*run)(const struct wh_cli_args *args, struct wh_error *e);
};

/* ---- opt.c ------------------------------------------------------------------------------------
 */

/**
 * wh_cli_parse() - read a command's arguments (without the command's own name).
 *
 * Options may stand anywhere before "--". With @takes_command, options end at the first word that
 * is not one after the other operands (min_operands - 1 of them), or at "--".
 * @argv: is reordered: ret_args->rest points into it
 */
int wh_cli_parse(const struct wh_cli_command *command, int argc, char **argv,
		 struct wh_cli_args *ret_args, struct wh_error *e);
/** wh_cli_value() - what was given for a long option, NULL if it was not ("" for a flag). */
const char *wh_cli_value(const struct wh_cli_args *args, const char *name);
/** wh_cli_seconds() - a positive number of seconds ("2", "0.5", "30s", "5m"), or @fallback. */
int wh_cli_seconds(const struct wh_cli_args *args, const char *name, double fallback,
		   double *ret_seconds, struct wh_error *e);
/** wh_cli_closest() - the name in @names that was probably meant by @given, or NULL. */
const char *wh_cli_closest(const char *given, const char *const *names, size_t n);

/* ---- terminal.c -------------------------------------------------------------------------------
 */

/** wh_cli_colour() - whether @f is a terminal that wants colour (NO_COLOR, TERM=dumb). */
bool wh_cli_colour(FILE *f);
/** wh_cli_width() - columns of the terminal that @f is; 0 if it is none: then nothing is cut. */
unsigned wh_cli_width(FILE *f);
/**
 * wh_cli_safe() - a foreign string as it may be shown: control characters, escape sequences, bytes
 * that are no UTF-8, and characters that turn the direction of writing become "\x1b", "\u202e" …
 * Return: the caller's to free; NULL when memory ran out.
 */
char *wh_cli_safe(const char *s);
/** wh_cli_columns() - columns of a terminal that a safe text takes. */
unsigned wh_cli_columns(const char *s);
/** wh_cli_character() - the same of the first character of @s (not ""); its bytes in *ret_len. */
unsigned wh_cli_character(const char *s, size_t *ret_len);

/* ---- help.c, man.c, completion.c --------------------------------------------------------------
 */

typedef const struct wh_cli_command *const *wh_cli_table; /* ends with NULL */

void wh_cli_help(FILE *f, wh_cli_table commands);
void wh_cli_help_command(FILE *f, const struct wh_cli_command *command);
void wh_cli_man(FILE *f, wh_cli_table commands);
void wh_cli_completion_bash(FILE *f, wh_cli_table commands);
void wh_cli_completion_zsh(FILE *f, wh_cli_table commands);

/* ---- the commands ------------------------------------------------------------------------------
 */

extern const struct wh_cli_command wh_record_command, wh_attach_command, wh_generate_command,
	wh_merge_command, wh_show_command, wh_explain_command, wh_verify_command, wh_diff_command,
	wh_hook_command, wh_runtime_command, wh_audit_command;

#endif
