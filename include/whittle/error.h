/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHITTLE_ERROR_H
#define WHITTLE_ERROR_H

#include <stdarg.h>

#include "whittle/util.h"

/**
 * struct wh_error - what went wrong, in the words a person will read.
 *
 * The caller owns it (usually on the stack, zeroed) and may pass NULL where it does not care. The
 * first report wins, so that clean-up code cannot hide the cause; levels above may put context in
 * front of it. Functions of the library return 0 or a negative errno and never print or exit.
 *
 * @err:  positive errno of the first report, 0 while nothing was reported
 * @text: one line, no full stop, no newline; foreign bytes in it are made printable
 */
struct wh_error {
	int err;
	char text[1024];
};

/**
 * wh_error_set() - report a failure, unless one was reported before.
 * @e: may be NULL
 * @err: positive or negative errno
 *
 * Return: -|err|, so that `return wh_error_set(e, EINVAL, "…")` is the idiom.
 */
int wh_error_set(struct wh_error *e, int err, const char *fmt, ...) wh_printf(3, 4);

/**
 * wh_error_errno() - like wh_error_set(), with ": strerror(err)" put behind the text.
 */
int wh_error_errno(struct wh_error *e, int err, const char *fmt, ...) wh_printf(3, 4);

/**
 * wh_error_oom() - report that memory ran out. Return: -ENOMEM.
 */
int wh_error_oom(struct wh_error *e);

/**
 * wh_error_prefix() - put "context: " in front of a reported failure; nothing if none was.
 */
void wh_error_prefix(struct wh_error *e, const char *fmt, ...) wh_printf(2, 3);

/**
 * wh_error_clear() - forget a report that the caller has dealt with.
 */
void wh_error_clear(struct wh_error *e);

#endif
