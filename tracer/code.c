// SPDX-License-Identifier: Apache-2.0
#include "tracer/code.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/shm.h>

#include "tracer/procfs.h"

#define CLOSE (64u << 20) /* bytes: libraries lie closer together than programs do */

int wh_code_add(struct wh_code *code, uint64_t start, uint64_t end)
{
	struct wh_code_range *last = code->n ? &code->v[code->n - 1] : NULL;

	if (last && start - last->end < CLOSE) {
		last->end = end;
		return 0;
	}
	if (code->n == WH_CODE_RANGES)
		return -E2BIG;
	code->v[code->n++] = (struct wh_code_range){start, end};
	return 0;
}

/* One line of the maps, without its newline. */
static int add_line(struct wh_code *code, char *line)
{
	struct wh_procfs_map map;

	if (wh_procfs_map_parse(line, &map) < 0)
		return -EINVAL;
	if (!map.exec || (map.path && strcmp(map.path, "[vsyscall]") == 0))
		return 0;
	if (map.path && strcmp(map.path, "[stack]") == 0)
		return -EINVAL;
	return wh_code_add(code, map.start, map.end);
}

int wh_code_read(struct wh_recorder *r, const struct wh_task *task, struct wh_code *ret_code)
{
	char path[32], text[4 * PATH_MAX];
	wh_auto(fd) fd = -1;
	size_t len = 0;
	int k = 0;

	*ret_code = (struct wh_code){0};
	snprintf(path, sizeof(path), "%d/maps", (int)task->tid);
	fd = openat(r->proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (k == 0) {
		/* It fills no more than a page at a time. A line that has no end in here is too long. */
		ssize_t n = read(fd, text + len, sizeof(text) - len - 1);
		char *line = text, *end;

		if (n <= 0)
			return n < 0 ? -errno : len ? -EINVAL : 0;
		len += (size_t)n;
		text[len] = '\0';
		while (k == 0 && (end = strchr(line, '\n'))) {
			*end = '\0';
			k = add_line(ret_code, line);
			line = end + 1;
		}
		len -= (size_t)(line - text);
		memmove(text, line, len);
		if (len + 1 >= sizeof(text))
			k = -EINVAL;
	}
	return k;
}

bool wh_code_overlaps(const struct wh_code *code, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < code->n; i++)
		/* A call's address is that of what comes after it. */
		if (start <= code->v[i].end && end >= code->v[i].start)
			return true;
	return false;
}

bool wh_code_apart(const struct wh_code *a, const struct wh_code *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (wh_code_overlaps(a, b->v[i].start, b->v[i].end))
			return false;
	return true;
}

/* ---- calls ----------------------------------------------------------------------------------- */

bool wh_code_implied(uint64_t persona)
{
	return (uint32_t)persona != UINT32_MAX && persona & READ_IMPLIES_EXEC;
}

bool wh_code_changes(const char *name)
{
	static const char *const names[] = {"mremap", "personality", "remap_file_pages", "shmat"};

	for (size_t i = 0; i < WH_ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

enum wh_code_change wh_code_call(const struct wh_call *call, struct wh_code_range *ret_range)
{
	const uint64_t *arg = call->arg;
	bool fixed = true;

	if (!call->row)
		return WH_CODE_STAYS;
	if (call->row->irregular != WH_IRREGULAR_MMAP) {
		const char *name = call->row->name;

		if (!wh_code_changes(name) ||
		    (strcmp(name, "shmat") == 0 && !(arg[2] & SHM_EXEC)) ||
		    (strcmp(name, "personality") == 0 && !wh_code_implied(arg[0])))
			return WH_CODE_STAYS;
		return WH_CODE_UNKNOWN;
	}
	/* Of another ABI the arguments are elsewhere. */
	if (call->abi != wh_syscall_abi_native())
		return WH_CODE_UNKNOWN;
	if (!(arg[2] & PROT_EXEC))
		return WH_CODE_STAYS;
	if (strcmp(call->row->name, "mmap") == 0)
		fixed = arg[3] & (MAP_FIXED | MAP_FIXED_NOREPLACE) && !(arg[3] & MAP_GROWSDOWN);
	else
		fixed = !(arg[2] & (PROT_GROWSDOWN | PROT_GROWSUP));
	if (!fixed || arg[0] + arg[1] < arg[0] || arg[0] + arg[1] > UINT64_MAX - 4095)
		return WH_CODE_UNKNOWN;
	/* Whole pages. */
	*ret_range = (struct wh_code_range){arg[0] & ~(uint64_t)4095,
					    (arg[0] + arg[1] + 4095) & ~(uint64_t)4095};
	return WH_CODE_COMES;
}
