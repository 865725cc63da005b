// SPDX-License-Identifier: Apache-2.0
/*
 * What the kernel itself asked is an upper bound of what was used: a need that it did not grant is a contradiction,
 * which is told and changes nothing, as to leave out what is needed would be worse; and what it granted without
 * a need is considered, and not added.
 */
#include "gen/evidence.h"
#include "gen/policy-internal.h"
#include "gen/text.h"

/* Fit for a comment; NULL when memory ran out. */
static const char *call_of(struct wh_policy *p, const struct wh_question *q)
{
	return q->syscall ? wh_text_safe_dup(&p->pool, q->syscall) : "no call (a page fault)";
}

/* "setpriority, first by /usr/bin/x at libc.so.6:setpriority+0x7" */
static const char *place_of(struct wh_policy *p, const struct wh_question *q)
{
	wh_auto(buf) b = {0};
	const struct wh_site *site = q->f.site;

	wh_text_safe(&b, q->syscall ? q->syscall : "no call (a page fault)");
	if (site)
		wh_text_safe(&b, ", first by ");
	if (site)
		wh_text_safe(&b, site->program);
	if (site && site->stack.n) {
		wh_buf_adds(&b, " at ");
		wh_text_safe(&b, site->stack.v[0]);
	}
	return b.failed ? NULL : wh_pool_strdup(&p->pool, b.data);
}

static int contradict(struct wh_policy *p, struct wh_policy_cap *cap, const struct wh_evidence *of,
		      struct wh_error *e)
{
	const char *refused = of->refused ? ", and refused it" : "", *text;

	cap->kernel = wh_pool_printf(
		&p->pool,
		"CONTRADICTION: all that the kernel asked is known, and it never granted "
		"it%s",
		refused);
	text = wh_pool_printf(&p->pool,
			      "contradiction: %s is %s as it seems to be needed (%s), but the "
			      "kernel never granted it%s: please report it",
			      cap->name, cap->decision == WH_POLICY_ADD ? "added" : "covered",
			      cap->evidence, refused);
	if (!cap->kernel || !text)
		return wh_error_oom(e);
	return wh_policy_warn(p, text, false, NULL, e);
}

static int consider(struct wh_policy *p, const char *name, const char *place, struct wh_error *e)
{
	struct wh_policy_cap *cap =
		wh_pool_append(&p->pool, &p->caps, &p->n_caps, sizeof(*p->caps));

	if (!cap)
		return wh_error_oom(e);
	cap->name = name;
	cap->decision = WH_POLICY_CONSIDERED;
	cap->reason = wh_pool_printf(&p->pool,
				     "the kernel granted it in %s, but nothing that was seen needs "
				     "it: leave it out, and add it if the service fails without it",
				     place);
	cap->evidence = cap->reason;
	return cap->reason ? 0 : wh_error_oom(e);
}

static int put_asked(struct wh_policy *p, const char *name, const struct wh_evidence *of,
		     struct wh_error *e)
{
	const struct wh_question *first = of->grant ? of->grant : of->refusal;
	struct wh_policy_asked *asked =
		wh_pool_append(&p->pool, &p->asked, &p->n_asked, sizeof(*p->asked));

	const char *call = call_of(p, first);

	if (!asked || !call)
		return wh_error_oom(e);
	asked->name = name;
	asked->first = first;
	if (of->idle_why)
		asked->reason =
			wh_pool_printf(&p->pool, "asked for in %s, and nothing depended on it: %s",
				       call, of->idle_why);
	else
		asked->reason = wh_pool_printf(&p->pool,
					       "refused in %s, and the service went on: it is not "
					       "needed",
					       call);
	return asked->reason ? 0 : wh_error_oom(e);
}

static int weigh(struct wh_policy *p, const char *name, const struct wh_evidence *of,
		 struct wh_error *e)
{
	/* The cast takes off the const of a look-up: this is a part of the policy's making. */
	struct wh_policy_cap *cap = (struct wh_policy_cap *)(uintptr_t)wh_policy_find_cap(p, name);
	const char *place;

	if (cap && of->contradicted &&
	    (cap->decision == WH_POLICY_ADD || cap->decision == WH_POLICY_COVERED))
		return contradict(p, cap, of, e);
	if (!of->granted && !of->refused)
		return 0;
	if (!cap && of->granted == of->idle)
		return put_asked(p, name, of, e);
	place = place_of(p, of->grant ? of->grant : of->refusal);
	if (!place)
		return wh_error_oom(e);
	if (!cap)
		return consider(p, name, place, e);
	cap->kernel = wh_pool_printf(&p->pool, "the kernel %s it in %s",
				     !of->granted ? "refused" : "granted", place);
	return cap->kernel ? 0 : wh_error_oom(e);
}

int wh_policy_evidence(struct wh_policy *p, struct wh_error *e)
{
	struct wh_evidence of[WH_CAPABILITY_COUNT];
	int r = 0;

	wh_evidence_weigh(p->trace, of);
	for (unsigned i = 0; i < WH_CAPABILITY_COUNT && r == 0; i++)
		r = weigh(p, wh_capability_row(i)->name, &of[i], e);
	wh_policy_sort_caps(p);
	return r;
}
