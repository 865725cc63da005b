// SPDX-License-Identifier: Apache-2.0
#include "gen/evidence.h"

#include "whittle/util.h"

/*
 * Where the kernel asks, and goes on with either answer, or with another capability.
 * @calls: NULL-terminated; "" is no call at all: a page fault. @before: what it asks for next, if this is refused
 */
static const struct idle {
	const char *cap, *calls[20], *before, *why;
} idles[] = {
	/* mm/util.c __vm_enough_memory() by security/commoncap.c cap_vm_enough_memory() */
	{"CAP_SYS_ADMIN",
	 {"brk", "mmap", "mmap2", "mprotect", "pkey_mprotect", "mremap", "execve", "execveat",
	  "fork", "vfork", "clone", "clone3", "shmget", "shmat", "ftruncate", "fallocate",
	  "memfd_create", ""},
	 NULL,
	 "memory is accounted: it only says whether the last reserve may be used"},
	/* fs/xattr.c simple_xattr_list(), fs/ext4/xattr_trusted.c: names of trusted.* are listed, or not */
	{"CAP_SYS_ADMIN",
	 {"listxattr", "llistxattr", "flistxattr"},
	 NULL,
	 "it only says whether names of trusted.* are listed"},
	/* net/sysctl_net.c net_ctl_permissions(), at each look and for root, too */
	{"CAP_NET_ADMIN",
	 {"open", "openat", "openat2", "read", "pread64", "readv"},
	 NULL,
	 "reading /proc/sys/net needs none: it only says whether it is as root's"},
	/* security/commoncap.c cap_capset(): who raises nothing may do so without */
	{"CAP_SETPCAP",
	 {"capset", "execve", "execveat"},
	 NULL,
	 "it only says whether more than is held may become inheritable"},
	/* fs/namei.c generic_permission() */
	{"CAP_DAC_READ_SEARCH",
	 {NULL},
	 "CAP_DAC_OVERRIDE",
	 "it is asked for before CAP_DAC_OVERRIDE, which was granted"},
};

static bool is_in(const char *call, const char *const *calls)
{
	for (size_t i = 0; calls[i]; i++)
		if (strcmp(calls[i], call) == 0)
			return true;
	return false;
}

/* Why nothing hangs on the answer, or NULL. */
static const char *idle_why(const struct wh_question *q)
{
	if (strcmp(q->creds, "own") != 0 && strcmp(q->syscall ? q->syscall : "", "access") != 0 &&
	    !(q->syscall && wh_util_has_prefix(q->syscall, "faccessat")))
		return "it was asked of other credentials than the service's: a file system's, or "
		       "of who opened a file";
	if (strcmp(q->userns, "initial") != 0 && strcmp(q->userns, "home") != 0)
		return "it was asked for in a user namespace that the service has made itself";
	for (size_t i = 0; i < WH_ARRAY_SIZE(idles); i++)
		if (!idles[i].before && strcmp(idles[i].cap, q->cap) == 0 &&
		    is_in(q->syscall ? q->syscall : "", idles[i].calls))
			return idles[i].why;
	return NULL;
}

static void count(struct wh_evidence *e, const struct wh_question *q)
{
	const char *why = idle_why(q);

	if (!q->granted) {
		e->refused += q->f.count;
		e->refusal = e->refusal ? e->refusal : q;
		return;
	}
	e->granted += q->f.count;
	if (why) {
		e->idle += q->f.count;
		e->idle_why = e->idle_why ? e->idle_why : why;
	}
	if (!e->grant || (!why && idle_why(e->grant)))
		e->grant = q;
}

static bool share(const struct wh_strset *a, const struct wh_strset *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (wh_trace_has_str(b, a->v[i]))
			return true;
	return a->overflow || b->overflow;
}

static bool heard_all(const struct wh_trace *t, const struct wh_strset *runs)
{
	for (size_t i = 0; i < runs->n; i++) {
		const struct wh_run key = {.id = runs->v[i]};
		const struct wh_run *run = wh_trace_find(t, WH_KIND_RUN, &key);

		if (!run || !wh_util_streq(run->questions, "all"))
			return false;
	}
	return runs->n && !runs->overflow;
}

static bool is_granted(struct wh_trace *t, const struct wh_cap *need)
{
	size_t n;
	const void *const *facts = wh_trace_facts(t, WH_KIND_QUESTION, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_question *q = facts[i];

		if (q->granted &&
		    (strcmp(q->cap, need->cap) == 0 || wh_util_streq(q->cap, need->instead)) &&
		    share(&q->f.runs, &need->f.runs))
			return true;
	}
	return false;
}

/* Another capability did the work of the one that is said to be needed. */
static void stand_in(struct wh_evidence *of, const struct wh_cap *need)
{
	int number = need->instead ? wh_capability_number(need->instead) : -1;
	struct wh_evidence *e = number < 0 ? NULL : &of[number];

	if (need->denied || !e || !e->grant || !e->grant->syscall)
		return;
	if (wh_trace_has_str(&need->syscalls, e->grant->syscall)) {
		e->idle = e->granted;
		e->idle_why = "it stood in for another one, which is in the list";
	}
}

/* cap_capset() in security/commoncap.c: a set that is permitted already is kept without a question. */
static bool is_unasked(const struct wh_cap *need)
{
	return strcmp(need->cap, "CAP_SETPCAP") != 0 && wh_trace_has_str(&need->syscalls, "capset");
}

static void infer(struct wh_trace *t, struct wh_evidence *e, const struct wh_cap *need)
{
	if (need->denied) {
		e->wanted = !e->inferred;
		return;
	}
	e->strength = e->inferred && e->strength > need->strength ? e->strength : need->strength;
	e->inferred = true;
	e->wanted = false;
	/* What was found was done before anybody listened. */
	if (need->strength != WH_STRENGTH_POSSIBLE && need->f.phases != WH_PHASE_FOUND &&
	    heard_all(t, &need->f.runs) && !is_granted(t, need) && !is_unasked(need))
		e->contradicted = true;
}

void wh_evidence_weigh(struct wh_trace *t, struct wh_evidence ret[WH_CAPABILITY_COUNT])
{
	size_t n;
	const void *const *facts = wh_trace_facts(t, WH_KIND_QUESTION, &n);

	memset(ret, 0, WH_CAPABILITY_COUNT * sizeof(*ret));
	for (size_t i = 0; i < n; i++) {
		const struct wh_question *q = facts[i];
		int number = wh_capability_number(q->cap);

		if (number >= 0 && wh_trace_of_service(&q->f))
			count(&ret[number], q);
	}
	facts = wh_trace_facts(t, WH_KIND_CAP, &n);
	for (size_t i = 0; i < n; i++) {
		const struct wh_cap *need = facts[i];
		int number = wh_capability_number(need->cap);

		if (number >= 0 && wh_trace_of_service(&need->f))
			infer(t, &ret[number], need);
		if (wh_trace_of_service(&need->f))
			stand_in(ret, need);
	}
	/* One that was refused, and another one did. */
	for (size_t i = 0; i < WH_ARRAY_SIZE(idles); i++) {
		struct wh_evidence *e = &ret[wh_capability_number(idles[i].cap)];

		if (idles[i].before && e->refused && !e->granted &&
		    ret[wh_capability_number(idles[i].before)].granted)
			e->idle_why = idles[i].why;
	}
}
