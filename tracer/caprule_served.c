// SPDX-License-Identifier: Apache-2.0
/* File systems that a program serves (FUSE). */
#include "tracer/caprule_impl.h"
#include "tracer/mounts.h"
#include "tracer/procfs.h"

#define TEXT_MAX ((size_t)256 << 10)

static bool covers(const char *point, const char *path)
{
	size_t len = strlen(point);

	return len == 1 ||
	       (strncmp(path, point, len) == 0 && (path[len] == '/' || path[len] == '\0'));
}

/* Of several on one place the last one counts, and the deepest that leads to @path. */
static void find(char *text, const char *path, struct wh_mounts_line *ret)
{
	char *save = NULL;

	for (char *at = strtok_r(text, "\n", &save); at; at = strtok_r(NULL, "\n", &save)) {
		struct wh_mounts_line line;

		if (wh_mounts_parse(at, &line) == 0 && covers(line.point, path) &&
		    (!ret->point || strlen(line.point) >= strlen(ret->point)))
			*ret = line;
	}
}

/* The list of mounts begins at the task's root, which may be a chroot. Return: NULL: @path is not below it. */
static const char *below_root(struct wh_caprule_ask *ask, const char *path)
{
	char link[32], root[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "%d/root", (int)ask->task->tid);
	n = readlinkat(ask->r->proc_fd, link, root, sizeof(root));
	if (n <= 0 || n == sizeof(root))
		return NULL;
	if (n == 1)
		return path;
	if (strncmp(path, root, (size_t)n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return NULL;
	return path[n] ? path + n : "/";
}

bool wh_caprule_served(struct wh_caprule_ask *ask, const char *path, bool *ret_lenient)
{
	wh_auto(str) text = malloc(TEXT_MAX);
	struct wh_mounts_line line = {0};
	char name[32];

	*ret_lenient = false;
	snprintf(name, sizeof(name), "%d/mountinfo", (int)ask->task->tid);
	path = path ? below_root(ask, path) : NULL;
	if (!text || !path || wh_procfs_read(ask->r->proc_fd, name, text, TEXT_MAX) <= 0)
		return false;
	find(text, path, &line);
	if (!line.served)
		return false;
	*ret_lenient = line.lenient;
	/* What serves a container's root is not in the container: fuse-overlayfs, of rootless Podman. */
	return !(ask->r->container_root && strcmp(line.point, "/") == 0);
}
