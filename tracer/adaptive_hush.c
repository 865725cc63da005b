/* SPDX-License-Identifier: Apache-2.0 */
/* The adaptive engine: when a thread may be quiet, and making it so. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/socket.h>

#include "tracer/adaptive.h"
#include "tracer/caprule.h"
#include "tracer/creds.h"
#include "tracer/decode.h"
#include "tracer/gate.h"
#include "tracer/inject.h"
#include "tracer/procfs.h"
#include "tracer/timer.h"

#define ODD_MAX 8 /* after so many, that a process has only streams is not relied on */

int wh_adaptive_filters(struct wh_recorder *r, pid_t tid)
{
	uint64_t n;

	return wh_procfs_status(r->proc_fd, tid, "Seccomp_filters", &n) < 0 ? -1 : (int)n;
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

/* What all sockets and timers of the process have in common, as of now. */
static unsigned look_at_files(struct wh_recorder *r, const struct wh_task *task)
{
	unsigned holds = WH_QUIET_IF_COMMON | WH_QUIET_IF_TIMERS;
	struct dirent *entry;
	DIR *dir;

	if (wh_adaptive_of(r)->odd_sockets < ODD_MAX)
		holds |= WH_QUIET_IF_STREAMS;
	if (wh_procfs_fds(r->proc_fd, task->tid, &dir) < 0)
		return 0;
	while (holds && (entry = readdir(dir))) {
		struct wh_decode_kind kind;
		char link[32];
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);
		bool inet;

		if (n == 20 && memcmp(link, "anon_inode:[timerfd]", 20) == 0 &&
		    wh_timer_fd_wakes(r->proc_fd, task->tid, atoi(entry->d_name)))
			holds &= ~(unsigned)WH_QUIET_IF_TIMERS;
		if (n < 7 || memcmp(link, "socket:", 7) != 0)
			continue;
		if (!wh_decode_socket_kind(task, atoi(entry->d_name), &kind)) {
			holds = 0;
			break;
		}
		inet = kind.family == AF_INET || kind.family == AF_INET6;
		if (!inet && kind.family != AF_UNIX)
			holds &= ~(unsigned)WH_QUIET_IF_COMMON;
		if (!inet || kind.type != SOCK_STREAM)
			holds &= ~(unsigned)WH_QUIET_IF_STREAMS;
	}
	closedir(dir);
	return holds;
}

/* What may be quiet as far as it does not hold what it takes. */
static unsigned look_at_task(struct wh_recorder *r, struct wh_task *task)
{
	unsigned holds = look_at_files(r, task);

	wh_creds_get(r, task);
	if (!wh_caprule_marks(task))
		holds |= WH_QUIET_IF_UNMARKED;
	if (!wh_caprule_fork_asks(task))
		holds |= WH_QUIET_IF_UNBOUND;
	return holds;
}

enum wh_adaptive_no wh_adaptive_allowed(struct wh_recorder *r, struct wh_task *task,
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

/* Moves code about without PROT_EXEC: where a filter asks for code, that must be seen. */
static bool moves_code(uint16_t nr)
{
	const char *name = wh_syscall_name(wh_syscall_abi_native(), nr);

	return name && wh_code_changes(name);
}

/* What @task itself may do unseen. */
static int collect(struct wh_recorder *r, const struct wh_task *task,
		   const struct wh_adaptive_task *t, bool by_code, struct wh_quiet_set *ret)
{
	const struct wh_quiet_set *known = &wh_adaptive_of(r)->known;

	for (size_t i = 0; i < known->n; i++)
		if (wh_adaptive_holds(r, task, t, &known->v[i]) &&
		    !(by_code && moves_code(known->v[i].nr)) &&
		    wh_quiet_add(ret, &known->v[i]) == -ENOMEM)
			return -ENOMEM;
	return 0;
}

/* What all of its children's programs may do unseen: sockets and memory are each child's own. */
static int collect_children(struct wh_recorder *r, const struct wh_adaptive_task *t, bool by_code,
			    struct wh_quiet_set *ret)
{
	const struct wh_quiet_set *known = &wh_adaptive_of(r)->known;

	for (size_t i = 0; i < known->n; i++) {
		const struct wh_quiet_item *item = &known->v[i];
		bool seen = !item->conditions && !(by_code && moves_code(item->nr));

		for (unsigned k = 0; k < t->n_children && seen; k++)
			seen = wh_adaptive_seen(r, t->children[k], item->nr);
		if (seen && wh_quiet_add(ret, item) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

static int install(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t,
		   struct wh_adaptive_gate *gate, bool no_new_privs)
{
	struct wh_adaptive *a = wh_adaptive_of(r);
	struct wh_inject_result result = {0};
	struct sock_fprog filter;
	enum wh_inject got;
	int err = gate->home ? wh_gate_compile_by_code(&gate->code, &gate->inside, &gate->outside,
						       a->data, &filter)
			     : wh_gate_compile(&gate->outside, a->data, &filter);

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
		t->gate = gate;
		if (gate->home)
			a->by_code = true;
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
 * One more filter, for what @wanted and the filters that are there let pass; the sets of @wanted are used up.
 * Return: 1 if it is in force, 0 if not, -ENOMEM.
 */
static int narrow(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t,
		  struct wh_adaptive_gate *wanted)
{
	struct wh_adaptive *a = wh_adaptive_of(r);
	struct wh_adaptive_gate *gate = NULL;
	bool no_new_privs = false;
	int k;

	t->no = wh_adaptive_allowed(r, task, t, &no_new_privs);
	k = wh_adaptive_compose(t->gate, wanted, &gate);
	if (k == 0)
		t->no = t->no ? t->no : WH_ADAPTIVE_NO_MORE;
	if (t->no)
		a->no[t->no]++;
	if (k == 1 && !t->no && gate->outside.n + gate->inside.n)
		k = install(r, task, t, gate, no_new_privs);
	if (k >= 0 && gate && t->gate == gate) {
		wh_assert(a->n_gates < WH_ARRAY_SIZE(a->gates));
		a->gates[a->n_gates++] = gate;
		return 1;
	}
	wh_adaptive_gate_free(gate);
	return k < 0 ? k : 0;
}

int wh_adaptive_hush(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t)
{
	struct wh_adaptive *a = wh_adaptive_of(r);
	bool vain = false;
	int k = 1;

	t->heat = 0;
	/* What a start-up repeats is not what the service will: such a filter would be in the way. */
	if (task->vfork_child || t->no || r->phase == WH_PHASE_STARTUP || wh_adaptive_unclear(t))
		return 0;
	t->holds = (uint8_t)look_at_task(r, task);
	if (!wh_adaptive_fits(r, task, t)) {
		struct wh_adaptive_gate wanted = {0};

		k = collect(r, task, t, a->by_code, &wanted.outside);
		/* As of a 32-bit program, of which no filter lets anything pass. */
		vain = k == 0 && !wanted.outside.n;
		if (k == 0 && !vain)
			k = narrow(r, task, t, &wanted);
		wh_quiet_clear(&wanted.outside);
	}
	if (k == 1) {
		a->hushed++;
		t->loud = false;
	} else if (k == 0 && !vain && !t->no && !task->has_pending) {
		t->heat = WH_ADAPTIVE_HEAT; /* at the next call, then */
	}
	return k < 0 ? k : 0;
}

int wh_adaptive_provide(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t)
{
	struct wh_adaptive *a = wh_adaptive_of(r);
	struct wh_adaptive_gate wanted = {0};
	bool by_code;
	int k;

	if (task->vfork_child || t->no || r->phase == WH_PHASE_STARTUP || wh_adaptive_unclear(t))
		return 0;
	t->holds = (uint8_t)look_at_task(r, task);
	by_code = wh_adaptive_home(r, task, t, &wanted.code) &&
		  wh_code_apart(&wanted.code, &t->child);
	wanted.home = by_code ? t->memory : 0;
	k = collect_children(r, t, by_code, &wanted.outside);
	if (k == 0 && by_code)
		k = collect(r, task, t, true, &wanted.inside);
	if (k == 0)
		k = narrow(r, task, t, &wanted);
	wh_quiet_clear(&wanted.inside);
	wh_quiet_clear(&wanted.outside);
	if (k < 0)
		return k;
	/* Else at the next call, unless it may not be at all. */
	if (k == 1 || t->no)
		t->execs = 0;
	if (k == 1) {
		t->n_children = 0;
		t->loud = !wh_adaptive_fits(r, task, t);
		a->hushed += !t->loud;
	}
	return 0;
}
