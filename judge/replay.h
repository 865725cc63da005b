/* SPDX-License-Identifier: Apache-2.0 */
/* What a bundle would have refused of what a trace saw, without running anything. */
#ifndef WHITTLE_JUDGE_REPLAY_H
#define WHITTLE_JUDGE_REPLAY_H

#include "gen/policy.h"
#include "judge/cover.h"
#include "judge/filter.h"

/** How much a finding says. X(identifier, word) */
#define WH_REPLAY_LIST(X)                                                                          \
	X(REFUSED, "refused") /* it was done, or a runtime does it, and is not allowed */          \
	X(MISSING, "missing") /* not seen, but it can follow from what was, and is not allowed */  \
	X(UNJUDGED, "unjudged") /* it cannot be told: never passed over in silence */              \
	X(NOTE, "note")		/* worth knowing; the answer may yet be yes */

enum wh_replay_verdict {
#define X(id, word) WH_REPLAY_##id,
	WH_REPLAY_LIST(X)
#undef X
		WH_REPLAY_VERDICTS
};

/**
 * struct wh_replay_finding - one thing.
 * @what: "system call", "capability", "file", "AppArmor rule", "gap"
 * @entry: what the bundle lacks, as it would have it: "mkdir", "CAP_CHOWN", "owner /run/x.pid rw"
 * @why: one line
 * @fact: what it was decided from (all kinds but runs begin with it), or NULL
 */
struct wh_replay_finding {
	enum wh_replay_verdict verdict;
	const char *what;
	char *entry, *why;
	const struct wh_fact *fact;
};

struct wh_replay {
	struct wh_replay_finding *finding;
	size_t n;
	size_t count[WH_REPLAY_VERDICTS];
	size_t syscalls, caps, files, rules; /* that were judged */
};

/**
 * wh_replay_run() - judge each fact.
 * @policy: of the trace, made for the bundle's runtime; findings point into its trace
 * @caps: what the bundle adds, bit n is capability n
 * @profile: its AppArmor profile, or NULL
 * Return: 0, whatever was found.
 */
int wh_replay_run(const struct wh_policy *policy, const struct wh_filter *filter, uint64_t caps,
		  const struct wh_profile *profile, struct wh_replay *ret, struct wh_error *e);
void wh_replay_free(struct wh_replay *r);

static inline bool wh_replay_passed(const struct wh_replay *r)
{
	return !r->count[WH_REPLAY_REFUSED] && !r->count[WH_REPLAY_MISSING] &&
	       !r->count[WH_REPLAY_UNJUDGED];
}

const char *wh_replay_verdict_name(enum wh_replay_verdict verdict);

/* Of replay_apparmor.c, for replay.c. */
int wh_replay_add(struct wh_replay *r, enum wh_replay_verdict verdict, const char *what,
		  const char *entry, const struct wh_fact *fact, struct wh_error *e,
		  const char *why, ...) wh_printf(7, 8);
int wh_replay_apparmor(const struct wh_policy *policy, const struct wh_profile *profile,
		       struct wh_replay *r, struct wh_error *e);

#endif
