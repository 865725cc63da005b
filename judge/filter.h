/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A seccomp profile in OCI's JSON: read with suspicion, and compiled as runc does it (its
 * libcontainer/seccomp), so that what is judged here is what a container would get.
 */
#ifndef WHITTLE_JUDGE_FILTER_H
#define WHITTLE_JUDGE_FILTER_H

#include <linux/filter.h>

#include "whittle/syscall.h"

struct wh_filter;

/**
 * wh_filter_parse() - read a profile. Pure OCI only: what a runtime would silently ignore (moby's
 * archMap, includes, excludes; misspelt members) is an error, said with its place.
 */
int wh_filter_parse(const char *text, size_t len, struct wh_filter **ret, struct wh_error *e);
/** wh_filter_read() - the same from a file. */
int wh_filter_read(const char *path, struct wh_filter **ret, struct wh_error *e);
void wh_filter_free(struct wh_filter *f);
WH_DEFINE_AUTO(filter, struct wh_filter *, wh_filter_free)

/** wh_filter_names() - the names that some rule allows, sorted, each once; belongs to @f. */
const char *const *wh_filter_names(const struct wh_filter *f, size_t *ret_n);

/** wh_filter_lists() - whether there is a rule of that name, known to the libseccomp at hand or not. */
bool wh_filter_lists(const struct wh_filter *f, const char *name);

/** wh_filter_arguments() - which arguments the rules of a name look at; bit 0 is the first. */
unsigned wh_filter_arguments(const struct wh_filter *f, const char *name);

/** wh_filter_has_arch() - whether the profile covers that ABI. */
bool wh_filter_has_arch(const struct wh_filter *f, const struct wh_abi *abi);

/**
 * wh_filter_answer() - what a call gets that no rule is for: the default action as SECCOMP_RET_*
 * with its errno; ENOSYS for numbers above all listed ones, as runc has it.
 */
uint32_t wh_filter_answer(const struct wh_filter *f, const struct wh_abi *abi, uint64_t nr);

/**
 * struct wh_filter_options - how to compile.
 * @without: leave out the rules of these names: such calls get the default action
 * @notify: calls that no rule is for are reported to a listener instead of answered
 */
struct wh_filter_options {
	const char *const *without;
	size_t n_without;
	bool notify;
};

/** struct wh_filter_program - what the kernel takes. */
struct wh_filter_program {
	struct sock_filter *insn;
	size_t n;
	unsigned flags; /* SECCOMP_FILTER_FLAG_* that the profile asks for */
};

int wh_filter_compile(const struct wh_filter *f, const struct wh_filter_options *options,
		      struct wh_filter_program *ret, struct wh_error *e);

static inline void wh_filter_program_free(struct wh_filter_program p)
{
	free(p.insn);
}
WH_DEFINE_AUTO(program, struct wh_filter_program, wh_filter_program_free)

#endif
