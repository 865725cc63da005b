// SPDX-License-Identifier: Apache-2.0
/* The man page, in the man macros, from the same tables as --help. */
#include "cli/cli.h"

/* Text for troff: what would be a request, an escape or a typographic hyphen becomes itself. */
static void text(FILE *f, const char *s)
{
	bool start = true;

	for (; *s; s++) {
		if (start && (*s == '.' || *s == '\''))
			fputs("\\&", f);
		if (*s == '\\')
			fputs("\\e", f);
		else if (*s == '-')
			fputs("\\-", f);
		else if (*s == '\'')
			fputs("\\(aq", f);
		else if (wh_util_has_prefix(s, "…")) {
			fputs("\\&...", f);
			s += strlen("…") - 1;
		} else
			fputc(*s, f);
		start = *s == '\n';
	}
}

/* A macro's argument. */
static void quoted(FILE *f, const char *s)
{
	fputc('"', f);
	text(f, s);
	fputc('"', f);
}

static void option(FILE *f, const struct wh_cli_option *o)
{
	fputs(".TP\n", f);
	if (o->letter)
		fprintf(f, "\\fB\\-%c\\fR, ", o->letter);
	fputs("\\fB\\-\\-", f);
	text(f, o->name);
	fputs("\\fR", f);
	if (o->value) {
		fputs(" \\fI", f);
		text(f, o->value);
		fputs("\\fR", f);
	}
	fputs("\n", f);
	text(f, o->help);
	fputs("\n", f);
}

static void command(FILE *f, const struct wh_cli_command *c)
{
	fputs(".SS ", f);
	quoted(f, c->name);
	fputs("\n.nf\n\\fBwhittle ", f);
	text(f, c->name);
	fputs("\\fR [\\fIOPTION\\fR\\&...]", f);
	if (c->operands && *c->operands) {
		fputs(" ", f);
		text(f, c->operands);
	}
	fputs("\n.fi\n.PP\n", f);
	text(f, c->about);
	fputs("\n", f);
	if (c->details) {
		fputs(".PP\n", f);
		text(f, c->details);
		fputs("\n", f);
	}
	for (const struct wh_cli_option *o = c->options; o && o->name; o++)
		option(f, o);
	if (c->example) {
		fputs(".PP\n.RS\n.nf\n", f);
		text(f, c->example);
		fputs("\n.fi\n.RE\n", f);
	}
}

void wh_cli_man(FILE *f, wh_cli_table commands)
{
	fprintf(f,
		".\\\" Made by 'whittle help --man'.\n"
		".TH WHITTLE 1 \"\" \"whittle %s\" \"User Commands\"\n"
		".SH NAME\n"
		"whittle \\- record what a service does and generate the least privilege it needs\n"
		".SH SYNOPSIS\n"
		".B whittle\n.I COMMAND\n[\\fIOPTION\\fR\\&...]\n[\\fIOPERAND\\fR\\&...]\n"
		".SH DESCRIPTION\n"
		"whittle runs a service under a tracer while it does representative work, keeps "
		"what it\n"
		"did as a set of facts, and turns those facts into a seccomp profile, an AppArmor "
		"profile\n"
		"and a list of capabilities, each entry of which can say why it is there.\n"
		"It also compares two recordings, and proves a generated bundle by running the "
		"service\n"
		"under it.\n"
		".SH COMMANDS\n"
		"Each command also takes \\fB\\-h\\fR, \\fB\\-\\-help\\fR.\n"
		"A file named \\fB\\-\\fR is standard input or standard output.\n",
		WH_VERSION);
	for (size_t i = 0; commands[i]; i++)
		command(f, commands[i]);
	fputs(".SH EXIT STATUS\n"
	      ".TP\n0\nfine\n"
	      ".TP\n1\nthe answer is no: diff found a widening at or over \\-\\-fail\\-on, verify "
	      "failed,\n"
	      "or the workload or its load failed while it was recorded\n"
	      ".TP\n2\nwrong use or trouble, with one line on standard error that says what and "
	      "how to\n"
	      "mend it\n"
	      ".SH ENVIRONMENT\n"
	      ".TP\nNO_COLOR\nif set and not empty, no colour is used\n"
	      ".TP\nTERM\nif \\(lqdumb\\(rq or empty, no colour is used\n"
	      ".TP\nWHITTLE_TEMPLATES\nfolder of the templates, instead of the installed one\n"
	      ".SH SEE ALSO\n"
	      ".BR seccomp (2),\n.BR capabilities (7),\n.BR apparmor (7),\n.BR ptrace (2)\n",
	      f);
}
