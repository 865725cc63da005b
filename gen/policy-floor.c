// SPDX-License-Identifier: Apache-2.0
/*
 * The floor: what the container's runtime itself calls once the filter is loaded. What a recording has measured comes
 * first; templates/floors has what other starts and versions of that runtime call.
 */
#include "gen/policy-internal.h"

#include <jansson.h>

#include "gen/template.h"
#include "gen/text.h"
#include "whittle/buf.h"

#define RUNTIME_MAX 60

/* Those that there is a table of. */
static const char *const runtimes[] = {"runc", "crun", "none"};

static const char *known_runtime(const char *name, size_t len)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(runtimes); i++) {
		if (strlen(runtimes[i]) == len && memcmp(runtimes[i], name, len) == 0)
			return runtimes[i];
	}
	return NULL;
}

/* "runc 1.1.5" is of runc. */
static bool is_of(const struct wh_run *run, const char *runtime)
{
	size_t len = strlen(runtime);

	return run->runtime && strncmp(run->runtime, runtime, len) == 0 &&
	       (run->runtime[len] == '\0' || run->runtime[len] == ' ');
}

/* The runtime of the recordings; NULL where none says. @ret_mixed: they say several, of which it is one. */
static int recorded_runtime(struct wh_policy *p, const char **ret, bool *ret_mixed,
			    struct wh_error *e)
{
	size_t n;
	const void *const *runs = wh_policy_facts(p, WH_KIND_RUN, &n);

	*ret = NULL;
	*ret_mixed = false;
	for (size_t i = 0; i < n; i++) {
		const struct wh_run *run = runs[i];
		size_t len = run->runtime ? strcspn(run->runtime, " ") : 0;
		char *name;

		if (!len || (*ret && is_of(run, *ret)))
			continue;
		*ret_mixed |= *ret != NULL;
		/* Any order of the runs is to give the same profile. */
		if (*ret && strncmp(*ret, run->runtime, len) < 0)
			continue;
		name = wh_pool_strndup(&p->pool, run->runtime, len);
		if (!name)
			return wh_error_oom(e);
		*ret = name;
	}
	return 0;
}

int wh_policy_floor_runtime(struct wh_policy *p, const char *wanted, struct wh_error *e)
{
	const char *recorded, *name;
	bool mixed;
	int r = recorded_runtime(p, &recorded, &mixed, e);

	if (r < 0)
		return r;
	name = wanted ? wanted : recorded ? recorded : "runc";
	p->runtime = known_runtime(name, strlen(name));
	/* Where there is no table, there still is what the recording has measured. */
	if (!p->runtime && recorded && strcmp(name, recorded) == 0 &&
	    wh_policy_check_name(recorded, NULL) == 0 && strlen(recorded) <= RUNTIME_MAX)
		p->runtime = recorded;
	if (!p->runtime)
		return wh_error_set(e, EINVAL,
				    "no runtime \"%s\": use --runtime runc, crun or none", name);
	if (mixed && !wanted)
		return wh_policy_warn(p,
				      wh_pool_printf(&p->pool,
						     "the recordings were made with more than one "
						     "container runtime, and this is for %s: say "
						     "--runtime if it shall be for another one",
						     p->runtime),
				      false, NULL, e);
	return 0;
}

/* ---- the table ------------------------------------------------------------------------------- */

static bool list_has(json_t *list, const char *word)
{
	size_t i;
	json_t *v;

	json_array_foreach (list, i, v) {
		if (json_is_string(v) && strcmp(json_string_value(v), word) == 0)
			return true;
	}
	return false;
}

static int put(struct wh_policy *p, const char *name, const char *reason, const char *source,
	       struct wh_policy_syscall **ret, struct wh_error *e)
{
	struct wh_policy_syscall *s;

	name = wh_pool_strdup(&p->pool, name);
	s = name ? wh_policy_syscall_put(p, name) : NULL;
	if (!s || !reason || !source)
		return wh_error_oom(e);
	s->origins |= WH_POLICY_FLOOR;
	s->floor = reason;
	s->floor_source = source;
	*ret = s;
	return 0;
}

static int add_entries(struct wh_policy *p, const char *file, json_t *json, struct wh_error *e)
{
	const char *when = p->floor_with_nnp ? "nnp" : "no-nnp";
	json_t *entries, *entry;
	json_error_t error;
	const char *measured;
	size_t i;
	int r = wh_template_entries(json, &entries, e);

	if (r < 0)
		return r;
	if (json_unpack_ex(json, &error, 0, "{s:s}", "measured", &measured) < 0)
		return wh_error_set(e, EINVAL, "%s", error.text);
	p->runtime_version = wh_pool_strdup(&p->pool, measured);
	if (!p->runtime_version)
		return wh_error_oom(e);
	json_array_foreach (entries, i, entry) {
		const char *name, *reason, *source;
		struct wh_policy_syscall *s;
		json_t *whens;

		if (json_unpack_ex(entry, &error, 0, "{s:s, s:o, s:s, s:s}", "syscall", &name,
				   "when", &whens, "reason", &reason, "source", &source) < 0)
			return wh_error_set(e, EINVAL, "entry %zu: %s", i + 1, error.text);
		if (!json_is_array(whens))
			return wh_error_set(e, EINVAL, "entry %zu: \"when\" is not a list", i + 1);
		if (!list_has(whens, when) || !wh_policy_syscall_exists(p, name))
			continue;
		source = strcmp(source, "measured") == 0
				 ? wh_pool_printf(&p->pool, "templates/%s, measured with %s", file,
						  measured)
				 : wh_pool_printf(&p->pool, "templates/%s, %s", file, source);
		r = put(p, name, wh_pool_strdup(&p->pool, reason), source, &s, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Whether the table has the call, be it for the other setting of no_new_privs. */
static bool table_has(json_t *json, const char *name)
{
	size_t i;
	json_t *entry;

	json_array_foreach (json_object_get(json, "entries"), i, entry) {
		if (wh_util_streq(json_string_value(json_object_get(entry, "syscall")), name))
			return true;
	}
	return false;
}

/* ---- what was measured ------------------------------------------------------------------------ */

/*
 * The run in which the runtime of the profile made that call, or NULL. With no_new_privs it loads the filter later, so
 * that what it calls then it calls under the filter without it, too, but not the other way round.
 * @ret_holds: it did so under conditions that hold for the profile
 */
static const struct wh_run *measured_in(struct wh_policy *p, const struct wh_syscall *fact,
					bool *ret_holds)
{
	const struct wh_run *found = NULL;
	size_t n;
	const void *const *runs = wh_policy_facts(p, WH_KIND_RUN, &n);

	*ret_holds = false;
	if (!(fact->f.phases & WH_PHASE_RUNTIME))
		return NULL;
	for (size_t i = 0; i < n && !*ret_holds; i++) {
		const struct wh_run *run = runs[i];
		bool in = fact->f.runs.overflow || wh_trace_has_str(&fact->f.runs, run->id);

		if (!in || !is_of(run, p->runtime))
			continue;
		*ret_holds = run->no_new_privs || !p->floor_with_nnp;
		if (!found || *ret_holds)
			found = run;
	}
	return found;
}

/* A call that the table does not have is allowed all the same: the runtime was seen to need it. */
static int add_measured(struct wh_policy *p, const struct wh_syscall *fact,
			const struct wh_run *run, struct wh_error *e)
{
	struct wh_policy_syscall *s;
	const char *runtime, *source;
	int r = wh_policy_architecture(p, fact->abi, e);

	if (r < 0)
		return r;
	s = wh_policy_syscall_put(p, fact->name);
	runtime = wh_text_safe_dup(&p->pool, run->runtime);
	if (!s || !runtime)
		return wh_error_oom(e);
	source = wh_pool_printf(&p->pool, "measured in this recording with %s%s%s", runtime,
				s->floor ? "; " : "", s->floor ? s->floor_source : "");
	r = put(p, fact->name,
		s->floor ? s->floor
			 : wh_pool_printf(&p->pool,
					  "%s called it after it had loaded the filter of the "
					  "recording, and before it executed the program",
					  p->runtime),
		source, &s, e);
	if (r < 0)
		return r;
	s->floor_fact = fact;
	p->runtime_recorded = runtime;
	return 0;
}

static int warn_of_lack(struct wh_policy *p, const char *file, const char *lacking,
			struct wh_error *e)
{
	const char *text =
		file ? wh_pool_printf(
			       &p->pool,
			       "%s called what templates/%s, the table of its needs, does not "
			       "have: %s. The profile allows it; other versions like it may call "
			       "more, so measure again with templates/measure-floor.sh",
			       p->runtime_recorded, file, lacking)
		     : wh_pool_printf(&p->pool,
				      "there is no table of what %s itself calls under the filter: "
				      "only what it called while recording is allowed. If a "
				      "container does not start, this is where to look first",
				      p->runtime);

	return wh_policy_warn(p, text, false, NULL, e);
}

static int measured(struct wh_policy *p, const char *file, json_t *table, struct wh_error *e)
{
	size_t n;
	const void *const *facts = wh_trace_facts(p->trace, WH_KIND_SYSCALL, &n);
	wh_auto(buf) lacking = {0};
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++) {
		const struct wh_syscall *fact = facts[i];
		bool holds, has_name = !wh_util_has_prefix(fact->name, "syscall_");
		const struct wh_run *run = measured_in(p, fact, &holds);
		const struct wh_policy_syscall *s;

		if (!run || !has_name || (!holds && table_has(table, fact->name)))
			continue;
		s = wh_policy_find_syscall(p, fact->name);
		if (!s || !s->floor)
			wh_buf_addf(&lacking, "%s%s", lacking.len ? ", " : "", fact->name);
		r = add_measured(p, fact, run, e);
	}
	if (lacking.failed)
		return wh_error_oom(e);
	if (r >= 0 && (lacking.len || !file))
		r = warn_of_lack(p, file, lacking.data, e);
	return r;
}

int wh_policy_floor(struct wh_policy *p, struct wh_error *e)
{
	const char *known = known_runtime(p->runtime, strlen(p->runtime));
	char file[64];
	json_t *json;
	int r;

	/* Each runtime executes the program, at the least. */
	snprintf(file, sizeof(file), "floors/%s.json", known ? known : "none");
	r = wh_template_json(file, &json, e);
	if (r < 0)
		return r;
	r = add_entries(p, file, json, e);
	if (r >= 0 && strcmp(p->runtime, "none") != 0)
		r = measured(p, known ? file : NULL, json, e);
	json_decref(json);
	if (r < 0)
		wh_error_prefix(e, "template %s", file);
	return r;
}
