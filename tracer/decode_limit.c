/* SPDX-License-Identifier: Apache-2.0 */
/* What a process does to itself: limits, namespaces, prctl, filters, rings. */
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "tracer/decode_impl.h"
#include "tracer/pidns.h"

static const char *program(const struct wh_task *task)
{
	return task->process->program ? task->process->program : "?";
}

/* ---- resource limits ------------------------------------------------------------------------- */

static const char *const resources[] = {
#define R(name) [name] = #name
	R(RLIMIT_CPU),	    R(RLIMIT_FSIZE), R(RLIMIT_DATA),   R(RLIMIT_STACK),
	R(RLIMIT_CORE),	    R(RLIMIT_RSS),   R(RLIMIT_NPROC),  R(RLIMIT_NOFILE),
	R(RLIMIT_MEMLOCK),  R(RLIMIT_AS),    R(RLIMIT_LOCKS),  R(RLIMIT_SIGPENDING),
	R(RLIMIT_MSGQUEUE), R(RLIMIT_NICE),  R(RLIMIT_RTPRIO), R(RLIMIT_RTTIME),
#undef R
};

/* Of the call: the new limits, those before; detail is what is done. */
enum { NEW_SOFT, NEW_HARD, OLD_SOFT, OLD_HARD };
enum { READ, SET, SET_BLIND };

static int new_limits(struct wh_task *task, uint64_t addr, bool wide)
{
	struct wh_call *call = &task->call;
	uint64_t words[2];

	if (wide) {
		if (wh_memory_read_all(task->tid, addr, words, sizeof(words)) < 0)
			return -EFAULT;
	} else {
		if (wh_decode_words(task, addr, words, 2) < 0)
			return -EFAULT;
		/* A narrow -1 is "unlimited" too: COMPAT_RLIM_INFINITY. */
		for (int i = 0; wh_decode_word_size(call) == 4 && i < 2; i++)
			if (words[i] == UINT32_MAX)
				words[i] = UINT64_MAX;
	}
	call->number[NEW_SOFT] = words[0];
	call->number[NEW_HARD] = words[1];
	return 0;
}

int wh_decode_limit_rlimit_enter(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	bool prlimit_ = call->row->arg[0] == WH_ARG_PID;
	uint64_t addr = call->arg[prlimit_ ? 2 : 1];
	pid_t pid = task->process->tgid;
	unsigned resource = (unsigned)call->arg[prlimit_ ? 1 : 0];
	struct rlimit old;

	/* getrlimit() and the old ugetrlimit() only read. */
	if (prlimit_ ? !addr : !wh_util_has_prefix(call->row->name, "set"))
		return 0;
	if (new_limits(task, addr, prlimit_) < 0)
		return 0;
	call->detail = SET_BLIND;
	if (prlimit_ && call->arg[0])
		pid = wh_pidns_find(r, task, (pid_t)call->arg[0]);
	if (pid && resource < WH_ARRAY_SIZE(resources) &&
	    prlimit(pid, (enum __rlimit_resource)resource, NULL, &old) == 0) {
		call->number[OLD_SOFT] = old.rlim_cur;
		call->number[OLD_HARD] = old.rlim_max;
		call->detail = SET;
	}
	return 0;
}

const char *wh_decode_limit_name(uint64_t resource)
{
	return resource < WH_ARRAY_SIZE(resources) ? resources[resource] : NULL;
}

static int fact_rlimit(struct wh_recorder *r, struct wh_task *task, const char *change)
{
	const struct wh_call *call = &task->call;
	uint64_t n = call->arg[call->row->arg[0] == WH_ARG_PID ? 1 : 0];
	const char *name = wh_decode_limit_name(n);
	char buf[40];
	struct wh_rlimit key = {.resource = name ? name : buf, .change = change}, *fact;
	int k;

	snprintf(buf, sizeof(buf), "RLIMIT_%u", (unsigned)n);
	k = wh_record_fact(r, task, WH_KIND_RLIMIT, &key, true, &fact);
	if (k < 0)
		return wh_decode_fact_err(k);
	if (call->detail != READ && call->number[NEW_HARD] > fact->max)
		fact->max = call->number[NEW_HARD];
	return wh_decode_fact_outcome(r, task, &fact->outcomes);
}

int wh_decode_limit_rlimit_exit(struct wh_recorder *r, struct wh_task *task)
{
	const struct wh_call *call = &task->call;
	const uint64_t *n = call->number;
	/* Where the old limits are not known, the most that it can have been is assumed. */
	bool soft = call->detail == SET_BLIND || n[NEW_SOFT] > n[OLD_SOFT];
	bool hard = call->detail == SET_BLIND || n[NEW_HARD] > n[OLD_HARD];
	int k = 0;

	if (call->detail == READ)
		return fact_rlimit(r, task, "read");
	if (soft)
		k = fact_rlimit(r, task, "raise-soft");
	if (hard && k == 0)
		k = fact_rlimit(r, task, "raise-hard");
	/* To set what is set already asks for no more than lowering it. */
	if (!soft && !hard)
		k = fact_rlimit(r, task, "lower");
	return k;
}

/* ---- namespaces ------------------------------------------------------------------------------ */

static const struct {
	uint64_t flag;
	const char *name;
} namespaces[] = {
	{CLONE_NEWUSER, "user"},     {CLONE_NEWNS, "mnt"},    {CLONE_NEWPID, "pid"},
	{CLONE_NEWNET, "net"},	     {CLONE_NEWIPC, "ipc"},   {CLONE_NEWUTS, "uts"},
	{CLONE_NEWCGROUP, "cgroup"}, {CLONE_NEWTIME, "time"},
};

/* The type of a namespace that a descriptor is ("net:[4026531840]"); 0: it is none (a pidfd). */
static uint64_t fd_namespace(struct wh_recorder *r, struct wh_task *task, int fd)
{
	char link[48], text[64];
	ssize_t n;

	snprintf(link, sizeof(link), "%d/fd/%d", (int)task->tid, fd);
	n = readlinkat(r->proc_fd, link, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	for (size_t i = 0; i < WH_ARRAY_SIZE(namespaces); i++) {
		size_t len = strlen(namespaces[i].name);

		if (strncmp(text, namespaces[i].name, len) == 0 && text[len] == ':')
			return namespaces[i].flag;
	}
	return 0;
}

int wh_decode_limit_namespace_enter(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_call *call = &task->call;
	const char *name = call->row->name;
	uint64_t flags = 0;

	if (strcmp(name, "clone3") == 0) {
		if (wh_memory_read_all(task->tid, call->arg[0], &flags, sizeof(flags)) < 0)
			return 0;
	} else if (strcmp(name, "setns") == 0) {
		flags = fd_namespace(r, task, (int)call->arg[0]);
		if (!flags)
			flags = call->arg[1];
	} else {
		flags = call->arg[0];
		/* The low byte of clone()'s flags is a signal, and CLONE_NEWTIME lies in it. */
		if (strcmp(name, "clone") == 0)
			flags &= ~(uint64_t)0xff;
	}
	call->number[0] = flags;
	call->note[0] = strcmp(name, "clone3") == 0 ? "clone" : name;
	return 0;
}

int wh_decode_limit_namespace_exit(struct wh_recorder *r, struct wh_task *task)
{
	const struct wh_call *call = &task->call;
	int k = 0;

	for (size_t i = 0; i < WH_ARRAY_SIZE(namespaces) && k >= 0; i++) {
		struct wh_namespace key = {.op = call->note[0], .type = namespaces[i].name}, *fact;

		if (!(call->number[0] & namespaces[i].flag))
			continue;
		k = wh_record_fact(r, task, WH_KIND_NAMESPACE, &key, true, &fact);
		if (k >= 0)
			k = wh_decode_fact_outcome(r, task, &fact->outcomes);
	}
	return wh_decode_fact_err(k);
}

/* ---- prctl, seccomp, io_uring ---------------------------------------------------------------- */

static int own_filter(struct wh_recorder *r, struct wh_task *task)
{
	if (!task->call.returned || task->call.err)
		return 0;
	return wh_decode_fact_err(wh_record_gap(r, task, "own-seccomp", "%s", program(task)));
}

int wh_decode_limit_prctl_exit(struct wh_recorder *r, struct wh_task *task)
{
	(void)r;
	return task->call.arg[0] == PR_SET_SECCOMP ? own_filter(r, task) : 0;
}

int wh_decode_limit_seccomp_exit(struct wh_recorder *r, struct wh_task *task)
{
	uint64_t op = task->call.arg[0];

	return op == SECCOMP_SET_MODE_STRICT || op == SECCOMP_SET_MODE_FILTER ? own_filter(r, task)
									      : 0;
}

int wh_decode_limit_ring_exit(struct wh_recorder *r, struct wh_task *task)
{
	/* Where rings are forbidden, the program falls back on calls that we do see. */
	if (wh_decode_failed(&task->call))
		return 0;
	return wh_decode_fact_err(wh_record_gap(r, task, "io-uring", "%s", program(task)));
}
