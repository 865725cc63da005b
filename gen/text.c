// SPDX-License-Identifier: Apache-2.0
#include "gen/text.h"

#include "whittle/escape.h"

static uint32_t code_point(const unsigned char *s, size_t len)
{
	static const unsigned char mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t code = s[0] & mask[len];

	for (size_t i = 1; i < len; i++)
		code = code << 6 | (s[i] & 0x3f);
	return code;
}

/* C1 controls, the line separators and what reorders text ("trojan source"). */
static bool is_harmful(uint32_t code)
{
	return (code >= 0x80 && code < 0xa0) || code == 0x200e || code == 0x200f ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
	       code == 0xfeff;
}

void wh_text_safe(struct wh_buf *b, const char *s)
{
	while (s && *s) {
		const unsigned char *u = (const unsigned char *)s;
		size_t len = wh_escape_utf8_length(s);

		if (len == 0 || *u < 0x20 || *u == 0x7f) {
			wh_buf_addf(b, "\\x%02x", *u);
			s++;
			continue;
		}
		if (len > 1 && is_harmful(code_point(u, len)))
			wh_buf_addf(b, "\\u%04x", (unsigned)code_point(u, len));
		else
			wh_buf_add(b, s, len);
		s += len;
	}
}

const char *wh_text_safe_dup(struct wh_pool *pool, const char *s)
{
	wh_auto(buf) b = {0};

	wh_text_safe(&b, s);
	if (b.failed)
		return NULL;
	return wh_pool_strndup(pool, b.data ? b.data : "", b.len);
}
