/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, locking and chroot: what was asked of a file beyond what a column can say. */
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "tracer/decode_impl.h"

/* ---- open ------------------------------------------------------------------------------------ */

/* Of the call: number[0] are the flags, number[1] the RESOLVE_* ones. */
enum { FLAGS, RESOLVE };

static int column(const struct wh_syscall_row *row, enum wh_arg kind)
{
	for (int i = 0; i < 6; i++)
		if (row->arg[i] == kind)
			return i;
	return -1;
}

/* openat2() has its flags in memory; its struct may grow, what we need is in front. */
static int open_how(struct wh_task *task)
{
	struct wh_call *call = &task->call;
	struct open_how how;

	if (call->arg[3] < sizeof(how) ||
	    wh_memory_read_all(task->tid, call->arg[2], &how, sizeof(how)) < 0)
		return -EFAULT;
	call->number[FLAGS] = how.flags;
	call->number[RESOLVE] = how.resolve;
	return 0;
}

static unsigned open_walk_flags(const struct wh_call *call)
{
	uint64_t flags = call->number[FLAGS], resolve = call->number[RESOLVE];
	bool exclusive = (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
	unsigned walk = 0;

	if (!(flags & O_NOFOLLOW) && !exclusive)
		walk |= WH_PATH_FOLLOW;
	if (resolve & RESOLVE_IN_ROOT)
		walk |= WH_PATH_IN_ROOT;
	if (resolve & RESOLVE_NO_SYMLINKS)
		walk |= WH_PATH_NO_SYMLINKS;
	if (resolve & RESOLVE_NO_MAGICLINKS)
		walk |= WH_PATH_NO_MAGIC;
	return walk;
}

int wh_decode_file_open_enter(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	int path = column(call->row, WH_ARG_PATH), flags = column(call->row, WH_ARG_FLAGS);
	int dirfd = column(call->row, WH_ARG_DIRFD);

	if (path < 0)
		return 0;
	if (flags >= 0)
		call->number[FLAGS] = call->arg[flags];
	else if (column(call->row, WH_ARG_MODE) >= 0)
		call->number[FLAGS] = O_CREAT | O_WRONLY | O_TRUNC; /* creat() */
	else if (open_how(task) < 0)
		return 0; /* the kernel refuses it too */
	return wh_decode_place(r, task, 0, dirfd < 0 ? AT_FDCWD : (int)call->arg[dirfd],
			       call->arg[path], open_walk_flags(call));
}

/* The accesses of an open, each a fact of its own. */
static int open_facts(struct wh_recorder *r, struct wh_task *task, const struct wh_place *place,
		      bool existed)
{
	uint64_t flags = task->call.number[FLAGS];
	unsigned mode = (unsigned)flags & O_ACCMODE;
	bool dir = place->exists ? S_ISDIR(place->mode) : (flags & O_DIRECTORY) != 0;
	bool reads = mode != O_WRONLY, writes = mode != O_RDONLY;
	const struct {
		bool asked;
		enum wh_access access;
	} facts[] = {
		{flags & O_PATH, WH_ACCESS_PATH},
		{!(flags & O_PATH) && dir && reads && (flags & O_TMPFILE) != O_TMPFILE,
		 WH_ACCESS_LIST},
		{!(flags & O_PATH) && !dir && reads, WH_ACCESS_READ},
		{!(flags & O_PATH) && writes && !(flags & O_APPEND), WH_ACCESS_WRITE},
		{!(flags & O_PATH) && writes && flags & O_APPEND, WH_ACCESS_APPEND},
		{!(flags & O_PATH) && flags & O_TRUNC && existed && S_ISREG(place->mode),
		 WH_ACCESS_TRUNCATE},
		{!(flags & O_PATH) && flags & O_CREAT && !existed, WH_ACCESS_CREATE},
	};
	const char *type = place->exists ? NULL : dir ? "dir" : "file";
	int k = 0;

	for (size_t i = 0; i < WH_ARRAY_SIZE(facts) && k == 0; i++)
		if (facts[i].asked)
			k = wh_decode_fact_file(r, task, place, facts[i].access,
						wh_decode_failed(&task->call) ? NULL : type, NULL);
	return k;
}

/* An unnamed file is made and opened; its place says so by itself. */
static int tmpfile_facts(struct wh_recorder *r, struct wh_task *task, const struct wh_place *opened)
{
	int k = wh_decode_fact_file(r, task, opened, WH_ACCESS_CREATE, "file", NULL);

	return k ? k : open_facts(r, task, opened, true);
}

static bool same_place(const struct wh_place *a, const struct wh_place *b)
{
	return a->exists && b->exists && a->path && b->path && strcmp(a->path, b->path) == 0 &&
	       a->dev == b->dev && a->ino == b->ino && a->mode == b->mode && a->uid == b->uid;
}

int wh_decode_file_open_exit(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	struct wh_place opened = {0};
	const struct wh_place *asked = &call->place[0];
	bool existed = asked->exists;
	int k;

	if (!call->returned || call->err || call->detail)
		return open_facts(r, task, asked, existed);
	/* The descriptor is the truth: what the path named may have changed since we looked. */
	k = wh_path_fd(r, task, (int)call->ret, &opened);
	/* It does not know the way there. */
	if (k == 0 && opened.path && asked->path && strcmp(opened.path, asked->path) == 0) {
		opened.dir_mode = asked->dir_mode;
		opened.search_restricted = asked->search_restricted;
	}
	if (k == 0 && !opened.resolved)
		k = open_facts(r, task, asked, existed);
	else if (k == 0 && (call->number[FLAGS] & O_TMPFILE) == O_TMPFILE)
		k = tmpfile_facts(r, task, &opened);
	else if (k == 0)
		k = open_facts(r, task, &opened, existed);
	call->detail = same_place(asked, &opened);
	wh_path_clear(&opened);
	return k;
}

/* ---- locks ----------------------------------------------------------------------------------- */

static bool fcntl_locks(uint64_t cmd)
{
	/* The *64 commands are what i386 programs use; F_GETLK only asks. */
	return cmd == F_SETLK || cmd == F_SETLKW || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW ||
	       cmd == 13 || cmd == 14;
}

int wh_decode_file_fcntl_enter(struct wh_recorder *r, struct wh_task *task)
{
	if (!fcntl_locks(task->call.arg[1]))
		return 0;
	return wh_path_fd(r, task, (int)task->call.arg[0], &task->call.place[0]);
}

int wh_decode_file_fcntl_exit(struct wh_recorder *r, struct wh_task *task)
{
	return wh_decode_fact_file(r, task, &task->call.place[0], WH_ACCESS_LOCK, NULL, NULL);
}

int wh_decode_file_lock_enter(struct wh_recorder *r, struct wh_task *task)
{
	return wh_path_fd(r, task, (int)task->call.arg[0], &task->call.place[0]);
}

int wh_decode_file_lock_exit(struct wh_recorder *r, struct wh_task *task)
{
	return wh_decode_fact_file(r, task, &task->call.place[0], WH_ACCESS_LOCK, NULL, NULL);
}

/* ---- chroot ---------------------------------------------------------------------------------- */

int wh_decode_file_chroot_exit(struct wh_recorder *r, struct wh_task *task)
{
	return wh_decode_fact_file(r, task, &task->call.place[0], WH_ACCESS_CHROOT, NULL, NULL);
}

/* ---- file handles ---------------------------------------------------------------------------- */

/*
 * name_to_handle_at() names a file as stat does; open_by_handle_at() opens one without naming it,
 * so only the descriptor says which.
 */
int wh_decode_file_handle_enter(struct wh_recorder *r, struct wh_task *task)
{
	if (column(task->call.row, WH_ARG_DIRFD) >= 0)
		return wh_decode_columns(r, task);
	task->call.number[FLAGS] = task->call.arg[2];
	return 0;
}

int wh_decode_file_handle_exit(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	struct wh_place opened = {0};
	int k;

	if (column(call->row, WH_ARG_DIRFD) >= 0)
		return wh_decode_fact_file(r, task, &call->place[0], WH_ACCESS_STAT, NULL, NULL);
	if (!call->returned || call->err)
		return 0;
	k = wh_path_fd(r, task, (int)call->ret, &opened);
	if (k == 0)
		k = open_facts(r, task, &opened, true);
	wh_path_clear(&opened);
	return k;
}

/* ---- message queues -------------------------------------------------------------------------- */

/* A queue's name has no directory; where people and profiles look for it is /dev/mqueue. */
int wh_decode_file_mqueue_enter(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	char name[NAME_MAX + 2], path[NAME_MAX + 32];

	call->number[FLAGS] = call->arg[1];
	if (wh_memory_read_text(task->tid, call->arg[0], name, sizeof(name)) < 0) {
		call->place[0].valid = true;
		return 0;
	}
	snprintf(path, sizeof(path), "/dev/mqueue/%s", name);
	return wh_path_resolve(r, task, AT_FDCWD, path, 0, &call->place[0]);
}

int wh_decode_file_mqueue_exit(struct wh_recorder *r, struct wh_task *task)
{
	const struct wh_place *place = &task->call.place[0];
	const char *type = wh_decode_failed(&task->call) ? NULL : "file";

	/*
	 * mq_unlink() has the name alone. The file system need not be mounted for queues to work, so
	 * that a place which does not exist may well be a queue that does.
	 */
	if (task->call.row->arg[1] == WH_ARG_NONE)
		return wh_decode_fact_file(r, task, place, WH_ACCESS_UNLINK, type, NULL);
	return open_facts(r, task, place, place->exists);
}

/* ---- fanotify -------------------------------------------------------------------------------- */

int wh_decode_file_fanotify_enter(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	/* The mask before the directory has 64 bits: two arguments where registers have 32. */
	unsigned at = wh_decode_is32(call) ? 4 : 3;
	bool follow = !(call->arg[1] & FAN_MARK_DONT_FOLLOW);

	if (!call->arg[at + 1])
		return wh_path_fd(r, task, (int)call->arg[at], &call->place[0]);
	return wh_decode_place(r, task, 0, (int)call->arg[at], call->arg[at + 1],
			       follow ? WH_PATH_FOLLOW : 0);
}
