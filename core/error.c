/* SPDX-License-Identifier: Apache-2.0 */
#include "whittle/error.h"

/* Foreign bytes must not drive a person's terminal or break the one line. */
static void make_printable(char *text)
{
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

static void report(struct wh_error *e, int err, const char *fmt, va_list ap) wh_printf(3, 0);

static void report(struct wh_error *e, int err, const char *fmt, va_list ap)
{
	e->err = err;
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	make_printable(e->text);
}

int wh_error_set(struct wh_error *e, int err, const char *fmt, ...)
{
	va_list ap;

	wh_assert(err != 0);
	err = err < 0 ? -err : err;
	if (e && !e->err) {
		va_start(ap, fmt);
		report(e, err, fmt, ap);
		va_end(ap);
	}
	return -err;
}

int wh_error_errno(struct wh_error *e, int err, const char *fmt, ...)
{
	size_t len;
	va_list ap;

	wh_assert(err != 0);
	err = err < 0 ? -err : err;
	if (e && !e->err) {
		va_start(ap, fmt);
		report(e, err, fmt, ap);
		va_end(ap);
		len = strlen(e->text);
		snprintf(e->text + len, sizeof(e->text) - len, ": %s", strerror(err));
	}
	return -err;
}

int wh_error_oom(struct wh_error *e)
{
	return wh_error_set(e, ENOMEM, "out of memory");
}

void wh_error_prefix(struct wh_error *e, const char *fmt, ...)
{
	char context[sizeof(e->text)];
	size_t len, room;
	va_list ap;

	if (!e || !e->err)
		return;
	va_start(ap, fmt);
	vsnprintf(context, sizeof(context) - 2, fmt, ap);
	va_end(ap);
	make_printable(context);
	strcat(context, ": ");
	len = strlen(context);
	room = sizeof(e->text) - len;
	/* What does not fit is cut at the end. */
	memmove(e->text + len, e->text, room);
	memcpy(e->text, context, len);
	e->text[sizeof(e->text) - 1] = '\0';
}

void wh_error_clear(struct wh_error *e)
{
	if (e)
		*e = (struct wh_error){};
}
