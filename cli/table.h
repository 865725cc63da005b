/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned columns. Cells may be foreign: they are made harmless here, in one place. */
#ifndef WHITTLE_CLI_TABLE_H
#define WHITTLE_CLI_TABLE_H

#include "whittle/util.h"

enum wh_table_align {
	WH_TABLE_LEFT,
	WH_TABLE_RIGHT,
	WH_TABLE_FLEX, /* left, and the first to be cut where the terminal is too narrow */
};

enum wh_table_style {
	WH_TABLE_PLAIN,
	WH_TABLE_FAINT,
	WH_TABLE_BOLD,
	WH_TABLE_GOOD,
	WH_TABLE_WARN,
	WH_TABLE_BAD,
	WH_TABLE_STYLES
};

struct wh_table_column {
	const char *title;
	enum wh_table_align align;
};

#define WH_TABLE_COLUMNS_MAX 8

struct wh_table;

/** wh_table_new() - a table with these columns; NULL when memory ran out. */
struct wh_table *wh_table_new(const struct wh_table_column *columns, size_t n);
void wh_table_free(struct wh_table *t);
WH_DEFINE_AUTO(table, struct wh_table *, wh_table_free)

/** wh_table_cell() - fill the next cell; rows follow from the number of columns. */
void wh_table_cell(struct wh_table *t, enum wh_table_style style, const char *fmt, ...)
	wh_printf(3, 4);

/**
 * wh_table_print() - print it, indented by two columns, titles first. Columns that are empty in
 * every row are left out.
 * @width: columns of the terminal, 0 for none: then nothing is cut
 * Return: 0, or -ENOMEM when memory had run out somewhere.
 */
int wh_table_print(const struct wh_table *t, FILE *f, unsigned width, bool colour);

/** wh_table_styled() - print a text of our own in a style. */
void wh_table_styled(FILE *f, bool colour, enum wh_table_style style, const char *text);

#endif
