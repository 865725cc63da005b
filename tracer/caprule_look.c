/* SPDX-License-Identifier: Apache-2.0 */
/* How the rules look at the task, at others and at the machine. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>

#include "tracer/caprule_impl.h"
#include "tracer/decode_impl.h"
#include "tracer/namespace.h"
#include "tracer/pidns.h"
#include "tracer/procfs.h"

int wh_caprule_column(const struct wh_caprule_ask *ask, enum wh_arg kind)
{
	for (int i = 0; i < 6; i++)
		if (ask->call->row->arg[i] == kind)
			return i;
	return -1;
}

const char *wh_caprule_path(struct wh_caprule_ask *ask, const struct wh_place *place)
{
	struct wh_caprule_text *text = &ask->text[ask->next_text++ % 2];
	const char *path = wh_decode_fact_path(place, NULL, text->buf, sizeof(text->buf));

	return path ? path : "a file without a name";
}

bool wh_caprule_read(struct wh_caprule_ask *ask, uint64_t addr, void *ret_data, size_t len)
{
	return wh_memory_read_all(ask->task->tid, addr, ret_data, len) == 0;
}

bool wh_caprule_words(struct wh_caprule_ask *ask, uint64_t addr, uint64_t *ret, size_t n)
{
	return wh_decode_words(ask->task, addr, ret, n) == 0;
}

bool wh_caprule_is32(const struct wh_caprule_ask *ask)
{
	return wh_decode_is32(ask->call);
}

/* ---- /proc ----------------------------------------------------------------------------------- */

/* The start of a small file: it may be longer than @size, what counts is in front. */
static ssize_t slurp(int dirfd, const char *path, char *buf, size_t size)
{
	wh_auto(fd) fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = 0;

	if (fd < 0)
		return -errno;
	while (len < size - 1) {
		ssize_t n = read(fd, buf + len, size - 1 - len);

		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	return (ssize_t)len;
}

uint64_t wh_caprule_sysctl(struct wh_caprule_ask *ask, const char *name, uint64_t fallback)
{
	char path[128], text[64];
	long long value;
	char *end;

	snprintf(path, sizeof(path), "sys/%s", name);
	if (slurp(ask->r->proc_fd, path, text, sizeof(text)) <= 0)
		return fallback;
	errno = 0;
	value = strtoll(text, &end, 10);
	return errno || end == text ? fallback : (uint64_t)value;
}

bool wh_caprule_stat_fd(struct wh_caprule_ask *ask, int fd, struct stat *ret_st)
{
	char path[48];

	snprintf(path, sizeof(path), "%d/fd/%d", (int)ask->task->tid, fd);
	return fstatat(ask->r->proc_fd, path, ret_st, 0) == 0;
}

static uint64_t status_number(struct wh_caprule_ask *ask, pid_t pid, const char *name)
{
	char path[48], text[4096], key[32], *line;

	snprintf(path, sizeof(path), "%d/status", (int)pid);
	snprintf(key, sizeof(key), "\n%s:", name);
	if (slurp(ask->r->proc_fd, path, text, sizeof(text)) <= 0)
		return 0;
	line = strstr(text, key);
	return line ? strtoull(line + strlen(key), NULL, 10) : 0;
}

/* Not prlimit(): of another user's process that takes CAP_SYS_RESOURCE, which the tracer may lack. */
bool wh_caprule_limit(struct wh_caprule_ask *ask, pid_t pid, int resource, struct rlimit *ret_limit)
{
	/* lnames[] of fs/proc/base.c */
	static const char *const names[RLIM_NLIMITS] = {
		[RLIMIT_CPU] = "cpu time",
		[RLIMIT_FSIZE] = "file size",
		[RLIMIT_DATA] = "data size",
		[RLIMIT_STACK] = "stack size",
		[RLIMIT_CORE] = "core file size",
		[RLIMIT_RSS] = "resident set",
		[RLIMIT_NPROC] = "processes",
		[RLIMIT_NOFILE] = "open files",
		[RLIMIT_MEMLOCK] = "locked memory",
		[RLIMIT_AS] = "address space",
		[RLIMIT_LOCKS] = "file locks",
		[RLIMIT_SIGPENDING] = "pending signals",
		[RLIMIT_MSGQUEUE] = "msgqueue size",
		[RLIMIT_NICE] = "nice priority",
		[RLIMIT_RTPRIO] = "realtime priority",
		[RLIMIT_RTTIME] = "realtime timeout",
	};
	char name[32], text[4096], line[64], *s, *end;
	rlim_t *value[] = {&ret_limit->rlim_cur, &ret_limit->rlim_max};

	if (resource < 0 || resource >= RLIM_NLIMITS || !names[resource])
		return false;
	snprintf(name, sizeof(name), "%d/limits", (int)pid);
	snprintf(line, sizeof(line), "\nMax %s ", names[resource]);
	if (wh_procfs_read(ask->r->proc_fd, name, text, sizeof(text)) <= 0 ||
	    !(s = strstr(text, line)))
		return false;
	s += strlen(line);
	for (size_t i = 0; i < WH_ARRAY_SIZE(value); i++) {
		s += strspn(s, " ");
		*value[i] = RLIM_INFINITY;
		if (wh_util_has_prefix(s, "unlimited")) {
			s += strlen("unlimited");
			continue;
		}
		*value[i] = strtoull(s, &end, 10);
		if (end == s)
			return false;
		s = end;
	}
	return true;
}

uint64_t wh_caprule_status(struct wh_caprule_ask *ask, const char *name)
{
	return status_number(ask, ask->task->tid, name);
}

char *wh_caprule_in_ns(struct wh_caprule_ask *ask, const char *ns, const char *path)
{
	wh_auto(fd) there = wh_namespace_open(ask->r, ask->task->tid, ns);

	return wh_namespace_read(ask->r, there, path);
}

/* ---- other processes ------------------------------------------------------------------------- */

pid_t wh_caprule_pid(struct wh_caprule_ask *ask, pid_t pid)
{
	return wh_pidns_find(ask->r, ask->task, pid);
}

pid_t wh_caprule_pidfd(struct wh_caprule_ask *ask, int fd)
{
	char path[48], text[1024] = "", *line;
	wh_auto(fd) info = -1;

	snprintf(path, sizeof(path), "%d/fdinfo/%d", (int)ask->task->tid, fd);
	info = openat(ask->r->proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (info < 0 || read(info, text, sizeof(text) - 1) <= 0)
		return 0;
	line = strstr(text, "\nPid:");
	return line ? (pid_t)strtol(line + strlen("\nPid:"), NULL, 10) : 0;
}

bool wh_caprule_is_own(const struct wh_caprule_ask *ask, pid_t pid)
{
	struct wh_task *task;

	if (pid == ask->task->process->tgid || pid == ask->task->tid)
		return true;
	task = ask->r->tasks ? wh_task_find(ask->r->tasks, pid) : NULL;
	return task && task->process == ask->task->process;
}

long wh_caprule_stat(struct wh_caprule_ask *ask, pid_t pid, int number)
{
	char path[48], text[2048], *s;
	wh_auto(fd) fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%d/stat", (int)pid);
	fd = openat(ask->r->proc_fd, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	s = strrchr(text, ')');
	for (int i = 2; s && i < number; i++)
		s = strchr(s + 1, ' ');
	return s ? strtol(s, NULL, 10) : -1;
}

pid_t wh_caprule_session_of(struct wh_caprule_ask *ask, dev_t dev,
			    bool (*has)(struct wh_caprule_ask *ask, pid_t pid, dev_t dev))
{
	int fd = openat(ask->r->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	pid_t session = 0;

	if (!dir) {
		wh_util_close(fd);
		return 0;
	}
	while (!session && (entry = readdir(dir))) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid > 0 && has(ask, pid, dev))
			session = (pid_t)wh_caprule_stat(ask, pid, 6);
	}
	closedir(dir);
	return session;
}

/* Files of /proc/PID belong to root where the process has made itself undumpable. */
static bool is_dumpable(struct wh_caprule_ask *ask, pid_t pid, const struct wh_creds *target,
			bool *ret_sure)
{
	char path[48];
	struct stat st;

	snprintf(path, sizeof(path), "%d/environ", (int)pid);
	if (fstatat(ask->r->proc_fd, path, &st, 0) < 0 || target->euid == wh_caprule_uid(ask, 0)) {
		*ret_sure = false; /* root's files belong to root either way */
		return true;
	}
	return st.st_uid == target->euid;
}

bool wh_caprule_may_access(struct wh_caprule_ask *ask, pid_t pid, bool fscreds, bool *ret_sure)
{
	const struct wh_creds *c = ask->creds;
	uid_t uid = fscreds ? c->fsuid : c->ruid;
	gid_t gid = fscreds ? c->fsgid : c->rgid;
	uint64_t caps = fscreds ? c->effective : c->permitted;
	struct wh_creds t;
	bool may;

	*ret_sure = true;
	if (pid == ask->task->tid || pid == ask->task->process->tgid)
		return true;
	if ((pid_t)status_number(ask, pid, "Tgid") == ask->task->process->tgid)
		return true;
	if (wh_creds_read(ask->r, pid, &t) < 0) {
		*ret_sure = false;
		return true;
	}
	may = uid == t.euid && uid == t.suid && uid == t.ruid && gid == t.egid && gid == t.sgid &&
	      gid == t.rgid && is_dumpable(ask, pid, &t, ret_sure);
	/* Of another user namespace no set of capabilities compares with ours: cap_ptrace_access_check(). */
	if (may)
		may = t.userns == c->userns && !(t.permitted & ~caps);
	if (!may)
		*ret_sure = true;
	wh_creds_free(&t);
	return may;
}
