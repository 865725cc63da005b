// SPDX-License-Identifier: Apache-2.0
#include "tracer/known.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "tracer/creds.h"
#include "tracer/decode_impl.h"
#include "tracer/known_impl.h"
#include "tracer/recent.h"

#define ENTRIES 4096 /* a power of two; a new one takes the place of the old one in its slot */

/* What a result depends on, as far as can be seen at the entry. Compared as bytes: no padding unset. */
struct key {
	struct wh_known_who who;
	const struct wh_abi *abi;
	uint64_t nr;
	uint64_t arg[6]; /* those that mean something; 0 for pointers and descriptors */
	uint64_t dev, ino, dir_dev;
	uint32_t exists, search_denied, mode, uid, gid, nlink;
	uint32_t dir_mode, dir_uid, dir_gid, search_restricted;
};

struct entry {
	struct key key;
	char *path; /* NULL: the entry is free */
	int err;    /* that the call ended with: 0 or ENOENT */
};

struct wh_known {
	bool wanted;
	bool off; /* some task filters its own calls: the same one may be refused now */
	struct entry entry[ENTRIES];
};

struct wh_known *wh_known_new(void)
{
	return calloc(1, sizeof(struct wh_known));
}

void wh_known_free(struct wh_known *known)
{
	if (!known)
		return;
	for (size_t i = 0; i < ENTRIES; i++)
		free(known->entry[i].path);
	free(known);
}

/* ---- which calls ----------------------------------------------------------------------------- */

/* Rows that ask and change nothing; anything else may change what a name means. */
static bool row_reads(const struct wh_syscall_row *row)
{
	if (row->irregular == WH_IRREGULAR_OPEN)
		return true;
	return row->irregular == WH_IRREGULAR_NONE &&
	       (row->access == WH_ACCESS_STAT || row->access == WH_ACCESS_READLINK ||
		row->access == WH_ACCESS_GETXATTR);
}

/* An inotify watch, quotas and swapoff() are rows of stat too, and do more. */
static bool row_only_looks(const struct wh_syscall_row *row)
{
	static const char *const rules[] = {"path", "access", "getxattr", "open"};

	for (size_t i = 0; row->cap && i < WH_ARRAY_SIZE(rules); i++)
		if (strcmp(row->cap, rules[i]) == 0)
			return row_reads(row);
	return false;
}

static bool row_changes(const struct wh_syscall_row *row)
{
	switch (row->irregular) {
	case WH_IRREGULAR_RENAME:
	case WH_IRREGULAR_LINK:
	case WH_IRREGULAR_SYMLINK:
	case WH_IRREGULAR_UNLINK:
	case WH_IRREGULAR_MKNOD:
	case WH_IRREGULAR_MOUNT:
	case WH_IRREGULAR_CHROOT:
	case WH_IRREGULAR_CREDS:
	case WH_IRREGULAR_PRCTL:
		return true;
	case WH_IRREGULAR_NONE:
		return row->access != WH_ACCESSES && !row_reads(row);
	default:
		return false;
	}
}

static bool call_changes(const struct wh_call *call)
{
	if (call->row->irregular == WH_IRREGULAR_OPEN)
		return call->number[0] & O_CREAT;
	/* A socket of the file system appears. */
	if (strcmp(call->row->name, "bind") == 0)
		return true;
	/* Making a child changes nothing for anyone else. */
	if (call->row->irregular == WH_IRREGULAR_NAMESPACE)
		return strcmp(call->row->name, "setns") == 0 ||
		       strcmp(call->row->name, "unshare") == 0;
	return row_changes(call->row);
}

/* Changes that a look at the place may not show: an ACL, say. Names are looked up each time anyway. */
static bool call_changes_unseen(const struct wh_call *call)
{
	switch (call->row->irregular) {
	case WH_IRREGULAR_MOUNT:
	case WH_IRREGULAR_CHROOT:
	case WH_IRREGULAR_NAMESPACE:
		return call_changes(call);
	case WH_IRREGULAR_NONE:
		return call->row->access == WH_ACCESS_CHMOD ||
		       call->row->access == WH_ACCESS_CHOWN ||
		       call->row->access == WH_ACCESS_SETXATTR ||
		       call->row->access == WH_ACCESS_REMOVEXATTR;
	default:
		return false;
	}
}

/* The kernel asks a task's own filter, or Landlock rules, after we have looked. */
static bool call_restricts(const struct wh_call *call)
{
	return call->row->irregular == WH_IRREGULAR_SECCOMP ||
	       (call->row->irregular == WH_IRREGULAR_PRCTL && call->arg[0] == PR_SET_SECCOMP) ||
	       strcmp(call->row->name, "landlock_restrict_self") == 0;
}

bool wh_known_looks(const struct wh_syscall_row *row)
{
	return row_only_looks(row);
}

/* O_RDONLY is 0. */
uint64_t wh_known_open_mask(void)
{
	return ~(uint64_t)(O_CLOEXEC | O_NONBLOCK | O_DIRECTORY | O_NOFOLLOW | O_LARGEFILE |
			   0100000 /* its bit in other ABIs */ | O_PATH | O_NOCTTY);
}

static bool open_reads(uint64_t flags)
{
	return !(flags & wh_known_open_mask());
}

/* Files that answer as they like, by who asks or when: there the same call may end otherwise. */
static bool place_is_tame(const struct wh_place *place)
{
	static const char *const wild[] = {"/proc", "/sys", "/dev"};

	if (!place->valid || !place->resolved || !place->path || place->path[0] != '/')
		return false;
	for (size_t i = 0; i < WH_ARRAY_SIZE(wild); i++) {
		size_t n = strlen(wild[i]);

		if (strncmp(place->path, wild[i], n) == 0 &&
		    (place->path[n] == '/' || place->path[n] == '\0'))
			return false;
	}
	return !place->exists || S_ISREG(place->mode) || S_ISDIR(place->mode) ||
	       S_ISLNK(place->mode);
}

static int column(const struct wh_syscall_row *row, enum wh_arg kind)
{
	for (int i = 0; i < 6; i++)
		if (row->arg[i] == kind)
			return i;
	return -1;
}

/* How libc asks for the state of what it has open: by a descriptor, and "" for a path. */
static bool call_is_fstat(const struct wh_call *call)
{
	int dirfd = column(call->row, WH_ARG_DIRFD), at = column(call->row, WH_ARG_ATFLAGS);

	return !call->place[0].valid && call->row->access == WH_ACCESS_STAT && dirfd >= 0 &&
	       at >= 0 && call->arg[at] & AT_EMPTY_PATH;
}

static bool may_be_known(const struct wh_call *call)
{
	/* By another name it came through a multiplexer. */
	if (!call->row || !call->name || strcmp(call->name, call->row->name) != 0 ||
	    !row_only_looks(call->row) || call->n_needs || call->place[1].valid)
		return false;
	if (call->row->irregular == WH_IRREGULAR_OPEN && !open_reads(call->number[0]))
		return false;
	return call_is_fstat(call) || place_is_tame(&call->place[0]);
}

bool wh_known_some_wait(const struct wh_recorder *r)
{
	for (size_t i = 0; i < r->devices.n; i++)
		if (r->devices.waits[i])
			return true;
	return false;
}

/* Is that what the place lets one expect? */
static bool result_fits(const struct wh_recorder *r, const struct wh_call *call, int err)
{
	if (call_is_fstat(call))
		return !err;
	return call->place[0].exists ? !err : err == ENOENT && !wh_known_some_wait(r);
}

static bool fd_is_open(const struct wh_recorder *r, const struct wh_task *task)
{
	int fd = (int)task->call.arg[column(task->call.row, WH_ARG_DIRFD)];
	char link[48];
	struct stat st;

	snprintf(link, sizeof(link), "%d/fd/%d", (int)task->tid, fd);
	return fd == AT_FDCWD || fstatat(r->proc_fd, link, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* Words at a time: it is done for each call that could be known. */
uint64_t wh_known_hash(uint64_t h, const void *data, size_t len)
{
	const unsigned char *s = data;
	uint64_t word;

	for (; len >= sizeof(word); s += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, s, sizeof(word));
		h = (h ^ word) * 1099511628211u;
		h ^= h >> 29;
	}
	for (; len; s++, len--)
		h = (h ^ *s) * 1099511628211u;
	return h ^ h >> 32;
}

bool wh_known_who(struct wh_recorder *r, struct wh_task *task, struct wh_known_who *ret_who)
{
	const struct wh_creds *c = wh_creds_get(r, task);

	if (!c)
		return false;
	*ret_who = (struct wh_known_who){
		.program = task->process->program,
		.run = r->run,
		.phase = r->phase,
		.generation = r->changes.generation,
		.effective = c->effective,
		.permitted = c->permitted,
		.groups = wh_known_hash(c->n_groups, c->groups, c->n_groups * sizeof(*c->groups)),
		.ruid = c->ruid,
		.fsuid = c->fsuid,
		.rgid = c->rgid,
		.fsgid = c->fsgid,
		.userns = c->userns,
	};
	return true;
}

bool wh_known_may(struct wh_recorder *r)
{
	if (!r->known)
		return false;
	r->known->wanted = true;
	return !r->known->off && !r->changes.in_flight;
}

static bool fill(struct wh_recorder *r, struct wh_task *task, struct key *key)
{
	const struct wh_call *call = &task->call;
	const struct wh_place *place = &call->place[0];

	memset(key, 0, sizeof(*key));
	key->abi = call->abi;
	key->nr = call->nr;
	for (unsigned i = 0; i < WH_ARRAY_SIZE(key->arg); i++)
		if (call->row->arg[i] == WH_ARG_FLAGS || call->row->arg[i] == WH_ARG_ATFLAGS ||
		    call->row->arg[i] == WH_ARG_MODE || call->row->arg[i] == WH_ARG_INT)
			key->arg[i] = call->arg[i];
	/* Of openat2() all of it is in memory. An open's mode is for what it makes. */
	if (call->row->irregular == WH_IRREGULAR_OPEN) {
		memset(key->arg, 0, sizeof(key->arg));
		key->arg[0] = call->number[0];
		key->arg[1] = call->number[1];
	}
	key->dev = place->dev;
	key->ino = place->ino;
	key->exists = place->exists;
	key->search_denied = place->search_denied;
	key->search_restricted = place->search_restricted;
	key->mode = place->mode;
	key->uid = place->uid;
	key->gid = place->gid;
	key->nlink = place->nlink;
	key->dir_mode = place->dir_mode;
	key->dir_uid = place->dir_uid;
	key->dir_gid = place->dir_gid;
	key->dir_dev = place->dir_dev;
	return wh_known_who(r, task, &key->who);
}

static struct entry *slot_of(struct wh_known *known, const struct key *key, const char *path)
{
	uint64_t h = wh_known_hash(14695981039346656037u, key, sizeof(*key));

	return &known->entry[wh_known_hash(h, path, strlen(path)) & (ENTRIES - 1)];
}

/* Of an fstat there is no path. */
static const char *path_of(const struct wh_call *call)
{
	return call->place[0].path ? call->place[0].path : "";
}

/* ---- remembering ----------------------------------------------------------------------------- */

/* It may wait for whoever mounts, has the other end of a fifo, or serves a file system. */
static bool call_is_slow(const struct wh_recorder *r, const struct wh_call *call)
{
	const struct wh_place *place = &call->place[0];

	return call->row->irregular == WH_IRREGULAR_MOUNT || wh_known_some_wait(r) ||
	       (call->row->irregular == WH_IRREGULAR_OPEN && place->exists &&
		!S_ISREG(place->mode) && !S_ISDIR(place->mode));
}

int wh_known_entered(struct wh_recorder *r, struct wh_task *task)
{
	int err = 0;

	if (!task->call.row)
		return 0;
	if (r->known && call_restricts(&task->call))
		r->known->off = true;
	if (task->changing || !call_changes(&task->call))
		return 0;
	if (!r->changes.in_flight)
		err = wh_recent_change(r);
	task->changing = &r->changes;
	task->changing_unseen = call_changes_unseen(&task->call);
	task->changing_slow = call_is_slow(r, &task->call);
	r->changes.in_flight++;
	r->changes.slow += task->changing_slow;
	r->changes.names++;
	r->changes.generation += task->changing_unseen;
	return err;
}

void wh_known_left(struct wh_task *task)
{
	if (!task->changing)
		return;
	task->changing->in_flight--;
	task->changing->slow -= task->changing_slow;
	task->changing->names++;
	task->changing->generation += task->changing_unseen;
	task->changing = NULL;
}

int wh_known_learn(struct wh_recorder *r, struct wh_task *task)
{
	const struct wh_call *call = &task->call;
	struct entry *e;
	struct key key;
	char *path;

	if (!r->known || !r->known->wanted || r->known->off || !call->returned ||
	    !may_be_known(call) || !result_fits(r, call, call->err))
		return 0;
	/* Of an open the descriptor was looked at: did it lead where the path had? */
	if (call->row->irregular == WH_IRREGULAR_OPEN && !call->err && !call->detail)
		return 0;
	if (!fill(r, task, &key))
		return 0;
	path = strdup(path_of(call));
	if (!path)
		return -ENOMEM;
	e = slot_of(r->known, &key, path);
	free(e->path);
	e->key = key;
	e->path = path;
	e->err = call->err;
	task->learnt = true;
	return wh_recent_learn(r, task, call->err);
}

int wh_known_call(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	const struct entry *e;
	struct key key;
	int k;

	if (!wh_known_may(r) || !task->in_call || !may_be_known(call) || !fill(r, task, &key))
		return 0;
	e = slot_of(r->known, &key, path_of(call));
	if (!e->path || memcmp(&e->key, &key, sizeof(key)) != 0 ||
	    strcmp(e->path, path_of(call)) != 0 || !result_fits(r, call, e->err) ||
	    (call_is_fstat(call) && !fd_is_open(r, task)))
		return 0;
	k = wh_recent_learn(r, task, e->err);
	task->in_call = false;
	if (k == 0)
		k = wh_decode_predicted(r, task, e->err);
	return k < 0 ? k : 1;
}
