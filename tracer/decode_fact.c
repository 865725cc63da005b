/* SPDX-License-Identifier: Apache-2.0 */
/* Putting what was decoded into the trace, with its variety bounded. */
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tracer/decode_impl.h"
#include "tracer/path_impl.h"

#define PATH_TEXT (2 * PATH_MAX + 64)
/* Facts of one class whose call stack is found: a few, as the first may come from a loader. */
#define SITES 4

/* ---- how many names a group has -------------------------------------------------------------- */

#define SEEN_MAX (1u << 17)

/*
 * Counters by hash. Only a number is kept of each group: a collision, at 64 bits, would fold a
 * directory too early, which is visible in the trace and harmless.
 */
struct wh_decode_seen {
	struct seen {
		uint64_t hash;
		unsigned n;
	} * v;
	size_t n, size; /* @size is a power of two */
};

struct wh_decode_seen *wh_decode_fact_new(void)
{
	return calloc(1, sizeof(struct wh_decode_seen));
}

void wh_decode_fact_free(struct wh_decode_seen *seen)
{
	if (!seen)
		return;
	free(seen->v);
	free(seen);
}

static uint64_t hash_bytes(uint64_t h, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * 1099511628211u;
	return h;
}

static struct seen *seen_slot(struct wh_decode_seen *t, uint64_t hash)
{
	size_t i = (size_t)(hash ^ hash >> 32) & (t->size - 1);

	while (t->v[i].n && t->v[i].hash != hash)
		i = (i + 1) & (t->size - 1);
	return &t->v[i];
}

static bool seen_grow(struct wh_decode_seen *t)
{
	struct wh_decode_seen bigger = {.size = t->size ? t->size * 2 : 256};

	if (bigger.size > SEEN_MAX)
		return false;
	bigger.v = calloc(bigger.size, sizeof(*bigger.v));
	if (!bigger.v)
		return false;
	for (size_t i = 0; i < t->size; i++)
		if (t->v[i].n)
			*seen_slot(&bigger, t->v[i].hash) = t->v[i];
	bigger.n = t->n;
	free(t->v);
	*t = bigger;
	return true;
}

bool wh_decode_fact_many(struct wh_recorder *r, const char *group, size_t len, unsigned salt,
			 unsigned limit, bool *ret_first)
{
	struct wh_decode_seen *t = wh_decode_seen(r);
	uint64_t h = hash_bytes(14695981039346656037u ^ salt * 0x9e3779b97f4a7c15u, group, len);
	struct seen *s;

	*ret_first = false;
	/* A full table cannot count; the limit of the whole kind still holds. */
	if (t->n * 4 >= t->size * 3 && !seen_grow(t) && t->n * 8 >= t->size * 7)
		return false;
	s = seen_slot(t, h);
	if (!s->n) {
		s->hash = h;
		t->n++;
	}
	if (s->n <= limit)
		s->n++;
	else
		return true;
	*ret_first = s->n > limit;
	return s->n > limit;
}

/* ---- outcomes -------------------------------------------------------------------------------- */

int wh_decode_fact_outcome(struct wh_recorder *r, struct wh_task *task, struct wh_counts *counts)
{
	const struct wh_call *call = &task->call;

	if (!call->returned)
		return 0;
	return wh_decode_fact_err(wh_trace_add_count(
		r->trace, counts, call->err ? wh_util_errno_name(call->err) : "ok", 1));
}

/* ---- files ----------------------------------------------------------------------------------- */

static size_t digits(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n && (s[n] == '/' || s[n] == '\0') ? n : 0;
}

/*
 * A real name that reads like a mark of ours, behind any number of backslashes, gets one more in front:
 * so what has none is the mark. @name: in a buffer with room for it
 */
static void escape_name(char *name, const char *mark)
{
	const char *end = name + strspn(name, "\\");

	if (!wh_util_has_prefix(end, mark))
		return;
	end += strlen(mark);
	if (*end && *end != '/')
		return;
	memmove(name + 1, name, strlen(name) + 1);
	*name = '\\';
}

/* A pid is another one in each run; so are the numbers of threads. */
static void write_pids(const char *path, char *buf, size_t size)
{
	static const char proc[] = "/proc/", tasks[] = "/task/";
	const char *s = path + strlen(proc), *task;
	size_t n;

	if (!wh_util_has_prefix(path, proc) || !(n = digits(s))) {
		snprintf(buf, size, "%s", path);
		if (wh_util_has_prefix(path, proc))
			escape_name(buf + strlen(proc), "@{pid}");
		return;
	}
	s += n;
	task = s + strlen(tasks);
	n = wh_util_has_prefix(s, tasks) ? digits(task) : 0;
	if (n)
		snprintf(buf, size, "/proc/@{pid}/task/@{tid}%s", task + n);
	else
		snprintf(buf, size, "/proc/@{pid}%s", s);
}

const char *wh_decode_fact_path(const struct wh_place *place, const char *type, char *buf,
				size_t size)
{
	size_t n;

	if (!place->path)
		return NULL;
	/* Two backslashes and a '/' may come to it. */
	write_pids(place->path, buf, size - 3);
	n = strlen(buf);
	if (wh_util_streq(type, "dir") && buf[n - 1] != '/')
		strcpy(buf + n, "/");
	else if (n && strrchr(buf, '/'))
		escape_name(strrchr(buf, '/') + 1, WH_FILE_MANY);
	return buf;
}

/* The length of a path's directory, with its last '/'. */
static size_t dir_length(const char *path)
{
	size_t n = strlen(path);

	if (n && path[n - 1] == '/')
		n--;
	while (n && path[n - 1] != '/')
		n--;
	return n;
}

/*
 * A call stack costs milliseconds, with the service stopped: it is found for the first facts of a
 * class, which is a directory and an access. An access that no rule is made from has the least.
 */
static bool wants_site(struct wh_recorder *r, const struct wh_file *key)
{
	unsigned limit = wh_trace_access_letters(key->access)[0] ? SITES : 1;
	bool first;

	return !wh_decode_fact_many(r, key->path, dir_length(key->path),
				    key->access + 2 * WH_ACCESSES, limit, &first);
}

/*
 * A new path: keep it as it is if its directory has room, else write DIR/ * there.
 * @ret_site: whether where it comes from is worth finding
 */
static int fold(struct wh_recorder *r, struct wh_task *task, struct wh_file *key, char *path,
		bool *ret_site)
{
	size_t dir = dir_length(path);
	bool first;
	int k;

	*ret_site = false;
	if (wh_trace_find(r->trace, WH_KIND_FILE, key))
		return 0;
	*ret_site = wants_site(r, key);
	if (!dir || !wh_decode_fact_many(r, path, dir, key->access, WH_DECODE_NAMES, &first))
		return 0;
	path[dir] = '\0';
	k = first ? wh_record_gap(r, task, "many-files", "%s (%s): more than %d names", path,
				  wh_trace_access_name(key->access), WH_DECODE_NAMES)
		  : 0;
	strcpy(path + dir, WH_FILE_MANY);
	return wh_decode_fact_err(k);
}

const char *wh_decode_fact_blind(struct wh_recorder *r, const struct wh_task *task,
				 const char *kind)
{
	char path[32], text[2];

	/* A task in a stop can be killed all the same; then nothing of it is left to look at. */
	snprintf(path, sizeof(path), "%d/root", (int)task->tid);
	return readlinkat(r->proc_fd, path, text, sizeof(text)) < 0 ? "tracee-died" : kind;
}

static int unresolved(struct wh_recorder *r, struct wh_task *task, enum wh_access access)
{
	/* With these the kernel, too, has not come to any file. */
	static const int nowhere[] = {EFAULT, ENAMETOOLONG, EBADF,  ENOENT,
				      ELOOP,  ENOTDIR,	    EINVAL, ESRCH};
	const struct wh_call *call = &task->call;

	for (size_t i = 0; wh_decode_failed(call) && i < WH_ARRAY_SIZE(nowhere); i++)
		if (call->err == nowhere[i])
			return 0;
	return wh_decode_fact_err(wh_record_gap(
		r, task, wh_decode_fact_blind(r, task, "unresolved-path"), "%s by %s of %s",
		wh_trace_access_name(access), call->name ? call->name : "no call",
		task->process->program ? task->process->program : "?"));
}

/* The less sure a type is, the sooner it gives way: one call finds it missing, the next makes it.
 */
static bool better_type(const char *old, const char *new)
{
	return !old || (strcmp(old, "missing") == 0 && strcmp(new, "missing") != 0);
}

/* Whether not everybody may do it, going by the modes: see struct wh_file. */
static bool is_restricted(const struct wh_place *place, enum wh_access access)
{
	unsigned want = 0;

	if (wh_trace_access_makes(access) || wh_trace_access_removes(access))
		return place->search_restricted || !(place->dir_mode & S_IWOTH);
	switch (access) {
	case WH_ACCESS_CHMOD:
	case WH_ACCESS_CHOWN:
	case WH_ACCESS_UTIME:
	case WH_ACCESS_SETXATTR:
	case WH_ACCESS_REMOVEXATTR:
		return true;
	case WH_ACCESS_READ:
	case WH_ACCESS_LIST:
	case WH_ACCESS_INHERIT_READ:
	case WH_ACCESS_GETXATTR:
		want = S_IROTH;
		break;
	case WH_ACCESS_WRITE:
	case WH_ACCESS_APPEND:
	case WH_ACCESS_TRUNCATE:
	case WH_ACCESS_INHERIT_WRITE:
	case WH_ACCESS_CONNECT:
		want = S_IWOTH;
		break;
	case WH_ACCESS_EXEC:
	case WH_ACCESS_CHDIR:
	case WH_ACCESS_CHROOT:
		want = S_IXOTH;
		break;
	case WH_ACCESS_INTERPRETER:
	case WH_ACCESS_LOADER:
		want = S_IROTH | S_IXOTH;
		break;
	default:
		break;
	}
	return place->search_restricted || (place->exists && (place->mode & want) != want);
}

int wh_decode_fact_file(struct wh_recorder *r, struct wh_task *task, const struct wh_place *place,
			enum wh_access access, const char *type, const char *peer)
{
	char path[PATH_TEXT];
	struct wh_file key = {.path = path, .access = access}, *fact;
	const struct wh_creds *creds;
	bool site;
	int k;

	if (!place->valid)
		return 0;
	if (!place->resolved)
		return unresolved(r, task, access);
	if (!type)
		type = place->exists ? wh_path_type(place->mode) : "missing";
	if (!wh_decode_fact_path(place, type, path, sizeof(path)))
		return 0;
	k = fold(r, task, &key, path, &site);
	if (k < 0)
		return k;
	k = wh_record_fact(r, task, WH_KIND_FILE, &key, site, &fact);
	if (k < 0)
		return wh_decode_fact_err(k);
	if (better_type(fact->type, type)) {
		fact->type = wh_trace_intern(r->trace, type);
		if (!fact->type)
			return -ENOMEM;
	}
	creds = place->exists && fact->owner_always ? wh_creds_get(r, task) : NULL;
	if (creds && creds->fsuid != place->uid)
		fact->owner_always = false;
	fact->restricted |= is_restricted(place, access);
	k = task->call.name ? wh_trace_add_str(r->trace, &fact->syscalls, WH_LIMIT_SYSCALLS,
					       task->call.name)
			    : 0;
	if (k >= 0 && peer)
		k = wh_trace_add_str(r->trace, &fact->peers, WH_LIMIT_PEERS, peer);
	return k < 0 ? wh_decode_fact_err(k) : wh_decode_fact_outcome(r, task, &fact->outcomes);
}

bool wh_decode_fact_open_flags(struct wh_recorder *r, const struct wh_task *task, int fd,
			       uint64_t *ret_flags)
{
	char path[64], text[512], *line;
	wh_auto(fd) info = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%d/fdinfo/%d", (int)task->tid, fd);
	info = openat(r->proc_fd, path, O_RDONLY | O_CLOEXEC);
	n = info < 0 ? -1 : read(info, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	line = strstr(text, "flags:");
	if (!line)
		return false;
	*ret_flags = strtoull(line + strlen("flags:"), NULL, 8);
	return true;
}

/*
 * What a descriptor was opened for. The bits of the link itself say it (fs/proc/fd.c,
 * tid_fd_update_inode()): without any it is an O_PATH one, which gives no access to what it names, or
 * the rare one of access mode 3, which is for ioctl() alone. Return: false when it is gone.
 */
static bool fd_mode(struct wh_recorder *r, struct wh_task *task, int fd, bool *ret_reads,
		    bool *ret_writes)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "%d/fd/%d", (int)task->tid, fd);
	if (wh_path_look(r->proc_fd, path, AT_SYMLINK_NOFOLLOW, &st) < 0)
		return false;
	*ret_reads = st.st_mode & S_IRUSR;
	*ret_writes = st.st_mode & S_IWUSR;
	if (!*ret_reads && !*ret_writes) {
		uint64_t flags = O_PATH;

		if (!wh_decode_fact_open_flags(r, task, fd, &flags))
			return false;
		*ret_reads = *ret_writes = !(flags & O_PATH);
	}
	return true;
}

int wh_decode_fact_inherited(struct wh_recorder *r, struct wh_task *task, int fd)
{
	struct wh_place place = {0};
	bool reads = false, writes = false;
	int k = wh_path_fd(r, task, fd, &place);

	/* A closed descriptor is none. */
	if (k < 0 || !place.resolved || !place.path || !fd_mode(r, task, fd, &reads, &writes))
		goto out;
	if (reads)
		k = wh_decode_fact_file(r, task, &place, WH_ACCESS_INHERIT_READ, NULL, NULL);
	if (k == 0 && writes)
		k = wh_decode_fact_file(r, task, &place, WH_ACCESS_INHERIT_WRITE, NULL, NULL);
out:
	wh_path_clear(&place);
	return k;
}
