/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHITTLE_GEN_EXPLAIN_H
#define WHITTLE_GEN_EXPLAIN_H

#include "gen/policy.h"
#include "whittle/buf.h"

/**
 * wh_explain_item() - all that the policy and its trace know of an item, for a person.
 * @item: a system call, capability, path, pattern of the profile, socket family, signal, program, …
 *   or kind of gap
 *
 * Return: 1 when it is in a profile (or, for a gap, in the trace); 0 when it is not, which @b says;
 * -ENOMEM and the like with @e.
 */
int wh_explain_item(const struct wh_policy *p, const char *item, struct wh_buf *b,
		    struct wh_error *e);

#endif
