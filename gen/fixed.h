/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in each AppArmor profile, whatever was observed: the lines of the template, and what is
 * denied. */
#ifndef WHITTLE_GEN_FIXED_H
#define WHITTLE_GEN_FIXED_H

#include "gen/policy.h"
#include "whittle/buf.h"

/**
 * struct wh_fixed_deny - one entry of templates/apparmor-denies.json.
 * @prefix: of the paths that @pattern, an AppArmor pattern, is for
 * @seen: the policy allows one of @letters there, so that it is not denied
 */
struct wh_fixed_deny {
	const char *prefix, *pattern, *letters, *reason;
	bool seen;
};

typedef void wh_fixed_deny_fn(void *data, const struct wh_fixed_deny *deny);

/** wh_fixed_denies() - call @fn for each of them, in their order. */
int wh_fixed_denies(const struct wh_policy *p, wh_fixed_deny_fn *fn, void *data,
		    struct wh_error *e);

/**
 * wh_fixed_explain() - tell of the fixed lines that hold for an item, with the template's own reason.
 * @item: a path, "signal", a signal, or the rule as it stands in the profile
 * @ret_told: how many lines were told of, those that deny included
 *
 * Return: how many of them allow, or -errno.
 */
int wh_fixed_explain(const struct wh_policy *p, const char *item, struct wh_buf *b,
		     unsigned *ret_told, struct wh_error *e);

#endif
