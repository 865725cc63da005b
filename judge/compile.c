// SPDX-License-Identifier: Apache-2.0
/* From a profile to the kernel's classic BPF, by libseccomp. */
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "judge/filter-internal.h"

#define X32_BIT 0x40000000u
/* BPF_MAXINSNS: the kernel takes no longer program. */
#define PROGRAM_MOST 4096

WH_DEFINE_AUTO(scmp, scmp_filter_ctx, seccomp_release)

/* The largest number that a rule lists for an ABI, without x32's bit; -1 when there is none. */
static int64_t largest(const struct wh_filter *f, const struct wh_abi *abi)
{
	int64_t most = -1;

	for (size_t i = 0; i < f->n_rules; i++) {
		int nr = wh_syscall_number(abi, f->rules[i].name);

		if (nr >= 0 && (nr & ~(int)X32_BIT) > most)
			most = nr & ~(int)X32_BIT;
	}
	return most;
}

/* Whether runc would add its answer for newer numbers. */
static bool has_newer(const struct wh_filter *f)
{
	return f->default_action != SCMP_ACT_ALLOW && f->default_action != SCMP_ACT_LOG &&
	       f->default_action != SCMP_ACT_ERRNO(ENOSYS);
}

uint32_t wh_filter_answer(const struct wh_filter *f, const struct wh_abi *abi, uint64_t nr)
{
	int64_t most = largest(f, abi);

	if (has_newer(f) && most >= 0 && (nr & ~(uint64_t)X32_BIT) > (uint64_t)most)
		return SECCOMP_RET_ERRNO | ENOSYS;
	return f->default_action;
}

static int add_rule(scmp_filter_ctx ctx, const struct wh_filter_rule *rule, int nr,
		    struct wh_error *e)
{
	unsigned step = rule->repeated ? 1 : rule->n_args, i = 0;

	do {
		int r = seccomp_rule_add_array(ctx, rule->action, nr, step, rule->arg + i);

		/* What another rule says already is no fault. */
		if (r < 0 && r != -EEXIST)
			return wh_error_errno(e, r, "libseccomp does not take the rule for %s",
					      rule->name);
		i += step;
	} while (i < rule->n_args);
	return 0;
}

static bool left_out(const struct wh_filter_options *options, const char *name)
{
	for (size_t i = 0; i < options->n_without; i++) {
		if (strcmp(options->without[i], name) == 0)
			return true;
	}
	return false;
}

static int add_rules(scmp_filter_ctx ctx, const struct wh_filter *f,
		     const struct wh_filter_options *options, struct wh_error *e)
{
	for (size_t i = 0; i < f->n_rules; i++) {
		const struct wh_filter_rule *rule = &f->rules[i];
		int nr, r;

		if (left_out(options, rule->name))
			continue;
		/* libseccomp refuses what the default does anyway; so runc skips it. */
		if (rule->action == f->default_action)
			continue;
		/* A name that is not known here is no call of this kernel: runc skips it too. */
		nr = seccomp_syscall_resolve_name(rule->name);
		if (nr == __NR_SCMP_ERROR)
			continue;
		r = add_rule(ctx, rule, nr, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_arches(scmp_filter_ctx ctx, const struct wh_filter *f, struct wh_error *e)
{
	int r;

	for (size_t i = 0; i < f->n_abis; i++) {
		r = seccomp_arch_add(ctx, f->abi[i]->scmp);
		if (r < 0 && r != -EEXIST)
			return wh_error_errno(e, r, "libseccomp does not take architecture %s",
					      f->abi[i]->oci);
	}
	/* As in runc, the machine's own architecture stays in, listed or not. */
	return 0;
}

/*
 * runc's own addition (libcontainer/seccomp/patchbpf): numbers above the largest listed one are
 * answered ENOSYS, so that a newer libc falls back. It stands in front of libseccomp's program; x32
 * numbers, which share x86_64's architecture, are judged by x32's list.
 */
static size_t add_newer(const struct wh_filter *f, struct sock_filter *p)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_abis; i++) {
		const struct wh_abi *abi = f->abi[i];
		int64_t most = largest(f, abi);
		bool x32 = abi->scmp == SCMP_ARCH_X32;
		size_t test;

		if (most < 0)
			continue;
		p[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						      offsetof(struct seccomp_data, arch));
		test = n;
		p[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, abi->audit, 0, 0);
		p[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						      offsetof(struct seccomp_data, nr));
		if (x32 || abi->scmp == SCMP_ARCH_X86_64)
			p[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, X32_BIT,
							      x32 ? 0 : 2, x32 ? 2 : 0);
		p[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K,
						      (uint32_t)most | (x32 ? X32_BIT : 0), 0, 1);
		p[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
		/* Another architecture: on to the next test. */
		p[test].jf = (uint8_t)(n - test - 1);
	}
	return n;
}
#define NEWER_MOST 6 /* instructions an architecture */

static int export_program(scmp_filter_ctx ctx, const struct wh_filter *f, bool newer,
			  struct wh_filter_program *ret, struct wh_error *e)
{
	wh_auto(program) p = {.flags = f->flags};
	wh_auto(fd) fd = memfd_create("filter", MFD_CLOEXEC);
	struct stat st;
	size_t n;
	int r;

	if (fd < 0)
		return wh_error_errno(e, errno, "memfd_create");
	r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return wh_error_errno(e, r, "libseccomp cannot make a program of the profile");
	if (fstat(fd, &st) < 0)
		return wh_error_errno(e, errno, "fstat");
	n = (size_t)st.st_size / sizeof(*p.insn);
	p.insn = calloc(n + NEWER_MOST * f->n_abis, sizeof(*p.insn));
	if (!p.insn)
		return wh_error_oom(e);
	if (newer)
		p.n = add_newer(f, p.insn);
	if (pread(fd, p.insn + p.n, n * sizeof(*p.insn), 0) != (ssize_t)(n * sizeof(*p.insn)))
		return wh_error_set(e, EIO, "the exported program cannot be read back");
	p.n += n;
	if (p.n > PROGRAM_MOST)
		return wh_error_set(e, E2BIG,
				    "the profile makes %zu instructions, the kernel takes %d", p.n,
				    PROGRAM_MOST);
	*ret = p;
	p.insn = NULL;
	return 0;
}

int wh_filter_compile(const struct wh_filter *f, const struct wh_filter_options *options,
		      struct wh_filter_program *ret, struct wh_error *e)
{
	bool notify = options->notify && f->default_action != SCMP_ACT_ALLOW &&
		      f->default_action != SCMP_ACT_LOG;
	wh_auto(scmp) ctx = seccomp_init(notify ? SCMP_ACT_NOTIFY : f->default_action);
	int r;

	if (!ctx)
		return wh_error_set(e, EINVAL, "libseccomp does not take the default action");
	r = set_arches(ctx, f, e);
	if (r == 0)
		r = add_rules(ctx, f, options, e);
	if (r < 0)
		return r;
	/* A listener is told of the newer ones too, and answers them itself. */
	return export_program(ctx, f, has_newer(f) && !notify, ret, e);
}
