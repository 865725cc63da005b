/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the live tests: a program does one thing and says, as JSON lines on standard output, which
 * facts a recording of it must hold. tests/live/README.md describes the lines.
 */
#ifndef LIVE_EXPECT_H
#define LIVE_EXPECT_H

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPECT_UNUSED __attribute__((unused))

/* The test could not do what it is about: exit status 99, which the harness reports as such. */
#define expect_that(condition)                                                                     \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s (errno %d: %s)\n", __FILE__, __LINE__,          \
				#condition, errno, strerror(errno));                               \
			_exit(99);                                                                 \
		}                                                                                  \
	} while (0)

/*
 * One line. In the format, but not in what it prints, ' stands for ", so that JSON can be read:
 *	expect("{'fact':'files','path':'%s/a','access':'read'}", expect_here());
 * It is one write(): lines of several processes do not mix.
 */
__attribute__((format(printf, 1, 2), unused)) static void expect(const char *fmt, ...)
{
	char format[4096], line[16384];
	va_list ap;
	size_t i;
	int n;

	for (i = 0; fmt[i] && i < sizeof(format) - 1; i++)
		format[i] = fmt[i] == '\'' ? '"' : fmt[i];
	format[i] = '\0';
	va_start(ap, fmt);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	n = vsnprintf(line, sizeof(line) - 1, format, ap);
#pragma GCC diagnostic pop
	va_end(ap);
	expect_that(!fmt[i] && n > 0 && (size_t)n < sizeof(line) - 1);
	line[n++] = '\n';
	expect_that(write(STDOUT_FILENO, line, n) == n);
}

/* The folder that the program was started in: fresh, empty and its own. */
EXPECT_UNUSED static const char *expect_here(void)
{
	static char here[PATH_MAX];

	if (!here[0])
		expect_that(getcwd(here, sizeof(here)));
	return here;
}

/*
 * Any bytes as the inside of a JSON string, to be freed by nobody. Bytes that are not UTF-8 stay as they
 * are: the harness knows how a trace writes them.
 */
EXPECT_UNUSED static const char *expect_text(const char *bytes)
{
	char *text = malloc(6 * strlen(bytes) + 1), *out = text;

	expect_that(text);
	for (; *bytes; bytes++) {
		if (*bytes == '"' || *bytes == '\\')
			out += sprintf(out, "\\%c", *bytes);
		else if ((unsigned char)*bytes < 0x20)
			out += sprintf(out, "\\u%04x", *bytes);
		else
			*out++ = *bytes;
	}
	*out = '\0';
	return text;
}

/*
 * Compare the files below the program's folder, all of them, by path, access and outcomes. Programs
 * that care about more write a scope of their own.
 */
EXPECT_UNUSED static void expect_files_scope(void)
{
	expect("{'scope':'files','where':{'path':'^%s(/|$)'},"
	       "'compare':['path','access','outcomes']}",
	       expect_here());
}

/*
 * One expected file below the folder (a directory's name ends in '/'), with one outcome that happened
 * count times.
 */
EXPECT_UNUSED static void expect_file(const char *name, const char *access, const char *outcome,
				      int count)
{
	expect("{'fact':'files','path':'%s/%s','access':'%s','outcomes':{'%s':%d}}", expect_here(),
	       expect_text(name), access, outcome, count);
}

/* A gap that a recording of this program must have. Any other gap fails the test. */
EXPECT_UNUSED static void expect_gap(const char *kind, const char *detail)
{
	expect("{'fact':'gaps','kind':'%s','detail':'%s'}", kind, expect_text(detail));
}

#endif
