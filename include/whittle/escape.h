/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths and arguments are bytes, JSON is Unicode: what is not UTF-8 is written %XX, and a real '%'
 * is %25, so that the text can be turned back into exactly the bytes it came from.
 */
#ifndef WHITTLE_ESCAPE_H
#define WHITTLE_ESCAPE_H

#include "whittle/util.h"

/** wh_escape_utf8() - bytes as UTF-8; the caller's to free; NULL: out of memory. */
char *wh_escape_utf8(const char *bytes);

/**
 * wh_escape_decode() - the bytes again.
 * Return: 0; -EINVAL for a '%' without two hex digits or for %00, which no path can hold; -ENOMEM.
 */
int wh_escape_decode(const char *text, char **ret_bytes);

/** wh_escape_utf8_length() - length of the valid UTF-8 sequence at @s (1 … 4), 0 if it is none. */
size_t wh_escape_utf8_length(const char *s);

#endif
