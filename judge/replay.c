// SPDX-License-Identifier: Apache-2.0
#include "judge/replay.h"

#include <inttypes.h>
#include <linux/seccomp.h>
#include <stdarg.h>

#include "gen/text.h"
#include "judge/simulate.h"
#include "whittle/capability.h"

const char *wh_replay_verdict_name(enum wh_replay_verdict verdict)
{
	static const char *const names[] = {
#define X(id, word) word,
		WH_REPLAY_LIST(X)
#undef X
	};

	return names[verdict];
}

int wh_replay_add(struct wh_replay *r, enum wh_replay_verdict verdict, const char *what,
		  const char *entry, const struct wh_fact *fact, struct wh_error *e,
		  const char *why, ...)
{
	struct wh_replay_finding finding = {verdict, what, strdup(entry), NULL, fact};
	struct wh_replay_finding *list = NULL;
	va_list ap;

	va_start(ap, why);
	if (vasprintf(&finding.why, why, ap) < 0)
		finding.why = NULL;
	va_end(ap);
	if (finding.entry && finding.why)
		list = reallocarray(r->finding, r->n + 1, sizeof(*list));
	if (!list) {
		free(finding.entry);
		free(finding.why);
		return wh_error_oom(e);
	}
	r->finding = list;
	r->finding[r->n++] = finding;
	r->count[verdict]++;
	return 0;
}

/* ---- system calls ----------------------------------------------------------------------------- */

struct calls {
	const struct wh_policy *policy;
	const struct wh_filter *filter;
	struct wh_filter_program program;
	struct wh_replay *replay;
	struct wh_error *e;
	bool censored; /* a filter was in force while recording: an answer may have been its own */
};

static bool is_censored(struct wh_trace *trace)
{
	size_t n;
	const void *const *runs = wh_trace_facts(trace, WH_KIND_RUN, &n);
	bool censored = false;

	for (size_t i = 0; i < n; i++)
		censored |= ((const struct wh_run *)runs[i])->seccomp_mode != 0;
	return censored;
}

/* It was answered so each time, too: nothing changes. */
static bool same_answer(const struct wh_syscall *fact, uint32_t action)
{
	const struct wh_counts *errors = &fact->errors;

	return (action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO && errors->n == 1 &&
	       errors->v[0].count >= fact->f.count &&
	       strcmp(errors->v[0].name, wh_util_errno_name((int)(action & SECCOMP_RET_DATA))) == 0;
}

/* "(0x1, …)": those of its arguments that the trace has. */
static void add_args(struct wh_buf *b, const struct wh_syscall *fact, const uint64_t *args)
{
	const char *between = "(";

	for (unsigned i = 0; i < WH_TUPLE_MAX && fact->args.args >> i; i++) {
		if (fact->args.args & 1u << i)
			wh_buf_addf(b, "%s0x%" PRIx64, between, args[i]);
		else
			wh_buf_addf(b, "%s…", between);
		between = ", ";
	}
	if (fact->args.args)
		wh_buf_addc(b, ')');
}

static int judge_args(struct calls *c, const struct wh_abi *abi, const struct wh_syscall *fact,
		      const uint64_t *args)
{
	const struct wh_policy_syscall *s = wh_policy_find_syscall(c->policy, fact->name);
	wh_auto(buf) call = {0};
	char answer[64];
	uint32_t action;
	int r = wh_simulate_run(&c->program, abi, fact->number, args, &action, c->e);

	if (r < 0 || wh_simulate_lets(action))
		return r;
	/* Its callers do without when that is the answer, as the policy knows. */
	if (s && s->error && action == (SECCOMP_RET_ERRNO | (uint32_t)s->error))
		return 0;
	if ((!c->censored || action == (SECCOMP_RET_ERRNO | ENOSYS)) && same_answer(fact, action))
		return 0;
	wh_simulate_action(action, answer, sizeof(answer));
	wh_buf_adds(&call, fact->name);
	if (fact->args.n)
		add_args(&call, fact, args);
	if (call.failed)
		return wh_error_oom(c->e);
	return wh_replay_add(c->replay, WH_REPLAY_REFUSED, "system call", fact->name, &fact->f,
			     c->e, "%s on %s would be answered with %s", call.data, fact->abi,
			     answer);
}

/* A tuple has the kept arguments one behind the other; a call has each at its place. */
static int judge_tuple(struct calls *c, const struct wh_abi *abi, const struct wh_syscall *fact,
		       size_t which)
{
	uint64_t args[WH_TUPLE_MAX] = {0};
	size_t k = 0;

	for (unsigned i = 0; which < fact->args.n && i < WH_TUPLE_MAX; i++) {
		if (fact->args.args & 1u << i)
			args[i] = fact->args.v[which][k++];
	}
	return judge_args(c, abi, fact, args);
}

static int judge_syscall(struct calls *c, const struct wh_syscall *fact)
{
	const struct wh_abi *abi = wh_syscall_abi(fact->abi);
	unsigned looked = wh_filter_arguments(c->filter, fact->name);
	int r = 0;

	c->replay->syscalls++;
	if (!abi)
		return wh_replay_add(c->replay, WH_REPLAY_UNJUDGED, "system call", fact->name,
				     &fact->f, c->e, "its architecture %s is not known here",
				     fact->abi);
	/* What the rules look at and the trace does not have: the answer is not known. */
	if (looked && (fact->args.overflow || !fact->args.n || looked & ~fact->args.args))
		return wh_replay_add(
			c->replay, WH_REPLAY_UNJUDGED, "system call", fact->name, &fact->f, c->e,
			"the profile looks at arguments of %s that the trace does not "
			"have%s",
			fact->name, fact->args.overflow ? ": there were too many values" : "");
	if (!looked)
		return judge_tuple(c, abi, fact, 0);
	for (size_t i = 0; r == 0 && i < fact->args.n; i++)
		r = judge_tuple(c, abi, fact, i);
	return r;
}

/* What was not seen of the service: the runtime's own needs, and what can follow. */
static int judge_unseen(struct calls *c, const struct wh_policy_syscall *s)
{
	char answer[64];
	uint32_t action;
	int r;

	if (s->origins & WH_POLICY_OBSERVED)
		return 0;
	r = wh_simulate_unseen(&c->program, s->name, &action, c->e);
	if (r < 0 || wh_simulate_lets(action))
		return r;
	wh_simulate_action(action, answer, sizeof(answer));
	if (s->error) {
		/* A name that the libseccomp here does not know is one that a newer one's runtime does. */
		if (action == (SECCOMP_RET_ERRNO | (uint32_t)s->error) ||
		    wh_filter_lists(c->filter, s->name))
			return 0;
		return wh_replay_add(c->replay, WH_REPLAY_NOTE, "system call", s->name, NULL, c->e,
				     "%s would be answered with %s instead of %s: %s", s->name,
				     answer, wh_util_errno_name(s->error),
				     s->probed ? s->probed : "");
	}
	if (s->floor)
		return wh_replay_add(c->replay, WH_REPLAY_REFUSED, "system call", s->name,
				     s->floor_fact ? &s->floor_fact->f : NULL, c->e,
				     "%s would be answered with %s, and %s calls it itself: %s",
				     s->name, answer, c->policy->runtime, s->floor);
	return wh_replay_add(c->replay, WH_REPLAY_MISSING, "system call", s->name, NULL, c->e,
			     "%s was not seen, but can follow from what was (%s); it would be "
			     "answered with %s",
			     s->name, s->implied ? s->implied : "", answer);
}

static int judge_syscalls(struct calls *c)
{
	const size_t n = c->policy->of_service[WH_KIND_SYSCALL].n;
	const void **facts = c->policy->of_service[WH_KIND_SYSCALL].v;
	struct wh_filter_options options = {0};
	int r = wh_filter_compile(c->filter, &options, &c->program, c->e);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = judge_syscall(c, facts[i]);
	for (size_t i = 0; r == 0 && i < c->policy->n_syscalls; i++)
		r = judge_unseen(c, &c->policy->syscalls[i]);
	wh_filter_program_free(c->program);
	return r;
}

/* ---- capabilities ----------------------------------------------------------------------------- */

static bool is_given(uint64_t caps, const struct wh_cap *fact)
{
	for (unsigned i = 0; i < WH_CAPABILITY_COUNT; i++) {
		const char *name = wh_capability_row(i)->name;

		if (caps & 1ull << i &&
		    (strcmp(name, fact->cap) == 0 || wh_policy_cap_does(fact, name)))
			return true;
	}
	return false;
}

static int judge_caps(const struct wh_policy *p, uint64_t caps, struct wh_replay *replay,
		      struct wh_error *e)
{
	int r = 0;

	for (size_t i = 0; i < p->n_caps; i++) {
		const struct wh_policy_cap *cap = &p->caps[i];

		if (cap->decision != WH_POLICY_ADD && cap->decision != WH_POLICY_COVERED)
			continue;
		replay->caps++;
		for (size_t j = 0; r == 0 && j < cap->n_facts; j++) {
			const struct wh_cap *fact = cap->facts[j];

			if (fact->denied || fact->strength == WH_STRENGTH_POSSIBLE ||
			    is_given(caps, fact))
				continue;
			r = wh_replay_add(
				replay, WH_REPLAY_REFUSED, "capability", cap->name, &fact->f, e,
				"%s%s%s", fact->evidence.n ? fact->evidence.v[0] : cap->evidence,
				fact->evidence.n > 1 ? ", and more" : "",
				fact->strength == WH_STRENGTH_LIKELY ? " (most likely)" : "");
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- all ---------------------------------------------------------------------------------------- */

static int judge_gaps(const struct wh_policy *p, struct wh_replay *replay, struct wh_error *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_warnings; i++) {
		const struct wh_policy_warning *w = &p->warnings[i];

		if (w->gap)
			r = wh_replay_add(replay, w->refuse ? WH_REPLAY_UNJUDGED : WH_REPLAY_NOTE,
					  "gap", w->gap->kind, &w->gap->f, e, "%s", w->text);
	}
	return r;
}

/* Findings of one fact stay together in the order in which they were found. */
static int by_verdict(const void *a, const void *b)
{
	const struct wh_replay_finding *x = a, *y = b;
	int order = (int)x->verdict - (int)y->verdict;

	if (!order)
		order = strcmp(y->what, x->what);
	if (!order)
		order = strcmp(x->entry, y->entry);
	return order ? order : strcmp(x->why, y->why);
}

int wh_replay_run(const struct wh_policy *policy, const struct wh_filter *filter, uint64_t caps,
		  const struct wh_profile *profile, struct wh_replay *ret, struct wh_error *e)
{
	struct wh_replay replay = {0};
	struct calls calls = {policy, filter, {0}, &replay, e, is_censored(policy->trace)};
	int r = judge_syscalls(&calls);

	if (r == 0)
		r = judge_caps(policy, caps, &replay, e);
	if (r == 0 && profile)
		r = wh_replay_apparmor(policy, profile, &replay, e);
	if (r == 0)
		r = judge_gaps(policy, &replay, e);
	if (r < 0) {
		wh_replay_free(&replay);
		return r;
	}
	if (replay.n)
		qsort(replay.finding, replay.n, sizeof(*replay.finding), by_verdict);
	*ret = replay;
	return 0;
}

void wh_replay_free(struct wh_replay *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->finding[i].entry);
		free(r->finding[i].why);
	}
	free(r->finding);
	*r = (struct wh_replay){0};
}
