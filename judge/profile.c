// SPDX-License-Identifier: Apache-2.0
#include "judge/profile_word.h"

#include "whittle/output.h"

#define SIZE_MOST  (4u << 20)
#define RULES_MOST 65536

static const char no_include[] = "an include, which is another file, is not judged here";

static int add_condition(struct wh_profile_reader *r, struct wh_profile_rule *rule, bool in)
{
	struct wh_profile_condition *p =
		reallocarray(rule->conditions, rule->n_conditions + 1, sizeof(*p));

	if (!p)
		return wh_error_oom(r->e);
	rule->conditions = p;
	p += rule->n_conditions;
	*p = (struct wh_profile_condition){.name = wh_profile_copy(r), .in = in};
	if (!p->name)
		return -ENOMEM;
	rule->n_conditions++;
	return wh_profile_list(r, &p->values);
}

static bool one_of(const char *s, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(s, words[i]) == 0)
			return true;
	}
	return false;
}

/* "rwk", "Pix": what is before an x says how, and whether this profile stays. */
static int take_letters(struct wh_profile_reader *r, struct wh_profile_rule *rule, const char *s)
{
	size_t n = 0;

	rule->leaves = strchr(s, 'x') && !strstr(s, "ix");
	for (; *s; s++) {
		if (strchr("pPcCuUi", *s))
			continue;
		if (!strchr("rwalkmx", *s))
			return wh_profile_wrong(r, "letters that no file rule has");
		if (!memchr(rule->letters, *s, n))
			rule->letters[n++] = *s;
	}
	return n ? 0 : wh_profile_wrong(r, "a file rule without letters");
}

static int compile(struct wh_profile_reader *r, const char *pattern, struct wh_glob **ret)
{
	int err =
		wh_glob_compile(pattern, r->profile->variables, r->profile->n_variables, ret, r->e);

	if (err < 0)
		wh_error_prefix(r->e, "line %u", r->line);
	return err;
}

static bool is_path(const char *s)
{
	return *s == '/' || wh_util_has_prefix(s, "@{") || *s == '{';
}

/* What stands behind the class. */
static int take_rest(struct wh_profile_reader *r, struct wh_profile_rule *rule)
{
	bool capability = strcmp(rule->class, "capability") == 0;
	int err = 0;

	while (err == 0) {
		wh_profile_skip(r, true);
		if (r->p >= r->end)
			return wh_profile_wrong(r, "a rule without the comma at its end");
		if (wh_profile_at(r, ',')) {
			r->p++;
			return 0;
		}
		if (wh_profile_at(r, '(')) {
			err = wh_profile_list(r, &rule->access);
			continue;
		}
		err = wh_profile_word(r);
		if (err < 0)
			return err;
		if (!r->quoted && strcmp(r->word, "->") == 0) {
			if (rule->target)
				return wh_profile_wrong(r, "a rule with two targets");
			wh_profile_skip(r, true);
			err = wh_profile_word(r);
			rule->target = err < 0 ? NULL : wh_profile_copy(r);
			err = rule->target ? 0 : -EINVAL;
			continue;
		}
		if (wh_profile_at(r, '=')) {
			r->p++;
			err = add_condition(r, rule, false);
			continue;
		}
		if (!r->quoted && !is_path(r->word) && strcmp(rule->class, "file") != 0) {
			char *name = wh_profile_copy(r);

			if (!name)
				return -ENOMEM;
			wh_profile_skip(r, true);
			if (r->end - r->p > 3 && memcmp(r->p, "in ", 3) == 0) {
				r->p += 3;
				snprintf(r->word, sizeof(r->word), "%s", name);
				free(name);
				err = add_condition(r, rule, true);
				continue;
			}
			snprintf(r->word, sizeof(r->word), "%s", name);
			free(name);
		}
		err = wh_profile_add_word(r, capability ? &rule->access : &rule->words);
	}
	return err;
}

static int finish_file(struct wh_profile_reader *r, struct wh_profile_rule *rule)
{
	const char *path, *letters;

	if (!rule->words.n) {
		/* "file,": everything. */
		snprintf(rule->letters, sizeof(rule->letters), "rwalkmx");
		return compile(r, "/{,**}", &rule->glob);
	}
	if (rule->words.n != 2)
		return wh_profile_wrong(r, "a file rule that is not 'PATH LETTERS'");
	path = is_path(rule->words.v[0]) ? rule->words.v[0] : rule->words.v[1];
	letters = path == rule->words.v[0] ? rule->words.v[1] : rule->words.v[0];
	if (!is_path(path))
		return wh_profile_wrong(r, "a file rule whose path does not begin with a slash");
	return take_letters(r, rule, letters) < 0 ? -EINVAL : compile(r, path, &rule->glob);
}

/* The places of rules that name some. */
static int finish(struct wh_profile_reader *r, struct wh_profile_rule *rule)
{
	int err = 0;

	if (strcmp(rule->class, "file") == 0)
		err = finish_file(r, rule);
	else if (rule->words.n && is_path(rule->words.v[rule->words.n - 1]))
		err = compile(r, rule->words.v[rule->words.n - 1], &rule->glob);
	if (err == 0 && rule->target && is_path(rule->target))
		err = compile(r, rule->target, &rule->target_glob);
	if (err == 0 && strcmp(rule->class, "link") == 0 && !(rule->glob && rule->target_glob))
		err = wh_profile_wrong(r, "a link rule that is not 'link PATH -> PATH'");
	return err;
}

static void free_words(struct wh_profile_words *words)
{
	for (size_t i = 0; i < words->n; i++)
		free(words->v[i]);
}

static void free_rule(struct wh_profile_rule *rule)
{
	if (!rule)
		return;
	free(rule->class);
	free_words(&rule->access);
	free_words(&rule->words);
	for (size_t i = 0; i < rule->n_conditions; i++) {
		free(rule->conditions[i].name);
		free_words(&rule->conditions[i].values);
	}
	free(rule->conditions);
	free(rule->target);
	wh_glob_free(rule->glob);
	wh_glob_free(rule->target_glob);
	free(rule);
}
WH_DEFINE_AUTO(rule, struct wh_profile_rule *, free_rule)

/* The class of a rule, or the first word of a file rule. The word that was read last is looked at. */
static int take_class(struct wh_profile_reader *r, struct wh_profile_rule *rule)
{
	static const char *const classes[] = {
		"file",	   "capability",     "network",	   "unix",   "signal", "ptrace", "mount",
		"remount", "umount",	     "pivot_root", "link",   "set",    "rlimit", "dbus",
		"userns",  "change_profile", "io_uring",   "mqueue", "all"};

	if (r->quoted || !one_of(r->word, classes, WH_ARRAY_SIZE(classes))) {
		bool letters = strspn(r->word, "rwalkmxpPcCuUi") == strlen(r->word);

		if (!r->quoted && strcmp(r->word, "include") == 0)
			return wh_profile_wrong(r, no_include);
		if (!r->quoted && !is_path(r->word) && !letters)
			return wh_error_set(r->e, EINVAL, "line %u: '%.40s' is no rule known here",
					    r->line, r->word);
		rule->class = strdup("file");
		return rule->class ? wh_profile_add_word(r, &rule->words) : wh_error_oom(r->e);
	}
	if (strcmp(r->word, "all") == 0)
		return wh_profile_wrong(r, "'all' is not judged here");
	rule->class = wh_profile_copy(r);
	return rule->class ? 0 : -ENOMEM;
}

static int keep_rule(struct wh_profile_reader *r, struct wh_profile_rule **rule)
{
	struct wh_profile *p = r->profile;

	if (p->n_rules >= RULES_MOST)
		return wh_profile_wrong(r, "more rules than a profile has");
	if ((p->n_rules & (p->n_rules - 1)) == 0) {
		void *rules =
			reallocarray(p->rules, p->n_rules ? 2 * p->n_rules : 1, sizeof(*p->rules));

		if (!rules)
			return wh_error_oom(r->e);
		p->rules = rules;
	}
	p->rules[p->n_rules++] = wh_take(*rule);
	return 0;
}

static int take_rule(struct wh_profile_reader *r)
{
	wh_auto(rule) rule = calloc(1, sizeof(*rule));
	int err;

	if (!rule)
		return wh_error_oom(r->e);
	rule->line = r->line;
	for (;;) {
		wh_profile_skip(r, true);
		err = wh_profile_word(r);
		if (err < 0)
			return err;
		if (!r->quoted && strcmp(r->word, "deny") == 0)
			rule->deny = true;
		else if (!r->quoted && strcmp(r->word, "owner") == 0)
			rule->owner = true;
		else if (r->quoted ||
			 (strcmp(r->word, "audit") != 0 && strcmp(r->word, "allow") != 0))
			break;
	}
	err = take_class(r, rule);
	if (err == 0 && strcmp(rule->class, "link") == 0) {
		wh_profile_skip(r, true);
		rule->subset = r->end - r->p > 7 && memcmp(r->p, "subset ", 7) == 0;
		r->p += rule->subset ? 7 : 0;
	}
	if (err == 0)
		err = take_rest(r, rule);
	if (err == 0)
		err = finish(r, rule);
	return err < 0 ? err : keep_rule(r, &rule);
}

/* "@{x}=a b", "@{x}+=c"; the name is the word that was read last. */
static int take_variable(struct wh_profile_reader *r)
{
	struct wh_profile *p = r->profile;
	size_t len = strlen(r->word);
	struct wh_glob_variable *v = NULL;
	int err = 0;

	if (len < 4 || r->word[len - 1] != '}' || len > 100)
		return wh_profile_wrong(r, "a variable without a name");
	r->word[len - 1] = '\0';
	for (size_t i = 0; i < p->n_variables; i++) {
		if (strcmp(p->variables[i].name, r->word + 2) == 0)
			v = &p->variables[i];
	}
	if (!v) {
		v = reallocarray(p->variables, p->n_variables + 1, sizeof(*v));
		if (!v)
			return wh_error_oom(r->e);
		p->variables = v;
		v += p->n_variables;
		*v = (struct wh_glob_variable){.name = strdup(r->word + 2)};
		if (!v->name)
			return wh_error_oom(r->e);
		p->n_variables++;
	}
	r->p += wh_profile_at(r, '+');
	if (!wh_profile_at(r, '='))
		return wh_profile_wrong(r, "a variable without '='");
	r->p++;
	for (;;) {
		char **values;

		wh_profile_skip(r, false);
		if (r->p >= r->end || *r->p == '\n')
			return err;
		err = wh_profile_word(r);
		if (err < 0)
			return err;
		values = reallocarray(v->values, v->n_values + 1, sizeof(*values));
		if (!values)
			return wh_error_oom(r->e);
		v->values = values;
		values[v->n_values] = wh_profile_copy(r);
		if (!values[v->n_values++])
			return -ENOMEM;
	}
}

static int take_head(struct wh_profile_reader *r);

static bool at_child(const struct wh_profile_reader *r)
{
	static const char word[] = "profile";
	size_t len = strlen(word);

	return (size_t)(r->end - r->p) > len && memcmp(r->p, word, len) == 0 &&
	       (r->p[len] == ' ' || r->p[len] == '\t');
}

static int take_child(struct wh_profile_reader *r)
{
	struct wh_profile *p = r->profile, *child, **children;
	int err;

	if (p->is_child)
		return wh_profile_wrong(r, "a profile in one that is in one");
	children = reallocarray(p->children, p->n_children + 1, sizeof(*children));
	if (!children)
		return wh_error_oom(r->e);
	p->children = children;
	child = calloc(1, sizeof(*child));
	if (!child)
		return wh_error_oom(r->e);
	children[p->n_children++] = child;
	*child = (struct wh_profile){.variables = p->variables,
				     .n_variables = p->n_variables,
				     .abi4 = p->abi4,
				     .is_child = true};
	r->profile = child;
	err = wh_profile_word(r);
	if (err == 0)
		err = take_head(r);
	r->profile = p;
	return err;
}

/* "profile NAME flags=(…) {"; the word that was read last is the first of it. */
static int take_head(struct wh_profile_reader *r)
{
	struct wh_profile *p = r->profile;
	struct wh_profile_words flags = {0};
	int err = 0;

	if (p->name)
		return wh_profile_wrong(r, "more than one profile: only one is judged");
	for (bool first = strcmp(r->word, "profile") == 0;; first = false) {
		if (!first && !p->name) {
			p->name = wh_profile_copy(r);
			if (!p->name)
				return -ENOMEM;
		}
		wh_profile_skip(r, true);
		if (wh_profile_at(r, '{'))
			break;
		err = wh_profile_word(r);
		if (err == 0 && strcmp(r->word, "flags") == 0 && wh_profile_at(r, '=')) {
			r->p++;
			err = wh_profile_list(r, &flags);
			break;
		}
		if (err < 0)
			return err;
	}
	for (size_t i = 0; i < flags.n; i++) {
		p->complain |= strcmp(flags.v[i], "complain") == 0;
		p->disconnected |= strcmp(flags.v[i], "attach_disconnected") == 0;
	}
	free_words(&flags);
	wh_profile_skip(r, true);
	if (err == 0 && (!wh_profile_at(r, '{') || !p->name))
		err = wh_profile_wrong(r, "a profile without its '{'");
	r->p += err == 0;
	while (err == 0) {
		wh_profile_skip(r, true);
		if (wh_profile_at(r, '}')) {
			r->p++;
			return 0;
		}
		err = at_child(r) ? take_child(r) : take_rule(r);
	}
	return err;
}

static int take_statement(struct wh_profile_reader *r)
{
	int err = wh_profile_word(r);

	if (err < 0)
		return err;
	if (wh_util_has_prefix(r->word, "@{"))
		return take_variable(r);
	if (strcmp(r->word, "abi") != 0)
		return strcmp(r->word, "include") == 0 ? wh_profile_wrong(r, no_include)
						       : take_head(r);
	wh_profile_skip(r, false);
	err = wh_profile_word(r);
	r->profile->abi4 = strstr(r->word, "/4.") || strstr(r->word, "/5.");
	if (err == 0 && !wh_profile_at(r, ','))
		err = wh_profile_wrong(r, "abi without the comma at its end");
	r->p += err == 0;
	return err;
}

int wh_profile_parse(const char *text, size_t len, struct wh_profile **ret, struct wh_error *e)
{
	wh_auto(profile) p = calloc(1, sizeof(*p));
	struct wh_profile_reader *r = calloc(1, sizeof(*r));
	int err = p && r ? 0 : wh_error_oom(e);

	if (err == 0)
		*r = (struct wh_profile_reader){
			.p = text, .end = text + len, .line = 1, .profile = p, .e = e};
	while (err == 0) {
		wh_profile_skip(r, true);
		if (r->p >= r->end)
			break;
		err = take_statement(r);
	}
	if (err == 0 && !p->name)
		err = wh_profile_wrong(r, "no profile is in it");
	if (err == 0 && r->included)
		err = wh_error_set(e, EINVAL, "line %u: %s", r->included, no_include);
	free(r);
	if (err < 0)
		return err;
	*ret = wh_take(p);
	return 0;
}

int wh_profile_read(const char *path, struct wh_profile **ret, struct wh_error *e)
{
	wh_auto(str) text = NULL;
	size_t len;
	int r = wh_output_slurp(path, SIZE_MOST, &text, &len, e);

	if (r == 0)
		r = wh_profile_parse(text, len, ret, e);
	if (r < 0)
		wh_error_prefix(e, "%s", path);
	return r;
}

void wh_profile_free(struct wh_profile *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_children; i++)
		wh_profile_free(p->children[i]);
	free(p->children);
	for (size_t i = 0; !p->is_child && i < p->n_variables; i++) {
		for (size_t j = 0; j < p->variables[i].n_values; j++)
			free(p->variables[i].values[j]);
		free(p->variables[i].values);
		free(p->variables[i].name);
	}
	if (!p->is_child)
		free(p->variables);
	for (size_t i = 0; i < p->n_rules; i++)
		free_rule(p->rules[i]);
	free(p->rules);
	free(p->name);
	free(p);
}

const struct wh_profile_condition *wh_profile_condition(const struct wh_profile_rule *rule,
							const char *name)
{
	for (size_t i = 0; i < rule->n_conditions; i++) {
		if (strcmp(rule->conditions[i].name, name) == 0)
			return &rule->conditions[i];
	}
	return NULL;
}
