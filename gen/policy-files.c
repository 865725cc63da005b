// SPDX-License-Identifier: Apache-2.0
/*
 * AppArmor file rules.
 *
 * A rule is needed where the kernel asked AppArmor: security/apparmor has hooks for opening, creating,
 * removing, renaming, linking, changing mode or owner, truncating, locking, executing and mapping, and
 * none for looking at a file or searching a folder. The letters of each access are WH_ACCESS_LIST's.
 */
#include "gen/policy-internal.h"

#include "gen/generalise.h"
#include "gen/policy-split.h"

/*
 * Outcomes that the kernel decides before it asks AppArmor (fs/namei.c looks the path up and checks
 * DAC first), or that were a refusal already: such an attempt needs no rule, and fails without one
 * as it did.
 */
static const char *const before_apparmor[] = {
	"EACCES", "EEXIST", "EFAULT",  "EINVAL", "ELOOP", "EMFILE", "ENAMETOOLONG",
	"ENFILE", "ENOENT", "ENOTDIR", "EPERM",	 "EROFS", "EXDEV",  "ENOSYS",
};

static bool asked_apparmor(const struct wh_file *fact)
{
	const struct wh_counts *outcomes = &fact->outcomes;

	/* It was, and that is why it is known. */
	if (fact->f.phases & WH_PHASE_AUDIT)
		return true;
	for (size_t i = 0; i < outcomes->n; i++) {
		bool before = false;

		for (size_t j = 0; j < WH_ARRAY_SIZE(before_apparmor); j++)
			before |= strcmp(outcomes->v[i].name, before_apparmor[j]) == 0;
		if (!before)
			return true;
	}
	/* A call that has not returned may yet succeed. */
	return outcomes->n == 0;
}

unsigned wh_policy_file_letters(const struct wh_file *fact)
{
	static const char order[] = "rwalkmx";
	unsigned letters = 0;

	for (const char *c = wh_trace_access_letters(fact->access); *c; c++) {
		const char *at = strchr(order, *c);

		wh_assert(at);
		letters |= 1u << (at - order);
	}
	/*
	 * "a" alone lets a file be opened with O_APPEND, but not with O_CREAT|O_APPEND, even if it is
	 * there: the kernel then asks for AA_MAY_CREATE, which only "w" gives (aa_map_file_to_perms(),
	 * map_old_perms()). A trace does not tell whether O_CREAT was set, and log files are
	 * opened so.
	 */
	if (letters & WH_POLICY_A)
		letters = (letters & ~WH_POLICY_A) | WH_POLICY_W;
	/* Where both names are known, it becomes a link rule, which is narrower. */
	if (fact->access == WH_ACCESS_LINK_TO && fact->peers.n && !fact->peers.overflow)
		letters &= ~WH_POLICY_L;
	return letters;
}

/*
 * `owner` is worth its while where something is changed or a process is looked into. Devices are
 * left out: who owns a terminal or a disk differs from machine to machine.
 */
static bool worth_owner(const char *path, unsigned letters)
{
	if (wh_util_has_prefix(path, "/dev/"))
		return wh_util_has_prefix(path, "/dev/shm/");
	return letters & (WH_POLICY_W | WH_POLICY_A) || wh_util_has_prefix(path, "/proc/@{pid}");
}

/*
 * Whether the descriptor of an inherit-… fact came in by execve() alone. One that another process
 * sent is asked about again when it arrives (apparmor_file_receive()), in production too.
 */
static bool only_over_execve(const struct wh_file *fact)
{
	for (size_t i = 0; i < fact->syscalls.n; i++) {
		if (!wh_util_has_prefix(fact->syscalls.v[i], "execve"))
			return false;
	}
	return !fact->syscalls.overflow;
}

static bool only_reads(unsigned letters)
{
	return !(letters & (WH_POLICY_W | WH_POLICY_A | WH_POLICY_L));
}

/*
 * How a path is written is decided on all that was seen of it: who only reads a file that another program makes does not
 * know that its name differs each time.
 */
static int add_pattern(struct wh_policy *p, const struct wh_generalise *g,
		       struct wh_policy_file *file, unsigned use, bool outside, struct wh_error *e)
{
	wh_auto(buf) pattern = {0}, reasons = {0};

	if (only_reads(file->letters))
		use |= WH_GENERALISE_READ;
	wh_generalise_path(g, file->path, use, &pattern, &reasons);
	/* AppArmor names it from its own root, and attach_disconnected takes that for ours. */
	if (outside)
		wh_buf_addf(&reasons, "%sit lies outside of the container's root",
			    reasons.len ? "; " : "");
	if (pattern.failed || reasons.failed)
		return wh_error_oom(e);
	file->pattern = wh_pool_strndup(&p->pool, pattern.data, pattern.len);
	file->reason = reasons.len ? wh_pool_strdup(&p->pool, reasons.data) : NULL;
	return file->pattern && (file->reason || !reasons.len) ? 0 : wh_error_oom(e);
}

/* All facts of one path become one entry; @n of them, none if none needs a rule. */
static int add_path(struct wh_policy *p, const struct wh_generalise *g, const void *const *facts,
		    size_t n, struct wh_error *e)
{
	const struct wh_file *first = facts[0];
	bool outside = wh_util_has_prefix(first->path, WH_FILE_UNREACHABLE);
	struct wh_policy_file file = {
		.path = first->path + (outside ? strlen(WH_FILE_UNREACHABLE) : 0), .owner = true};
	const struct wh_policy_file *all = p->whole ? wh_policy_split_file(p, first->path) : NULL;
	struct wh_policy_file *place;
	bool opened = false;
	unsigned use = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		const struct wh_file *fact = facts[i], **fact_place;
		unsigned letters = wh_policy_file_letters(fact);

		if (p->whole)
			letters = wh_policy_split_letters(p, fact, letters, &file.to);
		if ((wh_trace_access_makes(fact->access) ||
		     wh_trace_access_removes(fact->access)) &&
		    asked_apparmor(fact))
			use |= WH_GENERALISE_CREATED;
		if (!letters || !asked_apparmor(fact))
			continue;
		opened |= (fact->access != WH_ACCESS_INHERIT_READ &&
			   fact->access != WH_ACCESS_INHERIT_WRITE) ||
			  !only_over_execve(fact);
		file.letters |= letters;
		file.owner &= fact->owner_always;
		fact_place =
			wh_pool_append(&p->pool, &file.facts, &file.n_facts, sizeof(*fact_place));
		if (!fact_place)
			return wh_error_oom(e);
		*fact_place = fact;
	}
	/*
	 * Inherited open, but opened by nothing that was recorded: standard input and output of whoever
	 * recorded. In a container the runtime's take their place.
	 */
	if (p->whole ? !all || !file.letters : !opened)
		return 0;
	file.owner &= worth_owner(file.path, file.letters);
	if (all) {
		file.pattern = all->pattern;
		file.reason = all->reason;
	} else {
		r = add_pattern(p, g, &file, use, outside, e);
		if (r < 0)
			return r;
	}
	place = wh_pool_append(&p->pool, &p->files, &p->n_files, sizeof(*place));
	if (!place)
		return wh_error_oom(e);
	*place = file;
	return 0;
}

static int by_pattern(const void *a, const void *b)
{
	const struct wh_policy_file *x = a, *y = b;
	int order = strcmp(x->pattern, y->pattern);

	return order ? order : strcmp(x->path, y->path);
}

/* Paths that became the same pattern become one rule, of all their letters. */
static int join(struct wh_policy *p, struct wh_error *e)
{
	size_t kept = 0;

	if (p->n_files == 0)
		return 0;
	qsort(p->files, p->n_files, sizeof(*p->files), by_pattern);
	for (size_t i = 1; i < p->n_files; i++) {
		struct wh_policy_file *into = &p->files[kept], *from = &p->files[i];

		if (strcmp(into->pattern, from->pattern) != 0) {
			p->files[++kept] = *from;
			continue;
		}
		into->letters |= from->letters;
		into->owner &= from->owner;
		into->to = into->to ? into->to : from->to;
		for (size_t j = 0; j < from->n_facts; j++) {
			const struct wh_file **place = wh_pool_append(
				&p->pool, &into->facts, &into->n_facts, sizeof(*place));

			if (!place)
				return wh_error_oom(e);
			*place = from->facts[j];
		}
	}
	p->n_files = kept + 1;
	return 0;
}

int wh_policy_files(struct wh_policy *p, struct wh_error *e)
{
	wh_auto(generalise) g = NULL;
	size_t n;
	const void *const *facts = wh_policy_facts(p, WH_KIND_FILE, &n);
	int r = wh_generalise_load(&g, e);

	if (r < 0)
		return r;
	for (size_t i = 0, end; i < n; i = end) {
		const struct wh_file *first = facts[i];

		for (end = i + 1; end < n; end++) {
			const struct wh_file *next = facts[end];

			if (strcmp(next->path, first->path) != 0)
				break;
		}
		/* Pipes, sockets, memfds: AppArmor mediates no path there. */
		if (first->path[0] != '/' &&
		    !wh_util_has_prefix(first->path, WH_FILE_UNREACHABLE "/"))
			continue;
		r = add_path(p, g, facts + i, end - i, e);
		if (r < 0)
			return r;
	}
	return join(p, e);
}
