/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a bundle's filter lets its own floor pass. The service is tried without a container runtime, which would not get as far
 * as to start it if it did not.
 */
#ifndef WHITTLE_JUDGE_VERIFY_FLOOR_H
#define WHITTLE_JUDGE_VERIFY_FLOOR_H

#include "gen/policy.h"
#include "judge/verify.h"

/** wh_verify_floor_policy() - the bundle's own policy, made again from its trace; both are the caller's to free. */
int wh_verify_floor_policy(const struct wh_verify *v, struct wh_trace **ret_trace,
			   struct wh_policy **ret_policy, struct wh_error *e);

/**
 * struct wh_verify_floor - what the runtime itself calls under the filter.
 * @n, @n_measured, @n_lacking: how many calls, how many of them a recording of the bundle has measured, how many the
 * filter does not allow
 * @lacking: the names of the last, with blanks between; or NULL. free() it
 */
struct wh_verify_floor {
	size_t n, n_measured, n_lacking;
	char *lacking;
};

/**
 * wh_verify_floor_check() - run the compiled filter on each call of the floor.
 * Return: 0, with @ret->n 0 where the bundle says nothing of a runtime, or has no trace to know it from.
 */
int wh_verify_floor_check(const struct wh_verify *v, struct wh_verify_floor *ret,
			  struct wh_error *e);

#endif
