/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHITTLE_BUF_H
#define WHITTLE_BUF_H

#include "whittle/util.h"

/**
 * struct wh_buf - a growing text; zero-initialised is empty and valid.
 *
 * A failed allocation makes it `failed` for good and empty, so that a writer may append freely and
 * check once, in wh_buf_take().
 *
 * @data:   NUL-terminated once anything was added, else NULL
 * @len:    bytes, without that NUL (the text may hold NULs of its own)
 */
struct wh_buf {
	char *data;
	size_t len, cap;
	bool failed;
};

void wh_buf_add(struct wh_buf *b, const void *data, size_t len);
void wh_buf_adds(struct wh_buf *b, const char *s);
void wh_buf_addc(struct wh_buf *b, char c);
void wh_buf_addf(struct wh_buf *b, const char *fmt, ...) wh_printf(2, 3);

/**
 * wh_buf_take() - the text, now the caller's to free ("" when nothing was added); NULL when an
 * allocation had failed. The buffer is empty afterwards.
 */
char *wh_buf_take(struct wh_buf *b);
void wh_buf_free(struct wh_buf *b);

static inline void wh_buf_auto_free(struct wh_buf b)
{
	free(b.data);
}
WH_DEFINE_AUTO(buf, struct wh_buf, wh_buf_auto_free)

#endif
