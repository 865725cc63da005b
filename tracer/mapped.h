/* SPDX-License-Identifier: Apache-2.0 */
/* The file behind a mapping of a task. */
#ifndef WHITTLE_TRACER_MAPPED_H
#define WHITTLE_TRACER_MAPPED_H

#include "tracer/procfs.h"
#include "tracer/symbol.h"
#include "tracer/task.h"

/**
 * wh_mapped_open() - open it to look up symbols. The kernel hands out the mapped file itself, whatever stands at
 * its path by now, in this mount namespace or in that of the task: /proc/PID/map_files of proc(5). Who may not use
 * that (it takes CAP_CHECKPOINT_RESTORE) looks for a file of that name, device and inode.
 * @ret_readable: whether @ret is open, and to be closed
 *
 * Return: false when only some other file of that name could be had, whose symbols would make a stack that
 * never was.
 */
bool wh_mapped_open(struct wh_recorder *r, struct wh_task *task, const struct wh_procfs_map *map,
		    struct wh_symbols *ret, bool *ret_readable);

#endif
