/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of files that are hard to write down: they are bytes, not text.
 *
 * LIVE: m32
 */
#include <fcntl.h>

#include "expect.h"

int main(void)
{
	static char longest[256];
	static const char *const names[] = {
		"plain",
		" space at both ends ",
		"new\nline",
		"tab\tand\rreturn",
		"\x01\x1b[31mcontrol\x7f",
		"percent%41%",
		"quote\"backslash\\apostrophe'",
		"star*?[a-z]{x,y}@{pid}^#",
		"gr\xc3\xbc\xc3\x9f",	   /* UTF-8 */
		"\xf0\x9f\xaa\x93",	   /* outside the first plane */
		"latin1-\xe9",		   /* no UTF-8 */
		"\xff\xfe",		   /* never UTF-8 */
		"overlong-\xc0\xaf",	   /* a '/' that is none */
		"surrogate-\xed\xa0\x80-", /* CESU */
		"cut-\xe2\x82",		   /* ends in mid-character */
		"-o",			   /* looks like an option */
		"...",			   /* not the parent */
		longest,		   /* NAME_MAX bytes */
	};
	int fd;

	memset(longest, 'x', 255);
	expect_files_scope();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		fd = open(names[i], O_WRONLY | O_CREAT | O_EXCL, 0600);
		expect_that(fd >= 0);
		close(fd);
		expect_file(names[i], "create", "ok", 1);
		expect_file(names[i], "write", "ok", 1);
		expect_that(unlink(names[i]) == 0);
		expect_file(names[i], "unlink", "ok", 1);
	}
	return 0;
}
