/* SPDX-License-Identifier: Apache-2.0 */
/* The mount tree: the old calls and those by descriptor. */
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <sys/stat.h>

#include "tracer/decode_impl.h"
#include "whittle/buf.h"

#define TEXT_MAX  256 /* of a source or type that is no path */
#define PATH_TEXT (2 * PATH_MAX + 64)

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

struct word {
	uint64_t flag;
	const char *name;
};

/* The words that AppArmor's mount rules have for them: apparmor.d(5), MOUNT FLAGS. */
static const struct word mount_words[] = {
	{MS_RDONLY, "ro"},
	{MS_NOSUID, "nosuid"},
	{MS_NODEV, "nodev"},
	{MS_NOEXEC, "noexec"},
	{MS_SYNCHRONOUS, "sync"},
	{MS_MANDLOCK, "mand"},
	{MS_DIRSYNC, "dirsync"},
	{MS_NOSYMFOLLOW, "nosymfollow"},
	{MS_NOATIME, "noatime"},
	{MS_NODIRATIME, "nodiratime"},
	{MS_SILENT, "silent"},
	{MS_POSIXACL, "acl"},
	{MS_RELATIME, "relatime"},
	{MS_I_VERSION, "iversion"},
	{MS_STRICTATIME, "strictatime"},
	{MS_LAZYTIME, "lazytime"},
};

static const struct word propagation_words[] = {
	{MS_SHARED, "shared"},
	{MS_PRIVATE, "private"},
	{MS_SLAVE, "slave"},
	{MS_UNBINDABLE, "unbindable"},
};

static const struct word umount_words[] = {
	{1, "force"},
	{2, "detach"},
	{4, "expire"},
	{8, "nofollow"},
};

static const struct word attr_words[] = {
	{MOUNT_ATTR_RDONLY, "ro"},
	{MOUNT_ATTR_NOSUID, "nosuid"},
	{MOUNT_ATTR_NODEV, "nodev"},
	{MOUNT_ATTR_NOEXEC, "noexec"},
	{MOUNT_ATTR_NOATIME, "noatime"},
	{MOUNT_ATTR_STRICTATIME, "strictatime"},
	{MOUNT_ATTR_NODIRATIME, "nodiratime"},
	{MOUNT_ATTR_IDMAP, "idmap"},
	{MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"},
};

static const char *const fsconfig_commands[] = {
	[FSCONFIG_SET_FLAG] = "set-flag",
	[FSCONFIG_SET_STRING] = "set-string",
	[FSCONFIG_SET_BINARY] = "set-binary",
	[FSCONFIG_SET_PATH] = "set-path",
	[FSCONFIG_SET_PATH_EMPTY] = "set-path-empty",
	[FSCONFIG_SET_FD] = "set-fd",
	[FSCONFIG_CMD_CREATE] = "create",
	[FSCONFIG_CMD_RECONFIGURE] = "reconfigure",
};

static void add_word(struct wh_buf *b, const char *word)
{
	if (b->len)
		wh_buf_addc(b, ',');
	wh_buf_adds(b, word);
}

static void add_words(struct wh_buf *b, uint64_t flags, const struct word *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (flags & words[i].flag)
			add_word(b, words[i].name);
}

/* ---- what a call is -------------------------------------------------------------------------- */

/** What will be the fact, as the exit finds it. Texts live in the caller's buffers. */
struct mounted {
	const char *op, *source, *target, *fstype;
	struct wh_buf flags;
};

static const char *text_at(const struct wh_task *task, uint64_t addr, char *buf, size_t size)
{
	ssize_t n = addr ? wh_memory_read_text(task->tid, addr, buf, size) : -EFAULT;

	return n > 0 || n == -ENAMETOOLONG ? buf : NULL;
}

/* path_mount() in fs/namespace.c asks in this order, and so does AppArmor. */
static const char *mount_op(uint64_t flags)
{
	if (flags & MS_REMOUNT)
		return "remount";
	if (flags & MS_BIND)
		return "bind";
	if (flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE))
		return "propagation";
	return flags & MS_MOVE ? "move" : "mount";
}

static uint64_t mount_flags(const struct wh_call *call)
{
	uint64_t flags = call->arg[3];

	/* Very old programs put a magic number into the upper half. */
	if ((flags & 0xffff0000) == 0xC0ED0000)
		flags &= 0xffff;
	return flags;
}

static int enter_mount(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	uint64_t flags = mount_flags(call);
	int k = wh_decode_place(r, task, 0, AT_FDCWD, call->arg[1], WH_PATH_FOLLOW);
	char source[PATH_MAX];

	call->note[0] = mount_op(flags);
	if (k < 0 || flags & MS_REMOUNT)
		return k;
	/* The source is a path for these; for a new mount it may also be a device. */
	if (text_at(task, call->arg[0], source, sizeof(source)) &&
	    (flags & (MS_BIND | MS_MOVE) || source[0] == '/'))
		k = wh_path_resolve(r, task, AT_FDCWD, source, WH_PATH_FOLLOW, &call->place[1]);
	return k;
}

static void exit_mount(struct wh_task *task, struct mounted *m, char *source, char *fstype)
{
	const struct wh_call *call = &task->call;
	const struct wh_place *from = &call->place[1];
	uint64_t flags = mount_flags(call);

	m->fstype =
		strcmp(m->op, "mount") == 0 ? text_at(task, call->arg[2], fstype, TEXT_MAX) : NULL;
	if (from->path && from->exists)
		m->source = from->path;
	else if (strcmp(m->op, "propagation") != 0)
		m->source = text_at(task, call->arg[0], source, TEXT_MAX);
	if (strcmp(m->op, "propagation") == 0) {
		char word[16];

		for (size_t i = 0; i < WH_ARRAY_SIZE(propagation_words); i++) {
			if (!(flags & propagation_words[i].flag))
				continue;
			snprintf(word, sizeof(word), "%s%s", flags & MS_REC ? "r" : "",
				 propagation_words[i].name);
			add_word(&m->flags, word);
		}
		return;
	}
	if (!(flags & MS_RDONLY))
		add_word(&m->flags, "rw");
	add_words(&m->flags, flags, mount_words, WH_ARRAY_SIZE(mount_words));
	if (flags & MS_REMOUNT)
		add_word(&m->flags, "remount");
	if (flags & MS_BIND)
		add_word(&m->flags, flags & MS_REC ? "rbind" : "bind");
	if (strcmp(m->op, "move") == 0)
		add_word(&m->flags, "move");
}

static int enter_umount(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	bool flags = call->row->arg[1] == WH_ARG_FLAGS;

	call->note[0] = "umount";
	return wh_decode_place(r, task, 0, AT_FDCWD, call->arg[0],
			       flags && call->arg[1] & 8 ? 0 : WH_PATH_FOLLOW);
}

static void exit_umount(struct wh_task *task, struct mounted *m, char *source, char *fstype)
{
	(void)source;
	(void)fstype;
	if (task->call.row->arg[1] == WH_ARG_FLAGS)
		add_words(&m->flags, task->call.arg[1], umount_words, WH_ARRAY_SIZE(umount_words));
}

/* pivot_root(new, old): the place that the old root goes to is the source of AppArmor's rule. */
static int enter_pivot(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	int k = wh_decode_place(r, task, 0, AT_FDCWD, call->arg[0], WH_PATH_FOLLOW);

	call->note[0] = "pivot_root";
	return k ? k : wh_decode_place(r, task, 1, AT_FDCWD, call->arg[1], WH_PATH_FOLLOW);
}

static void exit_source(struct wh_task *task, struct mounted *m, char *source, char *fstype)
{
	(void)source;
	(void)fstype;
	m->source = task->call.place[1].path;
}

/* open_tree(), mount_setattr(): a place by descriptor, path and AT_* flags. */
static int enter_at(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	uint64_t flags = call->arg[2];

	call->note[0] = call->row->name;
	return wh_decode_place(r, task, 0, (int)call->arg[0], call->arg[1],
			       (flags & AT_SYMLINK_NOFOLLOW ? 0 : WH_PATH_FOLLOW) |
				       (flags & AT_EMPTY_PATH ? WH_PATH_EMPTY : 0));
}

static void exit_open_tree(struct wh_task *task, struct mounted *m, char *source, char *fstype)
{
	(void)source;
	(void)fstype;
	if (task->call.arg[2] & OPEN_TREE_CLONE)
		add_word(&m->flags, task->call.arg[2] & AT_RECURSIVE ? "rclone" : "clone");
}

static void exit_setattr(struct wh_task *task, struct mounted *m, char *source, char *fstype)
{
	struct mount_attr attr;

	(void)source;
	(void)fstype;
	if (task->call.arg[4] < sizeof(attr) ||
	    wh_memory_read_all(task->tid, task->call.arg[3], &attr, sizeof(attr)) < 0)
		return;
	add_words(&m->flags, attr.attr_set, attr_words, WH_ARRAY_SIZE(attr_words));
	add_words(&m->flags, attr.propagation, propagation_words, WH_ARRAY_SIZE(propagation_words));
}

static int enter_fspick(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	uint64_t flags = call->arg[2];

	call->note[0] = "fspick";
	return wh_decode_place(r, task, 0, (int)call->arg[0], call->arg[1],
			       (flags & FSPICK_SYMLINK_NOFOLLOW ? 0 : WH_PATH_FOLLOW) |
				       (flags & FSPICK_EMPTY_PATH ? WH_PATH_EMPTY : 0));
}

static int enter_move(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	uint64_t flags = call->arg[4];
	int k = wh_decode_place(r, task, 0, (int)call->arg[2], call->arg[3],
				(flags & MOVE_MOUNT_T_SYMLINKS ? WH_PATH_FOLLOW : 0) |
					(flags & MOVE_MOUNT_T_EMPTY_PATH ? WH_PATH_EMPTY : 0));

	call->note[0] = "move_mount";
	if (k < 0)
		return k;
	k = wh_decode_place(r, task, 1, (int)call->arg[0], call->arg[1],
			    (flags & MOVE_MOUNT_F_SYMLINKS ? WH_PATH_FOLLOW : 0) |
				    (flags & MOVE_MOUNT_F_EMPTY_PATH ? WH_PATH_EMPTY : 0));
	return k;
}

static int enter_named(struct wh_recorder *r, struct wh_task *task)
{
	(void)r;
	task->call.note[0] = task->call.row->name;
	return 0;
}

static void exit_fsopen(struct wh_task *task, struct mounted *m, char *source, char *fstype)
{
	(void)source;
	m->fstype = text_at(task, task->call.arg[0], fstype, TEXT_MAX);
}

/* fsconfig(fd, command, key, value): "set-string:errors"; the value of the key "source" is one. */
static void exit_fsconfig(struct wh_task *task, struct mounted *m, char *source, char *fstype)
{
	const struct wh_call *call = &task->call;
	uint64_t command = (uint32_t)call->arg[1];
	const char *name =
		command < WH_ARRAY_SIZE(fsconfig_commands) ? fsconfig_commands[command] : NULL;
	const char *key = text_at(task, call->arg[2], fstype, TEXT_MAX);

	wh_buf_adds(&m->flags, name ? name : "?");
	if (!key || command > FSCONFIG_SET_FD)
		return;
	wh_buf_addf(&m->flags, ":%s", key);
	if (command == FSCONFIG_SET_STRING && strcmp(key, "source") == 0)
		m->source = text_at(task, call->arg[3], source, TEXT_MAX);
}

static void exit_fsmount(struct wh_task *task, struct mounted *m, char *source, char *fstype)
{
	(void)source;
	(void)fstype;
	add_words(&m->flags, task->call.arg[2], attr_words, WH_ARRAY_SIZE(attr_words));
}

static const struct {
	const char *name;
	int (*enter)(struct wh_recorder *r, struct wh_task *task);
	void (*exit)(struct wh_task *task, struct mounted *m, char *source, char *fstype);
} calls[] = {
	{"fsconfig", enter_named, exit_fsconfig},     {"fsmount", enter_named, exit_fsmount},
	{"fsopen", enter_named, exit_fsopen},	      {"fspick", enter_fspick, NULL},
	{"mount", enter_mount, exit_mount},	      {"mount_setattr", enter_at, exit_setattr},
	{"move_mount", enter_move, exit_source},      {"open_tree", enter_at, exit_open_tree},
	{"open_tree_attr", enter_at, exit_open_tree}, {"pivot_root", enter_pivot, exit_source},
	{"umount", enter_umount, exit_umount},	      {"umount2", enter_umount, exit_umount},
};

static size_t call_index(const struct wh_call *call)
{
	size_t i = 0;

	while (i < WH_ARRAY_SIZE(calls) && strcmp(calls[i].name, call->row->name) != 0)
		i++;
	return i;
}

int wh_decode_mount_enter(struct wh_recorder *r, struct wh_task *task)
{
	size_t i = call_index(&task->call);

	return i < WH_ARRAY_SIZE(calls) ? calls[i].enter(r, task) : 0;
}

/* Where it is about can matter more than what: a place that was not understood is a gap. */
static int unresolved(struct wh_recorder *r, struct wh_task *task)
{
	const struct wh_place *place = &task->call.place[0];

	if (!place->valid || place->resolved || wh_decode_failed(&task->call))
		return 0;
	return wh_decode_fact_err(wh_record_gap(
		r, task, wh_decode_fact_blind(r, task, "unresolved-path"), "%s by %s",
		task->call.name, task->process->program ? task->process->program : "?"));
}

int wh_decode_mount_exit(struct wh_recorder *r, struct wh_task *task)
{
	const struct wh_call *call = &task->call;
	const struct wh_place *target = &call->place[0];
	char source[TEXT_MAX], fstype[TEXT_MAX], path[PATH_TEXT];
	struct mounted m = {.op = call->note[0]};
	wh_auto(str) flags = NULL;
	struct wh_mount key, *fact;
	size_t i = call_index(call);
	int k;

	if (i == WH_ARRAY_SIZE(calls) || !m.op)
		return 0;
	wh_path_remounted(r);
	m.target =
		wh_decode_fact_path(target, target->exists ? wh_path_type(target->mode) : "missing",
				    path, sizeof(path));
	if (calls[i].exit)
		calls[i].exit(task, &m, source, fstype);
	flags = wh_buf_take(&m.flags);
	if (!flags)
		return -ENOMEM;
	key = (struct wh_mount){.op = m.op,
				.source = m.source,
				.target = m.target,
				.fstype = m.fstype,
				.flags = flags};
	k = wh_record_fact(r, task, WH_KIND_MOUNT, &key, true, &fact);
	if (k >= 0)
		k = wh_decode_fact_outcome(r, task, &fact->outcomes);
	return k < 0 ? wh_decode_fact_err(k) : unresolved(r, task);
}
