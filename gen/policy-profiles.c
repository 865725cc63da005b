// SPDX-License-Identifier: Apache-2.0
/* A policy for each AppArmor profile: what of the whole is in it. */
#include "gen/policy-internal.h"
#include "gen/policy-split.h"
#include "gen/text.h"

bool wh_policy_split_is_of(const struct wh_policy *whole, const struct wh_fact *f, size_t profile)
{
	if (f->programs.overflow || !f->programs.n)
		return true;
	for (size_t i = 0; i < f->programs.n; i++)
		if (wh_policy_split_profile(whole->split, f->programs.v[i]) == profile)
			return true;
	return false;
}

bool wh_policy_split_runs(const struct wh_policy *whole, const char *program, size_t profile)
{
	return wh_policy_split_profile(whole->split, program) == profile;
}

/*
 * Its own file, interpreter and loader are checked again when they are mapped into a program that has changed its
 * profile, though it is the program before that was seen to ask for them.
 */
static bool is_entered_by(const struct wh_policy *whole, const struct wh_file *fact, size_t profile)
{
	size_t n;
	const void *const *execs = wh_policy_facts(whole, WH_KIND_EXEC, &n);

	switch (fact->access) {
	case WH_ACCESS_EXEC:
	case WH_ACCESS_INTERPRETER:
		return wh_policy_split_ran(whole->split, fact->path) &&
		       wh_policy_split_profile(whole->split, fact->path) == profile;
	case WH_ACCESS_LOADER:
		for (size_t i = 0; i < n; i++) {
			const struct wh_exec *exec = execs[i];

			if (wh_policy_split_profile(whole->split, wh_policy_split_runs_as(exec)) ==
				    profile &&
			    wh_util_streq(exec->loader, fact->path))
				return true;
		}
		return false;
	default:
		return false;
	}
}

unsigned wh_policy_split_letters(const struct wh_policy *p, const struct wh_file *fact,
				 unsigned letters, const struct wh_policy **ret_to)
{
	const struct wh_policy *whole = p->whole;
	bool known = false;
	size_t n;
	const void *const *execs = wh_policy_facts(whole, WH_KIND_EXEC, &n);

	if (fact->access != WH_ACCESS_EXEC && fact->access != WH_ACCESS_INTERPRETER)
		return letters;
	/* That of a script is opened by the kernel itself, which asks AppArmor about the script alone. */
	letters &= ~WH_POLICY_X;
	for (size_t i = 0; fact->access == WH_ACCESS_EXEC && i < n; i++) {
		const struct wh_exec *exec = execs[i];
		size_t target =
			wh_policy_split_profile(whole->split, wh_policy_split_runs_as(exec));

		if (strcmp(exec->to, fact->path) != 0)
			continue;
		known = true;
		if (wh_policy_split_profile(whole->split, exec->from) != p->index)
			continue;
		letters |= WH_POLICY_X;
		if (target != p->index)
			*ret_to = whole->profiles[target];
	}
	/* It was never executed, but AppArmor was asked. */
	if (fact->access == WH_ACCESS_EXEC && !known)
		letters |= WH_POLICY_X;
	if (is_entered_by(whole, fact, p->index))
		letters |= WH_POLICY_R | WH_POLICY_M;
	return letters;
}

const struct wh_policy_file *wh_policy_split_file(const struct wh_policy *p, const char *path)
{
	return wh_policy_split_rule(p->whole->split, path);
}

static int share_facts(struct wh_policy *p, struct wh_error *e)
{
	p->of_service[WH_KIND_RUN] = p->whole->of_service[WH_KIND_RUN];
	for (enum wh_kind kind = WH_KIND_RUN + 1; kind < WH_KINDS; kind++) {
		size_t n;
		const void *const *facts = wh_policy_facts(p->whole, kind, &n);
		const void **kept = wh_pool_alloc(&p->pool, (n + 1) * sizeof(*kept));
		size_t n_kept = 0;

		if (!kept)
			return wh_error_oom(e);
		for (size_t i = 0; i < n; i++) {
			if (wh_policy_split_is_of(p->whole, facts[i], p->index) ||
			    (kind == WH_KIND_FILE && is_entered_by(p->whole, facts[i], p->index)))
				kept[n_kept++] = facts[i];
		}
		p->of_service[kind] = (struct wh_policy_facts){kept, n_kept};
	}
	return 0;
}

/* Whether the fact is why its capability is added, where that is @proved. */
static bool counts(const struct wh_cap *fact, bool proved)
{
	return !fact->denied &&
	       (fact->strength == WH_STRENGTH_REQUIRED || fact->strength == WH_STRENGTH_LIKELY ||
		(proved && fact->strength == WH_STRENGTH_POSSIBLE));
}

static bool needs(const struct wh_policy *p, const struct wh_policy_cap *cap)
{
	bool proved = false, named = false;

	for (size_t i = 0; i < cap->n_facts; i++)
		proved |= cap->facts[i]->strength == WH_STRENGTH_PROVED;
	for (size_t i = 0; i < cap->n_facts; i++) {
		if (!counts(cap->facts[i], proved))
			continue;
		named = true;
		if (wh_policy_split_is_of(p->whole, &cap->facts[i]->f, p->index))
			return true;
	}
	/* That it is needed is known, but not by whom. */
	return !named && cap->decision == WH_POLICY_ADD;
}

/* A profile gives what the container has: of two that do the same it is the one that was added. */
static int share_caps(struct wh_policy *p, struct wh_error *e)
{
	const struct wh_policy *whole = p->whole;

	for (size_t i = 0; i < whole->n_caps; i++) {
		const struct wh_policy_cap *cap = &whole->caps[i];
		struct wh_policy_cap *place;
		bool needed = needs(p, cap);

		if (cap->decision != WH_POLICY_ADD)
			continue;
		for (size_t j = 0; j < whole->n_caps; j++)
			needed |= whole->caps[j].decision == WH_POLICY_COVERED &&
				  whole->caps[j].by == cap && needs(p, &whole->caps[j]);
		if (!needed)
			continue;
		place = wh_pool_append(&p->pool, &p->caps, &p->n_caps, sizeof(*place));
		if (!place)
			return wh_error_oom(e);
		*place = *cap;
	}
	return 0;
}

/* The least of its programs gives its name; @n others have the same. */
static const char *child_name(struct wh_policy *p, const char *program, size_t n)
{
	const char *base = strrchr(program, '/');
	char *name;

	base = base ? base + 1 : program;
	name = wh_pool_printf(&p->pool, "%s%.60s", strchr("-.", base[0]) ? "program" : "", base);
	for (char *c = name; c && *c; c++) {
		if (!strchr(WH_POLICY_NAME_CHARS, *c))
			*c = '-';
	}
	if (name && name[0] == '-')
		name[0] = '_';
	return name && n ? wh_pool_printf(&p->pool, "%s-%zu", name, n + 1) : name;
}

static int name_child(struct wh_policy *whole, struct wh_policy *p, struct wh_error *e)
{
	const char *program = NULL, *name = NULL;

	for (size_t i = 0; i < whole->split->n_programs && !program; i++)
		if (whole->split->programs[i].profile == p->index)
			program = whole->split->programs[i].path;
	for (size_t n = 0; !name; n++) {
		name = child_name(whole, program, n);
		if (!name)
			return wh_error_oom(e);
		for (size_t i = 1; name && i < p->index; i++)
			if (strcmp(whole->profiles[i]->child, name) == 0)
				name = NULL;
	}
	p->child = name;
	p->name = wh_pool_printf(&whole->pool, "%s//%s", whole->name, name);
	return p->name ? 0 : wh_error_oom(e);
}

static const char *title_of(struct wh_policy *whole, size_t index)
{
	wh_auto(buf) b = {0};

	for (size_t i = 0; i < whole->split->n_programs; i++)
		if (whole->split->programs[i].profile == index)
			wh_buf_addf(&b, "%s%s", b.len ? ", " : "", whole->split->programs[i].path);
	return b.failed ? NULL : wh_text_safe_dup(&whole->pool, b.data);
}

static int make(struct wh_policy *whole, size_t index, struct wh_error *e)
{
	struct wh_policy *p = calloc(1, sizeof(*p)), **place;

	if (!p)
		return wh_error_oom(e);
	place = wh_pool_append(&whole->pool, &whole->profiles, &whole->n_profiles, sizeof(*place));
	if (!place) {
		free(p);
		return wh_error_oom(e);
	}
	*place = p;
	p->trace = whole->trace;
	p->whole = whole;
	p->index = index;
	p->service = whole->service;
	p->runtime = whole->runtime;
	p->name = whole->name;
	p->title = title_of(whole, index);
	if (!p->title)
		return wh_error_oom(e);
	return index ? name_child(whole, p, e) : 0;
}

int wh_policy_split(struct wh_policy *p, struct wh_error *e)
{
	size_t n = 0;
	int r;

	if (!p->split)
		return 0;
	r = wh_policy_split_group(p, &n, e);
	for (size_t i = 0; r >= 0 && n > 1 && i < n; i++)
		r = make(p, i, e);
	for (size_t i = 0; r >= 0 && i < p->n_profiles; i++) {
		struct wh_policy *one = p->profiles[i];

		r = share_facts(one, e);
		if (r >= 0)
			r = share_caps(one, e);
		if (r >= 0)
			r = wh_policy_files(one, e);
		if (r >= 0)
			r = wh_policy_rules(one, e);
	}
	return r;
}
