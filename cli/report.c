// SPDX-License-Identifier: Apache-2.0
#include "cli/report.h"

#include <jansson.h>

#include "cli/cli.h"
#include "cli/table.h"
#include "whittle/buf.h"
#include "whittle/escape.h"

static const enum wh_table_style risk_styles[WH_RISKS] = {
	[WH_RISK_LOW] = WH_TABLE_FAINT,
	[WH_RISK_MEDIUM] = WH_TABLE_PLAIN,
	[WH_RISK_HIGH] = WH_TABLE_WARN,
	[WH_RISK_CRITICAL] = WH_TABLE_BAD,
};

/* "2 critical, 1 low" */
static void risk_counts(const struct wh_diff *d, char *ret, size_t size)
{
	size_t len = 0;

	ret[0] = '\0';
	for (int risk = WH_RISKS - 1; risk >= 0 && len < size; risk--) {
		size_t n = wh_diff_count(d, (enum wh_risk)risk);

		if (n)
			len += (size_t)snprintf(ret + len, size - len, "%s%zu %s", len ? ", " : "",
						n, wh_syscall_risk_name((enum wh_risk)risk));
	}
}

/* ---- text ------------------------------------------------------------------------------------- */

static int print_list(const struct wh_diff_entry *entries, size_t n, const char *title, FILE *f)
{
	static const struct wh_table_column columns[] = {
		{"RISK"},
		{"KIND"},
		{"WHAT", WH_TABLE_FLEX},
		{"WHICH", WH_TABLE_FLEX},
		{"SEEN", WH_TABLE_FLEX},
	};
	bool colour = wh_cli_colour(f);
	wh_auto(table) t = NULL;
	char heading[64];

	if (!n)
		return 0;
	t = wh_table_new(columns, WH_ARRAY_SIZE(columns));
	if (!t)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct wh_diff_entry *x = &entries[i];

		wh_table_cell(t, risk_styles[x->risk], "%s", wh_syscall_risk_name(x->risk));
		wh_table_cell(t, WH_TABLE_PLAIN, "%s", wh_diff_kind_name(x->kind));
		wh_table_cell(t, WH_TABLE_BOLD, "%s", x->what);
		wh_table_cell(t, WH_TABLE_PLAIN, "%s", x->why);
		wh_table_cell(t, WH_TABLE_FAINT, "%s", x->seen);
	}
	snprintf(heading, sizeof(heading), "\n%s (%zu)\n", title, n);
	wh_table_styled(f, colour, WH_TABLE_BOLD, heading);
	return wh_table_print(t, f, wh_cli_width(f), colour);
}

static int print_text(const struct wh_report *r, FILE *f)
{
	const struct wh_diff *d = r->diff;
	wh_auto(str) old = wh_cli_safe(r->old_name);
	wh_auto(str) new = wh_cli_safe(r->new_name);
	bool colour = wh_cli_colour(f);
	char counts[128];

	if (!old || !new)
		return -ENOMEM;
	risk_counts(d, counts, sizeof(counts));
	fprintf(f, "%s → %s: ", old, new);
	wh_table_styled(f, colour, d->n_widening ? WH_TABLE_BAD : WH_TABLE_GOOD,
			d->n_widening ? "privileges widened" : "no wider");
	if (d->n_widening)
		fprintf(f, " (%s)", counts);
	fprintf(f, ", %zu no longer used\n", d->n_narrowing);
	for (size_t i = 0; i < d->n_notes; i++) {
		wh_auto(str) note = wh_cli_safe(d->notes[i]);

		if (!note)
			return -ENOMEM;
		wh_table_styled(f, colour, WH_TABLE_WARN, "  not whole: ");
		fprintf(f, "%s\n", note);
	}
	if (print_list(d->widening, d->n_widening, "Wider: NEW has it, OLD did not", f) < 0)
		return -ENOMEM;
	return print_list(d->narrowing, d->n_narrowing, "Narrower: only OLD had it", f);
}

/* ---- json ------------------------------------------------------------------------------------- */

/* Foreign bytes that are no UTF-8 are percent-escaped, as in traces. */
static json_t *json_text(const char *s)
{
	wh_auto(str) utf8 = wh_escape_utf8(s);

	return utf8 ? json_string(utf8) : NULL;
}

static json_t *json_entries(const struct wh_diff_entry *entries, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array,
				      json_pack("{s:s, s:s, s:o, s:s, s:o}", "kind",
						wh_diff_kind_name(entries[i].kind), "risk",
						wh_syscall_risk_name(entries[i].risk), "what",
						json_text(entries[i].what), "why", entries[i].why,
						"seen", json_text(entries[i].seen)));
	return array;
}

static int print_json(json_t *json, FILE *f)
{
	wh_auto(str) text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;

	json_decref(json);
	if (!text)
		return -ENOMEM;
	fprintf(f, "%s\n", text);
	return 0;
}

static int print_own_json(const struct wh_report *r, FILE *f)
{
	const struct wh_diff *d = r->diff;
	json_t *notes = json_array(), *counts = json_object();

	for (size_t i = 0; i < d->n_notes; i++)
		json_array_append_new(notes, json_text(d->notes[i]));
	for (int risk = 0; risk < WH_RISKS; risk++)
		json_object_set_new(counts, wh_syscall_risk_name((enum wh_risk)risk),
				    json_integer((json_int_t)wh_diff_count(d, (enum wh_risk)risk)));
	return print_json(json_pack("{s:s, s:i, s:o, s:o, s:s, s:b, s:o, s:o, s:o, s:o}", "format",
				    "whittle-diff", "version", 1, "old", json_text(r->old_name),
				    "new", json_text(r->new_name), "fail_on", r->fail_on_name,
				    "failed", r->failed, "counts", counts, "widening",
				    json_entries(d->widening, d->n_widening), "narrowing",
				    json_entries(d->narrowing, d->n_narrowing), "notes", notes),
			  f);
}

/* ---- sarif ------------------------------------------------------------------------------------- */

static json_t *sarif_rules(void)
{
	json_t *rules = json_array();

	for (int kind = 0; kind < WH_DIFF_KINDS; kind++) {
		const char *name = wh_diff_kind_name((enum wh_diff_kind)kind);
		char id[64], text[128];

		snprintf(id, sizeof(id), "widening/%s", name);
		snprintf(text, sizeof(text), "New privilege: %s",
			 wh_diff_kind_words((enum wh_diff_kind)kind));
		json_array_append_new(rules, json_pack("{s:s, s:{s:s}}", "id", id,
						       "shortDescription", "text", text));
	}
	return rules;
}

static int print_sarif(const struct wh_report *r, FILE *f)
{
	static const char *const levels[WH_RISKS] = {
		[WH_RISK_LOW] = "note",
		[WH_RISK_MEDIUM] = "warning",
		[WH_RISK_HIGH] = "error",
		[WH_RISK_CRITICAL] = "error",
	};
	json_t *results = json_array();

	for (size_t i = 0; i < r->diff->n_widening; i++) {
		const struct wh_diff_entry *x = &r->diff->widening[i];
		wh_auto(buf) message = {0};
		char id[64];

		snprintf(id, sizeof(id), "widening/%s", wh_diff_kind_name(x->kind));
		wh_buf_addf(&message, "%s: %s risk, %s%s%s", x->what, wh_syscall_risk_name(x->risk),
			    x->why, *x->seen ? "; " : "", x->seen);
		/* The fingerprint keeps a finding the same one from run to run. */
		json_array_append_new(
			results,
			json_pack("{s:s, s:i, s:s, s:{s:o}, s:[{s:{s:{s:o}}}], s:{s:o}}", "ruleId",
				  id, "ruleIndex", (int)x->kind, "level", levels[x->risk],
				  "message", "text", json_text(message.data ? message.data : ""),
				  "locations", "physicalLocation", "artifactLocation", "uri",
				  json_text(r->new_path), "partialFingerprints", "whittle/v1",
				  json_text(x->what)));
	}
	return print_json(json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o}}, s:o}]}", "$schema",
				    "https://json.schemastore.org/sarif-2.1.0.json", "version",
				    "2.1.0", "runs", "tool", "driver", "name", "whittle", "version",
				    WH_VERSION, "rules", sarif_rules(), "results", results),
			  f);
}

/* ---- markdown ---------------------------------------------------------------------------------- */

/* Text in a table's cell: foreign text must not become markup. */
static void markdown_cell(FILE *f, const char *s)
{
	wh_auto(str) safe = wh_cli_safe(s);

	for (const char *p = safe ? safe : "?"; *p; p++) {
		if (*p == '&')
			fputs("&amp;", f);
		else if (*p == '<')
			fputs("&lt;", f);
		else if (strchr("\\`*_{}[]()#+!|~>@:", *p))
			fprintf(f, "&#%d;", *p);
		else
			fputc(*p, f);
	}
}

static void markdown_list(const struct wh_diff_entry *entries, size_t n, const char *title, FILE *f)
{
	if (!n)
		return;
	fprintf(f, "\n### %s\n\n| Risk | Kind | What | Which | Seen |\n|---|---|---|---|---|\n",
		title);
	for (size_t i = 0; i < n; i++) {
		fprintf(f, "| %s | %s | ", wh_syscall_risk_name(entries[i].risk),
			wh_diff_kind_name(entries[i].kind));
		markdown_cell(f, entries[i].what);
		fputs(" | ", f);
		markdown_cell(f, entries[i].why);
		fputs(" | ", f);
		markdown_cell(f, entries[i].seen);
		fputs(" |\n", f);
	}
}

static int print_markdown(const struct wh_report *r, FILE *f)
{
	const struct wh_diff *d = r->diff;
	char counts[128];

	risk_counts(d, counts, sizeof(counts));
	fputs("## Privileges: ", f);
	markdown_cell(f, r->old_name);
	fputs(" → ", f);
	markdown_cell(f, r->new_name);
	fprintf(f, "\n\n**%s**%s%s%s; %zu no longer used.\n",
		d->n_widening ? "Widened" : "No wider", d->n_widening ? " (" : "", counts,
		d->n_widening ? ")" : "", d->n_narrowing);
	if (d->n_notes)
		fputs("\nThe comparison is not whole:\n\n", f);
	for (size_t i = 0; i < d->n_notes; i++) {
		fputs("- ", f);
		markdown_cell(f, d->notes[i]);
		fputc('\n', f);
	}
	markdown_list(d->widening, d->n_widening, "Wider: the new side has it, the old did not", f);
	markdown_list(d->narrowing, d->n_narrowing, "Narrower: only the old side had it", f);
	return 0;
}

/* ---- junit ------------------------------------------------------------------------------------- */

static void xml_text(FILE *f, const char *s)
{
	wh_auto(str) safe = wh_cli_safe(s);

	for (const char *p = safe ? safe : "?"; *p; p++) {
		switch (*p) {
		case '&':
			fputs("&amp;", f);
			break;
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:
			fputc(*p, f);
		}
	}
}

static void junit_case(const struct wh_report *r, const struct wh_diff_entry *x, FILE *f)
{
	bool fails = x->risk >= r->fail_on;

	fprintf(f, "    <testcase classname=\"whittle.%s\" name=\"", wh_diff_kind_name(x->kind));
	xml_text(f, x->what);
	if (!fails) {
		fputs("\"/>\n", f);
		return;
	}
	fprintf(f, "\">\n      <failure type=\"%s\" message=\"new privilege, %s risk: ",
		wh_syscall_risk_name(x->risk), wh_syscall_risk_name(x->risk));
	xml_text(f, x->why);
	fputs("\">", f);
	xml_text(f, x->seen);
	fputs("</failure>\n    </testcase>\n", f);
}

static int print_junit(const struct wh_report *r, FILE *f)
{
	const struct wh_diff *d = r->diff;
	size_t failures = 0, tests = 0;

	for (size_t i = 0; i < d->n_widening; i++)
		failures += d->widening[i].risk >= r->fail_on;
	/* A kind without news is a test that passed. */
	for (int kind = 0; kind < WH_DIFF_KINDS; kind++) {
		bool any = false;

		for (size_t i = 0; i < d->n_widening; i++)
			any |= d->widening[i].kind == (enum wh_diff_kind)kind;
		tests += !any;
	}
	tests += d->n_widening;
	fprintf(f,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<testsuites>\n"
		"  <testsuite name=\"whittle diff\" tests=\"%zu\" failures=\"%zu\" errors=\"0\">\n",
		tests, failures);
	for (int kind = 0; kind < WH_DIFF_KINDS; kind++) {
		bool any = false;

		for (size_t i = 0; i < d->n_widening; i++) {
			if (d->widening[i].kind != (enum wh_diff_kind)kind)
				continue;
			any = true;
			junit_case(r, &d->widening[i], f);
		}
		if (!any)
			fprintf(f, "    <testcase classname=\"whittle.%s\" name=\"no new %s\"/>\n",
				wh_diff_kind_name((enum wh_diff_kind)kind),
				wh_diff_kind_words((enum wh_diff_kind)kind));
	}
	fputs("  </testsuite>\n</testsuites>\n", f);
	return 0;
}

static const struct {
	const char *name;
	int (*print)(const struct wh_report *report, FILE *f);
} formats[] = {
	{"text", print_text},	{"json", print_own_json}, {"markdown", print_markdown},
	{"sarif", print_sarif}, {"junit", print_junit},
};

int wh_report_print(const struct wh_report *report, const char *format, FILE *f)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(formats); i++) {
		if (strcmp(formats[i].name, format) == 0)
			return formats[i].print(report, f);
	}
	wh_assert(false);
}
