// SPDX-License-Identifier: Apache-2.0
/* What an ablation has found, into the bundle's trace and its list of capabilities. */
#include <jansson.h>

#include "judge/ablate.h"
#include "whittle/escape.h"
#include "whittle/output.h"

#define CAPS_SIZE_MOST (4u << 20)
#define LOAD_MOST      2000 /* bytes of a load that are quoted */

WH_DEFINE_AUTO(json, json_t *, json_decref)

static bool is_found(const struct wh_ablate_entry *entry)
{
	return entry->verdict == WH_ABLATE_PROVED || entry->verdict == WH_ABLATE_NOT_NEEDED;
}

/* The evidence in words; the caller's to free, NULL: OOM. */
static char *evidence_of(const struct wh_ablate *a, const struct wh_ablate_entry *entry)
{
	const char *load = a->request->load ? a->request->load : "none, to its own end";
	unsigned n = entry->passed + entry->failed;
	char *text;
	int r;

	if (entry->verdict == WH_ABLATE_PROVED)
		r = asprintf(&text, "without it, %s: %u of %u runs%s%s%s; load: %.*s", entry->why,
			     entry->failed, n, entry->instead ? " (" : "",
			     entry->instead ? entry->instead : "",
			     entry->instead ? " would do instead)" : "", LOAD_MOST, load);
	else
		r = asprintf(&text, "it served without it: %u of %u runs%s; load: %.*s",
			     entry->passed, n,
			     a->request->prepare ? "" : ", each on what the one before had left",
			     LOAD_MOST, load);
	return r < 0 ? NULL : text;
}

/* ---- the trace ---------------------------------------------------------------------------------- */

/*
 * Only of recordings of just this command and load do the runs say something; and that it served without an entry
 * may be thanks to what an earlier run with that entry has left behind, unless each began with --prepare.
 */
static bool is_of_run(const struct wh_ablate *a, const struct wh_ablate_entry *entry,
		      const struct wh_run *run)
{
	size_t n = 0;

	if (entry->verdict == WH_ABLATE_NOT_NEEDED && !a->request->prepare)
		return false;
	while (a->request->argv[n])
		n++;
	if (n != run->argv.n || !wh_util_streq(run->load, a->request->load))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(run->argv.v[i], a->request->argv[i]) != 0)
			return false;
	}
	return true;
}

static int add_runs(const struct wh_ablate *a, struct wh_trace *t,
		    const struct wh_ablate_entry *entry, struct wh_cap *fact)
{
	size_t n;
	const void *const *runs = wh_trace_facts(t, WH_KIND_RUN, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_run *run = runs[i];

		if (is_of_run(a, entry, run) &&
		    wh_trace_add_str(t, &fact->f.runs, WH_LIMIT_RUNS, run->id) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int store_cap(const struct wh_ablate *a, struct wh_trace *t,
		     const struct wh_ablate_entry *entry, const char *evidence, struct wh_error *e)
{
	struct wh_cap key = {.cap = entry->name}, *fact;
	int r;

	key.strength =
		entry->verdict == WH_ABLATE_PROVED ? WH_STRENGTH_PROVED : WH_STRENGTH_NOT_NEEDED;
	r = wh_trace_put(t, WH_KIND_CAP, &key, &fact);
	if (r == -ENOSPC)
		return wh_error_set(e, ENOSPC, "the bundle's trace has no room for more facts");
	if (r < 0 || wh_trace_add_str(t, &fact->evidence, WH_LIMIT_EVIDENCE, evidence) < 0 ||
	    add_runs(a, t, entry, fact) < 0)
		return wh_error_oom(e);
	fact->f.count += entry->passed + entry->failed;
	return 0;
}

/* A rule is for a name on every ABI: so is what is said of it. */
static int store_syscall(struct wh_trace *t, const struct wh_ablate_entry *entry,
			 const char *evidence, struct wh_error *e)
{
	size_t n, n_abis;
	const struct wh_abi *abis = wh_syscall_abis(&n_abis);

	(void)wh_trace_facts(t, WH_KIND_SYSCALL, &n);
	for (size_t i = 0; i < n_abis && n; i++) {
		const struct wh_syscall key = {.abi = abis[i].name, .name = entry->name};
		struct wh_syscall *fact;

		if (!wh_trace_find(t, WH_KIND_SYSCALL, &key))
			continue;
		if (wh_trace_put(t, WH_KIND_SYSCALL, &key, &fact) < 0 ||
		    wh_trace_add_str(t,
				     entry->verdict == WH_ABLATE_PROVED ? &fact->proved
									: &fact->not_needed,
				     WH_LIMIT_EVIDENCE, evidence) < 0)
			return wh_error_oom(e);
	}
	return 0;
}

static int store_trace(const struct wh_ablate *a, struct wh_error *e)
{
	wh_auto(trace) t = NULL;
	wh_auto(str) path = NULL;
	int r = 0;

	if (!a->trace)
		return 0;
	if (asprintf(&path, "%s/trace.json", a->v->dir) < 0) {
		path = NULL;
		return wh_error_oom(e);
	}
	/* Read again: the policy has its hands on the other one. */
	r = wh_trace_json_read(path, &t, e);
	for (size_t i = 0; i < a->n_entries && r == 0; i++) {
		const struct wh_ablate_entry *entry = &a->entries[i];
		wh_auto(str) evidence = NULL;

		if (!is_found(entry))
			continue;
		evidence = evidence_of(a, entry);
		if (!evidence)
			return wh_error_oom(e);
		r = entry->cap < 0 ? store_syscall(t, entry, evidence, e)
				   : store_cap(a, t, entry, evidence, e);
	}
	return r < 0 ? r : wh_trace_json_write(t, path, e);
}

/* ---- the list of capabilities ------------------------------------------------------------------- */

static json_t *object_in(json_t *root, const char *name)
{
	json_t *object = json_object_get(root, name);

	if (!json_is_object(object)) {
		json_object_set_new(root, name, json_object());
		object = json_object_get(root, name);
	}
	return object;
}

static int add_reason(json_t *root, const struct wh_ablate_entry *entry, const char *evidence,
		      struct wh_error *e)
{
	bool proved = entry->verdict == WH_ABLATE_PROVED;
	json_t *object = object_in(root, proved ? "reasons" : "not_needed");
	json_t *list = json_object_get(object, entry->name), *item;
	wh_auto(str) utf8 = wh_escape_utf8(evidence);
	size_t i;

	if (!utf8)
		return wh_error_oom(e);
	if (proved)
		json_object_del(json_object_get(root, "not_needed"), entry->name);
	if (!json_is_array(list)) {
		json_object_set_new(object, entry->name, json_array());
		list = json_object_get(object, entry->name);
	}
	json_array_foreach (list, i, item) {
		if (wh_util_streq(json_string_value(item), utf8))
			return 0;
	}
	return json_array_append_new(list, json_string(utf8)) < 0 ? wh_error_oom(e) : 0;
}

static int store_caps(const struct wh_ablate *a, struct wh_error *e)
{
	wh_auto(json) root = NULL;
	wh_auto(str) path = NULL;
	wh_auto(str) text = NULL;
	wh_auto(str) out = NULL;
	json_error_t where;
	size_t len;
	int r;

	if (asprintf(&path, "%s/capabilities.json", a->v->dir) < 0) {
		path = NULL;
		return wh_error_oom(e);
	}
	r = wh_output_slurp(path, CAPS_SIZE_MOST, &text, &len, e);
	if (r < 0)
		return r;
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (!json_is_object(root))
		return wh_error_set(e, EINVAL, "%s: not valid JSON: line %d: %s", path, where.line,
				    where.text);
	for (size_t i = 0; i < a->n_entries && r == 0; i++) {
		const struct wh_ablate_entry *entry = &a->entries[i];
		wh_auto(str) evidence = NULL;

		if (entry->cap < 0 || !is_found(entry))
			continue;
		evidence = evidence_of(a, entry);
		r = evidence ? add_reason(root, entry, evidence, e) : wh_error_oom(e);
	}
	if (r < 0)
		return r;
	out = json_dumps(root, JSON_INDENT(2));
	if (!out)
		return wh_error_oom(e);
	len = strlen(out);
	out[len++] = '\n'; /* in place of the NUL: what is written has its length beside it */
	return wh_output_write(path, out, len, e);
}

int wh_ablate_store(const struct wh_ablate *a, struct wh_error *e)
{
	int r = store_trace(a, e);

	return r < 0 || !a->options.caps ? r : store_caps(a, e);
}
