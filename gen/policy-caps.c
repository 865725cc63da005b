// SPDX-License-Identifier: Apache-2.0
/* Which capabilities are added, and why the others are not. */
#include "gen/policy-internal.h"

#include "gen/text.h"
#include "whittle/capability.h"

/*
 * Capabilities that do another one's work. The kernel asks for the lesser one first and is content
 * with the greater (fs/namei.c generic_permission(), include/linux/capability.h perfmon_capable(),
 * bpf_capable(), checkpoint_restore_ns_capable()).
 * @unless: calls for which only the lesser one counts, NULL-terminated
 */
static const struct dominance {
	const char *lesser, *greater, *why;
	const char *unless[4];
} dominances[] = {
	{"CAP_DAC_READ_SEARCH",
	 "CAP_DAC_OVERRIDE",
	 "lets it read and search everything as well",
	 {"open_by_handle_at", "linkat"}},
	{"CAP_BPF", "CAP_SYS_ADMIN", "is accepted for it", {NULL}},
	{"CAP_PERFMON", "CAP_SYS_ADMIN", "is accepted for it", {NULL}},
	{"CAP_CHECKPOINT_RESTORE", "CAP_SYS_ADMIN", "is accepted for it", {NULL}},
};

static struct wh_policy_cap *find(const struct wh_policy *p, const char *name)
{
	for (size_t i = 0; i < p->n_caps; i++) {
		if (strcmp(p->caps[i].name, name) == 0)
			return &p->caps[i];
	}
	return NULL;
}

static int add_fact(struct wh_policy *p, const struct wh_cap *fact, struct wh_error *e)
{
	int number = wh_capability_number(fact->cap);
	struct wh_policy_cap *cap;
	const struct wh_cap **place;

	if (number < 0)
		return wh_error_set(e, EINVAL,
				    "the trace has a capability \"%s\" that is not known",
				    fact->cap);
	cap = find(p, wh_capability_row((unsigned)number)->name);
	if (!cap) {
		cap = wh_pool_append(&p->pool, &p->caps, &p->n_caps, sizeof(*cap));
		if (!cap)
			return wh_error_oom(e);
		cap->name = wh_capability_row((unsigned)number)->name;
	}
	place = wh_pool_append(&p->pool, &cap->facts, &cap->n_facts, sizeof(*place));
	if (!place)
		return wh_error_oom(e);
	*place = fact;
	return 0;
}

/* Whether a load of every recording in which @fact was seen was served without the capability. */
static bool served_without(const struct wh_policy_cap *cap, const struct wh_cap *fact)
{
	if (fact->f.runs.overflow || !fact->f.runs.n)
		return false;
	for (size_t i = 0; i < fact->f.runs.n; i++) {
		bool served = false;

		for (size_t j = 0; j < cap->n_facts && !served; j++)
			served = cap->facts[j]->strength == WH_STRENGTH_NOT_NEEDED &&
				 wh_trace_has_str(&cap->facts[j]->f.runs, fact->f.runs.v[i]);
		if (!served)
			return false;
	}
	return true;
}

/*
 * What trials say. That one load was served without it means nothing for another recording, which then stands;
 * and where another load proved it, it is needed. Return: whether that decides.
 */
static bool decide_by_trial(struct wh_policy_cap *cap)
{
	bool tried = false, stands = false;

	for (size_t i = 0; i < cap->n_facts; i++) {
		const struct wh_cap *fact = cap->facts[i];

		if (fact->denied)
			continue;
		if (fact->strength == WH_STRENGTH_PROVED) {
			cap->decision = WH_POLICY_ADD;
			cap->reason = "proved: it was taken away, and the load was not served";
			return true;
		}
		if (fact->strength == WH_STRENGTH_NOT_NEEDED)
			tried = true;
		else if (fact->strength != WH_STRENGTH_POSSIBLE)
			stands |= !served_without(cap, fact);
	}
	if (!tried || stands)
		return false;
	cap->decision = WH_POLICY_UNNEEDED;
	cap->reason = "it was taken away, and each recorded load that seemed to need it was served "
		      "all the same; another load may need it";
	return true;
}

bool wh_policy_went_on(const struct wh_policy *p, const struct wh_cap *denied)
{
	size_t n;
	const void *const *runs = wh_policy_facts(p, WH_KIND_RUN, &n);

	if (denied->ended)
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct wh_run *run = runs[i];

		if (run->failed || !run->complete)
			continue;
		/* Of more than a fact keeps this may well be one. */
		if (denied->f.runs.overflow || wh_trace_has_str(&denied->f.runs, run->id))
			return true;
	}
	return false;
}

const char *wh_policy_refused(const struct wh_policy *p, const struct wh_cap *fact)
{
	if (!fact->denied)
		return "";
	if (fact->ended)
		return " (refused, and the process failed)";
	return wh_policy_went_on(p, fact) ? " (refused, and it went on without)"
					  : " (refused, and the recording failed)";
}

static const char *refused_reason(bool ended, bool went_on)
{
	if (ended)
		return "a call was refused for want of it, and its process failed: that may be "
		       "why; record again with it";
	return went_on ? "a call was refused for want of it, and the service went on: evidence "
			 "that it is not needed"
		       : "a call was refused for want of it, and the recording failed: that may be "
			 "why; record again with it";
}

static void decide(const struct wh_policy *p, struct wh_policy_cap *cap)
{
	bool denied = false, ended = false, possible = false, went_on = false, seen = false;
	enum wh_strength best = WH_STRENGTH_POSSIBLE;

	if (decide_by_trial(cap))
		return;
	for (size_t i = 0; i < cap->n_facts; i++) {
		if (cap->facts[i]->strength == WH_STRENGTH_NOT_NEEDED)
			continue;
		if (cap->facts[i]->denied) {
			denied = true;
			ended |= cap->facts[i]->ended;
			went_on |= wh_policy_went_on(p, cap->facts[i]);
			continue;
		}
		possible = true;
		seen |= cap->facts[i]->strength == WH_STRENGTH_LIKELY &&
			cap->facts[i]->f.phases != WH_PHASE_AUDIT;
		if (cap->facts[i]->strength > best)
			best = cap->facts[i]->strength;
	}
	if (best == WH_STRENGTH_REQUIRED) {
		cap->decision = WH_POLICY_ADD;
		cap->reason = "what it did cannot be done without it";
	} else if (best == WH_STRENGTH_LIKELY && !seen) {
		cap->decision = WH_POLICY_ADD;
		cap->reason = "the kernel's log says that it was about to use it and a profile did "
			      "not allow it; whether it would do without is not known";
	} else if (best == WH_STRENGTH_LIKELY) {
		cap->decision = WH_POLICY_ADD;
		cap->reason =
			"what it did most likely needs it: one input of the kernel's rule had "
			"to be assumed";
	} else if (possible) {
		cap->decision = WH_POLICY_CONSIDERED;
		cap->reason =
			"it may have mattered, but nothing that was seen needs it: leave it out, "
			"and add it if the service fails without it";
	} else if (denied) {
		cap->decision = WH_POLICY_DENIED;
		cap->reason = refused_reason(ended, went_on);
	}
}

static bool uses(const struct wh_policy_cap *cap, const char *const *calls)
{
	for (size_t i = 0; i < cap->n_facts; i++) {
		if (cap->facts[i]->denied)
			continue;
		for (size_t k = 0; calls[k]; k++) {
			if (wh_trace_has_str(&cap->facts[i]->syscalls, calls[k]))
				return true;
		}
	}
	return false;
}

static bool is_proved(const struct wh_policy_cap *cap)
{
	for (size_t i = 0; i < cap->n_facts; i++) {
		if (cap->facts[i]->strength == WH_STRENGTH_PROVED && !cap->facts[i]->denied)
			return true;
	}
	return false;
}

bool wh_policy_cap_does(const struct wh_cap *fact, const char *other)
{
	const struct wh_policy_cap cap = {.facts = &fact, .n_facts = 1};

	if (wh_util_streq(fact->instead, other))
		return true;
	for (size_t i = 0; i < WH_ARRAY_SIZE(dominances); i++) {
		const struct dominance *d = &dominances[i];

		if (strcmp(d->lesser, fact->cap) == 0 && strcmp(d->greater, other) == 0)
			return !uses(&cap, d->unless);
	}
	return false;
}

/* Another capability that would have done each time, and is added for something else anyway. */
static const struct wh_policy_cap *stand_in(const struct wh_policy *p,
					    const struct wh_policy_cap *cap)
{
	const struct wh_policy_cap *other = NULL;

	for (size_t i = 0; i < cap->n_facts; i++) {
		const struct wh_cap *fact = cap->facts[i];

		/* One that is proved was needed beside all others. */
		if (is_proved(cap))
			return NULL;
		if (fact->denied || fact->strength == WH_STRENGTH_POSSIBLE ||
		    fact->strength == WH_STRENGTH_NOT_NEEDED)
			continue;
		other = fact->instead ? find(p, fact->instead) : NULL;
		if (!other || other->decision != WH_POLICY_ADD)
			return NULL;
	}
	return other;
}

static int cover_by_facts(struct wh_policy *p, struct wh_error *e)
{
	for (size_t i = 0; i < p->n_caps; i++) {
		struct wh_policy_cap *cap = &p->caps[i];
		const struct wh_policy_cap *other =
			cap->decision == WH_POLICY_ADD ? stand_in(p, cap) : NULL;

		if (!other)
			continue;
		cap->decision = WH_POLICY_COVERED;
		cap->by = other;
		cap->reason = wh_pool_printf(
			&p->pool, "%s, which is needed anyway, would have done each time",
			other->name);
		if (!cap->reason)
			return wh_error_oom(e);
	}
	return 0;
}

/* What was seen in use and is left out all the same is nothing to be found out later. */
static int warn_of_unneeded(struct wh_policy *p, const struct wh_policy_cap *cap,
			    struct wh_error *e)
{
	const char *said = NULL;
	bool seen = false;

	for (size_t i = 0; i < cap->n_facts; i++) {
		const struct wh_cap *fact = cap->facts[i];

		if (fact->strength == WH_STRENGTH_NOT_NEEDED && fact->evidence.n)
			said = fact->evidence.v[0];
		else if (fact->strength != WH_STRENGTH_POSSIBLE && !fact->denied)
			seen = true;
	}
	if (!seen)
		return 0;
	return wh_policy_warn(p,
			      wh_pool_printf(&p->pool,
					     "%s was seen in use and is left out: %s. Another load "
					     "may need it",
					     cap->name, said ? said : "it was proved not needed"),
			      false, NULL, e);
}

static int cover(struct wh_policy *p, struct wh_error *e)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(dominances); i++) {
		const struct dominance *d = &dominances[i];
		struct wh_policy_cap *lesser = find(p, d->lesser);
		const struct wh_policy_cap *greater = find(p, d->greater);

		if (!lesser || !greater || lesser->decision != WH_POLICY_ADD ||
		    greater->decision != WH_POLICY_ADD || is_proved(lesser) ||
		    uses(lesser, d->unless))
			continue;
		lesser->decision = WH_POLICY_COVERED;
		lesser->by = greater;
		lesser->reason = wh_pool_printf(&p->pool, "%s, which is needed anyway, %s",
						d->greater, d->why);
		if (!lesser->reason)
			return wh_error_oom(e);
	}
	return cover_by_facts(p, e);
}

/* Facts are sorted by strength: the strongest comes last. */
static int add_evidence(struct wh_policy *p, struct wh_policy_cap *cap, struct wh_error *e)
{
	const char *evidence = cap->reason;

	for (size_t i = 0; i < cap->n_facts; i++) {
		if (!cap->facts[i]->denied && cap->facts[i]->evidence.n)
			evidence = cap->facts[i]->evidence.v[0];
	}
	cap->evidence = wh_text_safe_dup(&p->pool, evidence);
	return cap->evidence ? 0 : wh_error_oom(e);
}

/* A recording or a process that failed is warned of; that this may be why, too. */
static int warn_lacking(struct wh_policy *p, const struct wh_policy_cap *cap, struct wh_error *e)
{
	bool ended = false, went_on = false;

	if (cap->decision != WH_POLICY_DENIED)
		return 0;
	for (size_t i = 0; i < cap->n_facts; i++) {
		ended |= cap->facts[i]->ended;
		went_on |= wh_policy_went_on(p, cap->facts[i]);
	}
	if (went_on && !ended)
		return 0;
	return wh_policy_warn(
		p,
		wh_pool_printf(&p->pool,
			       "a call was refused for want of %s in a %s that failed: it "
			       "may be needed, and is not added",
			       cap->name, ended ? "process" : "recording"),
		false, NULL, e);
}

static int by_name(const void *a, const void *b)
{
	const struct wh_policy_cap *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void wh_policy_sort_caps(struct wh_policy *p)
{
	if (p->n_caps)
		qsort(p->caps, p->n_caps, sizeof(*p->caps), by_name);
}

int wh_policy_caps(struct wh_policy *p, struct wh_error *e)
{
	size_t n;
	const void *const *facts = wh_policy_facts(p, WH_KIND_CAP, &n);

	for (size_t i = 0; i < n; i++) {
		int r = add_fact(p, facts[i], e);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < p->n_caps; i++) {
		decide(p, &p->caps[i]);
		if (add_evidence(p, &p->caps[i], e) < 0 || warn_lacking(p, &p->caps[i], e) < 0)
			return -ENOMEM;
		if (p->caps[i].decision == WH_POLICY_UNNEEDED &&
		    warn_of_unneeded(p, &p->caps[i], e) < 0)
			return -ENOMEM;
	}
	wh_policy_sort_caps(p);
	return cover(p, e);
}

const struct wh_policy_cap *wh_policy_find_cap(const struct wh_policy *p, const char *name)
{
	int number = wh_capability_number(name);

	return number < 0 ? NULL : find(p, wh_capability_row((unsigned)number)->name);
}
