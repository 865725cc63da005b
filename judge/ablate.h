/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a bundle its service can do without, by trying: the least capabilities and system calls with which it
 * still serves its load, each proved by a run without it. What is known is kept in the bundle's ablation.json after
 * each run, and taken up again.
 */
#ifndef WHITTLE_JUDGE_ABLATE_H
#define WHITTLE_JUDGE_ABLATE_H

#include "gen/policy.h"
#include "judge/reduce.h"
#include "judge/verify.h"

/** What can be said of an entry. X(identifier, its word in files and tables) */
#define WH_ABLATE_VERDICT_LIST(X)                                                                  \
	X(UNTRIED, "not tried")                                                                    \
	X(PROVED, "proved")	    /* of the least set, which does not do without it */           \
	X(NOT_NEEDED, "not needed") /* the least set does without it */                            \
	X(UNSTABLE, "unstable")	    /* runs did not agree */

enum wh_ablate_verdict {
#define X(id, name) WH_ABLATE_##id,
	WH_ABLATE_VERDICT_LIST(X)
#undef X
		WH_ABLATE_VERDICTS
};

/** wh_ablate_word() - as in the list. Static. */
const char *wh_ablate_word(enum wh_ablate_verdict verdict);

/**
 * struct wh_ablate_entry - a capability, or all rules of a system call.
 * @cap: its number, -1 for a system call
 * @why: without it, what went wrong; of what is not tried, why not
 * @passed, @failed: runs without it, all else of the least set being there; of what is not needed, runs of the least set
 * @instead: another capability, not in the least set, that would do as well; or NULL
 */
struct wh_ablate_entry {
	const char *name;
	int cap;
	bool tried;
	enum wh_ablate_verdict verdict;
	unsigned passed, failed;
	char why[256];
	const char *instead;
};

/** struct wh_ablate_options - @repeat: runs that must agree, 1 or more. */
struct wh_ablate_options {
	bool caps, syscalls;
	unsigned repeat;
};

/**
 * struct wh_ablate - Read only, but for the modules judge/ablate*.c.
 * @resumed: runs that were known from an earlier call; @anew: why earlier ones do not count, or NULL
 * @ends: how the service ends when it is told to, "" if that differs from run to run
 * @runs, @seconds: of all runs, earlier ones included
 * @finished: parts ("caps", "syscalls") that came to an end
 * @whole: the whole bundle serves each time
 * @least: the set that was found serves each time: @mixed sets went both ways, and @odd never passed, though
 *   less did
 */
struct wh_ablate {
	const struct wh_verify *v;
	const struct wh_verify_request *request;
	struct wh_ablate_options options;
	struct wh_trace *trace; /* the bundle's own, or NULL */
	struct wh_policy *policy;
	struct wh_ablate_entry *entries;
	size_t n_entries;
	struct wh_reduce reduce;
	unsigned resumed, runs;
	char *anew;
	char ends[64];
	double seconds, patience;
	bool finished_caps, finished_syscalls;
	bool whole, least;
	size_t mixed, odd;
};

/**
 * wh_ablate_open() - list the entries, and take up what is known.
 * @v, @request: must outlive it; the request's timeout is the most patience there is
 */
int wh_ablate_open(const struct wh_verify *v, const struct wh_verify_request *request,
		   const struct wh_ablate_options *options, struct wh_ablate **ret,
		   struct wh_error *e);
void wh_ablate_free(struct wh_ablate *a);
WH_DEFINE_AUTO(ablate, struct wh_ablate *, wh_ablate_free)

/**
 * wh_ablate_run() - find the least set. @whole: how the whole bundle has just passed.
 * Return: 0, whatever was found; -EINTR when it was interrupted.
 */
int wh_ablate_run(struct wh_ablate *a, const struct wh_trial_result *whole, struct wh_error *e);

/** wh_ablate_store() - put what was found into the bundle's trace.json and capabilities.json. */
int wh_ablate_store(const struct wh_ablate *a, struct wh_error *e);

/* ---- ablate_state.c: ablation.json ---------------------------------------------------------------- */

/** wh_ablate_state_read() - fill in what is known, if it is of the same bundle, command, load and machine. */
int wh_ablate_state_read(struct wh_ablate *a, struct wh_error *e);
/** wh_ablate_state_parse() - the same from memory; the text is foreign. @any: whatever it is of. */
int wh_ablate_state_parse(struct wh_ablate *a, const char *text, size_t len, bool any,
			  struct wh_error *e);
/** wh_ablate_state_write() - whole or not at all. */
int wh_ablate_state_write(const struct wh_ablate *a, struct wh_error *e);
/** wh_ablate_state_forget() - start anew, and say why. */
int wh_ablate_state_forget(struct wh_ablate *a, const char *why, struct wh_error *e);

#endif
