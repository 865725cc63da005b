// SPDX-License-Identifier: Apache-2.0
#include "gen/fixed.h"

#include <jansson.h>
#include <signal.h>
#include <strings.h>

#include "gen/template.h"
#include "gen/text.h"

/* ---- denied ---------------------------------------------------------------------------------- */

static bool was_seen(const struct wh_policy *p, const char *prefix, const char *letters)
{
	static const char order[] = "rwalkmx";
	unsigned mask = 0;

	for (; *letters; letters++) {
		const char *at = strchr(order, *letters);

		if (at)
			mask |= 1u << (at - order);
	}
	for (size_t i = 0; i < p->n_files; i++) {
		if (wh_util_has_prefix(p->files[i].path, prefix) && p->files[i].letters & mask)
			return true;
	}
	return false;
}

static int each_entry(const struct wh_policy *p, json_t *json, wh_fixed_deny_fn *fn, void *data,
		      struct wh_error *e)
{
	json_t *entries, *entry;
	json_error_t error;
	size_t i;
	int r;

	r = wh_template_entries(json, &entries, e);
	if (r < 0)
		return r;
	json_array_foreach (entries, i, entry) {
		struct wh_fixed_deny deny;

		if (json_unpack_ex(entry, &error, 0, "{s:s, s:s, s:s, s:s}", "prefix", &deny.prefix,
				   "pattern", &deny.pattern, "letters", &deny.letters, "reason",
				   &deny.reason) < 0)
			return wh_error_set(e, EINVAL, "entry %zu: %s", i + 1, error.text);
		deny.seen = was_seen(p, deny.prefix, deny.letters);
		fn(data, &deny);
	}
	return 0;
}

int wh_fixed_denies(const struct wh_policy *p, wh_fixed_deny_fn *fn, void *data, struct wh_error *e)
{
	json_t *json;
	int r = wh_template_json("apparmor-denies.json", &json, e);

	if (r < 0)
		return r;
	r = each_entry(p, json, fn, data, e);
	json_decref(json);
	if (r < 0)
		wh_error_prefix(e, "template apparmor-denies.json");
	return r;
}

/* ---- what an item is ------------------------------------------------------------------------- */

/* Of variables only the one that the template's own rules use. */
static bool is_path_of(const char *pattern, const char *path)
{
	static const char number[] = "@{int}";

	while (*pattern) {
		if (wh_util_has_prefix(pattern, number) && !wh_util_has_prefix(path, number)) {
			size_t n = strspn(path, "0123456789");

			if (!n)
				return false;
			pattern += strlen(number);
			path += n;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return !*path;
}

static bool is_signal(const char *item)
{
	if (strncasecmp(item, "SIG", 3) == 0)
		item += 3;
	for (int number = 1; number < 32; number++) {
		const char *name = sigabbrev_np(number);

		if (name && strcasecmp(name, item) == 0)
			return true;
	}
	return false;
}

/* @rule: a line of the template without its comma, such as "/dev/null rw" */
static bool rule_is_for(const char *rule, const char *item)
{
	char word[256];

	if (strcmp(rule, item) == 0)
		return true;
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(rule, " "), rule);
	if (word[0] == '/')
		return is_path_of(word, item);
	/* The rule names no signal, so it is for each of them. */
	return strcmp(word, "signal") == 0 &&
	       (strcmp(item, word) == 0 || (!strstr(rule, "set=") && is_signal(item)));
}

static bool deny_is_for(const struct wh_fixed_deny *deny, const char *item)
{
	char rule[512];

	snprintf(rule, sizeof(rule), "deny %s %s", deny->pattern, deny->letters);
	if (strcmp(rule, item) == 0 || strcmp(deny->pattern, item) == 0)
		return true;
	return wh_util_has_prefix(deny->pattern, deny->prefix) &&
			       deny->pattern[strlen(deny->prefix)]
		       ? wh_util_has_prefix(item, deny->prefix)
		       : strcmp(item, deny->prefix) == 0;
}

/* ---- telling --------------------------------------------------------------------------------- */

struct telling {
	const char *item;
	struct wh_buf *b;
	unsigned told;
};

static void tell_deny(void *data, const struct wh_fixed_deny *deny)
{
	struct telling *t = data;

	if (!deny_is_for(deny, t->item))
		return;
	if (deny->seen)
		wh_buf_addf(t->b, "AppArmor rule deny %s %s: left out, as it was seen to be used\n",
			    deny->pattern, deny->letters);
	else
		wh_buf_addf(t->b, "AppArmor rule deny %s %s: denied, whatever else is allowed\n",
			    deny->pattern, deny->letters);
	wh_buf_addf(t->b, "  because %s\n", deny->reason);
	t->told++;
}

static void tell_reason(struct wh_buf *b, const struct wh_buf *reason)
{
	wh_buf_addf(b, "  because\n    %s\n", reason->len ? reason->data : "the template has it");
}

/*
 * The rules of the template's profile each have the comment above them, of one or more lines, as their
 * reason; rules that follow each other share it.
 */
static int tell_rules(char *text, struct telling *t)
{
	wh_auto(buf) reason = {0};
	bool inside = false, in_comment = false, owing = false;
	int told = 0;

	for (char *line = text, *next; line; line = next) {
		size_t len;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		inside |= wh_util_has_prefix(line, "profile ");
		line += strspn(line, " \t");
		len = strlen(line);
		if (!inside || !len)
			continue;
		if (line[0] == '#') {
			if (owing)
				tell_reason(t->b, &reason);
			owing = false;
			if (!in_comment)
				reason.len = 0;
			wh_buf_addf(&reason, "%s%s", reason.len ? "\n    " : "",
				    line + 1 + strspn(line + 1, " "));
			in_comment = true;
			continue;
		}
		in_comment = false;
		if (line[len - 1] != ',')
			continue;
		line[len - 1] = '\0';
		if (!rule_is_for(line, t->item))
			continue;
		wh_buf_addf(t->b, "AppArmor rule %s: in each profile\n", line);
		owing = true;
		told++;
	}
	if (owing)
		tell_reason(t->b, &reason);
	t->told += (unsigned)told;
	return reason.failed ? -ENOMEM : told;
}

int wh_fixed_explain(const struct wh_policy *p, const char *item, struct wh_buf *b,
		     unsigned *ret_told, struct wh_error *e)
{
	struct telling t = {.item = item, .b = b};
	wh_auto(str) text = NULL;
	int r = wh_template_text("apparmor-body.profile", &text, e), allowed;

	if (r < 0)
		return r;
	allowed = tell_rules(text, &t);
	if (allowed < 0)
		return wh_error_oom(e);
	r = wh_fixed_denies(p, tell_deny, &t, e);
	if (r < 0)
		return r;
	*ret_told = t.told;
	return allowed;
}
