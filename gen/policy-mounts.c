// SPDX-License-Identifier: Apache-2.0
/* AppArmor rules that name two places: mounts and hard links. */
#include "gen/policy-internal.h"

#include "gen/aare.h"
#include "gen/generalise.h"

/* Decided before AppArmor is asked, or a refusal already. */
static const char *const no_place[] = {"ENOENT", "ENOTDIR", "EPERM",  "EACCES", "EINVAL",
				       "ELOOP",	 "ENOSYS",  "EEXIST", "EXDEV",	NULL};

/* The options that apparmor_parser 3.0 knows. */
static bool options_known(const char *flags)
{
	static const char *const words[] = {
		"ro",	      "rw",	     "nosuid",	    "suid",	"nodev",      "dev",
		"noexec",     "exec",	     "sync",	    "async",	"remount",    "mand",
		"nomand",     "dirsync",     "noatime",	    "atime",	"nodiratime", "diratime",
		"bind",	      "rbind",	     "move",	    "silent",	"loud",	      "acl",
		"noacl",      "unbindable",  "runbindable", "private",	"rprivate",   "slave",
		"rslave",     "shared",	     "rshared",	    "relatime", "norelatime", "iversion",
		"noiversion", "strictatime",
	};

	while (*flags) {
		size_t len = strcspn(flags, ","), i = 0;

		while (i < WH_ARRAY_SIZE(words) &&
		       (strlen(words[i]) != len || strncmp(words[i], flags, len) != 0))
			i++;
		if (i == WH_ARRAY_SIZE(words))
			return false;
		flags += len + (flags[len] == ',');
	}
	return true;
}

/*
 * A folder's name has a slash at its end in AppArmor's eyes; whether it is one may not be known.
 * @escape: where the trace's own backslash is, that is not part of the name; SIZE_MAX without one
 */
static void add_place(struct wh_buf *b, const char *path, size_t escape)
{
	wh_auto(buf) pattern = {0};
	size_t len = strlen(path);

	if (escape < len) {
		wh_aare_escape(&pattern, path, escape);
		wh_aare_escape(&pattern, path + escape + 1, len - escape - 1);
	} else {
		wh_aare_escape(&pattern, path, len);
	}
	if (path[0] == '/' && path[len - 1] != '/')
		wh_buf_adds(&pattern, "{,/}");
	wh_aare_quote(b, pattern.data ? pattern.data : "");
}

static void mount_options(struct wh_buf *b, const struct wh_mount *m)
{
	const char *flags = m->flags && *m->flags ? m->flags : "rw";

	if (!options_known(flags))
		return;
	wh_buf_adds(b, " options=(");
	for (; *flags; flags++) {
		if (*flags == ',')
			wh_buf_adds(b, ", ");
		else
			wh_buf_addc(b, *flags);
	}
	wh_buf_addc(b, ')');
}

static bool is_word(const char *s)
{
	return s && *s &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
		       strlen(s);
}

/*
 * Which kind of rule each operation needs. The steps of the newer mount calls are not asked about,
 * but their last: move_mount(), from Linux 6.8 on.
 */
static const struct mount_op {
	const char *op, *rule;
	bool fstype, options, source;
} mount_ops[] = {
	{"mount", "mount", true, true, true},
	{"remount", "remount", false, true, false},
	{"bind", "mount", false, true, true},
	{"move", "mount", false, true, true},
	{"propagation", "mount", false, true, false},
	{"move_mount", "mount", false, false, false},
	{"umount", "umount", false, false, false},
	{"pivot_root", "pivot_root", false, false, false},
};

/* What lies outside of the container's root AppArmor names from its own. */
static const char *named(const char *path)
{
	bool outside = path && wh_util_has_prefix(path, WH_FILE_UNREACHABLE);

	return outside ? path + strlen(WH_FILE_UNREACHABLE) : path;
}

static void mount_text(struct wh_buf *b, const struct mount_op *op, const struct wh_mount *m)
{
	bool arrow = strcmp(op->rule, "mount") == 0;
	const char *source = named(m->source), *target = named(m->target);

	wh_buf_adds(b, op->rule);
	if (op->fstype && is_word(m->fstype))
		wh_buf_addf(b, " fstype=%s", m->fstype);
	if (op->options)
		mount_options(b, m);
	if (op->source && source && *source) {
		wh_buf_addc(b, ' ');
		add_place(b, source, SIZE_MAX);
	}
	if (strcmp(op->rule, "pivot_root") == 0 && source && *source) {
		wh_buf_adds(b, " oldroot=");
		add_place(b, source, SIZE_MAX);
	}
	if (target && *target) {
		wh_buf_adds(b, arrow ? " -> " : " ");
		add_place(b, target, wh_generalise_escape(target));
	}
}

int wh_policy_mounts(struct wh_policy *p, struct wh_error *e)
{
	size_t n;
	const void *const *facts = wh_policy_facts(p, WH_KIND_MOUNT, &n);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		const struct wh_mount *m = facts[i];
		wh_auto(buf) text = {0};
		size_t j = 0;

		if (wh_policy_only(&m->f, &m->outcomes, no_place))
			continue;
		while (j < WH_ARRAY_SIZE(mount_ops) && strcmp(mount_ops[j].op, m->op) != 0)
			j++;
		if (j == WH_ARRAY_SIZE(mount_ops))
			continue;
		mount_text(&text, &mount_ops[j], m);
		r = wh_policy_rule_put(p, WH_POLICY_MOUNT, WH_KIND_MOUNT, &text, NULL, m, e);
	}
	return r;
}

/* One of the names of a link, quoted. A name that a file rule has as a pattern is one here too. */
static void add_name(const struct wh_policy *p, const struct wh_generalise *g, const char *path,
		     unsigned use, struct wh_buf *b)
{
	wh_auto(buf) pattern = {0}, reasons = {0};

	for (size_t i = 0; i < p->n_files; i++) {
		for (size_t j = 0; j < p->files[i].n_facts; j++) {
			if (strcmp(p->files[i].facts[j]->path, path) == 0) {
				wh_aare_quote(b, p->files[i].pattern);
				return;
			}
		}
	}
	wh_generalise_path(g, path, use, &pattern, &reasons);
	b->failed |= pattern.failed || reasons.failed;
	wh_aare_quote(b, pattern.data ? pattern.data : "");
}

/* Both names of a hard link: the new one may only ever point to that old one. */
static int add_link(struct wh_policy *p, const struct wh_generalise *g, const struct wh_file *f,
		    struct wh_error *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < f->peers.n; i++) {
		wh_auto(buf) text = {0};

		wh_buf_adds(&text, "link ");
		add_name(p, g, f->path, WH_GENERALISE_CREATED, &text);
		wh_buf_adds(&text, " -> ");
		add_name(p, g, f->peers.v[i], 0, &text);
		r = wh_policy_rule_put(p, WH_POLICY_LINK, WH_KIND_FILE, &text, NULL, f, e);
	}
	return r;
}

int wh_policy_links(struct wh_policy *p, struct wh_error *e)
{
	wh_auto(generalise) g = NULL;
	size_t n;
	const void *const *facts = wh_policy_facts(p, WH_KIND_FILE, &n);
	int r = wh_generalise_load(&g, e);

	for (size_t i = 0; r >= 0 && i < n; i++) {
		const struct wh_file *f = facts[i];

		if (f->access == WH_ACCESS_LINK_TO && !f->peers.overflow &&
		    !wh_policy_only(&f->f, &f->outcomes, no_place))
			r = add_link(p, g, f, e);
	}
	return r;
}
