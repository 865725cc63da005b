/* SPDX-License-Identifier: Apache-2.0 */
/* Between policy.c and policy-*.c only. Each step returns 0, or -errno with @e set. */
#ifndef WHITTLE_GEN_POLICY_INTERNAL_H
#define WHITTLE_GEN_POLICY_INTERNAL_H

#include "gen/policy.h"
#include "whittle/buf.h"
#include "whittle/syscall.h"

int wh_policy_floor_runtime(struct wh_policy *p, const char *wanted, struct wh_error *e);
int wh_policy_syscalls(struct wh_policy *p, struct wh_error *e);
int wh_policy_action(struct wh_policy *p, const struct wh_policy_options *options,
		     struct wh_error *e);
int wh_policy_args(struct wh_policy *p, struct wh_error *e);
int wh_policy_floor(struct wh_policy *p, struct wh_error *e);
int wh_policy_caps(struct wh_policy *p, struct wh_error *e);
void wh_policy_sort_caps(struct wh_policy *p); /* by name */
int wh_policy_evidence(struct wh_policy *p, struct wh_error *e);
int wh_policy_files(struct wh_policy *p, struct wh_error *e);
int wh_policy_rules(struct wh_policy *p, struct wh_error *e);
int wh_policy_mounts(struct wh_policy *p, struct wh_error *e);
int wh_policy_links(struct wh_policy *p, struct wh_error *e);
int wh_policy_run(struct wh_policy *p, struct wh_error *e);
int wh_policy_writable(struct wh_policy *p, struct wh_error *e);
int wh_policy_user(struct wh_policy *p, struct wh_error *e);
int wh_policy_unit(struct wh_policy *p, struct wh_error *e);
/** wh_policy_peers() - of one of the profiles: what it does to processes, with those of the others. */
int wh_policy_peers(struct wh_policy *p, struct wh_error *e);

/** wh_policy_signal_word() - AppArmor's word for a signal that was sent; false: it needs no rule. */
bool wh_policy_signal_word(const struct wh_signal *s, struct wh_buf *word);
/** wh_policy_ptrace_word() - "trace" or "read", or NULL: it needs no rule. */
const char *wh_policy_ptrace_word(const struct wh_ptrace *s);
/** wh_policy_proc_guarded() - a file of a process that the kernel shows only to who may trace it. */
bool wh_policy_proc_guarded(const char *path);

/** What a profile's name is made of. */
#define WH_POLICY_NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

/** wh_policy_hint_set() - decide a hint; @value may be NULL. The texts are the pool's; that of @reason is made safe. */
int wh_policy_hint_set(struct wh_policy *p, enum wh_policy_hint_id id, bool on, const char *value,
		       const char *reason, struct wh_error *e);
/** wh_policy_hint_fact() - what it was decided from. */
int wh_policy_hint_fact(struct wh_policy *p, enum wh_policy_hint_id id, enum wh_kind kind,
			const void *fact, struct wh_error *e);
/** wh_policy_unsure() - why what was not seen may have happened all the same, or NULL. */
const char *wh_policy_unsure(const struct wh_policy *p);

/** wh_policy_happened() - it succeeded once, or had not returned, or a profile was in its way and shall not be. */
bool wh_policy_happened(const struct wh_fact *fact, const struct wh_counts *outcomes);
/** wh_policy_own() - it is the container's own doing, and not its runtime's. */
bool wh_policy_own(const struct wh_fact *fact);
/** wh_policy_within() - @path is below @folder, which has no slash at its end ("" is the root). */
bool wh_policy_within(const char *path, const char *folder);
/** wh_policy_is_plain() - it needs no quotes: for a shell, in YAML, in a unit, in a mount option. */
bool wh_policy_is_plain(const char *path);

/** wh_policy_facts() - those of p->of_service. */
static inline const void *const *wh_policy_facts(const struct wh_policy *p, enum wh_kind kind,
						 size_t *ret_n)
{
	*ret_n = p->of_service[kind].n;
	return (const void *const *)p->of_service[kind].v;
}

/** wh_policy_syscall_put() - find it or make it; NULL: OOM. @name must live as long as the policy. */
struct wh_policy_syscall *wh_policy_syscall_put(struct wh_policy *p, const char *name);
/** wh_policy_syscall_exists() - does an ABI that was seen have it, or may it where the profile is used? */
bool wh_policy_syscall_exists(const struct wh_policy *p, const char *name);
/** wh_policy_architecture() - the filter is for that ABI, too. */
int wh_policy_architecture(struct wh_policy *p, const char *abi, struct wh_error *e);

/** wh_policy_rule_put() - the rule with that text, made at its first fact, gets one more @fact. */
int wh_policy_rule_put(struct wh_policy *p, enum wh_policy_section section, enum wh_kind kind,
		       struct wh_buf *text, const char *reason, const void *fact,
		       struct wh_error *e);

/** wh_policy_only() - it was tried, and every outcome is one of @names (NULL-terminated), and none a profile's doing. */
bool wh_policy_only(const struct wh_fact *fact, const struct wh_counts *outcomes,
		    const char *const *names);

/** wh_policy_warn() - add a warning; @text is the pool's. */
int wh_policy_warn(struct wh_policy *p, const char *text, bool refuse, const struct wh_gap *gap,
		   struct wh_error *e);

#endif
