// SPDX-License-Identifier: Apache-2.0
#include "cli/files.h"

#include "cli/table.h"
#include "whittle/buf.h"

/* Rows of the grouped table that a person still reads, and the deepest folder to group by. */
#define ROWS_MAX  40
#define DEPTH_MAX 8

/* Bytes of @path that name it down to @depth components; all of it if it is no deeper. */
static size_t prefix(const char *path, unsigned depth)
{
	const char *p = path;

	for (unsigned i = 0; i < depth; i++) {
		const char *slash = *p ? strchr(p + 1, '/') : NULL;

		/* The last slash of a folder's name is its own. */
		if (!slash || !slash[1])
			return strlen(path);
		p = slash;
	}
	return (size_t)(p - path) + 1;
}

static bool same_group(const struct wh_file *a, const struct wh_file *b, unsigned depth)
{
	size_t n = prefix(a->path, depth);

	return n == prefix(b->path, depth) && memcmp(a->path, b->path, n) == 0;
}

static size_t group_end(const struct wh_file *const *files, size_t n, size_t i, unsigned depth)
{
	size_t end = i + 1;

	while (end < n && same_group(files[i], files[end], depth))
		end++;
	return end;
}

/* The deepest grouping that gives few enough rows. */
static unsigned choose_depth(const struct wh_file *const *files, size_t n)
{
	unsigned depth;

	for (depth = DEPTH_MAX; depth > 1; depth--) {
		size_t rows = 0;

		for (size_t i = 0; i < n; i = group_end(files, n, i, depth))
			rows++;
		if (rows <= ROWS_MAX)
			break;
	}
	return depth;
}

/* Letters as a profile has them, in AppArmor's order, of all accesses in the set. */
static void letters_text(const bool *seen, char *ret)
{
	size_t n = 0;

	for (const char *p = "mrwalkx"; *p; p++) {
		for (int a = 0; a < WH_ACCESSES; a++) {
			/* With w, a is said already. */
			if (seen[a] && strchr(wh_trace_access_letters((enum wh_access)a), *p) &&
			    !(*p == 'a' && n && ret[n - 1] == 'w')) {
				ret[n++] = *p;
				break;
			}
		}
	}
	ret[n] = '\0';
}

static bool writes(const char *letters)
{
	return strpbrk(letters, "wal") != NULL;
}

static void add_row(struct wh_table *tab, const struct wh_file *const *files, size_t n,
		    unsigned depth)
{
	bool seen[WH_ACCESSES] = {false};
	wh_auto(buf) accesses = {0};
	char letters[16];
	size_t paths = 0;

	for (size_t i = 0; i < n; i++) {
		seen[files[i]->access] = true;
		paths += i == 0 || strcmp(files[i]->path, files[i - 1]->path) != 0;
	}
	for (int a = 0; a < WH_ACCESSES; a++) {
		if (seen[a])
			wh_buf_addf(&accesses, "%s%s", accesses.len ? " " : "",
				    wh_trace_access_name((enum wh_access)a));
	}
	letters_text(seen, letters);
	if (paths == 1)
		wh_table_cell(tab, WH_TABLE_PLAIN, "%s", files[0]->path);
	else
		wh_table_cell(tab, WH_TABLE_PLAIN, "%.*s…", (int)prefix(files[0]->path, depth),
			      files[0]->path);
	wh_table_cell(tab, WH_TABLE_FAINT, "%zu", paths);
	wh_table_cell(tab, writes(letters) ? WH_TABLE_BOLD : WH_TABLE_PLAIN, "%s", letters);
	wh_table_cell(tab, WH_TABLE_PLAIN, "%s", accesses.data ? accesses.data : "");
}

/* One row a path: with how it went. */
static void add_path(struct wh_table *tab, const struct wh_file *const *files, size_t n)
{
	bool seen[WH_ACCESSES] = {false};
	wh_auto(buf) b = {0};
	char letters[16];
	bool owner = true;

	for (size_t i = 0; i < n; i++) {
		const struct wh_counts *c = &files[i]->outcomes;

		seen[files[i]->access] = true;
		owner &= files[i]->owner_always;
		wh_buf_addf(&b, "%s%s", b.len ? ", " : "", wh_trace_access_name(files[i]->access));
		for (size_t k = 0; k < c->n; k++) {
			if (strcmp(c->v[k].name, "ok") != 0)
				wh_buf_addf(&b, " %s", c->v[k].name);
		}
	}
	letters_text(seen, letters);
	wh_table_cell(tab, WH_TABLE_PLAIN, "%s", files[0]->path);
	wh_table_cell(tab, WH_TABLE_FAINT, "%s", files[0]->type ? files[0]->type : "");
	wh_table_cell(tab, WH_TABLE_FAINT, "%s", owner ? "owner" : "");
	wh_table_cell(tab, writes(letters) ? WH_TABLE_BOLD : WH_TABLE_PLAIN, "%s", letters);
	wh_table_cell(tab, WH_TABLE_PLAIN, "%s", b.data ? b.data : "");
}

int wh_files_print(const struct wh_file *const *files, size_t n, bool all, FILE *f, unsigned width,
		   bool colour)
{
	static const struct wh_table_column grouped[] = {
		{"PATH", WH_TABLE_FLEX},
		{"PATHS", WH_TABLE_RIGHT},
		{"RULE"},
		{"WHAT WAS DONE", WH_TABLE_FLEX},
	};
	static const struct wh_table_column single[] = {
		{"PATH", WH_TABLE_FLEX},
		{"TYPE"},
		{"OWNED"},
		{"RULE"},
		{"WHAT WAS DONE, AND HOW IT FAILED", WH_TABLE_FLEX},
	};
	/* Deeper than any path: each one is a group of its own. */
	unsigned depth = all ? 100000 : choose_depth(files, n);
	wh_auto(table) tab = all ? wh_table_new(single, WH_ARRAY_SIZE(single))
				 : wh_table_new(grouped, WH_ARRAY_SIZE(grouped));

	if (!tab)
		return -ENOMEM;
	for (size_t i = 0, end; i < n; i = end) {
		end = group_end(files, n, i, depth);
		if (all)
			add_path(tab, files + i, end - i);
		else
			add_row(tab, files + i, end - i, depth);
	}
	return wh_table_print(tab, f, width, colour);
}
