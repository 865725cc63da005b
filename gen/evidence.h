/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel itself asked, beside what was inferred. */
#ifndef WHITTLE_GEN_EVIDENCE_H
#define WHITTLE_GEN_EVIDENCE_H

#include "whittle/capability.h"
#include "whittle/trace.h"

/**
 * struct wh_evidence - of one capability.
 * @inferred, @strength: something needs it (or may), and how sure that is
 * @wanted: only calls that failed wanted it
 * @granted, @refused: how often the kernel said so; both 0: it was not asked, or nobody listened
 * @idle: how many of @granted were asked where nothing hangs on the answer; @idle_why says it of the first
 * @grant: the first question that was granted, of those that are not idle if there is one; @refusal: likewise; or NULL
 * @contradicted: something is said to need it, and the kernel did not grant it although all its answers are known
 */
struct wh_evidence {
	bool inferred, wanted, contradicted;
	enum wh_strength strength;
	uint64_t granted, refused, idle;
	const char *idle_why;
	const struct wh_question *grant, *refusal;
};

/** wh_evidence_weigh() - of all capabilities, by number; of the service's own doing. */
void wh_evidence_weigh(struct wh_trace *t, struct wh_evidence ret[WH_CAPABILITY_COUNT]);

#endif
