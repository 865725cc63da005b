/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHITTLE_CLI_FILES_H
#define WHITTLE_CLI_FILES_H

#include "whittle/trace.h"

/**
 * wh_files_print() - file facts as a table, grouped by folder so far that it stays readable.
 * @files: sorted by path
 * @all: one row a path, with nothing grouped
 * Return: 0 or -ENOMEM.
 */
int wh_files_print(const struct wh_file *const *files, size_t n, bool all, FILE *f, unsigned width,
		   bool colour);

#endif
