/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AppArmor's path patterns, matched as the kernel would: `?` and `*` stop at a slash, `**` does not, [classes],
 * {alternatives}, variables and escapes. Time and memory are bounded by the pattern's length, whatever it is.
 */
#ifndef WHITTLE_JUDGE_GLOB_H
#define WHITTLE_JUDGE_GLOB_H

#include "whittle/buf.h"
#include "whittle/error.h"

struct wh_glob;

/** struct wh_glob_variable - "@{name}", without its marks, and its values, patterns themselves. */
struct wh_glob_variable {
	char *name;
	char **values;
	size_t n_values;
};

/**
 * wh_glob_compile() - @pattern as it stands in a profile, without quotes around it.
 * Return: 0; -EINVAL with what is wrong with it, -E2BIG when it and its variables are too large.
 */
int wh_glob_compile(const char *pattern, const struct wh_glob_variable *variables, size_t n,
		    struct wh_glob **ret, struct wh_error *e);
void wh_glob_free(struct wh_glob *g);
WH_DEFINE_AUTO(glob, struct wh_glob *, wh_glob_free)

/** wh_glob_match() - whether all of @text is of the pattern's language. */
bool wh_glob_match(struct wh_glob *g, const char *text);

/** wh_glob_sample() - one of the shortest texts that match. Return: false when none does. */
bool wh_glob_sample(struct wh_glob *g, struct wh_buf *b);

#endif
