/* SPDX-License-Identifier: Apache-2.0 */
#include "core/strtab.h"

/* FNV-1a: short keys, and what an attacker could slow down is capped by the limits on facts. */
uint64_t wh_strtab_hash(const char *s, uint64_t seed)
{
	uint64_t h = seed ^ 0xcbf29ce484222325u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	return h ^ (h >> 29);
}

static size_t find_slot(const struct wh_strtab *tab, const char *s)
{
	size_t i = wh_strtab_hash(s, 0) & (tab->slots - 1);

	while (tab->slot[i] && strcmp(tab->slot[i], s) != 0)
		i = (i + 1) & (tab->slots - 1);
	return i;
}

static int grow(struct wh_strtab *tab)
{
	struct wh_strtab bigger = {.slots = tab->slots ? tab->slots * 2 : 256, .n = tab->n};

	bigger.slot = calloc(bigger.slots, sizeof(*bigger.slot));
	if (!bigger.slot)
		return -ENOMEM;
	for (size_t i = 0; i < tab->slots; i++)
		if (tab->slot[i])
			bigger.slot[find_slot(&bigger, tab->slot[i])] = tab->slot[i];
	free(tab->slot);
	*tab = bigger;
	return 0;
}

const char *wh_strtab_intern(struct wh_strtab *tab, const char *s)
{
	size_t i;

	if (tab->n * 2 >= tab->slots && grow(tab) < 0)
		return NULL;
	i = find_slot(tab, s);
	if (!tab->slot[i]) {
		tab->slot[i] = strdup(s);
		if (tab->slot[i])
			tab->n++;
	}
	return tab->slot[i];
}

void wh_strtab_free(struct wh_strtab *tab)
{
	for (size_t i = 0; i < tab->slots; i++)
		free(tab->slot[i]);
	free(tab->slot);
	*tab = (struct wh_strtab){};
}
