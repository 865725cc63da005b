// SPDX-License-Identifier: Apache-2.0
#include "judge/reduce.h"

#define GROW 64

/* ---- the log ------------------------------------------------------------------------------------ */

static bool same(const struct wh_reduce_set *a, const struct wh_reduce_set *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool contains(const struct wh_reduce_set *more, const struct wh_reduce_set *less)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(less->bit); i++) {
		if (less->bit[i] & ~more->bit[i])
			return false;
	}
	return true;
}

static struct wh_reduce_tried *find(const struct wh_reduce *r, const struct wh_reduce_set *kept)
{
	for (size_t i = 0; i < r->n_tried; i++) {
		if (same(&r->tried[i].kept, kept))
			return &r->tried[i];
	}
	return NULL;
}

const struct wh_reduce_tried *wh_reduce_known(const struct wh_reduce *r,
					      const struct wh_reduce_set *kept)
{
	return find(r, kept);
}

void wh_reduce_forget(struct wh_reduce *r)
{
	free(r->tried);
	r->tried = NULL;
	r->n_tried = 0;
}

static int add(struct wh_reduce *r, const struct wh_reduce_set *kept, struct wh_reduce_tried **ret,
	       struct wh_error *e)
{
	struct wh_reduce_tried *more = r->tried;

	if (r->n_tried == WH_REDUCE_TRIED)
		return wh_error_set(e, E2BIG, "more than %d sets were tried", WH_REDUCE_TRIED);
	if (r->n_tried % GROW == 0) {
		more = reallocarray(r->tried, r->n_tried + GROW, sizeof(*more));
		if (!more)
			return wh_error_oom(e);
		r->tried = more;
	}
	*ret = &r->tried[r->n_tried++];
	**ret = (struct wh_reduce_tried){.kept = *kept};
	return 0;
}

int wh_reduce_log(struct wh_reduce *r, const struct wh_reduce_set *kept, bool passed,
		  const char *why, struct wh_error *e)
{
	struct wh_reduce_tried *t = find(r, kept);
	int err = t ? 0 : add(r, kept, &t, e);

	if (err < 0)
		return err;
	if (passed) {
		t->passed++;
	} else {
		t->failed++;
		snprintf(t->why, sizeof(t->why), "%s", why);
	}
	return 0;
}

/* ---- asking ------------------------------------------------------------------------------------- */

static int run(struct wh_reduce *r, const struct wh_reduce_set *kept, struct wh_error *e)
{
	char why[sizeof(r->tried->why)] = "";
	int passed = r->run(r->data, kept, why, sizeof(why), e), err;

	if (passed < 0)
		return passed;
	err = wh_reduce_log(r, kept, passed > 0, why, e);
	return err == 0 && r->logged ? r->logged(r->data, e) : err;
}

int wh_reduce_ask(struct wh_reduce *r, const struct wh_reduce_set *kept, unsigned passes,
		  unsigned fails, enum wh_reduce_verdict *ret, struct wh_error *e)
{
	const struct wh_reduce_set set = *kept; /* may be one of the log's own, which moves */

	for (;;) {
		const struct wh_reduce_tried *t = find(r, &set);
		int err;

		if (t && t->passed && t->failed)
			*ret = WH_REDUCE_MIXED;
		else if (t && t->passed >= passes)
			*ret = WH_REDUCE_PASSES;
		else if (t && t->failed >= fails)
			*ret = WH_REDUCE_FAILS;
		else if ((err = run(r, &set, e)) < 0)
			return err;
		else
			continue;
		return 0;
	}
}

/* ---- searching ---------------------------------------------------------------------------------- */

static size_t drop_all(struct wh_reduce_set *kept, const unsigned *order, size_t n)
{
	size_t dropped = 0;

	for (size_t i = 0; i < n; i++) {
		dropped += wh_reduce_has(kept, order[i]);
		wh_reduce_drop(kept, order[i]);
	}
	return dropped;
}

/* One failure is enough to go on with: whether it says something is asked in the end. */
int wh_reduce_search(struct wh_reduce *r, const unsigned *order, size_t n,
		     struct wh_reduce_set *kept, struct wh_error *e)
{
	struct wh_reduce_set less = *kept;
	enum wh_reduce_verdict verdict;
	int err;

	if (!drop_all(&less, order, n))
		return 0;
	err = wh_reduce_ask(r, &less, r->repeat, 1, &verdict, e);
	if (err < 0)
		return err;
	if (verdict == WH_REDUCE_PASSES) {
		*kept = less;
		return 0;
	}
	if (n == 1)
		return 0;
	err = wh_reduce_search(r, order, n / 2, kept, e);
	return err < 0 ? err : wh_reduce_search(r, order + n / 2, n - n / 2, kept, e);
}

int wh_reduce_prove(struct wh_reduce *r, const unsigned *order, size_t n,
		    struct wh_reduce_set *kept, struct wh_reduce_set *ret_mixed, struct wh_error *e)
{
	bool changed;

	do {
		changed = false;
		memset(ret_mixed, 0, sizeof(*ret_mixed));
		for (size_t i = 0; i < n; i++) {
			struct wh_reduce_set less = *kept;
			enum wh_reduce_verdict verdict;
			int err;

			if (!drop_all(&less, &order[i], 1))
				continue;
			err = wh_reduce_ask(r, &less, r->repeat, r->repeat, &verdict, e);
			if (err < 0)
				return err;
			if (verdict == WH_REDUCE_MIXED) {
				wh_reduce_put(ret_mixed, order[i]);
			} else if (verdict == WH_REDUCE_PASSES) {
				*kept = less;
				changed = true;
			}
		}
	} while (changed);
	return 0;
}

int wh_reduce_confirm(struct wh_reduce *r, const struct wh_reduce_set *kept,
		      enum wh_reduce_verdict *ret, size_t *ret_mixed, size_t *ret_less_is_more,
		      struct wh_error *e)
{
	int err = wh_reduce_ask(r, kept, 2 * r->repeat, 1, ret, e);

	*ret_mixed = *ret_less_is_more = 0;
	for (size_t i = 0; i < r->n_tried && err == 0; i++) {
		enum wh_reduce_verdict verdict = WH_REDUCE_PASSES;

		/* It passes with less: that it did not with more is odd enough to be seen again. */
		if (*ret == WH_REDUCE_PASSES && r->tried[i].failed &&
		    contains(&r->tried[i].kept, kept))
			err = wh_reduce_ask(r, &r->tried[i].kept, r->repeat, r->repeat, &verdict,
					    e);
		*ret_less_is_more += err == 0 && verdict == WH_REDUCE_FAILS;
		*ret_mixed += r->tried[i].passed && r->tried[i].failed;
	}
	return err;
}
