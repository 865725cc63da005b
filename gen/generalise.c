// SPDX-License-Identifier: Apache-2.0
#include "gen/generalise.h"

#include <jansson.h>
#include <regex.h>

#include "gen/aare.h"
#include "gen/template.h"

#define SPANS_MAX  8
#define GROUPS_MAX 8

struct row {
	regex_t regex;
	char *write, *reason;
	size_t group;  /* which group of the regex */
	unsigned only; /* enum wh_generalise_use; 0: always */
};

struct wh_generalise {
	struct row *rows;
	size_t n;
};

/* A part of a path that is written otherwise. */
struct span {
	size_t from, to;
	const char *write, *reason;
};

static int parse_only(const char *word, unsigned *ret, struct wh_error *e)
{
	if (!word)
		*ret = 0;
	else if (strcmp(word, "created") == 0)
		*ret = WH_GENERALISE_CREATED;
	else if (strcmp(word, "read") == 0)
		*ret = WH_GENERALISE_READ;
	else
		return wh_error_set(e, EINVAL, "\"only\" is \"created\" or \"read\", not \"%s\"",
				    word);
	return 0;
}

static void free_row(struct row *row)
{
	regfree(&row->regex);
	free(row->write);
	free(row->reason);
}

static int compile(const char *match, regex_t *ret, struct wh_error *e)
{
	char text[128];
	int r = regcomp(ret, match, REG_EXTENDED);

	if (!r)
		return 0;
	regerror(r, ret, text, sizeof(text));
	return wh_error_set(e, EINVAL, "\"%s\": %s", match, text);
}

static int parse_row(json_t *json, struct row *ret, struct wh_error *e)
{
	const char *match, *write, *reason, *only = NULL;
	struct row row = {.group = 1};
	json_error_t error;
	int r, group = 1;

	if (json_unpack_ex(json, &error, 0, "{s:s, s:s, s:s, s?s, s?i}", "match", &match, "write",
			   &write, "reason", &reason, "only", &only, "group", &group) < 0)
		return wh_error_set(e, EINVAL, "%s", error.text);
	r = parse_only(only, &row.only, e);
	if (r < 0)
		return r;
	r = compile(match, &row.regex, e);
	if (r < 0)
		return r;
	row.group = group > 0 ? (size_t)group : 0;
	row.write = strdup(write);
	row.reason = strdup(reason);
	if (!row.write || !row.reason)
		r = wh_error_oom(e);
	else if (row.group == 0 || row.group > row.regex.re_nsub || row.group >= GROUPS_MAX)
		r = wh_error_set(e, EINVAL, "\"%s\" has no group %d", match, group);
	if (r < 0) {
		free_row(&row);
		return r;
	}
	*ret = row;
	return 0;
}

static int parse_rows(json_t *json, struct wh_generalise *g, struct wh_error *e)
{
	json_t *entries, *entry;
	size_t i;
	int r = wh_template_entries(json, &entries, e);

	if (r < 0)
		return r;
	g->rows = calloc(json_array_size(entries) + 1, sizeof(*g->rows));
	if (!g->rows)
		return wh_error_oom(e);
	json_array_foreach (entries, i, entry) {
		r = parse_row(entry, &g->rows[g->n], e);
		if (r < 0) {
			wh_error_prefix(e, "entry %zu", i + 1);
			return r;
		}
		g->n++;
	}
	return 0;
}

int wh_generalise_parse(const char *text, struct wh_generalise **ret, struct wh_error *e)
{
	wh_auto(generalise) g = calloc(1, sizeof(*g));
	json_error_t error;
	json_t *json;
	int r;

	if (!g)
		return wh_error_oom(e);
	json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		return wh_error_set(e, EINVAL, "line %d: %s", error.line, error.text);
	r = parse_rows(json, g, e);
	json_decref(json);
	if (r < 0)
		return r;
	*ret = wh_take(g);
	return 0;
}

int wh_generalise_load(struct wh_generalise **ret, struct wh_error *e)
{
	wh_auto(str) text = NULL;
	int r = wh_template_text("paths.json", &text, e);

	if (r < 0)
		return r;
	r = wh_generalise_parse(text, ret, e);
	if (r < 0)
		wh_error_prefix(e, "template paths.json");
	return r;
}

void wh_generalise_free(struct wh_generalise *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n; i++)
		free_row(&g->rows[i]);
	free(g->rows);
	free(g);
}

/* The first row that speaks of a part wins it. */
static void add_span(struct span *spans, size_t *n, struct span span)
{
	size_t at = 0;

	if (*n == SPANS_MAX || span.from >= span.to)
		return;
	for (size_t i = 0; i < *n; i++) {
		if (span.from < spans[i].to && spans[i].from < span.to)
			return;
		if (spans[i].from < span.from)
			at = i + 1;
	}
	memmove(spans + at + 1, spans + at, (*n - at) * sizeof(*spans));
	spans[at] = span;
	(*n)++;
}

/* Is the name at @name one that reads like a mark of the trace, with the backslashes of its escape? */
static bool is_escaped(const char *name, const char *mark)
{
	size_t slashes = strspn(name, "\\");
	const char *at = name + slashes;

	return slashes && wh_util_has_prefix(at, mark) && strchr("/", at[strlen(mark)]);
}

size_t wh_generalise_escape(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && is_escaped(slash + 1, "*") ? (size_t)(slash - path) + 1 : SIZE_MAX;
}

/* The backslash that the trace has put in front of a real name goes. */
static void find_escapes(const char *path, struct span *spans, size_t *n)
{
	static const char proc[] = "/proc/";
	size_t name = wh_generalise_escape(path);

	if (name != SIZE_MAX)
		add_span(spans, n, (struct span){name, name + 1, "", NULL});
	name = strlen(proc);
	if (wh_util_has_prefix(path, proc) && is_escaped(path + name, "@{pid}"))
		add_span(spans, n, (struct span){name, name + 1, "", NULL});
}

/*
 * Variables that the trace itself has in a path: see struct wh_file. Anywhere else the same characters
 * are a name that somebody chose.
 */
static void find_variables(const char *path, struct span *spans, size_t *n)
{
	static const char pid[] = "/proc/@{pid}", tid[] = "/task/@{tid}", tmp[] = "/#@{int}";
	const char *slash = strrchr(path, '/');
	size_t len = strlen("@{pid}");

	if (wh_util_has_prefix(path, pid) && strchr("/", path[strlen(pid)])) {
		size_t end = strlen(pid);

		add_span(spans, n, (struct span){end - len, end, "@{pid}", NULL});
		if (wh_util_has_prefix(path + end, tid) && strchr("/", path[end + strlen(tid)])) {
			end += strlen(tid);
			add_span(spans, n, (struct span){end - len, end, "@{tid}", NULL});
		}
	}
	if (slash && strcmp(slash, tmp) == 0) {
		size_t end = (size_t)(slash - path) + strlen(tmp);

		add_span(spans, n, (struct span){end - len, end, "@{int}", NULL});
	}
	find_escapes(path, spans, n);
	/* The folder had more names than are kept. */
	if (slash && strcmp(slash, "/*") == 0)
		add_span(spans, n,
			 (struct span){(size_t)(slash - path) + 1, (size_t)(slash - path) + 2, "*",
				       "the folder had more names than a recording keeps"});
}

static void find_rows(const struct wh_generalise *g, const char *path, unsigned use,
		      struct span *spans, size_t *n)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct row *row = &g->rows[i];
		regmatch_t match[GROUPS_MAX];

		if (row->only && !(row->only & use))
			continue;
		if (regexec(&row->regex, path, WH_ARRAY_SIZE(match), match, 0) != 0 ||
		    match[row->group].rm_so < 0)
			continue;
		add_span(spans, n,
			 (struct span){(size_t)match[row->group].rm_so,
				       (size_t)match[row->group].rm_eo, row->write, row->reason});
	}
}

void wh_generalise_path(const struct wh_generalise *g, const char *path, unsigned use,
			struct wh_buf *pattern, struct wh_buf *reasons)
{
	struct span spans[SPANS_MAX];
	size_t n = 0, at = 0;

	find_variables(path, spans, &n);
	find_rows(g, path, use, spans, &n);
	for (size_t i = 0; i < n; i++) {
		wh_aare_escape(pattern, path + at, spans[i].from - at);
		wh_buf_adds(pattern, spans[i].write);
		at = spans[i].to;
		if (spans[i].reason)
			wh_buf_addf(reasons, "%s%s", reasons->len ? "; " : "", spans[i].reason);
	}
	wh_aare_escape(pattern, path + at, strlen(path + at));
}

void wh_generalise_sample(const char *path, bool long_one, struct wh_buf *b)
{
	static const struct {
		const char *variable, *brief, *large;
	} values[] = {
		{"@{pid}", "1", "4194304"},
		{"@{tid}", "2", "4194303"},
		{"@{int}", "3", "4294967295"},
		{"*", "x", ".a name-like+no other_0123456789"},
	};
	struct span spans[SPANS_MAX];
	size_t n = 0, at = 0;

	find_variables(path, spans, &n);
	for (size_t i = 0; i < n; i++) {
		wh_buf_add(b, path + at, spans[i].from - at);
		for (size_t j = 0; j < WH_ARRAY_SIZE(values); j++) {
			if (strcmp(values[j].variable, spans[i].write) == 0)
				wh_buf_adds(b, long_one ? values[j].large : values[j].brief);
		}
		at = spans[i].to;
	}
	wh_buf_adds(b, path + at);
}
