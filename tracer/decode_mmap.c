/* SPDX-License-Identifier: Apache-2.0 */
/* Which files become code: mmap() and mprotect() with PROT_EXEC. */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tracer/decode_impl.h"

/* Of the call: what the arguments say, wherever they were. */
enum { ADDRESS, LENGTH, PROT };

int wh_decode_mmap_enter(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	uint64_t words[6];

	if (wh_decode_is32(call) && strcmp(call->row->name, "mmap") == 0) {
		/* There the name is the old call's: one pointer to all six arguments. */
		if (wh_decode_words(task, call->arg[0], words, 6) < 0)
			return 0;
	} else {
		memcpy(words, call->arg, sizeof(words));
	}
	call->number[ADDRESS] = words[0];
	call->number[LENGTH] = words[1];
	call->number[PROT] = words[2];
	if (call->row->arg[4] == WH_ARG_FD) {
		call->detail = 1; /* an mmap */
		if (words[2] & PROT_EXEC && !(words[3] & MAP_ANONYMOUS) && (int)words[4] >= 0)
			return wh_path_fd(r, task, (int)words[4], &call->place[0]);
	}
	return 0;
}

/* ---- which files are mapped there ------------------------------------------------------------ */

static int fact_mapped(struct wh_recorder *r, struct wh_task *task, uint64_t start, uint64_t end)
{
	struct wh_place place = {0};
	char link[64];
	int k;

	snprintf(link, sizeof(link), "map_files/%" PRIx64 "-%" PRIx64, start, end);
	k = wh_path_link(r, task, link, &place);
	/* Gone, or not ours to see: maps has its name too, but this says it more surely. */
	if (k == 0 && place.resolved)
		k = wh_decode_fact_file(r, task, &place, WH_ACCESS_MMAP_EXEC, NULL, NULL);
	else if (k == 0)
		k = wh_decode_fact_err(
			wh_record_gap(r, task, wh_decode_fact_blind(r, task, "unresolved-path"),
				      "mapping made executable by %s of %s", task->call.name,
				      task->process->program ? task->process->program : "?"));
	wh_path_clear(&place);
	return k;
}

static int mapped_files(struct wh_recorder *r, struct wh_task *task, uint64_t from, uint64_t to)
{
	char path[32], line[PATH_MAX + 256];
	wh_auto(file) f = NULL;
	wh_auto(fd) fd = -1;
	bool fresh = true;
	int k = 0;

	snprintf(path, sizeof(path), "%d/maps", (int)task->tid);
	fd = openat(r->proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !(f = fdopen(fd, "r")))
		return 0;
	wh_take_fd(&fd);
	while (k == 0 && fgets(line, sizeof(line), f)) {
		bool begins = fresh;
		uint64_t start, end, offset, ino;
		unsigned major_, minor_;

		/* A name may be longer than our line: the rest of it is no line of its own. */
		fresh = strchr(line, '\n') != NULL;
		if (!begins ||
		    sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %x:%x %" SCNu64, &start,
			   &end, &offset, &major_, &minor_, &ino) != 6)
			continue;
		if (start >= to)
			break;
		if (end > from && ino)
			k = fact_mapped(r, task, start, end);
	}
	return k;
}

int wh_decode_mmap_exit(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	uint64_t *number = call->number;

	if (!(number[PROT] & PROT_EXEC))
		return 0;
	if (!call->detail) {
		uint64_t end = number[ADDRESS] + number[LENGTH];

		if (!call->returned || call->err || end <= number[ADDRESS])
			return 0;
		return mapped_files(r, task, number[ADDRESS], end);
	}
	return wh_decode_fact_file(r, task, &call->place[0], WH_ACCESS_MMAP_EXEC, NULL, NULL);
}
