// SPDX-License-Identifier: Apache-2.0
/* capabilities.json: what to drop, what to add, and why; also what was weighed and left out. */
#include "gen/emit.h"

#include <jansson.h>

#include "whittle/escape.h"

/* Evidence names paths, which are bytes. */
static int add_escaped(json_t *array, const char *evidence, const char *behind)
{
	wh_auto(buf) text = {0};
	wh_auto(str) whole = NULL, utf8 = NULL;

	wh_buf_addf(&text, "%s%s", evidence, behind);
	whole = wh_buf_take(&text);
	utf8 = whole ? wh_escape_utf8(whole) : NULL;

	return utf8 ? json_array_append_new(array, json_string(utf8)) : -1;
}

/* NULL when memory ran out: a reason that is lost must not go unnoticed. */
static json_t *reasons_of(const struct wh_policy *p, const struct wh_policy_cap *cap)
{
	json_t *reasons = json_array();
	int r = json_array_append_new(reasons, json_string(cap->reason));

	for (size_t i = 0; i < cap->n_facts; i++) {
		const struct wh_strset *evidence = &cap->facts[i]->evidence;

		for (size_t j = 0; r == 0 && j < evidence->n; j++)
			r = add_escaped(reasons, evidence->v[j],
					wh_policy_refused(p, cap->facts[i]));
	}
	if (r == 0)
		return reasons;
	json_decref(reasons);
	return NULL;
}

static json_t *reasons_by_decision(const struct wh_policy *p, enum wh_policy_decision decision)
{
	json_t *object = json_object();

	for (size_t i = 0; i < p->n_caps; i++) {
		if (p->caps[i].decision != decision ||
		    json_object_set_new(object, p->caps[i].name, reasons_of(p, &p->caps[i])) == 0)
			continue;
		json_decref(object);
		return NULL;
	}
	return object;
}

int wh_caps_emit(const struct wh_emit *emit, struct wh_buf *b, struct wh_error *e)
{
	const struct wh_policy *p = emit->policy;
	wh_auto(str) text = NULL;
	json_t *add = json_array(), *unneeded = NULL, *json;

	for (size_t i = 0; i < p->n_caps; i++) {
		if (p->caps[i].decision == WH_POLICY_ADD)
			json_array_append_new(add, json_string(p->caps[i].name));
		if (p->caps[i].decision == WH_POLICY_UNNEEDED && !unneeded) {
			unneeded = reasons_by_decision(p, WH_POLICY_UNNEEDED);
			if (!unneeded) {
				json_decref(add);
				return wh_error_oom(e);
			}
		}
	}
	json = json_pack("{s:[s], s:o, s:o, s:o, s:o, s:o, s:{s:s, s:s, s:s, s:b, s:s, s:s}}",
			 "drop", "ALL", "add", add, "reasons",
			 reasons_by_decision(p, WH_POLICY_ADD), "covered",
			 reasons_by_decision(p, WH_POLICY_COVERED), "considered",
			 reasons_by_decision(p, WH_POLICY_CONSIDERED), "denied",
			 reasons_by_decision(p, WH_POLICY_DENIED), "profile", "tool",
			 "whittle " WH_VERSION, "name", p->name, "runtime", p->runtime,
			 "no_new_privs", p->no_new_privs, "no_new_privs_reason",
			 p->no_new_privs_reason, "args", wh_policy_args_word(p->args));
	if (json && p->n_profiles)
		json_object_set_new(json_object_get(json, "profile"), "subprofiles", json_true());
	if (json && unneeded)
		json_object_set(json, "not_needed", unneeded);
	json_decref(unneeded);
	text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
	json_decref(json);
	if (!text)
		return wh_error_oom(e);
	wh_buf_adds(b, text);
	wh_buf_addc(b, '\n');
	return 0;
}
