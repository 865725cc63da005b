// SPDX-License-Identifier: Apache-2.0
/* Which system calls the filter allows, and which it answers with ENOSYS. */
#include "gen/policy-internal.h"

#include <jansson.h>

#include "gen/template.h"
#include "whittle/syscall.h"

static struct wh_policy_syscall *find(const struct wh_policy *p, const char *name)
{
	for (size_t i = 0; i < p->n_syscalls; i++) {
		if (strcmp(p->syscalls[i].name, name) == 0)
			return &p->syscalls[i];
	}
	return NULL;
}

struct wh_policy_syscall *wh_policy_syscall_put(struct wh_policy *p, const char *name)
{
	struct wh_policy_syscall *s = find(p, name);

	if (!s) {
		s = wh_pool_append(&p->pool, &p->syscalls, &p->n_syscalls, sizeof(*s));
		if (s)
			s->name = name;
	}
	return s;
}

static bool seen_on(const struct wh_policy_syscall *s, const char *abi)
{
	for (size_t i = 0; i < s->n_facts; i++) {
		if (!abi || strcmp(s->facts[i]->abi, abi) == 0)
			return true;
	}
	return false;
}

/*
 * Does a call of that name exist on one of the ABIs that were seen? One that is newer than the
 * libseccomp at hand may well exist where the profile is used.
 */
bool wh_policy_syscall_exists(const struct wh_policy *p, const char *name)
{
	const struct wh_syscall_row *row = wh_syscall_row(name);
	size_t n;
	const struct wh_abi *abis = wh_syscall_abis(&n);

	if (row && row->newer)
		return true;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < p->n_architectures; j++) {
			if (strcmp(abis[i].oci, p->architectures[j]) == 0 &&
			    wh_syscall_number(&abis[i], name) >= 0)
				return true;
		}
	}
	return false;
}

int wh_policy_architecture(struct wh_policy *p, const char *abi, struct wh_error *e)
{
	const struct wh_abi *row = wh_syscall_abi(abi);
	const char **place;

	if (!row)
		return wh_error_set(e, EINVAL, "the trace has an ABI \"%s\" that is not known",
				    abi);
	for (size_t i = 0; i < p->n_architectures; i++) {
		if (strcmp(p->architectures[i], row->oci) == 0)
			return 0;
	}
	place = wh_pool_append(&p->pool, &p->architectures, &p->n_architectures, sizeof(*place));
	if (!place)
		return wh_error_oom(e);
	*place = row->oci;
	return 0;
}

static int add_observed(struct wh_policy *p, struct wh_error *e)
{
	size_t n;
	const void *const *facts = wh_policy_facts(p, WH_KIND_SYSCALL, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_syscall *fact = facts[i];
		struct wh_policy_syscall *s;
		const struct wh_syscall **place;
		int r = wh_policy_architecture(p, fact->abi, e);

		if (r < 0)
			return r;
		/* Runtimes know calls by name only, so a number without one cannot be allowed. */
		if (wh_util_has_prefix(fact->name, "syscall_")) {
			r = wh_policy_warn(
				p,
				wh_pool_printf(&p->pool,
					       "system call number %llu (%s) has no name "
					       "that a runtime would know and cannot be "
					       "allowed",
					       (unsigned long long)fact->number, fact->abi),
				true, NULL, e);
			if (r < 0)
				return r;
			continue;
		}
		s = wh_policy_syscall_put(p, fact->name);
		if (!s)
			return wh_error_oom(e);
		place = wh_pool_append(&p->pool, &s->facts, &s->n_facts, sizeof(*place));
		if (!place)
			return wh_error_oom(e);
		*place = fact;
		s->origins |= WH_POLICY_OBSERVED;
	}
	return 0;
}

/*
 * A call that was answered ENOSYS every time, by an old kernel or by the profile it was recorded
 * under, and that its callers can do without: they shall get that same answer.
 */
static bool always_enosys(const struct wh_policy_syscall *s)
{
	for (size_t i = 0; i < s->n_facts; i++) {
		const struct wh_counts *errors = &s->facts[i]->errors;

		/* A profile's answer is not the kernel's. */
		if ((s->facts[i]->f.phases & WH_PHASE_AUDIT) || errors->n != 1 ||
		    strcmp(errors->v[0].name, "ENOSYS") != 0 ||
		    errors->v[0].count < s->facts[i]->f.count)
			return false;
	}
	return s->n_facts > 0;
}

/* Whether one of the calls in @when was observed (an empty list: always) on the entry's ABI. */
static bool is_implied(const struct wh_policy *p, json_t *when, const char *abi)
{
	size_t i;
	json_t *v;

	if (json_array_size(when) == 0) {
		for (i = 0; i < p->n_syscalls; i++) {
			if (!abi || seen_on(&p->syscalls[i], abi))
				return true;
		}
		return false;
	}
	json_array_foreach (when, i, v) {
		const struct wh_policy_syscall *s =
			json_is_string(v) ? find(p, json_string_value(v)) : NULL;

		if (s && seen_on(s, abi))
			return true;
	}
	return false;
}

static int implied_entries(struct wh_policy *p, json_t *json, struct wh_error *e)
{
	json_t *entries, *entry, *when, *allow, *v;
	json_error_t error;
	size_t i, j;
	int r;

	r = wh_template_entries(json, &entries, e);
	if (r < 0)
		return r;
	json_array_foreach (entries, i, entry) {
		const char *reason, *abi = NULL;

		if (json_unpack_ex(entry, &error, 0, "{s:o, s:o, s:s, s?s}", "when", &when, "allow",
				   &allow, "reason", &reason, "abi", &abi) < 0)
			return wh_error_set(e, EINVAL, "entry %zu: %s", i + 1, error.text);
		if (!json_is_array(when) || !json_is_array(allow))
			return wh_error_set(e, EINVAL,
					    "entry %zu: \"when\" and \"allow\" are not both lists",
					    i + 1);
		if (!is_implied(p, when, abi))
			continue;
		json_array_foreach (allow, j, v) {
			const char *name = json_string_value(v);
			struct wh_policy_syscall *s;

			if (name && !wh_policy_syscall_exists(p, name))
				continue;
			name = name ? wh_pool_strdup(&p->pool, name) : NULL;
			s = name ? wh_policy_syscall_put(p, name) : NULL;
			if (!s)
				return wh_error_oom(e);
			if (s->implied)
				continue;
			s->origins |= WH_POLICY_IMPLIED;
			s->implied = wh_pool_strdup(&p->pool, reason);
			if (!s->implied)
				return wh_error_oom(e);
		}
	}
	return 0;
}

static int add_implied(struct wh_policy *p, struct wh_error *e)
{
	json_t *json;
	int r = wh_template_json("implied.json", &json, e);

	if (r < 0)
		return r;
	r = implied_entries(p, json, e);
	json_decref(json);
	if (r < 0)
		wh_error_prefix(e, "template implied.json");
	return r;
}

/*
 * libc and language runtimes try some calls first and fall back only on ENOSYS; EPERM, the answer
 * to all that is not allowed, would make them fail.
 */
static int add_probed(struct wh_policy *p, struct wh_error *e)
{
	size_t n;
	const struct wh_syscall_row *rows = wh_syscall_rows(&n);

	for (size_t i = 0; i < n; i++) {
		struct wh_policy_syscall *s;

		if (!rows[i].probed || !wh_policy_syscall_exists(p, rows[i].name))
			continue;
		s = find(p, rows[i].name);
		if (s && !((s->origins == WH_POLICY_OBSERVED) && always_enosys(s)))
			continue;
		s = wh_policy_syscall_put(p, rows[i].name);
		if (!s)
			return wh_error_oom(e);
		s->probed = s->n_facts ? "it was answered ENOSYS (no such system call) each time "
					 "while recording, and shall be so again"
				       : "it was not observed, but libc or a language runtime may "
					 "try it first, and falls back to an older call only when "
					 "the answer is ENOSYS (no such system call)";
		s->origins |= WH_POLICY_PROBED;
		s->error = ENOSYS;
	}
	return 0;
}

/* Whether clone() or clone3() made a namespace, as far as the trace tells. */
static bool cloned_namespace(const struct wh_policy *p)
{
	size_t n;
	const void *const *facts = wh_policy_facts(p, WH_KIND_NAMESPACE, &n);

	for (size_t i = 0; i < n; i++) {
		if (wh_util_has_prefix(((const struct wh_namespace *)facts[i])->op, "clone"))
			return true;
	}
	return false;
}

/*
 * clone3 has its flags in memory, where no filter looks: who may call it may make any namespace. Docker's own profile answers it
 * ENOSYS in every container, so that whatever runs there falls back to clone, of which the flags are asked for.
 */
static void answer_clone3(struct wh_policy *p)
{
	struct wh_policy_syscall *s = find(p, "clone3");

	if (p->args == WH_POLICY_ARGS_NONE || !s || s->error || s->origins & WH_POLICY_FLOOR ||
	    cloned_namespace(p))
		return;
	for (size_t i = 0; i < s->n_facts; i++) {
		/* That answer did not do. */
		if (s->facts[i]->f.phases & WH_PHASE_AUDIT)
			return;
	}
	s->probed =
		"it was observed, but no filter can look at its flags; no namespace was made, and "
		"libc and language runtimes fall back to clone when the answer is ENOSYS (no such "
		"system call); --args none allows it";
	s->origins |= WH_POLICY_PROBED;
	s->error = ENOSYS;
}

static int by_name(const void *a, const void *b)
{
	const struct wh_policy_syscall *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int by_string(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int wh_policy_syscalls(struct wh_policy *p, struct wh_error *e)
{
	int r = add_observed(p, e);

	if (r < 0)
		return r;
	r = wh_policy_floor(p, e);
	if (r < 0)
		return r;
	r = add_implied(p, e);
	if (r < 0)
		return r;
	r = add_probed(p, e);
	if (r < 0)
		return r;
	answer_clone3(p);
	if (p->n_syscalls)
		qsort(p->syscalls, p->n_syscalls, sizeof(*p->syscalls), by_name);
	if (p->n_architectures)
		qsort(p->architectures, p->n_architectures, sizeof(*p->architectures), by_string);
	return 0;
}

const struct wh_policy_syscall *wh_policy_find_syscall(const struct wh_policy *p, const char *name)
{
	return find(p, name);
}
