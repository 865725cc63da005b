/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that have nothing more to tell: what a seccomp filter may let pass without a stop, because
 * neither the arguments that a filter can see nor the result could make a new fact. Native ABI only.
 */
#ifndef WHITTLE_TRACER_QUIET_H
#define WHITTLE_TRACER_QUIET_H

#include "tracer/task.h"

#define WH_QUIET_ARGS 3 /* arguments that tell such calls apart, at most */

/** What must hold besides; bits. */
enum wh_quiet_if {
	WH_QUIET_IF_MEMORY = 1 << 0,  /* the address space is the one that it was learnt in */
	WH_QUIET_IF_COMMON = 1 << 1,  /* no socket is of another family than inet, inet6 and unix */
	WH_QUIET_IF_STREAMS = 1 << 2, /* the process has no socket but inet and inet6 streams */
	WH_QUIET_IF_UNMARKED = 1 << 3, /* it lacks what control data of a stream may ask for */
	WH_QUIET_IF_UNBOUND = 1 << 4,  /* it lacks what lets it make more processes than it may */
	WH_QUIET_IF_TIMERS = 1 << 5,   /* the process has no timer that wakes the machine */
};

/**
 * struct wh_quiet_item - calls of number @nr whose arguments in @args (bit 0: the first) have these
 * values, in order. @args 0 and @high 0: all of them.
 * @high: arguments, none of @args, that are 4 GB or more
 * @memory: of WH_QUIET_IF_MEMORY: which address space
 */
struct wh_quiet_item {
	uint16_t nr;
	uint8_t args, high, conditions;
	uint64_t memory;
	uint64_t value[WH_QUIET_ARGS];
};

/** struct wh_quiet_set - sorted, each once. All zero is the empty set. */
struct wh_quiet_set {
	struct wh_quiet_item *v;
	size_t n, size;
};

/**
 * wh_quiet_ask() - what @task->call, in flight and about to be decoded to its end, says of calls like
 * it.
 * @memory: names the address space of the task
 * @known: what was learnt so: what costs much to check is not checked again
 * Return: whether there is such an item.
 */
bool wh_quiet_ask(struct wh_recorder *r, const struct wh_task *task, uint64_t memory,
		  const struct wh_quiet_set *known, struct wh_quiet_item *ret_item);

/**
 * wh_quiet_may() - whether calls of that row are quiet with some arguments. The result of one that is
 * may not be seen, unless it is the first of its kind.
 */
bool wh_quiet_may(const struct wh_syscall_row *row);

/* ---- for who sees more than a filter does ---------------------------------------------------- */

/** What else tells such calls apart. */
enum wh_quiet_look {
	WH_QUIET_LOOK_SOCKET = 1 << 0, /* family, type and protocol of the socket in argument 0 */
	WH_QUIET_LOOK_MESSAGE =
		1 << 1, /* whether the struct msghdr in argument 1 has name and control */
	WH_QUIET_LOOK_EVENT = 1 << 2,  /* EPOLLWAKEUP in the struct epoll_event in argument 3 */
	WH_QUIET_LOOK_MAPPED = 1 << 3, /* of an mmap() its file, and whether its address is low */
	WH_QUIET_LOOK_CREDS = 1 << 4,  /* who asks */
	WH_QUIET_LOOK_TIMER = 1 << 5,  /* the clock of the timer in argument 0 */
};

/**
 * struct wh_quiet_test - a half of an argument, masked, has this value.
 * @half: twice the argument's number, plus 1 for the upper half
 */
struct wh_quiet_test {
	uint32_t half, mask, value;
};

#define WH_QUIET_TESTS 3

/**
 * struct wh_quiet_watch - calls that can just as well be decoded when they have returned.
 * @args, @look: what tells them apart: arguments, and more
 * @tests, @n: which of them, where not all: those that pass all tests of one of these rows (a mask of
 *   0 is a test that all pass); the others must be seen before they are made
 */
struct wh_quiet_watch {
	uint8_t args, look, n;
	const struct wh_quiet_test (*tests)[WH_QUIET_TESTS];
};

/**
 * struct wh_quiet_seen - what was seen of a call that has returned.
 * @err: positive errno, or 0
 * @family, @type: 0 where it is no socket
 */
struct wh_quiet_seen {
	int err, family, type;
	bool name, control;
};

/** wh_quiet_watch() - NULL where calls of @row must be seen before they are made, or are plain. */
const struct wh_quiet_watch *wh_quiet_watch(const struct wh_syscall_row *row);
/**
 * wh_quiet_watched() - @task->call, which has such a row and was just decoded at its entry, will have told
 * all that calls like it have to tell when it is decoded to its end.
 */
bool wh_quiet_watched(struct wh_recorder *r, const struct wh_task *task,
		      const struct wh_quiet_seen *seen);

/* ---- sets ------------------------------------------------------------------------------------ */

/** wh_quiet_add() - Return: 1 new, 0 known, -ENOMEM; -ENOSPC when it has a great many already. */
int wh_quiet_add(struct wh_quiet_set *set, const struct wh_quiet_item *item);
bool wh_quiet_has(const struct wh_quiet_set *set, const struct wh_quiet_item *item);
/** wh_quiet_covers() - whether @set lets all calls of @item pass: it, or all of its number, is there. */
bool wh_quiet_covers(const struct wh_quiet_set *set, const struct wh_quiet_item *item);
/** wh_quiet_both() - into the empty @ret: what @a and @b both let pass. Return: 0 or -ENOMEM. */
int wh_quiet_both(struct wh_quiet_set *ret, const struct wh_quiet_set *a,
		  const struct wh_quiet_set *b);
void wh_quiet_clear(struct wh_quiet_set *set);

#endif
