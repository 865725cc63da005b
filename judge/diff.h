/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the new side may do that the old did not need, and the other way round. Compared are the
 * policies that follow from two traces, not the raw facts: a temporary file by another name, or a look
 * at a file that no policy asks about, is no news.
 */
#ifndef WHITTLE_JUDGE_DIFF_H
#define WHITTLE_JUDGE_DIFF_H

#include "whittle/syscall.h"
#include "whittle/trace.h"

/** Kinds of privilege. X(identifier, name in output, in words) */
#define WH_DIFF_KIND_LIST(X)                                                                       \
	X(CAPABILITY, "capability", "capabilities")                                                \
	X(SYSCALL, "syscall", "system calls")                                                      \
	X(FILE, "file", "files")                                                                   \
	X(EXEC, "exec", "programs executed")                                                       \
	X(SOCKET, "socket", "sockets")                                                             \
	X(NAMESPACE, "namespace", "namespaces")                                                    \
	X(RULE, "rule", "other AppArmor rules")

enum wh_diff_kind {
#define X(id, name, words) WH_DIFF_##id,
	WH_DIFF_KIND_LIST(X)
#undef X
		WH_DIFF_KINDS
};

const char *wh_diff_kind_name(enum wh_diff_kind kind);
const char *wh_diff_kind_words(enum wh_diff_kind kind);

/**
 * struct wh_diff_entry - one change.
 * @what: "CAP_CHOWN", "mkdir (x86_64)", "/etc/x w", "/bin/sh → /usr/bin/curl" …
 * @why: of the risk, in words
 * @seen: where it comes from: evidence, or the program that did it; "" if there is none
 */
struct wh_diff_entry {
	enum wh_diff_kind kind;
	enum wh_risk risk;
	char *what;
	const char *why;
	char *seen;
};

/**
 * struct wh_diff - both lists are sorted: the worst first, then by kind and name.
 * @widening: what the new side has and the old did not
 * @narrowing: what the old side had and the new has not
 * @notes: what makes the comparison less than whole: gaps, runs cut short, runs under enforcement
 */
struct wh_diff {
	struct wh_diff_entry *widening, *narrowing;
	size_t n_widening, n_narrowing;
	char **notes;
	size_t n_notes;
};

int wh_diff_new(struct wh_trace *old, struct wh_trace *new, struct wh_diff **ret,
		struct wh_error *e);
void wh_diff_free(struct wh_diff *d);
WH_DEFINE_AUTO(diff, struct wh_diff *, wh_diff_free)

/** wh_diff_count() - widenings of that risk. */
size_t wh_diff_count(const struct wh_diff *d, enum wh_risk risk);

#endif
