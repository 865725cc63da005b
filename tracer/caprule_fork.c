/* SPDX-License-Identifier: Apache-2.0 */
/* How many processes a user may have: copy_process() in kernel/fork.c. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>

#include "tracer/caprule_impl.h"
#include "tracer/procfs.h"

#define EITHER (WH_CAP(SYS_RESOURCE) | WH_CAP(SYS_ADMIN))

static bool is_bounded(struct wh_caprule_ask *ask, rlim_t *ret_limit)
{
	struct rlimit limit;

	/* INIT_USER is bound by nothing. */
	if (ask->creds->ruid == 0 || !wh_caprule_limit(ask, ask->task->tid, RLIMIT_NPROC, &limit))
		return false;
	*ret_limit = limit.rlim_cur;
	return limit.rlim_cur != RLIM_INFINITY;
}

bool wh_caprule_fork_asks(const struct wh_task *task)
{
	const struct wh_creds *c = &task->creds;

	return !task->creds_valid || (c->ruid && (c->permitted | c->effective) & EITHER);
}

/* All that there are, on the whole machine: "0.00 0.01 0.05 1/234 5678". */
static uint64_t count_all(const struct wh_recorder *r)
{
	unsigned long long n;
	char text[128];

	if (wh_procfs_read(r->proc_fd, "loadavg", text, sizeof(text)) <= 0 ||
	    sscanf(text, "%*s %*s %*s %*u/%llu", &n) != 1)
		return UINT64_MAX;
	return n;
}

/* Threads whose real uid that is: a dead one counts until it was waited for. */
static uint64_t count_of(const struct wh_recorder *r, uid_t uid)
{
	int fd = openat(r->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	uint64_t n = 0;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while ((entry = readdir(dir))) {
		char name[32], text[4096];
		uint64_t of, threads = 1;

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(name, sizeof(name), "%.20s/status", entry->d_name);
		if (wh_procfs_read(r->proc_fd, name, text, sizeof(text)) <= 0 ||
		    wh_procfs_field(text, "Uid", &of) < 0 || of != uid)
			continue;
		wh_procfs_field(text, "Threads", &threads);
		n += threads ? threads : 1;
	}
	closedir(dir);
	return n;
}

/*
 * Likely, as others may come and go meanwhile; and where the call is looked at when it has returned, what it
 * made counts already.
 */
void wh_caprule_fork(struct wh_caprule_ask *ask)
{
	const struct wh_creds *c = ask->creds;
	rlim_t limit;

	/* Who holds neither is only asked about when it was refused. */
	if (!ask->call->returned && !(c->effective & EITHER))
		ask->call->cap_late = true;
	else if (is_bounded(ask, &limit) && count_all(ask->r) >= limit &&
		 count_of(ask->r, c->ruid) >= limit) {
		wh_caprule_need(ask, CAP_SYS_RESOURCE, CAP_SYS_ADMIN, WH_STRENGTH_LIKELY,
				"make a process beyond RLIMIT_NPROC");
		wh_caprule_initial(ask);
		wh_caprule_by(ask, EAGAIN);
	}
}
