/* SPDX-License-Identifier: Apache-2.0 */
/* What the reader (filter.c) and the compiler (compile.c) of profiles share. */
#ifndef WHITTLE_JUDGE_FILTER_INTERNAL_H
#define WHITTLE_JUDGE_FILTER_INTERNAL_H

#include <seccomp.h>

#include "judge/filter.h"

#define WH_FILTER_ARGS_MAX 16

struct wh_filter_rule {
	char *name;
	uint32_t action; /* SCMP_ACT_* with the errno in it */
	struct scmp_arg_cmp arg[WH_FILTER_ARGS_MAX];
	unsigned n_args;
	bool repeated; /* an index occurs twice: runc takes each condition for a rule of its own */
};

struct wh_filter {
	uint32_t default_action;
	const struct wh_abi *abi[8];
	size_t n_abis;
	struct wh_filter_rule *rules;
	size_t n_rules;
	const char **names;
	size_t n_names;
	unsigned flags;
};

#endif
