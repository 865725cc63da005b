/* SPDX-License-Identifier: Apache-2.0 */
/* Executing: the file, what really runs, its loader, what stayed open, what was gained. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include "tracer/argv.h"
#include "tracer/decode_impl.h"
#include "tracer/executable.h"
#include "tracer/image.h"
#include "tracer/procfs.h"
#include "tracer/sockaddr.h"

#define PATH_TEXT  (2 * PATH_MAX + 64)
#define CHAIN_MAX  5 /* interpreters of interpreters: exec_binprm() in fs/exec.c */
#define ARGV_MAX   64
#define ARGV_BYTES 4096

int wh_decode_exec_enter(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	bool at = call->row->arg[0] == WH_ARG_DIRFD;
	uint64_t flags = at ? call->arg[4] : 0;

	/* What it may do before is what it gains from. */
	wh_creds_get(r, task);
	return wh_decode_place(r, task, 0, at ? (int)call->arg[0] : AT_FDCWD, call->arg[at ? 1 : 0],
			       (flags & AT_SYMLINK_NOFOLLOW ? 0 : WH_PATH_FOLLOW) |
				       (flags & AT_EMPTY_PATH ? WH_PATH_EMPTY : 0));
}

/* The interpreters that #! lines name, beginning with the script at @place. */
static int interpreters(struct wh_recorder *r, struct wh_task *task, const struct wh_place *script)
{
	struct wh_place place = *script, next = {0};
	bool own = false;
	int k = 0;

	for (int depth = 0; depth < CHAIN_MAX && k == 0; depth++) {
		char head[WH_IMAGE_HEAD], program[WH_IMAGE_HEAD];
		wh_auto(fd) fd = wh_path_open(r, task, &place);
		ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof(head), 0);

		if (n <= 0 || !wh_image_script(head, (size_t)n, program))
			break;
		k = wh_path_resolve(r, task, AT_FDCWD, program, WH_PATH_FOLLOW, &next);
		if (own)
			wh_path_clear(&place);
		place = next;
		own = true;
		if (k == 0)
			k = wh_decode_fact_file(r, task, &place, WH_ACCESS_INTERPRETER, NULL, NULL);
	}
	if (own)
		wh_path_clear(&place);
	return k;
}

int wh_decode_exec_exit(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	const struct wh_place *place = &call->place[0];
	int k;

	/* A success was dealt with when the new program was there. */
	if (call->returned && !call->err)
		return 0;
	k = wh_decode_fact_file(r, task, place, WH_ACCESS_EXEC, NULL, NULL);
	if (k == 0 && place->exists)
		k = interpreters(r, task, place);
	return k;
}

/* ---- the new program ------------------------------------------------------------------------- */

/* One look at a task that has executed. */
struct executed {
	struct wh_place exe;	/* the binary that runs; its path is never NULL */
	struct wh_creds before; /* numbers only: the group list is not copied */
	bool gains, lost;
	const char *loader; /* interned */
	struct wh_strlist argv;
	int fd; /* the binary, readable; -1 */
	struct wh_executable
		*known; /* or NULL: then it gives no privilege, and @fd is not needed */
};

static int open_exe(struct wh_recorder *r, struct wh_task *task)
{
	char path[32];

	snprintf(path, sizeof(path), "%d/exe", (int)task->tid);
	return openat(r->proc_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* A program in memory has a name but no place; AppArmor sees the name. */
static int nameless(struct wh_recorder *r, struct wh_task *task, struct wh_place *exe)
{
	char link[32], text[PATH_MAX];
	ssize_t n;
	char *gone;

	snprintf(link, sizeof(link), "%d/exe", (int)task->tid);
	n = readlinkat(r->proc_fd, link, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	gone = strstr(text, " (deleted)");
	if (gone)
		*gone = '\0';
	exe->path = strdup(text);
	return exe->path ? 0 : -ENOMEM;
}

static int put_loader(struct wh_recorder *r, struct wh_task *task, struct executed *x,
		      const struct wh_place *place)
{
	if (place->path) {
		x->loader = wh_trace_intern(r->trace, place->path);
		if (!x->loader)
			return -ENOMEM;
	}
	return wh_decode_fact_file(r, task, place, WH_ACCESS_LOADER, NULL, NULL);
}

static int find_loader(struct wh_recorder *r, struct wh_task *task, struct executed *x)
{
	struct wh_place place = {0};
	char text[PATH_MAX];
	int k = 0;

	if (x->known) {
		const char *loader = x->known->loader;

		if (!loader[0])
			return 0;
		if (!wh_path_again(r, task, loader, &x->known->place)) {
			wh_path_clear(&x->known->place);
			k = wh_path_resolve(r, task, AT_FDCWD, loader, WH_PATH_FOLLOW,
					    &x->known->place);
		}
		return k < 0 ? k : put_loader(r, task, x, &x->known->place);
	}
	if (x->fd < 0 || !wh_image_loader(x->fd, text, sizeof(text)) || !text[0])
		return 0;
	k = wh_path_resolve(r, task, AT_FDCWD, text, WH_PATH_FOLLOW, &place);
	if (k == 0)
		k = put_loader(r, task, x, &place);
	wh_path_clear(&place);
	return k;
}

/* Set-id bits count where both ids have a number in the task's user namespace: bprm_fill_uid() in fs/exec.c. */
static bool ids_count(const struct wh_userns *ns, const struct wh_place *exe)
{
	uint32_t id;

	return wh_userns_inside(ns, &ns->uid, exe->uid, &id) &&
	       wh_userns_inside(ns, &ns->gid, exe->gid, &id);
}

/*
 * What the file's capabilities would add to those that were permitted before. They may be for one user namespace
 * alone, told by who is root there.
 */
static uint64_t file_caps(int fd, const struct wh_creds *before, const struct wh_userns *ns)
{
	struct vfs_ns_cap_data data;
	uint32_t root;
	ssize_t n = fgetxattr(fd, "security.capability", &data, sizeof(data));
	uint64_t permitted;

	if (n < (ssize_t)XATTR_CAPS_SZ_1)
		return 0;
	if (n >= (ssize_t)XATTR_CAPS_SZ_3 && le32toh(data.rootid) &&
	    (!wh_userns_outside(ns, &ns->uid, 0, &root) || root != le32toh(data.rootid)))
		return 0;
	permitted = le32toh(data.data[0].permitted);
	if (n >= (ssize_t)XATTR_CAPS_SZ_2)
		permitted |= (uint64_t)le32toh(data.data[1].permitted) << 32;
	return permitted & before->bounding & ~before->permitted;
}

/* Did the file carry privilege, and was it given? capabilities(7), execve(2), bprm_fill_uid(). */
static void judge_gain(struct wh_recorder *r, struct wh_task *task, struct executed *x)
{
	const struct wh_place *exe = &x->exe;
	const struct wh_creds *after;
	struct wh_userns ns;
	struct statvfs fs;
	bool uid, gid;
	uint64_t caps;

	if (x->fd < 0 || (fstatvfs(x->fd, &fs) == 0 && fs.f_flag & ST_NOSUID) ||
	    wh_userns_read(r->proc_fd, task->tid, &ns) < 0)
		return;
	uid = exe->mode & S_ISUID && exe->uid != x->before.euid && ids_count(&ns, exe);
	gid = (exe->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
	      exe->gid != x->before.egid && ids_count(&ns, exe);
	caps = file_caps(x->fd, &x->before, &ns);
	x->gains = uid || gid || caps;
	if (!x->gains)
		return;
	after = wh_creds_get(r, task);
	if (after)
		x->lost = (uid && after->euid != exe->uid) || (gid && after->egid != exe->gid) ||
			  (caps & ~after->permitted) != 0;
}

/* Look into the binary, unless it is known. */
static int look_into(struct wh_recorder *r, struct wh_task *task, struct executed *x)
{
	struct wh_executables *all = wh_decode_executables(r);
	char loader[PATH_MAX];
	int k;

	if (wh_path_waits(r, task, x->exe.dev))
		return 0;
	x->known = wh_executable_find(all, &x->exe);
	if (x->known)
		return 0;
	x->fd = open_exe(r, task);
	if (x->fd < 0 || x->exe.mode & (S_ISUID | S_ISGID) ||
	    fgetxattr(x->fd, "security.capability", NULL, 0) >= 0 ||
	    (errno != ENODATA && errno != EOPNOTSUPP) ||
	    !wh_image_loader(x->fd, loader, sizeof(loader)))
		return 0;
	k = wh_executable_add(all, &x->exe, loader);
	x->known = k < 0 ? NULL : wh_executable_find(all, &x->exe);
	return k;
}

/* What it may do now, and whether the binary gave it anything of that. */
static void look_at_creds(struct wh_recorder *r, struct wh_task *task, struct executed *x,
			  bool known)
{
	const struct wh_creds *after;

	if (!x->known) {
		judge_gain(r, task, x);
		return;
	}
	if (!known)
		return;
	if (wh_executable_keeps(r, x->known, &x->before)) {
		task->creds_valid = true;
		return;
	}
	after = wh_creds_get(r, task);
	if (after)
		wh_executable_compare(x->known, &x->before, after);
}

int wh_decode_exec_argv(struct wh_recorder *r, struct wh_task *task, struct wh_strlist *ret_argv)
{
	char path[32], text[ARGV_BYTES + 1];
	const char *v[ARGV_MAX];
	wh_auto(fd) fd = -1;
	size_t n = 0;
	ssize_t len;

	snprintf(path, sizeof(path), "%d/cmdline", (int)task->tid);
	fd = openat(r->proc_fd, path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? 0 : read(fd, text, ARGV_BYTES);
	if (len < 0)
		len = 0;
	text[len] = '\0';
	for (char *s = text; s < text + len && n < ARGV_MAX; s += strlen(s) + 1)
		v[n++] = s;
	return wh_argv_set(ret_argv, v, n);
}

/* AppArmor asks again whether a program may use a socket that it did not make. */
static int inherited_socket(struct wh_recorder *r, struct wh_task *task, int fd)
{
	struct wh_decode_kind kind;
	char address[WH_SOCKADDR_TEXT] = "";

	if (!wh_decode_socket_kind(task, fd, &kind))
		return 0;
	return wh_decode_socket_fact(r, task, WH_SOCKET_INHERIT, &kind, address);
}

static int inherited(struct wh_recorder *r, struct wh_task *task)
{
	struct dirent *d;
	DIR *dir;
	int k = wh_procfs_fds(r->proc_fd, task->tid, &dir);

	if (k < 0)
		return k == -ENOMEM ? k : 0;
	while (k == 0 && (d = readdir(dir))) {
		int fd = (int)strtol(d->d_name, NULL, 10);

		if (d->d_name[0] == '.')
			continue;
		k = wh_decode_fact_inherited(r, task, fd);
		if (k == 0)
			k = inherited_socket(r, task, fd);
	}
	closedir(dir);
	return k;
}

static int put_exec(struct wh_recorder *r, struct wh_task *task, const char *from, const char *to,
		    const struct executed *x)
{
	bool same = wh_util_streq(to, x->exe.path);
	struct wh_exec key = {.from = from, .to = to, .interpreter = same ? NULL : x->exe.path};
	struct wh_exec *fact;
	int k = wh_record_fact(r, task, WH_KIND_EXEC, &key, true, &fact);

	if (k < 0)
		return wh_decode_fact_err(k);
	if (!fact->loader)
		fact->loader = x->loader;
	if (!fact->argv.n)
		k = wh_trace_set_list(r->trace, &fact->argv, x->argv.v, x->argv.n);
	fact->gains |= x->gains;
	fact->gain_lost |= x->lost;
	if (k >= 0 && x->lost && !x->before.no_new_privs)
		k = wh_record_gap(r, task, "privilege-not-gained", "%s", x->exe.path);
	return wh_decode_fact_err(k);
}

/* The facts, in the order of who did what: the old program executed, the new one runs. */
static int exec_facts(struct wh_recorder *r, struct wh_task *task, const char *from,
		      struct executed *x)
{
	const struct wh_place *named = &task->call.place[0];
	const struct wh_place *to = named->path && named->exists ? named : &x->exe;
	const char *program;
	int k;

	k = wh_decode_fact_file(r, task, to, WH_ACCESS_EXEC, NULL, NULL);
	/* Of a script another binary runs than the file that was named. */
	if (k == 0 && (to->dev != x->exe.dev || to->ino != x->exe.ino))
		k = interpreters(r, task, to);
	if (k == 0)
		k = find_loader(r, task, x);
	if (k == 0)
		k = wh_decode_exec_argv(r, task, &x->argv);
	if (k == 0)
		k = put_exec(r, task, from, to->path, x);
	program = wh_trace_intern(r->trace, x->exe.path);
	if (!program)
		return -ENOMEM;
	task->process->program = program;
	task->process->executed = true;
	task->process->knows_caps = false;
	if (k == 0) {
		wh_argv_free(&task->process->argv);
		task->process->argv = x->argv;
		x->argv = (struct wh_strlist){0};
	}
	return k == 0 ? inherited(r, task) : k;
}

int wh_decode_exec(struct wh_recorder *r, struct wh_task *task, const char *from)
{
	struct executed x = {.fd = -1};
	struct wh_call *call = &task->call;
	bool creds = task->creds_valid;
	int k;

	if (creds)
		x.before = task->creds;
	wh_creds_forget(task);
	if (!call->row || call->row->irregular != WH_IRREGULAR_EXEC) {
		/* The entry was not seen (we came in the middle): what runs is known all the same.
		 */
		wh_decode_reset(call);
		call->name = "execve";
	}
	k = wh_path_link(r, task, "exe", &x.exe);
	if (k == 0 && x.exe.resolved && !x.exe.path)
		k = nameless(r, task, &x.exe);
	if (k == 0 && !x.exe.path) {
		k = wh_decode_fact_err(wh_record_gap(r, task, "tracee-died",
						     "in execve, program before: %s",
						     from ? from : "?"));
	} else if (k == 0) {
		k = look_into(r, task, &x);
		look_at_creds(r, task, &x, creds);
		call->returned = true;
		if (k == 0)
			k = exec_facts(r, task, from, &x);
	}
	wh_util_close(x.fd);
	wh_argv_free(&x.argv);
	wh_path_clear(&x.exe);
	return k;
}
