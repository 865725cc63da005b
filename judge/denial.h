/* SPDX-License-Identifier: Apache-2.0 */
/* What a thread that waits for an answer to its call is about to do. */
#ifndef WHITTLE_JUDGE_DENIAL_H
#define WHITTLE_JUDGE_DENIAL_H

#include "judge/trial.h"

/**
 * wh_denial_look() - the program, the call as text and where it was made, of a thread that waits for its answer. What
 * cannot be read stays empty.
 */
void wh_denial_look(struct wh_denial *d, pid_t tid, const uint64_t arg[6]);

#endif
