// SPDX-License-Identifier: Apache-2.0
#include "cli/ablate.h"

#include "cli/cli.h"
#include "cli/table.h"

#define REPEAT_DEFAULT 2
#define REPEAT_MOST    100

int wh_cli_ablate_options(const char *which, const char *repeat, struct wh_ablate_options *ret,
			  struct wh_error *e)
{
	uint64_t n = REPEAT_DEFAULT;

	if (repeat && !which)
		return wh_error_set(e, EINVAL, "--repeat is for --ablate");
	if (repeat && (wh_util_parse_u64(repeat, &n) < 0 || n < 1 || n > REPEAT_MOST))
		return wh_error_set(e, EINVAL, "--repeat: \"%s\" is not a number from 1 to %d",
				    repeat, REPEAT_MOST);
	ret->caps = which && strcmp(which, "syscalls") != 0;
	ret->syscalls = which && strcmp(which, "caps") != 0;
	ret->repeat = (unsigned)n;
	return 0;
}

static void print_start(const struct wh_ablate *a)
{
	if (a->resumed)
		printf("\nGoing on with what %u runs have said, from %s/ablation.json\n",
		       a->resumed, a->v->dir);
	else
		printf("\nLooking for the least that serves\n");
	if (a->anew)
		printf("Starting anew: %s (%s/ablation.json)\n", a->anew, a->v->dir);
	fflush(stdout);
}

static bool is_asked(const struct wh_ablate *a, const struct wh_ablate_entry *entry)
{
	return entry->cap >= 0 ? a->options.caps : a->options.syscalls;
}

/* "2 of 2", with what came of it. */
static void runs_cell(struct wh_table *table, const struct wh_ablate_entry *entry)
{
	unsigned n = entry->passed + entry->failed;

	if (entry->passed && entry->failed)
		wh_table_cell(table, WH_TABLE_BAD, "%u of %u passed", entry->passed, n);
	else
		wh_table_cell(table, WH_TABLE_PLAIN, "%u %s", n,
			      entry->passed ? "passed" : "failed");
}

static void why_cell(struct wh_table *table, const struct wh_ablate_entry *entry)
{
	if (entry->verdict == WH_ABLATE_NOT_NEEDED)
		wh_table_cell(table, WH_TABLE_PLAIN, "the least set serves without it");
	else if (entry->verdict == WH_ABLATE_PROVED)
		wh_table_cell(table, WH_TABLE_PLAIN, "without it, %s%s%s%s", entry->why,
			      entry->instead ? " (" : "", entry->instead ? entry->instead : "",
			      entry->instead ? " would do instead)" : "");
	else
		wh_table_cell(table, WH_TABLE_PLAIN, "runs do not agree%s%s",
			      *entry->why ? ": " : "", entry->why);
}

/* Those with the same reason on a line: they are many, and all that there is to say of them is that. */
static void print_untried(const struct wh_ablate *a)
{
	for (size_t i = 0; i < a->n_entries; i++) {
		const struct wh_ablate_entry *first = &a->entries[i];
		bool told = first->verdict != WH_ABLATE_UNTRIED || !is_asked(a, first);

		for (size_t j = 0; j < i && !told; j++)
			told = a->entries[j].verdict == WH_ABLATE_UNTRIED &&
			       is_asked(a, &a->entries[j]) &&
			       strcmp(a->entries[j].why, first->why) == 0;
		if (told)
			continue;
		printf("\nnot tried (%s):",
		       *first->why ? first->why : "what was found before them is unstable");
		for (size_t j = i; j < a->n_entries; j++) {
			if (a->entries[j].verdict == WH_ABLATE_UNTRIED &&
			    is_asked(a, &a->entries[j]) &&
			    strcmp(a->entries[j].why, first->why) == 0)
				printf(" %s", a->entries[j].name);
		}
		putchar('\n');
	}
}

static int print_table(const struct wh_ablate *a, struct wh_error *e)
{
	static const struct wh_table_column columns[] = {
		{"ENTRY"}, {"VERDICT"}, {"RUNS"}, {"WHY", WH_TABLE_FLEX}};
	static const enum wh_table_style styles[] = {
		[WH_ABLATE_PROVED] = WH_TABLE_GOOD,
		[WH_ABLATE_NOT_NEEDED] = WH_TABLE_WARN,
		[WH_ABLATE_UNSTABLE] = WH_TABLE_BAD,
	};
	static const enum wh_ablate_verdict order[] = {WH_ABLATE_UNSTABLE, WH_ABLATE_PROVED,
						       WH_ABLATE_NOT_NEEDED};
	wh_auto(table) table = wh_table_new(columns, WH_ARRAY_SIZE(columns));
	bool any = false;

	if (!table)
		return wh_error_oom(e);
	for (size_t k = 0; k < WH_ARRAY_SIZE(order); k++) {
		for (size_t i = 0; i < a->n_entries; i++) {
			const struct wh_ablate_entry *entry = &a->entries[i];

			if (!is_asked(a, entry) || entry->verdict != order[k])
				continue;
			wh_table_cell(table, WH_TABLE_PLAIN, "%s", entry->name);
			wh_table_cell(table, styles[entry->verdict], "%s",
				      wh_ablate_word(entry->verdict));
			runs_cell(table, entry);
			why_cell(table, entry);
			any = true;
		}
	}
	putchar('\n');
	return any && wh_table_print(table, stdout, wh_cli_width(stdout), wh_cli_colour(stdout)) < 0
		       ? wh_error_oom(e)
		       : 0;
}

static void count(const struct wh_ablate *a, bool caps, size_t ret[WH_ABLATE_VERDICTS])
{
	memset(ret, 0, WH_ABLATE_VERDICTS * sizeof(*ret));
	for (size_t i = 0; i < a->n_entries; i++) {
		if (caps == (a->entries[i].cap >= 0))
			ret[a->entries[i].verdict]++;
	}
}

static void print_part(const struct wh_ablate *a, bool caps)
{
	size_t n[WH_ABLATE_VERDICTS];

	count(a, caps, n);
	printf("%s: %zu proved, %zu not needed", caps ? "capabilities" : "system calls",
	       n[WH_ABLATE_PROVED], n[WH_ABLATE_NOT_NEEDED]);
	if (n[WH_ABLATE_UNSTABLE])
		printf(", %zu unstable", n[WH_ABLATE_UNSTABLE]);
	if (n[WH_ABLATE_UNTRIED])
		printf(", %zu not tried", n[WH_ABLATE_UNTRIED]);
	if (caps && n[WH_ABLATE_PROVED]) {
		fputs("; the least set:", stdout);
		for (size_t i = 0; i < a->n_entries; i++) {
			if (a->entries[i].cap >= 0 && a->entries[i].verdict == WH_ABLATE_PROVED)
				printf(" %s", a->entries[i].name);
		}
	}
	putchar('\n');
}

static int print_whole_unstable(const struct wh_ablate *a)
{
	const struct wh_reduce_tried *t = a->reduce.n_tried ? &a->reduce.tried[0] : NULL;

	wh_table_styled(stdout, wh_cli_colour(stdout), WH_TABLE_BAD, "UNSTABLE");
	printf(": the whole bundle passed %u of %u runs%s%s; nothing can be proved with such a "
	       "load\n",
	       t ? t->passed : 0, t ? t->passed + t->failed : 0, t && *t->why ? ": " : "",
	       t ? t->why : "");
	return WH_CLI_NO;
}

static int print_result(const struct wh_ablate *a, struct wh_error *e)
{
	size_t caps[WH_ABLATE_VERDICTS], calls[WH_ABLATE_VERDICTS];
	int r = print_table(a, e);

	if (r < 0)
		return r;
	print_untried(a);
	putchar('\n');
	if (a->options.caps)
		print_part(a, true);
	if (a->options.syscalls)
		print_part(a, false);
	printf("%u runs, %.1f s\n", a->runs, a->seconds);
	if (a->odd)
		printf("%zu larger sets never served, though the least one does\n", a->odd);
	count(a, true, caps);
	count(a, false, calls);
	if (a->least && !a->mixed && !caps[WH_ABLATE_UNSTABLE] && !calls[WH_ABLATE_UNSTABLE])
		return WH_CLI_FINE;
	wh_table_styled(stdout, wh_cli_colour(stdout), WH_TABLE_BAD, "UNSTABLE");
	printf(": %zu sets of entries passed once and failed once%s; if a run leaves something "
	       "behind, --prepare can take it away\n",
	       a->mixed, a->least ? "" : ", the least one among them");
	return WH_CLI_NO;
}

/* A folder that an earlier run gave to another user needs not be given again. */
static void print_caution(const struct wh_ablate *a)
{
	size_t n[WH_ABLATE_VERDICTS], m[WH_ABLATE_VERDICTS];

	count(a, true, n);
	count(a, false, m);
	if (!a->request->prepare && n[WH_ABLATE_NOT_NEEDED] + m[WH_ABLATE_NOT_NEEDED])
		puts("What a run leaves behind may do the work of what was taken away in the next. "
		     "Without --prepare,\nwhich puts things back before each run, \"not needed\" "
		     "proves nothing, and generate keeps what was seen.");
}

static int report(const struct wh_ablate *a, struct wh_error *e)
{
	int r = print_result(a, e), stored;

	if (r < 0)
		return r;
	print_caution(a);
	stored = wh_ablate_store(a, e);
	if (stored < 0)
		return stored;
	printf("Kept in %s: trace.json, capabilities.json, ablation.json\n"
	       "To make its profiles from them:  whittle generate -o %s %s\n",
	       a->v->dir, a->v->dir, a->v->dir);
	return r;
}

int wh_cli_ablate(const struct wh_verify *v, const struct wh_verify_request *request,
		  const struct wh_ablate_options *options, const struct wh_trial_result *whole,
		  struct wh_error *e)
{
	wh_auto(ablate) a = NULL;
	struct wh_error own = {0};
	int r = wh_ablate_open(v, request, options, &a, e);

	if (r < 0)
		return r;
	print_start(a);
	r = wh_ablate_run(a, whole, &own);
	if (r == -EINTR)
		return wh_error_set(e, EINTR,
				    "interrupted; nothing is left running, and what %u runs have "
				    "said is kept: the same command goes on",
				    a->runs);
	if (r < 0)
		return wh_error_set(e, own.err, "%s", own.text);
	return a->whole ? report(a, e) : print_whole_unstable(a);
}
