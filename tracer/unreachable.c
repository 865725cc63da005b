/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/unreachable.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tracer/namespace.h"

/* As a mount namespace has them from its own root: a task's own list leaves out what its chroot() does. */
static bool read_ids(struct wh_recorder *r, const struct wh_task *task, struct wh_mounts *m)
{
	wh_auto(fd) ns = wh_namespace_open(r, task->tid, "mnt");
	wh_auto(str) text = wh_namespace_read(r, ns, "thread-self/mountinfo");

	m->n = 0;
	if (!text)
		return false;
	for (char *line = text; *line; line += strcspn(line, "\n") + 1) {
		/* A list that is cut off says nothing about what it does not have. */
		if (m->n == WH_MOUNTS_MAX || !strchr(line, '\n'))
			return false;
		m->id[m->n++] = strtoull(line, NULL, 10);
	}
	return true;
}

static bool has(const struct wh_mounts *m, uint64_t id)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->id[i] == id)
			return true;
	return false;
}

bool wh_unreachable_is(struct wh_recorder *r, const struct wh_task *task, int dir, const char *path,
		       int flags)
{
	struct wh_mounts *m = &r->mounts;
	struct statx stx;
	struct stat ours, theirs;
	char ns[32];

	if (!m->ours && fstatat(r->proc_fd, "self/ns/mnt", &ours, 0) == 0)
		m->ours = ours.st_ino;
	snprintf(ns, sizeof(ns), "%d/ns/mnt", (int)task->tid);
	if (fstatat(r->proc_fd, ns, &theirs, 0) < 0 || m->ours == theirs.st_ino ||
	    statx(dir, path, flags | AT_STATX_DONT_SYNC, STATX_MNT_ID, &stx) < 0 ||
	    !(stx.stx_mask & STATX_MNT_ID))
		return false;
	if (m->ns == theirs.st_ino && m->generation == r->changes.generation &&
	    !r->changes.in_flight && m->known && stx.stx_mnt_id == m->unreachable)
		return true;
	if (m->ns == theirs.st_ino && m->known && has(m, stx.stx_mnt_id))
		return false;
	m->ns = theirs.st_ino;
	m->generation = r->changes.generation;
	m->known = read_ids(r, task, m);
	if (!m->known || has(m, stx.stx_mnt_id))
		return false;
	m->unreachable = stx.stx_mnt_id;
	return true;
}
