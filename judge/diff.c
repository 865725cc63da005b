// SPDX-License-Identifier: Apache-2.0
#include "judge/diff.h"

#include <stdarg.h>

#include "gen/policy.h"
#include "judge/risk.h"
#include "whittle/buf.h"
#include "whittle/capability.h"
#include "whittle/schema.h"

static const char *const kind_names[] = {
#define X(id, name, words) name,
	WH_DIFF_KIND_LIST(X)
#undef X
};

static const char *const kind_words[] = {
#define X(id, name, words) words,
	WH_DIFF_KIND_LIST(X)
#undef X
};

const char *wh_diff_kind_name(enum wh_diff_kind kind)
{
	wh_assert(kind < WH_DIFF_KINDS);
	return kind_names[kind];
}

const char *wh_diff_kind_words(enum wh_diff_kind kind)
{
	wh_assert(kind < WH_DIFF_KINDS);
	return kind_words[kind];
}

/* ---- one side as a list of privileges --------------------------------------------------------- */

/*
 * @key: what is compared
 * @letters: of a file; a privilege of any other kind has one bit
 * @path: of a file, for its risk
 */
struct item {
	enum wh_diff_kind kind;
	char *key;
	unsigned letters;
	bool owner;
	const char *path;
	struct wh_risk_reason risk;
	char *seen;
};

struct side {
	struct item *items;
	size_t n, cap;
	struct wh_policy *policy;
};

static void side_clear(struct side *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->items[i].key);
		free(s->items[i].seen);
	}
	free(s->items);
	wh_policy_free(s->policy);
}

/* Takes @key and @seen, which may be NULL for want of memory. */
static int add(struct side *s, struct item item)
{
	if (item.key && item.seen && s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		struct item *items = reallocarray(s->items, cap, sizeof(*items));

		if (items) {
			s->items = items;
			s->cap = cap;
		}
	}
	if (!item.key || !item.seen || s->n == s->cap) {
		free(item.key);
		free(item.seen);
		return -ENOMEM;
	}
	if (!item.letters)
		item.letters = 1;
	s->items[s->n++] = item;
	return 0;
}

static char *text(const char *fmt, ...) wh_printf(1, 2);

static char *text(const char *fmt, ...)
{
	char *s;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&s, fmt, ap);
	va_end(ap);
	return r < 0 ? NULL : s;
}

/* Which program did it, and in which run; not how often: that would differ each time. */
static char *seen_by(const struct wh_fact *f)
{
	return f->programs.n
		       ? text("by %s%s", f->programs.v[0], f->programs.n > 1 ? " and others" : "")
		       : strdup("");
}

static int add_caps(struct side *s)
{
	const struct wh_policy *p = s->policy;
	int r = 0;

	for (size_t i = 0; i < p->n_caps && r == 0; i++) {
		const struct wh_policy_cap *c = &p->caps[i];
		int number = wh_capability_number(c->name);
		const struct wh_capability *row =
			number >= 0 ? wh_capability_row((unsigned)number) : NULL;
		const char *evidence = c->reason;

		if (c->decision != WH_POLICY_ADD)
			continue;
		if (c->n_facts && c->facts[0]->evidence.n)
			evidence = c->facts[0]->evidence.v[0];
		r = add(s, (struct item){.kind = WH_DIFF_CAPABILITY,
					 .key = strdup(c->name),
					 .risk = {row ? row->risk : WH_RISK_HIGH,
						  row ? row->means : "unknown to this whittle"},
					 .seen = strdup(evidence ? evidence : "")});
	}
	return r;
}

static const char *syscall_why(enum wh_risk risk)
{
	static const char *const why[WH_RISKS] = {
		[WH_RISK_LOW] = "ordinary computing",
		[WH_RISK_MEDIUM] = "reaches beyond the process",
		[WH_RISK_HIGH] = "large or much-attacked kernel code",
		[WH_RISK_CRITICAL] = "can take over the machine",
	};

	return why[risk];
}

static int add_syscalls(struct side *s)
{
	const struct wh_policy *p = s->policy;
	int r = 0;

	for (size_t i = 0; i < p->n_syscalls; i++) {
		const struct wh_policy_syscall *c = &p->syscalls[i];
		const struct wh_syscall_row *row = wh_syscall_row(c->name);
		enum wh_risk risk = row ? row->risk : WH_RISK_HIGH;

		for (size_t k = 0; k < c->n_facts && r == 0 && !c->error; k++)
			r = add(s, (struct item){.kind = WH_DIFF_SYSCALL,
						 .key = text("%s (%s)", c->name, c->facts[k]->abi),
						 .risk = {risk, row ? syscall_why(risk)
								    : "unknown to this whittle"},
						 .seen = seen_by(&c->facts[k]->f)});
	}
	return r;
}

static int add_files(struct side *s)
{
	const struct wh_policy *p = s->policy;
	int r = 0;

	for (size_t i = 0; i < p->n_files && r == 0; i++) {
		const struct wh_policy_file *f = &p->files[i];

		r = add(s,
			(struct item){.kind = WH_DIFF_FILE,
				      .key = strdup(f->pattern),
				      .letters = f->letters,
				      .owner = f->owner,
				      .path = f->path,
				      .seen = f->n_facts ? seen_by(&f->facts[0]->f) : strdup("")});
	}
	return r;
}

static int add_rules(struct side *s)
{
	const struct wh_policy *p = s->policy;
	int r = 0;

	for (size_t i = 0; i < p->n_rules && r == 0; i++) {
		const struct wh_policy_rule *rule = &p->rules[i];

		/* Said by their own kinds, and more exactly. */
		if (rule->section == WH_POLICY_CAPABILITY || rule->section == WH_POLICY_NETWORK)
			continue;
		r = add(s, (struct item){.kind = WH_DIFF_RULE,
					 .key = strdup(rule->text),
					 .risk = wh_risk_rule(rule->section),
					 .seen = strdup(rule->reason ? rule->reason : "")});
	}
	return r;
}

static int add_execs(struct side *s, struct wh_trace *t)
{
	size_t n;
	const void *const *facts = wh_trace_facts(t, WH_KIND_EXEC, &n);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const struct wh_exec *x = facts[i];

		r = add(s, (struct item){.kind = WH_DIFF_EXEC,
					 .key = text("%s%s%s", x->from ? x->from : "",
						     x->from ? " → " : "", x->to),
					 .risk = wh_risk_exec(x),
					 .seen = strdup("")});
	}
	return r;
}

static int add_sockets(struct side *s, struct wh_trace *t)
{
	size_t n;
	const void *const *facts = wh_trace_facts(t, WH_KIND_SOCKET, &n);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const struct wh_socket *x = facts[i];

		/* Who connects to us is no privilege of ours, and has a new port each time; nor is what was left open one. */
		if (strcmp(x->op, "accept") == 0 || strcmp(x->op, WH_SOCKET_INHERIT) == 0)
			continue;
		r = add(s, (struct item){.kind = WH_DIFF_SOCKET,
					 .key = text("%s %s%s%s%s%s", x->op, x->family,
						     x->type ? " " : "", x->type ? x->type : "",
						     x->address ? " " : "",
						     x->address ? x->address : ""),
					 .risk = wh_risk_socket(x),
					 .seen = seen_by(&x->f)});
	}
	return r;
}

static int add_namespaces(struct side *s, struct wh_trace *t)
{
	size_t n;
	const void *const *facts = wh_trace_facts(t, WH_KIND_NAMESPACE, &n);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const struct wh_namespace *x = facts[i];

		r = add(s, (struct item){.kind = WH_DIFF_NAMESPACE,
					 .key = text("%s %s", x->op, x->type),
					 .risk = wh_risk_namespace(x),
					 .seen = seen_by(&x->f)});
	}
	return r;
}

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : strcmp(x->key, y->key);
}

static int side_fill(struct side *s, struct wh_trace *t, const char *which, struct wh_error *e)
{
	/* The runtime's floor is not the service's doing, and would only be noise. */
	struct wh_policy_options options = {.name = "diff", .runtime = "none"};
	size_t kept = 0;
	int r = wh_policy_new(t, &options, &s->policy, e);

	if (r < 0) {
		wh_error_prefix(e, "%s", which);
		return r;
	}
	if (add_caps(s) < 0 || add_syscalls(s) < 0 || add_files(s) < 0 || add_rules(s) < 0 ||
	    add_execs(s, t) < 0 || add_sockets(s, t) < 0 || add_namespaces(s, t) < 0)
		return wh_error_oom(e);
	if (s->n)
		qsort(s->items, s->n, sizeof(*s->items), compare_items);
	/* What differs only in what we do not compare (an interpreter, a protocol) is one. */
	for (size_t i = 0; i < s->n; i++) {
		if (kept && compare_items(&s->items[kept - 1], &s->items[i]) == 0) {
			s->items[kept - 1].letters |= s->items[i].letters;
			s->items[kept - 1].owner &= s->items[i].owner;
			if (s->items[i].risk.risk > s->items[kept - 1].risk.risk)
				s->items[kept - 1].risk = s->items[i].risk;
			free(s->items[i].key);
			free(s->items[i].seen);
		} else {
			s->items[kept++] = s->items[i];
		}
	}
	s->n = kept;
	return 0;
}

/* ---- two sides -------------------------------------------------------------------------------- */

static void letters_text(unsigned letters, char *ret)
{
	static const char names[] = "rwalkmx";

	for (unsigned bit = 0; names[bit]; bit++) {
		/* In the order of enum wh_policy_letter: r w a l k m x. */
		if (letters & 1u << bit)
			*ret++ = names[bit];
	}
	*ret = '\0';
}

static int add_entry(struct wh_diff_entry **list, size_t *n, const struct item *item,
		     unsigned letters, bool owner_change)
{
	struct wh_diff_entry *entries, *entry;
	struct wh_risk_reason risk = item->risk;
	char names[16];

	if ((*n & (*n - 1)) == 0) {
		entries = reallocarray(*list, *n ? *n * 2 : 1, sizeof(*entries));
		if (!entries)
			return -ENOMEM;
		*list = entries;
	}
	entry = &(*list)[*n];
	if (item->kind == WH_DIFF_FILE) {
		risk = wh_risk_file(item->path, letters);
		letters_text(letters, names);
	}
	*entry = (struct wh_diff_entry){.kind = item->kind, .risk = risk.risk, .why = risk.why};
	entry->what = item->kind == WH_DIFF_FILE
			      ? text("%s%s %s%s", item->owner ? "owner " : "", item->key, names,
				     owner_change ? " (no longer as owner only)" : "")
			      : strdup(item->key);
	entry->seen = strdup(item->seen);
	if (!entry->what || !entry->seen) {
		free(entry->what);
		free(entry->seen);
		return -ENOMEM;
	}
	(*n)++;
	return 0;
}

static const struct item none;

/* What @a has and @b has not. */
static int subtract(const struct side *a, const struct side *b, struct wh_diff_entry **list,
		    size_t *n)
{
	for (size_t i = 0, k = 0; i < a->n; i++) {
		const struct item *mine = &a->items[i], *theirs = &none;
		bool owner_change;
		unsigned extra;

		while (k < b->n && compare_items(&b->items[k], mine) < 0)
			k++;
		if (k < b->n && compare_items(&b->items[k], mine) == 0)
			theirs = &b->items[k];
		extra = mine->letters & ~theirs->letters;
		/* 'w' covers 'a'. */
		if (theirs->letters & WH_POLICY_W)
			extra &= ~(unsigned)WH_POLICY_A;
		owner_change = !extra && theirs->owner && !mine->owner && theirs->letters;
		if (owner_change)
			extra = mine->letters;
		if (extra && add_entry(list, n, mine, extra, owner_change) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	const struct wh_diff_entry *x = a, *y = b;

	if (x->risk != y->risk)
		return x->risk > y->risk ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return strcmp(x->what, y->what);
}

/* ---- notes ------------------------------------------------------------------------------------- */

static int add_note(struct wh_diff *d, char *note)
{
	char **notes = note ? reallocarray(d->notes, d->n_notes + 1, sizeof(*notes)) : NULL;

	if (!notes) {
		free(note);
		return -ENOMEM;
	}
	d->notes = notes;
	d->notes[d->n_notes++] = note;
	return 0;
}

static int add_notes(struct wh_diff *d, struct wh_trace *t, const char *which)
{
	size_t n;
	const void *const *facts = wh_trace_facts(t, WH_KIND_RUN, &n);
	int r = n ? 0 : add_note(d, text("%s holds no run", which));

	for (size_t i = 0; i < n && r == 0; i++) {
		const struct wh_run *run = facts[i];

		if (!run->complete)
			r = add_note(d, text("%s: run %s was cut short", which, run->id));
		if (r == 0 && run->failed)
			r = add_note(d, text("%s: run %s failed", which, run->id));
		if (r == 0 && wh_trace_censored(run))
			r = add_note(
				d, text("%s: run %s: %s", which, run->id, wh_trace_censored(run)));
	}
	facts = wh_trace_facts(t, WH_KIND_GAP, &n);
	for (size_t i = 0; i < n && r == 0; i++) {
		const struct wh_gap *gap = facts[i];
		const struct wh_gap_info *info = wh_schema_gap(gap->kind);

		r = add_note(d, text("%s: gap: %s%s%s%s", which, info ? info->sentence : gap->kind,
				     gap->detail ? " (" : "", gap->detail ? gap->detail : "",
				     gap->detail ? ")" : ""));
	}
	return r;
}

int wh_diff_new(struct wh_trace *old, struct wh_trace *new, struct wh_diff **ret,
		struct wh_error *e)
{
	wh_auto(diff) d = calloc(1, sizeof(*d));
	struct side before = {0}, after = {0};
	int r;

	if (!d)
		return wh_error_oom(e);
	r = side_fill(&before, old, "OLD", e);
	if (r == 0)
		r = side_fill(&after, new, "NEW", e);
	if (r == 0 && (subtract(&after, &before, &d->widening, &d->n_widening) < 0 ||
		       subtract(&before, &after, &d->narrowing, &d->n_narrowing) < 0 ||
		       add_notes(d, old, "OLD") < 0 || add_notes(d, new, "NEW") < 0))
		r = wh_error_oom(e);
	side_clear(&before);
	side_clear(&after);
	if (r < 0)
		return r;
	if (d->n_widening)
		qsort(d->widening, d->n_widening, sizeof(*d->widening), compare_entries);
	if (d->n_narrowing)
		qsort(d->narrowing, d->n_narrowing, sizeof(*d->narrowing), compare_entries);
	*ret = wh_take(d);
	return 0;
}

static void free_entries(struct wh_diff_entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(entries[i].what);
		free(entries[i].seen);
	}
	free(entries);
}

void wh_diff_free(struct wh_diff *d)
{
	if (!d)
		return;
	free_entries(d->widening, d->n_widening);
	free_entries(d->narrowing, d->n_narrowing);
	for (size_t i = 0; i < d->n_notes; i++)
		free(d->notes[i]);
	free(d->notes);
	free(d);
}

size_t wh_diff_count(const struct wh_diff *d, enum wh_risk risk)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n_widening; i++)
		n += d->widening[i].risk == risk;
	return n;
}
