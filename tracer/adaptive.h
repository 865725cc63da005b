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
 *
 * Short-lived children cannot get hot. Who makes them gets a filter that they inherit, with two sets: one
 * for calls made from the code of the maker (its own, and what its forked copies do before they execute), one
 * for calls made from elsewhere, which fits the programs that the children execute. That nothing else has
 * code where the maker has is looked at when a child has executed, and at each call that makes memory
 * executable: these always stop.
 */
#ifndef WHITTLE_TRACER_ADAPTIVE_H
#define WHITTLE_TRACER_ADAPTIVE_H

#include "tracer/engine.h"
#include "tracer/code.h"
#include "tracer/follow.h"
#include "tracer/gate.h"
#include "tracer/quiet.h"

#define WH_ADAPTIVE_DEPTH    3	 /* filters on one thread: each costs time at each call */
#define WH_ADAPTIVE_FILTERS  200 /* in one recording */
#define WH_ADAPTIVE_HEAT     450 /* stops without news … */
#define WH_ADAPTIVE_MS	     250 /* … within this time, and a thread is hot */
#define WH_ADAPTIVE_EXECS    16	 /* so many children executed programs that are known: more will */
#define WH_ADAPTIVE_CHILDREN 4	 /* different programs */
#define WH_ADAPTIVE_HELD     32	 /* threads that wait until a change is over */

/** Why a thread stays loud although it is hot. */
enum wh_adaptive_no {
	WH_ADAPTIVE_MAY,
	WH_ADAPTIVE_NO_RIGHT,	/* neither CAP_SYS_ADMIN nor no_new_privs */
	WH_ADAPTIVE_OWN_FILTER, /* it filters itself */
	WH_ADAPTIVE_NO_MORE,	/* too many filters already */
	WH_ADAPTIVE_REFUSED,	/* the kernel says no */
	WH_ADAPTIVE_NOS
};

/**
 * struct wh_adaptive_gate - what the filters of a thread let pass, taken together; shared.
 * @home: names the address space whose code is @code; 0: no filter asks where a call is made from, and
 *   @outside is for all
 * @spoiled: there is other code at home by now
 */
struct wh_adaptive_gate {
	uint64_t home;
	bool spoiled;
	struct wh_code code;
	struct wh_quiet_set inside, outside; /* for calls from @code, and from anywhere else */
};

/** struct wh_adaptive_task - of a thread; @task->watch. */
struct wh_adaptive_task {
	bool loud;
	bool roused;	 /* PTRACE_INTERRUPT was sent to it */
	bool restarting; /* the restart_syscall that comes is our doing, not the program's */
	bool between;	 /* the entry of a call was seen by a syscall-stop, its return not yet */
	bool apart;	 /* away from home, there is no code where home had some */
	bool moves;	 /* the call in flight may have put code anywhere */
	uint8_t depth;	 /* filters of ours on it */
	uint8_t holds;	 /* enum wh_quiet_if, but for WH_QUIET_IF_MEMORY */
	enum wh_adaptive_no no;
	unsigned heat, late;
	uint64_t heat_ms; /* when counting began */
	uint64_t memory;  /* names its address space; a forked copy has the same name */
	struct wh_adaptive_gate *gate; /* what its filters let pass; NULL: no filter */
	struct wh_follow follow;       /* of the call in flight, or of the one that made it */
	pid_t maker;		       /* who made it, until it executes; 0: not known */
	const char *children[WH_ADAPTIVE_CHILDREN]; /* programs that its children executed, … */
	unsigned n_children, execs;		    /* … and how often since a new one came */
	struct wh_code child;			    /* where one of them has its code */
	/* tracer/adaptive_notify.c: */
	bool tells;    /* one of its filters has a listener */
	bool listened; /* it has been tried to get it one; not again */
	bool wants;    /* one, at the next entry of a call */
	bool look;     /* it stops at the next entry */
	bool let_go;   /* the call in flight was told to go on after a stop */
	uint8_t n_told;
	uint16_t told[WH_GATE_TOLD]; /* known calls with a path: their numbers */
	unsigned asked, unknown;     /* how often they came, and were not known after all */
	uint64_t asked_ms;	     /* when counting began */
};

/** struct wh_adaptive - of a recording; @r->watch. */
struct wh_adaptive {
	struct wh_quiet_set known;
	struct wh_adaptive_gate *gates[WH_ADAPTIVE_FILTERS];
	size_t n_gates;
	bool by_code;	 /* some filter asks where a call is made from */
	bool no_by_code; /* what is readable may be executable here */
	unsigned phase, filters, odd_sockets;
	uint16_t data; /* of SECCOMP_RET_TRACE, so that ours is told from a program's own */
	uint64_t memories;
	int base_filters; /* that the tree was started under */
	bool may_no_new_privs, set_no_new_privs;
	bool notify_works; /* listeners can be had … */
	bool no_listener;  /* … but are no better than stops */
	unsigned listeners;
	struct wh_notified held[WH_ADAPTIVE_HELD]; /* to be answered when no change is in flight */
	size_t n_held;
	bool hold_no_more; /* a change takes long */
	uint64_t told[8];  /* bits: numbers that some filter tells of */
	uint64_t hushed, roused, passed, provided, remembered, no[WH_ADAPTIVE_NOS];
};

static inline struct wh_adaptive *wh_adaptive_of(const struct wh_recorder *r)
{
	return r->watch;
}

/* ---- tracer/adaptive_tree.c ------------------------------------------------------------------ */

/** wh_adaptive_state() - what is known of @task, made if need be; NULL when memory ran out. */
struct wh_adaptive_task *wh_adaptive_state(struct wh_recorder *r, struct wh_task *task);
/** wh_adaptive_born(), wh_adaptive_executed() - of struct wh_engine. */
int wh_adaptive_born(struct wh_recorder *r, struct wh_task *task, struct wh_task *maker);
int wh_adaptive_executed(struct wh_recorder *r, struct wh_task *task);

/* ---- tracer/adaptive_gate.c ------------------------------------------------------------------ */

/** wh_adaptive_seen() - whether @program has made calls of number @nr in this phase. */
bool wh_adaptive_seen(struct wh_recorder *r, const char *program, uint16_t nr);
/** wh_adaptive_holds() - whether no call of @item, made by @task, could be news. */
bool wh_adaptive_holds(struct wh_recorder *r, const struct wh_task *task,
		       const struct wh_adaptive_task *t, const struct wh_quiet_item *item);
/** wh_adaptive_unclear() - whether its filters ask where a call is made from, and that says nothing here. */
bool wh_adaptive_unclear(const struct wh_adaptive_task *t);
/** wh_adaptive_fits() - the same for all that its filters let pass; false without a filter. */
bool wh_adaptive_fits(struct wh_recorder *r, const struct wh_task *task,
		      const struct wh_adaptive_task *t);
/**
 * wh_adaptive_compose() - into *ret_gate what is let pass when a filter for @wanted is put on top of
 * those for @below, which may be NULL. The sets of @wanted are used up.
 * Return: 1; 0: that cannot be said; -ENOMEM. All but 1: *ret_gate is NULL.
 */
int wh_adaptive_compose(const struct wh_adaptive_gate *below, struct wh_adaptive_gate *wanted,
			struct wh_adaptive_gate **ret_gate);
void wh_adaptive_gate_free(struct wh_adaptive_gate *gate);
/** wh_adaptive_arrive() - @task has executed: is its new code apart from that of its filters' home? */
void wh_adaptive_arrive(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t);
/**
 * wh_adaptive_code_entered() - @task's call in flight, just decoded, may change where code is: those whom
 * that concerns are loud from now on. Return: whether its return has to be seen, for the next one.
 */
bool wh_adaptive_code_entered(struct wh_recorder *r, struct wh_task *task,
			      struct wh_adaptive_task *t);
/** wh_adaptive_code_left() - that call has returned. */
void wh_adaptive_code_left(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t);
/**
 * wh_adaptive_home() - where @task's code is, for a filter that asks.
 * Return: whether there can be such a filter.
 */
bool wh_adaptive_home(struct wh_recorder *r, struct wh_task *task, const struct wh_adaptive_task *t,
		      struct wh_code *ret_code);

/* ---- tracer/adaptive_hush.c ------------------------------------------------------------------ */

/**
 * wh_adaptive_hush() - @task is hot, loud, and at the entry of a call that has been decoded: let it be
 * quiet from now on, with one more filter if need be, if that may be.
 * Return: 0 or -ENOMEM.
 */
int wh_adaptive_hush(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t);
/**
 * wh_adaptive_provide() - @task, at the entry of a call that has been decoded, makes children that execute
 * the same few programs again and again: too short-lived to get hot, they are to inherit a filter that fits
 * all of these, and what @task itself and its forked copies do until they execute. Return: 0 or -ENOMEM.
 */
int wh_adaptive_provide(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t);
/** wh_adaptive_rouse() - @task is loud from its next stop on, which comes soon. */
void wh_adaptive_rouse(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t);
/** wh_adaptive_allowed() - may it have one more filter? WH_ADAPTIVE_MAY, or why not. */
enum wh_adaptive_no wh_adaptive_allowed(struct wh_recorder *r, struct wh_task *task,
					const struct wh_adaptive_task *t, bool *ret_no_new_privs);
/** wh_adaptive_filters() - how many filters are on @tid, -1 where the kernel does not say. */
int wh_adaptive_filters(struct wh_recorder *r, pid_t tid);

/** wh_adaptive_notify_start() - Return: 0 or -ENOMEM. */
int wh_adaptive_notify_start(struct wh_recorder *r);
/** wh_adaptive_asked() - a quiet thread was stopped for a call that may have a path: was it known by that? */
void wh_adaptive_asked(struct wh_recorder *r, struct wh_adaptive_task *t, uint64_t nr, bool known);
/**
 * wh_adaptive_listen() - @task, at the entry of a call that has been decoded, has asked for known paths
 * often: let it wait for answers instead of stopping, if that can be. Return: 0, -ENOMEM; -EIO when it can
 * neither be answered nor stopped any more.
 */
int wh_adaptive_listen(struct wh_recorder *r, struct wh_task *task, struct wh_adaptive_task *t);
/** wh_adaptive_notified(), wh_adaptive_signal() - of struct wh_engine. */
int wh_adaptive_notified(struct wh_recorder *r, const struct wh_notified *n);
int wh_adaptive_signal(struct wh_recorder *r, struct wh_task *task, int sig, int *ret_sig);
/**
 * wh_adaptive_unhold() - a call has returned, or (@late) some time has gone by: answer those who wait for
 * the end of a change, if it is over, or late. Return: 0 or -ENOMEM.
 */
int wh_adaptive_unhold(struct wh_recorder *r, bool late);
/** wh_adaptive_refused() - a call has returned: was a listener refused because of ours? 0 or -ENOMEM. */
int wh_adaptive_refused(struct wh_recorder *r, struct wh_task *task,
			const struct wh_adaptive_task *t, const struct __ptrace_syscall_info *info);
/** wh_adaptive_finish() - of struct wh_engine. */
int wh_adaptive_finish(struct wh_recorder *r, struct wh_run *run);

/** wh_adaptive_engine - stops at what could be news; needs no privilege but no_new_privs. */
extern const struct wh_engine wh_adaptive_engine;

#endif
