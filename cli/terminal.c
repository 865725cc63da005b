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

struct range {
	uint32_t from, to;
};

/* Characters that act on the terminal or make a line read otherwise than it is. */
static const struct range harmful[] = {
	{0x00, 0x1f},	  {0x7f, 0x9f},	    {0x61c, 0x61c},   {0x200b, 0x200f},	  {0x2028, 0x202e},
	{0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
};

/* Combining characters, which take no column of their own; and those that take two. */
static const struct range narrow[] = {
	{0x300, 0x36f},	  {0x483, 0x489},   {0x591, 0x5bd},   {0x1ab0, 0x1aff},
	{0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};
static const struct range wide[] = {
	{0x1100, 0x115f},   {0x2e80, 0xa4cf},	{0xac00, 0xd7a3}, {0xf900, 0xfaff},
	{0xfe30, 0xfe6f},   {0xff00, 0xff60},	{0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
	{0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

static bool within(uint32_t c, const struct range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (c >= ranges[i].from && c <= ranges[i].to)
			return true;
	}
	return false;
}

unsigned wh_cli_character(const char *s, size_t *ret_len)
{
	uint32_t c = 0;
	size_t n = decode((const unsigned char *)s, &c);

	*ret_len = n ? n : 1;
	return within(c, narrow, WH_ARRAY_SIZE(narrow)) ? 0
	       : within(c, wide, WH_ARRAY_SIZE(wide))	? 2
							: 1;
}

unsigned wh_cli_columns(const char *s)
{
	unsigned width = 0;

	while (*s) {
		size_t n;

		width += wh_cli_character(s, &n);
		s += n;
	}
	return width;
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
		} else if (!within(c, harmful, WH_ARRAY_SIZE(harmful))) {
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
