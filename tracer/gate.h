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

#define WH_GATE_TOLD 8

/**
 * struct wh_gate_told - calls of number @nr are to be told of, …
 * @flags: … unless this argument (from 0) has bits of @stop: then they stop; -1: all
 */
struct wh_gate_told {
	uint16_t nr;
	int8_t flags;
	uint32_t stop;
};

/**
 * wh_gate_compile_told() - a further filter, which lets all pass that the others let pass, but has calls
 * of @told answered SECCOMP_RET_USER_NOTIF unless one of the sets holds them. That takes precedence over
 * what the others say of them (seccomp(2)). Return: as wh_gate_compile().
 */
int wh_gate_compile_told(const struct wh_gate_told *told, size_t n,
			 const struct wh_quiet_set *inside, const struct wh_quiet_set *outside,
			 uint16_t data, struct sock_fprog *ret_filter);

#endif
