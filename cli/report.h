/* SPDX-License-Identifier: Apache-2.0 */
/* A privilege diff in the forms that people and their machines read. */
#ifndef WHITTLE_CLI_REPORT_H
#define WHITTLE_CLI_REPORT_H

#include "judge/diff.h"

/**
 * struct wh_report - what is reported.
 * @old_path, @new_path: as given; @old_name, @new_name: of the services
 * @fail_on: least risk that fails, as an enum wh_risk; WH_RISKS: never
 * @failed: some widening is at or over it
 */
struct wh_report {
	const struct wh_diff *diff;
	const char *old_path, *new_path, *old_name, *new_name;
	const char *fail_on_name;
	enum wh_risk fail_on;
	bool failed;
};

/** wh_report_print() - @format: "text", "json", "markdown", "sarif", "junit". Return: 0 or -ENOMEM. */
int wh_report_print(const struct wh_report *report, const char *format, FILE *f);

#endif
