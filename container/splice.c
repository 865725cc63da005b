// SPDX-License-Identifier: Apache-2.0
#include "container/splice.h"

#include <jansson.h>

#include "whittle/buf.h"

static const char *skip_space(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

static const char *skip_string(const char *p)
{
	for (p++; *p && *p != '"'; p++)
		p += *p == '\\' && p[1];
	return p + (*p == '"');
}

/* To the end of the value that begins at @p. */
static const char *skip_value(const char *p)
{
	unsigned depth = 0;

	do {
		if (*p == '"') {
			p = skip_string(p);
			continue;
		}
		if (*p == '{' || *p == '[') {
			depth++;
		} else if (*p == '}' || *p == ']') {
			depth--;
		} else if (!depth) {
			return p + strcspn(p, ",]} \t\r\n");
		}
		p++;
	} while (*p && depth);
	return p;
}

/* A member of an object, or the place for one more: all but @comma and @after are NULL then. */
struct member {
	const char *comma; /* the one before it, or NULL */
	const char *key, *value, *end;
	const char *first; /* key of the object's first member, or NULL */
	const char *after; /* end of the object's last member, or behind its brace */
};

static bool is_key(const char *p, const char *end, const char *name)
{
	json_t *key = json_loadb(p, (size_t)(end - p), JSON_DECODE_ANY, NULL);
	bool is = key && json_is_string(key) && strcmp(json_string_value(key), name) == 0;

	json_decref(key);
	return is;
}

/* @object is at its brace. */
static bool find_member(const char *object, const char *name, struct member *ret)
{
	const char *p = skip_space(object + 1), *comma = NULL;

	*ret = (struct member){.after = object + 1};
	while (*p == '"') {
		const char *key = p, *key_end = skip_string(p);
		const char *value = skip_space(skip_space(key_end) + 1); /* over the colon */
		const char *end = skip_value(value);

		if (!ret->first)
			ret->first = key;
		ret->after = end;
		if (is_key(key, key_end, name)) {
			ret->comma = comma;
			ret->key = key;
			ret->value = value;
			ret->end = end;
			return true;
		}
		p = skip_space(end);
		if (*p == ',') {
			comma = p;
			p = skip_space(p + 1);
		}
	}
	return false;
}

/*
 * Walks down the path. Return: how many of its names were found; *ret_at is the value that was reached, *ret_member the last
 * member that was looked for.
 */
static size_t walk(const char *text, const char *const *path, const char **ret_at,
		   struct member *ret_member)
{
	size_t found = 0;

	*ret_at = skip_space(text);
	*ret_member = (struct member){0};
	for (; path[found]; found++) {
		if (**ret_at != '{' || !find_member(*ret_at, path[found], ret_member))
			break;
		*ret_at = ret_member->value;
	}
	return found;
}

static int finish(struct wh_buf *b, char **ret)
{
	*ret = wh_buf_take(b);
	return *ret ? 0 : -ENOMEM;
}

int wh_splice_get(const char *text, const char *const *path, char **ret_value)
{
	struct member m;
	const char *at;

	if (path[walk(text, path, &at, &m)])
		return -ENOENT;
	*ret_value = strndup(at, (size_t)(skip_value(at) - at));
	return *ret_value ? 0 : -ENOMEM;
}

static void add_key(struct wh_buf *b, const char *name)
{
	json_t *key = json_string(name);
	char *text = key ? json_dumps(key, JSON_ENCODE_ANY) : NULL;

	json_decref(key);
	if (text)
		wh_buf_addf(b, "%s: ", text);
	else
		b->failed = true;
	free(text);
}

/* The members that lack, one in the other. */
static void add_members(struct wh_buf *b, const char *const *path, const char *value)
{
	size_t depth = 0;

	for (; path[depth]; depth++) {
		if (depth)
			wh_buf_addc(b, '{');
		add_key(b, path[depth]);
	}
	wh_buf_adds(b, value);
	while (depth-- > 1)
		wh_buf_addc(b, '}');
}

int wh_splice_put(const char *text, const char *const *path, const char *value, char **ret_text)
{
	struct member m;
	const char *at, *end;
	size_t found = walk(text, path, &at, &m);
	struct wh_buf b = {0};
	bool outermost = found == 0;

	if (!path[found]) {
		wh_buf_add(&b, text, (size_t)(at - text));
		wh_buf_adds(&b, value);
		wh_buf_adds(&b, skip_value(at));
		return finish(&b, ret_text);
	}
	if (*at != '{')
		return -ENOTDIR;
	wh_buf_add(&b, text, (size_t)(m.after - text));
	end = m.after;
	if (m.first) {
		wh_buf_addc(&b, ',');
		/* The space before the first member: its line and indentation. */
		wh_buf_add(&b, at + 1, (size_t)(m.first - at - 1));
	} else {
		end = skip_space(m.after);
		wh_buf_adds(&b, outermost ? "\n\t" : "");
	}
	add_members(&b, path + found, value);
	if (!m.first && outermost)
		wh_buf_addc(&b, '\n');
	wh_buf_adds(&b, end);
	return finish(&b, ret_text);
}

int wh_splice_remove(const char *text, const char *const *path, char **ret_text)
{
	struct member m;
	const char *at, *start, *end;
	struct wh_buf b = {0};

	if (path[walk(text, path, &at, &m)])
		return -ENOENT;
	start = m.comma;
	end = m.end;
	if (!m.comma) {
		/* The first one: with the comma behind it, or, alone, with all the space in the braces. */
		const char *next = skip_space(m.end);

		start = m.key;
		if (*next == ',') {
			end = skip_space(next + 1);
		} else {
			while (strchr(" \t\r\n", start[-1]))
				start--;
			end = next;
		}
	}
	wh_buf_add(&b, text, (size_t)(start - text));
	wh_buf_adds(&b, end);
	return finish(&b, ret_text);
}
