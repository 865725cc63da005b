// SPDX-License-Identifier: Apache-2.0
#include "gen/explain.h"

#include <inttypes.h>
#include <strings.h>

#include "gen/explain-internal.h"
#include "gen/fixed.h"
#include "gen/generalise.h"
#include "gen/text.h"
#include "whittle/syscall.h"

/* Each function returns how many entries of the profiles (or gaps) it has told of, or -errno. */

/* ---- facts ----------------------------------------------------------------------------------- */

static void add_safe(struct wh_buf *b, const char *before, const char *foreign, const char *after)
{
	wh_buf_adds(b, before);
	wh_text_safe(b, foreign);
	wh_buf_adds(b, after);
}

static void add_counts(struct wh_buf *b, const struct wh_counts *counts, const char *title)
{
	if (!counts->n)
		return;
	wh_buf_addf(b, "      %-9s", title);
	for (size_t i = 0; i < counts->n; i++)
		wh_buf_addf(b, "%s%s %" PRIu64, i ? ", " : "", counts->v[i].name,
			    counts->v[i].count);
	wh_buf_addc(b, '\n');
}

static void add_set(struct wh_buf *b, const struct wh_strset *set, const char *title)
{
	for (size_t i = 0; i < set->n; i++) {
		wh_buf_addf(b, "      %-9s", i ? "" : title);
		add_safe(b, "", set->v[i], "\n");
	}
	if (set->overflow)
		wh_buf_adds(b, "               and more\n");
}

static void add_argv(struct wh_buf *b, const struct wh_strlist *argv)
{
	for (size_t i = 0; i < argv->n; i++)
		add_safe(b, i ? " " : "", argv->v[i], "");
}

static void add_runs(const struct wh_policy *p, struct wh_buf *b, const struct wh_strset *runs)
{
	for (size_t i = 0; i < runs->n; i++) {
		const struct wh_run key = {.id = runs->v[i]};
		const struct wh_run *run = wh_trace_find(p->trace, WH_KIND_RUN, &key);

		wh_buf_addf(b, "      %-9s", i ? "" : "run");
		add_safe(b, "", runs->v[i], "");
		if (run) {
			add_safe(b, " ", run->name ? run->name : "", ": ");
			wh_buf_adds(b, run->audit ? "the kernel's log" : "");
			add_argv(b, &run->argv);
		}
		wh_buf_addc(b, '\n');
	}
	if (runs->overflow)
		wh_buf_adds(b, "               and more\n");
}

static void add_site(struct wh_buf *b, const struct wh_site *site)
{
	if (!site)
		return;
	wh_buf_adds(b, "      first    ");
	if (site->argv.n)
		add_argv(b, &site->argv);
	else
		wh_text_safe(b, site->program);
	wh_buf_addc(b, '\n');
	for (size_t i = 0; i < site->stack.n; i++)
		add_safe(b, "                 ", site->stack.v[i], "\n");
}

static void add_head(const struct wh_policy *p, struct wh_buf *b, const struct wh_fact *f)
{
	static const struct {
		unsigned bit;
		const char *name;
	} phases[] = {
		{WH_PHASE_RUNTIME, "container runtime"},
		{WH_PHASE_STARTUP, "start-up"},
		{WH_PHASE_SERVING, "serving"},
		{WH_PHASE_EXEC, "executed in the container"},
		{WH_PHASE_FOUND, "found when the recording began"},
		{WH_PHASE_AUDIT, "in the kernel's log"},
	};
	bool first = true;

	wh_buf_addf(b, "      %-9s%" PRIu64 " time%s", "seen", f->count, f->count == 1 ? "" : "s");
	for (size_t i = 0; i < WH_ARRAY_SIZE(phases); i++) {
		if (!(f->phases & phases[i].bit))
			continue;
		wh_buf_addf(b, "%s%s", first ? ": " : ", ", phases[i].name);
		first = false;
	}
	wh_buf_addc(b, '\n');
	add_set(b, &f->programs, "by");
	add_set(b, &f->logged, "logged");
	add_runs(p, b, &f->runs);
	add_site(b, f->site);
}

static void add_syscall_fact(const struct wh_policy *p, struct wh_buf *b,
			     const struct wh_syscall *fact)
{
	wh_buf_addf(b, "    on %s\n", fact->abi);
	add_head(p, b, &fact->f);
	add_counts(b, &fact->errors, "failed");
	add_set(b, &fact->proved, "proved");
	add_set(b, &fact->not_needed, "unneeded");
}

static void add_cap_fact(const struct wh_policy *p, struct wh_buf *b, const struct wh_cap *fact)
{
	static const char *const strengths[] = {
#define X(id, name) name,
		WH_STRENGTH_LIST(X)
#undef X
	};

	wh_buf_addf(b, "    %s%s\n", strengths[fact->strength], wh_policy_refused(p, fact));
	add_set(b, &fact->evidence, "evidence");
	add_set(b, &fact->syscalls, "calls");
	if (fact->strength < WH_STRENGTH_NOT_NEEDED) {
		add_head(p, b, &fact->f);
		return;
	}
	wh_buf_addf(b, "      %-9s%" PRIu64 " times\n", "tried", fact->f.count);
	add_runs(p, b, &fact->f.runs);
}

static void add_file_fact(const struct wh_policy *p, struct wh_buf *b, const struct wh_file *fact)
{
	add_safe(b, "    ", wh_trace_access_name(fact->access), " ");
	add_safe(b, "", fact->path, fact->owner_always ? " (always its owner)\n" : "\n");
	add_set(b, &fact->peers, "with");
	add_set(b, &fact->syscalls, "calls");
	add_counts(b, &fact->outcomes, "outcome");
	add_head(p, b, &fact->f);
}

/* The members of other kinds are few and short: their key says what happened. */
static void add_other_fact(const struct wh_policy *p, struct wh_buf *b, enum wh_kind kind,
			   const void *fact)
{
	const struct wh_kind_info *info = wh_schema_kind(kind);

	wh_buf_addf(b, "    %s", info->singular);
	for (size_t i = 0; i < info->n_fields; i++) {
		const struct wh_field *field = &info->fields[i];
		const char *at = (const char *)fact + field->offset;

		if (field->key && field->type == WH_FIELD_STR && *(const char *const *)at)
			add_safe(b, " ", *(const char *const *)at, "");
	}
	wh_buf_addc(b, '\n');
	for (size_t i = 0; i < info->n_fields; i++) {
		if (info->fields[i].type == WH_FIELD_COUNTS)
			add_counts(b,
				   (const struct wh_counts *)((const char *)fact +
							      info->fields[i].offset),
				   "outcome");
	}
	add_head(p, b, fact);
}

void wh_explain_fact(const struct wh_policy *p, struct wh_buf *b, enum wh_kind kind,
		     const void *fact)
{
	if (kind == WH_KIND_SYSCALL)
		add_syscall_fact(p, b, fact);
	else if (kind == WH_KIND_CAP)
		add_cap_fact(p, b, fact);
	else if (kind == WH_KIND_FILE)
		add_file_fact(p, b, fact);
	else
		add_other_fact(p, b, kind, fact);
}

/* ---- entries --------------------------------------------------------------------------------- */

/* Seen or not: the profile is not for the runtime that called it. */
static void add_unneeded(const struct wh_policy *p, const char *item, struct wh_buf *b)
{
	size_t n, seen = 0;
	const void *const *facts = wh_trace_facts(p->trace, WH_KIND_SYSCALL, &n);

	if (!wh_syscall_row(item))
		return;
	for (size_t i = 0; i < n && !seen; i++)
		seen += strcmp(((const struct wh_syscall *)facts[i])->name, item) == 0;
	wh_buf_addf(b,
		    "system call %s: not in the profile; it is answered EPERM\n"
		    "  %s, and %s does not need it.\n",
		    item,
		    seen ? "Only the container's runtime was seen to call it while recording"
			 : "It was not observed",
		    strcmp(p->runtime, "none") ? p->runtime : "nothing else");
}

static void add_syscall_args(const struct wh_policy_args *args, struct wh_buf *b)
{
	if (*args->only)
		wh_buf_addf(b, "  only with %s, as observed\n", args->only);
	if (*args->also)
		wh_buf_addf(b, "  %s with %s, inferred: %s\n", *args->only ? "and" : "only",
			    args->also, args->also_reason);
	wh_buf_addf(b, "  closes %s: %s\n", *args->closes ? args->closes : "all others",
		    args->reason);
}

static int explain_syscall(const struct wh_policy *p, const char *item, struct wh_buf *b)
{
	const struct wh_policy_syscall *s = wh_policy_find_syscall(p, item);

	if (!s) {
		add_unneeded(p, item, b);
		return 0;
	}
	if (s->error)
		wh_buf_addf(b, "system call %s: answered %s\n", s->name,
			    wh_util_errno_name(s->error));
	else
		wh_buf_addf(b, "system call %s: allowed%s\n", s->name,
			    s->args ? " with certain arguments only" : "");
	if (s->args)
		add_syscall_args(s->args, b);
	if (s->probed)
		wh_buf_addf(b, "  because %s\n", s->probed);
	if (s->n_facts && !s->error)
		wh_buf_addf(b, "  because %s\n",
			    wh_explain_how_known((const void *const *)s->facts, s->n_facts));
	for (size_t i = 0; i < s->n_facts; i++)
		add_syscall_fact(p, b, s->facts[i]);
	if (s->floor)
		wh_buf_addf(b, "  because %s needs it: %s\n    source   %s\n", p->runtime, s->floor,
			    s->floor_source);
	if (s->floor_fact && !wh_trace_of_service(&s->floor_fact->f))
		add_syscall_fact(p, b, s->floor_fact);
	if (s->implied)
		wh_buf_addf(b, "  because it can follow from others: %s\n", s->implied);
	return 1;
}

static bool is_of_file(const struct wh_policy_file *file, const char *item)
{
	if (strcmp(file->pattern, item) == 0)
		return true;
	for (size_t i = 0; i < file->n_facts; i++) {
		if (strcmp(file->facts[i]->path, item) == 0)
			return true;
	}
	return false;
}

/* Does a rule made of other paths hold for this one too? */
static int covers(const struct wh_generalise *g, const struct wh_policy_file *file,
		  const char *item, struct wh_error *e)
{
	static const unsigned uses[] = {0, WH_GENERALISE_CREATED, WH_GENERALISE_READ};

	if (!file->reason)
		return 0;
	for (size_t i = 0; i < WH_ARRAY_SIZE(uses); i++) {
		wh_auto(buf) pattern = {0}, reasons = {0};

		wh_generalise_path(g, item, uses[i], &pattern, &reasons);
		if (pattern.failed || reasons.failed)
			return wh_error_oom(e);
		if (pattern.data && strcmp(pattern.data, file->pattern) == 0)
			return 1;
	}
	return 0;
}

static void add_file(const struct wh_policy *p, struct wh_buf *b, const struct wh_policy_file *file)
{
	static const char order[] = "rwalkmx";

	add_safe(b, "file ", file->pattern, ": allowed, ");
	for (size_t i = 0; order[i]; i++) {
		if (file->letters & (1u << i))
			wh_buf_addc(b, order[i]);
	}
	wh_buf_adds(b, file->owner ? ", to its owner only\n" : "\n");
	if (file->reason)
		wh_buf_addf(b, "  written as a pattern because: %s\n", file->reason);
	wh_buf_addf(b, "  because %s\n",
		    wh_explain_how_known((const void *const *)file->facts, file->n_facts));
	for (size_t i = 0; i < file->n_facts; i++)
		add_file_fact(p, b, file->facts[i]);
}

/* Seen, but AppArmor is not asked about it. @fixed: the template has a line for it. */
static void add_ruleless(const struct wh_policy *p, const char *item, bool fixed, struct wh_buf *b)
{
	size_t n, told = 0;
	const void *const *facts = wh_trace_facts(p->trace, WH_KIND_FILE, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_file *fact = facts[i];

		if (strcmp(fact->path, item) != 0)
			continue;
		if (!told++ && fixed)
			add_safe(b, "file ", item,
				 ": what was seen of it needs no rule of its own\n");
		else if (told == 1)
			add_safe(b, "file ", item,
				 ": not in the profile, though it was seen: what was done with it "
				 "needs no rule, it\n  failed before AppArmor would be asked, or "
				 "it was "
				 "only inherited open from whoever recorded\n");
		add_file_fact(p, b, fact);
	}
	if (!told && !fixed)
		add_safe(b, "file ", item, ": not in the profile; it was not observed\n");
}

static int explain_path(const struct wh_policy *p, const char *item, bool fixed, struct wh_buf *b,
			struct wh_error *e)
{
	wh_auto(generalise) g = NULL;
	int told = 0, r;

	if (item[0] != '/')
		return 0;
	r = wh_generalise_load(&g, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < p->n_files; i++) {
		bool own = is_of_file(&p->files[i], item);

		r = own ? 1 : covers(g, &p->files[i], item, e);
		if (r < 0)
			return r;
		if (!r)
			continue;
		if (!own)
			add_safe(b, "", item, " was not seen itself, but a pattern holds for it\n");
		add_file(p, b, &p->files[i]);
		wh_explain_profiles_file(p, p->files[i].pattern, b);
		told++;
	}
	if (!told)
		add_ruleless(p, item, fixed, b);
	return told;
}

/* Is a word of the item's one of the fact's key members: "AF_INET", "SIGTERM", "/bin/sh"? */
static bool names_item(enum wh_kind kind, const void *fact, const char *item)
{
	const struct wh_kind_info *info = wh_schema_kind(kind);

	for (size_t i = 0; i < info->n_fields; i++) {
		const struct wh_field *field = &info->fields[i];
		const char *value;

		if (!field->key || field->type != WH_FIELD_STR)
			continue;
		value = *(const char *const *)((const char *)fact + field->offset);
		if (!value)
			continue;
		if (strcasecmp(value, item) == 0 ||
		    ((wh_util_has_prefix(value, "AF_") || wh_util_has_prefix(value, "SIG")) &&
		     strcasecmp(value + 3, item) == 0))
			return true;
	}
	return false;
}

static int explain_rules(const struct wh_policy *p, const char *item, struct wh_buf *b)
{
	int told = 0;

	/* With several profiles the rules that stand there are theirs. */
	for (size_t i = 0; i < p->n_profiles; i++)
		told += explain_rules(p->profiles[i], item, b);
	for (size_t i = 0; !p->n_profiles && i < p->n_rules; i++) {
		const struct wh_policy_rule *rule = &p->rules[i];
		bool found = strcmp(rule->text, item) == 0;

		if (rule->section == WH_POLICY_CAPABILITY || rule->kind == WH_KIND_FILE)
			continue;
		for (size_t j = 0; j < rule->n_facts; j++)
			found |= names_item(rule->kind, rule->facts[j], item);
		if (!found)
			continue;
		wh_buf_addf(b, "AppArmor rule %s\n", rule->text);
		if (p->whole)
			wh_buf_addf(b, "  in the profile %s\n", p->name);
		wh_buf_addf(b, "  because %s\n",
			    rule->reason ? rule->reason
					 : wh_explain_how_known((const void *const *)rule->facts,
								rule->n_facts));
		for (size_t j = 0; j < rule->n_facts; j++) {
			if (strcmp(rule->text, item) == 0 ||
			    names_item(rule->kind, rule->facts[j], item))
				wh_explain_fact(p, b, rule->kind, rule->facts[j]);
		}
		told++;
	}
	return told;
}

/* Kinds that become no rule of their own: what is known of them is told all the same. */
static void explain_others(const struct wh_policy *p, const char *item, struct wh_buf *b)
{
	static const enum wh_kind kinds[] = {WH_KIND_EXEC, WH_KIND_RLIMIT, WH_KIND_NAMESPACE};

	for (size_t k = 0; k < WH_ARRAY_SIZE(kinds); k++) {
		size_t n;
		const void *const *facts = wh_trace_facts(p->trace, kinds[k], &n);

		for (size_t i = 0; i < n; i++) {
			if (!names_item(kinds[k], facts[i], item))
				continue;
			wh_buf_adds(b, "seen:\n");
			add_other_fact(p, b, kinds[k], facts[i]);
		}
	}
}

static int explain_gaps(const struct wh_policy *p, const char *item, struct wh_buf *b)
{
	const struct wh_gap_info *info = wh_schema_gap(item);
	int told = 0;

	for (size_t i = 0; i < p->n_warnings; i++) {
		const struct wh_gap *gap = p->warnings[i].gap;

		if (!gap || strcmp(gap->kind, item) != 0)
			continue;
		wh_buf_addf(b, "gap %s\n  %s\n", p->warnings[i].text,
			    p->warnings[i].refuse
				    ? "a profile may lack what the service needs: --allow-gaps was "
				      "or is "
				      "needed"
				    : "worth knowing, but no reason to refuse a profile");
		add_other_fact(p, b, WH_KIND_GAP, gap);
		told++;
	}
	if (info && !told)
		wh_buf_addf(b, "gap %s (%s): the trace has none\n", info->kind, info->sentence);
	return told;
}

int wh_explain_item(const struct wh_policy *p, const char *item, struct wh_buf *b,
		    struct wh_error *e)
{
	size_t before = b->len;
	wh_auto(buf) fixed = {0};
	unsigned told_fixed = 0;
	int told = 0, r;

	told += explain_syscall(p, item, b);
	told += wh_explain_cap(p, item, b);
	r = wh_fixed_explain(p, item, &fixed, &told_fixed, e);
	if (r < 0)
		return r;
	told += r;
	r = explain_path(p, item, told_fixed > 0, b, e);
	if (r < 0)
		return r;
	told += r;
	told += explain_rules(p, item, b);
	told += wh_explain_run(p, item, b);
	if (fixed.failed)
		return wh_error_oom(e);
	wh_buf_adds(b, fixed.data ? fixed.data : "");
	told += explain_gaps(p, item, b);
	explain_others(p, item, b);
	if (b->failed)
		return wh_error_oom(e);
	if (b->len == before)
		add_safe(b, "", item,
			 " is not in the profile, and no system call, capability, path, socket "
			 "family, signal,\nkind of gap or way to run it that is known\n");
	return told > 0;
}
