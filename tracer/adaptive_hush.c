/* SPDX-License-Identifier: Apache-2.0 */
/* The adaptive engine: when a thread may be quiet, and making it so. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/socket.h>

#include "tracer/adaptive.h"
#include "tracer/creds.h"
#include "tracer/decode.h"
#include "tracer/gate.h"
#include "tracer/inject.h"
#include "tracer/procfs.h"

#define STATUS_TEXT 4096
#define ODD_MAX	    8 /* after so many, that a process has only streams is not relied on */

int wh_adaptive_filters(struct wh_recorder *r, pid_t tid)
{
	char name[32], text[STATUS_TEXT];
	uint64_t n;

	snprintf(name, sizeof(name), "%d/status", (int)tid);
	if (wh_procfs_read(r->proc_fd, name, text, sizeof(text)) < 0 ||
	    wh_procfs_field(text, "Seccomp_filters", &n) < 0)
		return -1;
	return (int)n;
}

static bool seen_of(struct wh_recorder *r, const char *program, uint16_t nr)
{
	const struct wh_syscall *fact = wh_decode_known(r, wh_syscall_abi_native(), nr);

	if (!fact || !(fact->f.phases & r->phase))
		return false;
	/* Interned: the same text is the same pointer. */
	for (size_t i = 0; i < fact->f.programs.n; i++)
		if (fact->f.programs.v[i] == program)
			return true;
	return false;
}

bool wh_adaptive_holds(struct wh_recorder *r, const struct wh_task *task,
		       const struct wh_adaptive_task *t, const struct wh_quiet_item *item)
{
	unsigned asked = item->conditions & ~(unsigned)WH_QUIET_IF_MEMORY;

	if ((asked & t->holds) != asked ||
	    (item->conditions & WH_QUIET_IF_MEMORY && item->memory != t->memory))
		return false;
	return seen_of(r, task->process->program, item->nr);
}

bool wh_adaptive_fits(struct wh_recorder *r, const struct wh_task *task,
		      const struct wh_adaptive_task *t)
{
	for (size_t i = 0; t->passes && i < t->passes->n; i++)
		if (!wh_adaptive_holds(r, task, t, &t->passes->v[i]))
			return false;
	return t->passes && t->passes->n;
}

void wh_adaptive_rouse(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t)
{
	t->heat = 0;
	if (t->loud)
		return;
	t->loud = true;
	wh_adaptive_of(r)->roused++;
	/* In a call that was stopped for it stops again anyway: its sleep need not be disturbed. */
	if (task->in_call || task->exiting)
		return;
	t->roused = true;
	ptrace(PTRACE_INTERRUPT, task->tid, NULL, NULL);
}

/* What all sockets of the process have in common, as of now. */
static unsigned look_at_sockets(struct wh_recorder *r, const struct wh_task *task)
{
	unsigned holds = WH_QUIET_IF_COMMON;
	char name[32];
	struct dirent *entry;
	DIR *dir;
	int fd;

	if (wh_adaptive_of(r)->odd_sockets < ODD_MAX)
		holds |= WH_QUIET_IF_STREAMS;
	snprintf(name, sizeof(name), "%d/fd", (int)task->tid);
	fd = openat(r->proc_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		wh_util_close(fd);
		return 0;
	}
	while (holds && (entry = readdir(dir))) {
		struct wh_decode_kind kind;
		char link[32];
		ssize_t n = readlinkat(fd, entry->d_name, link, sizeof(link) - 1);
		bool inet;

		if (n < 7 || memcmp(link, "socket:", 7) != 0)
			continue;
		if (!wh_decode_socket_kind(task, atoi(entry->d_name), &kind)) {
			holds = 0;
			break;
		}
		inet = kind.family == AF_INET || kind.family == AF_INET6;
		if (!inet && kind.family != AF_UNIX)
			holds = 0;
		if (!inet || kind.type != SOCK_STREAM)
			holds &= ~(unsigned)WH_QUIET_IF_STREAMS;
	}
	closedir(dir);
	return holds;
}

static struct wh_quiet_set *set_new(struct wh_adaptive *a)
{
	struct wh_quiet_set *set;

	wh_assert(a->n_sets < WH_ARRAY_SIZE(a->sets));
	set = calloc(1, sizeof(*set));
	if (set)
		a->sets[a->n_sets++] = set;
	return set;
}

/* Those made since there were @n: no filter has come of them. */
static void sets_drop(struct wh_adaptive *a, size_t n)
{
	while (a->n_sets > n) {
		wh_quiet_clear(a->sets[--a->n_sets]);
		free(a->sets[a->n_sets]);
	}
}

/* May it have one more filter? */
static enum wh_adaptive_no allowed(struct wh_recorder *r, struct wh_task *task,
				   const struct wh_adaptive_task *t, bool *ret_no_new_privs)
{
	struct wh_adaptive *a = wh_adaptive_of(r);
	const struct wh_creds *creds;
	int filters;

	if (t->depth >= WH_ADAPTIVE_DEPTH || a->filters >= WH_ADAPTIVE_FILTERS)
		return WH_ADAPTIVE_NO_MORE;
	filters = wh_adaptive_filters(r, task->tid);
	if (filters != a->base_filters + t->depth)
		return WH_ADAPTIVE_OWN_FILTER;
	creds = wh_creds_get(r, task);
	*ret_no_new_privs = false;
	if (!creds)
		return WH_ADAPTIVE_REFUSED;
	if (creds->no_new_privs || creds->effective >> CAP_SYS_ADMIN & 1)
		return WH_ADAPTIVE_MAY;
	*ret_no_new_privs = a->may_no_new_privs;
	return a->may_no_new_privs ? WH_ADAPTIVE_MAY : WH_ADAPTIVE_NO_RIGHT;
}

static int collect(struct wh_recorder *r, const struct wh_task *task,
		   const struct wh_adaptive_task *t, struct wh_quiet_set *ret)
{
	const struct wh_quiet_set *known = &wh_adaptive_of(r)->known;

	for (size_t i = 0; i < known->n; i++)
		if (wh_adaptive_holds(r, task, t, &known->v[i]) &&
		    wh_quiet_add(ret, &known->v[i]) == -ENOMEM)
			return -ENOMEM;
	return 0;
}

static int install(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t,
		   const struct wh_quiet_set *passes, bool no_new_privs)
{
	struct wh_adaptive *a = wh_adaptive_of(r);
	struct wh_inject_result result = {0};
	struct sock_fprog filter;
	int err = wh_gate_compile(passes, a->data, &filter);
	enum wh_inject got;

	if (err < 0) {
		t->no = WH_ADAPTIVE_REFUSED;
		a->no[t->no]++;
		return err == -ENOMEM ? err : 0;
	}
	got = wh_inject_filter(task->tid, &filter, no_new_privs, &result);
	free(filter.filter);
	switch (got) {
	case WH_INJECT_DONE:
		a->filters++;
		t->depth++;
		t->passes = passes;
		if (no_new_privs) {
			a->set_no_new_privs = true;
			wh_creds_forget(task);
		}
		break;
	case WH_INJECT_REFUSED:
		t->no = WH_ADAPTIVE_REFUSED;
		a->no[t->no]++;
		break;
	case WH_INJECT_NOT_NOW:
		break;
	case WH_INJECT_DIED:
		task->has_pending = true;
		task->pending = result.died;
		break;
	}
	return 0;
}

/*
 * One more filter, for what @set and the filters that are there let pass; @set is the last that was made.
 * Return: 1 if it is in force, 0 if not (then @set is gone), -ENOMEM.
 */
static int narrow(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t,
		  struct wh_quiet_set *set)
{
	struct wh_adaptive *a = wh_adaptive_of(r);
	size_t before = a->n_sets - 1;
	bool no_new_privs = false;
	int err = 0;

	t->no = allowed(r, task, t, &no_new_privs);
	if (t->no)
		a->no[t->no]++;
	if (!t->no && t->passes) {
		struct wh_quiet_set *both = set_new(a);

		err = both ? wh_quiet_both(both, t->passes, set) : -ENOMEM;
		set = both;
	}
	if (err == 0 && !t->no && set->n)
		err = install(r, task, t, set, no_new_privs);
	if (err == 0 && t->passes == set)
		return 1;
	sets_drop(a, before);
	return err;
}

int wh_adaptive_hush(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t)
{
	struct wh_adaptive *a = wh_adaptive_of(r);
	struct wh_quiet_set *set;
	int k = 1;

	t->heat = 0;
	/* What a start-up repeats is not what the service will: such a filter would be in the way. */
	if (task->vfork_child || t->no || r->phase == WH_PHASE_STARTUP)
		return 0;
	t->holds = (uint8_t)look_at_sockets(r, task);
	if (!wh_adaptive_fits(r, task, t)) {
		set = set_new(a);
		if (!set || collect(r, task, t, set) < 0)
			return -ENOMEM;
		k = narrow(r, task, t, set);
	}
	if (k == 1) {
		a->hushed++;
		t->loud = false;
	} else if (k == 0 && !t->no && !task->has_pending) {
		t->heat = WH_ADAPTIVE_HEAT; /* at the next call, then */
	}
	return k < 0 ? k : 0;
}

int wh_adaptive_provide(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t)
{
	struct wh_adaptive *a = wh_adaptive_of(r);
	struct wh_quiet_set *set;
	int k = 0;

	if (task->vfork_child || t->no || r->phase == WH_PHASE_STARTUP)
		return 0;
	set = set_new(a);
	if (!set)
		return -ENOMEM;
	/* Nothing that depends on sockets or memory: those are the child's own. */
	for (size_t i = 0; k >= 0 && i < a->known.n; i++)
		if (!a->known.v[i].conditions && seen_of(r, t->children, a->known.v[i].nr))
			k = wh_quiet_add(set, &a->known.v[i]) == -ENOMEM ? -ENOMEM : 0;
	if (k < 0)
		return k;
	k = narrow(r, task, t, set);
	/* Else at the next call, unless it may not be at all. */
	if (k == 1 || t->no)
		t->execs = 0;
	if (k == 1) {
		t->children = NULL;
		t->loud = !wh_adaptive_fits(r, task, t);
	}
	return k < 0 ? k : 0;
}
