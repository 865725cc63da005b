/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least of a set with which something still works, found by trying: delta debugging, by groups that are
 * halved where they cannot go as a whole. Nothing is taken for granted: that what works with less works with
 * more, or that a trial goes the same way twice. What was tried is a log; given an old one, its answers are
 * not asked for again, so a search that was cut off goes on where it was.
 */
#ifndef WHITTLE_JUDGE_REDUCE_H
#define WHITTLE_JUDGE_REDUCE_H

#include "whittle/error.h"

#define WH_REDUCE_MAX	1024 /* members of a set */
#define WH_REDUCE_TRIED 8192 /* different sets in a log */

/** struct wh_reduce_set - of members 0 … WH_REDUCE_MAX - 1. */
struct wh_reduce_set {
	uint64_t bit[WH_REDUCE_MAX / 64];
};

static inline bool wh_reduce_has(const struct wh_reduce_set *s, unsigned i)
{
	return s->bit[i / 64] >> i % 64 & 1;
}

static inline void wh_reduce_put(struct wh_reduce_set *s, unsigned i)
{
	s->bit[i / 64] |= 1ull << i % 64;
}

static inline void wh_reduce_drop(struct wh_reduce_set *s, unsigned i)
{
	s->bit[i / 64] &= ~(1ull << i % 64);
}

/**
 * struct wh_reduce_tried - how it went with exactly these.
 * @why: of the last time that it did not pass
 */
struct wh_reduce_tried {
	struct wh_reduce_set kept;
	unsigned passed, failed;
	char why[256];
};

enum wh_reduce_verdict {
	WH_REDUCE_FAILS,  /* each time that was asked for */
	WH_REDUCE_PASSES, /* likewise */
	WH_REDUCE_MIXED,  /* once so and once so: nothing can be said */
};

/**
 * struct wh_reduce - a search, and its log.
 * @repeat: runs that must agree before their answer counts
 * @run: one run with exactly @kept; fills in @why, of that size, if it did not pass. Return: 1 passed, 0 did
 *   not, or an error, which ends the search
 * @logged: called after each run, its answer being in the log; may be NULL
 */
struct wh_reduce {
	unsigned repeat;
	int (*run)(void *data, const struct wh_reduce_set *kept, char *ret_why, size_t size,
		   struct wh_error *e);
	int (*logged)(void *data, struct wh_error *e);
	void *data;
	struct wh_reduce_tried *tried;
	size_t n_tried;
};

/** wh_reduce_log() - add an answer to the log. Return: 0, -ENOMEM, -E2BIG. */
int wh_reduce_log(struct wh_reduce *r, const struct wh_reduce_set *kept, bool passed,
		  const char *why, struct wh_error *e);
/** wh_reduce_known() - what the log has of a set, or NULL; valid until the next run. */
const struct wh_reduce_tried *wh_reduce_known(const struct wh_reduce *r,
					      const struct wh_reduce_set *kept);
/** wh_reduce_forget() - drop the log, and free it. */
void wh_reduce_forget(struct wh_reduce *r);

/** wh_reduce_ask() - run it until it has passed @passes or failed @fails times, or both once. */
int wh_reduce_ask(struct wh_reduce *r, const struct wh_reduce_set *kept, unsigned passes,
		  unsigned fails, enum wh_reduce_verdict *ret, struct wh_error *e);

/**
 * wh_reduce_search() - take away what can go, all of it if possible, else halves of it, and so on.
 * @order: the members that may go; of two of which one must stay, the first goes
 * @kept: what is kept; with less in it afterwards
 */
int wh_reduce_search(struct wh_reduce *r, const unsigned *order, size_t n,
		     struct wh_reduce_set *kept, struct wh_error *e);

/**
 * wh_reduce_prove() - see of each member of @order that is in @kept that it does not pass without it alone; what
 * it does pass without goes, and the others are tried again.
 * @ret_mixed: those without which it passed and failed; they stay
 */
int wh_reduce_prove(struct wh_reduce *r, const unsigned *order, size_t n,
		    struct wh_reduce_set *kept, struct wh_reduce_set *ret_mixed,
		    struct wh_error *e);

/**
 * wh_reduce_confirm() - run what is left twice as often as other answers want, and what did not pass with more than
 * that again.
 * @ret: of @kept itself
 * @ret_mixed: sets in the log that went both ways
 * @ret_less_is_more: sets that never pass, though @kept does, which has less
 */
int wh_reduce_confirm(struct wh_reduce *r, const struct wh_reduce_set *kept,
		      enum wh_reduce_verdict *ret, size_t *ret_mixed, size_t *ret_less_is_more,
		      struct wh_error *e);

#endif
