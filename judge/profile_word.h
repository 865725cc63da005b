/* SPDX-License-Identifier: Apache-2.0 */
/* Words of an AppArmor profile: between profile.c and profile_word.c only. */
#ifndef WHITTLE_JUDGE_PROFILE_WORD_H
#define WHITTLE_JUDGE_PROFILE_WORD_H

#include "judge/profile.h"

#define WH_PROFILE_WORD_MOST 8192

/* A place in the text. A statement ends at a comma, a brace or, of a variable, the line's end. */
struct wh_profile_reader {
	const char *p, *end;
	unsigned line;
	struct wh_profile *profile;
	struct wh_error *e;
	char word[WH_PROFILE_WORD_MOST];
	bool quoted;
	unsigned included; /* the line of an "#include", which no comment is */
};

/** wh_profile_wrong() - an error with its line. Return: -EINVAL. */
int wh_profile_wrong(struct wh_profile_reader *r, const char *what);
/** wh_profile_skip() - over blanks and comments, and ends of lines where they mean nothing. */
void wh_profile_skip(struct wh_profile_reader *r, bool lines);
bool wh_profile_at(const struct wh_profile_reader *r, char c);
/** wh_profile_word() - one word, into @r->word. */
int wh_profile_word(struct wh_profile_reader *r);
/** wh_profile_copy() - of @r->word; NULL: out of memory, which is said. */
char *wh_profile_copy(struct wh_profile_reader *r);
int wh_profile_add_word(struct wh_profile_reader *r, struct wh_profile_words *words);
/** wh_profile_list() - "(a, b)", or one word. */
int wh_profile_list(struct wh_profile_reader *r, struct wh_profile_words *words);

#endif
