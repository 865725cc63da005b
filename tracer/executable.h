/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of executables that give no privilege, so that one which is executed again and again is not
 * looked into each time. Each is told by device, inode and the time of its last change: whoever writes to it,
 * or changes its mode, owner or capabilities, changes that time.
 */
#ifndef WHITTLE_TRACER_EXECUTABLE_H
#define WHITTLE_TRACER_EXECUTABLE_H

#include "tracer/task.h"

/** struct wh_executables - of bounded size. */
struct wh_executables;

/**
 * struct wh_executable - one of them.
 * @loader: as its head names it; "" for none
 * @place: where that led, when it was last resolved; its path is NULL before that
 * @creds: what who had before and after executing it; the groups are none of it
 */
struct wh_executable {
	uint64_t dev, ino, changed;
	char *loader;
	struct wh_place place;
	struct wh_creds creds;
	bool has_creds;
};

/** wh_executables_new() - NULL when memory ran out. */
struct wh_executables *wh_executables_new(void);
void wh_executables_free(struct wh_executables *all);

/** wh_executable_find() - NULL if what is at @place now is not known. */
struct wh_executable *wh_executable_find(struct wh_executables *all, const struct wh_place *place);
/**
 * wh_executable_add() - what is at @place is not known yet, and has no set-id bits and no capabilities. A
 * file that was changed a moment ago is not taken: the next change may leave the time as it is.
 * Return: 0 or -ENOMEM.
 */
int wh_executable_add(struct wh_executables *all, const struct wh_place *place, const char *loader);

/** wh_executable_keeps() - whether @before, of who has executed @known, is what it has now, too. */
bool wh_executable_keeps(const struct wh_recorder *r, const struct wh_executable *known,
			 const struct wh_creds *before);
/** wh_executable_compare() - it was @before, and now is @after: remember it if that is the same. */
void wh_executable_compare(struct wh_executable *known, const struct wh_creds *before,
			   const struct wh_creds *after);

#endif
