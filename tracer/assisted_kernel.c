// SPDX-License-Identifier: Apache-2.0
#ifdef WH_HAVE_BPF

#include "tracer/assisted.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include "assisted.skel.h"
#include "tracer/decode.h"

#define FILTER_MAX   (2 * WH_WATCH_NUMBERS + 16 * WH_WATCH_RULES)
#define TRACE_IT     (SECCOMP_RET_TRACE | WH_ASSISTED_DATA)
#define ERESTART_MIN 512 /* the kernel's internal errnos: the call is tried again */

struct wh_assisted_kernel {
	struct wh_assisted *bpf;
	int tasks, known;
	struct sock_fprog filter;
	struct sock_filter insn[FILTER_MAX];
};

/* ---- what may pass --------------------------------------------------------------------------- */

/* Plain rows whose stops mean something to the loop, or that do not return as others do. */
static bool always_stops(const char *name)
{
	static const char *const names[] = {"clone",	       "clone3", "exit",
					    "exit_group",      "fork",	 "rt_sigreturn",
					    "restart_syscall", "vfork"};

	for (size_t i = 0; i < WH_ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/*
 * Calls that are not plain, and yet have nothing to tell with such arguments, as tracer/quiet.c knows.
 * Sorted by name.
 */
static const struct some {
	const char *name;
	unsigned char keep; /* the arguments tested */
	struct wh_watch_rule rule;
} some[] = {
	{"epoll_ctl", 1 << 1, {{{1, ~0u, EPOLL_CTL_DEL}}, 0}},
	{"fcntl", 1 << 1, {{{1, ~3u, 0}}, 0}}, /* F_DUPFD, F_GETFD, F_SETFD, F_GETFL */
	{"madvise", 1 << 2, {{{2, ~31u, 0}}, 0}},
	{"mmap",
	 1 << 2 | 1 << 3,
	 {{{2, PROT_EXEC, 0}, {3, MAP_LOCKED | MAP_FIXED | MAP_FIXED_NOREPLACE, 0}}, 0}},
	{"mprotect", 1 << 2, {{{2, PROT_EXEC, 0}}, 0}},
	/* fstat() of today */
	{"newfstatat", 1 << 3, {{{3, AT_EMPTY_PATH, AT_EMPTY_PATH}}, 2}},
};

static void fill_rules(struct wh_assisted *bpf)
{
	_Static_assert(WH_ARRAY_SIZE(some) < WH_WATCH_RULES, "rule 0 is none");
	for (size_t i = 0; i < WH_ARRAY_SIZE(some); i++) {
		int nr = wh_syscall_number(wh_syscall_abi_native(), some[i].name);
		const struct wh_syscall_row *row = wh_syscall_row(some[i].name);

		if (nr < 0 || nr >= WH_WATCH_NUMBERS || !row)
			continue;
		bpf->bss->rules[i + 1] = some[i].rule;
		bpf->bss->rule_of[nr] = (unsigned char)(i + 1);
		bpf->bss->row[nr] = some[i].keep | row->keep;
	}
}

static void fill_rows(struct wh_assisted *bpf)
{
	const struct wh_abi *abi = wh_syscall_abi_native();
	size_t n;
	const struct wh_syscall_row *rows = wh_syscall_rows(&n);

	memset(bpf->bss->row, WH_WATCH_SKIP, sizeof(bpf->bss->row));
	for (size_t i = 0; i < n; i++) {
		int nr = wh_syscall_number(abi, rows[i].name);

		if (nr >= 0 && nr < WH_WATCH_NUMBERS && wh_decode_is_plain(&rows[i]) &&
		    !always_stops(rows[i].name))
			bpf->bss->row[nr] = rows[i].keep;
	}
	fill_rules(bpf);
}

static void insn(struct wh_assisted_kernel *w, struct sock_filter what)
{
	wh_assert(w->filter.len < FILTER_MAX);
	w->insn[w->filter.len++] = what;
}

static void statement(struct wh_assisted_kernel *w, unsigned code, unsigned value)
{
	insn(w, (struct sock_filter)BPF_STMT((unsigned short)code, value));
}

static void jump(struct wh_assisted_kernel *w, unsigned code, unsigned value, size_t yes, size_t no)
{
	insn(w, (struct sock_filter)BPF_JUMP((unsigned short)(BPF_JMP | BPF_K | code), value,
					     (unsigned char)yes, (unsigned char)no));
}

/* The number is loaded, and stays so where it is another one. */
static void filter_some(struct wh_assisted_kernel *w, unsigned nr, const struct wh_watch_rule *rule)
{
	jump(w, BPF_JEQ, nr, 0, 3 * WH_WATCH_TESTS + 2);
	for (size_t i = 0; i < WH_WATCH_TESTS; i++) {
		/* Little endian: the low half is first. */
		statement(w, BPF_LD | BPF_W | BPF_ABS,
			  (unsigned)offsetof(struct seccomp_data, args) + 8 * rule->test[i].arg);
		statement(w, BPF_ALU | BPF_AND | BPF_K, rule->test[i].mask);
		jump(w, BPF_JEQ, rule->test[i].value, 0, 3 * (WH_WATCH_TESTS - 1 - i) + 1);
	}
	statement(w, BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	statement(w, BPF_RET | BPF_K, TRACE_IT);
}

static bool all_pass(const struct wh_assisted_kernel *w, unsigned nr)
{
	return nr < WH_WATCH_NUMBERS && !(w->bpf->bss->row[nr] & WH_WATCH_SKIP) &&
	       !w->bpf->bss->rule_of[nr];
}

/* Where the number alone decides, the kernel keeps the answer in a bitmap. */
static void make_filter(struct wh_assisted_kernel *w)
{
	bool pass = all_pass(w, 0);

	w->filter.filter = w->insn;
	statement(w, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	jump(w, BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0);
	statement(w, BPF_RET | BPF_K, TRACE_IT);
	statement(w, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned nr = 0; nr < WH_WATCH_NUMBERS; nr++)
		if (w->bpf->bss->rule_of[nr])
			filter_some(w, nr, &w->bpf->bss->rules[w->bpf->bss->rule_of[nr]]);
	for (unsigned nr = 1; nr <= WH_WATCH_NUMBERS; nr++) {
		bool next = all_pass(w, nr);

		if (next == pass)
			continue;
		jump(w, BPF_JGE, nr, 1, 0);
		statement(w, BPF_RET | BPF_K, pass ? SECCOMP_RET_ALLOW : TRACE_IT);
		pass = next;
	}
	statement(w, BPF_RET | BPF_K, TRACE_IT);
}

/* ---- start and end --------------------------------------------------------------------------- */

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

int wh_assisted_new(struct wh_assisted_kernel **ret, struct wh_error *e)
{
	struct wh_assisted_kernel *w = calloc(1, sizeof(*w));

	if (!w)
		return wh_error_oom(e);
	*ret = w;
	libbpf_set_print(silent);
	w->bpf = wh_assisted__open();
	if (!w->bpf)
		return wh_error_errno(e, errno, "--engine assisted: BPF");
	if (wh_assisted__load(w->bpf) < 0)
		return wh_error_errno(e, errno,
				      "--engine assisted: the kernel takes no BPF program");
	fill_rows(w->bpf);
	w->tasks = bpf_map__fd(w->bpf->maps.tasks);
	w->known = bpf_map__fd(w->bpf->maps.known);
	if (wh_assisted__attach(w->bpf) < 0)
		return wh_error_errno(e, errno,
				      "--engine assisted: the kernel attaches no BPF program");
	make_filter(w);
	return 0;
}

void wh_assisted_free(struct wh_assisted_kernel *w)
{
	if (w)
		wh_assisted__destroy(w->bpf);
	free(w);
}

void wh_assisted_detach(struct wh_assisted_kernel *w)
{
	wh_assisted__detach(w->bpf);
}

const struct sock_fprog *wh_assisted_filter(struct wh_assisted_kernel *w)
{
	return &w->filter;
}

void wh_assisted_phase(struct wh_assisted_kernel *w, unsigned phase)
{
	w->bpf->bss->phase = phase;
}

uint64_t wh_assisted_lost(const struct wh_assisted_kernel *w)
{
	return w->bpf->bss->lost;
}

/* ---- maps ------------------------------------------------------------------------------------ */

bool wh_assisted_put(struct wh_assisted_kernel *w, pid_t tid, const struct wh_watch_task *state)
{
	return bpf_map_update_elem(w->tasks, &tid, state, BPF_ANY) == 0;
}

bool wh_assisted_get(const struct wh_assisted_kernel *w, pid_t tid, struct wh_watch_task *ret_state)
{
	return bpf_map_lookup_elem(w->tasks, &tid, ret_state) == 0;
}

void wh_assisted_remove(struct wh_assisted_kernel *w, pid_t tid)
{
	bpf_map_delete_elem(w->tasks, &tid);
}

void wh_assisted_learn(struct wh_assisted_kernel *w, uint64_t program,
		       const struct wh_watch_record *record)
{
	struct wh_watch_key key;
	unsigned long long count = 0;

	if (record->always)
		return;
	wh_watch_key_set(&key, program, record, w->bpf->bss->row[record->nr]);
	/* Another thread may have been faster, and its count must stay. */
	bpf_map_update_elem(w->known, &key, &count, BPF_NOEXIST);
}

/* What the kernel counted of known calls, into their facts. */
int wh_assisted_add_counts(const struct wh_assisted_kernel *w, struct wh_trace *trace)
{
	const struct wh_abi *abi = wh_syscall_abi_native();
	struct wh_watch_key key, *before = NULL;
	unsigned long long count;

	for (; bpf_map_get_next_key(w->known, before, &key) == 0; before = &key) {
		const char *name = wh_syscall_name(abi, key.nr);
		struct wh_syscall of = {.abi = abi->name, .name = name}, *fact;

		if (!name || bpf_map_lookup_elem(w->known, &key, &count) < 0 || !count)
			continue;
		/* The cast gives back what put has handed out. */
		fact = (struct wh_syscall *)(uintptr_t)wh_trace_find(trace, WH_KIND_SYSCALL, &of);
		if (!fact)
			continue;
		fact->f.count += count;
		/* The kernel's own codes are no results: the call was made again. */
		if (key.err && key.err < ERESTART_MIN &&
		    wh_trace_add_count(trace, &fact->errors, wh_util_errno_name(key.err), count) ==
			    -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

#endif
