/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an AppArmor profile allows a thing that was done. */
#ifndef WHITTLE_JUDGE_COVER_H
#define WHITTLE_JUDGE_COVER_H

#include "judge/profile.h"

/** In rising order of what is worth telling. */
enum wh_cover {
	WH_COVER_ALLOWED,
	WH_COVER_UNSURE, /* it depends on what is not known of the thing */
	WH_COVER_REFUSED,
};

/**
 * wh_cover_file() - a path, as the kernel resolved it.
 * @letters: that are asked for: "rw"
 * @owner: who does it owns the file
 * @ret_lacking: those that are not allowed; room for 8
 */
enum wh_cover wh_cover_file(const struct wh_profile *p, const char *path, const char *letters,
			    bool owner, char *ret_lacking);

/** wh_cover_link() - a hard link. */
enum wh_cover wh_cover_link(const struct wh_profile *p, const char *path, const char *target,
			    bool owner);

/**
 * wh_cover_rule() - what a rule allows, that is no file or link rule.
 * @rule: with its own places, of which a sample is taken
 */
enum wh_cover wh_cover_rule(const struct wh_profile *p, const struct wh_profile_rule *rule);

/** wh_cover_leaves() - whether an execution of @path ends in another profile, or none. */
bool wh_cover_leaves(const struct wh_profile *p, const char *path);
/** wh_cover_leads() - what is executed there changes to the profile @name, which is also the child @child of @p (or NULL). */
bool wh_cover_leads(const struct wh_profile *p, const char *path, const char *name,
		    const char *child);

#endif
