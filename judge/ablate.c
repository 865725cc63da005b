// SPDX-License-Identifier: Apache-2.0
#include "judge/ablate.h"

#include "judge/verify_floor.h"
#include "whittle/capability.h"

const char *wh_ablate_word(enum wh_ablate_verdict verdict)
{
	static const char *const words[] = {
#define X(id, name) name,
		WH_ABLATE_VERDICT_LIST(X)
#undef X
	};

	wh_assert(verdict < WH_ABLATE_VERDICTS);
	return words[verdict];
}

/* ---- entries ------------------------------------------------------------------------------------ */

static struct wh_ablate_entry *add_entry(struct wh_ablate *a, const char *name, int cap)
{
	struct wh_ablate_entry *entry = &a->entries[a->n_entries++];

	entry->name = name;
	entry->cap = cap;
	entry->tried = true;
	return entry;
}

static void leave_alone(struct wh_ablate_entry *entry, const char *why)
{
	entry->tried = false;
	snprintf(entry->why, sizeof(entry->why), "%s", why);
}

/* A trial without a container runtime says nothing of what is there for the runtime, or for what may follow. */
static void add_syscall(struct wh_ablate *a, const char *name)
{
	const struct wh_policy_syscall *s =
		a->policy ? wh_policy_find_syscall(a->policy, name) : NULL;
	struct wh_ablate_entry *entry = add_entry(a, name, -1);
	char why[128];

	if (a->policy && strcmp(a->policy->runtime, "none") == 0)
		snprintf(why, sizeof(why), "what starts it needs it");
	else
		snprintf(why, sizeof(why), "%.64s needs it itself",
			 a->policy ? a->policy->runtime : "");
	if (!a->policy)
		leave_alone(entry,
			    "the bundle has no trace.json to tell the runtime's own calls by");
	else if (s && s->origins & WH_POLICY_FLOOR)
		leave_alone(entry, why);
	else if (s && !(s->origins & WH_POLICY_OBSERVED))
		leave_alone(entry, "not seen in the service: it may follow from what was");
}

static int list_entries(struct wh_ablate *a, struct wh_error *e)
{
	size_t n;
	const char *const *names = wh_filter_names(a->v->filter, &n);

	if (n > WH_REDUCE_MAX - WH_CAPABILITY_COUNT)
		return wh_error_set(e, E2BIG, "%s/seccomp.json allows more than %d system calls",
				    a->v->dir, WH_REDUCE_MAX - WH_CAPABILITY_COUNT);
	a->entries = calloc(WH_CAPABILITY_COUNT + n, sizeof(*a->entries));
	if (!a->entries)
		return wh_error_oom(e);
	for (unsigned i = 0; i < WH_CAPABILITY_COUNT; i++) {
		if (a->v->caps & 1ull << i)
			add_entry(a, wh_capability_row(i)->name, (int)i);
	}
	for (size_t i = 0; i < n; i++)
		add_syscall(a, names[i]);
	return 0;
}

/* ---- one run ------------------------------------------------------------------------------------ */

static void whole_set(const struct wh_ablate *a, struct wh_reduce_set *ret)
{
	*ret = (struct wh_reduce_set){0};
	for (unsigned i = 0; i < a->n_entries; i++)
		wh_reduce_put(ret, i);
}

static void tell(const struct wh_ablate *a, size_t n_caps, size_t n_syscalls)
{
	char text[128];

	if (!a->request->progress)
		return;
	snprintf(text, sizeof(text), "run %u: without %zu capabilities and %zu system calls",
		 a->runs + 1, n_caps, n_syscalls);
	a->request->progress(a->request->progress_data, text);
}

/*
 * A service that is told to stop and cannot do so as it does else (it hangs, or dies before it has saved) lacks
 * something as well.
 */
static bool ended_well(struct wh_ablate *a, bool whole, const struct wh_trial_result *result,
		       char *ret_why, size_t size)
{
	if (strcmp(a->ends, result->service) == 0 || !*a->ends)
		return true;
	if (whole) {
		a->ends[0] = '\0';
		return true;
	}
	snprintf(ret_why, size, "it %s%s when it was told to stop, not %s",
		 wh_util_has_prefix(result->service, "killed") ? "was " : "", result->service,
		 a->ends);
	return false;
}

static int try_less(struct wh_ablate *a, const struct wh_reduce_set *kept, const char **without,
		    struct wh_trial_result *result, char *ret_why, size_t size, struct wh_error *e)
{
	struct wh_verify_request request = *a->request;
	struct wh_verify_less less = {.caps = a->v->caps, .without = without};
	size_t n_caps = 0;
	int r;

	for (unsigned i = 0; i < a->n_entries; i++) {
		if (wh_reduce_has(kept, i))
			continue;
		if (a->entries[i].cap < 0) {
			without[less.n_without++] = a->entries[i].name;
		} else {
			less.caps &= ~(1ull << a->entries[i].cap);
			n_caps++;
		}
	}
	tell(a, n_caps, less.n_without);
	request.timeout = a->patience;
	request.grace = request.grace < a->patience ? request.grace : a->patience;
	r = wh_verify_try(a->v, &request, &less, result, e);
	if (r < 0)
		return r;
	a->runs++;
	a->seconds += result->seconds;
	snprintf(ret_why, size, "%.*s", (int)size - 1, result->why);
	return result->passed && ended_well(a, !n_caps && !less.n_without, result, ret_why, size);
}

static int run(void *data, const struct wh_reduce_set *kept, char *ret_why, size_t size,
	       struct wh_error *e)
{
	struct wh_ablate *a = data;
	struct wh_trial_result *result = calloc(1, sizeof(*result));
	const char **without = calloc(a->n_entries + 1, sizeof(*without));
	int r = result && without ? try_less(a, kept, without, result, ret_why, size, e)
				  : wh_error_oom(e);

	free(without);
	free(result);
	return r;
}

static int logged(void *data, struct wh_error *e)
{
	return wh_ablate_state_write(data, e);
}

int wh_ablate_open(const struct wh_verify *v, const struct wh_verify_request *request,
		   const struct wh_ablate_options *options, struct wh_ablate **ret,
		   struct wh_error *e)
{
	wh_auto(ablate) a = calloc(1, sizeof(*a));
	wh_auto(str) path = NULL;
	int r = 0;

	if (!a || asprintf(&path, "%s/trace.json", v->dir) < 0) {
		path = NULL;
		return wh_error_oom(e);
	}
	a->v = v;
	a->request = request;
	a->options = *options;
	a->reduce = (struct wh_reduce){
		.repeat = options->repeat, .run = run, .logged = logged, .data = a};
	if (options->syscalls || access(path, F_OK) == 0)
		r = wh_verify_floor_policy(v, &a->trace, &a->policy, e);
	if (r == 0)
		r = list_entries(a, e);
	if (r == 0)
		r = wh_ablate_state_read(a, e);
	if (r < 0)
		return r;
	*ret = wh_take(a);
	return 0;
}

void wh_ablate_free(struct wh_ablate *a)
{
	if (!a)
		return;
	wh_reduce_forget(&a->reduce);
	wh_policy_free(a->policy);
	wh_trace_free(a->trace);
	free(a->anew);
	free(a->entries);
	free(a);
}

/* ---- the search --------------------------------------------------------------------------------- */

/* More than all else: one that is judged wrongly here makes nonsense of the rest. */
static int check_whole(struct wh_ablate *a, const struct wh_reduce_set *all,
		       const struct wh_trial_result *result, struct wh_error *e)
{
	enum wh_reduce_verdict verdict;
	int r = 0;

	if (a->reduce.n_tried && strcmp(a->ends, result->service) != 0 && *a->ends)
		r = wh_ablate_state_forget(a, "the service did not end as it did then", e);
	if (r == 0 && !a->reduce.n_tried)
		snprintf(a->ends, sizeof(a->ends), "%s", result->service);
	a->runs++;
	a->seconds += result->seconds;
	a->patience = wh_verify_patience(a->request, result->seconds);
	if (r == 0)
		r = wh_reduce_log(&a->reduce, all, true, "", e);
	if (r == 0)
		r = wh_ablate_state_write(a, e);
	if (r == 0)
		r = wh_reduce_ask(&a->reduce, all, a->reduce.repeat + 1, 1, &verdict, e);
	a->whole = r == 0 && verdict == WH_REDUCE_PASSES;
	return r;
}

/* What the runs say of the entries of @order, @kept being what is left. */
static void judge(struct wh_ablate *a, const unsigned *order, size_t n,
		  const struct wh_reduce_set *kept, const struct wh_reduce_set *mixed)
{
	for (size_t i = 0; i < n; i++) {
		struct wh_ablate_entry *entry = &a->entries[order[i]];
		bool stays = wh_reduce_has(kept, order[i]);
		struct wh_reduce_set set = *kept;
		const struct wh_reduce_tried *tried;

		if (stays)
			wh_reduce_drop(&set, order[i]);
		tried = wh_reduce_known(&a->reduce, &set);
		if (!tried)
			continue;
		entry->passed = tried->passed;
		entry->failed = tried->failed;
		snprintf(entry->why, sizeof(entry->why), "%s", tried->why);
		if (!a->least || wh_reduce_has(mixed, order[i]))
			entry->verdict = WH_ABLATE_UNSTABLE;
		else
			entry->verdict = stays ? WH_ABLATE_PROVED : WH_ABLATE_NOT_NEEDED;
	}
}

/* Prove, confirm and judge what a search has left. @mixed: known to be so already */
static int conclude(struct wh_ablate *a, const unsigned *order, size_t n,
		    struct wh_reduce_set *kept, const struct wh_reduce_set *mixed,
		    struct wh_error *e)
{
	enum wh_reduce_verdict verdict;
	struct wh_reduce_set more;
	int r = wh_reduce_prove(&a->reduce, order, n, kept, &more, e);

	if (r == 0)
		r = wh_reduce_confirm(&a->reduce, kept, &verdict, &a->mixed, &a->odd, e);
	if (r < 0)
		return r;
	a->least = verdict == WH_REDUCE_PASSES;
	for (size_t i = 0; i < n; i++) {
		if (wh_reduce_has(mixed, order[i]))
			wh_reduce_put(&more, order[i]);
	}
	judge(a, order, n, kept, &more);
	return 0;
}

/* The riskiest first: of two that do as well, that one goes. */
static size_t caps_by_risk(const struct wh_ablate *a, unsigned *order)
{
	size_t n = 0;

	for (int risk = WH_RISK_CRITICAL; risk >= WH_RISK_LOW; risk--) {
		for (unsigned i = 0; i < a->n_entries; i++) {
			int cap = a->entries[i].cap;

			if (cap >= 0 && (int)wh_capability_row((unsigned)cap)->risk == risk)
				order[n++] = i;
		}
	}
	return n;
}

/* One that is needed now, though all could do without it: which of those that went does its work? */
static int find_instead(struct wh_ablate *a, const unsigned *order, size_t n,
			const struct wh_reduce_set *loose, const struct wh_reduce_set *kept,
			struct wh_error *e)
{
	for (size_t i = 0; i < n; i++) {
		struct wh_ablate_entry *entry = &a->entries[order[i]];

		if (entry->verdict != WH_ABLATE_PROVED || !wh_reduce_has(loose, order[i]))
			continue;
		for (size_t j = 0; j < n && !entry->instead; j++) {
			struct wh_reduce_set other = *kept;
			enum wh_reduce_verdict verdict;
			int r;

			if (a->entries[order[j]].verdict != WH_ABLATE_NOT_NEEDED)
				continue;
			wh_reduce_drop(&other, order[i]);
			wh_reduce_put(&other, order[j]);
			r = wh_reduce_ask(&a->reduce, &other, a->reduce.repeat, 1, &verdict, e);
			if (r < 0)
				return r;
			if (verdict == WH_REDUCE_PASSES)
				entry->instead = a->entries[order[j]].name;
		}
	}
	return 0;
}

static int ablate_caps(struct wh_ablate *a, struct wh_reduce_set *kept, struct wh_error *e)
{
	unsigned order[WH_CAPABILITY_COUNT], going[WH_CAPABILITY_COUNT];
	struct wh_reduce_set loose = {0}, mixed = {0};
	size_t n = caps_by_risk(a, order), n_going = 0;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		struct wh_reduce_set less = *kept;
		enum wh_reduce_verdict verdict;

		wh_reduce_drop(&less, order[i]);
		r = wh_reduce_ask(&a->reduce, &less, a->reduce.repeat, a->reduce.repeat, &verdict,
				  e);
		if (r == 0 && verdict == WH_REDUCE_MIXED)
			wh_reduce_put(&mixed, order[i]);
		if (r < 0 || verdict != WH_REDUCE_PASSES)
			continue;
		wh_reduce_put(&loose, order[i]);
		going[n_going++] = order[i];
	}
	if (r == 0)
		r = wh_reduce_search(&a->reduce, going, n_going, kept, e);
	if (r == 0)
		r = conclude(a, order, n, kept, &mixed, e);
	if (r == 0)
		r = find_instead(a, order, n, &loose, kept, e);
	a->finished_caps |= r == 0;
	return r;
}

/* Whether it was seen to fail only: such a call is most likely one that the service can do without. */
static bool never_worked(const struct wh_ablate *a, const char *name)
{
	const struct wh_policy_syscall *s =
		a->policy ? wh_policy_find_syscall(a->policy, name) : NULL;

	for (size_t i = 0; s && i < s->n_facts; i++) {
		const struct wh_counts *errors = &s->facts[i]->errors;
		uint64_t failed = 0;

		for (size_t j = 0; j < errors->n; j++)
			failed += errors->v[j].count;
		if (failed < s->facts[i]->f.count)
			return false;
	}
	return s && s->n_facts;
}

/* Those that will go stand together: they go in large groups then. */
static size_t syscalls_by_use(const struct wh_ablate *a, unsigned *order)
{
	size_t n = 0;

	for (int worked = 0; worked < 2; worked++) {
		for (unsigned i = 0; i < a->n_entries; i++) {
			const struct wh_ablate_entry *entry = &a->entries[i];

			if (entry->cap < 0 && entry->tried &&
			    never_worked(a, entry->name) == !worked)
				order[n++] = i;
		}
	}
	return n;
}

static int ablate_syscalls(struct wh_ablate *a, struct wh_reduce_set *kept, struct wh_error *e)
{
	unsigned *order = calloc(a->n_entries + 1, sizeof(*order));
	struct wh_reduce_set none = {0};
	size_t n;
	int r;

	if (!order)
		return wh_error_oom(e);
	n = syscalls_by_use(a, order);
	r = wh_reduce_search(&a->reduce, order, n, kept, e);
	if (r == 0)
		r = conclude(a, order, n, kept, &none, e);
	a->finished_syscalls |= r == 0;
	free(order);
	return r;
}

int wh_ablate_run(struct wh_ablate *a, const struct wh_trial_result *whole, struct wh_error *e)
{
	struct wh_reduce_set kept;
	int r;

	whole_set(a, &kept);
	r = check_whole(a, &kept, whole, e);
	if (r == 0 && a->whole && a->options.caps)
		r = ablate_caps(a, &kept, e);
	/* What was found last holds for no more than what was found before it. */
	if (r == 0 && a->whole && a->options.syscalls && (!a->options.caps || a->least))
		r = ablate_syscalls(a, &kept, e);
	/* A load that is unstable may be mended: what it has said counts no more. */
	if (r == 0 && !a->whole)
		a->finished_caps = a->finished_syscalls = true;
	return r == 0 ? wh_ablate_state_write(a, e) : r;
}
