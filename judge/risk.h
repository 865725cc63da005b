/* SPDX-License-Identifier: Apache-2.0 */
/* How bad it is to allow something: tables, with the reason in words. */
#ifndef WHITTLE_JUDGE_RISK_H
#define WHITTLE_JUDGE_RISK_H

#include "gen/policy.h"
#include "whittle/syscall.h"

/** struct wh_risk_reason - @why: in words, static. */
struct wh_risk_reason {
	enum wh_risk risk;
	const char *why;
};

/** wh_risk_file() - of a path with these enum wh_policy_letter bits. */
struct wh_risk_reason wh_risk_file(const char *path, unsigned letters);
/** wh_risk_exec() - of executing a program. */
struct wh_risk_reason wh_risk_exec(const struct wh_exec *exec);
struct wh_risk_reason wh_risk_socket(const struct wh_socket *socket);
struct wh_risk_reason wh_risk_rule(enum wh_policy_section section);
struct wh_risk_reason wh_risk_namespace(const struct wh_namespace *ns);

#endif
