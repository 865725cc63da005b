// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <stdarg.h>

#include "cli/cli.h"

#define INDENT 2
#define GAP    2
#define LEAST  12 /* a column is not cut to less than this */

struct cell {
	char *text;
	unsigned width;
	enum wh_table_style style;
};

struct wh_table {
	struct wh_table_column column[WH_TABLE_COLUMNS_MAX];
	size_t n_columns;
	struct cell *cells;
	size_t n, cap;
	bool failed;
};

struct wh_table *wh_table_new(const struct wh_table_column *columns, size_t n)
{
	struct wh_table *t = calloc(1, sizeof(*t));

	wh_assert(n > 0 && n <= WH_TABLE_COLUMNS_MAX);
	if (!t)
		return NULL;
	memcpy(t->column, columns, n * sizeof(*columns));
	t->n_columns = n;
	return t;
}

void wh_table_free(struct wh_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(t);
}

void wh_table_cell(struct wh_table *t, enum wh_table_style style, const char *fmt, ...)
{
	wh_auto(str) text = NULL;
	char *safe;
	va_list ap;
	int r;

	if (t->failed)
		return;
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 64;
		struct cell *cells = reallocarray(t->cells, cap, sizeof(*cells));

		if (!cells) {
			t->failed = true;
			return;
		}
		t->cells = cells;
		t->cap = cap;
	}
	va_start(ap, fmt);
	r = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (r < 0) {
		text = NULL;
		t->failed = true;
		return;
	}
	safe = wh_cli_safe(text);
	if (!safe) {
		t->failed = true;
		return;
	}
	t->cells[t->n++] = (struct cell){safe, wh_cli_columns(safe), style};
}

static const char *const styles[WH_TABLE_STYLES] = {
	[WH_TABLE_PLAIN] = "",	      [WH_TABLE_FAINT] = "\033[2m", [WH_TABLE_BOLD] = "\033[1m",
	[WH_TABLE_GOOD] = "\033[32m", [WH_TABLE_WARN] = "\033[33m", [WH_TABLE_BAD] = "\033[1;31m",
};

static void style_on(FILE *f, bool colour, enum wh_table_style style)
{
	if (colour)
		fputs(styles[style], f);
}

static void style_off(FILE *f, bool colour, enum wh_table_style style)
{
	if (colour && style != WH_TABLE_PLAIN)
		fputs("\033[0m", f);
}

void wh_table_styled(FILE *f, bool colour, enum wh_table_style style, const char *text)
{
	style_on(f, colour, style);
	fputs(text, f);
	style_off(f, colour, style);
}

static void pad(FILE *f, unsigned n)
{
	fprintf(f, "%*s", (int)n, "");
}

/* As much of the text as fits into @width columns, with an ellipsis where it was cut. */
static unsigned print_cut(FILE *f, const struct cell *c, unsigned width)
{
	const char *s = c->text;
	unsigned used = 0;

	if (c->width <= width) {
		fputs(s, f);
		return c->width;
	}
	while (*s) {
		size_t n;
		unsigned w = wh_cli_character(s, &n);

		if (used + w > width - 1)
			break;
		fwrite(s, 1, n, f);
		used += w;
		s += n;
	}
	fputs("…", f);
	return used + 1;
}

/* Takes what is too much from the flexible columns, always from the widest. */
static void fit(const struct wh_table *t, unsigned *widths, unsigned width)
{
	for (;;) {
		unsigned total = INDENT, most = LEAST;
		size_t widest = t->n_columns;

		for (size_t i = 0; i < t->n_columns; i++) {
			if (!widths[i])
				continue;
			total += widths[i] + GAP;
			if (t->column[i].align == WH_TABLE_FLEX && widths[i] > most) {
				most = widths[i];
				widest = i;
			}
		}
		if (total - GAP <= width || widest == t->n_columns)
			return;
		widths[widest]--;
	}
}

static void print_row(const struct wh_table *t, const struct cell *row, const unsigned *widths,
		      FILE *f, bool colour)
{
	unsigned owed = INDENT;

	for (size_t i = 0; i < t->n_columns; i++) {
		unsigned used;

		if (!widths[i])
			continue;
		if (row[i].width) {
			if (t->column[i].align == WH_TABLE_RIGHT)
				owed += widths[i] - row[i].width;
			pad(f, owed);
			style_on(f, colour, row[i].style);
			used = print_cut(f, &row[i], widths[i]);
			style_off(f, colour, row[i].style);
			owed = t->column[i].align == WH_TABLE_RIGHT ? GAP : widths[i] - used + GAP;
		} else {
			/* Blanks are owed, so that no line ends with them. */
			owed += widths[i] + GAP;
		}
	}
	fputc('\n', f);
}

int wh_table_print(const struct wh_table *t, FILE *f, unsigned width, bool colour)
{
	unsigned widths[WH_TABLE_COLUMNS_MAX] = {0};
	struct cell titles[WH_TABLE_COLUMNS_MAX];

	if (t->failed)
		return -ENOMEM;
	wh_assert(t->n % t->n_columns == 0);
	for (size_t i = 0; i < t->n; i++) {
		if (t->cells[i].width > widths[i % t->n_columns])
			widths[i % t->n_columns] = t->cells[i].width;
	}
	for (size_t i = 0; i < t->n_columns; i++) {
		/* The titles are our own: never changed, though a cell's text may be. */
		titles[i] = (struct cell){(char *)(uintptr_t)t->column[i].title,
					  wh_cli_columns(t->column[i].title), WH_TABLE_FAINT};
		if (widths[i] && titles[i].width > widths[i])
			widths[i] = titles[i].width;
	}
	if (width)
		fit(t, widths, width);
	print_row(t, titles, widths, f, colour);
	for (size_t i = 0; i < t->n; i += t->n_columns)
		print_row(t, &t->cells[i], widths, f, colour);
	return 0;
}
