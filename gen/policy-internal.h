/* SPDX-License-Identifier: Apache-2.0 */
/* Between policy.c and policy-*.c only. Each step returns 0, or -errno with @e set. */
#ifndef WHITTLE_GEN_POLICY_INTERNAL_H
#define WHITTLE_GEN_POLICY_INTERNAL_H

#include "gen/policy.h"
#include "whittle/buf.h"

int wh_policy_syscalls(struct wh_policy *p, struct wh_error *e);
int wh_policy_caps(struct wh_policy *p, struct wh_error *e);
int wh_policy_files(struct wh_policy *p, struct wh_error *e);
int wh_policy_rules(struct wh_policy *p, struct wh_error *e);
int wh_policy_mounts(struct wh_policy *p, struct wh_error *e);
int wh_policy_links(struct wh_policy *p, struct wh_error *e);

/** wh_policy_rule_put() - the rule with that text, made at its first fact, gets one more @fact. */
int wh_policy_rule_put(struct wh_policy *p, enum wh_policy_section section, enum wh_kind kind,
		       struct wh_buf *text, const char *reason, const void *fact,
		       struct wh_error *e);

/** wh_policy_only() - it was tried, and every outcome is one of @names (NULL-terminated). */
bool wh_policy_only(const struct wh_counts *outcomes, const char *const *names);

/** wh_policy_warn() - add a warning; @text is the pool's. */
int wh_policy_warn(struct wh_policy *p, const char *text, bool refuse, const struct wh_gap *gap,
		   struct wh_error *e);

#endif
