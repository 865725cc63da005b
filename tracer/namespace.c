/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/namespace.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "tracer/procfs.h"

#define FILE_MAX (256u << 10)

bool wh_namespace_is_ours(const struct wh_recorder *r, pid_t tid, const char *type)
{
	struct stat ours, theirs;
	char a[48], b[48];

	snprintf(a, sizeof(a), "thread-self/ns/%s", type);
	snprintf(b, sizeof(b), "%d/ns/%s", (int)tid, type);
	return fstatat(r->proc_fd, a, &ours, 0) == 0 && fstatat(r->proc_fd, b, &theirs, 0) == 0 &&
	       ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

int wh_namespace_open(const struct wh_recorder *r, pid_t tid, const char *type)
{
	char name[48];
	int fd;

	snprintf(name, sizeof(name), "%d/ns/%s", (int)tid, type);
	fd = openat(r->proc_fd, name, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* ---- reading a file in there ----------------------------------------------------------------- */

/* A namespace to read a file in; @len of what was read, or -errno. */
struct visit {
	int proc_fd, ns;
	const char *path;
	char text[FILE_MAX];
	ssize_t len;
};

static void *visit(void *arg)
{
	struct visit *v = arg;

	/* With others that share its root and working directory none may change them. */
	if (ioctl(v->ns, NS_GET_NSTYPE) == CLONE_NEWNS && unshare(CLONE_FS) < 0) {
		v->len = -errno;
		return NULL;
	}
	v->len = setns(v->ns, 0) < 0
			 ? -errno
			 : wh_procfs_read(v->proc_fd, v->path, v->text, sizeof(v->text));
	return NULL;
}

/*
 * A thread is in a network and an IPC namespace of its own: one that goes there need not find the way
 * back, and the tracer itself never leaves.
 */
static void send_visitor(struct visit *v)
{
	sigset_t all, before;
	pthread_t thread;
	int err;

	v->len = -EAGAIN;
	/* Signals are for the thread that traces. */
	sigfillset(&all);
	err = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (err)
		return;
	err = pthread_create(&thread, NULL, visit, v);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!err)
		pthread_join(thread, NULL);
}

/* Whether the tracer is in that namespace itself. */
static bool is_here(const struct wh_recorder *r, int ns)
{
	static const char *const names[] = {"net", "ipc", "mnt"};
	struct stat ours, theirs;
	bool found = false;

	if (fstat(ns, &theirs) < 0)
		return false;
	for (size_t i = 0; i < WH_ARRAY_SIZE(names) && !found; i++) {
		char name[32];

		snprintf(name, sizeof(name), "thread-self/ns/%s", names[i]);
		found = fstatat(r->proc_fd, name, &ours, 0) == 0 && ours.st_ino == theirs.st_ino &&
			ours.st_dev == theirs.st_dev;
	}
	return found;
}

char *wh_namespace_read(const struct wh_recorder *r, int ns, const char *path)
{
	struct visit *v = ns < 0 ? NULL : calloc(1, sizeof(*v));
	char *text;

	if (!v)
		return NULL;
	v->proc_fd = r->proc_fd;
	v->ns = ns;
	v->path = path;
	if (is_here(r, ns))
		v->len = wh_procfs_read(v->proc_fd, path, v->text, sizeof(v->text));
	else
		send_visitor(v);
	text = v->len < 0 ? NULL : strdup(v->text);
	free(v);
	return text;
}

bool wh_namespace_port_start(const struct wh_recorder *r, int ns, uint64_t *ret_port)
{
	wh_auto(str) text = wh_namespace_read(r, ns, "sys/net/ipv4/ip_unprivileged_port_start");

	*ret_port = 1024;
	if (!text)
		return false;
	text[strcspn(text, "\n")] = '\0';
	return wh_util_parse_u64(text, ret_port) == 0;
}
