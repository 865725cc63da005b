/* SPDX-License-Identifier: Apache-2.0 */
#include "whittle/escape.h"

#include "whittle/buf.h"

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
size_t wh_escape_utf8_length(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t code, least;
	size_t n;

	if (s[0] < 0x80)
		return s[0] ? 1 : 0;
	if (s[0] >= 0xc2 && s[0] <= 0xdf) {
		n = 2;
		code = s[0] & 0x1f;
		least = 0x80;
	} else if (s[0] >= 0xe0 && s[0] <= 0xef) {
		n = 3;
		code = s[0] & 0x0f;
		least = 0x800;
	} else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		n = 4;
		code = s[0] & 0x07;
		least = 0x10000;
	} else {
		return 0;
	}
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return n;
}

char *wh_escape_utf8(const char *bytes)
{
	struct wh_buf b = {};
	size_t n;

	while (*bytes) {
		n = *bytes == '%' ? 0 : wh_escape_utf8_length(bytes);
		if (n)
			wh_buf_add(&b, bytes, n);
		else
			wh_buf_addf(&b, "%%%02X", (unsigned char)*bytes);
		bytes += n ? n : 1;
	}
	return wh_buf_take(&b);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int wh_escape_decode(const char *text, char **ret_bytes)
{
	char *bytes = malloc(strlen(text) + 1), *out = bytes;
	int high, low;

	if (!bytes)
		return -ENOMEM;
	for (; *text; text++) {
		if (*text != '%') {
			*out++ = *text;
			continue;
		}
		high = hex(text[1]);
		low = high < 0 ? -1 : hex(text[2]);
		if (low < 0 || (high == 0 && low == 0)) {
			free(bytes);
			return -EINVAL;
		}
		*out++ = (char)(high << 4 | low);
		text += 2;
	}
	*out = '\0';
	*ret_bytes = bytes;
	return 0;
}
