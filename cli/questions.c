// SPDX-License-Identifier: Apache-2.0
#include "cli/questions.h"

#include <inttypes.h>

#include "cli/table.h"
#include "gen/evidence.h"

static const struct wh_table_column columns[] = {
	{"CAPABILITY"},
	{"INFERRED"},
	{"ASKED", WH_TABLE_RIGHT},
	{"GRANTED", WH_TABLE_RIGHT},
	{"REFUSED", WH_TABLE_RIGHT},
	{"MEANING", WH_TABLE_FLEX},
};

static const struct wh_table_column each_columns[] = {
	{"CAPABILITY"}, {"ANSWER"},	 {"TIMES", WH_TABLE_RIGHT},  {"CALL"},
	{"USER NS"},	{"CREDENTIALS"}, {"PROGRAM", WH_TABLE_FLEX}, {"SITE", WH_TABLE_FLEX},
};

static const char *meaning(const struct wh_evidence *e)
{
	if (e->contradicted)
		return "CONTRADICTION: said to be needed, and never granted";
	if (e->inferred && e->strength != WH_STRENGTH_POSSIBLE)
		return e->granted ? "used" : "";
	if (e->idle_why && e->granted == e->idle)
		return e->idle_why;
	return e->granted ? "possible: granted, but nothing seen needs it"
			  : "not needed: it went on without";
}

static void row(struct wh_table *tab, const char *name, const struct wh_evidence *e)
{
	wh_table_cell(tab, WH_TABLE_BOLD, "%s", name);
	wh_table_cell(tab, e->inferred ? WH_TABLE_GOOD : WH_TABLE_FAINT, "%s",
		      e->inferred ? wh_trace_strength_name(e->strength)
		      : e->wanted ? "denied"
				  : "-");
	wh_table_cell(tab, WH_TABLE_PLAIN, "%" PRIu64, e->granted + e->refused);
	wh_table_cell(tab, WH_TABLE_PLAIN, "%" PRIu64, e->granted);
	wh_table_cell(tab, WH_TABLE_PLAIN, "%" PRIu64, e->refused);
	wh_table_cell(tab, e->contradicted ? WH_TABLE_BAD : WH_TABLE_PLAIN, "%s", meaning(e));
}

static void question_row(struct wh_table *tab, const struct wh_question *q)
{
	const struct wh_site *site = q->f.site;
	const char *program = q->f.programs.n ? q->f.programs.v[0] : "";

	wh_table_cell(tab, WH_TABLE_BOLD, "%s", q->cap);
	wh_table_cell(tab, q->granted ? WH_TABLE_PLAIN : WH_TABLE_FAINT, "%s",
		      q->granted ? "granted" : "refused");
	wh_table_cell(tab, WH_TABLE_PLAIN, "%" PRIu64, q->f.count);
	wh_table_cell(tab, WH_TABLE_PLAIN, "%s", q->syscall ? q->syscall : "(none)");
	wh_table_cell(tab, WH_TABLE_PLAIN, "%s", q->userns);
	wh_table_cell(tab, WH_TABLE_PLAIN, "%s", q->creds);
	wh_table_cell(tab, WH_TABLE_PLAIN, "%s", site ? site->program : program);
	wh_table_cell(tab, WH_TABLE_PLAIN, "%s", site && site->stack.n ? site->stack.v[0] : "");
}

static int print_each(struct wh_trace *t, FILE *f, unsigned width, bool colour)
{
	size_t n;
	const void *const *facts = wh_trace_facts(t, WH_KIND_QUESTION, &n);
	wh_auto(table) tab = wh_table_new(each_columns, WH_ARRAY_SIZE(each_columns));

	if (!tab)
		return -ENOMEM;
	fputc('\n', f);
	for (size_t i = 0; i < n; i++)
		question_row(tab, facts[i]);
	return wh_table_print(tab, f, width, colour);
}

int wh_questions_print(struct wh_trace *t, bool all, FILE *f, unsigned width, bool colour)
{
	struct wh_evidence of[WH_CAPABILITY_COUNT];
	wh_auto(table) tab = wh_table_new(columns, WH_ARRAY_SIZE(columns));
	int r;

	if (!tab)
		return -ENOMEM;
	wh_evidence_weigh(t, of);
	for (unsigned i = 0; i < WH_CAPABILITY_COUNT; i++)
		if (of[i].inferred || of[i].wanted || of[i].granted || of[i].refused)
			row(tab, wh_capability_row(i)->name, &of[i]);
	r = wh_table_print(tab, f, width, colour);
	return r == 0 && all ? print_each(t, f, width, colour) : r;
}
