// SPDX-License-Identifier: Apache-2.0
#include <sys/ioctl.h>

#include "cli/cli.h"
#include "whittle/buf.h"

bool wh_cli_colour(FILE *f)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fileno(f)) && !(no && *no) && term && *term && strcmp(term, "dumb") != 0;
}

unsigned wh_cli_width(FILE *f)
{
	struct winsize size;
	const char *columns;
	uint64_t n;

	if (!isatty(fileno(f)))
		return 0;
	if (ioctl(fileno(f), TIOCGWINSZ, &size) == 0 && size.ws_col)
		return size.ws_col;
	columns = getenv("COLUMNS");
	if (columns && wh_util_parse_u64(columns, &n) == 0 && n >= 20 && n <= 10000)
		return (unsigned)n;
	return 80;
}

/*
 * One character of well-formed UTF-8 (no overlong form, no surrogate, at most U+10FFFF).
 * Return: its bytes, or 0.
 */
static size_t decode(const unsigned char *s, uint32_t *ret)
{
	static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = s[0] < 0x80		   ? 1
		   : (s[0] & 0xe0) == 0xc0 ? 2
		   : (s[0] & 0xf0) == 0xe0 ? 3
		   : (s[0] & 0xf8) == 0xf0 ? 4
					   : 0;
	uint32_t c;

	if (!n)
		return 0;
	c = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < lowest[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*ret = c;
	return n;
}

/* Characters that act on the terminal or make a line read otherwise than it is. */
static bool is_harmful(uint32_t c)
{
	static const struct {
		uint32_t from, to;
	} ranges[] = {
		{0x00, 0x1f},	  {0x7f, 0x9f},	    {0x61c, 0x61c},
		{0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
		{0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(ranges); i++) {
		if (c >= ranges[i].from && c <= ranges[i].to)
			return true;
	}
	return false;
}

char *wh_cli_safe(const char *s)
{
	wh_auto(buf) b = {0};

	while (*s) {
		uint32_t c = 0;
		size_t n = decode((const unsigned char *)s, &c);

		if (!n) {
			wh_buf_addf(&b, "\\x%02x", (unsigned char)*s);
			n = 1;
		} else if (!is_harmful(c)) {
			wh_buf_add(&b, s, n);
		} else {
			wh_buf_addf(&b,
				    c < 0x80	  ? "\\x%02x"
				    : c < 0x10000 ? "\\u%04x"
						  : "\\U%06x",
				    c);
		}
		s += n;
	}
	return wh_buf_take(&b);
}
