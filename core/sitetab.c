/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sitetab.h"

#include "core/set.h"

int wh_sitetab_compare(const struct wh_site *a, const struct wh_site *b)
{
	int c;

	if (a == b)
		return 0;
	c = wh_set_compare_strs(a->program, b->program);
	if (c == 0)
		c = wh_set_compare_lists(&a->argv, &b->argv);
	if (c == 0)
		c = wh_set_compare_lists(&a->stack, &b->stack);
	return c;
}

static void free_site(struct wh_site *site)
{
	if (!site)
		return;
	free(site->argv.v);
	free(site->stack.v);
	free(site);
}

static struct wh_site *copy_site(struct wh_trace *t, const struct wh_site *site)
{
	struct wh_site *own = calloc(1, sizeof(*own));

	if (!own)
		return NULL;
	if (site->program && !(own->program = wh_trace_intern(t, site->program)))
		goto fail;
	if (wh_trace_set_list(t, &own->argv, site->argv.v, site->argv.n) < 0 ||
	    wh_trace_set_list(t, &own->stack, site->stack.v, site->stack.n) < 0)
		goto fail;
	return own;
fail:
	free_site(own);
	return NULL;
}

const struct wh_site *wh_sitetab_intern(struct wh_sitetab *tab, struct wh_trace *t,
					const struct wh_site *site)
{
	size_t low = 0, high = tab->n, mid;
	struct wh_site *own, **v;
	int c;

	while (low < high) {
		mid = low + (high - low) / 2;
		c = wh_sitetab_compare(tab->v[mid], site);
		if (c == 0)
			return tab->v[mid];
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (tab->n == tab->cap) {
		v = reallocarray(tab->v, tab->cap ? tab->cap * 2 : 16, sizeof(*v));
		if (!v)
			return NULL;
		tab->v = v;
		tab->cap = tab->cap ? tab->cap * 2 : 16;
	}
	own = copy_site(t, site);
	if (!own)
		return NULL;
	memmove(tab->v + low + 1, tab->v + low, (tab->n - low) * sizeof(*tab->v));
	tab->v[low] = own;
	tab->n++;
	return own;
}

void wh_sitetab_free(struct wh_sitetab *tab)
{
	for (size_t i = 0; i < tab->n; i++)
		free_site(tab->v[i]);
	free(tab->v);
	*tab = (struct wh_sitetab){};
}
