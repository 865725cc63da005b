// SPDX-License-Identifier: Apache-2.0
#include "tracer/members.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "tracer/procfs.h"

#define LINE_BYTES   (2 * PATH_MAX + 512)
#define CGROUP_DEPTH 16 /* cgroups below cgroups; systemd makes four */
#define NS_DEPTH     32 /* MAX_PID_NS_LEVEL of the kernel */

struct pid_list {
	pid_t *v;
	size_t n, size;
};

struct process {
	pid_t pid, parent;
	bool in;
};

struct process_list {
	struct process *v;
	size_t n, size;
};

struct wh_members {
	int proc_fd;
	pid_t pid;
	int cgroup; /* its folder; -1: none of its own */
	bool has_ns;
	dev_t ns_dev; /* the pid namespace, which is not ours */
	ino_t ns_ino;
	struct pid_list found;
	struct process_list all; /* kept for its memory */
};

static int put(struct pid_list *list, pid_t pid)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i] == pid)
			return 0;
	if (list->n == list->size) {
		size_t size = list->size ? 2 * list->size : 64;
		pid_t *v = reallocarray(list->v, size, sizeof(*v));

		if (!v)
			return -ENOMEM;
		list->v = v;
		list->size = size;
	}
	list->v[list->n++] = pid;
	return 0;
}

/* ---- cgroups --------------------------------------------------------------------------------- */

bool wh_members_cgroup_line(char *line, const char **ret_controllers, const char **ret_path)
{
	char *controllers = strchr(line, ':'), *path;

	if (!controllers || !(path = strchr(controllers + 1, ':')) || path[1] != '/')
		return false;
	*controllers++ = '\0';
	*path++ = '\0';
	*ret_controllers = controllers;
	*ret_path = path;
	return true;
}

/* "\040" is a space: seq_path() of the kernel writes what would end a field so. */
static void unescape(char *text)
{
	char *out = text;

	for (const char *s = text; *s; out++) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*out = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*out = *s++;
		}
	}
	*out = '\0';
}

bool wh_members_mount_line(char *line, struct wh_members_mount *ret)
{
	char *rest = strstr(line, " - "), *field[5], *type, *options, *save = NULL;
	size_t n = 0;

	if (!rest)
		return false;
	*rest = '\0';
	for (char *s = strtok_r(line, " ", &save); s && n < 5; s = strtok_r(NULL, " ", &save))
		field[n++] = s;
	type = strtok_r(rest + strlen(" - "), " ", &save);
	if (n < 5 || !type || !strtok_r(NULL, " ", &save))
		return false;
	options = strtok_r(NULL, " ", &save);
	if (strcmp(type, "cgroup2") != 0 && (strcmp(type, "cgroup") != 0 || !options))
		return false;
	unescape(field[3]);
	unescape(field[4]);
	*ret = (struct wh_members_mount){
		.root = field[3], .point = field[4], .controllers = type[6] ? NULL : options};
	return true;
}

static bool has_word(const char *list, const char *word, size_t len)
{
	for (const char *s = list; *s; s += *s == ',') {
		size_t n = strcspn(s, ",");

		if (n == len && memcmp(s, word, n) == 0)
			return true;
		s += n;
	}
	return false;
}

static char *chomp(char *line)
{
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static FILE *open_text(int proc_fd, const char *name)
{
	int fd = openat(proc_fd, name, O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	if (!f)
		wh_util_close(fd);
	return f;
}

/* The folder of a cgroup, by the first mount that shows it; -1. */
static int open_cgroup(int proc_fd, const char *controllers, const char *path)
{
	wh_auto(file) f = open_text(proc_fd, "self/mountinfo");
	char line[LINE_BYTES], name[LINE_BYTES];
	int fd = -1;

	while (f && fd < 0 && fgets(line, sizeof(line), f)) {
		struct wh_members_mount m;
		size_t root;

		if (!wh_members_mount_line(chomp(line), &m) || !*controllers != !m.controllers ||
		    (*controllers &&
		     !has_word(m.controllers, controllers, strcspn(controllers, ","))))
			continue;
		root = strcmp(m.root, "/") == 0 ? 0 : strlen(m.root);
		if (strncmp(path, m.root, root) != 0 || (root && path[root] && path[root] != '/') ||
		    snprintf(name, sizeof(name), "%s%s", m.point, path + root) >= (int)sizeof(name))
			continue;
		fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd;
}

static int read_cgroup(struct pid_list *list, int dir, unsigned depth)
{
	wh_auto(file) f = open_text(dir, "cgroup.procs");
	wh_auto(fd) again = -1;
	char line[64];
	struct dirent *d;
	int err = 0;
	DIR *below;

	while (err == 0 && f && fgets(line, sizeof(line), f)) {
		uint64_t pid;

		/* Who is not of our pid namespace has no number here: 0. */
		if (wh_util_parse_u64(chomp(line), &pid) == 0 && pid > 0 && pid <= INT_MAX)
			err = put(list, (pid_t)pid);
	}
	again = depth ? openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	below = again < 0 ? NULL : fdopendir(again);
	if (!below)
		return err;
	wh_take_fd(&again);
	while (err == 0 && (d = readdir(below))) {
		wh_auto(fd) fd = -1;

		if (d->d_type != DT_DIR || d->d_name[0] == '.')
			continue;
		fd = openat(dirfd(below), d->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			err = read_cgroup(list, fd, depth - 1);
	}
	closedir(below);
	return err;
}

static bool has(const struct pid_list *list, pid_t pid)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i] == pid)
			return true;
	return false;
}

/* Whatever the paths say, it is the right one if @pid is in it, and we are not. */
static int find_cgroup(struct wh_members *m)
{
	char name[32], line[LINE_BYTES];
	wh_auto(file) f = NULL;
	int err = 0;

	snprintf(name, sizeof(name), "%d/cgroup", (int)m->pid);
	f = open_text(m->proc_fd, name);
	while (err == 0 && m->cgroup < 0 && f && fgets(line, sizeof(line), f)) {
		const char *controllers, *path;
		wh_auto(fd) fd = -1;

		if (!wh_members_cgroup_line(chomp(line), &controllers, &path) || !path[1])
			continue;
		fd = open_cgroup(m->proc_fd, controllers, path);
		if (fd < 0)
			continue;
		m->found.n = 0;
		err = read_cgroup(&m->found, fd, CGROUP_DEPTH);
		if (err == 0 && has(&m->found, m->pid) && !has(&m->found, getpid()))
			m->cgroup = wh_take_fd(&fd);
	}
	return err;
}

/* ---- /proc ----------------------------------------------------------------------------------- */

static int look_ns(int proc_fd, pid_t pid, struct stat *ret)
{
	char name[32];

	snprintf(name, sizeof(name), "%d/ns/pid", (int)pid);
	return fstatat(proc_fd, name, ret, 0);
}

/* Whether it is in the namespace, or in one below. */
static bool is_in_ns(const struct wh_members *m, pid_t pid)
{
	struct stat own, st;
	wh_auto(fd) fd = -1;
	char name[32];

	if (look_ns(m->proc_fd, pid, &st) < 0 || look_ns(m->proc_fd, getpid(), &own) < 0)
		return false;
	if (st.st_ino == own.st_ino && st.st_dev == own.st_dev)
		return false;
	if (st.st_ino == m->ns_ino && st.st_dev == m->ns_dev)
		return true;
	snprintf(name, sizeof(name), "%d/ns/pid", (int)pid);
	fd = openat(m->proc_fd, name, O_RDONLY | O_CLOEXEC);
	for (unsigned i = 0; fd >= 0 && i < NS_DEPTH; i++) {
		int parent = ioctl(fd, NS_GET_PARENT);

		close(fd);
		fd = parent;
		if (fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == m->ns_ino &&
		    st.st_dev == m->ns_dev)
			return true;
	}
	return false;
}

static int put_process(struct process_list *all, struct process process)
{
	if (all->n == all->size) {
		size_t size = all->size ? 2 * all->size : 256;
		struct process *v = reallocarray(all->v, size, sizeof(*v));

		if (!v)
			return -ENOMEM;
		all->v = v;
		all->size = size;
	}
	all->v[all->n++] = process;
	return 0;
}

static int read_processes(struct wh_members *m)
{
	int fd = openat(m->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	m->all.n = 0;
	if (!dir) {
		wh_util_close(fd);
		return 0;
	}
	while (err == 0 && (d = readdir(dir))) {
		struct process p = {0};
		uint64_t pid;
		pid_t tgid;

		if (wh_util_parse_u64(d->d_name, &pid) < 0 || pid > INT_MAX)
			continue;
		p.pid = (pid_t)pid;
		/* Gone since: then it is nobody's. */
		if (wh_procfs_ids(m->proc_fd, p.pid, &tgid, &p.parent) == 0)
			err = put_process(&m->all, p);
	}
	closedir(dir);
	return err;
}

static const struct process *find(const struct wh_members *m, pid_t pid)
{
	for (size_t i = 0; i < m->all.n; i++)
		if (m->all.v[i].pid == pid)
			return &m->all.v[i];
	return NULL;
}

/* A child may be listed before its parent, as numbers are used again. */
static void mark_tree(struct wh_members *m)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < m->all.n; i++) {
			struct process *p = &m->all.v[i];
			const struct process *parent = p->in ? NULL : find(m, p->parent);

			if (!p->in && (p->pid == m->pid || (parent && parent->in)))
				p->in = more = true;
		}
	}
}

static int read_proc(struct wh_members *m)
{
	int err = read_processes(m);

	if (err < 0)
		return err;
	mark_tree(m);
	for (size_t i = 0; i < m->all.n && err == 0; i++)
		if (m->all.v[i].in || (m->has_ns && is_in_ns(m, m->all.v[i].pid)))
			err = put(&m->found, m->all.v[i].pid);
	return err;
}

/* ---- all ------------------------------------------------------------------------------------- */

bool wh_members_is_quick(const struct wh_members *members)
{
	return members->cgroup >= 0;
}

ssize_t wh_members_list(struct wh_members *members, bool quick, const pid_t **ret_pids)
{
	int err = 0;

	members->found.n = 0;
	if (members->cgroup >= 0)
		err = read_cgroup(&members->found, members->cgroup, CGROUP_DEPTH);
	if (err == 0 && (!quick || members->cgroup < 0))
		err = read_proc(members);
	*ret_pids = members->found.v;
	return err < 0 ? err : (ssize_t)members->found.n;
}

bool wh_members_has(struct wh_members *members, pid_t pid)
{
	members->found.n = 0;
	if (members->has_ns && is_in_ns(members, pid))
		return true;
	return members->cgroup >= 0 &&
	       read_cgroup(&members->found, members->cgroup, CGROUP_DEPTH) == 0 &&
	       has(&members->found, pid);
}

bool wh_members_place(const struct wh_members *members, ino_t *ret_pid_ns, ino_t *ret_mnt_ns)
{
	struct stat own, st;
	char name[32];

	*ret_pid_ns = members->has_ns ? members->ns_ino : 0;
	*ret_mnt_ns = 0;
	if (members->has_ns)
		return true;
	snprintf(name, sizeof(name), "%d/ns/mnt", (int)members->pid);
	if (fstatat(members->proc_fd, "self/ns/mnt", &own, 0) < 0 ||
	    fstatat(members->proc_fd, name, &st, 0) < 0 || own.st_ino == st.st_ino)
		return false;
	*ret_mnt_ns = st.st_ino;
	return true;
}

bool wh_members_is_open(const struct wh_members *members)
{
	return members->has_ns || members->cgroup >= 0;
}

int wh_members_new(int proc_fd, pid_t pid, bool contained, struct wh_members **ret,
		   struct wh_error *e)
{
	struct wh_members *m = calloc(1, sizeof(*m));
	struct stat own, st;
	const pid_t *pids;
	ssize_t n;
	int err = 0;

	if (!m)
		return wh_error_oom(e);
	m->proc_fd = proc_fd;
	m->pid = pid;
	m->cgroup = -1;
	if (look_ns(proc_fd, getpid(), &own) == 0 && look_ns(proc_fd, pid, &st) == 0) {
		m->has_ns = st.st_ino != own.st_ino || st.st_dev != own.st_dev;
		m->ns_dev = st.st_dev;
		m->ns_ino = st.st_ino;
	}
	if (contained)
		err = find_cgroup(m);
	n = err < 0 ? err : wh_members_list(m, false, &pids);
	if (n < 0)
		err = wh_error_oom(e);
	else if (!has(&m->found, pid))
		err = wh_error_set(e, ESRCH, "there is no process %d", (int)pid);
	else if (has(&m->found, getpid()))
		err = wh_error_set(e, EINVAL,
				   "whittle is itself below process %d: call it from elsewhere",
				   (int)pid);
	if (err < 0) {
		wh_members_free(m);
		return err;
	}
	*ret = m;
	return 0;
}

void wh_members_free(struct wh_members *members)
{
	if (!members)
		return;
	wh_util_close(members->cgroup);
	free(members->found.v);
	free(members->all.v);
	free(members);
}
