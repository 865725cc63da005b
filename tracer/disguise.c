// SPDX-License-Identifier: Apache-2.0
#include "tracer/disguise.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "tracer/memory.h"
#include "tracer/procfs.h"

#define NAME	    "status"
#define STATUS_TEXT 16384
#define SEGMENTS    16 /* of one readv(): nobody reads a status file into more */

/* ---- the text -------------------------------------------------------------------------------- */

static char at(const char *tail, size_t n_tail, const char *text, size_t i)
{
	return i < n_tail ? tail[i] : text[i - n_tail];
}

void wh_disguise_lines(const char *tail, size_t n_tail, const char *text, size_t n, unsigned ours,
		       unsigned total, void (*visit)(void *data, size_t at, char c), void *data)
{
	const struct {
		const char *name;
		unsigned is, shown;
	} lines[] = {
		{"\nSeccomp:\t", 2, total > ours ? 2 : 0},
		{"\nSeccomp_filters:\t", total, total > ours ? total - ours : 0},
	};
	size_t all = n_tail + n;

	for (size_t l = 0; l < WH_ARRAY_SIZE(lines); l++) {
		size_t len = strlen(lines[l].name);

		for (size_t i = 0; i + len < all; i++) {
			char was[16], now[16];
			size_t k = 0;

			while (k < len && at(tail, n_tail, text, i + k) == lines[l].name[k])
				k++;
			if (k < len)
				continue;
			/* As wide as it was: what follows stays where it is. */
			snprintf(was, sizeof(was), "%u", lines[l].is);
			snprintf(now, sizeof(now), "%*u", (int)strlen(was), lines[l].shown);
			for (k = 0; now[k] && i + len + k < all; k++)
				if (i + len + k >= n_tail && now[k] != was[k] &&
				    at(tail, n_tail, text, i + len + k) == was[k])
					visit(data, i + len + k - n_tail, now[k]);
		}
	}
}

/* ---- which file, and of whom ----------------------------------------------------------------- */

/* The line of ids of a task, from the proc filesystem's pid namespace to its own. */
static bool ids_of(const char *status, char *ret, size_t size)
{
	const char *line = strstr(status, "\nNSpid:\t"), *end;

	if (!line)
		return false;
	line += strlen("\nNSpid:");
	end = strchr(line, '\n');
	if (!end || (size_t)(end - line) >= size)
		return false;
	memcpy(ret, line, (size_t)(end - line));
	ret[end - line] = '\0';
	return true;
}

struct search {
	struct wh_recorder *r;
	const char *ids; /* as the file has them */
	struct wh_task *found;
	unsigned total;
};

/* Seen from a nested namespace a task has the same ids as from ours, without the first ones. */
static void compare_task(void *data, struct wh_task *task)
{
	struct search *s = data;
	char name[32], text[STATUS_TEXT], ids[256];
	uint64_t total;
	size_t len, want = strlen(s->ids);

	if (s->found)
		return;
	snprintf(name, sizeof(name), "%d/status", (int)task->tid);
	if (wh_procfs_read(s->r->proc_fd, name, text, sizeof(text)) < 0 ||
	    !ids_of(text, ids, sizeof(ids)) ||
	    wh_procfs_field(text, "Seccomp_filters", &total) < 0 || total > UINT_MAX)
		return;
	len = strlen(ids);
	if (len < want || strcmp(ids + len - want, s->ids) != 0)
		return;
	s->found = task;
	s->total = (unsigned)total;
}

/*
 * Whose status it is that @task has open as @fd; NULL if it is nobody's that we trace. Reads the file, anew
 * and from its start.
 */
static struct wh_task *subject(struct wh_recorder *r, struct wh_task *task, int fd,
			       char text[STATUS_TEXT], unsigned *ret_total)
{
	char link[48], ids[256];
	struct search s = {.r = r, .ids = ids};

	snprintf(link, sizeof(link), "%d/fd/%d", (int)task->tid, fd);
	if (wh_procfs_read(r->proc_fd, link, text, STATUS_TEXT) < 0 ||
	    !ids_of(text, ids, sizeof(ids)))
		return NULL;
	/* Mostly its own. */
	compare_task(&s, task);
	if (!s.found)
		wh_task_each(r->tasks, compare_task, &s);
	*ret_total = s.total;
	return s.found;
}

/* ---- what was read --------------------------------------------------------------------------- */

struct segments {
	pid_t tid;
	struct iovec v[SEGMENTS];
	size_t n;
};

static void put_char(void *data, size_t at_byte, char c)
{
	const struct segments *s = data;
	struct iovec local = {.iov_base = &c, .iov_len = 1};

	for (size_t i = 0; i < s->n; i++) {
		struct iovec remote = {.iov_base = (char *)s->v[i].iov_base + at_byte,
				       .iov_len = 1};

		if (at_byte < s->v[i].iov_len) {
			process_vm_writev(s->tid, &local, 1, &remote, 1, 0);
			return;
		}
		at_byte -= s->v[i].iov_len;
	}
}

static bool is_vectored(const char *name)
{
	return strcmp(name, "readv") == 0 || strcmp(name, "preadv") == 0 ||
	       strcmp(name, "preadv2") == 0;
}

/* Where the call has put its result. */
static bool find_segments(const struct wh_task *task, struct segments *s)
{
	const struct wh_call *call = &task->call;
	bool wide = call->abi == wh_syscall_abi_native();
	size_t n = (size_t)call->arg[2];
	uint64_t vec[2 * SEGMENTS];
	uint32_t narrow[2 * SEGMENTS];

	s->tid = task->tid;
	s->n = 1;
	s->v[0] = (struct iovec){(void *)(uintptr_t)call->arg[1], (size_t)call->arg[2]};
	if (!is_vectored(call->name))
		return true;
	n = n < SEGMENTS ? n : SEGMENTS;
	if (wide ? wh_memory_read_all(task->tid, call->arg[1], vec, n * 16) < 0
		 : wh_memory_read_all(task->tid, call->arg[1], narrow, n * 8) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint64_t base = wide ? vec[2 * i] : narrow[2 * i];

		s->v[i].iov_base = (void *)(uintptr_t)base;
		s->v[i].iov_len = (size_t)(wide ? vec[2 * i + 1] : narrow[2 * i + 1]);
	}
	s->n = n;
	return true;
}

static size_t gather(const struct segments *s, size_t want, char *text, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n && n < want && n < size; i++) {
		size_t len = s->v[i].iov_len;

		len = len < want - n ? len : want - n;
		len = len < size - n ? len : size - n;
		if (wh_memory_read_all(s->tid, (uintptr_t)s->v[i].iov_base, text + n, len) < 0)
			break;
		n += len;
	}
	return n;
}

/* Where in the file the result begins. */
static uint64_t position(struct wh_recorder *r, const struct wh_task *task, size_t n)
{
	const struct wh_call *call = &task->call;
	char name[48], text[512];
	uint64_t pos;

	if (call->name[0] == 'p' && call->arg[3] != UINT64_MAX) /* preadv2() at -1: as readv() */
		return call->arg[3];
	snprintf(name, sizeof(name), "%d/fdinfo/%d", (int)task->tid, (int)call->arg[0]);
	if (wh_procfs_read(r->proc_fd, name, text, sizeof(text)) < 0 ||
	    wh_procfs_field(text, "pos", &pos) < 0 || pos < n)
		return UINT64_MAX;
	return pos - n;
}

/* Keep the end of what was read: a line may go on in what is read next. */
static void remember(struct wh_status_read *last, int fd, const char *text, size_t n, uint64_t end)
{
	size_t keep = n < sizeof(last->text) ? n : sizeof(last->text);
	size_t stays = last->n < sizeof(last->text) - keep ? last->n : sizeof(last->text) - keep;

	memmove(last->text, last->text + last->n - stays, stays);
	memcpy(last->text + stays, text + n - keep, keep);
	last->n = stays + keep;
	last->fd = fd;
	last->end = end;
}

static void change_read(struct wh_recorder *r, struct wh_task *task, size_t n,
			wh_disguise_filters_fn *filters)
{
	struct wh_status_read *last = &task->process->status_read;
	int fd = (int)task->call.arg[0];
	char text[STATUS_TEXT], anew[STATUS_TEXT];
	const struct wh_task *whose;
	struct segments s;
	unsigned total = 0;
	uint64_t start;

	if (!wh_procfs_holds(r->proc_fd, task->tid, fd, NAME, NULL) || !find_segments(task, &s))
		return;
	start = position(r, task, n);
	n = gather(&s, n, text, sizeof(text));
	whose = n ? subject(r, task, fd, anew, &total) : NULL;
	if (!whose)
		return;
	if (last->fd != fd || last->end != start || !start) {
		/* Its lines are as long as those anew, mostly: the numbers in them have a width. */
		last->n = start < strlen(anew) ? start : 0;
		last->n = last->n < sizeof(last->text) ? last->n : sizeof(last->text);
		memcpy(last->text, anew + (last->n ? start - last->n : 0), last->n);
	}
	if (filters(whose))
		wh_disguise_lines(last->text, last->n, text, n, filters(whose), total, put_char,
				  &s);
	remember(last, fd, text, n, start + n);
}

/* ---- when ------------------------------------------------------------------------------------ */

static bool one_of(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

bool wh_disguise_left(struct wh_recorder *r, struct wh_task *task, int64_t ret, bool failed,
		      wh_disguise_filters_fn *filters)
{
	static const char *const reads[] = {"read", "pread64", "readv", "preadv", "preadv2"};
	static const char *const closes[] = {"close", "close_range", "dup2",
					     "dup3",  "execve",	     "execveat"};
	const struct wh_call *call = &task->call;
	struct wh_process *process = task->process;

	if (failed || !task->in_call || !call->row)
		return false;
	if (call->row->irregular == WH_IRREGULAR_OPEN) {
		if (process->reads_status || !call->place[0].valid || !call->place[0].path ||
		    !wh_procfs_is_named(call->place[0].path, NAME) || ret < 0 || ret > INT_MAX ||
		    !wh_procfs_holds(r->proc_fd, task->tid, (int)ret, NAME, NULL))
			return false;
		process->reads_status = true;
		return true;
	}
	if (!process->reads_status)
		return false;
	if (ret > 0 && one_of(call->name, reads, WH_ARRAY_SIZE(reads)))
		change_read(r, task, (size_t)ret, filters);
	else if (one_of(call->name, closes, WH_ARRAY_SIZE(closes)))
		process->reads_status = wh_procfs_holds_any(r->proc_fd, task->tid, NAME);
	return false;
}
