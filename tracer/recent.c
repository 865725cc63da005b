/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/recent.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tracer/clock.h"
#include "tracer/decode.h"
#include "tracer/known_impl.h"
#include "tracer/memory.h"
#include "tracer/path_impl.h"

#define ENTRIES 8192 /* a power of two */
#define WAYS	4    /* places of one hash: a new one takes the place of the one looked at first */
#define NUMBERS 512

/* Which arguments of a call are what; of a call that is never known, no path. */
struct shape {
	bool ready;
	int8_t path, dirfd;
	uint8_t values; /* bits: those that mean something as they are */
};

/* Compared as bytes: no padding unset. */
struct key {
	struct wh_known_who who;
	uint64_t nr, arg[6];
	struct wh_directory root, start; /* @start: of a relative path */
};

struct entry {
	struct key key;
	struct wh_place place;
	int err; /* that the call ends with */
	/* When it was looked at: the time, and the generations of struct wh_changes. */
	uint64_t ms, names, generation;
	pid_t tid; /* who relied on it last */
	bool used; /* relied on since it was looked at last */
	bool listed;
	bool lost; /* another place since, and nobody has looked what that means */
};

struct wh_recent {
	struct shape shape[NUMBERS];
	struct entry *entry[ENTRIES];
	struct entry *used[ENTRIES]; /* at least those that are */
	size_t n_used;
	char text[PATH_MAX];
};

struct wh_recent *wh_recent_new(void)
{
	return calloc(1, sizeof(struct wh_recent));
}

static void entry_free(struct entry *e)
{
	if (e)
		wh_path_clear(&e->place);
	free(e);
}

void wh_recent_free(struct wh_recent *recent)
{
	if (!recent)
		return;
	for (size_t i = 0; i < ENTRIES; i++)
		entry_free(recent->entry[i]);
	free(recent);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void shape_fill(struct shape *shape, uint64_t nr)
{
	const char *name = wh_syscall_name(wh_syscall_abi_native(), nr);
	const struct wh_syscall_row *row = name ? wh_syscall_row(name) : NULL;
	bool opens = row && row->irregular == WH_IRREGULAR_OPEN, has_flags = false;

	*shape = (struct shape){.ready = true, .path = -1, .dirfd = -1};
	for (int8_t i = 0; row && i < 6; i++) {
		switch (row->arg[i]) {
		case WH_ARG_DIRFD:
			shape->dirfd = i;
			break;
		case WH_ARG_PATH:
		case WH_ARG_PATH_NOFOLLOW:
			/* No call with two is ever known. */
			shape->path = i;
			break;
		case WH_ARG_FLAGS:
			has_flags = true;
			shape->values |= (uint8_t)(1u << i);
			break;
		case WH_ARG_ATFLAGS:
		case WH_ARG_MODE:
		case WH_ARG_INT:
			/* An open's mode is for what it makes: else, whatever was in the register. */
			if (!opens)
				shape->values |= (uint8_t)(1u << i);
			break;
		default:
			break;
		}
	}
	/* openat2() has its flags in memory, creat() makes. */
	if (opens && !has_flags)
		shape->path = -1;
}

static const struct shape *shape_of(struct wh_recent *recent, uint64_t nr)
{
	struct shape *shape = nr < NUMBERS ? &recent->shape[nr] : NULL;

	if (shape && !shape->ready)
		shape_fill(shape, nr);
	return shape && shape->path >= 0 ? shape : NULL;
}

static bool look_directory(struct wh_recorder *r, const struct wh_task *task, const char *link,
			   struct wh_directory *ret)
{
	char path[48];
	struct statx stx;

	snprintf(path, sizeof(path), "%d/%s", (int)task->tid, link);
	if (statx(r->proc_fd, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		  STATX_BASIC_STATS | STATX_MNT_ID, &stx) < 0 ||
	    !(stx.stx_mask & STATX_MNT_ID) || !S_ISDIR(stx.stx_mode))
		return false;
	ret->dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
	ret->ino = stx.stx_ino;
	ret->mount = stx.stx_mnt_id;
	return true;
}

/* Only the tree's own calls give its tasks another root. */
static bool root_of(struct wh_recorder *r, struct wh_task *task, struct wh_directory *ret)
{
	if (task->root_at != r->changes.generation + 1) {
		task->root_at = 0;
		if (!look_directory(r, task, "root", &task->root))
			return false;
		if (!r->changes.in_flight)
			task->root_at = r->changes.generation + 1;
	}
	*ret = task->root;
	return true;
}

static bool start_of(struct wh_recorder *r, struct wh_task *task, int from,
		     struct wh_directory *ret)
{
	char link[24] = "cwd";

	/* A relative path is looked at again by its place, which is told from our root. */
	if (!wh_path_same_root(r, task))
		return false;
	if (from != AT_FDCWD)
		snprintf(link, sizeof(link), "fd/%d", from);
	return look_directory(r, task, link, ret);
}

static bool fill(struct wh_recorder *r, struct wh_task *task, const struct shape *shape,
		 uint64_t nr, const uint64_t arg[6], const char *text, struct key *key)
{
	int from = shape->dirfd < 0 ? AT_FDCWD : (int)arg[shape->dirfd];

	memset(key, 0, sizeof(*key));
	key->nr = nr;
	for (unsigned i = 0; i < 6; i++)
		if (shape->values & 1u << i)
			key->arg[i] = arg[i];
	if (!wh_known_who(r, task, &key->who) || !root_of(r, task, &key->root) ||
	    (text[0] != '/' && !start_of(r, task, from, &key->start)))
		return false;
	/* What is lost is to be found after a change, too. */
	key->who.generation = 0;
	return true;
}

static struct entry **bucket(struct wh_recent *recent, const struct key *key, const char *text)
{
	uint64_t h = wh_known_hash(14695981039346656037u, key, sizeof(*key));

	h = wh_known_hash(h, text, strlen(text));
	return &recent->entry[h & (ENTRIES - 1) & ~(uint64_t)(WAYS - 1)];
}

static struct entry *find(struct wh_recent *recent, const struct key *key, const char *text)
{
	struct entry **slot = bucket(recent, key, text);

	for (unsigned i = 0; i < WAYS; i++)
		if (slot[i] && memcmp(&slot[i]->key, key, sizeof(*key)) == 0 &&
		    strcmp(slot[i]->place.asked, text) == 0)
			return slot[i];
	return NULL;
}

/* ---- looking again --------------------------------------------------------------------------- */

static bool same_object(const struct wh_place *a, const struct wh_place *b)
{
	return a->resolved && b->resolved && a->path && b->path && strcmp(a->path, b->path) == 0 &&
	       a->exists == b->exists && a->mode == b->mode && a->uid == b->uid &&
	       a->gid == b->gid && a->dev == b->dev && a->ino == b->ino && a->nlink == b->nlink;
}

static bool same_place(const struct wh_place *a, const struct wh_place *b)
{
	return same_object(a, b) && a->search_denied == b->search_denied &&
	       a->search_restricted == b->search_restricted && a->dir_mode == b->dir_mode &&
	       a->dir_uid == b->dir_uid && a->dir_gid == b->dir_gid && a->dir_dev == b->dir_dev;
}

/* Does it lead where it led? Return: 1, 0, -ENOMEM. */
static int look(struct wh_recorder *r, struct wh_task *task, struct entry *e, int from)
{
	const struct wh_place *place = &e->place;
	struct wh_place now;
	int k = wh_path_resolve(r, task, from, place->asked, place->flags, &now);
	bool same;

	if (k < 0)
		return k;
	same = same_place(place, &now) && !(e->err && wh_known_some_wait(r));
	wh_path_clear(&now);
	if (same) {
		e->names = r->changes.names;
		e->ms = wh_clock_ms();
	}
	return same;
}

/* The same for one that was relied on, whoever did: its directory need not be @task's any more. */
static int look_back(struct wh_recorder *r, struct wh_task *task, struct entry *e)
{
	const struct wh_place *place = &e->place;
	struct wh_directory root;
	struct wh_place now;
	bool same;
	int k;

	if (!task || !root_of(r, task, &root) || memcmp(&root, &e->key.root, sizeof(root)) != 0)
		return 0;
	k = place->asked[0] == '/'
		    ? wh_path_resolve(r, task, AT_FDCWD, place->asked, place->flags, &now)
		    : wh_path_resolve(r, task, AT_FDCWD, place->path, 0, &now);
	if (k < 0)
		return k;
	/* Who may search what is @task's matter, and perhaps not that of who relied on it. */
	same = same_object(place, &now);
	wh_path_clear(&now);
	return same;
}

static int settle(struct wh_recorder *r, struct wh_task *task, struct entry *e)
{
	uint64_t ms = wh_clock_ms();
	int same = look_back(r, task, e);

	if (same < 0)
		return same;
	e->used = false;
	e->lost = !same;
	if (same)
		e->ms = ms;
	return 0;
}

/* Of those that were relied on: all; or those of @task; or those that were looked at before @before. */
static int settle_used(struct wh_recorder *r, struct wh_task *task, uint64_t before)
{
	struct wh_recent *recent = r->recent;
	size_t left = 0;
	int err = 0;

	for (size_t i = 0; i < recent->n_used; i++) {
		struct entry *e = recent->used[i];
		bool due = task ? e->tid == task->tid : e->ms <= before;

		if (err == 0 && e->used && due)
			err = settle(r, task ? task : wh_task_find(r->tasks, e->tid), e);
		e->listed = e->used;
		if (e->used)
			recent->used[left++] = recent->used[i];
	}
	recent->n_used = left;
	return err;
}

int wh_recent_check(struct wh_recorder *r)
{
	return r->recent ? settle_used(r, NULL, wh_clock_ms() - WH_RECENT_MS) : 0;
}

int wh_recent_change(struct wh_recorder *r)
{
	return r->recent ? settle_used(r, NULL, UINT64_MAX) : 0;
}

int wh_recent_leave(struct wh_recorder *r, struct wh_task *task)
{
	return r->recent ? settle_used(r, task, 0) : 0;
}

static int gap(struct wh_recorder *r, struct entry *e)
{
	int k = wh_record_gap(r, NULL, "path-changed", "%s of %s by %s",
			      wh_syscall_name(wh_syscall_abi_native(), e->key.nr), e->place.path,
			      e->key.who.program ? e->key.who.program : "?");

	e->lost = false;
	return k == -ENOMEM ? k : 0;
}

int wh_recent_finish(struct wh_recorder *r)
{
	int err = 0;

	for (size_t i = 0; r->recent && i < ENTRIES && err == 0; i++) {
		struct entry *e = r->recent->entry[i];

		/* Who relied on it is gone, and was not heard of before. */
		if (e && (e->used || e->lost))
			err = gap(r, e);
		if (e)
			e->used = e->listed = false;
	}
	if (r->recent)
		r->recent->n_used = 0;
	return err;
}

/* ---- remembering ----------------------------------------------------------------------------- */

static bool rests_on_look(const struct wh_place *place)
{
	size_t n = place->asked ? strlen(place->asked) : 0,
	       m = place->path ? strlen(place->path) : 0;

	if (!n || !m)
		return false;
	/* A relative one must lead straight down: it is looked at again by its place alone. */
	return place->asked[0] == '/' || (m > n && place->path[m - n - 1] == '/' &&
					  strcmp(place->path + m - n, place->asked) == 0);
}

/* Return: a free slot, with the one in there settled, if there was; NULL when memory ran out. */
static struct entry **make_room(struct wh_recorder *r, const struct key *key, const char *text)
{
	struct entry **slot = bucket(r->recent, key, text), **oldest = slot, *e;
	int k = 0;

	for (unsigned i = 0; i < WAYS; i++) {
		if (!slot[i])
			return &slot[i];
		if (slot[i]->ms < (*oldest)->ms)
			oldest = &slot[i];
	}
	e = *oldest;
	if (e->used)
		k = settle(r, wh_task_find(r->tasks, e->tid), e);
	if (k == 0 && e->lost)
		k = gap(r, e);
	if (k < 0)
		return NULL;
	for (size_t i = 0; e->listed && i < r->recent->n_used; i++)
		if (r->recent->used[i] == e) {
			r->recent->used[i] = r->recent->used[--r->recent->n_used];
			break;
		}
	entry_free(wh_take(*oldest));
	return oldest;
}

/* Return: 0 or -ENOMEM, with nothing changed. */
static int entry_new(const struct wh_place *place, const struct key *key, struct entry **ret)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->key = *key;
	e->place = *place;
	e->place.path = strdup(place->path);
	e->place.asked = strdup(place->asked);
	if (e->place.path && e->place.asked) {
		*ret = e;
		return 0;
	}
	entry_free(e);
	return -ENOMEM;
}

int wh_recent_learn(struct wh_recorder *r, struct wh_task *task, int err)
{
	const struct wh_call *call = &task->call;
	const struct wh_place *place = &call->place[0];
	const struct shape *shape;
	struct entry *old, *e, **slot;
	struct key key;

	if (!r->recent || call->abi != wh_syscall_abi_native() || !rests_on_look(place))
		return 0;
	shape = shape_of(r->recent, call->nr);
	if (!shape || !fill(r, task, shape, call->nr, call->arg, place->asked, &key))
		return 0;
	if (entry_new(place, &key, &e) < 0)
		return -ENOMEM;
	/* It was looked at before the call: again, then, at the first use. */
	e->generation = r->changes.generation;
	e->err = err;
	old = find(r->recent, &key, place->asked);
	if (old) {
		struct wh_place place_then = old->place;

		/* The call that was decoded has shown what became of it. */
		old->place = e->place;
		old->generation = e->generation;
		old->err = err;
		old->ms = 0;
		old->used = old->lost = false;
		e->place = place_then;
		entry_free(e);
		return 0;
	}
	slot = make_room(r, &key, place->asked);
	if (!slot) {
		entry_free(e);
		return -ENOMEM;
	}
	*slot = e;
	return 0;
}

static bool is_fresh(const struct wh_recorder *r, const struct entry *e)
{
	return e->names == r->changes.names && wh_clock_ms() - e->ms < WH_RECENT_MS;
}

bool wh_recent_call(struct wh_recorder *r, struct wh_task *task, uint64_t nr, const uint64_t arg[6])
{
	struct wh_recent *recent = r->recent;
	const struct shape *shape;
	struct entry *e;
	struct key key;

	if (!recent || !wh_known_may(r))
		return false;
	shape = shape_of(recent, nr);
	if (!shape ||
	    wh_memory_read_text(task->tid, arg[shape->path], recent->text, sizeof(recent->text)) <=
		    0 ||
	    !fill(r, task, shape, nr, arg, recent->text, &key))
		return false;
	e = find(recent, &key, recent->text);
	if (!e)
		return false;
	/* Whoever asks again has its call decoded, and that shows where it leads now. */
	e->lost = false;
	if (e->generation != r->changes.generation)
		return false;
	if (!is_fresh(r, e) &&
	    look(r, task, e, shape->dirfd < 0 ? AT_FDCWD : (int)arg[shape->dirfd]) != 1) {
		e->used = false;
		return false;
	}
	e->tid = task->tid;
	e->used = true;
	if (!e->listed)
		recent->used[recent->n_used++] = e;
	e->listed = true;
	wh_decode_again(r, nr);
	return true;
}
