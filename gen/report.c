// SPDX-License-Identifier: Apache-2.0
/* report.html: one page, no script, nothing fetched; templates/report.html filled in. */
#include "gen/emit.h"

#include <inttypes.h>

#include "gen/skeleton.h"
#include "gen/text.h"
#include "whittle/capability.h"
#include "whittle/syscall.h"

/* Every foreign string of the page goes through here. */
static void add_html(struct wh_buf *b, const char *s)
{
	wh_auto(buf) safe = {0};

	wh_text_safe(&safe, s);
	b->failed |= safe.failed;
	for (const char *c = safe.data; c && *c; c++) {
		switch (*c) {
		case '&':
			wh_buf_adds(b, "&amp;");
			break;
		case '<':
			wh_buf_adds(b, "&lt;");
			break;
		case '>':
			wh_buf_adds(b, "&gt;");
			break;
		case '"':
			wh_buf_adds(b, "&quot;");
			break;
		case '\'':
			wh_buf_adds(b, "&#39;");
			break;
		default:
			wh_buf_addc(b, *c);
		}
	}
}

static void add_cell(struct wh_buf *b, const char *class, const char *text)
{
	wh_buf_addf(b, "<td class=\"%s\">", class);
	add_html(b, text);
	wh_buf_adds(b, "</td>");
}

static void add_words(struct wh_buf *b, const struct wh_strset *set)
{
	for (size_t i = 0; i < set->n; i++) {
		wh_buf_adds(b, i ? ", " : "");
		add_html(b, set->v[i]);
	}
	if (set->overflow)
		wh_buf_adds(b, ", …");
}

static void open_table(struct wh_buf *b, const char *const *titles)
{
	wh_buf_adds(b, "<div class=\"scroll\"><table><thead><tr>");
	for (; *titles; titles++)
		wh_buf_addf(b, "<th scope=\"col\">%s</th>", *titles);
	wh_buf_adds(b, "</tr></thead><tbody>\n");
}

static void close_table(struct wh_buf *b)
{
	wh_buf_adds(b, "</tbody></table></div>\n");
}

/* ---- gaps and numbers ------------------------------------------------------------------------ */

static void add_gaps(const struct wh_policy *p, struct wh_buf *b)
{
	bool refuse = false;

	for (size_t i = 0; i < p->n_warnings; i++)
		refuse |= p->warnings[i].refuse;
	if (!p->n_warnings) {
		wh_buf_adds(
			b,
			"<section class=\"gaps none\"><p>Nothing that happened while recording is "
			"known to be missing.</p></section>\n");
		return;
	}
	wh_buf_addf(b, "<section class=\"gaps%s\"><p><strong>%s</strong></p><ul>\n",
		    refuse ? "" : " notes",
		    refuse ? "Not whole: things are known to be missing, and the profiles may lack "
			     "what the "
			     "service needs."
			   : "Before you use it");
	for (size_t i = 0; i < p->n_warnings; i++) {
		wh_buf_addf(b, "<li%s>", p->warnings[i].refuse ? " class=\"yes\"" : "");
		add_html(b, p->warnings[i].text);
		wh_buf_adds(b, "</li>\n");
	}
	wh_buf_adds(b, "</ul></section>\n");
}

static void add_card(struct wh_buf *b, const char *title, size_t before, size_t after,
		     const char *more)
{
	wh_buf_addf(b, "<div class=\"card\">%s<b>%zu → <span class=\"after\">%zu</span></b>", title,
		    before, after);
	if (before)
		wh_buf_addf(b, "<div class=\"bar\"><span style=\"width:%zu%%\"></span></div>",
			    after > before ? 100 : after * 100 / before);
	wh_buf_addf(b, "<span class=\"faint\">%s</span></div>\n", more);
}

static void add_cards(const struct wh_policy *p, struct wh_buf *b)
{
	struct wh_policy_numbers n;
	size_t writable = 0;
	char more[128];

	wh_policy_numbers(p, &n);
	for (size_t i = 0; i < p->n_files; i++)
		writable += (p->files[i].letters & (WH_POLICY_W | WH_POLICY_A)) != 0;
	wh_buf_adds(b, "<section class=\"cards\" aria-label=\"Before and after\">\n");
	add_card(b, "Capabilities", n.caps_before, n.caps_after,
		 n.caps_after ? "all others are dropped" : "it needs none");
	snprintf(more, sizeof(more), "and %zu for %s itself, %zu implied", n.syscalls_floor,
		 p->runtime, n.syscalls_implied);
	add_card(b, "System calls", n.syscalls_before, n.syscalls_observed, more);
	wh_buf_addf(b,
		    "<div class=\"card\">Files<b class=\"after\">%zu rules</b><span "
		    "class=\"faint\">%zu of "
		    "them may write; everything else is out of reach</span></div>\n",
		    p->n_files, writable);
	wh_buf_addf(b,
		    "<div class=\"card\">no_new_privs<b class=\"%s\">%s</b><span class=\"faint\">",
		    p->no_new_privs ? "after" : "", p->no_new_privs ? "on" : "off");
	add_html(b, p->no_new_privs_reason);
	wh_buf_adds(b, "</span></div>\n</section>\n");
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void add_caps(const struct wh_policy *p, struct wh_buf *b)
{
	static const char *const titles[] = {"Capability", "Decision", "Why", NULL};
	static const char *const verdicts[] = {
		[WH_POLICY_ADD] = "added",	     [WH_POLICY_COVERED] = "covered",
		[WH_POLICY_CONSIDERED] = "left out", [WH_POLICY_DENIED] = "refused, left out",
		[WH_POLICY_UNNEEDED] = "not needed",
	};

	wh_buf_adds(b, "<section id=\"capabilities\"><h2>Capabilities</h2>\n");
	if (!p->n_caps && !p->n_asked) {
		wh_buf_adds(b, "<p>None was needed.</p></section>\n");
		return;
	}
	open_table(b, titles);
	for (size_t i = 0; i < p->n_caps; i++) {
		const struct wh_policy_cap *cap = &p->caps[i];
		const struct wh_capability *row =
			wh_capability_row((unsigned)wh_capability_number(cap->name));

		wh_buf_addf(b,
			    "<tr><td class=\"name\"><code>%s</code><br><span "
			    "class=\"faint\">%s</span></td>"
			    "<td class=\"%s\">%s</td><td>",
			    cap->name, row->means,
			    cap->decision == WH_POLICY_ADD ? "added" : "faint",
			    verdicts[cap->decision]);
		add_html(b, cap->reason);
		if (cap->kernel) {
			wh_buf_adds(b, "<br>");
			add_html(b, cap->kernel);
		}
		for (size_t j = 0; j < cap->n_facts; j++) {
			const struct wh_strset *evidence = &cap->facts[j]->evidence;

			for (size_t k = 0; k < evidence->n; k++) {
				wh_buf_adds(b, "<br><code>");
				add_html(b, evidence->v[k]);
				wh_buf_addf(b, "</code>%s", wh_policy_refused(p, cap->facts[j]));
			}
			wh_buf_adds(b, evidence->overflow ? "<br>…" : "");
		}
		wh_buf_adds(b, "</td></tr>\n");
	}
	for (size_t i = 0; i < p->n_asked; i++) {
		wh_buf_addf(b,
			    "<tr><td class=\"name\"><code>%s</code></td><td class=\"faint\">"
			    "not needed</td><td>",
			    p->asked[i].name);
		add_html(b, p->asked[i].reason);
		wh_buf_adds(b, "</td></tr>\n");
	}
	close_table(b);
	wh_buf_adds(b, "</section>\n");
}

static void add_syscall_row(struct wh_buf *b, const struct wh_policy_syscall *s)
{
	const struct wh_syscall_row *row = wh_syscall_row(s->name);
	const char *risk = row ? wh_syscall_risk_name(row->risk) : "high";
	const char *why[] = {s->floor, s->floor_fact ? "It was measured in this recording" : NULL,
			     s->implied, s->probed};
	const struct wh_fact *fact = s->n_facts ? &s->facts[0]->f : NULL;
	uint64_t count = 0;

	for (size_t i = 0; i < s->n_facts; i++)
		count += s->facts[i]->f.count;
	wh_buf_addf(b, "<tr><td class=\"code\">%s</td><td class=\"%s\">%s</td><td class=\"num\">",
		    s->name, risk, risk);
	if (count)
		wh_buf_addf(b, "%" PRIu64, count);
	wh_buf_adds(b, "</td><td>");
	if (fact) {
		wh_buf_adds(b, "<code>");
		add_words(b, &fact->programs);
		wh_buf_adds(b, "</code>");
		if (fact->site && fact->site->stack.n) {
			wh_buf_adds(b, " <span class=\"faint\">first at <code>");
			add_html(b, fact->site->stack.v[0]);
			wh_buf_adds(b, "</code></span>");
		}
	}
	for (size_t i = 0; i < WH_ARRAY_SIZE(why); i++) {
		/* What was observed needs no other reason here; explain tells them all. */
		if (!why[i] || (fact && !s->error))
			continue;
		add_html(b, why[i]);
		wh_buf_adds(b, ". ");
	}
	wh_buf_adds(b, "</td></tr>\n");
}

static void add_syscalls(const struct wh_policy *p, struct wh_buf *b)
{
	static const char *const titles[] = {"System call", "Risk", "Times", "Why", NULL};
	static const struct {
		const char *title;
		bool observed, refused, open;
	} groups[] = {
		{"The service calls them", true, false, true},
		{"Allowed for the container runtime, or as others lead to them", false, false,
		 false},
		{"Answered “no such system call”", false, true, false},
	};

	wh_buf_adds(b, "<section id=\"syscalls\"><h2>System calls</h2>\n");
	for (size_t g = 0; g < WH_ARRAY_SIZE(groups); g++) {
		wh_buf_addf(b, "<details%s><summary>%s</summary>\n", groups[g].open ? " open" : "",
			    groups[g].title);
		open_table(b, titles);
		for (size_t i = 0; i < p->n_syscalls; i++) {
			const struct wh_policy_syscall *s = &p->syscalls[i];
			bool refused = s->error != 0;
			bool observed = !refused && s->origins & WH_POLICY_OBSERVED;

			if (refused == groups[g].refused && observed == groups[g].observed)
				add_syscall_row(b, s);
		}
		close_table(b);
		wh_buf_adds(b, "</details>\n");
	}
	wh_buf_adds(b, "</section>\n");
}

static void add_letters(struct wh_buf *b, unsigned letters)
{
	static const struct {
		unsigned letter;
		const char *word;
	} words[] = {
		{WH_POLICY_R, "read"},	  {WH_POLICY_W, "write"}, {WH_POLICY_A, "append"},
		{WH_POLICY_L, "link"},	  {WH_POLICY_K, "lock"},  {WH_POLICY_M, "map as code"},
		{WH_POLICY_X, "execute"},
	};
	bool first = true;

	for (size_t i = 0; i < WH_ARRAY_SIZE(words); i++) {
		if (!(letters & words[i].letter))
			continue;
		wh_buf_addf(b, "%s%s", first ? "" : ", ", words[i].word);
		first = false;
	}
}

static void add_files(const struct wh_policy *p, struct wh_buf *b)
{
	static const char *const titles[] = {"File", "May", "Why", NULL};

	wh_buf_adds(b, "<section id=\"files\"><h2>Files</h2>\n");
	open_table(b, titles);
	for (size_t i = 0; i < p->n_files; i++) {
		const struct wh_policy_file *file = &p->files[i];
		uint64_t count = 0;

		wh_buf_adds(b, "<tr>");
		add_cell(b, "code", file->pattern);
		wh_buf_adds(b, "<td>");
		add_letters(b, file->letters);
		if (file->owner)
			wh_buf_adds(b, " <span class=\"faint\">(its owner)</span>");
		wh_buf_adds(b, "</td><td>");
		for (size_t j = 0; j < file->n_facts; j++)
			count += file->facts[j]->f.count;
		wh_buf_adds(b, "<code>");
		add_words(b, &file->facts[0]->f.programs);
		wh_buf_addf(b, "</code> <span class=\"faint\">%" PRIu64 " time%s</span>", count,
			    count == 1 ? "" : "s");
		if (file->reason) {
			wh_buf_adds(b, "<br><span class=\"faint\">a pattern: ");
			add_html(b, file->reason);
			wh_buf_adds(b, "</span>");
		}
		wh_buf_adds(b, "</td></tr>\n");
	}
	close_table(b);
	wh_buf_adds(b, "</section>\n");
}

static void add_rules(const struct wh_policy *p, struct wh_buf *b)
{
	static const char *const titles[] = {"AppArmor rule", "Why", NULL};

	if (!p->n_rules)
		return;
	wh_buf_adds(b, "<section id=\"rules\"><h2>Sockets, signals and the like</h2>\n");
	open_table(b, titles);
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct wh_policy_rule *rule = &p->rules[i];
		const struct wh_fact *fact = rule->facts[0];

		if (rule->section == WH_POLICY_CAPABILITY)
			continue;
		wh_buf_adds(b, "<tr>");
		add_cell(b, "code", rule->text);
		wh_buf_adds(b, "<td>");
		add_html(b, rule->reason ? rule->reason : "observed:");
		wh_buf_adds(b, " <code>");
		add_words(b, &fact->programs);
		wh_buf_adds(b, "</code></td></tr>\n");
	}
	close_table(b);
	wh_buf_adds(b, "</section>\n");
}

static void add_setting(struct wh_buf *b, const char *what, const char *value, const char *why)
{
	wh_buf_adds(b, "<tr>");
	add_cell(b, "code", what);
	add_cell(b, "code", value);
	wh_buf_adds(b, "<td>");
	add_html(b, why);
	wh_buf_adds(b, "</td></tr>\n");
}

static void add_running(const struct wh_policy *p, struct wh_buf *b)
{
	static const char *const titles[] = {"How to run it", "Suggested", "Why", NULL};
	static const char *const kinds[] = {
		[WH_POLICY_TMPFS] = "tmpfs",
		[WH_POLICY_VOLUME] = "volume",
		[WH_POLICY_GIVEN] = "to be mounted",
	};

	wh_buf_adds(b, "<section id=\"running\"><h2>How to run it with less</h2>\n");
	open_table(b, titles);
	for (int id = 0; id < WH_POLICY_HINTS; id++) {
		const struct wh_policy_hint *hint = &p->hints[id];

		add_setting(b, wh_policy_hint_name((enum wh_policy_hint_id)id),
			    !hint->on	  ? "no"
			    : hint->value ? hint->value
					  : "yes",
			    hint->reason);
	}
	for (size_t i = 0; i < p->n_places; i++)
		add_setting(b, p->places[i].path, kinds[p->places[i].kind], p->places[i].reason);
	for (size_t i = 0; i < p->n_ports; i++) {
		char port[32];

		snprintf(port, sizeof(port), "port %u/%s", p->ports[i].port, p->ports[i].protocol);
		add_setting(b, port, p->ports[i].publish ? "published" : "not published",
			    p->ports[i].reason);
	}
	close_table(b);
	wh_buf_adds(b, "</section>\n");
}

static void add_runs(const struct wh_policy *p, struct wh_buf *b)
{
	static const char *const titles[] = {"Recording", "Command", "Outcome", "On", NULL};
	size_t n;
	const void *const *runs = wh_trace_facts(p->trace, WH_KIND_RUN, &n);

	wh_buf_adds(b, "<section id=\"recordings\"><h2>Recordings</h2>\n");
	open_table(b, titles);
	for (size_t i = 0; i < n; i++) {
		const struct wh_run *run = runs[i];

		wh_buf_adds(b, "<tr>");
		add_cell(b, "code", run->id);
		wh_buf_adds(b, "<td class=\"code\">");
		for (size_t j = 0; j < run->argv.n; j++) {
			wh_buf_adds(b, j ? " " : "");
			add_html(b, run->argv.v[j]);
		}
		wh_buf_adds(b, "</td><td>");
		add_html(b, run->outcome);
		if (run->load_outcome) {
			wh_buf_adds(b, "; its load ");
			add_html(b, run->load_outcome);
		}
		wh_buf_adds(b, "</td><td>");
		add_html(b, run->kernel);
		wh_buf_adds(b, "</td></tr>\n");
	}
	close_table(b);
	wh_buf_adds(
		b,
		"</section>\n<p class=\"faint\">More about any line: <code>whittle explain BUNDLE "
		"ITEM</code></p>\n");
}

int wh_report_emit(const struct wh_emit *emit, struct wh_buf *b, struct wh_error *e)
{
	const struct wh_policy *p = emit->policy;
	size_t runs = wh_trace_count(p->trace, WH_KIND_RUN);
	wh_auto(buf) gaps = {0}, cards = {0}, body = {0}, service = {0};
	char recordings[64];

	add_gaps(p, &gaps);
	add_cards(p, &cards);
	add_caps(p, &body);
	add_syscalls(p, &body);
	add_files(p, &body);
	add_rules(p, &body);
	add_running(p, &body);
	add_runs(p, &body);
	add_html(&service, p->service);
	if (gaps.failed || cards.failed || body.failed || service.failed)
		return wh_error_oom(e);
	snprintf(recordings, sizeof(recordings), "%zu recording%s", runs, runs == 1 ? "" : "s");

	const struct wh_skeleton_part parts[] = {
		{"name", p->name},	    {"service", service.data ? service.data : ""},
		{"version", WH_VERSION},    {"runtime", p->runtime},
		{"recordings", recordings}, {"gaps", gaps.data},
		{"cards", cards.data},	    {"body", body.data},
	};

	return wh_skeleton_fill("report.html", parts, WH_ARRAY_SIZE(parts), b, e);
}
