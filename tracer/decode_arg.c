/* SPDX-License-Identifier: Apache-2.0 */
/* What the arguments of a call lead to, by the columns of its row. */
#include <fcntl.h>
#include <limits.h>

#include "tracer/decode_impl.h"

size_t wh_decode_word_size(const struct wh_call *call)
{
	return wh_decode_is32(call) || strcmp(call->abi->name, "x32") == 0 ? 4 : 8;
}

int wh_decode_words(const struct wh_task *task, uint64_t addr, uint64_t *ret_words, size_t n)
{
	size_t size = wh_decode_word_size(&task->call);
	uint32_t narrow[16];
	int k;

	if (size == 8)
		return wh_memory_read_all(task->tid, addr, ret_words, n * 8);
	wh_assert(n <= WH_ARRAY_SIZE(narrow));
	k = wh_memory_read_all(task->tid, addr, narrow, n * 4);
	for (size_t i = 0; i < n && k == 0; i++)
		ret_words[i] = narrow[i];
	return k;
}

int wh_decode_place(struct wh_recorder *r, struct wh_task *task, unsigned slot, int dirfd,
		    uint64_t addr, unsigned flags)
{
	struct wh_place *place = &task->call.place[slot];
	char path[PATH_MAX];
	int k;

	/* Newer kernels take NULL for "" there, so that one need not have a string. */
	if (!addr && flags & WH_PATH_EMPTY && task->call.row->access != WH_ACCESS_STAT)
		return wh_path_fd(r, task, dirfd, place);
	if (wh_decode_path_text(task, addr, path, sizeof(path)) < 0) {
		place->valid = true;
		return 0;
	}
	/* How libc asks for the state of what it has open (fstat): no path was named. */
	if (!path[0] && task->call.row->access == WH_ACCESS_STAT)
		return 0;
	k = wh_path_resolve(r, task, dirfd, path, flags, place);
	if (k < 0 || !r->recent || slot)
		return k;
	place->from = dirfd;
	place->flags = flags;
	place->asked = strdup(path);
	return place->asked ? 0 : -ENOMEM;
}

static unsigned at_flags(const struct wh_call *call)
{
	for (unsigned i = 0; i < 6; i++)
		if (call->row->arg[i] == WH_ARG_ATFLAGS)
			return (unsigned)call->arg[i];
	return 0;
}

static unsigned path_flags(enum wh_arg kind, unsigned at)
{
	unsigned flags = at & AT_EMPTY_PATH ? WH_PATH_EMPTY : 0;

	if (kind == WH_ARG_PATH ? !(at & AT_SYMLINK_NOFOLLOW) : !!(at & AT_SYMLINK_FOLLOW))
		flags |= WH_PATH_FOLLOW;
	return flags;
}

static int read_text(struct wh_task *task, uint64_t addr)
{
	char text[PATH_MAX];

	if (wh_memory_read_text(task->tid, addr, text, sizeof(text)) < 0)
		return 0;
	task->call.text = strdup(text);
	return task->call.text ? 0 : -ENOMEM;
}

static void read_sockaddr(struct wh_task *task, uint64_t addr, uint64_t len)
{
	struct wh_call *call = &task->call;

	/* The length is an int; the kernel refuses what is negative or longer than its buffer. */
	if ((int)len <= 0 || (size_t)(int)len > sizeof(call->addr))
		return;
	if (wh_memory_read_all(task->tid, addr, call->addr, (size_t)(int)len) == 0)
		call->addr_len = (size_t)(int)len;
}

int wh_decode_columns(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	const struct wh_syscall_row *row = call->row;
	unsigned at = at_flags(call), slot = 0;
	int dirfd = AT_FDCWD, k = 0;
	bool at_dir = false;

	for (unsigned i = 0; i < 6 && k == 0; i++) {
		switch (row->arg[i]) {
		case WH_ARG_DIRFD:
			dirfd = (int)call->arg[i];
			at_dir = true;
			break;
		case WH_ARG_PATH:
		case WH_ARG_PATH_NOFOLLOW:
			/* acct(NULL): nothing is named, and with a descriptor it would be that. */
			if (!call->arg[i] && !at_dir)
				break;
			if (slot < WH_ARRAY_SIZE(call->place))
				k = wh_decode_place(r, task, slot++, dirfd, call->arg[i],
						    path_flags(row->arg[i], at));
			dirfd = AT_FDCWD;
			break;
		case WH_ARG_FD:
			if (row->access != WH_ACCESSES && slot == 0)
				k = wh_path_fd(r, task, (int)call->arg[i], &call->place[slot++]);
			break;
		case WH_ARG_TEXT:
			if (!call->text)
				k = read_text(task, call->arg[i]);
			break;
		case WH_ARG_SOCKADDR:
			read_sockaddr(task, call->arg[i], i < 5 ? call->arg[i + 1] : 0);
			break;
		default:
			break;
		}
	}
	return k;
}
