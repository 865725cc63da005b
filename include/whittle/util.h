/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHITTLE_UTIL_H
#define WHITTLE_UTIL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define wh_printf(fmt, first) __attribute__((format(printf, fmt, first)))

#define WH_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/**
 * wh_auto() - release a variable when it goes out of scope.
 *
 * `wh_auto(str) s = NULL;` frees s; `wh_auto(fd) fd = -1;` closes it. WH_DEFINE_AUTO() teaches
 * it a further type: the clean-up function gets the variable's value and must accept NULL.
 */
#define wh_auto(name) __attribute__((cleanup(wh_auto_##name))) wh_auto_type_##name
#define WH_DEFINE_AUTO(name, type, fn)                                                             \
	typedef type wh_auto_type_##name;                                                          \
	static inline void wh_auto_##name(type *p)                                                 \
	{                                                                                          \
		fn(*p);                                                                            \
	}

static inline void wh_util_close(int fd)
{
	if (fd >= 0) {
		/* An error of close() is of no use here, and must not hide an earlier errno. */
		int saved = errno;
		close(fd);
		errno = saved;
	}
}

static inline void wh_util_fclose(FILE *f)
{
	if (f)
		fclose(f);
}

WH_DEFINE_AUTO(str, char *, free)
WH_DEFINE_AUTO(fd, int, wh_util_close)
WH_DEFINE_AUTO(file, FILE *, wh_util_fclose)

/** wh_take() - hand a pointer on to a new owner: its value, with the variable set to NULL. */
#define wh_take(p)                                                                                 \
	__extension__({                                                                            \
		__typeof__(p) wh_take_ = (p);                                                      \
		(p) = NULL;                                                                        \
		wh_take_;                                                                          \
	})

/** wh_take_fd() - the same for a file descriptor, with -1. */
static inline int wh_take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/**
 * wh_assert() - an invariant of our own code; unlike assert() it stays on in release builds.
 * Never for anything that comes from outside.
 */
#define wh_assert(expr)                                                                            \
	do {                                                                                       \
		if (__builtin_expect(!(expr), 0))                                                  \
			wh_util_assert_failed(#expr, __FILE__, __LINE__);                          \
	} while (0)

_Noreturn void wh_util_assert_failed(const char *expr, const char *file, int line);

static inline bool wh_util_streq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static inline bool wh_util_has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/**
 * wh_util_parse_u64() - read a whole string as a decimal number (no sign, no space, no overflow).
 * Return: 0, or -EINVAL / -ERANGE with *ret_value untouched.
 */
int wh_util_parse_u64(const char *s, uint64_t *ret_value);

/**
 * wh_util_errno_name() - "ENOENT" for 2 or -2; "EUNKNOWN" for numbers that neither the C library
 * nor the kernel has a name for (its restart codes have theirs). The text is static.
 */
const char *wh_util_errno_name(int err);

#endif
