// SPDX-License-Identifier: Apache-2.0
/*
 * seccomp.json: linux.seccomp of the OCI runtime specification and nothing more. Docker, Podman,
 * containerd, CRI-O and Kubernetes all read that; archMap, includes and excludes are Docker's own,
 * and containerd drops them silently.
 */
#include "gen/emit.h"

#include <jansson.h>

#include "whittle/syscall.h"

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
		if (group_of(&p->syscalls[i]) == group && !p->syscalls[i].args)
			json_array_append_new(names, json_string(p->syscalls[i].name));
	}
	return names;
}

/*
 * Tests within a rule hold together, and one rule is enough. An index is in a rule once only: a runtime takes a repeated one for rules
 * of their own. Of MASKED_EQ "value" is the mask and "valueTwo" what must be in it.
 */
static json_t *rule_of(const char *name, const struct wh_policy_args_rule *rule)
{
	json_t *tests = json_array();

	for (size_t i = 0; tests && i < rule->n; i++) {
		const struct wh_policy_args_test *test = &rule->arg[i];

		json_array_append_new(
			tests, json_pack("{s:i, s:I, s:I, s:s}", "index", (int)test->index, "value",
					 (json_int_t)test->mask, "valueTwo",
					 (json_int_t)test->value, "op", "SCMP_CMP_MASKED_EQ"));
	}
	return json_pack("{s:[s], s:s, s:o}", "names", name, "action", "SCMP_ACT_ALLOW", "args",
			 tests);
}

static void add_args(const struct wh_policy *p, json_t *rules)
{
	for (size_t i = 0; rules && i < p->n_syscalls; i++) {
		const struct wh_policy_args *args = p->syscalls[i].args;

		for (size_t j = 0; args && j < args->n_rules; j++)
			json_array_append_new(rules, rule_of(p->syscalls[i].name, &args->rules[j]));
	}
}

/* The answer is one for all that are answered: the only one that makes callers fall back. */
static json_t *rules_of(const struct wh_policy *p)
{
	json_t *rules = json_array();

	for (int group = 0; rules && group < GROUPS; group++) {
		json_t *names = names_of(p, (enum group)group);

		if (group == ANSWERED)
			add_args(p, rules);
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

/*
 * Runtimes take no notification as default action, and none for write, by which they pass the listener on: so it is a rule of
 * all calls that are known and have none.
 */
static int add_notify(const struct wh_policy *p, json_t *rules)
{
	json_t *names = json_array();
	size_t n;
	const struct wh_syscall_row *rows = wh_syscall_rows(&n);

	for (size_t i = 0; names && i < n; i++) {
		if (!wh_policy_find_syscall(p, rows[i].name) && strcmp(rows[i].name, "write") != 0)
			json_array_append_new(names, json_string(rows[i].name));
	}
	return json_array_append_new(rules, json_pack("{s:o, s:s}", "names", names, "action",
						      wh_policy_action_oci(p->action)));
}

int wh_seccomp_emit(const struct wh_emit *emit, struct wh_buf *b, struct wh_error *e)
{
	const struct wh_policy *p = emit->policy;
	bool notify = p->action == WH_POLICY_ACTION_NOTIFY;
	enum wh_policy_action action = notify ? WH_POLICY_ACTION_ERRNO : p->action;
	json_t *architectures = json_array(), *rules = rules_of(p), *json = json_object();
	wh_auto(str) text = NULL;
	int r = 0;

	for (size_t i = 0; architectures && i < p->n_architectures; i++)
		json_array_append_new(architectures, json_string(p->architectures[i]));
	if (notify)
		r = add_notify(p, rules);
	r |= json_object_set_new(json, "defaultAction", json_string(wh_policy_action_oci(action)));
	if (action == WH_POLICY_ACTION_ERRNO)
		r |= json_object_set_new(json, "defaultErrnoRet", json_integer(EPERM));
	if (p->listener)
		r |= json_object_set_new(json, "listenerPath", json_string(p->listener));
	r |= json_object_set_new(json, "architectures", architectures);
	r |= json_object_set_new(json, "syscalls", rules);
	text = r == 0 ? json_dumps(json, JSON_INDENT(2)) : NULL;
	json_decref(json);
	if (!text)
		return wh_error_oom(e);
	wh_buf_adds(b, text);
	wh_buf_addc(b, '\n');
	return 0;
}
