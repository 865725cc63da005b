/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's own log as a source of facts: what AppArmor and seccomp refused, or let pass and wrote down. A log knows
 * nothing else, so its trace is there to be merged with a recording.
 */
#ifndef WHITTLE_AUDIT_H
#define WHITTLE_AUDIT_H

#include <time.h>

#include "whittle/trace.h"

struct wh_audit;

struct wh_audit *wh_audit_new(void);
void wh_audit_free(struct wh_audit *a);
WH_DEFINE_AUTO(audit, struct wh_audit *, wh_audit_free)

/**
 * wh_audit_read() - keep the lines of a log that are audit records of AppArmor or seccomp; its text is foreign.
 * @source: what it is called in evidence ("dmesg", a file's name)
 * Return: 0; -EFBIG when there are more of them than are kept; the errno of reading.
 */
int wh_audit_read(struct wh_audit *a, FILE *f, const char *source, struct wh_error *e);

/**
 * struct wh_audit_options - which records count.
 * @profile: of that AppArmor profile and those below it (PROFILE//child); NULL: of the one that there is; of none if
 *   there are several and @program is given
 * @program: and seccomp's of that executable, whatever its label; NULL: those with the profile's label, or all if no record
 *   has one and all are of one executable
 * @since: not before (seconds since 1970); 0: all. A record without a time counts.
 */
struct wh_audit_options {
	const char *profile, *program;
	int64_t since;
};

/**
 * struct wh_audit_summary - what became of the records.
 * @others: records of other profiles and programs, which were left out; @other_names: whose, the first few, for a message
 */
struct wh_audit_summary {
	size_t denied, allowed, seccomp, repeated, early, unread, lost, others;
	char profile[256], other_names[256];
};

/**
 * wh_audit_trace() - facts of phase audit, with a run that stands for the log. What cannot be understood is a gap.
 * The same records give the same trace, in whatever order and however often they were read, but for where they were found.
 * Return: 0; -EINVAL when it is not clear which profile is meant: @e names those that there are.
 */
int wh_audit_trace(struct wh_audit *a, const struct wh_audit_options *options,
		   struct wh_trace **ret, struct wh_audit_summary *ret_summary, struct wh_error *e);

/** wh_audit_since() - "90", "30s", "5m", "2h", "3d" ago (from @now), "@SECONDS", or "YYYY-MM-DD[ HH:MM[:SS]]" in UTC. */
int wh_audit_since(const char *text, time_t now, int64_t *ret, struct wh_error *e);

#endif
