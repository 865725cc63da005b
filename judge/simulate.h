/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel would answer to a call under a compiled filter, without making the call. */
#ifndef WHITTLE_JUDGE_SIMULATE_H
#define WHITTLE_JUDGE_SIMULATE_H

#include "judge/filter.h"

/**
 * wh_simulate_run() - run the program on a call as the kernel does (kernel/seccomp.c,
 * net/core/filter.c).
 * @nr: in @abi; x32's bit 30 may be there or not
 * @ret_action: SECCOMP_RET_* and its data
 * Return: 0, or -EINVAL for a program that the kernel would not take.
 */
int wh_simulate_run(const struct wh_filter_program *program, const struct wh_abi *abi, uint64_t nr,
		    const uint64_t arg[6], uint32_t *ret_action, struct wh_error *e);

/** wh_simulate_lets() - the call is made. */
bool wh_simulate_lets(uint32_t action);

/**
 * wh_simulate_unseen() - of a call on this machine's ABI that nobody saw, but that libc or a container runtime needs: with
 * each of the arguments that gen/args.h knows they have, all 0 where it knows none.
 * @ret_action: the first answer by which the call is not made, else the last; to allow where there is no such call
 */
int wh_simulate_unseen(const struct wh_filter_program *program, const char *name,
		       uint32_t *ret_action, struct wh_error *e);

/** wh_simulate_action() - an action in words: "allow", "errno EPERM", "kill process". */
void wh_simulate_action(uint32_t action, char *ret_text, size_t size);

#endif
