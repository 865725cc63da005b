// SPDX-License-Identifier: Apache-2.0
/* Completion for shells. All that varies is data from the command tables; see the two frames below.
 */
#include <ctype.h>

#include "cli/cli.h"

/* What a value or an operand is completed with. */
static bool is_path(const char *word)
{
	static const char *const paths[] = {"FILE", "TRACE", "BUNDLE", "OLD", "NEW", "PATH"};

	for (size_t i = 0; word && i < WH_ARRAY_SIZE(paths); i++) {
		if (strstr(word, paths[i]))
			return true;
	}
	return false;
}

static bool is_folder(const char *word)
{
	return word && strcmp(word, "DIR") == 0;
}

/* "text|json" as words, between @before and @after. */
static void choices(FILE *f, const char *value, const char *separator)
{
	for (const char *p = value; *p;) {
		size_t n = strcspn(p, "|");

		fprintf(f, "%s%.*s", p == value ? "" : separator, (int)n, p);
		p += n + (p[n] == '|');
	}
}

static void bash_words(FILE *f, const struct wh_cli_command *c)
{
	for (const struct wh_cli_option *o = c->options; o && o->name; o++) {
		fprintf(f, "--%s ", o->name);
		if (o->letter)
			fprintf(f, "-%c ", o->letter);
	}
	fputs("--help", f);
}

static void bash_values(FILE *f, const struct wh_cli_command *c)
{
	for (const struct wh_cli_option *o = c->options; o && o->name; o++) {
		if (!o->value)
			continue;
		fprintf(f, "\t%s,--%s", c->name, o->name);
		if (o->letter)
			fprintf(f, " | %s,-%c", c->name, o->letter);
		fputs(") ", f);
		if (o->choice) {
			fputs("words='", f);
			choices(f, o->value, " ");
			fputs("'", f);
		} else if (is_folder(o->value)) {
			fputs("kind=folder", f);
		} else {
			fputs(is_path(o->value) ? "kind=file" : "kind=none", f);
		}
		fputs(" ;;\n", f);
	}
}

void wh_cli_completion_bash(FILE *f, wh_cli_table commands)
{
	fputs("# Completion of whittle for bash. Made by 'whittle help --completion bash'.\n"
	      "_whittle() {\n"
	      "\tlocal cur prev sub i word words= kind=\n"
	      "\tcur=${COMP_WORDS[COMP_CWORD]}\n"
	      "\tprev=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "\tsub=${COMP_WORDS[1]}\n"
	      "\tCOMPREPLY=()\n"
	      "\tif [ \"$COMP_CWORD\" -le 1 ]; then\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -W '--help --version",
	      f);
	for (size_t i = 0; commands[i]; i++)
		fprintf(f, " %s", commands[i]->name);
	fputs("' -- \"$cur\")\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\t# After \"--\" stands a command with arguments of its own.\n"
	      "\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
	      "\t\tif [ \"${COMP_WORDS[i]}\" = -- ]; then\n"
	      "\t\t\tif [ \"$((i + 1))\" -eq \"$COMP_CWORD\" ]; then\n"
	      "\t\t\t\tmapfile -t COMPREPLY < <(compgen -c -- \"$cur\")\n"
	      "\t\t\telse\n"
	      "\t\t\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	      "\t\t\tfi\n"
	      "\t\t\treturn\n"
	      "\t\tfi\n"
	      "\tdone\n"
	      "\tcase $sub,$prev in\n",
	      f);
	for (size_t i = 0; commands[i]; i++)
		bash_values(f, commands[i]);
	fputs("\tesac\n"
	      "\tif [ -z \"$words$kind\" ]; then\n"
	      "\t\tkind=file\n"
	      "\t\tcase $sub in\n",
	      f);
	for (size_t i = 0; commands[i]; i++) {
		fprintf(f, "\t\t%s) word='", commands[i]->name);
		bash_words(f, commands[i]);
		fputs("' ;;\n", f);
	}
	fputs("\t\t*) word= ;;\n"
	      "\t\tesac\n"
	      "\t\tcase $cur in -*) words=$word kind= ;; esac\n"
	      "\tfi\n"
	      "\tcase $kind in\n"
	      "\tfile) compopt -o filenames 2>/dev/null\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
	      "\tfolder) compopt -o filenames 2>/dev/null\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -d -- \"$cur\") ;;\n"
	      "\tnone) ;;\n"
	      "\t*) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\") ;;\n"
	      "\tesac\n"
	      "}\n"
	      "complete -F _whittle whittle\n",
	      f);
}

/* Inside '…' and an _arguments specification: quotes, brackets and colons would end something. */
static void zsh_text(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (*s == '\'')
			fputs("'\\''", f);
		else if (strchr("[]:\\", *s))
			fprintf(f, "\\%c", *s);
		else
			fputc(*s, f);
	}
}

static void zsh_option(FILE *f, const struct wh_cli_option *o)
{
	fputs("\t\t\t", f);
	if (o->letter)
		fprintf(f, "'(-%c --%s)'{-%c%s,--%s%s}", o->letter, o->name, o->letter,
			o->value ? "+" : "", o->name, o->value ? "=" : "");
	else
		fprintf(f, "--%s%s", o->name, o->value ? "=" : "");
	fputs("'[", f);
	zsh_text(f, o->help);
	fputs("]", f);
	if (o->value) {
		fputs(":", f);
		zsh_text(f, o->choice ? "choice" : o->value);
		fputs(":", f);
		if (o->choice) {
			fputs("(", f);
			choices(f, o->value, " ");
			fputs(")", f);
		} else if (is_folder(o->value)) {
			fputs("_files -/", f);
		} else if (is_path(o->value)) {
			fputs("_files", f);
		}
	}
	fputs("' \\\n", f);
}

void wh_cli_completion_zsh(FILE *f, wh_cli_table commands)
{
	fputs("#compdef whittle\n"
	      "# Completion of whittle for zsh. Made by 'whittle help --completion zsh'.\n"
	      "_whittle() {\n"
	      "\tlocal -a commands\n"
	      "\tlocal curcontext=$curcontext state line\n"
	      "\tcommands=(\n",
	      f);
	for (size_t i = 0; commands[i]; i++) {
		fprintf(f, "\t\t'%s:", commands[i]->name);
		zsh_text(f, commands[i]->summary);
		fputs("'\n", f);
	}
	fputs("\t)\n"
	      "\tif ((CURRENT == 2)); then\n"
	      "\t\t_describe command commands\n"
	      "\t\t_arguments '--help[show help]' '--version[show the release]'\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\tlocal sub=${words[2]}\n"
	      "\tshift words\n"
	      "\t((CURRENT--))\n"
	      "\tcase $sub in\n",
	      f);
	for (size_t i = 0; commands[i]; i++) {
		const struct wh_cli_command *c = commands[i];

		fprintf(f, "\t%s)\n\t\t_arguments -s \\\n", c->name);
		for (const struct wh_cli_option *o = c->options; o && o->name; o++)
			zsh_option(f, o);
		fputs("\t\t\t'(-h --help)'{-h,--help}'[show help]'", f);
		if (c->takes_command) {
			for (int k = 1; k < c->min_operands; k++)
				fprintf(f, " \\\n\t\t\t'%d:file:_files'", k);
			fputs(" \\\n\t\t\t'*::command:_normal'", f);
		} else if (c->max_operands) {
			fputs(" \\\n\t\t\t'*:file:_files'", f);
		}
		fputs("\n\t\t;;\n", f);
	}
	fputs("\tesac\n"
	      "}\n"
	      "if [ \"$funcstack[1]\" = _whittle ]; then\n"
	      "\t_whittle \"$@\"\n"
	      "else\n"
	      "\tcompdef _whittle whittle\n"
	      "fi\n",
	      f);
}
