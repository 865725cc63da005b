/* SPDX-License-Identifier: Apache-2.0 */
/* An AppArmor profile, read with suspicion: what its rules allow, without a kernel that has AppArmor. */
#ifndef WHITTLE_JUDGE_PROFILE_H
#define WHITTLE_JUDGE_PROFILE_H

#include "judge/glob.h"

#define WH_PROFILE_WORDS_MAX 128

/** struct wh_profile_words - "(a, b)"; or one word. */
struct wh_profile_words {
	char *v[WH_PROFILE_WORDS_MAX];
	size_t n;
};

/** struct wh_profile_condition - "peer=x", "options in (a, b)". */
struct wh_profile_condition {
	char *name;
	bool in; /* "in" instead of "=" */
	struct wh_profile_words values;
};

/**
 * struct wh_profile_rule - one rule.
 * @class: "file", "capability", "network", "unix", "signal", "mount", "link" …
 * @letters: of a file rule, as they stand there; "x" for each way to execute
 * @leaves: what it executes is not under this profile any more
 * @access: in parentheses behind the class, or the names of capabilities; none: all
 * @words: what else stands there, paths among them; @target: behind "->"
 * @glob, @target_glob: the same of a path, else NULL
 */
struct wh_profile_rule {
	unsigned line;
	char *class;
	bool deny, owner, subset, leaves;
	char letters[8];
	struct wh_profile_words access, words;
	struct wh_profile_condition *conditions;
	size_t n_conditions;
	char *target;
	struct wh_glob *glob, *target_glob;
};

/**
 * struct wh_profile - a profile.
 * @children: those that stand in it, which have no children themselves
 * @variables: of a child its parent's
 */
struct wh_profile {
	char *name;
	bool complain;	   /* it only says what it would refuse */
	bool disconnected; /* paths outside of the root count from the root */
	bool abi4;	   /* network rules are none for unix sockets */
	struct wh_glob_variable *variables;
	size_t n_variables;
	struct wh_profile_rule **rules;
	size_t n_rules;
	struct wh_profile **children;
	size_t n_children;
	bool is_child;
};

/**
 * wh_profile_parse() - read a text with one profile in it, that may have children. What would need another file (include), or is not known here, is
 * an error with its line: a rule that is passed over would be judged wrong.
 */
int wh_profile_parse(const char *text, size_t len, struct wh_profile **ret, struct wh_error *e);
int wh_profile_read(const char *path, struct wh_profile **ret, struct wh_error *e);
void wh_profile_free(struct wh_profile *p);
WH_DEFINE_AUTO(profile, struct wh_profile *, wh_profile_free)

/** wh_profile_condition() - by name, or NULL. */
const struct wh_profile_condition *wh_profile_condition(const struct wh_profile_rule *rule,
							const char *name);

#endif
