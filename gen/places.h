/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a trace say of the places they are in: what was mounted there, what was changed, what was there before. */
#ifndef WHITTLE_GEN_PLACES_H
#define WHITTLE_GEN_PLACES_H

#include "gen/policy.h"

/** struct wh_places_mount - a mount that all recordings had. @word: see struct wh_run.mounts; @len: of it. */
struct wh_places_mount {
	const char *word, *point;
	size_t word_len;
	bool read_only;
};

enum wh_places_change {
	WH_PLACES_NOTHING, /* it was looked at */
	WH_PLACES_ENTRY,   /* its name: the folder that it is in was changed */
	WH_PLACES_OBJECT,  /* itself */
};

/**
 * struct wh_places_use - a file fact that happened.
 * @path: without a slash at its end
 * @made: the length of the longest part of @path that the service made itself, or 0
 * @mount: what it was in, or NULL: the root
 */
struct wh_places_use {
	const struct wh_file *fact;
	const char *path;
	enum wh_places_change changes;
	size_t made;
	const struct wh_places_mount *mount;
};

/** struct wh_places - all of them; memory is the policy's. @unknown: why nothing can be said, or NULL. */
struct wh_places {
	struct wh_places_use *v;
	size_t n;
	const char **made; /* paths, sorted */
	size_t n_made;
	struct wh_places_mount *mounts;
	size_t n_mounts;
	bool root_read_only;
	const char *unknown;
};

/** wh_places_find() - of all recordings of @p. Left out is what any container brings along: /dev, /proc, /sys. */
int wh_places_find(struct wh_policy *p, struct wh_places *ret, struct wh_error *e);

/** wh_places_made() - the length of the longest part of @path that the service made itself, or 0. */
size_t wh_places_made(const struct wh_places *places, const char *path);

/** wh_places_given() - add to @p->places what was mounted, and used, while it was recorded. */
int wh_places_given(struct wh_policy *p, const struct wh_places *places, struct wh_error *e);

#endif
