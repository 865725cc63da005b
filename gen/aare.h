/* SPDX-License-Identifier: Apache-2.0 */
/* AppArmor's way of writing paths: globs ("AARE"), variables, escapes and quotes. */
#ifndef WHITTLE_GEN_AARE_H
#define WHITTLE_GEN_AARE_H

#include "whittle/buf.h"

/**
 * wh_aare_escape() - bytes as a pattern that matches exactly them.
 *
 * What is special in a glob gets a backslash, a backslash becomes "[\\]", a "@{" that is no variable
 * "[@]\{", control characters and bytes that are no UTF-8 octal escapes.
 */
void wh_aare_escape(struct wh_buf *b, const char *bytes, size_t len);

/** wh_aare_quote() - a pattern as it is written in a profile: in quotes where it must be. */
void wh_aare_quote(struct wh_buf *b, const char *pattern);

#endif
