/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of AppArmor profiles and its patterns. What it refuses it refuses in one line; of what it accepts each pattern
 * matches the sample that is made of it, and what a file rule allows is allowed.
 */
#include "tests/fuzz/fuzz.h"

#include "judge/cover.h"

static void check_rule(const struct wh_profile *p, const struct wh_profile_rule *rule)
{
	wh_auto(buf) path = {};
	char lacking[16];
	bool denied = false;

	if (rule->glob && wh_glob_sample(rule->glob, &path)) {
		const char *text = path.data ? path.data : "";

		wh_assert(wh_glob_match(rule->glob, text));
		for (size_t i = 0; i < p->n_rules; i++)
			denied |= p->rules[i]->deny;
		if (strcmp(rule->class, "file") == 0 && !denied)
			wh_assert(wh_cover_file(p, text, rule->letters, true, lacking) ==
				  WH_COVER_ALLOWED);
		wh_cover_link(p, text, text, false);
	}
	if (strcmp(rule->class, "file") != 0 && strcmp(rule->class, "link") != 0)
		wh_cover_rule(p, rule);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	wh_auto(profile) p = NULL;
	struct wh_error e = {};
	int r = wh_profile_parse((const char *)data, size, &p, &e);

	wh_assert((r == 0) == (p != NULL));
	wh_assert(r == 0 || (e.text[0] && !strchr(e.text, '\n')));
	for (size_t i = 0; p && i < p->n_rules && i < 64; i++)
		check_rule(p, p->rules[i]);
	return 0;
}
