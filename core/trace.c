/* SPDX-License-Identifier: Apache-2.0 */
#include "whittle/trace.h"

#include "core/field.h"
#include "core/set.h"
#include "core/sitetab.h"
#include "core/strtab.h"

/* All facts of one kind: a hash table of pointers, and the same in order when somebody asked. */
struct facts {
	void **slot; /* open addressing, a power of two of them */
	size_t n, slots;
	const void **sorted; /* room for all, so that asking cannot fail */
	bool in_order;	     /* or @sorted is out of date */
};

struct wh_trace {
	struct wh_strtab strings;
	struct wh_sitetab sites;
	struct facts facts[WH_KINDS];
};

struct wh_trace *wh_trace_new(void)
{
	return calloc(1, sizeof(struct wh_trace));
}

static void free_fact(const struct wh_kind_info *info, void *fact)
{
	for (size_t i = 0; i < info->n_fields; i++)
		wh_field_release(&info->fields[i], fact);
	free(fact);
}

void wh_trace_free(struct wh_trace *t)
{
	struct facts *facts;

	if (!t)
		return;
	for (unsigned kind = 0; kind < WH_KINDS; kind++) {
		facts = &t->facts[kind];
		for (size_t i = 0; i < facts->slots; i++)
			if (facts->slot[i])
				free_fact(wh_schema_kind(kind), facts->slot[i]);
		free(facts->slot);
		free(facts->sorted);
	}
	wh_sitetab_free(&t->sites);
	wh_strtab_free(&t->strings);
	free(t);
}

const char *wh_trace_censored(const struct wh_run *run)
{
	if (!run->seccomp_mode)
		return NULL;
	if (run->container_id || run->container_engine)
		return "the container's seccomp filter was on: a call that it refused is there as "
		       "one that failed, and what would have followed is not; to see that, record "
		       "with --security-opt seccomp=unconfined";
	return "a seccomp filter was on: a call that it refused is there as one that failed, and "
	       "what would have followed is not";
}

bool wh_trace_has_str(const struct wh_strset *set, const char *s)
{
	/* In one trace equal strings mostly are the same one. */
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i] == s || strcmp(set->v[i], s) == 0)
			return true;
	return false;
}

bool wh_trace_of_service(const struct wh_fact *f)
{
	return f->phases != WH_PHASE_RUNTIME;
}

size_t wh_trace_count_of_service(struct wh_trace *t, enum wh_kind kind)
{
	size_t n, count = 0;
	const void *const *facts = wh_trace_facts(t, kind, &n);

	wh_assert(kind != WH_KIND_RUN);
	for (size_t i = 0; i < n; i++)
		count += wh_trace_of_service(facts[i]);
	return count;
}

const char *wh_trace_intern(struct wh_trace *t, const char *s)
{
	return wh_strtab_intern(&t->strings, s);
}

const struct wh_site *wh_trace_site(struct wh_trace *t, const struct wh_site *site)
{
	return wh_sitetab_intern(&t->sites, t, site);
}

int wh_trace_add_str(struct wh_trace *t, struct wh_strset *set, size_t limit, const char *s)
{
	/* What is already there is mostly the same pointer: no need to look the string up. */
	for (size_t i = 0; i < set->n && i < 4; i++)
		if (set->v[i] == s)
			return 0;
	s = wh_trace_intern(t, s);
	return s ? wh_set_add_str(set, limit, s) : -ENOMEM;
}

int wh_trace_add_count(struct wh_trace *t, struct wh_counts *counts, const char *name, uint64_t n)
{
	for (size_t i = 0; i < counts->n; i++)
		if (strcmp(counts->v[i].name, name) == 0)
			return wh_set_add_count(counts, counts->v[i].name, n);
	name = wh_trace_intern(t, name);
	return name ? wh_set_add_count(counts, name, n) : -ENOMEM;
}

int wh_trace_add_tuple(struct wh_trace *t, struct wh_tuples *tuples, unsigned args,
		       const uint64_t values[WH_TUPLE_MAX])
{
	(void)t;
	return wh_set_add_tuple(tuples, args, values);
}

int wh_trace_set_list(struct wh_trace *t, struct wh_strlist *list, const char *const *v, size_t n)
{
	const char **own = NULL;

	if (n) {
		own = calloc(n, sizeof(*own));
		if (!own)
			return -ENOMEM;
		for (size_t i = 0; i < n; i++) {
			own[i] = wh_trace_intern(t, v[i]);
			if (!own[i]) {
				free(own);
				return -ENOMEM;
			}
		}
	}
	free(list->v);
	list->v = own;
	list->n = n;
	return 0;
}

/* ---- finding and making facts ---------------------------------------------------------------- */

static uint64_t hash_key(const struct wh_kind_info *info, const void *fact)
{
	uint64_t h = 1;

	for (size_t i = 0; i < info->n_fields; i++)
		if (info->fields[i].key)
			h = wh_field_hash(&info->fields[i], fact, h);
	return h ^ (h >> 32);
}

int wh_schema_compare(enum wh_kind kind, const void *a, const void *b)
{
	const struct wh_kind_info *info = wh_schema_kind(kind);
	int c;

	for (size_t i = 0; i < info->n_fields; i++) {
		if (!info->fields[i].key)
			continue;
		c = wh_field_compare(&info->fields[i], a, b);
		if (c != 0)
			return c;
	}
	return 0;
}

static size_t find_slot(const struct facts *facts, enum wh_kind kind, const void *key)
{
	size_t i = hash_key(wh_schema_kind(kind), key) & (facts->slots - 1);

	while (facts->slot[i] && wh_schema_compare(kind, facts->slot[i], key) != 0)
		i = (i + 1) & (facts->slots - 1);
	return i;
}

static int grow(struct facts *facts, enum wh_kind kind)
{
	struct facts bigger = {.slots = facts->slots ? facts->slots * 2 : 64};

	bigger.slot = calloc(bigger.slots, sizeof(*bigger.slot));
	bigger.sorted = calloc(bigger.slots / 2, sizeof(*bigger.sorted));
	if (!bigger.slot || !bigger.sorted) {
		free(bigger.slot);
		free(bigger.sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < facts->slots; i++)
		if (facts->slot[i])
			bigger.slot[find_slot(&bigger, kind, facts->slot[i])] = facts->slot[i];
	free(facts->slot);
	free(facts->sorted);
	bigger.n = facts->n;
	*facts = bigger;
	return 0;
}

static void *make_fact(struct wh_trace *t, const struct wh_kind_info *info, const void *key)
{
	void *fact = calloc(1, info->size);

	if (!fact)
		return NULL;
	for (size_t i = 0; i < info->n_fields; i++) {
		const struct wh_field *field = &info->fields[i];

		if (field->type == WH_FIELD_ALL)
			*(bool *)wh_field_at(field, fact) = true;
		if (field->key && wh_field_merge(t, field, fact, key) < 0) {
			free_fact(info, fact);
			return NULL;
		}
	}
	return fact;
}

static int put(struct wh_trace *t, enum wh_kind kind, const void *key, bool limited,
	       void **ret_fact)
{
	const struct wh_kind_info *info = wh_schema_kind(kind);
	struct facts *facts = &t->facts[kind];
	void *fact;
	size_t i;

	if (facts->n * 2 >= facts->slots && grow(facts, kind) < 0)
		return -ENOMEM;
	i = find_slot(facts, kind, key);
	if (facts->slot[i]) {
		*ret_fact = facts->slot[i];
		return 0;
	}
	if (limited && facts->n >= info->limit)
		return -ENOSPC;
	fact = make_fact(t, info, key);
	if (!fact)
		return -ENOMEM;
	facts->slot[i] = fact;
	facts->n++;
	facts->in_order = false;
	*ret_fact = fact;
	return 1;
}

static int count_gap(struct wh_trace *t, bool limited, const char *kind, const char *detail,
		     unsigned phase, const char *program, const char *run)
{
	struct wh_gap key = {.kind = kind, .detail = detail}, *gap;
	void *fact;
	int r;

	r = put(t, WH_KIND_GAP, &key, limited, &fact);
	if (r < 0)
		return r;
	gap = fact;
	gap->f.count++;
	gap->f.phases |= phase;
	if ((program && wh_trace_add_str(t, &gap->f.programs, WH_LIMIT_PROGRAMS, program) < 0) ||
	    (run && wh_trace_add_str(t, &gap->f.runs, WH_LIMIT_RUNS, run) < 0))
		return -ENOMEM;
	return r;
}

int wh_trace_put(struct wh_trace *t, enum wh_kind kind, const void *key, void *ret_fact)
{
	void *fact;
	int r;

	r = put(t, kind, key, true, &fact);
	if (r >= 0) {
		*(void **)ret_fact = fact;
	} else if (r == -ENOSPC) {
		/* This gap itself must find room, even among too many gaps: there are few kinds. */
		int q = count_gap(t, false, "limit", wh_schema_kind(kind)->name, 0, NULL, NULL);

		if (q < 0)
			return q;
	}
	return r;
}

int wh_trace_gap(struct wh_trace *t, const char *kind, const char *detail, unsigned phase,
		 const char *program, const char *run)
{
	int r = count_gap(t, true, kind, detail, phase, program, run);

	if (r == -ENOSPC)
		r = count_gap(t, false, "limit", "gaps", phase, program, run);
	return r;
}

const void *wh_trace_find(const struct wh_trace *t, enum wh_kind kind, const void *key)
{
	const struct facts *facts = &t->facts[kind];

	return facts->slots ? facts->slot[find_slot(facts, kind, key)] : NULL;
}

size_t wh_trace_count(const struct wh_trace *t, enum wh_kind kind)
{
	return t->facts[kind].n;
}

static int compare_facts(const void *a, const void *b, void *kind)
{
	return wh_schema_compare(*(enum wh_kind *)kind, *(const void *const *)a,
				 *(const void *const *)b);
}

const void *const *wh_trace_facts(struct wh_trace *t, enum wh_kind kind, size_t *ret_n)
{
	struct facts *facts = &t->facts[kind];
	size_t n = 0;

	*ret_n = facts->n;
	if (!facts->in_order) {
		for (size_t i = 0; i < facts->slots; i++)
			if (facts->slot[i])
				facts->sorted[n++] = facts->slot[i];
		if (n)
			qsort_r(facts->sorted, n, sizeof(*facts->sorted), compare_facts, &kind);
		facts->in_order = true;
	}
	return facts->n ? facts->sorted : NULL;
}

bool wh_trace_complete(const struct wh_trace *t)
{
	const struct facts *runs = &t->facts[WH_KIND_RUN];

	for (size_t i = 0; i < runs->slots; i++)
		if (runs->slot[i] && !((const struct wh_run *)runs->slot[i])->complete)
			return false;
	return runs->n > 0;
}

/* The limits guard a recording; a merge of recordings must not depend on their order. */
int wh_trace_merge(struct wh_trace *into, struct wh_trace *from, struct wh_error *e)
{
	for (unsigned kind = 0; kind < WH_KINDS; kind++) {
		const struct wh_kind_info *info = wh_schema_kind(kind);
		const struct facts *facts = &from->facts[kind];

		for (size_t i = 0; i < facts->slots; i++) {
			void *fact;

			if (!facts->slot[i])
				continue;
			if (put(into, kind, facts->slot[i], false, &fact) < 0)
				return wh_error_oom(e);
			for (size_t k = 0; k < info->n_fields; k++)
				if (!info->fields[k].key &&
				    wh_field_merge(into, &info->fields[k], fact, facts->slot[i]) <
					    0)
					return wh_error_oom(e);
		}
	}
	return 0;
}
