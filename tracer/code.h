/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the code of an address space is. A seccomp filter sees where a call is made from: that tells the
 * program that made a process from the one that it executes later.
 */
#ifndef WHITTLE_TRACER_CODE_H
#define WHITTLE_TRACER_CODE_H

#include "tracer/task.h"

#define WH_CODE_RANGES 8

struct wh_code_range {
	uint64_t start, end; /* end: the first byte that is not in it */
};

/** struct wh_code - all executable mappings are in one of these; sorted, apart from each other. */
struct wh_code {
	struct wh_code_range v[WH_CODE_RANGES];
	size_t n;
};

/** What a call may do to where code is. */
enum wh_code_change {
	WH_CODE_STAYS,
	WH_CODE_COMES,	/* in one known range */
	WH_CODE_UNKNOWN /* anywhere */
};

/**
 * wh_code_add() - a mapping more, in order of addresses. What lies close together becomes one range.
 * Return: 0, or -E2BIG when there are too many.
 */
int wh_code_add(struct wh_code *code, uint64_t start, uint64_t end);

/**
 * wh_code_read() - as of now, of a stopped task. The page of vsyscalls, which is at the same place in
 * all address spaces, is left out. Return: 0; -E2BIG: too many; -EINVAL: some may grow by itself (a
 * stack); -errno.
 */
int wh_code_read(struct wh_recorder *r, const struct wh_task *task, struct wh_code *ret_code);

bool wh_code_overlaps(const struct wh_code *code, uint64_t start, uint64_t end);
/** wh_code_apart() - whether @a and @b have nothing in common. */
bool wh_code_apart(const struct wh_code *a, const struct wh_code *b);

/** wh_code_call() - what the call in flight, decoded, may do; *ret_range is set for WH_CODE_COMES. */
enum wh_code_change wh_code_call(const struct wh_call *call, struct wh_code_range *ret_range);
/** wh_code_changes() - whether any call of that name ever changes where code is, besides by PROT_EXEC. */
bool wh_code_changes(const char *name);
/** wh_code_implied() - whether what @persona (of personality()) maps is executable when it is readable. */
bool wh_code_implied(uint64_t persona);

#endif
