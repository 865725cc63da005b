// SPDX-License-Identifier: Apache-2.0
#ifdef WH_HAVE_BPF

#include "tracer/assisted.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>

#include "assisted.skel.h"
#include "tracer/decode.h"

#define FILTER_MAX   (2 * WH_WATCH_NUMBERS + 8)
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
}

static void insn(struct wh_assisted_kernel *w, struct sock_filter what)
{
	wh_assert(w->filter.len < FILTER_MAX);
	w->insn[w->filter.len++] = what;
}

/* Numbers alone decide, so that the kernel keeps the answers in a bitmap. */
static void make_filter(struct wh_assisted_kernel *w)
{
	const unsigned char *row = w->bpf->bss->row;
	bool pass = !(row[0] & WH_WATCH_SKIP);

	w->filter.filter = w->insn;
	insn(w, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					     offsetof(struct seccomp_data, arch)));
	insn(w, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
	insn(w, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, TRACE_IT));
	insn(w, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					     offsetof(struct seccomp_data, nr)));
	for (unsigned nr = 1; nr <= WH_WATCH_NUMBERS; nr++) {
		bool next = nr < WH_WATCH_NUMBERS && !(row[nr] & WH_WATCH_SKIP);

		if (next == pass)
			continue;
		insn(w, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, nr, 1, 0));
		insn(w, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						     pass ? SECCOMP_RET_ALLOW : TRACE_IT));
		pass = next;
	}
	insn(w, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, TRACE_IT));
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
