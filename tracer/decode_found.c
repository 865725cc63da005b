/* SPDX-License-Identifier: Apache-2.0 */
/* What a process that was running already has: its program, what it has mapped, and what it has open. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "tracer/decode_impl.h"
#include "tracer/image.h"
#include "tracer/procfs.h"

/* ---- the program ----------------------------------------------------------------------------- */

static int find_loader(struct wh_recorder *r, struct wh_task *task, int fd, const char **ret_loader)
{
	struct wh_place place = {0};
	char text[PATH_MAX];
	int k;

	if (fd < 0 || !wh_image_loader(fd, text, sizeof(text)) || !text[0])
		return 0;
	k = wh_path_resolve(r, task, AT_FDCWD, text, WH_PATH_FOLLOW, &place);
	if (k == 0 && place.path) {
		*ret_loader = wh_trace_intern(r->trace, place.path);
		k = *ret_loader ? wh_decode_fact_file(r, task, &place, WH_ACCESS_LOADER, NULL, NULL)
				: -ENOMEM;
	}
	wh_path_clear(&place);
	return k;
}

/* Who executed it is not known, nor what that one could do before: so what would give privilege may have done so. */
static bool may_gain(const struct wh_place *exe, int fd)
{
	return exe->mode & S_ISUID || (exe->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) ||
	       (fd >= 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0);
}

static int put_exec(struct wh_recorder *r, struct wh_task *task, const struct wh_place *exe, int fd)
{
	const struct wh_strlist *argv = &task->process->argv;
	struct wh_exec key = {.to = exe->path}, *fact;
	const char *loader = NULL;
	int k = find_loader(r, task, fd, &loader);

	if (k < 0)
		return k;
	k = wh_record_fact(r, task, WH_KIND_EXEC, &key, false, &fact);
	if (k < 0)
		return wh_decode_fact_err(k);
	if (!fact->loader)
		fact->loader = loader;
	fact->gains |= may_gain(exe, fd);
	return fact->argv.n ? 0 : wh_trace_set_list(r->trace, &fact->argv, argv->v, argv->n);
}

static int found_program(struct wh_recorder *r, struct wh_task *task, struct wh_place *exe)
{
	struct wh_strlist *argv = &task->process->argv;
	wh_auto(fd) fd = -1;
	char name[32];
	int k = wh_path_link(r, task, "exe", exe);

	if (k == 0)
		k = wh_decode_exec_argv(r, task, argv);
	/* Who has written a title over them has left nothing behind it. */
	while (argv->n > 1 && !argv->v[argv->n - 1][0])
		argv->n--;
	/* Without a path it is in memory, and has its name by wh_task_add(). */
	if (k < 0 || !exe->resolved || !exe->path)
		return k;
	task->process->program = wh_trace_intern(r->trace, exe->path);
	if (!task->process->program)
		return -ENOMEM;
	snprintf(name, sizeof(name), "%d/exe", (int)task->tid);
	if (!wh_path_waits(r, task, exe->dev))
		fd = openat(r->proc_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	k = wh_decode_fact_file(r, task, exe, WH_ACCESS_EXEC, NULL, NULL);
	return k < 0 ? k : put_exec(r, task, exe, fd);
}

/* ---- what is mapped -------------------------------------------------------------------------- */

/* The file of one mapping. A library has several, one after the other. */
static int found_mapping(struct wh_recorder *r, struct wh_task *task,
			 const struct wh_procfs_map *map, bool writes, const struct wh_place *exe)
{
	struct wh_place place = {0};
	char link[64];
	int k;

	snprintf(link, sizeof(link), "map_files/%" PRIx64 "-%" PRIx64, map->start, map->end);
	k = wh_path_link(r, task, link, &place);
	/* The kernel itself has mapped the program, by its execution. */
	if (k == 0 && place.path && (place.dev != exe->dev || place.ino != exe->ino)) {
		k = wh_decode_fact_file(r, task, &place, WH_ACCESS_READ, NULL, NULL);
		if (k == 0 && map->exec)
			k = wh_decode_fact_file(r, task, &place, WH_ACCESS_MMAP_EXEC, NULL, NULL);
		if (k == 0 && writes)
			k = wh_decode_fact_file(r, task, &place, WH_ACCESS_WRITE, NULL, NULL);
	} else if (k == 0 && !place.resolved) {
		k = wh_decode_fact_err(wh_record_gap(
			r, task, wh_decode_fact_blind(r, task, "unresolved-path"),
			"a mapping of %s", task->process->program ? task->process->program : "?"));
	}
	wh_path_clear(&place);
	return k;
}

static int found_mappings(struct wh_recorder *r, struct wh_task *task, const struct wh_place *exe)
{
	char name[32], line[PATH_MAX + 256];
	struct wh_procfs_map last = {0};
	wh_auto(file) f = NULL;
	wh_auto(fd) fd = -1;
	bool fresh = true, last_writes = false;
	int k = 0;

	snprintf(name, sizeof(name), "%d/maps", (int)task->tid);
	fd = openat(r->proc_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !(f = fdopen(fd, "r")))
		return 0;
	wh_take_fd(&fd);
	while (k == 0 && fgets(line, sizeof(line), f)) {
		struct wh_procfs_map map;
		const char *perms = strchr(line, ' ');
		bool begins = fresh, writes;

		/* A name may be longer than our line: the rest of it is no line of its own. */
		fresh = strchr(line, '\n') != NULL;
		line[strcspn(line, "\n")] = '\0';
		if (!begins || wh_procfs_map_parse(line, &map) < 0 || !map.ino)
			continue;
		writes = perms && perms[2] == 'w' && perms[4] == 's';
		if (map.ino == last.ino && map.dev_major == last.dev_major &&
		    map.dev_minor == last.dev_minor && map.exec <= last.exec &&
		    writes <= last_writes)
			continue;
		k = found_mapping(r, task, &map, writes, exe);
		last = map;
		last_writes = writes;
	}
	return k;
}

/* ---- what is open ---------------------------------------------------------------------------- */

static int found_file(struct wh_recorder *r, struct wh_task *task, int fd,
		      const struct wh_place *place)
{
	uint64_t flags;
	bool writes;
	int k = 0;

	if (!wh_decode_fact_open_flags(r, task, fd, &flags))
		return 0;
	if (flags & O_PATH)
		return wh_decode_fact_file(r, task, place, WH_ACCESS_PATH, NULL, NULL);
	writes = (flags & O_ACCMODE) != O_RDONLY;
	if ((flags & O_ACCMODE) != O_WRONLY)
		k = wh_decode_fact_file(r, task, place,
					S_ISDIR(place->mode) ? WH_ACCESS_LIST : WH_ACCESS_READ,
					NULL, NULL);
	if (k == 0 && writes)
		k = wh_decode_fact_file(r, task, place,
					flags & O_APPEND ? WH_ACCESS_APPEND : WH_ACCESS_WRITE, NULL,
					NULL);
	return k;
}

static int found_descriptor(struct wh_recorder *r, struct wh_task *task, int fd, bool connections)
{
	struct wh_place place = {0};
	char name[64], text[16];
	ssize_t n;
	int k;

	snprintf(name, sizeof(name), "%d/fd/%d", (int)task->tid, fd);
	n = readlinkat(r->proc_fd, name, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	if (n > 0) {
		if (wh_util_has_prefix(text, "socket:["))
			return wh_decode_socket_found(r, task, fd, connections);
		if (connections)
			return 0;
		if (wh_util_has_prefix(text, "anon_inode:[io_"))
			return wh_decode_fact_err(wh_record_gap(r, task, "io-uring",
								"a ring that was there already"));
	}
	k = wh_path_fd(r, task, fd, &place);
	if (k == 0 && place.resolved && place.path)
		k = found_file(r, task, fd, &place);
	else if (k == 0 && !place.resolved)
		k = wh_decode_fact_err(
			wh_record_gap(r, task, wh_decode_fact_blind(r, task, "unresolved-path"),
				      "an open file of %s",
				      task->process->program ? task->process->program : "?"));
	wh_path_clear(&place);
	return k;
}

static int found_descriptors(struct wh_recorder *r, struct wh_task *task, bool connections)
{
	struct dirent *d;
	DIR *dir;
	int k = wh_procfs_fds(r->proc_fd, task->tid, &dir);

	if (k < 0)
		return k == -ENOMEM ? k : 0;
	while (k == 0 && (d = readdir(dir)))
		if (d->d_name[0] != '.')
			k = found_descriptor(r, task, (int)strtol(d->d_name, NULL, 10),
					     connections);
	closedir(dir);
	return k;
}

/* Where it is. A root that is not that of its mount namespace was changed by chroot(). */
static int found_folders(struct wh_recorder *r, struct wh_task *task)
{
	static const struct {
		const char *link;
		enum wh_access access;
	} links[] = {{"cwd", WH_ACCESS_CHDIR}, {"root", WH_ACCESS_CHROOT}};
	int k = 0;

	for (size_t i = 0; i < WH_ARRAY_SIZE(links) && k == 0; i++) {
		struct wh_place place = {0};

		k = wh_path_link(r, task, links[i].link, &place);
		if (k == 0 && place.resolved && place.path && strcmp(place.path, "/") != 0)
			k = wh_decode_fact_file(r, task, &place, links[i].access, NULL, NULL);
		wh_path_clear(&place);
	}
	return k;
}

/* No call of its own has shown it: so it has no name, and its result is that it is there. */
static void begin(struct wh_call *call)
{
	wh_decode_reset(call);
	call->name = NULL;
	call->row = NULL;
	call->returned = true;
}

int wh_decode_found(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_place exe = {0};
	int k;

	begin(&task->call);
	k = found_program(r, task, &exe);
	if (k == 0)
		k = found_folders(r, task);
	if (k == 0)
		k = found_mappings(r, task, &exe);
	if (k == 0)
		k = found_descriptors(r, task, false);
	wh_path_clear(&exe);
	wh_decode_reset(&task->call);
	return k;
}

int wh_decode_found_connections(struct wh_recorder *r, struct wh_task *task)
{
	int k;

	begin(&task->call);
	k = found_descriptors(r, task, true);
	wh_decode_reset(&task->call);
	return k;
}
