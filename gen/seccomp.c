// SPDX-License-Identifier: Apache-2.0
/*
 * seccomp.json: linux.seccomp of the OCI runtime specification and nothing more. Docker, Podman,
 * containerd, CRI-O and Kubernetes all read that; archMap, includes and excludes are Docker's own,
 * and containerd drops them silently.
 */
#include "gen/emit.h"

#include <jansson.h>

/* Observed calls, then the others: a reader of the file sees what is the service's own. */
enum group { OBSERVED, OTHERS, ANSWERED, GROUPS };

static enum group group_of(const struct wh_policy_syscall *s)
{
	if (s->error)
		return ANSWERED;
	return s->origins & WH_POLICY_OBSERVED ? OBSERVED : OTHERS;
}

static json_t *names_of(const struct wh_policy *p, enum group group)
{
	json_t *names = json_array();

	for (size_t i = 0; names && i < p->n_syscalls; i++) {
		if (group_of(&p->syscalls[i]) == group)
			json_array_append_new(names, json_string(p->syscalls[i].name));
	}
	return names;
}

/* The answer is one for all that are answered: the only one that makes callers fall back. */
static json_t *rules_of(const struct wh_policy *p)
{
	json_t *rules = json_array();

	for (int group = 0; rules && group < GROUPS; group++) {
		json_t *names = names_of(p, (enum group)group);

		if (json_array_size(names) == 0) {
			json_decref(names);
			continue;
		}
		json_array_append_new(rules, group == ANSWERED
						     ? json_pack("{s:o, s:s, s:i}", "names", names,
								 "action", "SCMP_ACT_ERRNO",
								 "errnoRet", ENOSYS)
						     : json_pack("{s:o, s:s}", "names", names,
								 "action", "SCMP_ACT_ALLOW"));
	}
	return rules;
}

int wh_seccomp_emit(const struct wh_emit *emit, struct wh_buf *b, struct wh_error *e)
{
	const struct wh_policy *p = emit->policy;
	json_t *architectures = json_array(), *json;
	wh_auto(str) text = NULL;

	for (size_t i = 0; architectures && i < p->n_architectures; i++)
		json_array_append_new(architectures, json_string(p->architectures[i]));
	json = json_pack("{s:s, s:i, s:o, s:o}", "defaultAction", "SCMP_ACT_ERRNO",
			 "defaultErrnoRet", EPERM, "architectures", architectures, "syscalls",
			 rules_of(p));
	text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
	json_decref(json);
	if (!text)
		return wh_error_oom(e);
	wh_buf_adds(b, text);
	wh_buf_addc(b, '\n');
	return 0;
}
