/* SPDX-License-Identifier: Apache-2.0 */
/* From a set of quiet calls to the seccomp filter that lets them pass and stops for all others. */
#ifndef WHITTLE_TRACER_GATE_H
#define WHITTLE_TRACER_GATE_H

#include <linux/filter.h>

#include "tracer/code.h"
#include "tracer/quiet.h"

/**
 * wh_gate_compile() - the filter: SECCOMP_RET_ALLOW for what @set holds, else SECCOMP_RET_TRACE with
 * @data, which also all other ABIs get. Numbers are found by halving, and arguments are loaded only
 * where they decide, so that the kernel keeps the answer for all other numbers in its bitmap
 * (seccomp_cache_prepare() in kernel/seccomp.c).
 * @ret_filter: filter->filter is the caller's to free
 * Return: 0; -ENOMEM; -E2BIG when it would be longer than the kernel takes; -ENOTSUP on a machine whose
 * ABI it does not know.
 */
int wh_gate_compile(const struct wh_quiet_set *set, uint16_t data, struct sock_fprog *ret_filter);

/**
 * wh_gate_compile_by_code() - the same with two sets: @inside is for calls made from @code, @outside for
 * those from anywhere else. Vsyscalls, which are made from the kernel's page, are in neither.
 */
int wh_gate_compile_by_code(const struct wh_code *code, const struct wh_quiet_set *inside,
			    const struct wh_quiet_set *outside, uint16_t data,
			    struct sock_fprog *ret_filter);

#endif
