// SPDX-License-Identifier: Apache-2.0
/*
 * What must stay writable where the container's root is read-only: the smallest folders that hold all that was
 * changed, each as a tmpfs where nothing of the image is needed there, else as a volume, which Docker and Podman
 * fill with what the image has.
 */
#include "gen/policy-internal.h"

#include "gen/places.h"
#include "gen/text.h"

/* Folders of one parent, above which the parent takes their place; and the most in all. */
#define SIBLINGS 4
#define MOST	 32

/*
 * Folders that cannot be replaced as a whole: programs, configuration, and what others are mounted on.
 * hier(7), file-hierarchy(7)
 */
static const char *const reserved[] = {
	"",	      "/bin",	    "/boot",	      "/dev",		"/etc",	     "/lib",
	"/lib32",     "/lib64",	    "/usr",	      "/libx32",	"/proc",     "/sbin",
	"/sys",	      "/usr/bin",   "/var",	      "/usr/lib",	"/usr/sbin", "/usr/share",
	"/usr/local", "/usr/lib64", "/usr/local/bin", "/usr/local/lib",
};

/* Folders whose contents need not outlive the service, by the Filesystem Hierarchy Standard. */
static const char *const passing[] = {
	"/tmp", "/run", "/var/tmp", "/var/run", "/var/cache", "/var/lock", "/dev/shm",
};

static bool is_reserved(const char *folder)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(reserved); i++) {
		if (strcmp(folder, reserved[i]) == 0)
			return true;
	}
	return false;
}

static bool is_passing(const char *folder)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(passing); i++) {
		if (strcmp(folder, passing[i]) == 0 || wh_policy_within(folder, passing[i]))
			return true;
	}
	return false;
}

/* ---- folders --------------------------------------------------------------------------------- */

struct folders {
	const char **v;
	size_t n;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_unique(struct folders *f)
{
	size_t kept = 0;

	if (!f->n)
		return;
	qsort(f->v, f->n, sizeof(*f->v), by_text);
	for (size_t i = 1; i < f->n; i++) {
		if (strcmp(f->v[i], f->v[kept]) != 0)
			f->v[++kept] = f->v[i];
	}
	f->n = kept + 1;
}

/* "" for what is at the root. */
static const char *parent_of(struct wh_pool *pool, const char *path)
{
	const char *slash = strrchr(path, '/');

	return wh_pool_strndup(pool, path, slash ? (size_t)(slash - path) : 0);
}

/* The folder that both are in. */
static const char *common(struct wh_pool *pool, const char *a, const char *b)
{
	size_t len = 0;

	for (size_t i = 0; a[i] && a[i] == b[i]; i++) {
		if (a[i] == '/')
			len = i;
	}
	return wh_pool_strndup(pool, a, len);
}

static int add_folder(struct wh_pool *pool, struct folders *f, const char *folder)
{
	const char **place = folder ? wh_pool_append(pool, &f->v, &f->n, sizeof(*place)) : NULL;

	if (!place)
		return -ENOMEM;
	*place = folder;
	return 0;
}

/* What a change needs to be writable: the folder that it changes, or the one that its file is in. */
static int add_change(struct wh_pool *pool, struct folders *f, const struct wh_places_use *use)
{
	const struct wh_file *fact = use->fact;
	bool itself = use->changes == WH_PLACES_OBJECT && strcmp(fact->type, "dir") == 0;
	int r = add_folder(pool, f, itself ? use->path : parent_of(pool, use->path));

	/* Over the border of a mount nothing can be renamed or linked (EXDEV). */
	if (fact->access != WH_ACCESS_RENAME_TO && fact->access != WH_ACCESS_LINK_TO)
		return r;
	for (size_t i = 0; r == 0 && i < fact->peers.n; i++) {
		const char *both = common(pool, use->path, fact->peers.v[i]);

		if (!both)
			return -ENOMEM;
		if (!is_reserved(both))
			r = add_folder(pool, f, both);
	}
	return r;
}

/* Many of one parent become that parent, again and again while that helps. */
static int collapse(struct wh_pool *pool, struct folders *f)
{
	bool changed = true;

	for (unsigned round = 0; changed && round < 16; round++) {
		changed = false;
		for (size_t i = 0; i < f->n;) {
			const char *parent = parent_of(pool, f->v[i]);
			size_t end = i, same = 0;

			if (!parent)
				return -ENOMEM;
			/* Sorted, all below a folder are neighbours. */
			for (; end < f->n && (end == i || wh_policy_within(f->v[end], parent));
			     end++)
				same += !strchr(f->v[end] + strlen(parent) + (*f->v[end] != '\0'),
						'/');
			for (size_t j = i; same > SIBLINGS && !is_reserved(parent) && j < end;
			     j++) {
				f->v[j] = parent;
				changed = true;
			}
			i = is_reserved(parent) || same <= SIBLINGS ? i + 1 : end;
		}
		sort_unique(f);
	}
	return 0;
}

/* ---- one folder ------------------------------------------------------------------------------ */

static bool is_below_or(const char *path, const char *folder)
{
	return strcmp(path, folder) == 0 || wh_policy_within(path, folder);
}

/* A place below @folder that is mounted itself, and has @path in it, is it, or makes it on its way. */
static bool in_other(const struct wh_policy *p, const char *folder, const char *path)
{
	for (size_t i = 0; i < p->n_places; i++) {
		const char *other = p->places[i].path;

		if (wh_policy_within(other, folder) &&
		    (is_below_or(path, other) || wh_policy_within(other, path)))
			return true;
	}
	return false;
}

/* A use of something that the image has in the folder, or NULL. */
static const struct wh_places_use *hidden(const struct wh_policy *p, const struct wh_places *uses,
					  const char *folder)
{
	for (size_t i = 0; i < uses->n; i++) {
		const struct wh_places_use *use = &uses->v[i];

		if (use->mount || wh_trace_access_makes(use->fact->access) ||
		    !wh_policy_within(use->path, folder) || use->made > strlen(folder) ||
		    in_other(p, folder, use->path))
			continue;
		return use;
	}
	return NULL;
}

static int add_facts(struct wh_policy *p, const struct wh_places *uses,
		     struct wh_policy_place *place, struct wh_error *e)
{
	for (size_t i = 0; i < uses->n; i++) {
		const struct wh_places_use *use = &uses->v[i];
		const struct wh_file **fact;
		enum wh_access access = use->fact->access;

		if (use->mount || !is_below_or(use->path, place->path) ||
		    in_other(p, place->path, use->path))
			continue;
		place->executes |= access == WH_ACCESS_EXEC || access == WH_ACCESS_MMAP_EXEC ||
				   access == WH_ACCESS_INTERPRETER || access == WH_ACCESS_LOADER;
		if (!use->changes)
			continue;
		fact = wh_pool_append(&p->pool, &place->facts, &place->n_facts, sizeof(*fact));
		if (!fact)
			return wh_error_oom(e);
		*fact = use->fact;
	}
	return 0;
}

static const char *reason_of(struct wh_policy *p, const struct wh_policy_place *place,
			     const struct wh_places_use *kept)
{
	const char *first = place->n_facts ? place->facts[0]->path : place->path, *text;
	const char *others = " is";

	for (size_t i = 1; i < place->n_facts; i++) {
		if (strcmp(place->facts[i]->path, first) != 0)
			others = " and others are";
	}
	if (kept)
		text = wh_pool_printf(
			&p->pool,
			"%s%s written; a tmpfs would hide what the image has there and is "
			"used, such as %s",
			first, others, kept->fact->path);
	else if (place->kind == WH_POLICY_VOLUME)
		text = wh_pool_printf(
			&p->pool,
			"%s%s written; that may be wanted after a restart, for which a tmpfs "
			"is no place",
			first, others);
	else
		text = wh_pool_printf(&p->pool, "%s%s written; nothing of the image is used there",
				      first, others);
	return text ? wh_text_safe_dup(&p->pool, text) : NULL;
}

static int decide(struct wh_policy *p, const struct wh_places *uses, const char *folder,
		  struct wh_error *e)
{
	const struct wh_places_use *kept = hidden(p, uses, folder);
	struct wh_policy_place place = {.path = folder}, *to;
	int r;

	place.kind = !kept && is_passing(folder) ? WH_POLICY_TMPFS : WH_POLICY_VOLUME;
	place.keeps = kept != NULL;
	r = add_facts(p, uses, &place, e);
	if (r < 0)
		return r;
	place.reason = reason_of(p, &place, kept);
	to = wh_pool_append(&p->pool, &p->places, &p->n_places, sizeof(*to));
	if (!to || !place.reason)
		return wh_error_oom(e);
	*to = place;
	return 0;
}

/* ---- all folders ----------------------------------------------------------------------------- */

/* Whether the service makes the folder itself, in one that is writable anyway. */
static bool is_made_in(const struct wh_places *uses, const char *folder, const char *above)
{
	return wh_places_made(uses, folder) > strlen(above);
}

/*
 * From the outermost to the innermost: what lies in a volume is in it already, and what the service makes in a tmpfs it makes
 * there. What is needed in a tmpfs, and was there before, gets a place of its own.
 */
static void drop_nested(const struct wh_places *uses, struct folders *f)
{
	size_t kept = 0;

	/* Far too many anyway. */
	if (f->n > 32 * MOST)
		return;

	for (size_t i = 0; i < f->n; i++) {
		bool drop = false;

		for (size_t j = 0; j < kept && !drop; j++) {
			const char *above = f->v[j];

			drop = wh_policy_within(f->v[i], above) &&
			       (is_made_in(uses, f->v[i], above) || !is_passing(above));
		}
		if (!drop)
			f->v[kept++] = f->v[i];
	}
	f->n = kept;
}

static const struct wh_policy_place *place_of(const struct wh_policy *p, const char *path)
{
	const struct wh_policy_place *best = NULL;

	for (size_t i = 0; i < p->n_places; i++) {
		if (p->places[i].kind != WH_POLICY_GIVEN &&
		    wh_policy_within(path, p->places[i].path) &&
		    (!best || strlen(p->places[i].path) > strlen(best->path)))
			best = &p->places[i];
	}
	return best;
}

/* What a read-only root stands in the way of all the same: in words, or NULL. */
static const char *obstacle(struct wh_policy *p, const struct folders *f,
			    const struct wh_places *uses, const struct wh_file **ret_fact)
{
	for (size_t i = 0; i < uses->n; i++) {
		const struct wh_places_use *use = &uses->v[i];
		const char *folder =
			use->changes && !use->mount ? parent_of(&p->pool, use->path) : NULL;

		if (!folder)
			continue;
		*ret_fact = use->fact;
		if (is_reserved(folder) ||
		    (use->changes == WH_PLACES_OBJECT && is_reserved(use->path)))
			return wh_pool_printf(
				&p->pool,
				"%s %s needs a writable %s, and a folder like that cannot be "
				"replaced",
				wh_trace_access_name(use->fact->access), use->fact->path,
				*folder ? folder : "/");
	}
	for (size_t i = 0; i < f->n; i++) {
		if (!wh_policy_is_plain(f->v[i]))
			return wh_pool_printf(
				&p->pool, "it writes in %s, a name that not all formats can hold",
				f->v[i]);
	}
	*ret_fact = NULL;
	if (f->n > MOST)
		return wh_pool_printf(&p->pool,
				      "it writes in %zu folders that have little in common", f->n);
	return NULL;
}

/* After all places are known: a rename or link that would go from one to another. */
static const char *crossing(struct wh_policy *p, const struct wh_places *uses,
			    const struct wh_file **ret_fact)
{
	for (size_t i = 0; i < uses->n; i++) {
		const struct wh_places_use *use = &uses->v[i];
		enum wh_access access = use->fact->access;

		if (use->mount || (access != WH_ACCESS_RENAME_TO && access != WH_ACCESS_LINK_TO))
			continue;
		for (size_t j = 0; j < use->fact->peers.n; j++) {
			if (place_of(p, use->path) == place_of(p, use->fact->peers.v[j]))
				continue;
			*ret_fact = use->fact;
			return wh_pool_printf(&p->pool,
					      "%s becomes %s, which would be on another mount",
					      use->fact->peers.v[j], use->fact->path);
		}
	}
	return NULL;
}

static int refuse(struct wh_policy *p, const char *why, const struct wh_file *fact,
		  struct wh_error *e)
{
	p->places = NULL;
	p->n_places = 0;
	if (fact && wh_policy_hint_fact(p, WH_POLICY_HINT_READ_ONLY, WH_KIND_FILE, fact, e) < 0)
		return -ENOMEM;
	return wh_policy_hint_set(p, WH_POLICY_HINT_READ_ONLY, false, NULL, why, e);
}

static int by_path(const void *a, const void *b)
{
	const struct wh_policy_place *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static int judge(struct wh_policy *p, const struct wh_places *uses, struct wh_error *e)
{
	struct folders folders = {0};
	const struct wh_file *fact = NULL;
	const char *why;
	int r = 0;

	for (size_t i = 0; r == 0 && i < uses->n; i++) {
		if (uses->v[i].changes && !uses->v[i].mount)
			r = add_change(&p->pool, &folders, &uses->v[i]);
	}
	sort_unique(&folders);
	if (r < 0 || collapse(&p->pool, &folders) < 0)
		return wh_error_oom(e);
	drop_nested(uses, &folders);
	why = obstacle(p, &folders, uses, &fact);
	if (why)
		return refuse(p, why, fact, e);
	/* The innermost first: what they hold is not hidden by the others. */
	for (size_t i = folders.n; i > 0; i--) {
		r = decide(p, uses, folders.v[i - 1], e);
		if (r < 0)
			return r;
	}
	why = crossing(p, uses, &fact);
	if (why)
		return refuse(p, why, fact, e);
	r = wh_places_given(p, uses, e);
	if (r < 0)
		return r;
	if (p->n_places)
		qsort(p->places, p->n_places, sizeof(*p->places), by_path);
	return wh_policy_hint_set(p, WH_POLICY_HINT_READ_ONLY, true, NULL,
				  uses->root_read_only
					  ? "the root was read-only while it was recorded"
				  : folders.n ? "all that it wrote is in the folders below"
					      : "it wrote nothing but where something was mounted",
				  e);
}

int wh_policy_writable(struct wh_policy *p, struct wh_error *e)
{
	const char *unsure = wh_policy_unsure(p);
	struct wh_places uses = {0};
	int r;

	if (unsure || !p->container)
		return wh_policy_hint_set(
			p, WH_POLICY_HINT_READ_ONLY, false, NULL,
			unsure ? unsure
			       : "it was recorded outside of a container: what an "
				 "image has is not known. Record it in one",
			e);
	r = wh_places_find(p, &uses, e);
	if (r < 0)
		return r;
	if (uses.unknown)
		return wh_policy_hint_set(p, WH_POLICY_HINT_READ_ONLY, false, NULL, uses.unknown,
					  e);
	return judge(p, &uses, e);
}
