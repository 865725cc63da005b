/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHITTLE_GEN_BUNDLE_H
#define WHITTLE_GEN_BUNDLE_H

#include "gen/emit.h"

/**
 * wh_bundle_write() - write trace.json and each of @emit->formats into @emit->dir.
 *
 * All is written into a temporary folder beside it first: a failure leaves neither a part of the new
 * bundle nor a trace of the old one lost. A new folder appears whole; in an existing one each file
 * is replaced by a rename, and a file that whittle did not write is never replaced.
 */
int wh_bundle_write(const struct wh_emit *emit, struct wh_error *e);

/**
 * struct wh_bundle_settings - how a bundle was generated, from its capabilities.json.
 * Strings are allocated, NULL where unknown.
 */
struct wh_bundle_settings {
	char *name, *runtime;
	enum wh_policy_choice no_new_privs;
	bool subprofiles;
	enum wh_policy_args_choice args;
};

/**
 * wh_bundle_settings_read() - of the bundle folder @path; defaults where it has no capabilities.json,
 * as when @path is a trace file.
 */
int wh_bundle_settings_read(const char *path, struct wh_bundle_settings *ret, struct wh_error *e);
void wh_bundle_settings_free(struct wh_bundle_settings *s);

#endif
