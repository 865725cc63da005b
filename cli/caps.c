/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/caps.h"

#include <inttypes.h>

#include "cli/table.h"
#include "whittle/buf.h"

static void evidence_cell(struct wh_table *tab, const struct wh_strset *evidence, size_t most)
{
	wh_auto(buf) b = {0};

	for (size_t i = 0; i < evidence->n && i < most; i++)
		wh_buf_addf(&b, "%s%s", i ? "; " : "", evidence->v[i]);
	if (evidence->n > most)
		wh_buf_addf(&b, "; … %zu more", evidence->n - most);
	wh_table_cell(tab, WH_TABLE_PLAIN, "%s", b.data ? b.data : "");
}

static void add_row(struct wh_table *tab, const struct wh_cap *c, bool all)
{
	static const enum wh_table_style styles[WH_STRENGTHS] = {
		[WH_STRENGTH_POSSIBLE] = WH_TABLE_FAINT, [WH_STRENGTH_LIKELY] = WH_TABLE_PLAIN,
		[WH_STRENGTH_REQUIRED] = WH_TABLE_GOOD,	 [WH_STRENGTH_NOT_NEEDED] = WH_TABLE_WARN,
		[WH_STRENGTH_PROVED] = WH_TABLE_GOOD,
	};

	wh_table_cell(tab, WH_TABLE_BOLD, "%s%s%s", c->cap, c->instead ? " or " : "",
		      c->instead ? c->instead : "");
	if (c->denied)
		wh_table_cell(tab, WH_TABLE_WARN, c->ended ? "denied, failed" : "denied");
	else
		wh_table_cell(tab, styles[c->strength], "%s", wh_trace_strength_name(c->strength));
	wh_table_cell(tab, WH_TABLE_PLAIN, "%" PRIu64, c->f.count);
	evidence_cell(tab, &c->evidence, all ? SIZE_MAX : 1);
}

int wh_caps_print(const struct wh_cap *const *caps, size_t n, bool all, FILE *f, unsigned width,
		  bool colour)
{
	static const struct wh_table_column columns[] = {{"CAPABILITY"},
							 {"STRENGTH"},
							 {"TIMES", WH_TABLE_RIGHT},
							 {"EVIDENCE", WH_TABLE_FLEX}};
	wh_auto(table) tab = wh_table_new(columns, WH_ARRAY_SIZE(columns));
	bool denied = false;
	int r;

	if (!tab)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		add_row(tab, caps[i], all);
		denied |= caps[i]->denied;
	}
	r = wh_table_print(tab, f, width, colour);
	if (r == 0 && denied)
		wh_table_styled(
			f, colour, WH_TABLE_FAINT,
			"  denied: a call was refused for want of it; where the service went on, "
			"it is not needed,\n  where its process failed, that may be why\n");
	return r;
}
