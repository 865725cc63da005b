/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHITTLE_GEN_TEXT_H
#define WHITTLE_GEN_TEXT_H

#include "gen/pool.h"
#include "whittle/buf.h"

/**
 * wh_text_safe() - a foreign string as it may stand in a comment or on a terminal: control
 * characters (a newline would end the comment), bytes that are no UTF-8 and characters that turn the
 * direction of writing become "\x0a", "\u202e". NULL becomes "".
 */
void wh_text_safe(struct wh_buf *b, const char *s);
/** wh_text_safe_dup() - the same into a pool; NULL when memory ran out. */
const char *wh_text_safe_dup(struct wh_pool *pool, const char *s);

#endif
