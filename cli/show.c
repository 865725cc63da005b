// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <jansson.h>

#include "cli/cli.h"
#include "cli/caps.h"
#include "cli/files.h"
#include "cli/questions.h"
#include "cli/table.h"
#include "whittle/buf.h"
#include "whittle/schema.h"
#include "whittle/syscall.h"

/* Lists in a cell end after this many; --only shows all. */
#define FEW 3

static const char *const phase_names[] = {"runtime", "start", "serving", "exec", "found", "log"};

/* "start serving" */
static const char *phases_text(unsigned phases, char *ret, size_t size)
{
	size_t len = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < WH_ARRAY_SIZE(phase_names) && len < size; i++) {
		if (phases & 1u << i)
			len += (size_t)snprintf(ret + len, size - len, "%s%s", len ? " " : "",
						phase_names[i]);
	}
	return ret;
}

/* "ENOENT 12, EAGAIN 3": a cell of counts, @skip left out. */
static void counts_cell(struct wh_table *tab, const struct wh_counts *c, const char *skip)
{
	wh_auto(buf) b = {0};

	for (size_t i = 0; i < c->n; i++) {
		if (skip && strcmp(c->v[i].name, skip) == 0)
			continue;
		wh_buf_addf(&b, "%s%s %" PRIu64, b.len ? ", " : "", c->v[i].name, c->v[i].count);
	}
	wh_table_cell(tab, WH_TABLE_PLAIN, "%s", b.data ? b.data : "");
}

static void list_cell(struct wh_table *tab, const char *const *v, size_t n, const char *separator,
		      size_t most)
{
	wh_auto(buf) b = {0};

	for (size_t i = 0; i < n && i < most; i++)
		wh_buf_addf(&b, "%s%s", i ? separator : "", v[i]);
	if (n > most)
		wh_buf_addf(&b, "%s… %zu more", separator, n - most);
	wh_table_cell(tab, WH_TABLE_PLAIN, "%s", b.data ? b.data : "");
}

static void risk_cell(struct wh_table *tab, enum wh_risk risk)
{
	static const enum wh_table_style styles[WH_RISKS] = {
		[WH_RISK_LOW] = WH_TABLE_FAINT,
		[WH_RISK_MEDIUM] = WH_TABLE_PLAIN,
		[WH_RISK_HIGH] = WH_TABLE_WARN,
		[WH_RISK_CRITICAL] = WH_TABLE_BAD,
	};

	wh_table_cell(tab, styles[risk], "%s", wh_syscall_risk_name(risk));
}

#define CELL(...) wh_table_cell(tab, WH_TABLE_PLAIN, __VA_ARGS__)
#define COUNT(x)  wh_table_cell(tab, WH_TABLE_PLAIN, "%" PRIu64, (x)->f.count)

static const char *or_nothing(const char *s)
{
	return s ? s : "";
}

static void run_row(struct wh_table *tab, const void *fact, bool all)
{
	const struct wh_run *r = fact;

	wh_table_cell(tab, WH_TABLE_BOLD, "%s", r->name);
	wh_table_cell(tab, WH_TABLE_FAINT, "%s", r->id);
	wh_table_cell(tab, r->complete && !r->failed ? WH_TABLE_GOOD : WH_TABLE_BAD, "%s%s",
		      !r->complete ? "INCOMPLETE, "
		      : r->failed  ? "FAILED, "
				   : "",
		      or_nothing(r->outcome));
	CELL("%s", or_nothing(r->load_outcome));
	CELL("%" PRIu64 ".%" PRIu64 " s", r->duration_ms / 1000, r->duration_ms % 1000 / 100);
	CELL("%" PRIu64 "%s", r->uid, r->no_new_privs ? ", no_new_privs" : "");
	list_cell(tab, r->argv.v, r->argv.n, " ", all ? SIZE_MAX : 8);
}

static void syscall_row(struct wh_table *tab, const void *fact, bool all)
{
	const struct wh_syscall *s = fact;
	const struct wh_syscall_row *row = wh_syscall_row(s->name);
	char phases[64];

	(void)all;
	CELL("%s", s->name);
	wh_table_cell(tab, WH_TABLE_FAINT, "%s", s->abi);
	COUNT(s);
	CELL("%s", phases_text(s->f.phases, phases, sizeof(phases)));
	/* What we know nothing of is not harmless; what the runtime does is no risk of the service's. */
	if (wh_trace_of_service(&s->f))
		risk_cell(tab, row ? row->risk : WH_RISK_HIGH);
	else
		CELL("%s", "");
	counts_cell(tab, &s->errors, NULL);
}

static void exec_row(struct wh_table *tab, const void *fact, bool all)
{
	const struct wh_exec *x = fact;

	(void)all;
	CELL("%s", x->to);
	CELL("%s", or_nothing(x->interpreter));
	/* Of what ran already nobody knows who executed it. */
	CELL("%s", x->from			   ? x->from
		   : x->f.phases == WH_PHASE_FOUND ? "(found)"
		   : x->f.phases == WH_PHASE_AUDIT ? "(log)"
						   : "(start)");
	COUNT(x);
	wh_table_cell(tab, x->gain_lost ? WH_TABLE_BAD : WH_TABLE_WARN, "%s",
		      x->gain_lost ? "not gained, as it was traced"
		      : x->gains   ? "gained"
				   : "");
}

static void socket_row(struct wh_table *tab, const void *fact, bool all)
{
	const struct wh_socket *s = fact;

	(void)all;
	CELL("%s", s->op);
	CELL("%s", s->family);
	CELL("%s", or_nothing(s->type));
	CELL("%s", or_nothing(s->address));
	COUNT(s);
	counts_cell(tab, &s->outcomes, "ok");
}

static void signal_row(struct wh_table *tab, const void *fact, bool all)
{
	const struct wh_signal *s = fact;

	(void)all;
	CELL("%s", s->signal);
	CELL("%s", s->target);
	CELL("%s", or_nothing(s->peer));
	COUNT(s);
	counts_cell(tab, &s->outcomes, "ok");
}

static void ptrace_row(struct wh_table *tab, const void *fact, bool all)
{
	const struct wh_ptrace *p = fact;

	(void)all;
	CELL("%s", p->request);
	CELL("%s", p->target);
	CELL("%s", or_nothing(p->peer));
	COUNT(p);
	counts_cell(tab, &p->outcomes, "ok");
}

static void mount_row(struct wh_table *tab, const void *fact, bool all)
{
	const struct wh_mount *m = fact;

	(void)all;
	CELL("%s", m->op);
	CELL("%s", or_nothing(m->source));
	CELL("%s", or_nothing(m->target));
	CELL("%s", or_nothing(m->fstype));
	CELL("%s", or_nothing(m->flags));
	COUNT(m);
	counts_cell(tab, &m->outcomes, "ok");
}

static void rlimit_row(struct wh_table *tab, const void *fact, bool all)
{
	const struct wh_rlimit *r = fact;

	(void)all;
	CELL("%s", r->resource);
	CELL("%s", r->change);
	if (r->max == UINT64_MAX)
		CELL("unlimited");
	else
		CELL("%" PRIu64, r->max);
	COUNT(r);
	counts_cell(tab, &r->outcomes, "ok");
}

static void namespace_row(struct wh_table *tab, const void *fact, bool all)
{
	const struct wh_namespace *n = fact;

	(void)all;
	CELL("%s", n->op);
	CELL("%s", n->type);
	COUNT(n);
	counts_cell(tab, &n->outcomes, "ok");
}

static void gap_row(struct wh_table *tab, const void *fact, bool all)
{
	const struct wh_gap *g = fact;
	const struct wh_gap_info *info = wh_schema_gap(g->kind);

	(void)all;
	wh_table_cell(tab, info && !info->refuse ? WH_TABLE_WARN : WH_TABLE_BAD, "%s", g->kind);
	COUNT(g);
	CELL("%s", or_nothing(g->detail));
	CELL("%s", info ? info->sentence : "unknown to this whittle");
}

/* The sections in the order in which they are shown: first what must not be overlooked. */
static const struct section {
	enum wh_kind kind;
	const char *title;
	void (*row)(struct wh_table *tab, const void *fact, bool all);
	struct wh_table_column column[WH_TABLE_COLUMNS_MAX];
} sections[] = {
	{WH_KIND_GAP,
	 "GAPS: this was not seen",
	 gap_row,
	 {{"KIND"},
	  {"TIMES", WH_TABLE_RIGHT},
	  {"DETAIL", WH_TABLE_FLEX},
	  {"MEANING", WH_TABLE_FLEX}}},
	{WH_KIND_RUN,
	 "Runs",
	 run_row,
	 {{"NAME"},
	  {"ID"},
	  {"OUTCOME", WH_TABLE_FLEX},
	  {"LOAD"},
	  {"TOOK", WH_TABLE_RIGHT},
	  {"UID"},
	  {"COMMAND", WH_TABLE_FLEX}}},
	{WH_KIND_CAP, "Capabilities", NULL, {{NULL}}},
	{WH_KIND_QUESTION, "What the kernel asked", NULL, {{NULL}}},
	{WH_KIND_SYSCALL,
	 "System calls",
	 syscall_row,
	 {{"NAME"},
	  {"ABI"},
	  {"CALLS", WH_TABLE_RIGHT},
	  {"PHASES"},
	  {"RISK"},
	  {"ERRORS", WH_TABLE_FLEX}}},
	{WH_KIND_FILE, "Files", NULL, {{NULL}}},
	{WH_KIND_EXEC,
	 "Programs executed",
	 exec_row,
	 {{"PROGRAM", WH_TABLE_FLEX},
	  {"INTERPRETER", WH_TABLE_FLEX},
	  {"FROM", WH_TABLE_FLEX},
	  {"TIMES", WH_TABLE_RIGHT},
	  {"PRIVILEGE"}}},
	{WH_KIND_SOCKET,
	 "Sockets",
	 socket_row,
	 {{"OPERATION"},
	  {"FAMILY"},
	  {"TYPE"},
	  {"ADDRESS", WH_TABLE_FLEX},
	  {"TIMES", WH_TABLE_RIGHT},
	  {"ERRORS", WH_TABLE_FLEX}}},
	{WH_KIND_SIGNAL,
	 "Signals sent",
	 signal_row,
	 {{"SIGNAL"},
	  {"TO"},
	  {"PROGRAM", WH_TABLE_FLEX},
	  {"TIMES", WH_TABLE_RIGHT},
	  {"ERRORS", WH_TABLE_FLEX}}},
	{WH_KIND_PTRACE,
	 "Tracing",
	 ptrace_row,
	 {{"REQUEST"},
	  {"OF"},
	  {"PROGRAM", WH_TABLE_FLEX},
	  {"TIMES", WH_TABLE_RIGHT},
	  {"ERRORS", WH_TABLE_FLEX}}},
	{WH_KIND_MOUNT,
	 "Mounts",
	 mount_row,
	 {{"OPERATION"},
	  {"SOURCE", WH_TABLE_FLEX},
	  {"TARGET", WH_TABLE_FLEX},
	  {"TYPE"},
	  {"FLAGS", WH_TABLE_FLEX},
	  {"TIMES", WH_TABLE_RIGHT},
	  {"ERRORS", WH_TABLE_FLEX}}},
	{WH_KIND_RLIMIT,
	 "Resource limits",
	 rlimit_row,
	 {{"RESOURCE"},
	  {"CHANGE"},
	  {"HIGHEST", WH_TABLE_RIGHT},
	  {"TIMES", WH_TABLE_RIGHT},
	  {"ERRORS", WH_TABLE_FLEX}}},
	{WH_KIND_NAMESPACE,
	 "Namespaces",
	 namespace_row,
	 {{"OPERATION"}, {"TYPE"}, {"TIMES", WH_TABLE_RIGHT}, {"ERRORS", WH_TABLE_FLEX}}},
};

static int show_section(const struct section *s, struct wh_trace *t, bool all)
{
	unsigned width = wh_cli_width(stdout);
	bool colour = wh_cli_colour(stdout);
	wh_auto(table) tab = NULL;
	char title[128];
	const void *const *facts;
	size_t n, columns = 0;

	facts = wh_trace_facts(t, s->kind, &n);
	if (!n && !all)
		return 0;
	snprintf(title, sizeof(title), "\n%s (%zu)\n", s->title, n);
	wh_table_styled(stdout, colour, s->kind == WH_KIND_GAP ? WH_TABLE_BAD : WH_TABLE_BOLD,
			all ? title + 1 : title);
	if (!n)
		return 0;
	if (s->kind == WH_KIND_QUESTION)
		return wh_questions_print(t, all, stdout, width, colour);
	if (s->kind == WH_KIND_FILE)
		return wh_files_print((const struct wh_file *const *)facts, n, all, stdout, width,
				      colour);
	if (s->kind == WH_KIND_CAP)
		return wh_caps_print((const struct wh_cap *const *)facts, n, all, stdout, width,
				     colour);
	while (columns < WH_TABLE_COLUMNS_MAX && s->column[columns].title)
		columns++;
	tab = wh_table_new(s->column, columns);
	if (!tab)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		s->row(tab, facts[i], all);
	return wh_table_print(tab, stdout, width, colour);
}

/* "nginx: 57 system calls, 120 paths, 4 capabilities; 2 GAPS". */
static void show_summary(struct wh_trace *t)
{
	size_t n, gaps = wh_trace_count(t, WH_KIND_GAP);
	const void *const *runs = wh_trace_facts(t, WH_KIND_RUN, &n);
	wh_auto(str) name = wh_cli_safe(n ? ((const struct wh_run *)runs[0])->name : "no run");

	wh_table_styled(stdout, wh_cli_colour(stdout), WH_TABLE_BOLD, name ? name : "?");
	printf(": %zu system calls, %zu file facts, %zu capability facts, %zu socket facts",
	       wh_trace_count_of_service(t, WH_KIND_SYSCALL), wh_trace_count(t, WH_KIND_FILE),
	       wh_trace_count(t, WH_KIND_CAP), wh_trace_count(t, WH_KIND_SOCKET));
	if (n != 1)
		printf(", from %zu runs", n);
	if (gaps || !wh_trace_complete(t)) {
		fputs("; ", stdout);
		wh_table_styled(stdout, wh_cli_colour(stdout), WH_TABLE_BAD,
				wh_trace_complete(t) ? "with GAPS" : "INCOMPLETE");
	}
	fputc('\n', stdout);
}

/* How it was watched: which engine, why that one, and what it left out. */
static int show_engines(struct wh_trace *t)
{
	size_t n;
	const void *const *runs = wh_trace_facts(t, WH_KIND_RUN, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_run *r = runs[i];
		wh_auto(str) engine = wh_cli_safe(r->engine);
		wh_auto(str) reason = wh_cli_safe(or_nothing(r->engine_reason));

		if (!engine || !reason)
			return -ENOMEM;
		if (r->attached)
			printf("attached: start-up was not seen%s\n", n > 1 ? " by this one" : "");
		if (r->audit) {
			wh_auto(str) name = wh_cli_safe(r->name);

			if (!name)
				return -ENOMEM;
			printf("log: what %s was refused, no recording\n", name);
			continue;
		}
		if (wh_trace_censored(r))
			printf("censored: %s\n", wh_trace_censored(r));
		printf("engine %s%s%s%s\n", engine, *reason ? ": " : "", reason,
		       r->counts_partial ? "; counts are the least there were" : "");
		for (size_t k = 0; k < r->engine_notes.n; k++) {
			wh_auto(str) text = wh_cli_safe(r->engine_notes.v[k]);

			if (!text)
				return -ENOMEM;
			printf("  %s\n", text);
		}
	}
	return 0;
}

static int show_text(struct wh_trace *t, const struct section *only, struct wh_error *e)
{
	int r = 0;

	if (only) {
		r = show_section(only, t, true);
	} else {
		show_summary(t);
		r = show_engines(t);
		for (size_t i = 0; i < WH_ARRAY_SIZE(sections) && r == 0; i++)
			r = show_section(&sections[i], t, false);
	}
	return r < 0 ? wh_error_oom(e) : 0;
}

static int show_json(struct wh_trace *t, const struct section *only, struct wh_error *e)
{
	wh_auto(str) text = NULL;
	int r = wh_trace_json_print(t, &text, e);

	if (r < 0)
		return r;
	if (only) {
		const char *name = wh_schema_kind(only->kind)->name;
		json_t *all = json_loads(text, 0, NULL), *part;

		part = all ? json_pack("{s:O?}", name, json_object_get(all, name)) : NULL;
		free(wh_take(text));
		text = part ? json_dumps(part, JSON_INDENT(2)) : NULL;
		json_decref(part);
		json_decref(all);
		if (!text)
			return wh_error_oom(e);
		puts(text);
	} else {
		fputs(text, stdout);
	}
	return 0;
}

/* The name has been checked against the options' table, which lists them all. */
static const struct section *find_section(const char *name)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(sections); i++)
		if (strcmp(wh_schema_kind(sections[i].kind)->name, name) == 0)
			return &sections[i];
	wh_assert(!"a section for each choice of --only");
	return NULL;
}

static int run(const struct wh_cli_args *args, struct wh_error *e)
{
	const char *format = wh_cli_value(args, "format"), *name = wh_cli_value(args, "only");
	const struct section *only = name ? find_section(name) : NULL;
	wh_auto(trace) t = NULL;
	int r;

	if (wh_trace_json_read(args->rest[0], &t, e) < 0)
		return WH_CLI_TROUBLE;
	r = (format && strcmp(format, "json") == 0 ? show_json : show_text)(t, only, e);
	return r < 0 ? WH_CLI_TROUBLE : WH_CLI_FINE;
}

static const struct wh_cli_option options[] = {
	{"format", 'f', "text|json", "how to print it (default text)", true},
	{"only", 0,
	 "runs|syscalls|files|execs|sockets|signals|ptraces|mounts|rlimits|namespaces|caps|"
	 "questions|gaps",
	 "one kind of fact, each fact in full", true},
	{NULL},
};

const struct wh_cli_command wh_show_command = {
	.name = "show",
	.summary = "show what a trace holds, at a glance",
	.operands = "TRACE",
	.about = "Prints what was seen: first the gaps, then runs, capabilities with their "
		 "evidence, what the kernel asked, system calls, files by folder, programs and the "
		 "rest. With --only, one kind with each of its facts.",
	.example = "whittle show nginx.trace\n"
		   "whittle show --only files nginx.bundle",
	.options = options,
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};
