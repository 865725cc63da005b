/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of paths that are never the same twice: templates/paths.json. */
#ifndef WHITTLE_GEN_GENERALISE_H
#define WHITTLE_GEN_GENERALISE_H

#include "whittle/buf.h"
#include "whittle/error.h"

struct wh_generalise;

/** wh_generalise_load() - read and check the table. */
int wh_generalise_load(struct wh_generalise **ret, struct wh_error *e);
/** wh_generalise_parse() - the same from a text. */
int wh_generalise_parse(const char *text, struct wh_generalise **ret, struct wh_error *e);
void wh_generalise_free(struct wh_generalise *g);
WH_DEFINE_AUTO(generalise, struct wh_generalise *, wh_generalise_free)

/** What is known of a path's use; some rows of the table hold only for one of these. */
enum wh_generalise_use {
	WH_GENERALISE_CREATED =
		1 << 0,		     /* the service makes or removes it: the name is its choice */
	WH_GENERALISE_READ = 1 << 1, /* it is only read or mapped */
};

/**
 * wh_generalise_path() - a path as an AppArmor pattern.
 * @pattern: the pattern is added to it
 * @reasons: why it is not the path itself, "; " between several; nothing is added where it is
 */
void wh_generalise_path(const struct wh_generalise *g, const char *path, unsigned use,
			struct wh_buf *pattern, struct wh_buf *reasons);

/**
 * wh_generalise_sample() - a path of the trace as it may have been: its variables become the shortest, or with @long_one
 * long, values.
 */
void wh_generalise_sample(const char *path, bool long_one, struct wh_buf *b);

/**
 * wh_generalise_escape() - where a path of the trace has the backslash that makes its last name a real
 * one (see struct wh_file); SIZE_MAX without one.
 */
size_t wh_generalise_escape(const char *path);

#endif
