/* SPDX-License-Identifier: Apache-2.0 */
#include "whittle/buf.h"

#include <stdarg.h>

static bool reserve(struct wh_buf *b, size_t more)
{
	size_t need, cap;
	char *data;

	if (b->failed)
		return false;
	if (__builtin_add_overflow(b->len, more, &need) || __builtin_add_overflow(need, 1, &need))
		goto fail;
	if (need <= b->cap)
		return true;
	cap = b->cap ? b->cap : 64;
	while (cap < need)
		if (__builtin_mul_overflow(cap, 2, &cap))
			goto fail;
	data = realloc(b->data, cap);
	if (!data)
		goto fail;
	b->data = data;
	b->cap = cap;
	return true;
fail:
	wh_buf_free(b);
	b->failed = true;
	return false;
}

void wh_buf_add(struct wh_buf *b, const void *data, size_t len)
{
	if (!reserve(b, len))
		return;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void wh_buf_adds(struct wh_buf *b, const char *s)
{
	wh_buf_add(b, s, strlen(s));
}

void wh_buf_addc(struct wh_buf *b, char c)
{
	wh_buf_add(b, &c, 1);
}

void wh_buf_addf(struct wh_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	wh_assert(n >= 0);
	if (!reserve(b, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

char *wh_buf_take(struct wh_buf *b)
{
	char *data;

	if (!reserve(b, 0)) {
		*b = (struct wh_buf){};
		return NULL;
	}
	b->data[b->len] = '\0';
	data = b->data;
	*b = (struct wh_buf){};
	return data;
}

void wh_buf_free(struct wh_buf *b)
{
	free(b->data);
	*b = (struct wh_buf){};
}
