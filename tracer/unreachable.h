/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a file is one of the mount namespace in which a task is. What was opened elsewhere and handed in, or whose
 * mount is gone, has a path from some other root: the same text may well name another file in here.
 */
#ifndef WHITTLE_TRACER_UNREACHABLE_H
#define WHITTLE_TRACER_UNREACHABLE_H

#include "tracer/task.h"

/**
 * wh_unreachable_is() - whether the file at @path below @dir (as of statx(), flags @flags) is on no mount of
 * the task's mount namespace. Only asked of tasks in another one than ours; where it cannot be told, the answer
 * is no.
 */
bool wh_unreachable_is(struct wh_recorder *r, const struct wh_task *task, int dir, const char *path,
		       int flags);

#endif
