/* SPDX-License-Identifier: Apache-2.0 */
/* Between explain.c and explain-run.c only. */
#ifndef WHITTLE_GEN_EXPLAIN_INTERNAL_H
#define WHITTLE_GEN_EXPLAIN_INTERNAL_H

#include "gen/policy.h"
#include "whittle/buf.h"

/** wh_explain_fact() - all that is known of a fact. */
void wh_explain_fact(const struct wh_policy *p, struct wh_buf *b, enum wh_kind kind,
		     const void *fact);

/**
 * wh_explain_run() - of how the container or the service is to be run: "read-only", "user", "tmpfs", "ports", a folder, a
 * directive of systemd's … Return: how many suggestions it has told of.
 */
int wh_explain_run(const struct wh_policy *p, const char *item, struct wh_buf *b);

/** wh_explain_cap() - of a capability, if @item is one. Return: whether it is added. */
int wh_explain_cap(const struct wh_policy *p, const char *item, struct wh_buf *b);
/** wh_explain_how_known() - what an entry follows from; @facts of any kind but runs. */
const char *wh_explain_how_known(const void *const *facts, size_t n);
/** wh_explain_profiles_file() - with several AppArmor profiles, which have a file rule, and what it gives there. */
void wh_explain_profiles_file(const struct wh_policy *p, const char *pattern, struct wh_buf *b);
/** wh_explain_profiles_cap() - likewise of a capability. */
void wh_explain_profiles_cap(const struct wh_policy *p, const char *name, struct wh_buf *b);

#endif
