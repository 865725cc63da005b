/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which capability a call used: the kernel's own permission rules, evaluated again on what was seen.
 *
 * A kernel probe of cap_capable() only says that the question was asked; it is asked in vain all
 * the time. Here a capability counts when the call would not have gone through without it.
 */
#ifndef WHITTLE_TRACER_CAPRULE_H
#define WHITTLE_TRACER_CAPRULE_H

#include "tracer/task.h"

/**
 * wh_caprule_enter() - a look at what the rule needs as it is before the call (the target of a kill,
 * the old credentials of a setuid). Called by decode after the call's places are filled.
 */
int wh_caprule_enter(struct wh_recorder *r, struct wh_task *task);

/**
 * wh_caprule_exit() - the call has returned: put what it used, or failed for want of, into the trace.
 * Called by decode before stale credentials are forgotten.
 */
int wh_caprule_exit(struct wh_recorder *r, struct wh_task *task);

/** wh_caprule_reset() - free what a call holds for its rule. */
void wh_caprule_reset(struct wh_call *call);

/** wh_caprule_ioctl_asks() - whether any ioctl() with that request may need a capability. */
bool wh_caprule_ioctl_asks(uint32_t request);
/** wh_caprule_net_asks() - the same for a socket option. */
bool wh_caprule_net_asks(int level, int option);

/** wh_caprule_net_answers() - the same for what getsockopt() is asked for. */
bool wh_caprule_net_answers(int level, int option);

/** wh_caprule_ended() - @task is at PTRACE_EVENT_EXIT: what only its end shows. Return: 0 or -ENOMEM. */
int wh_caprule_ended(struct wh_recorder *r, struct wh_task *task);

/** wh_caprule_executed() - @process is another program now: what it was refused did not end it. */
void wh_caprule_executed(struct wh_process *process);

/**
 * wh_caprule_afterwards() - what no rule could tell beforehand: @task->call, which has its result, took @cap.
 * @held: it was held then, whatever is now
 * Return: 0 or -ENOMEM.
 */
int wh_caprule_afterwards(struct wh_recorder *r, struct wh_task *task, int cap, bool held,
			  enum wh_strength strength, const char *what);

/** wh_caprule_fork_asks() - whether it may take a capability of @task that it makes another process. */
bool wh_caprule_fork_asks(const struct wh_task *task);
/** wh_caprule_marks() - whether @task has a capability that control data of a stream's message asks for. */
bool wh_caprule_marks(const struct wh_task *task);

/** wh_caprule_known() - whether a row of the syscall table names a rule that exists. */
bool wh_caprule_known(const char *name);

/** wh_caprule_covers() - whether some rule can ever give this capability; for the test of the table. */
bool wh_caprule_covers(const char *cap);

#endif
