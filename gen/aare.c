// SPDX-License-Identifier: Apache-2.0
#include "gen/aare.h"

#include "whittle/escape.h"

/* Length of what can stand as it is at @s: one ASCII character or a whole UTF-8 sequence; else 0. */
static size_t plain_length(const char *s, size_t len)
{
	char whole[5] = {0};
	size_t n;

	if ((unsigned char)*s < 0x80)
		return (unsigned char)*s >= 0x20 && *s != 0x7f;
	memcpy(whole, s, len < 4 ? len : 4);
	n = wh_escape_utf8_length(whole);
	/* C1 control characters and the line separators look like nothing, or break the line. */
	if ((n == 2 && (unsigned char)s[0] == 0xc2 && (unsigned char)s[1] < 0xa0) ||
	    (n == 3 && memcmp(s, "\xe2\x80", 2) == 0))
		return 0;
	return n;
}

void wh_aare_escape(struct wh_buf *b, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = plain_length(bytes + i, len - i);

		if (n == 0) {
			wh_buf_addf(b, "\\%03o", (unsigned char)bytes[i]);
			i++;
		} else if (bytes[i] == '\\') {
			/* Not as two: the parser's lexer takes one before a closing quote to escape it. */
			wh_buf_adds(b, "[\\\\]");
			i++;
		} else if (n == 1 && strchr("?*[]{}^\"", bytes[i])) {
			wh_buf_addc(b, '\\');
			wh_buf_addc(b, bytes[i++]);
		} else if (bytes[i] == '@' && i + 1 < len && bytes[i + 1] == '{') {
			wh_buf_adds(b, "[@]");
			i++;
		} else {
			wh_buf_add(b, bytes + i, n);
			i += n;
		}
	}
}

void wh_aare_quote(struct wh_buf *b, const char *pattern)
{
	static const char bare[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				   "/._-+@{}[]*?,:%~";
	/* In what is not quoted, a comma may be taken for the end of the rule. */
	size_t len = strlen(pattern);
	bool quote = len == 0 || strspn(pattern, bare) != len || pattern[len - 1] == ',';

	if (quote)
		wh_buf_addc(b, '"');
	wh_buf_adds(b, pattern);
	if (quote)
		wh_buf_addc(b, '"');
}
