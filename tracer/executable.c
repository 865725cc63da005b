// SPDX-License-Identifier: Apache-2.0
#include "tracer/executable.h"

#include <time.h>

#include "tracer/path.h"

#define ENTRIES 64 /* a power of two; a new one takes the place of the old one in its slot */
#define SETTLED 2000000000LL /* ns: file systems count time in steps of up to that */

struct wh_executables {
	struct wh_executable v[ENTRIES];
};

static void clear(struct wh_executable *e)
{
	free(e->loader);
	wh_path_clear(&e->place);
	memset(e, 0, sizeof(*e));
}

struct wh_executables *wh_executables_new(void)
{
	return calloc(1, sizeof(struct wh_executables));
}

void wh_executables_free(struct wh_executables *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < ENTRIES; i++)
		clear(&all->v[i]);
	free(all);
}

static struct wh_executable *slot_of(struct wh_executables *all, const struct wh_place *place)
{
	uint64_t h = (place->dev * 31 + place->ino) * 0x9e3779b97f4a7c15u;

	return &all->v[h >> 32 & (ENTRIES - 1)];
}

struct wh_executable *wh_executable_find(struct wh_executables *all, const struct wh_place *place)
{
	struct wh_executable *e = slot_of(all, place);

	return e->loader && e->dev == place->dev && e->ino == place->ino &&
			       e->changed == place->changed
		       ? e
		       : NULL;
}

int wh_executable_add(struct wh_executables *all, const struct wh_place *place, const char *loader)
{
	struct wh_executable *e = slot_of(all, place);
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if ((int64_t)now.tv_sec * 1000000000 + now.tv_nsec - (int64_t)place->changed < SETTLED)
		return 0;
	clear(e);
	e->loader = strdup(loader);
	if (!e->loader)
		return -ENOMEM;
	e->dev = place->dev;
	e->ino = place->ino;
	e->changed = place->changed;
	return 0;
}

/* All but the groups, which executing leaves as they are. */
static bool same(const struct wh_creds *a, const struct wh_creds *b)
{
	return a->ruid == b->ruid && a->euid == b->euid && a->suid == b->suid &&
	       a->fsuid == b->fsuid && a->rgid == b->rgid && a->egid == b->egid &&
	       a->sgid == b->sgid && a->fsgid == b->fsgid && a->effective == b->effective &&
	       a->permitted == b->permitted && a->inheritable == b->inheritable &&
	       a->bounding == b->bounding && a->ambient == b->ambient &&
	       a->no_new_privs == b->no_new_privs && a->userns == b->userns;
}

/* Who is root, and what that means, is each user namespace's own, and securebits are not to be seen. */
bool wh_executable_keeps(const struct wh_recorder *r, const struct wh_executable *known,
			 const struct wh_creds *before)
{
	return known->has_creds && !r->securebits && before->userns == r->home.ino &&
	       same(&known->creds, before);
}

void wh_executable_compare(struct wh_executable *known, const struct wh_creds *before,
			   const struct wh_creds *after)
{
	if (!same(before, after))
		return;
	known->creds = *after;
	known->creds.groups = NULL;
	known->creds.n_groups = 0;
	known->has_creds = true;
}
