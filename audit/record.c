// SPDX-License-Identifier: Apache-2.0
/*
 * Lines of dmesg, of the journal and of auditd's file:
 *   [    3.8] audit: type=1400 audit(1795828794.036:24): apparmor="DENIED" operation="open" …
 *   type=AVC msg=audit(1795828794.036:24): apparmor="DENIED" operation="open" …
 *   Nov 28 01:19:53 host audit[115]: AVC apparmor="DENIED" operation="open" …
 * A field of a program's own choice is in quotes, or in hex if it has a quote, a space or a control character: so what looks
 * like a record is one only where a record may begin.
 */
#include "audit/record.h"

#include <ctype.h>

static bool parse_stamp(const char *s, struct wh_audit_record *ret, const char **ret_end)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return false;
	errno = 0;
	ret->epoch = strtoll(s, &end, 10);
	if (*end != '.' || !isdigit((unsigned char)end[1]))
		return false;
	ret->milli = (unsigned)strtoul(end + 1, &end, 10);
	if (*end != ':' || !isdigit((unsigned char)end[1]))
		return false;
	ret->serial = strtoull(end + 1, &end, 10);
	if (errno || ret->milli > 999 || ret->epoch < 1 || ret->epoch > UINT32_MAX * 64ll ||
	    !wh_util_has_prefix(end, "):"))
		return false;
	for (end += 2; *end == ' '; end++)
		;
	*ret_end = end;
	return true;
}

/* Some places say that there was more than can be read there. */
static bool is_loss(const char *line)
{
	static const char *const words[] = {"audit: rate limit exceeded",
					    "audit: backlog limit exceeded",
					    "audit_lost=", "kauditd_printk_skb: "};

	for (size_t i = 0; i < WH_ARRAY_SIZE(words); i++) {
		const char *at = strstr(line, words[i]);

		/* Behind the time, and what syslog and dmesg put there. */
		if (at && !memchr(line, '"', (size_t)(at - line)))
			return true;
	}
	return false;
}

/* The first field of the record, with its time if there is one; NULL: none. */
static const char *find_start(const char *line, struct wh_audit_record *ret)
{
	static const char *const transport[] = {"AVC apparmor=", "SECCOMP auid="};
	const char *at = strstr(line, "audit("), *start;

	if (at && (at == line || at[-1] == ' ' || at[-1] == '=') &&
	    !memchr(line, '"', (size_t)(at - line)) &&
	    parse_stamp(at + strlen("audit("), ret, &start)) {
		bool seccomp =
			strstr(line, "type=1326 audit(") || strstr(line, "type=SECCOMP msg=audit(");

		ret->type = seccomp ? WH_AUDIT_SECCOMP : WH_AUDIT_APPARMOR;
		return seccomp || wh_util_has_prefix(start, "apparmor=") ? start : NULL;
	}
	ret->epoch = 0;
	for (size_t i = 0; i < WH_ARRAY_SIZE(transport); i++) {
		at = strstr(line, transport[i]);
		if (!at || (at != line && (at - line < 3 || memcmp(at - 3, "]: ", 3) != 0)) ||
		    memchr(line, '"', (size_t)(at - line)))
			continue;
		ret->type = i ? WH_AUDIT_SECCOMP : WH_AUDIT_APPARMOR;
		return strchr(at, ' ') + 1;
	}
	return NULL;
}

int wh_audit_record_find(const char *line, struct wh_audit_record *ret)
{
	const char *start;

	*ret = (struct wh_audit_record){0};
	start = find_start(line, ret);
	if (!start && is_loss(line)) {
		*ret = (struct wh_audit_record){.type = WH_AUDIT_LOST};
		start = line;
	}
	if (!start)
		return 0;
	/* auditd writes what it made of the numbers behind a group separator. */
	ret->text = strndup(start, strcspn(start, "\x1d\r"));
	return ret->text ? 1 : -ENOMEM;
}

/* One field from *p on, which is moved behind it. Return: what is wrong with it, or NULL. */
static const char *split_one(char **p, struct wh_audit_field *ret)
{
	size_t len = strspn(*p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
	char *value = *p + len, *end;

	if (!len || *value != '=')
		return "what is no NAME=VALUE";
	ret->name = *p;
	*value++ = '\0';
	ret->quoted = *value == '"';
	value += ret->quoted;
	end = value + strcspn(value, ret->quoted ? "\"" : " ");
	if (ret->quoted && (*end != '"' || (end[1] && end[1] != ' ')))
		return "a value whose quotes do not end";
	/* "(null)" and the like have no space; but a label has, unquoted: "subj=web (enforce)". */
	if (!ret->quoted && *end && end[1] == '(' && strchr(end, ')'))
		end = strchr(end, ')') + 1;
	*p = end + (*end != '\0');
	*end = '\0';
	ret->value = value;
	return NULL;
}

int wh_audit_record_split(const struct wh_audit_record *r, struct wh_audit_fields *ret,
			  const char **ret_why)
{
	char *p = strdup(r->text);

	*ret = (struct wh_audit_fields){.copy = p};
	*ret_why = r->cut;
	if (!p)
		return -ENOMEM;
	for (p += strspn(p, " "); *p; p += strspn(p, " ")) {
		const char *why = ret->n == WH_AUDIT_FIELDS ? "more fields than a record has"
							    : split_one(&p, &ret->v[ret->n]);

		if (why) {
			*ret_why = *ret_why ? *ret_why : why;
			break;
		}
		ret->n++;
	}
	return *ret_why ? -EBADMSG : 0;
}

const struct wh_audit_field *wh_audit_record_field(const struct wh_audit_fields *f,
						   const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i].name, name) == 0)
			return &f->v[i];
	return NULL;
}

const char *wh_audit_record_value(const struct wh_audit_fields *f, const char *name)
{
	const struct wh_audit_field *field = wh_audit_record_field(f, name);

	return field ? field->value : NULL;
}

static int hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : toupper((unsigned char)c) - 'A' + 10;
}

bool wh_audit_record_hex(const struct wh_audit_field *f)
{
	size_t len = strlen(f->value);

	if (f->quoted || !len || len % 2 || strspn(f->value, "0123456789abcdefABCDEF") != len)
		return false;
	for (size_t i = 0; i < len; i += 2)
		if (f->value[i] == '0' && f->value[i + 1] == '0')
			return false;
	return true;
}

char *wh_audit_record_text(const struct wh_audit_fields *f, const char *name, int *ret_err)
{
	const struct wh_audit_field *field = wh_audit_record_field(f, name);
	char *text;
	size_t len;

	*ret_err = 0;
	if (!field)
		return NULL;
	text = strdup(field->value);
	if (!text) {
		*ret_err = -ENOMEM;
		return NULL;
	}
	if (field->quoted)
		return text;
	if (!wh_audit_record_hex(field)) {
		free(text);
		*ret_err = -EBADMSG;
		return NULL;
	}
	len = strlen(text) / 2;
	for (size_t i = 0; i < len; i++)
		text[i] = (char)(hex(text[2 * i]) << 4 | hex(text[2 * i + 1]));
	text[len] = '\0';
	return text;
}
