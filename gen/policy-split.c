// SPDX-License-Identifier: Apache-2.0
/*
 * Which programs get an AppArmor profile of their own, and which facts are whose.
 *
 * What is executed from outside (the entrypoint, a health check) runs under the profile itself; any other program under a
 * child of it, that is entered when it is executed. A script is its interpreter: that is what runs, and what facts name.
 */
#include "gen/policy-split.h"

#include <sys/prctl.h>

#include "gen/policy-internal.h"

#define PROGRAMS_MAX 256 /* beyond, a person would not read it either */
#define PROFILES_MAX 64
/* AA_EXEC_COUNT of apparmor_parser is 16, of which four mean something else: it takes no more targets in a profile. */
#define TARGETS_MAX 12

const char *wh_policy_split_runs_as(const struct wh_exec *exec)
{
	return exec->interpreter ? exec->interpreter : exec->to;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct wh_policy_program *)a)->path,
		      ((const struct wh_policy_program *)b)->path);
}

static struct wh_policy_program *find(const struct wh_policy_split *split, const char *path)
{
	const struct wh_policy_program key = {.path = path};

	return path && split->n_programs
		       ? bsearch(&key, split->programs, split->n_programs, sizeof(key), by_path)
		       : NULL;
}

bool wh_policy_split_ran(const struct wh_policy_split *split, const char *program)
{
	return find(split, program) != NULL;
}

/* What was never seen to be executed was there before: it runs under the profile itself. */
size_t wh_policy_split_profile(const struct wh_policy_split *split, const char *program)
{
	const struct wh_policy_program *found = find(split, program);

	return found ? found->profile : 0;
}

/* ---- whether --------------------------------------------------------------------------------- */

static bool sets_no_new_privs(const struct wh_policy *p)
{
	size_t n;
	const void *const *facts = wh_policy_facts(p, WH_KIND_SYSCALL, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_syscall *s = facts[i];

		if (strcmp(s->name, "prctl") != 0)
			continue;
		for (size_t j = 0; j < s->args.n; j++)
			if (s->args.args & 1 && s->args.v[j][0] == PR_SET_NO_NEW_PRIVS)
				return true;
		if (s->args.overflow)
			return true;
	}
	return false;
}

static int collect_programs(struct wh_policy *p, struct wh_policy_split *split, struct wh_error *e)
{
	size_t n, kept = 0;
	const void *const *execs = wh_policy_facts(p, WH_KIND_EXEC, &n);

	for (size_t i = 0; i < n; i++) {
		struct wh_policy_program *program = wh_pool_append(
			&p->pool, &split->programs, &split->n_programs, sizeof(*program));

		if (!program)
			return wh_error_oom(e);
		program->path = wh_policy_split_runs_as(execs[i]);
	}
	if (!n)
		return 0;
	qsort(split->programs, n, sizeof(*split->programs), by_path);
	for (size_t i = 1; i < n; i++)
		if (strcmp(split->programs[kept].path, split->programs[i].path) != 0)
			split->programs[++kept] = split->programs[i];
	split->n_programs = kept + 1;
	for (size_t i = 0; i < split->n_programs; i++)
		split->programs[i].profile = i + 1;
	for (size_t i = 0; i < n; i++) {
		const struct wh_exec *exec = execs[i];

		if (!find(split, exec->from))
			find(split, wh_policy_split_runs_as(exec))->profile = 0;
	}
	return 0;
}

int wh_policy_split_wanted(struct wh_policy *p, bool asked, struct wh_error *e)
{
	struct wh_policy_split *split;
	bool several = false;
	int r;

	if (!asked)
		return 0;
	if (sets_no_new_privs(p))
		return wh_policy_warn(p,
				      "no profile is made for each program: one of them sets "
				      "no_new_privs itself, "
				      "under which the kernel refuses to change to another profile",
				      false, NULL, e);
	split = wh_pool_alloc(&p->pool, sizeof(*split));
	r = split ? collect_programs(p, split, e) : wh_error_oom(e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < split->n_programs; i++)
		several |= split->programs[i].profile != 0;
	if (several && split->n_programs > PROGRAMS_MAX)
		return wh_policy_warn(
			p,
			wh_pool_printf(&p->pool,
				       "no profile is made for each program: there are %zu of them",
				       split->n_programs),
			false, NULL, e);
	p->split = several ? split : NULL;
	return 0;
}

/* ---- who is together ------------------------------------------------------------------------- */

static void unite(struct wh_policy_split *split, size_t a, size_t b)
{
	size_t into = a < b ? a : b, from = a < b ? b : a;

	for (size_t i = 0; i < split->n_programs; i++)
		if (split->programs[i].profile == from)
			split->programs[i].profile = into;
}

static int by_fact_path(const void *a, const void *b)
{
	return strcmp(((const struct wh_policy_path *)a)->path,
		      ((const struct wh_policy_path *)b)->path);
}

static int index_paths(struct wh_policy *p, struct wh_error *e)
{
	struct wh_policy_split *split = p->split;

	for (size_t i = 0; i < p->n_files; i++) {
		for (size_t j = 0; j < p->files[i].n_facts; j++) {
			const char *path = p->files[i].facts[j]->path;
			struct wh_policy_path *place;

			if (j && strcmp(path, p->files[i].facts[j - 1]->path) == 0)
				continue;
			place = wh_pool_append(&p->pool, &split->paths, &split->n_paths,
					       sizeof(*place));
			if (!place)
				return wh_error_oom(e);
			*place = (struct wh_policy_path){path, &p->files[i]};
		}
	}
	if (split->n_paths)
		qsort(split->paths, split->n_paths, sizeof(*split->paths), by_fact_path);
	return 0;
}

const struct wh_policy_file *wh_policy_split_rule(const struct wh_policy_split *split,
						  const char *path)
{
	const struct wh_policy_path key = {.path = path},
				    *found = split->n_paths
						     ? bsearch(&key, split->paths, split->n_paths,
							       sizeof(key), by_fact_path)
						     : NULL;

	return found ? found->file : NULL;
}

/*
 * Two rules of a profile must not lead from one path to two profiles. Whether patterns have a path in common is told
 * from the part before what is variable: that errs on the side of "yes".
 */
static bool may_meet(const struct wh_policy_file *a, const struct wh_policy_file *b)
{
	size_t x = a->reason ? strcspn(a->pattern, "*?[{@\\") : strlen(a->pattern);
	size_t y = b->reason ? strcspn(b->pattern, "*?[{@\\") : strlen(b->pattern);

	if (a == b)
		return true;
	if (!a->reason && !b->reason)
		return strcmp(a->pattern, b->pattern) == 0;
	return strncmp(a->pattern, b->pattern, x < y ? x : y) == 0 &&
	       ((a->reason && b->reason) || (a->reason ? x <= y : y <= x));
}

static void unite_patterns(struct wh_policy *p)
{
	struct wh_policy_split *split = p->split;
	size_t n;
	const void *const *execs = wh_policy_facts(p, WH_KIND_EXEC, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_exec *a = execs[i];
		const struct wh_policy_file *fa = wh_policy_split_rule(split, a->to);

		for (size_t j = 0; j < i; j++) {
			const struct wh_exec *b = execs[j];
			const struct wh_policy_file *fb = wh_policy_split_rule(split, b->to);

			if (strcmp(a->to, b->to) == 0 || (fa && fb && may_meet(fa, fb)))
				unite(split,
				      wh_policy_split_profile(split, wh_policy_split_runs_as(a)),
				      wh_policy_split_profile(split, wh_policy_split_runs_as(b)));
		}
	}
}

/* How much a profile would hold: one that holds little is no great loss. */
static size_t weight(const struct wh_policy *p, size_t profile)
{
	size_t n, sum = 0;
	const void *const *facts = wh_policy_facts(p, WH_KIND_FILE, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_fact *f = facts[i];

		for (size_t j = 0; j < f->programs.n; j++)
			sum += wh_policy_split_profile(p->split, f->programs.v[j]) == profile;
	}
	return sum;
}

/*
 * The targets of @from, each once, or of all if @from is SIZE_MAX.
 * @ret_least: the one that holds least; @ret_launcher: who executes it
 */
static size_t targets(const struct wh_policy *p, size_t from, size_t *ret_least,
		      size_t *ret_launcher)
{
	bool seen[PROGRAMS_MAX + 1] = {0};
	size_t n, count = 0, least = SIZE_MAX;
	const void *const *execs = wh_policy_facts(p, WH_KIND_EXEC, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_exec *exec = execs[i];
		size_t launcher = wh_policy_split_profile(p->split, exec->from);
		size_t target = wh_policy_split_profile(p->split, wh_policy_split_runs_as(exec)), w;

		if ((from != SIZE_MAX && launcher != from) || target == launcher || seen[target])
			continue;
		seen[target] = true;
		count++;
		w = weight(p, target);
		/* The profile itself is no child to be given up. */
		if (target && w < least) {
			least = w;
			*ret_least = target;
			*ret_launcher = launcher;
		}
	}
	return count;
}

static const char *least_of(const struct wh_policy_split *split, size_t profile)
{
	for (size_t i = 0; i < split->n_programs; i++)
		if (split->programs[i].profile == profile)
			return split->programs[i].path;
	return "?";
}

/* Until each profile leads to few enough others, and there are few enough. */
static int fold(struct wh_policy *p, struct wh_error *e)
{
	struct wh_policy_split *split = p->split;
	size_t least = 0, launcher = 0;
	wh_auto(buf) shared = {0};

	for (size_t i = 0; i <= split->n_programs + 1; i++) {
		bool all = i > split->n_programs;
		size_t from = all ? SIZE_MAX : i;

		while (targets(p, from, &least, &launcher) > (all ? PROFILES_MAX : TARGETS_MAX)) {
			wh_buf_addf(&shared, "%s%s", shared.len ? ", " : "",
				    least_of(split, least));
			unite(split, least, launcher);
		}
	}
	if (shared.failed)
		return wh_error_oom(e);
	if (!shared.len)
		return 0;
	return wh_policy_warn(
		p,
		wh_pool_printf(
			&p->pool,
			"without an AppArmor profile of its own, under that of who executes it, as "
			"apparmor_parser takes no more than %d to change to in a profile: %s",
			TARGETS_MAX, shared.data),
		false, NULL, e);
}

/* Number those that are left from 0 without a hole; the order stays that of their least program. */
static size_t renumber(struct wh_policy_split *split)
{
	size_t n = 1;

	for (size_t old = 1; old <= split->n_programs; old++) {
		bool found = false;

		for (size_t i = 0; i < split->n_programs; i++) {
			if (split->programs[i].profile != old)
				continue;
			split->programs[i].profile = n;
			found = true;
		}
		n += found;
	}
	return n;
}

int wh_policy_split_group(struct wh_policy *p, size_t *ret_n, struct wh_error *e)
{
	int r = index_paths(p, e);

	if (r < 0)
		return r;
	unite_patterns(p);
	r = fold(p, e);
	if (r >= 0)
		*ret_n = renumber(p->split);
	return r;
}
