/* SPDX-License-Identifier: Apache-2.0 */
/* Between policy-split.c, which says who is together, policy-profiles.c and what decides with them. */
#ifndef WHITTLE_GEN_POLICY_SPLIT_H
#define WHITTLE_GEN_POLICY_SPLIT_H

#include "gen/policy.h"

/** struct wh_policy_program - an executable that ran. @profile: which of wh_policy.profiles it runs under */
struct wh_policy_program {
	const char *path;
	size_t profile;
};

/** struct wh_policy_path - a path of a file fact, and the rule of the whole that it is in. */
struct wh_policy_path {
	const char *path;
	const struct wh_policy_file *file;
};

/** struct wh_policy_split - both sorted by path. */
struct wh_policy_split {
	struct wh_policy_program *programs;
	size_t n_programs;
	struct wh_policy_path *paths;
	size_t n_paths;
};

/** wh_policy_split_wanted() - sets p->split if there is more than one program, and profiles can be changed. */
int wh_policy_split_wanted(struct wh_policy *p, bool asked, struct wh_error *e);
/** wh_policy_split() - make p->profiles, when all rules of the whole are there. */
int wh_policy_split(struct wh_policy *p, struct wh_error *e);

/** wh_policy_split_group() - decide on the profiles; @ret_n: how many. */
int wh_policy_split_group(struct wh_policy *p, size_t *ret_n, struct wh_error *e);

/** wh_policy_split_runs_as() - what really runs: of a script its interpreter. */
const char *wh_policy_split_runs_as(const struct wh_exec *exec);
/** wh_policy_split_ran() - it was seen to be executed. */
bool wh_policy_split_ran(const struct wh_policy_split *split, const char *program);
/** wh_policy_split_profile() - what a program runs under; NULL and one that was never seen to be executed: the first. */
size_t wh_policy_split_profile(const struct wh_policy_split *split, const char *program);
/** wh_policy_split_rule() - the rule of the whole that a path is in, or NULL. */
const struct wh_policy_file *wh_policy_split_rule(const struct wh_policy_split *split,
						  const char *path);

/** wh_policy_split_is_of() - a program of that profile did it, or may have: more programs did than a fact keeps. */
bool wh_policy_split_is_of(const struct wh_policy *whole, const struct wh_fact *f, size_t profile);
/** wh_policy_split_runs() - the program runs under that profile. */
bool wh_policy_split_runs(const struct wh_policy *whole, const char *program, size_t profile);
/**
 * wh_policy_split_letters() - those that a fact needs in one of the profiles.
 * @ret_to: the profile to change to by executing it; untouched if it is the same
 */
unsigned wh_policy_split_letters(const struct wh_policy *p, const struct wh_file *fact,
				 unsigned letters, const struct wh_policy **ret_to);
/** wh_policy_split_file() - the rule of the whole for a path, whose pattern holds for the profiles too; NULL: none. */
const struct wh_policy_file *wh_policy_split_file(const struct wh_policy *p, const char *path);

#endif
