// SPDX-License-Identifier: Apache-2.0
/*
 * Whether it needs to be root. Somebody else can do what root did without a capability, where the modes let everybody do
 * it, and where he need not be anybody in particular.
 */
#include "gen/policy-internal.h"

#include "gen/places.h"
#include "gen/text.h"

/* Neither an account of a system's own nor one of a person: what images without root use, such as distroless. */
#define NOBODY 65532

/* Calls that change who a process is; root may name any id, others only their own. */
static const char *const id_calls[] = {
	"setuid",     "setgid",	     "setreuid",    "setregid",	   "setresuid",	 "setresgid",
	"setgroups",  "setfsuid",    "setfsgid",    "setuid32",	   "setgid32",	 "setreuid32",
	"setregid32", "setresuid32", "setresgid32", "setgroups32", "setfsuid32", "setfsgid32",
};

static const struct wh_syscall *changed_ids(const struct wh_policy *p)
{
	size_t n;
	const void *const *calls = wh_trace_facts(p->trace, WH_KIND_SYSCALL, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_syscall *call = calls[i];
		uint64_t failed = 0;

		for (size_t j = 0; j < call->errors.n; j++)
			failed += call->errors.v[j].count;
		for (size_t j = 0; j < WH_ARRAY_SIZE(id_calls) && wh_policy_own(&call->f); j++) {
			if (strcmp(call->name, id_calls[j]) == 0 && call->f.count > failed)
				return call;
		}
	}
	return NULL;
}

static bool in_tmpfs(const struct wh_policy *p, const char *path)
{
	for (size_t i = 0; i < p->n_places; i++) {
		if (p->places[i].kind == WH_POLICY_TMPFS &&
		    (strcmp(path, p->places[i].path) == 0 ||
		     wh_policy_within(path, p->places[i].path)))
			return true;
	}
	return false;
}

/* What others could not have done, if only by its mode: what they make in an empty tmpfs, and what is made anew, is theirs. */
static bool bars_others(const struct wh_policy *p, const struct wh_places *places,
			const struct wh_file *fact)
{
	wh_auto(str) path = strdup(fact->path);
	size_t len = path ? strlen(path) : 0, made;

	while (len && path[len - 1] == '/')
		path[--len] = '\0';
	if (!path || !fact->restricted || path[0] != '/' || in_tmpfs(p, path))
		return path == NULL;
	/* Of one's own process. */
	if (fact->owner_always && wh_util_has_prefix(path, "/proc/@{pid}"))
		return false;
	made = wh_places_made(places, path);
	return wh_trace_access_makes(fact->access) ? !made || made == len : !made;
}

struct obstacle {
	const char *reason;
	enum wh_kind kind;
	const void *fact;
};

static bool file_obstacle(struct wh_policy *p, const struct wh_places *places,
			  const struct wh_file *fact, struct obstacle *ret)
{
	const char *why = NULL;

	if (!wh_policy_own(&fact->f) || !wh_policy_happened(&fact->f, &fact->outcomes) ||
	    fact->access == WH_ACCESS_INHERIT_READ || fact->access == WH_ACCESS_INHERIT_WRITE)
		return false;
	if (fact->access == WH_ACCESS_CHOWN)
		why = "it gave away, which only root can";
	else if (strcmp(fact->path, "/etc/passwd") == 0 && fact->access == WH_ACCESS_READ)
		why = "it may look itself up there: choose a user that the image has, and record "
		      "it "
		      "with that";
	else if (wh_policy_within(fact->path, "/root"))
		why = "it is in root's home, and others have another one";
	else if (bars_others(p, places, fact))
		why = "not everybody may do that, going by the modes";
	if (!why)
		return false;
	ret->reason = wh_pool_printf(&p->pool, "%s %s: %s", wh_trace_access_name(fact->access),
				     fact->path, why);
	ret->kind = WH_KIND_FILE;
	ret->fact = fact;
	return true;
}

/* Return: whether root is needed, with the reason; NULL in it when memory ran out. */
static bool find_obstacle(struct wh_policy *p, const struct wh_places *places, struct obstacle *ret)
{
	const struct wh_syscall *call = changed_ids(p);
	size_t n;
	const void *const *files = wh_trace_facts(p->trace, WH_KIND_FILE, &n);

	for (size_t i = 0; i < p->n_caps; i++) {
		const struct wh_policy_cap *cap = &p->caps[i];

		if (cap->decision != WH_POLICY_ADD && cap->decision != WH_POLICY_COVERED)
			continue;
		ret->reason =
			wh_pool_printf(&p->pool, "it needs %s, which only root has", cap->name);
		ret->kind = WH_KIND_CAP;
		ret->fact = cap->facts[0];
		return true;
	}
	if (call) {
		ret->reason = wh_pool_printf(&p->pool, "it changes its own ids, by %s", call->name);
		ret->kind = WH_KIND_SYSCALL;
		ret->fact = call;
		return true;
	}
	for (size_t i = 0; i < n; i++) {
		if (file_obstacle(p, places, files[i], ret))
			return true;
	}
	return false;
}

static int set_user(struct wh_policy *p, uint64_t uid, uint64_t gid, const char *reason,
		    struct wh_error *e)
{
	const char *value = wh_pool_printf(&p->pool, "%llu:%llu", (unsigned long long)uid,
					   (unsigned long long)gid);

	if (!value)
		return wh_error_oom(e);
	p->run_uid = uid;
	p->run_gid = gid;
	return wh_policy_hint_set(p, WH_POLICY_HINT_USER, true, value, reason, e);
}

/* Given by number, a user has no groups but those that are named. */
static int find_groups(struct wh_policy *p, struct wh_error *e)
{
	size_t n;
	const void *const *runs = wh_policy_facts(p, WH_KIND_RUN, &n);
	const struct wh_run *run = runs[0];

	for (size_t i = 0; i < run->groups.n; i++) {
		const char **group;
		uint64_t number;

		if (wh_util_parse_u64(run->groups.v[i], &number) < 0 || number > UINT32_MAX ||
		    number == p->gid)
			continue;
		group = wh_pool_append(&p->pool, &p->groups, &p->n_groups, sizeof(*group));
		if (!group)
			return wh_error_oom(e);
		*group = run->groups.v[i];
	}
	return 0;
}

static int judge_root(struct wh_policy *p, struct wh_error *e)
{
	struct wh_places places = {0};
	struct obstacle obstacle = {0};
	int r = wh_places_find(p, &places, e);

	if (r < 0)
		return r;
	if (places.unknown)
		return wh_policy_hint_set(p, WH_POLICY_HINT_USER, false, NULL, places.unknown, e);
	if (!find_obstacle(p, &places, &obstacle))
		return set_user(
			p, NOBODY, NOBODY,
			"it was root, but did nothing that not everybody may do, and changed "
			"no ids; that it does not ask for root itself cannot be seen",
			e);
	r = wh_policy_hint_set(p, WH_POLICY_HINT_USER, false, NULL, obstacle.reason, e);
	return r < 0 ? r
		     : wh_policy_hint_fact(p, WH_POLICY_HINT_USER, obstacle.kind, obstacle.fact, e);
}

static int judge_user(struct wh_policy *p, struct wh_error *e)
{
	const char *unsure = wh_policy_unsure(p);
	int r;

	if (!p->same_user)
		return wh_policy_hint_set(p, WH_POLICY_HINT_USER, false, NULL,
					  "the recordings began as different users", e);
	if (p->uid != 0) {
		r = find_groups(p, e);
		return r < 0 ? r : set_user(p, p->uid, p->gid, "it was recorded as this user", e);
	}
	if (unsure || !p->container)
		return wh_policy_hint_set(
			p, WH_POLICY_HINT_USER, false, NULL,
			unsure ? unsure
			       : "it was root, outside of a container: whether others "
				 "could do the same in an image is not known",
			e);
	return judge_root(p, e);
}

/* ---- whose a tmpfs is ------------------------------------------------------------------------ */

/* Whether all may write in the folder, as in /tmp: what was made in it says so. */
static bool is_open(const struct wh_policy_place *place)
{
	size_t len = strlen(place->path);
	bool any = false;

	for (size_t i = 0; i < place->n_facts; i++) {
		const struct wh_file *fact = place->facts[i];
		const char *rest = fact->path + len;

		if (!wh_trace_access_makes(fact->access) ||
		    !wh_policy_within(fact->path, place->path) ||
		    (strchr(rest + 1, '/') && strchr(rest + 1, '/')[1]))
			continue;
		if (fact->restricted)
			return false;
		any = true;
	}
	return any;
}

static int set_texts(struct wh_policy *p, struct wh_policy_place *place, bool open, bool root,
		     struct wh_error *e)
{
	const char *exec = place->executes ? "exec," : "";

	place->podman_options =
		wh_pool_printf(&p->pool, "%smode=%s", exec, root && !open ? "755" : "1777");
	place->options = open || root ? place->podman_options
				      : wh_pool_printf(&p->pool, "%smode=755,uid=%llu,gid=%llu",
						       exec, (unsigned long long)p->run_uid,
						       (unsigned long long)p->run_gid);
	return place->options && place->podman_options ? 0 : wh_error_oom(e);
}

/*
 * A tmpfs is root's, and where the image has such a folder, runc 1.1 gives it that one's mode, whatever is asked for. So
 * it is for root alone, for all where the image lets all write, or for one user by its number. Whoever else
 * has the folder in the image also has it in a volume.
 */
static int set_options(struct wh_policy *p, struct wh_error *e)
{
	const struct wh_policy_hint *user = &p->hints[WH_POLICY_HINT_USER];
	bool many = !p->same_user || changed_ids(p), root = !user->on && !many;
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_places; i++) {
		struct wh_policy_place *place = &p->places[i];
		bool open = is_open(place);

		if (place->kind != WH_POLICY_TMPFS)
			continue;
		if (many && !open && !place->given) {
			place->kind = WH_POLICY_VOLUME;
			place->reason = wh_pool_printf(&p->pool,
						       "%s; a tmpfs would be root's, and others "
						       "write there, too",
						       place->reason);
			if (!place->reason)
				return wh_error_oom(e);
			continue;
		}
		r = set_texts(p, place, open || many, root, e);
	}
	return r;
}

int wh_policy_user(struct wh_policy *p, struct wh_error *e)
{
	int r = judge_user(p, e);

	return r < 0 ? r : set_options(p, e);
}
