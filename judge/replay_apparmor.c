// SPDX-License-Identifier: Apache-2.0
/* The AppArmor part of a replay. */
#include "gen/aare.h"
#include "gen/emit.h"
#include "gen/generalise.h"
#include "gen/policy-split.h"
#include "judge/replay.h"

static void letters_text(unsigned letters, char ret[8])
{
	static const char order[] = "rwalkmx"; /* enum wh_policy_letter */
	size_t n = 0;

	for (size_t i = 0; order[i]; i++) {
		if (letters & 1u << i)
			ret[n++] = order[i];
	}
	ret[n] = '\0';
}

/* The rule that would allow it, as generate writes it. */
static int rule_text(const struct wh_policy_file *file, char **ret, struct wh_error *e)
{
	wh_auto(buf) b = {0};
	char letters[8];

	letters_text(file->letters & ~(unsigned)WH_POLICY_X, letters);
	wh_buf_adds(&b, file->owner ? "owner " : "");
	wh_aare_quote(&b, file->pattern);
	wh_buf_addf(&b, " %s%s", letters,
		    !(file->letters & WH_POLICY_X) ? ""
		    : file->to			   ? "px -> "
						   : "ix");
	wh_buf_adds(&b, file->to ? file->to->name : "");
	*ret = wh_buf_take(&b);
	return *ret ? 0 : wh_error_oom(e);
}

/* What the kernel names it in the profile's eyes: without the mark of what lies outside. */
static const char *inside(const char *path)
{
	return wh_util_has_prefix(path, WH_FILE_UNREACHABLE) ? path + strlen(WH_FILE_UNREACHABLE)
							     : path;
}

/* Executing it: under which profile it then runs. */
static int judge_change(const struct wh_policy_file *file, const struct wh_file *fact,
			const char *path, const struct wh_profile *profile,
			struct wh_replay *replay, struct wh_error *e)
{
	bool leaves = wh_cover_leaves(profile, path);

	if (!file->to)
		return !leaves ? 0
			       : wh_replay_add(replay, WH_REPLAY_UNJUDGED, "file", fact->path,
					       &fact->f, e,
					       "it is executed under another profile than this: "
					       "what it did then cannot be judged here");
	if (leaves && wh_cover_leads(profile, path, file->to->name, file->to->child))
		return 0;
	return wh_replay_add(replay, WH_REPLAY_UNJUDGED, "file", fact->path, &fact->f, e,
			     "it is not executed under the profile %s: what it did then cannot be "
			     "judged here",
			     file->to->name);
}

static int judge_fact(const struct wh_policy *p, const struct wh_policy_file *file,
		      const struct wh_file *fact, const struct wh_profile *profile,
		      struct wh_replay *replay, struct wh_error *e)
{
	bool outside = inside(fact->path) != fact->path;
	char letters[8], lacking[16] = "";
	bool refused = outside && !profile->disconnected;
	const struct wh_policy *to = NULL;
	wh_auto(str) rule = NULL;
	int r = 0;

	letters_text(p->whole ? wh_policy_split_letters(p, fact, wh_policy_file_letters(fact), &to)
			      : wh_policy_file_letters(fact),
		     letters);
	for (unsigned i = 0; i < 2 && !refused && *letters; i++) {
		wh_auto(buf) path = {0};

		wh_generalise_sample(inside(fact->path), i, &path);
		if (path.failed)
			return wh_error_oom(e);
		refused = wh_cover_file(profile, path.data, letters, fact->owner_always, lacking) !=
			  WH_COVER_ALLOWED;
		if (!refused && strchr(letters, 'x'))
			r = judge_change(file, fact, path.data, profile, replay, e);
	}
	if (r < 0 || !refused)
		return r;
	r = rule_text(file, &rule, e);
	if (r < 0)
		return r;
	return wh_replay_add(replay, WH_REPLAY_REFUSED, "file", rule, &fact->f, e,
			     "%s %s would be refused%s%s%s", wh_trace_access_name(fact->access),
			     fact->path, *lacking ? ": no rule gives it " : "", lacking,
			     outside && !profile->disconnected
				     ? ": it lies outside of the root, and the profile has no "
				       "attach_disconnected"
				     : "");
}

static int judge_links(const struct wh_policy_rule *rule, const struct wh_profile *profile,
		       struct wh_replay *replay, struct wh_error *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < rule->n_facts; i++) {
		const struct wh_file *fact = rule->facts[i];

		for (size_t j = 0; r == 0 && j < fact->peers.n; j++) {
			wh_auto(buf) path = {0}, target = {0};

			wh_generalise_sample(inside(fact->path), false, &path);
			wh_generalise_sample(inside(fact->peers.v[j]), false, &target);
			if (path.failed || target.failed)
				return wh_error_oom(e);
			if (wh_cover_link(profile, path.data, target.data, fact->owner_always) !=
			    WH_COVER_ALLOWED)
				r = wh_replay_add(replay, WH_REPLAY_REFUSED, "AppArmor rule",
						  rule->text, &fact->f, e,
						  "the link %s to %s would be refused", fact->path,
						  fact->peers.v[j]);
		}
	}
	return r;
}

/* @fixed: not seen of the service, but in every profile, for what runs the container. */
static int judge_rule(const char *text, const struct wh_profile_rule *rule,
		      const struct wh_fact *fact, bool fixed, const struct wh_profile *profile,
		      struct wh_replay *replay, struct wh_error *e)
{
	switch (wh_cover_rule(profile, rule)) {
	case WH_COVER_REFUSED:
		return wh_replay_add(replay, WH_REPLAY_REFUSED, "AppArmor rule", text, fact, e,
				     fixed ? "no rule allows '%s', which the container itself needs"
					   : "no rule allows '%s'",
				     text);
	case WH_COVER_UNSURE:
		return wh_replay_add(replay, WH_REPLAY_UNJUDGED, "AppArmor rule", text, fact, e,
				     "the profile has conditions on '%s' that the trace says "
				     "nothing of",
				     text);
	default:
		return 0;
	}
}

/* A rule of the policy's, read back. */
static int parse_rule(const char *text, struct wh_profile **ret, struct wh_error *e)
{
	wh_auto(buf) b = {0};

	wh_buf_addf(&b, "profile needed {\n%s,\n}\n", text);
	if (b.failed)
		return wh_error_oom(e);
	return wh_profile_parse(b.data, b.len, ret, e);
}

static int judge_other(const struct wh_policy_rule *rule, const struct wh_profile *profile,
		       struct wh_replay *replay, struct wh_error *e)
{
	wh_auto(profile) needed = NULL;
	struct wh_error own = {0};
	int r;

	replay->rules++;
	if (rule->section == WH_POLICY_LINK)
		return judge_links(rule, profile, replay, e);
	r = parse_rule(rule->text, &needed, &own);
	if (r < 0)
		return wh_replay_add(replay, WH_REPLAY_UNJUDGED, "AppArmor rule", rule->text,
				     rule->n_facts ? rule->facts[0] : NULL, e,
				     "'%s' is not judged here: %s", rule->text, own.text);
	return judge_rule(rule->text, needed->rules[0], rule->n_facts ? rule->facts[0] : NULL,
			  false, profile, replay, e);
}

/* Whether one of the policy's own rules is this line. */
static bool of_policy(const struct wh_policy *p, unsigned line, const char *const *lines)
{
	const char *text = lines[line];

	for (size_t i = 0; i < p->n_rules; i++) {
		if (strstr(text, p->rules[i].text))
			return true;
	}
	return false;
}

/*
 * The lines of the template: what each container needs, whatever it does. They are those of a profile made for the trace that
 * come from no fact.
 */
static int judge_fixed(const struct wh_policy *p, const struct wh_profile *profile,
		       struct wh_replay *replay, struct wh_error *e)
{
	struct wh_emit emit = {.policy = p, .dir = "", .formats = WH_EMIT_ALL};
	wh_auto(profile) made = NULL;
	wh_auto(str) text = NULL;
	const char **lines = NULL;
	size_t n = 1;
	int r = wh_emit_text(&emit, WH_EMIT_APPARMOR, &text, e);

	if (r == 0)
		r = wh_profile_parse(text, strlen(text), &made, e);
	if (r < 0)
		return r;
	for (const char *c = text; *c; c++)
		n += *c == '\n';
	lines = calloc(n + 2, sizeof(*lines));
	if (!lines)
		return wh_error_oom(e);
	lines[0] = "";
	n = 1;
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
		lines[n++] = line + strspn(line, " ");
	for (size_t i = 0; r == 0 && i < made->n_rules; i++) {
		const struct wh_profile_rule *rule = made->rules[i];
		wh_auto(str) entry = strndup(lines[rule->line], strcspn(lines[rule->line], ","));
		char lacking[16];
		wh_auto(buf) path = {0};

		if (!entry) {
			r = wh_error_oom(e);
		} else if (rule->deny) {
			continue;
		} else if (strcmp(rule->class, "signal") == 0 && !of_policy(p, rule->line, lines)) {
			r = judge_rule(entry, rule, NULL, true, profile, replay, e);
		} else if (strcmp(rule->class, "file") == 0 && wh_util_has_prefix(entry, "/dev/") &&
			   wh_glob_sample(rule->glob, &path) && !path.failed &&
			   wh_cover_file(profile, path.data, rule->letters, rule->owner, lacking) !=
				   WH_COVER_ALLOWED) {
			r = wh_replay_add(replay, WH_REPLAY_REFUSED, "file", entry, NULL, e,
					  "no rule gives %s the letters %s, which the container "
					  "itself needs",
					  path.data, lacking);
		}
	}
	free(lines);
	return r;
}

static int judge_one(const struct wh_policy *p, const struct wh_profile *profile,
		     struct wh_replay *replay, struct wh_error *e)
{
	int r = 0;

	if (profile->complain)
		return wh_replay_add(replay, WH_REPLAY_NOTE, "AppArmor rule", "flags=(complain)",
				     NULL, e,
				     "the AppArmor profile only complains: it refuses nothing");
	for (size_t i = 0; r == 0 && i < p->n_files; i++) {
		const struct wh_policy_file *file = &p->files[i];

		replay->files++;
		for (size_t j = 0; r == 0 && j < file->n_facts; j++)
			r = judge_fact(p, file, file->facts[j], profile, replay, e);
	}
	for (size_t i = 0; r == 0 && i < p->n_rules; i++)
		r = judge_other(&p->rules[i], profile, replay, e);
	return r < 0 ? r : judge_fixed(p, profile, replay, e);
}

static const struct wh_profile *child_of(const struct wh_profile *profile, const char *name)
{
	for (size_t i = 0; i < profile->n_children; i++)
		if (strcmp(profile->children[i]->name, name) == 0)
			return profile->children[i];
	return NULL;
}

/* With a profile for each program, each is judged by its own. */
int wh_replay_apparmor(const struct wh_policy *p, const struct wh_profile *profile,
		       struct wh_replay *replay, struct wh_error *e)
{
	int r = p->n_profiles ? 0 : judge_one(p, profile, replay, e);

	for (size_t i = 0; r == 0 && i < p->n_profiles; i++) {
		const struct wh_policy *one = p->profiles[i];
		const struct wh_profile *its = i ? child_of(profile, one->child) : profile;

		r = its ? judge_one(one, its, replay, e)
			: wh_replay_add(replay, WH_REPLAY_REFUSED, "profile", one->child, NULL, e,
					"there is none for %s, which is executed", one->title);
	}
	return r;
}
