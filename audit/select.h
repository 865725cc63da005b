/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHITTLE_AUDIT_SELECT_H
#define WHITTLE_AUDIT_SELECT_H

#include "audit/audit.h"
#include "audit/record.h"

/**
 * wh_audit_select() - put those that count in front, each once, in the order of their time.
 * @ret_sum: the profile that was chosen, and what was left out
 * Return: 0; -EINVAL: it is not clear whose are meant; -ENOMEM.
 */
int wh_audit_select(struct wh_audit_record **v, size_t n, const struct wh_audit_options *options,
		    size_t *ret_n, struct wh_audit_summary *ret_sum, struct wh_error *e);

#endif
