// SPDX-License-Identifier: Apache-2.0
#include "gen/explain-internal.h"
#include "whittle/capability.h"

/* Only the kernel asked for it: the questions say where. */
static int explain_questions(const struct wh_policy *p, const char *name, struct wh_buf *b)
{
	size_t n;
	const void *const *facts = wh_trace_facts(p->trace, WH_KIND_QUESTION, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_question *q = facts[i];

		if (strcmp(q->cap, name) != 0 || !wh_trace_of_service(&q->f))
			continue;
		wh_buf_addf(b, "    the kernel %s it, asked as\n",
			    q->granted ? "granted" : "refused");
		wh_explain_fact(p, b, WH_KIND_QUESTION, q);
	}
	return 0;
}

static const char *reason_asked(const struct wh_policy *p, const char *name)
{
	for (size_t i = 0; i < p->n_asked; i++)
		if (strcmp(p->asked[i].name, name) == 0)
			return p->asked[i].reason;
	return NULL;
}

int wh_explain_cap(const struct wh_policy *p, const char *item, struct wh_buf *b)
{
	static const char *const verdicts[] = {
		[WH_POLICY_ADD] = "added",
		[WH_POLICY_COVERED] = "not added: covered",
		[WH_POLICY_CONSIDERED] = "not added: considered",
		[WH_POLICY_DENIED] = "not added: refused while recording",
		[WH_POLICY_UNNEEDED] = "not added: proved not needed",
	};
	int number = wh_capability_number(item);
	const struct wh_policy_cap *cap = wh_policy_find_cap(p, item);
	const char *name, *asked;

	if (number < 0)
		return 0;
	name = wh_capability_row((unsigned)number)->name;
	asked = reason_asked(p, name);
	wh_buf_addf(b, "capability %s (%s): %s\n", name, wh_capability_row((unsigned)number)->means,
		    cap	    ? verdicts[cap->decision]
		    : asked ? "not in the list"
			    : "not in the list; nothing asked for it");
	if (!cap && asked)
		wh_buf_addf(b, "  it was %s\n", asked);
	if (!cap)
		return explain_questions(p, name, b);
	wh_buf_addf(b, "  because %s\n", cap->reason);
	if (cap->kernel)
		wh_buf_addf(b, "  %s\n", cap->kernel);
	for (size_t i = 0; i < cap->n_facts; i++)
		wh_explain_fact(p, b, WH_KIND_CAP, cap->facts[i]);
	explain_questions(p, name, b);
	wh_explain_profiles_cap(p, cap->name, b);
	return cap->decision == WH_POLICY_ADD;
}
