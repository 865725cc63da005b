/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/pidns.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "tracer/namespace.h"
#include "tracer/procfs.h"

/* Since Linux 6.11; the number itself is the argument, and the answer is the result. */
#ifndef NS_GET_PID_FROM_PIDNS
#define NS_GET_PID_FROM_PIDNS _IOR(NSIO, 0x6, int)
#define NS_GET_PID_IN_PIDNS   _IOR(NSIO, 0x8, int)
#endif

#define LEVELS	    33 /* MAX_PID_NS_LEVEL of include/linux/pid_namespace.h, and the first one */
#define STATUS_TEXT 8192

/* Numbers of one thing, from the namespace of the proc filesystem that was asked to its own. */
struct numbers {
	pid_t v[LEVELS];
	unsigned n;
};

static bool parse_numbers(const char *status, const char *field, struct numbers *ret)
{
	const char *line = strstr(status, field);
	char *end;

	ret->n = 0;
	if (!line)
		return false;
	for (line += strlen(field); ret->n < LEVELS; line = end) {
		long number;

		line += strspn(line, " \t");
		if (*line < '0' || *line > '9')
			break;
		number = strtol(line, &end, 10);
		if (number > INT_MAX)
			return false;
		ret->v[ret->n++] = (pid_t)number;
	}
	return ret->n > 0;
}

static bool read_numbers(int proc_fd, pid_t pid, const char *field, struct numbers *ret)
{
	char name[32], text[STATUS_TEXT];

	snprintf(name, sizeof(name), "%d/status", (int)pid);
	return wh_procfs_read(proc_fd, name, text, sizeof(text)) > 0 &&
	       parse_numbers(text, field, ret);
}

bool wh_pidns_is_ours(const struct wh_recorder *r, const struct wh_task *task)
{
	struct wh_process *process = task->process;

	/* It stays what it is: unshare() and setns() are for children to come. */
	if (process->pidns == WH_PIDNS_UNKNOWN)
		process->pidns = wh_namespace_is_ours(r, process->tgid, "pid") ? WH_PIDNS_OURS
									       : WH_PIDNS_OTHER;
	return process->pidns == WH_PIDNS_OURS;
}

/* ---- without the kernel's help --------------------------------------------------------------- */

struct search {
	struct wh_recorder *r;
	const char *field;
	pid_t wanted, found;
	unsigned level; /* of the namespace in which it is wanted */
	struct stat ns;
};

static bool search_begin(struct search *s, const struct wh_task *task)
{
	wh_auto(fd) ns = wh_namespace_open(s->r, task->process->tgid, "pid");
	struct numbers own;

	if (ns < 0 || fstat(ns, &s->ns) < 0 ||
	    !read_numbers(s->r->proc_fd, task->process->tgid, "\nNSpid:", &own))
		return false;
	s->level = own.n - 1;
	return true;
}

/* Whether the namespace that is @up above that of @pid is the one. */
static bool is_below(const struct search *s, pid_t pid, unsigned up)
{
	int ns = wh_namespace_open(s->r, pid, "pid");
	struct stat st;
	bool same;

	while (ns >= 0 && up--) {
		int parent = ioctl(ns, NS_GET_PARENT);

		close(ns);
		ns = parent;
	}
	same = ns >= 0 && fstat(ns, &st) == 0 && st.st_dev == s->ns.st_dev &&
	       st.st_ino == s->ns.st_ino;
	wh_util_close(ns);
	return same;
}

static void search_pid(struct search *s, pid_t pid)
{
	struct numbers n;

	if (!s->found && read_numbers(s->r->proc_fd, pid, s->field, &n) && n.n > s->level &&
	    n.v[s->level] == s->wanted && is_below(s, pid, n.n - 1 - s->level))
		s->found = n.v[0];
}

static void search_task(void *data, struct wh_task *task)
{
	search_pid(data, task->tid);
}

/* Mostly it is one that we trace; of the others only processes are looked at, not their threads. */
static pid_t search(struct wh_recorder *r, const struct wh_task *task, const char *field, pid_t id)
{
	struct search s = {.r = r, .field = field, .wanted = id};
	struct dirent *entry;
	DIR *dir;
	int fd;

	if (!search_begin(&s, task))
		return 0;
	wh_task_each(r->tasks, search_task, &s);
	if (s.found)
		return s.found;
	fd = openat(r->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		wh_util_close(fd);
		return 0;
	}
	while (!s.found && (entry = readdir(dir)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			search_pid(&s, (pid_t)atoi(entry->d_name));
	closedir(dir);
	return s.found;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static bool is_there(const struct wh_recorder *r, pid_t pid)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", (int)pid);
	return faccessat(r->proc_fd, name, F_OK, 0) == 0;
}

/* Return: the answer, 0 for nobody, -ENOTTY when the kernel does not know the question. */
static pid_t ask(const struct wh_recorder *r, const struct wh_task *task, unsigned long request,
		 pid_t id)
{
	wh_auto(fd) ns = wh_namespace_open(r, task->process->tgid, "pid");
	int k = ns < 0 ? 0 : ioctl(ns, request, (long)id);

	if (k >= 0)
		return k;
	return errno == ENOTTY || errno == EINVAL ? -ENOTTY : 0;
}

pid_t wh_pidns_find(struct wh_recorder *r, const struct wh_task *task, pid_t id)
{
	pid_t found;

	if (id <= 0)
		return 0;
	if (wh_pidns_is_ours(r, task))
		return is_there(r, id) ? id : 0;
	found = ask(r, task, NS_GET_PID_FROM_PIDNS, id);
	return found == -ENOTTY ? search(r, task, "\nNSpid:", id) : found;
}

pid_t wh_pidns_find_group(struct wh_recorder *r, const struct wh_task *task, pid_t id)
{
	if (id <= 0)
		return 0;
	return wh_pidns_is_ours(r, task) ? id : search(r, task, "\nNSpgid:", id);
}

pid_t wh_pidns_number(struct wh_recorder *r, const struct wh_task *task, pid_t pid)
{
	struct search s = {.r = r};
	struct numbers n;
	pid_t number;

	if (wh_pidns_is_ours(r, task))
		return pid;
	number = ask(r, task, NS_GET_PID_IN_PIDNS, pid);
	if (number != -ENOTTY)
		return number;
	if (!search_begin(&s, task) || !read_numbers(r->proc_fd, pid, "\nNSpid:", &n) ||
	    n.n <= s.level || !is_below(&s, pid, n.n - 1 - s.level))
		return 0;
	return n.v[s.level];
}

/* ---- in a proc filesystem -------------------------------------------------------------------- */

bool wh_pidns_is_our_proc(const struct wh_recorder *r, uint64_t dev)
{
	struct stat st;

	return fstat(r->proc_fd, &st) == 0 && st.st_dev == dev;
}

/* When it was started, in ticks: no two of one number have that in common. */
static bool started(int proc_fd, pid_t pid, unsigned long long *ret)
{
	char name[32], text[1024], *s;

	snprintf(name, sizeof(name), "%d/stat", (int)pid);
	if (wh_procfs_read(proc_fd, name, text, sizeof(text)) <= 0)
		return false;
	s = strrchr(text, ')');
	for (int field = 2; s && field < 22; field++)
		s = strchr(s + 1, ' ');
	return s && sscanf(s, "%llu", ret) == 1;
}

bool wh_pidns_in_proc(const struct wh_recorder *r, const struct wh_task *task, int proc,
		      struct wh_pidns_self *ret_self)
{
	struct numbers tgid, tid, there;
	unsigned long long ours, theirs;
	struct stat st;

	if (fstat(proc, &st) == 0 && wh_pidns_is_our_proc(r, st.st_dev)) {
		*ret_self = (struct wh_pidns_self){task->process->tgid, task->tid};
		return true;
	}
	if (!read_numbers(r->proc_fd, task->tid, "\nNStgid:", &tgid) ||
	    !read_numbers(r->proc_fd, task->tid, "\nNSpid:", &tid) || tid.n != tgid.n ||
	    !started(r->proc_fd, task->process->tgid, &ours))
		return false;
	/* Seen from a nested namespace it has the same numbers without the first ones. */
	for (unsigned level = tgid.n; level--;) {
		unsigned n = tgid.n - level;

		if (read_numbers(proc, tgid.v[level], "\nNStgid:", &there) && there.n == n &&
		    memcmp(there.v, tgid.v + level, n * sizeof(*there.v)) == 0 &&
		    started(proc, tgid.v[level], &theirs) && theirs == ours) {
			*ret_self = (struct wh_pidns_self){tgid.v[level], tid.v[level]};
			return true;
		}
	}
	return false;
}
