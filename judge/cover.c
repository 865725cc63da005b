// SPDX-License-Identifier: Apache-2.0
#include "judge/cover.h"

/* ---- files ----------------------------------------------------------------------------------- */

/* The letters that rules give a path: "w" includes "a". */
static void letters_of(const struct wh_profile *p, const char *path, bool owner, bool deny,
		       char *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_rules; i++) {
		const struct wh_profile_rule *rule = p->rules[i];

		if (strcmp(rule->class, "file") != 0 || rule->deny != deny ||
		    (rule->owner && !owner) || !wh_glob_match(rule->glob, path))
			continue;
		for (const char *c = rule->letters; *c; c++) {
			if (!memchr(ret, *c, n))
				ret[n++] = *c;
			if (*c == 'w' && !memchr(ret, 'a', n))
				ret[n++] = 'a';
		}
	}
	ret[n] = '\0';
}

enum wh_cover wh_cover_file(const struct wh_profile *p, const char *path, const char *letters,
			    bool owner, char *ret_lacking)
{
	char allowed[16], denied[16];
	size_t n = 0;

	letters_of(p, path, owner, false, allowed);
	/* A deny for owners only may hold for the one time in which it was the owner. */
	letters_of(p, path, true, true, denied);
	for (; *letters; letters++) {
		if (!strchr(allowed, *letters) || strchr(denied, *letters))
			ret_lacking[n++] = *letters;
	}
	ret_lacking[n] = '\0';
	return n ? WH_COVER_REFUSED : WH_COVER_ALLOWED;
}

bool wh_cover_leaves(const struct wh_profile *p, const char *path)
{
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct wh_profile_rule *rule = p->rules[i];

		if (strcmp(rule->class, "file") == 0 && !rule->deny && rule->leaves &&
		    wh_glob_match(rule->glob, path))
			return true;
	}
	return false;
}

bool wh_cover_leads(const struct wh_profile *p, const char *path, const char *name,
		    const char *child)
{
	bool leads = false;

	for (size_t i = 0; i < p->n_rules; i++) {
		const struct wh_profile_rule *rule = p->rules[i];

		if (strcmp(rule->class, "file") != 0 || rule->deny || !rule->leaves ||
		    !wh_glob_match(rule->glob, path))
			continue;
		if (!rule->target || !(strcmp(rule->target, name) == 0 ||
				       (child && !p->is_child && strcmp(rule->target, child) == 0)))
			return false;
		leads = true;
	}
	return leads;
}

/* "l" in a file rule lets the new name have no more than the old one (apparmor_path_link()). */
enum wh_cover wh_cover_link(const struct wh_profile *p, const char *path, const char *target,
			    bool owner)
{
	char lacking[16], allowed[16];

	for (size_t i = 0; i < p->n_rules; i++) {
		const struct wh_profile_rule *rule = p->rules[i];

		if (strcmp(rule->class, "link") != 0 || (rule->owner && !owner) ||
		    !wh_glob_match(rule->glob, path) || !wh_glob_match(rule->target_glob, target))
			continue;
		if (rule->deny)
			return WH_COVER_REFUSED;
		if (!rule->subset)
			return WH_COVER_ALLOWED;
	}
	if (wh_cover_file(p, path, "l", owner, lacking) != WH_COVER_ALLOWED)
		return WH_COVER_REFUSED;
	letters_of(p, path, owner, false, allowed);
	for (char *c = allowed; *c; c++) {
		if (*c == 'l')
			memmove(c, c + 1, strlen(c));
	}
	return wh_cover_file(p, target, allowed, owner, lacking);
}

/* ---- other rules ------------------------------------------------------------------------------ */

static bool has(const struct wh_profile_words *words, const char *word)
{
	for (size_t i = 0; i < words->n; i++) {
		if (strcmp(words->v[i], word) == 0)
			return true;
	}
	return false;
}

/* One thing of those that a rule allows: one access, one signal. */
struct thing {
	const struct wh_profile_rule *rule;
	const char *access, *signal; /* or NULL */
	const char *path, *target;   /* samples, or NULL */
};

static bool grants(const struct wh_profile_rule *rule, const char *access)
{
	static const struct {
		const char *class, *access, *same;
	} same[] = {
		{"signal", "send", "w"},       {"signal", "send", "write"},
		{"signal", "send", "rw"},      {"signal", "receive", "r"},
		{"signal", "receive", "read"}, {"signal", "receive", "rw"},
		{"ptrace", "read", "r"},       {"ptrace", "read", "rw"},
		{"ptrace", "trace", "w"},      {"ptrace", "trace", "rw"},
	};

	if (!rule->access.n)
		return true;
	/* All of it is asked for: a list may lack something. */
	if (!access)
		return false;
	if (has(&rule->access, access))
		return true;
	for (size_t i = 0; i < WH_ARRAY_SIZE(same); i++) {
		if (strcmp(rule->class, same[i].class) == 0 &&
		    strcmp(access, same[i].access) == 0 && has(&rule->access, same[i].same))
			return true;
	}
	return false;
}

/* "network inet stream": each word of the rule must hold for what was done. */
static bool words_hold(const struct wh_profile_rule *rule, const struct wh_profile_rule *done)
{
	static const struct {
		const char *protocol, *type;
	} protocols[] = {{"tcp", "stream"}, {"udp", "dgram"}, {"icmp", "raw"}};

	for (size_t i = 0; i < rule->words.n; i++) {
		const char *word = rule->words.v[i];
		bool found = has(&done->words, word);

		for (size_t j = 0; j < WH_ARRAY_SIZE(protocols) && !found; j++)
			found = strcmp(word, protocols[j].protocol) == 0 &&
				has(&done->words, protocols[j].type) &&
				(has(&done->words, "inet") || has(&done->words, "inet6"));
		if (!found)
			return false;
	}
	return true;
}

static bool matches(const struct wh_profile *p, const char *pattern, const char *text)
{
	struct wh_glob_variable own = {(char[]){"profile_name"}, (char *[]){p->name}, 1};
	struct wh_glob *glob = NULL;
	bool match;

	/* The profile's own name is no pattern, and what is no pattern is itself. */
	if (strcmp(pattern, text) == 0)
		return true;
	if (strcmp(text, "@{profile_name}") == 0)
		text = p->name;
	if (wh_glob_compile(pattern, &own, 1, &glob, NULL) < 0)
		return false;
	match = wh_glob_match(glob, text);
	wh_glob_free(glob);
	return match;
}

static enum wh_cover options_hold(const struct wh_profile_condition *c,
				  const struct wh_profile_condition *done)
{
	if (!done)
		return WH_COVER_UNSURE;
	for (size_t i = 0; i < done->values.n; i++) {
		if (!has(&c->values, done->values.v[i]))
			return WH_COVER_REFUSED;
	}
	return c->in || c->values.n == done->values.n ? WH_COVER_ALLOWED : WH_COVER_REFUSED;
}

static enum wh_cover condition_holds(const struct wh_profile *p,
				     const struct wh_profile_condition *c,
				     const struct thing *thing)
{
	const struct wh_profile_condition *done = wh_profile_condition(thing->rule, c->name);

	if (strcmp(c->name, "set") == 0)
		return thing->signal && has(&c->values, thing->signal) ? WH_COVER_ALLOWED
								       : WH_COVER_REFUSED;
	if (strcmp(c->name, "options") == 0 || strcmp(c->name, "option") == 0)
		return options_hold(c, done);
	if (!done || done->values.n != 1)
		return WH_COVER_UNSURE;
	for (size_t i = 0; i < c->values.n; i++) {
		if (matches(p, c->values.v[i], done->values.v[0]))
			return WH_COVER_ALLOWED;
	}
	return WH_COVER_REFUSED;
}

static bool place_holds(struct wh_glob *glob, const char *place)
{
	return !glob || (place && wh_glob_match(glob, place));
}

/* Whether a rule speaks of the thing. */
static enum wh_cover holds(const struct wh_profile *p, const struct wh_profile_rule *rule,
			   const struct thing *thing)
{
	enum wh_cover worst = WH_COVER_ALLOWED;
	const char *class = thing->rule->class;

	if (strcmp(class, "unix") == 0 && strcmp(rule->class, "network") == 0 && !p->abi4)
		return !rule->words.n || (rule->words.n == 1 && has(&rule->words, "unix"))
			       ? WH_COVER_ALLOWED
			       : WH_COVER_REFUSED;
	if (strcmp(rule->class, class) != 0 || !grants(rule, thing->access) ||
	    (strcmp(class, "network") == 0 && !words_hold(rule, thing->rule)) ||
	    !place_holds(rule->glob, thing->path) || !place_holds(rule->target_glob, thing->target))
		return WH_COVER_REFUSED;
	for (size_t i = 0; i < rule->n_conditions; i++) {
		enum wh_cover one = condition_holds(p, &rule->conditions[i], thing);

		worst = one > worst ? one : worst;
	}
	return worst;
}

static enum wh_cover judge(const struct wh_profile *p, const struct thing *thing)
{
	enum wh_cover best = WH_COVER_REFUSED;
	bool doubt = false;

	for (size_t i = 0; i < p->n_rules; i++) {
		const struct wh_profile_rule *rule = p->rules[i];
		enum wh_cover one = holds(p, rule, thing);

		if (rule->deny && one == WH_COVER_ALLOWED)
			return WH_COVER_REFUSED;
		if (rule->deny)
			doubt |= one == WH_COVER_UNSURE;
		else
			best = one < best ? one : best;
	}
	return best == WH_COVER_ALLOWED && doubt ? WH_COVER_UNSURE : best;
}

static char *sample(struct wh_glob *glob)
{
	wh_auto(buf) b = {0};

	return glob && wh_glob_sample(glob, &b) ? wh_buf_take(&b) : NULL;
}

enum wh_cover wh_cover_rule(const struct wh_profile *p, const struct wh_profile_rule *rule)
{
	const struct wh_profile_condition *set = wh_profile_condition(rule, "set");
	enum wh_cover worst = WH_COVER_ALLOWED;
	wh_auto(str) path = sample(rule->glob);
	wh_auto(str) target = sample(rule->target_glob);

	for (size_t i = 0; i < (rule->access.n ? rule->access.n : 1); i++) {
		for (size_t j = 0; j < (set ? set->values.n : 1); j++) {
			struct thing thing = {
				.rule = rule,
				.access = rule->access.n ? rule->access.v[i] : NULL,
				.signal = set ? set->values.v[j] : NULL,
				.path = path,
				.target = target,
			};
			enum wh_cover one = judge(p, &thing);

			worst = one > worst ? one : worst;
		}
	}
	return worst;
}
