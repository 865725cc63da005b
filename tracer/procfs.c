// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "tracer/procfs.h"

#define STATUS_TEXT 4096
#define STAT_TEXT   1024
#define PF_KTHREAD  0x200000 /* include/linux/sched.h */

ssize_t wh_procfs_read(int proc_fd, const char *name, char *buf, size_t size)
{
	wh_auto(fd) fd = openat(proc_fd, name, O_RDONLY | O_CLOEXEC);
	size_t len = 0;

	if (fd < 0)
		return -errno;
	while (len + 1 < size) {
		ssize_t n = read(fd, buf + len, size - 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	return (ssize_t)len;
}

int wh_procfs_field(const char *status, const char *name, uint64_t *ret_value)
{
	size_t len = strlen(name);

	for (const char *line = status; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) == 0 && line[len] == ':') {
			char *end;
			const char *start = line + len + 1;
			uint64_t value;

			errno = 0;
			value = strtoull(start, &end, 10);
			if (end == start || errno)
				return -EINVAL;
			*ret_value = value;
			return 0;
		}
	}
	return -ENOENT;
}

int wh_procfs_status(int proc_fd, pid_t tid, const char *name, uint64_t *ret_value)
{
	char file[32], text[STATUS_TEXT];
	ssize_t n;

	snprintf(file, sizeof(file), "%d/status", (int)tid);
	n = wh_procfs_read(proc_fd, file, text, sizeof(text));
	return n < 0 ? (int)n : wh_procfs_field(text, name, ret_value);
}

int wh_procfs_fds(int proc_fd, pid_t tid, DIR **ret_dir)
{
	char name[32];
	int fd, err;

	snprintf(name, sizeof(name), "%d/fd", (int)tid);
	fd = openat(proc_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_dir = fdopendir(fd);
	if (*ret_dir)
		return 0;
	err = -errno;
	close(fd);
	return err;
}

bool wh_procfs_is_named(const char *path, const char *name)
{
	size_t len = strlen(path), tail = strlen(name);

	return len > tail && path[len - tail - 1] == '/' && strcmp(path + len - tail, name) == 0;
}

bool wh_procfs_holds(int proc_fd, pid_t tid, int fd, const char *name, uint64_t *ret_ino)
{
	char link[48], path[PATH_MAX];
	struct statfs fs;
	struct stat st;
	wh_auto(fd) file = -1;
	ssize_t n;

	snprintf(link, sizeof(link), "%d/fd/%d", (int)tid, fd);
	n = readlinkat(proc_fd, link, path, sizeof(path) - 1);
	if (n < 0)
		return false;
	path[n] = '\0';
	/* The name first: most are of other files, and to open costs more. */
	if (!wh_procfs_is_named(path, name))
		return false;
	file = openat(proc_fd, link, O_PATH | O_CLOEXEC);
	if (file < 0 || fstatfs(file, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return false;
	if (!ret_ino)
		return true;
	if (fstat(file, &st) < 0)
		return false;
	*ret_ino = st.st_ino;
	return true;
}

bool wh_procfs_holds_any(int proc_fd, pid_t tid, const char *name)
{
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	if (wh_procfs_fds(proc_fd, tid, &dir) < 0)
		return false;
	while (!found && (entry = readdir(dir)))
		found = entry->d_name[0] != '.' &&
			wh_procfs_holds(proc_fd, tid, atoi(entry->d_name), name, NULL);
	closedir(dir);
	return found;
}

int wh_procfs_ids(int proc_fd, pid_t tid, pid_t *ret_tgid, pid_t *ret_ppid)
{
	char name[32], status[4096];
	uint64_t tgid, ppid;
	ssize_t n;

	snprintf(name, sizeof(name), "%d/status", tid);
	n = wh_procfs_read(proc_fd, name, status, sizeof(status));
	if (n < 0)
		return (int)n;
	if (wh_procfs_field(status, "Tgid", &tgid) < 0 ||
	    wh_procfs_field(status, "PPid", &ppid) < 0 || tgid > INT_MAX || ppid > INT_MAX)
		return -EINVAL;
	*ret_tgid = (pid_t)tgid;
	*ret_ppid = (pid_t)ppid;
	return 0;
}

/* What is behind the name in a stat file: it ends with the last ')', as it may hold anything. */
static const char *stat_fields(int proc_fd, pid_t tid, char *text, size_t size)
{
	char name[32], *end;

	snprintf(name, sizeof(name), "%d/stat", (int)tid);
	if (wh_procfs_read(proc_fd, name, text, size) <= 0)
		return NULL;
	end = strrchr(text, ')');
	return end && end[1] == ' ' ? end + 2 : NULL;
}

char wh_procfs_state(int proc_fd, pid_t tid)
{
	char text[STAT_TEXT];
	const char *fields = stat_fields(proc_fd, tid, text, sizeof(text));

	return fields ? *fields : '\0';
}

bool wh_procfs_is_kernel(int proc_fd, pid_t pid)
{
	char text[STAT_TEXT];
	const char *fields = stat_fields(proc_fd, pid, text, sizeof(text));
	unsigned flags;

	return fields && sscanf(fields, "%*c %*d %*d %*d %*d %*d %u", &flags) == 1 &&
	       flags & PF_KTHREAD;
}

int wh_procfs_exe(int proc_fd, pid_t pid, char **ret_path)
{
	char name[32], path[PATH_MAX];
	ssize_t n;

	snprintf(name, sizeof(name), "%d/exe", pid);
	n = readlinkat(proc_fd, name, path, sizeof(path) - 1);
	if (n < 0)
		return -errno;
	path[n] = '\0';
	*ret_path = strdup(path);
	return *ret_path ? 0 : -ENOMEM;
}

int wh_procfs_map_parse(char *line, struct wh_procfs_map *ret_map)
{
	struct wh_procfs_map map = {0};
	unsigned long long start, end, offset, ino;
	char perms[5];
	int at = 0;

	if (sscanf(line, "%llx-%llx %4s %llx %x:%x %llu%n", &start, &end, perms, &offset,
		   &map.dev_major, &map.dev_minor, &ino, &at) != 7 ||
	    strlen(perms) != 4 || start >= end)
		return -EINVAL;
	map.start = start;
	map.end = end;
	map.offset = offset;
	map.ino = ino;
	map.exec = perms[2] == 'x';
	while (line[at] == ' ')
		at++;
	map.path = line[at] ? line + at : NULL;
	*ret_map = map;
	return 0;
}
