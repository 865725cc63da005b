/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that make, move and remove names: rename, link, symlink, unlink, mknod; and times. */
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <sys/stat.h>

#include "tracer/decode_impl.h"

#define PATH_TEXT (2 * PATH_MAX + 64)

static const char *place_type(const struct wh_place *place)
{
	return place->exists ? wh_path_type(place->mode) : NULL;
}

/* The type of what the call has put at a new name; NULL where it has failed: then it is missing. */
static const char *made(const struct wh_call *call, const char *type)
{
	return wh_decode_failed(call) ? NULL : type;
}

/* ---- rename ---------------------------------------------------------------------------------- */

/* Both sides, each the peer of the other. */
static int rename_facts(struct wh_recorder *r, struct wh_task *task, const struct wh_place *from,
			const struct wh_place *to)
{
	const struct wh_call *call = &task->call;
	const char *type = place_type(from);
	char from_text[PATH_TEXT], to_text[PATH_TEXT];
	const char *from_path = wh_decode_fact_path(from, type, from_text, sizeof(from_text));
	const char *to_type = to->exists ? place_type(to) : type;
	const char *to_path = wh_decode_fact_path(to, to_type, to_text, sizeof(to_text));
	int k = wh_decode_fact_file(r, task, from, WH_ACCESS_RENAME_FROM, NULL, to_path);

	if (k < 0)
		return k;
	return wh_decode_fact_file(r, task, to, WH_ACCESS_RENAME_TO,
				   to->exists ? NULL : made(call, type), from_path);
}

int wh_decode_name_rename_enter(struct wh_recorder *r, struct wh_task *task)
{
	(void)r;
	/* Only renameat2() has flags. */
	if (task->call.row->arg[4] == WH_ARG_FLAGS)
		task->call.number[0] = task->call.arg[4];
	return 0;
}

int wh_decode_name_rename_exit(struct wh_recorder *r, struct wh_task *task)
{
	const struct wh_place *place = task->call.place;
	uint64_t flags = task->call.number[0];
	int k = rename_facts(r, task, &place[0], &place[1]);

	if (k == 0 && flags & RENAME_EXCHANGE)
		k = rename_facts(r, task, &place[1], &place[0]);
	/* A whiteout is a character device that takes the old name. */
	if (k == 0 && flags & RENAME_WHITEOUT)
		k = wh_decode_fact_file(r, task, &place[0], WH_ACCESS_MKNOD,
					made(&task->call, "chr"), NULL);
	return k;
}

/* ---- link ------------------------------------------------------------------------------------ */

int wh_decode_name_link_enter(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	bool at = call->row->arg[0] == WH_ARG_DIRFD;
	uint64_t flags = at ? call->arg[4] : 0;
	unsigned walk = (flags & AT_SYMLINK_FOLLOW ? WH_PATH_FOLLOW : 0) |
			(flags & AT_EMPTY_PATH ? WH_PATH_EMPTY : 0);
	int k = wh_decode_place(r, task, 0, at ? (int)call->arg[0] : AT_FDCWD,
				call->arg[at ? 1 : 0], walk);

	if (k < 0)
		return k;
	return wh_decode_place(r, task, 1, at ? (int)call->arg[2] : AT_FDCWD, call->arg[at ? 3 : 1],
			       0);
}

int wh_decode_name_link_exit(struct wh_recorder *r, struct wh_task *task)
{
	const struct wh_place *from = &task->call.place[0], *to = &task->call.place[1];
	const char *type = place_type(from);
	char from_text[PATH_TEXT], to_text[PATH_TEXT];
	const char *from_path = wh_decode_fact_path(from, type, from_text, sizeof(from_text));
	const char *to_path = wh_decode_fact_path(to, type, to_text, sizeof(to_text));
	int k = wh_decode_fact_file(r, task, from, WH_ACCESS_LINK_FROM, NULL, to_path);

	if (k < 0)
		return k;
	return wh_decode_fact_file(r, task, to, WH_ACCESS_LINK_TO,
				   to->exists ? NULL : made(&task->call, type), from_path);
}

/* ---- symlink, unlink, mknod ------------------------------------------------------------------ */

int wh_decode_name_symlink_exit(struct wh_recorder *r, struct wh_task *task)
{
	const struct wh_place *place = &task->call.place[0];

	return wh_decode_fact_file(r, task, place, WH_ACCESS_SYMLINK,
				   place->exists ? NULL : made(&task->call, "link"),
				   task->call.text);
}

int wh_decode_name_unlink_enter(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	bool at = call->row->arg[0] == WH_ARG_DIRFD;

	if (at && call->arg[2] & AT_REMOVEDIR)
		call->number[0] = 1;
	return wh_decode_place(r, task, 0, at ? (int)call->arg[0] : AT_FDCWD, call->arg[at ? 1 : 0],
			       0);
}

int wh_decode_name_unlink_exit(struct wh_recorder *r, struct wh_task *task)
{
	bool dir = task->call.number[0] || strcmp(task->call.row->name, "rmdir") == 0;

	return wh_decode_fact_file(r, task, &task->call.place[0],
				   dir ? WH_ACCESS_RMDIR : WH_ACCESS_UNLINK, NULL, NULL);
}

int wh_decode_name_mknod_exit(struct wh_recorder *r, struct wh_task *task)
{
	const struct wh_call *call = &task->call;
	const struct wh_place *place = &call->place[0];
	/* Without a type in its mode mknod() makes an ordinary file. */
	uint64_t mode = call->arg[call->row->arg[0] == WH_ARG_DIRFD ? 2 : 1];
	const char *type = wh_path_type((uint32_t)(mode & S_IFMT ? mode : S_IFREG));

	return wh_decode_fact_file(r, task, place, WH_ACCESS_MKNOD,
				   place->exists ? NULL : made(call, type), NULL);
}

/* ---- times ----------------------------------------------------------------------------------- */

int wh_decode_name_utime_enter(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;

	/* utimensat(fd, NULL, …) and futimesat(fd, NULL, …) mean the descriptor. */
	if (call->row->arg[0] == WH_ARG_DIRFD && call->arg[1] == 0)
		return wh_path_fd(r, task, (int)call->arg[0], &call->place[0]);
	return wh_decode_columns(r, task);
}

int wh_decode_name_utime_exit(struct wh_recorder *r, struct wh_task *task)
{
	return wh_decode_fact_file(r, task, &task->call.place[0], WH_ACCESS_UTIME, NULL, NULL);
}
