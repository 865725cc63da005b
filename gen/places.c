// SPDX-License-Identifier: Apache-2.0
#include "gen/places.h"

#include "gen/policy-internal.h"
#include "gen/text.h"

/* ---- mounts ---------------------------------------------------------------------------------- */

/* Docker and Podman mount these of themselves, over whatever else is mounted. */
static const char *const engine_files[] = {
	"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/run/.containerenv", "/run/secrets",
};

static bool is_below_or(const char *path, const char *folder)
{
	return strcmp(path, folder) == 0 || wh_policy_within(path, folder);
}

static bool is_kernel(const char *path)
{
	return is_below_or(path, "/proc") || is_below_or(path, "/sys") || is_below_or(path, "/dev");
}

static bool is_engine_file(const char *path)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(engine_files); i++) {
		if (is_below_or(path, engine_files[i]))
			return true;
	}
	return false;
}

/* "WORD ro|rw FSTYPE POINT". Foreign: what does not look so is none. */
static bool parse(const char *text, struct wh_places_mount *ret)
{
	const char *mode = strchr(text, ' '), *fstype = mode ? strchr(mode + 1, ' ') : NULL,
		   *point = fstype ? strchr(fstype + 1, ' ') : NULL;

	if (!point || point[1] != '/' || fstype - mode != 3 || mode[1] != 'r')
		return false;
	*ret = (struct wh_places_mount){
		.word = text,
		.word_len = (size_t)(mode - text),
		.point = point + 1,
		.read_only = mode[2] == 'o',
	};
	return true;
}

static bool is_word(const struct wh_places_mount *m, const char *word)
{
	return m->word_len == strlen(word) && strncmp(m->word, word, m->word_len) == 0;
}

static bool run_has(const struct wh_run *run, const char *text)
{
	for (size_t i = 0; i < run->mounts.n; i++) {
		if (strcmp(run->mounts.v[i], text) == 0)
			return true;
	}
	return false;
}

/* What only some of the recordings had mounted is not there to rely on. */
static int find_mounts(struct wh_policy *p, struct wh_places *places, struct wh_error *e)
{
	size_t n;
	const void *const *runs = wh_policy_facts(p, WH_KIND_RUN, &n);
	const struct wh_run *first = runs[0];
	bool root = false;

	for (size_t i = 0; i < n; i++) {
		const struct wh_run *run = runs[i];

		if (run->mounts.overflow || !run->mounts.n)
			places->unknown = "the trace does not have all that was mounted";
	}
	for (size_t i = 0; i < first->mounts.n; i++) {
		struct wh_places_mount mount, *place;
		bool all = parse(first->mounts.v[i], &mount);

		for (size_t j = 1; j < n && all; j++)
			all = run_has(runs[j], first->mounts.v[i]);
		if (!all)
			continue;
		if (is_word(&mount, "root")) {
			root = true;
			places->root_read_only = mount.read_only;
			continue;
		}
		if (is_kernel(mount.point) || is_engine_file(mount.point) ||
		    is_word(&mount, "kernel"))
			continue;
		place = wh_pool_append(&p->pool, &places->mounts, &places->n_mounts,
				       sizeof(*place));
		if (!place)
			return wh_error_oom(e);
		*place = mount;
	}
	if (!root && !places->unknown)
		places->unknown = "the recordings had different roots";
	return 0;
}

static const struct wh_places_mount *mount_of(const struct wh_places *places, const char *path)
{
	const struct wh_places_mount *best = NULL;

	for (size_t i = 0; i < places->n_mounts; i++) {
		const struct wh_places_mount *m = &places->mounts[i];

		if (is_below_or(path, m->point) &&
		    (!best || strlen(m->point) > strlen(best->point)))
			best = m;
	}
	return best;
}

/* ---- uses ------------------------------------------------------------------------------------ */

/* Devices, pipes and sockets are written to on a read-only file system, too (fs/namei.c, sb_permission()). */
static bool is_of_disk(const struct wh_file *fact)
{
	return strcmp(fact->type, "chr") != 0 && strcmp(fact->type, "blk") != 0 &&
	       strcmp(fact->type, "fifo") != 0 && strcmp(fact->type, "socket") != 0;
}

static enum wh_places_change changes(const struct wh_file *fact)
{
	if (wh_trace_access_makes(fact->access))
		return WH_PLACES_ENTRY;
	switch (fact->access) {
	case WH_ACCESS_RMDIR:
	case WH_ACCESS_UNLINK:
	case WH_ACCESS_RENAME_FROM:
		return WH_PLACES_ENTRY;
	case WH_ACCESS_WRITE:
	case WH_ACCESS_APPEND:
		return is_of_disk(fact) ? WH_PLACES_OBJECT : WH_PLACES_NOTHING;
	case WH_ACCESS_TRUNCATE:
	case WH_ACCESS_CHMOD:
	case WH_ACCESS_CHOWN:
	case WH_ACCESS_UTIME:
	case WH_ACCESS_SETXATTR:
	case WH_ACCESS_REMOVEXATTR:
		return WH_PLACES_OBJECT;
	default:
		return WH_PLACES_NOTHING;
	}
}

/* Python writes these where it can, and goes on where it cannot (importlib, SourceFileLoader.set_data()). */
static bool is_optional(const char *path)
{
	const char *at = strstr(path, "/__pycache__");

	return at && (at[12] == '/' || at[12] == '\0');
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t wh_places_made(const struct wh_places *places, const char *path)
{
	char *part = strdup(path);
	size_t len = part ? strlen(part) : 0;

	while (len && places->n_made) {
		const char *key = part;

		part[len] = '\0';
		if (bsearch(&key, places->made, places->n_made, sizeof(key), by_text))
			break;
		while (len && part[len] != '/')
			len--;
	}
	free(part);
	return places->n_made ? len : 0;
}

static int add_use(struct wh_policy *p, struct wh_places *places, const struct wh_file *fact,
		   struct wh_error *e)
{
	size_t len = strlen(fact->path);
	struct wh_places_use use = {.fact = fact, .changes = changes(fact)}, *place;

	if (fact->access == WH_ACCESS_INHERIT_READ || fact->access == WH_ACCESS_INHERIT_WRITE ||
	    !wh_policy_own(&fact->f) || !wh_policy_happened(&fact->f, &fact->outcomes))
		return 0;
	while (len && fact->path[len - 1] == '/')
		len--;
	use.path = wh_pool_strndup(&p->pool, fact->path, len);
	if (!use.path)
		return wh_error_oom(e);
	if (is_kernel(use.path) || (is_engine_file(use.path) && !use.changes) ||
	    (use.changes && is_optional(use.path)))
		return 0;
	use.mount = mount_of(places, use.path);
	place = wh_pool_append(&p->pool, &places->v, &places->n, sizeof(*place));
	if (!place)
		return wh_error_oom(e);
	*place = use;
	if (wh_trace_access_makes(fact->access)) {
		const char **made =
			wh_pool_append(&p->pool, &places->made, &places->n_made, sizeof(*made));

		if (!made)
			return wh_error_oom(e);
		*made = use.path;
	}
	return 0;
}

int wh_places_find(struct wh_policy *p, struct wh_places *ret, struct wh_error *e)
{
	size_t n;
	const void *const *files = wh_trace_facts(p->trace, WH_KIND_FILE, &n);
	int r = find_mounts(p, ret, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct wh_file *fact = files[i];

		if (fact->path[0] == '/')
			r = add_use(p, ret, fact, e);
	}
	if (r < 0)
		return r;
	if (ret->n_made)
		qsort(ret->made, ret->n_made, sizeof(*ret->made), by_text);
	for (size_t i = 0; i < ret->n; i++)
		ret->v[i].made = wh_places_made(ret, ret->v[i].path);
	return 0;
}

/* ---- what was given -------------------------------------------------------------------------- */

static int add_given(struct wh_policy *p, const struct wh_places *places,
		     const struct wh_places_mount *mount, struct wh_error *e)
{
	struct wh_policy_place place = {.path = mount->point,
					.read_only = mount->read_only,
					.given = true},
			       *to;
	const struct wh_file *first = NULL;
	const char *reason;

	for (size_t i = 0; i < places->n; i++) {
		const struct wh_places_use *use = &places->v[i];
		const struct wh_file **fact;

		if (use->mount != mount)
			continue;
		if (!first || (use->changes && !place.n_facts))
			first = use->fact;
		if (!use->changes)
			continue;
		fact = wh_pool_append(&p->pool, &place.facts, &place.n_facts, sizeof(*fact));
		if (!fact)
			return wh_error_oom(e);
		*fact = use->fact;
	}
	if (!first)
		return 0;
	place.kind = is_word(mount, "tmpfs") && wh_policy_is_plain(mount->point) ? WH_POLICY_TMPFS
										 : WH_POLICY_GIVEN;
	reason = wh_pool_printf(&p->pool, "a %.*s%s was mounted there while it was recorded; %s %s",
				(int)mount->word_len, mount->word,
				strncmp(mount->word, "bind", 4) == 0 ? " mount" : "",
				wh_trace_access_name(first->access), first->path);
	place.reason = reason ? wh_text_safe_dup(&p->pool, reason) : NULL;
	place.path =
		place.kind == WH_POLICY_TMPFS ? place.path : wh_text_safe_dup(&p->pool, place.path);
	to = wh_pool_append(&p->pool, &p->places, &p->n_places, sizeof(*to));
	if (!place.reason || !place.path || !to)
		return wh_error_oom(e);
	*to = place;
	return 0;
}

int wh_places_given(struct wh_policy *p, const struct wh_places *places, struct wh_error *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < places->n_mounts; i++)
		r = add_given(p, places, &places->mounts[i], e);
	return r;
}
