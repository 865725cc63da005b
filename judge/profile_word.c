// SPDX-License-Identifier: Apache-2.0
#include "judge/profile_word.h"

int wh_profile_wrong(struct wh_profile_reader *r, const char *what)
{
	return wh_error_set(r->e, EINVAL, "line %u: %s", r->line, what);
}

void wh_profile_skip(struct wh_profile_reader *r, bool lines)
{
	for (; r->p < r->end; r->p++) {
		if (*r->p == '#') {
			if (!r->included && r->end - r->p > 8 && memcmp(r->p, "#include", 8) == 0)
				r->included = r->line;
			while (r->p + 1 < r->end && r->p[1] != '\n')
				r->p++;
		} else if (*r->p == '\n') {
			if (!lines)
				return;
			r->line++;
		} else if (*r->p != ' ' && *r->p != '\t' && *r->p != '\r') {
			return;
		}
	}
}

bool wh_profile_at(const struct wh_profile_reader *r, char c)
{
	return r->p < r->end && *r->p == c;
}

/* The character that would end a word that is not quoted: brackets of a pattern belong to it. */
static bool ends_word(const struct wh_profile_reader *r, int braces, int brackets)
{
	char c = *r->p;

	if (strchr(" \t\r\n", c))
		return true;
	if (braces || brackets)
		return false;
	if (c == ',')
		return r->p + 1 == r->end || strchr(" \t\r\n#)", r->p[1]);
	return c == '=' || c == '(' || c == ')' ||
	       (c == '+' && r->p + 1 < r->end && r->p[1] == '=');
}

static int take_quoted(struct wh_profile_reader *r, size_t *len)
{
	for (r->p++; !wh_profile_at(r, '"'); r->p++) {
		if (r->p + 1 >= r->end || *r->p == '\n' || !*r->p || *len + 2 >= sizeof(r->word))
			return wh_profile_wrong(r, "a quote without its end");
		if (*r->p == '\\')
			r->word[(*len)++] = *r->p++;
		if (r->p >= r->end)
			return wh_profile_wrong(r, "a quote without its end");
		r->word[(*len)++] = *r->p;
	}
	r->p++;
	return 0;
}

/* One word into r->word. */
int wh_profile_word(struct wh_profile_reader *r)
{
	int braces = 0, brackets = 0;
	size_t len = 0;

	r->quoted = wh_profile_at(r, '"');
	if (r->quoted) {
		int err = take_quoted(r, &len);

		if (err < 0)
			return err;
	}
	while (!r->quoted && r->p < r->end && !ends_word(r, braces, brackets)) {
		char c = *r->p;

		if (!c || len + 2 >= sizeof(r->word))
			return wh_profile_wrong(r, c ? "a word is too long" : "a NUL character");
		/* A profile's own brace stands alone. */
		if ((c == '{' || c == '}') && len == 0)
			break;
		if (c == '\\' && r->p + 1 < r->end) {
			r->word[len++] = *r->p++;
			if (!*r->p || *r->p == '\n')
				return wh_profile_wrong(r, "a backslash with nothing behind it");
		} else if (!brackets) {
			braces += (c == '{') - (c == '}');
			brackets += c == '[';
		} else {
			brackets -= c == ']';
		}
		if (braces < 0)
			break;
		r->word[len++] = *r->p++;
	}
	r->word[len] = '\0';
	if (!len && !r->quoted)
		return wh_profile_wrong(r, r->p < r->end ? "a word is missing"
							 : "it ends in the middle");
	return 0;
}

char *wh_profile_copy(struct wh_profile_reader *r)
{
	char *s = strdup(r->word);

	if (!s)
		wh_error_oom(r->e);
	return s;
}

int wh_profile_add_word(struct wh_profile_reader *r, struct wh_profile_words *words)
{
	if (words->n == WH_PROFILE_WORDS_MAX)
		return wh_profile_wrong(r, "more words than any rule has");
	words->v[words->n] = wh_profile_copy(r);
	return words->v[words->n++] ? 0 : -ENOMEM;
}

/* "(a, b)", or one word. */
int wh_profile_list(struct wh_profile_reader *r, struct wh_profile_words *words)
{
	int err;

	wh_profile_skip(r, true);
	if (!wh_profile_at(r, '(')) {
		err = wh_profile_word(r);
		return err < 0 ? err : wh_profile_add_word(r, words);
	}
	for (r->p++;;) {
		wh_profile_skip(r, true);
		if (wh_profile_at(r, ')'))
			break;
		if (wh_profile_at(r, ',')) {
			r->p++;
			continue;
		}
		err = wh_profile_word(r);
		if (err == 0 && wh_profile_at(r, '='))
			err = wh_profile_wrong(r, "conditions in parentheses are not judged here");
		if (err == 0 && (size_t)strcspn(r->word, ",") != strlen(r->word) && !r->quoted) {
			/* "a,b" without a blank */
			char *rest = r->word, *one;

			while (err == 0 && (one = strsep(&rest, ","))) {
				char *s = *one ? strdup(one) : NULL;

				if (*one && (!s || words->n == WH_PROFILE_WORDS_MAX)) {
					free(s);
					err = wh_profile_wrong(r, "more words than any rule has");
				} else if (s) {
					words->v[words->n++] = s;
				}
			}
		} else if (err == 0) {
			err = wh_profile_add_word(r, words);
		}
		if (err < 0)
			return err;
	}
	r->p++;
	return 0;
}
