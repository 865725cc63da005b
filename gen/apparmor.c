// SPDX-License-Identifier: Apache-2.0
/* apparmor.profile: templates/apparmor.profile and apparmor-body.profile, filled with the rules of the policy. */
#include "gen/emit.h"

#include "gen/aare.h"
#include "gen/fixed.h"
#include "gen/skeleton.h"

static void add_letters(struct wh_buf *b, unsigned letters, const char *change)
{
	static const char order[] = "rwalkm";

	for (size_t i = 0; order[i]; i++) {
		if (letters & (1u << i))
			wh_buf_addc(b, order[i]);
	}
	/* What it executes stays under this same profile, or changes to another. */
	if (letters & WH_POLICY_X)
		wh_buf_adds(b, change);
}

static void add_files(const struct wh_policy *p, struct wh_buf *b)
{
	if (p->n_files)
		wh_buf_adds(b, "\n  # Files.\n");
	for (size_t i = 0; i < p->n_files; i++) {
		const struct wh_policy_file *file = &p->files[i];

		wh_buf_adds(b, file->owner ? "  owner " : "  ");
		wh_aare_quote(b, file->pattern);
		wh_buf_addc(b, ' ');
		add_letters(b, file->letters, !file->to ? "ix" : p->index ? "px" : "cx");
		/* A child's own children would be others, so it names its siblings in full. */
		if (file->to)
			wh_buf_addf(b, " -> %s", p->index ? file->to->name : file->to->child);
		wh_buf_addc(b, ',');
		/* Lines of one kind follow each other: their reason is told once. */
		if (file->reason &&
		    (i == 0 || !wh_util_streq(p->files[i - 1].reason, file->reason)))
			wh_buf_addf(b, " # %s", file->reason);
		wh_buf_addc(b, '\n');
	}
}

static void add_rules(const struct wh_policy *p, struct wh_buf *b)
{
	static const char *const titles[] = {
		[WH_POLICY_CAPABILITY] = "Capabilities.",
		[WH_POLICY_NETWORK] = "Sockets.",
		[WH_POLICY_UNIX] = "Unix sockets.",
		[WH_POLICY_SIGNAL] = "Signals that it sends.",
		[WH_POLICY_PTRACE] = "Looking into other processes.",
		[WH_POLICY_MOUNT] = "Mounts.",
		[WH_POLICY_LINK] = "Hard links.",
	};

	for (size_t i = 0; i < p->n_rules; i++) {
		const struct wh_policy_rule *rule = &p->rules[i];

		if (i == 0 || rule->section != p->rules[i - 1].section)
			wh_buf_addf(b, "%s  # %s\n", i ? "\n" : "",
				    p->whole && rule->section == WH_POLICY_SIGNAL
					    ? "Signals, to and from other programs."
					    : titles[rule->section]);
		wh_buf_addf(b, "  %s,\n", rule->text);
	}
}

/* user namespaces are mediated from ABI 4.0 on only, so there is no rule to write. */
static void add_userns(const struct wh_policy *p, struct wh_buf *b)
{
	size_t n;
	const void *const *facts = wh_trace_facts(p->trace, WH_KIND_NAMESPACE, &n);

	/* Said once. */
	for (size_t i = 0; !p->index && i < n; i++) {
		const struct wh_namespace *fact = facts[i];

		if (strcmp(fact->type, "user") == 0) {
			wh_buf_adds(b, "\n  # It makes user namespaces. Under abi <abi/4.0> that "
				       "needs the rule "
				       "\"userns,\".\n");
			return;
		}
	}
}

static void add_deny(void *data, const struct wh_fixed_deny *deny)
{
	if (deny->seen)
		wh_buf_addf(data, "  # not denied, as it was seen to be used: %s (%s)\n",
			    deny->pattern, deny->reason);
	else
		wh_buf_addf(data, "  deny %s %s, # %s\n", deny->pattern, deny->letters,
			    deny->reason);
}

static void add_warnings(const struct wh_policy *p, struct wh_buf *b)
{
	for (size_t i = 0; i < p->n_warnings; i++)
		wh_buf_addf(b, "# %s %s\n",
			    p->warnings[i].refuse ? "NOT WHOLE:" : "Note:", p->warnings[i].text);
}

static int add_body(const struct wh_policy *p, const char *name, const char *children,
		    struct wh_buf *b, struct wh_error *e)
{
	wh_auto(buf) rules = {0}, denies = {0};
	int r;

	add_rules(p, &rules);
	add_userns(p, &rules);
	add_files(p, &rules);
	wh_buf_adds(&denies, "\n  # Never, whatever else is added here later.\n");
	r = wh_fixed_denies(p, add_deny, &denies, e);
	if (r < 0)
		return r;
	if (rules.failed || denies.failed)
		return wh_error_oom(e);

	const struct wh_skeleton_part parts[] = {
		{"name", name},
		{"rules", rules.data ? rules.data : ""},
		{"denies", denies.data ? denies.data : ""},
		{"children", children},
	};

	return wh_skeleton_fill("apparmor-body.profile", parts, WH_ARRAY_SIZE(parts), b, e);
}

static void add_indented(struct wh_buf *b, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		len += text[len] == '\n';
		if (*text != '\n')
			wh_buf_adds(b, "  ");
		wh_buf_add(b, text, len);
		text += len;
	}
}

/* One profile of all, or the first of several with the others in it. */
static int add_profiles(const struct wh_policy *p, struct wh_buf *b, struct wh_error *e)
{
	wh_auto(buf) children = {0};
	int r = 0;

	for (size_t i = 1; r >= 0 && i < p->n_profiles; i++) {
		const struct wh_policy *child = p->profiles[i];
		wh_auto(buf) body = {0};

		wh_buf_addf(&children, "\n  # Of %s alone.\n", child->title);
		r = add_body(child, child->child, "", &body, e);
		if (r >= 0 && body.failed)
			r = wh_error_oom(e);
		if (r >= 0)
			add_indented(&children, body.data);
	}
	if (r < 0)
		return r;
	if (children.failed)
		return wh_error_oom(e);
	return add_body(p->n_profiles ? p->profiles[0] : p, p->name,
			children.data ? children.data : "", b, e);
}

int wh_apparmor_emit(const struct wh_emit *emit, struct wh_buf *b, struct wh_error *e)
{
	const struct wh_policy *p = emit->policy;
	wh_auto(buf) warnings = {0}, body = {0};
	int r = add_profiles(p, &body, e);

	if (r < 0)
		return r;
	add_warnings(p, &warnings);
	if (warnings.failed || body.failed)
		return wh_error_oom(e);

	const struct wh_skeleton_part parts[] = {
		{"name", p->name},
		{"version", WH_VERSION},
		{"warnings", warnings.data ? warnings.data : ""},
		{"body", body.data},
	};

	return wh_skeleton_fill("apparmor.profile", parts, WH_ARRAY_SIZE(parts), b, e);
}
