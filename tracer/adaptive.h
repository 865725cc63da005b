/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The adaptive engine: a thread is stopped at each call, as by the plain one (it is *loud*), until it has
 * stopped often without news. Then it gets a filter of its own that lets pass what has nothing more to
 * tell, and stops for the rest: it is *quiet*.
 *
 * A filter stays for good, and is inherited; but whether a thread is loud is the tracer's choice at each
 * stop, as PTRACE_SYSCALL stops at what a filter lets pass, too. So nothing is ever lost by a filter that
 * has become too wide: a thread is quiet only while each call that its filters let pass is one that was
 * seen of this very program in this very phase, and loud again when that changes: at an execve, at a change
 * of phase, when a socket of another kind appears, when it filters itself.
 */
#ifndef WHITTLE_TRACER_ADAPTIVE_H
#define WHITTLE_TRACER_ADAPTIVE_H

#include "tracer/engine.h"
#include "tracer/follow.h"
#include "tracer/quiet.h"

#define WH_ADAPTIVE_DEPTH   3	/* filters on one thread: each costs time at each call */
#define WH_ADAPTIVE_FILTERS 200 /* in one recording */
#define WH_ADAPTIVE_HEAT    450 /* stops without news … */
#define WH_ADAPTIVE_MS	    250 /* … within this time, and a thread is hot */
#define WH_ADAPTIVE_EXECS   16	/* so many children in a row executed the same program: more will */

/** Why a thread stays loud although it is hot. */
enum wh_adaptive_no {
	WH_ADAPTIVE_MAY,
	WH_ADAPTIVE_NO_RIGHT,	/* neither CAP_SYS_ADMIN nor no_new_privs */
	WH_ADAPTIVE_OWN_FILTER, /* it filters itself */
	WH_ADAPTIVE_NO_MORE,	/* too many filters already */
	WH_ADAPTIVE_REFUSED,	/* the kernel says no */
	WH_ADAPTIVE_NOS
};

/** struct wh_adaptive_task - of a thread; @task->watch. */
struct wh_adaptive_task {
	bool loud;
	bool roused;	 /* PTRACE_INTERRUPT was sent to it */
	bool restarting; /* the restart_syscall that comes is our doing, not the program's */
	bool between;	 /* the entry of a call was seen by a syscall-stop, its return not yet */
	uint8_t depth;	 /* filters of ours on it */
	uint8_t holds;	 /* enum wh_quiet_if: WH_QUIET_IF_COMMON, _STREAMS */
	enum wh_adaptive_no no;
	unsigned heat, late;
	uint64_t heat_ms;		   /* when counting began */
	uint64_t memory;		   /* names its address space */
	const struct wh_quiet_set *passes; /* what its filters let pass; NULL: no filter */
	struct wh_follow follow;	   /* of the call in flight, or of the one that made it */
	pid_t maker;			   /* who made it, until it executes; 0: not known */
	const char *children;		   /* what its children executed last, … */
	unsigned execs;			   /* … and how often in a row */
};

/** struct wh_adaptive - of a recording; @r->watch. */
struct wh_adaptive {
	struct wh_quiet_set known;
	struct wh_quiet_set *sets[2 * WH_ADAPTIVE_FILTERS];
	size_t n_sets;
	unsigned phase, filters, odd_sockets;
	uint16_t data; /* of SECCOMP_RET_TRACE, so that ours is told from a program's own */
	uint64_t memories;
	int base_filters; /* that the tree was started under */
	bool may_no_new_privs, set_no_new_privs;
	uint64_t hushed, roused, passed, remembered, no[WH_ADAPTIVE_NOS];
};

static inline struct wh_adaptive *wh_adaptive_of(const struct wh_recorder *r)
{
	return r->watch;
}

/** wh_adaptive_holds() - whether no call that @t's filters let pass could be news. */
bool wh_adaptive_holds(struct wh_recorder *r, const struct wh_task *task,
		       const struct wh_adaptive_task *t, const struct wh_quiet_item *item);
/** wh_adaptive_fits() - the same for all that its filters let pass; false without a filter. */
bool wh_adaptive_fits(struct wh_recorder *r, const struct wh_task *task,
		      const struct wh_adaptive_task *t);
/**
 * wh_adaptive_hush() - @task is hot, loud, and at the entry of a call that has been decoded: let it be
 * quiet from now on, with one more filter if need be, if that may be.
 * Return: 0 or -ENOMEM.
 */
int wh_adaptive_hush(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t);
/**
 * wh_adaptive_provide() - @task, at the entry of a call that has been decoded, makes children that execute
 * the same program again and again: too short-lived to get hot, they are to inherit a filter that fits it.
 * @task itself is quiet with it only if it fits @task, too. Return: 0 or -ENOMEM.
 */
int wh_adaptive_provide(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t);
/** wh_adaptive_rouse() - @task is loud from its next stop on, which comes soon. */
void wh_adaptive_rouse(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t);
/** wh_adaptive_filters() - how many filters are on @tid, -1 where the kernel does not say. */
int wh_adaptive_filters(struct wh_recorder *r, pid_t tid);

/** wh_adaptive_engine - stops at what could be news; needs no privilege but no_new_privs. */
extern const struct wh_engine wh_adaptive_engine;

#endif
