// SPDX-License-Identifier: Apache-2.0
/*
 * Signals and ptrace between the profiles of one policy. The kernel asks both sides, so that each rule for who does it
 * has one for whom it is done to.
 */
#include "gen/policy-internal.h"
#include "gen/policy-split.h"

/* The words of both directions with one peer: a profile, or (the last) any of them. */
struct peer {
	struct wh_buf gives, takes;
	const void **facts;
	size_t n_facts;
};

enum { GIVES = 1, TAKES = 2 };

/* Whether it is done to @profile by @by; SIZE_MAX for @profile is "to any of them". */
static bool reaches(const struct wh_policy *whole, const char *target, const char *program,
		    size_t by, size_t profile)
{
	bool any = strcmp(target, "group") == 0 || !program;

	if (strcmp(target, "self") == 0)
		return profile == by;
	if (profile == SIZE_MAX)
		return any;
	return any || wh_policy_split_runs(whole, program, profile);
}

/* Words stay sorted and single: facts come sorted, but those of one word may not be neighbours for a peer. */
static void add_word(struct wh_buf *b, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = b->data; at && (at = strstr(at, word)); at += len)
		if ((at == b->data || at[-1] == ' ') && (!at[len] || at[len] == ','))
			return;
	wh_buf_addf(b, "%s%s", b->len ? ", " : "", word);
}

static int note(struct wh_policy *p, struct peer *peer, const char *word, unsigned ways,
		const void *fact, struct wh_error *e)
{
	const void **place;

	if (!ways)
		return 0;
	if (ways & GIVES)
		add_word(&peer->gives, word);
	if (ways & TAKES)
		add_word(&peer->takes, word);
	if (peer->n_facts && peer->facts[peer->n_facts - 1] == fact)
		return 0;
	place = wh_pool_append(&p->pool, &peer->facts, &peer->n_facts, sizeof(*place));
	if (!place)
		return wh_error_oom(e);
	*place = fact;
	return 0;
}

/* What one fact, of @target and @program, means for the profile @p with each of the others. */
static int note_all(struct wh_policy *p, struct peer *peers, const char *word,
		    const struct wh_fact *f, const char *target, const char *program,
		    struct wh_error *e)
{
	const struct wh_policy *whole = p->whole;
	size_t n = whole->n_profiles, me = p->index;
	bool mine = wh_policy_split_is_of(whole, f, me),
	     any = reaches(whole, target, program, me, SIZE_MAX);
	int r = 0;

	if (mine && any)
		r = note(p, &peers[n], word, GIVES, f, e);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		unsigned ways = 0;

		if (mine && !any && reaches(whole, target, program, me, i))
			ways |= GIVES;
		if (wh_policy_split_is_of(whole, f, i) && reaches(whole, target, program, i, me))
			ways |= TAKES;
		r = note(p, &peers[i], word, ways, f, e);
	}
	return r;
}

static int put(struct wh_policy *p, enum wh_policy_section section, enum wh_kind kind,
	       const char *words, const char *name, const struct peer *peer, struct wh_error *e)
{
	wh_auto(buf) text = {0};
	int r = 0;

	wh_buf_addf(&text, "%s peer=%s", words, name);
	for (size_t i = 0; r >= 0 && i < peer->n_facts; i++)
		r = wh_policy_rule_put(p, section, kind, &text, NULL, peer->facts[i], e);
	return r;
}

static int put_signals(struct wh_policy *p, const char *name, const struct peer *peer,
		       struct wh_error *e)
{
	static const char *const ways[] = {"send, receive", "send", "receive"};
	bool same = peer->gives.len && peer->takes.len &&
		    strcmp(peer->gives.data, peer->takes.data) == 0;
	int r = 0;

	for (size_t i = same ? 0 : 1; r >= 0 && i < (same ? 1 : WH_ARRAY_SIZE(ways)); i++) {
		const struct wh_buf *words = i == 2 ? &peer->takes : &peer->gives;
		wh_auto(buf) text = {0};

		if (!words->len)
			continue;
		wh_buf_addf(&text, "signal (%s) set=(%s)", ways[i], words->data);
		r = text.failed
			    ? wh_error_oom(e)
			    : put(p, WH_POLICY_SIGNAL, WH_KIND_SIGNAL, text.data, name, peer, e);
	}
	return r;
}

static int put_ptraces(struct wh_policy *p, const char *name, const struct peer *peer,
		       struct wh_error *e)
{
	static const char *const answers[][2] = {{"trace", "tracedby"}, {"read", "readby"}};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < WH_ARRAY_SIZE(answers); i++) {
		bool gives = peer->gives.data && strstr(peer->gives.data, answers[i][0]);
		bool takes = peer->takes.data && strstr(peer->takes.data, answers[i][0]);
		wh_auto(buf) text = {0};

		if (!gives && !takes)
			continue;
		wh_buf_addf(&text, "ptrace (%s%s%s)", gives ? answers[i][0] : "",
			    gives && takes ? ", " : "", takes ? answers[i][1] : "");
		r = text.failed
			    ? wh_error_oom(e)
			    : put(p, WH_POLICY_PTRACE, WH_KIND_PTRACE, text.data, name, peer, e);
	}
	return r;
}

static int note_signals(struct wh_policy *p, struct peer *peers, struct wh_error *e)
{
	size_t n;
	const void *const *facts = wh_policy_facts(p->whole, WH_KIND_SIGNAL, &n);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		const struct wh_signal *s = facts[i];
		wh_auto(buf) word = {0};

		if (!wh_policy_signal_word(s, &word) || strcmp(s->target, "outside") == 0)
			continue;
		r = word.failed ? wh_error_oom(e)
				: note_all(p, peers, word.data, &s->f, s->target, s->peer, e);
	}
	return r;
}

static int note_ptraces(struct wh_policy *p, struct peer *peers, struct wh_error *e)
{
	size_t n;
	const void *const *facts = wh_policy_facts(p->whole, WH_KIND_PTRACE, &n);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		const struct wh_ptrace *s = facts[i];
		bool asks = strcmp(s->request, "PTRACE_TRACEME") == 0;
		const char *word = wh_policy_ptrace_word(s);

		if (!word || strcmp(s->target, "outside") == 0)
			continue;
		/* Who asks to be traced is traced by whoever made it, which the fact does not name. */
		if (asks) {
			r = note(p, &peers[p->whole->n_profiles], word, GIVES | TAKES, s, e);
			continue;
		}
		r = note_all(p, peers, word, &s->f, s->target, s->peer, e);
	}
	return r;
}

/* Whose process it was whose files in /proc were read, no fact tells. */
static int put_proc_reads(struct wh_policy *p, const char *any, struct wh_error *e)
{
	static const char reason[] =
		"of another process, the kernel shows these files only to who may trace it";
	size_t n;
	const void *const *facts = wh_policy_facts(p->whole, WH_KIND_FILE, &n);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		const struct wh_file *f = facts[i];

		if (!wh_policy_proc_guarded(f->path) || !wh_policy_split_file(p, f->path))
			continue;
		for (size_t j = 0; r >= 0 && j <= p->whole->n_profiles; j++) {
			bool last = j == p->whole->n_profiles;
			wh_auto(buf) text = {0};

			if (!wh_policy_split_is_of(p->whole, &f->f, last ? p->index : j))
				continue;
			wh_buf_addf(&text, "ptrace (%s) peer=%s", last ? "read" : "readby",
				    last ? any : p->whole->profiles[j]->name);
			r = wh_policy_rule_put(p, WH_POLICY_PTRACE, WH_KIND_FILE, &text, reason, f,
					       e);
		}
	}
	return r;
}

int wh_policy_peers(struct wh_policy *p, struct wh_error *e)
{
	size_t n = p->whole->n_profiles;
	struct peer *signals = calloc(n + 1, sizeof(*signals));
	struct peer *ptraces = calloc(n + 1, sizeof(*ptraces));
	char *any = wh_pool_printf(&p->pool, "%s{,//*}", p->whole->name);
	int r = signals && ptraces && any ? note_signals(p, signals, e) : wh_error_oom(e);

	if (r >= 0)
		r = note_ptraces(p, ptraces, e);
	for (size_t i = 0; r >= 0 && i <= n; i++) {
		const char *name = i < n ? p->whole->profiles[i]->name : any;

		r = put_signals(p, name, &signals[i], e);
		if (r >= 0)
			r = put_ptraces(p, name, &ptraces[i], e);
	}
	if (r >= 0)
		r = put_proc_reads(p, any, e);
	for (size_t i = 0; i <= n; i++) {
		if (signals) {
			wh_buf_free(&signals[i].gives);
			wh_buf_free(&signals[i].takes);
		}
		if (ptraces) {
			wh_buf_free(&ptraces[i].gives);
			wh_buf_free(&ptraces[i].takes);
		}
	}
	free(signals);
	free(ptraces);
	return r;
}
