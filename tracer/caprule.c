/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "tracer/caprule_impl.h"
#include "tracer/path.h"
#include "whittle/buf.h"

static const struct wh_caprule *const families[] = {
	wh_caprule_file, wh_caprule_owner,  wh_caprule_id,     wh_caprule_net,	 wh_caprule_ioctl,
	wh_caprule_task, wh_caprule_signal, wh_caprule_memory, wh_caprule_admin, wh_caprule_tracing,
};

static const struct wh_caprule *find(const char *name)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(families); i++)
		for (const struct wh_caprule *rule = families[i]; rule->name; rule++)
			if (strcmp(rule->name, name) == 0)
				return rule;
	return NULL;
}

/* The rule of a row, by the row's place in the table: asked at every call, and always the same. */
static const struct wh_caprule *rule_of(const struct wh_syscall_row *row)
{
	static _Atomic(const struct wh_caprule *) memo[1024];
	const struct wh_caprule *rule;
	size_t n, i = (size_t)(row - wh_syscall_rows(&n));

	if (i >= n || i >= WH_ARRAY_SIZE(memo))
		return find(row->cap); /* a test's own row */
	rule = atomic_load_explicit(&memo[i], memory_order_relaxed);
	if (!rule) {
		rule = find(row->cap);
		atomic_store_explicit(&memo[i], rule, memory_order_relaxed);
	}
	return rule;
}

bool wh_caprule_known(const char *name)
{
	return find(name) != NULL;
}

bool wh_caprule_covers(const char *cap)
{
	int number = wh_capability_number(cap);

	if (number < 0)
		return false;
	for (size_t i = 0; i < WH_ARRAY_SIZE(families); i++)
		for (const struct wh_caprule *rule = families[i]; rule->name; rule++)
			if (rule->caps >> number & 1)
				return true;
	return false;
}

/* ---- needs ----------------------------------------------------------------------------------- */

void wh_caprule_need(struct wh_caprule_ask *ask, int cap, int instead, enum wh_strength strength,
		     const char *fmt, ...)
{
	struct wh_call *call = ask->call;
	struct wh_need *need;
	va_list ap;
	int n;

	wh_assert(ask->rule->any || ask->rule->caps >> cap & 1);
	ask->last = NULL;
	if (ask->oom || call->n_needs == WH_NEEDS_MAX)
		return;
	if (!call->needs)
		call->needs = calloc(WH_NEEDS_MAX, sizeof(*call->needs));
	if (!call->needs) {
		ask->oom = true;
		return;
	}
	need = &call->needs[call->n_needs];
	va_start(ap, fmt);
	n = vasprintf(&need->evidence, fmt, ap);
	va_end(ap);
	if (n < 0) {
		ask->oom = true;
		return;
	}
	need->cap = cap;
	need->instead = instead;
	need->strength = strength;
	need->search = need->silent = need->answered = need->outer = false;
	need->err = 0;
	need->vain = wh_caprule_is_vain(ask, cap);
	ask->last = need;
	call->n_needs++;
}

void wh_caprule_drop(struct wh_caprule_ask *ask)
{
	if (!ask->last)
		return;
	/* It is the last one of the call, too. */
	free(wh_take(ask->last->evidence));
	ask->call->n_needs--;
	ask->last = NULL;
}

void wh_caprule_silent(struct wh_caprule_ask *ask)
{
	if (ask->last)
		ask->last->silent = true;
}

void wh_caprule_by(struct wh_caprule_ask *ask, int err)
{
	if (ask->last)
		ask->last->err = err;
}

void wh_caprule_answered(struct wh_caprule_ask *ask)
{
	if (ask->last)
		ask->last->answered = true;
}

void wh_caprule_outer(struct wh_caprule_ask *ask)
{
	if (ask->last)
		ask->last->outer = true;
}

void wh_caprule_simple(struct wh_caprule_ask *ask)
{
	wh_caprule_need(ask, ask->rule->cap, -1, WH_STRENGTH_REQUIRED, "%s", ask->rule->what);
}

static void drop_needs(struct wh_call *call)
{
	for (unsigned i = 0; i < call->n_needs; i++)
		free(call->needs[i].evidence);
	free(wh_take(call->needs));
	call->n_needs = 0;
}

void wh_caprule_reset(struct wh_call *call)
{
	drop_needs(call);
	call->cap_held = 0;
	call->cap_late = false;
}

/* Who asks, and what he holds. */
static bool look(struct wh_caprule_ask *ask)
{
	struct wh_call *call = ask->call;

	ask->creds = wh_creds_get(ask->r, ask->task);
	if (!ask->creds)
		return false;
	call->cap_held = ask->creds->effective;
	call->cap_uid = ask->creds->fsuid;
	call->cap_foreign = ask->creds->userns != ask->r->home.ino;
	return true;
}

int wh_caprule_enter(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_caprule_text text[2];
	struct wh_userns room;
	struct wh_caprule_ask ask = {
		.r = r, .task = task, .call = &task->call, .text = text, .room = &room};

	wh_caprule_reset(&task->call);
	ask.rule = rule_of(task->call.row);
	if (!ask.rule || !look(&ask))
		return 0;
	/* One who holds nothing uses nothing, and what it lacks only a refusal shows. */
	task->call.cap_late = ask.rule->late && !ask.creds->effective;
	if (!task->call.cap_late)
		ask.rule->enter(&ask);
	return ask.oom ? -ENOMEM : 0;
}

/* ---- the verdict ----------------------------------------------------------------------------- */

/*
 * The least that would do, even where the call got by with more: a read that went through with
 * CAP_DAC_OVERRIDE alone still is one that CAP_DAC_READ_SEARCH would have let pass.
 */
static int record(struct wh_caprule_ask *ask, const struct wh_need *need, enum wh_strength strength,
		  bool denied)
{
	const struct wh_call *call = ask->call;
	bool foreign = call->cap_foreign && !need->outer;
	struct wh_cap key = {.denied = denied}, *fact;
	wh_auto(buf) text = {0};
	wh_auto(str) evidence = NULL;
	int k;

	key.cap = wh_capability_row((unsigned)need->cap)->name;
	if (need->instead >= 0)
		key.instead = wh_capability_row((unsigned)need->instead)->name;
	/* Whoever makes a user namespace has every capability in it: a container need not give any. */
	key.strength = foreign ? WH_STRENGTH_POSSIBLE : strength;
	wh_buf_addf(&text, "%s by uid %u%s needs %s", need->evidence,
		    wh_caprule_say_uid(ask, call->cap_uid),
		    foreign ? " in a user namespace of its own" : "", key.cap);
	if (key.instead)
		wh_buf_addf(&text, " or %s", key.instead);
	evidence = wh_buf_take(&text);
	if (!evidence)
		return -ENOMEM;
	k = wh_record_fact(ask->r, ask->task, WH_KIND_CAP, &key, true, &fact);
	if (k < 0)
		return k == -ENOMEM ? k : 0;
	if (denied)
		wh_caprule_refused(ask->task, fact);
	k = wh_trace_add_str(ask->r->trace, &fact->syscalls, WH_LIMIT_SYSCALLS, call->name);
	if (k >= 0)
		k = wh_trace_add_str(ask->r->trace, &fact->evidence, WH_LIMIT_EVIDENCE, evidence);
	return k == -ENOMEM ? k : 0;
}

static bool is_refused(const struct wh_caprule_ask *ask)
{
	int err = ask->call->err;

	return err == EPERM || err == EACCES || (ask->rule->error && err == ask->rule->error);
}

/*
 * What is immutable or append-only nobody changes, whatever he holds: may_delete() and may_setattr() say EPERM
 * before they ask whose it is.
 */
static bool is_fixed(struct wh_caprule_ask *ask, const struct wh_place *place)
{
	static const uint64_t fixed = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND;
	char path[2 * PATH_MAX];
	struct statx st;
	char *slash;

	if (!place->valid || !place->path || wh_path_waits(ask->r, ask->task, place->dir_dev) ||
	    wh_path_waits(ask->r, ask->task, place->dev) ||
	    !wh_caprule_reach(ask, place->path, path, sizeof(path)))
		return false;
	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) == 0 &&
	    st.stx_attributes & fixed)
		return true;
	slash = strrchr(path, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return statx(AT_FDCWD, path, 0, STATX_TYPE, &st) == 0 && st.stx_attributes & fixed;
}

/* Was it for want of @need that the call was refused, as far as one can tell? */
static bool lacked(struct wh_caprule_ask *ask, const struct wh_need *need)
{
	static const uint64_t of_access = WH_CAP(DAC_OVERRIDE) | WH_CAP(DAC_READ_SEARCH);
	static const uint64_t of_files = WH_CAP(CHOWN) | WH_CAP(FOWNER) | WH_CAP(DAC_OVERRIDE);
	const struct wh_call *call = ask->call;

	if (need->err && call->err != need->err)
		return false;
	if (call->err == EACCES && of_access >> need->cap & 1 && wh_caprule_is_barred(ask))
		return false;
	if (call->err == EPERM && of_files >> need->cap & 1)
		for (size_t i = 0; i < WH_ARRAY_SIZE(call->place); i++)
			if (is_fixed(ask, &call->place[i]))
				return false;
	return true;
}

static int judge(struct wh_caprule_ask *ask)
{
	const struct wh_call *call = ask->call;
	bool refused = is_refused(ask);
	int k = 0;

	for (unsigned i = 0; i < call->n_needs && k == 0; i++) {
		const struct wh_need *need = &call->needs[i];
		bool held = call->cap_held >> need->cap & 1 ||
			    (need->instead >= 0 && call->cap_held >> need->instead & 1);

		/*
		 * If it went through without, the kernel had another reason than the rule knows, and
		 * the capability was not needed. Where a file is missing behind a directory that only
		 * the capability opens, a program would be told EACCES instead of ENOENT, and most
		 * take that worse.
		 */
		if (need->vain && (call->err || need->silent))
			continue; /* no capability that could be given would have changed anything */
		if (held && !call->err)
			k = record(ask, need, need->vain ? WH_STRENGTH_POSSIBLE : need->strength,
				   false);
		else if (held && need->search && !refused)
			k = record(ask, need, WH_STRENGTH_LIKELY, false);
		else if ((refused || (need->answered && !call->err)) && !held &&
			 !call->cap_foreign && !need->silent &&
			 need->strength != WH_STRENGTH_POSSIBLE && lacked(ask, need))
			k = record(ask, need, need->strength, true);
	}
	return k;
}

int wh_caprule_afterwards(struct wh_recorder *r, struct wh_task *task, int cap, bool held,
			  enum wh_strength strength, const char *what)
{
	struct wh_caprule rule = {.name = "afterwards", .caps = UINT64_C(1) << cap};
	struct wh_caprule_text text[2];
	struct wh_userns room;
	struct wh_caprule_ask ask = {.r = r,
				     .task = task,
				     .call = &task->call,
				     .rule = &rule,
				     .text = text,
				     .room = &room};
	int k;

	wh_caprule_reset(&task->call);
	if (!look(&ask))
		return 0;
	if (held)
		task->call.cap_held |= rule.caps;
	wh_caprule_need(&ask, cap, -1, strength, "%s", what);
	wh_caprule_initial(&ask);
	k = ask.oom ? -ENOMEM : judge(&ask);
	wh_caprule_reset(&task->call);
	return k;
}

/*
 * Calls that may change credentials, but are not of that family. Of an execve() wh_decode_exec() sees to
 * it, when the new ones are in force.
 */
static bool changes_creds(const struct wh_syscall_row *row)
{
	return row->irregular == WH_IRREGULAR_CREDS || row->irregular == WH_IRREGULAR_PRCTL ||
	       row->irregular == WH_IRREGULAR_NAMESPACE;
}

int wh_caprule_exit(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_caprule_text text[2];
	struct wh_userns room;
	struct wh_caprule_ask ask = {
		.r = r, .task = task, .call = &task->call, .text = text, .room = &room};
	int k = 0;

	ask.rule = rule_of(task->call.row);
	if (ask.rule && task->call.cap_late && is_refused(&ask)) {
		drop_needs(&task->call); /* all are asked for again */
		ask.creds = wh_creds_get(r, task);
		if (ask.creds)
			ask.rule->enter(&ask);
		ask.creds = NULL;
	}
	if (ask.oom) {
		k = -ENOMEM;
	} else if (ask.rule && task->call.n_needs) {
		if (ask.rule->exit)
			ask.rule->exit(&ask);
		k = ask.oom ? -ENOMEM : judge(&ask);
	}
	wh_caprule_reset(&task->call);
	if (changes_creds(task->call.row))
		wh_creds_forget(task);
	return k;
}
