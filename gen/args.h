/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the filter may ask of a system call's arguments: one row for each call of which traces keep arguments (the column
 * "keep" of core/syscall_table.inc). What is kept is a fact; whether a rule is made of it is decided here, with a reason.
 */
#ifndef WHITTLE_GEN_ARGS_H
#define WHITTLE_GEN_ARGS_H

#include "whittle/trace.h"

enum wh_args_kind {
	WH_ARGS_IGNORE, /* no rule: any value */
	WH_ARGS_VALUES, /* the values that were seen, together where several arguments are compared */
	WH_ARGS_BITS,	/* of the guarded bits only those that were seen */
	WH_ARGS_APART, /* the guarded bits never all at once, unless they were seen so */
};

/**
 * struct wh_args_name - how a value is called.
 * @n: of how many compared arguments, from the first one on; the others may be anything
 * @notable: worth saying that it is closed
 */
struct wh_args_name {
	uint8_t n;
	bool notable;
	const char *name;
	uint64_t v[3];
};

/**
 * struct wh_args_row - what is asked of one call.
 * @safe, @strict: under --args safe and --args strict; strict compares all kept arguments whole
 * @args: which arguments safe compares (bit 0 the first); 0: all that are kept
 * @mask: of safe, by argument: the bits of VALUES that are compared, or that BITS and APART guard; 0: the lower 32, which
 *   are all that the kernel reads of any of these arguments, or of which it refuses more
 * @floor: @also has what container runtimes and libc themselves call it with; else the arguments of a call that is
 *   allowed for their sake are not asked for
 * @indirect: an ABI on which the arguments are behind a pointer, that no filter can follow, or NULL
 * @also: values, in the order of the kept arguments, that need no fact, as @also_reason says
 * @names: of the values, in the order of the kept arguments; of BITS and APART, of the bits
 */
struct wh_args_row {
	const char *name;
	enum wh_args_kind safe, strict;
	unsigned args;
	uint32_t mask[WH_TUPLE_MAX];
	bool floor;
	const char *indirect;
	const uint64_t (*also)[2];
	size_t n_also;
	const char *also_reason;
	const struct wh_args_name *names;
	size_t n_names;
	const char *reason;
};

/** wh_args_row() - the row of a call by name, or NULL. */
const struct wh_args_row *wh_args_row(const char *name);
/** wh_args_rows() - the table, sorted by name. */
const struct wh_args_row *wh_args_rows(size_t *ret_n);

#endif
