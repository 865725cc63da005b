/* SPDX-License-Identifier: Apache-2.0 */
/* Timers of a task that are descriptors: timerfd_create(2). */
#ifndef WHITTLE_TRACER_TIMER_H
#define WHITTLE_TRACER_TIMER_H

#include "tracer/task.h"

/** wh_timer_wakes() - whether a timer of that clock wakes the machine. */
bool wh_timer_wakes(int clock);

/** wh_timer_fd_wakes() - whether descriptor @fd of @tid is such a timer; @proc_fd: /proc. */
bool wh_timer_fd_wakes(int proc_fd, pid_t tid, int fd);

#endif
