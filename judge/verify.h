/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a bundle is enough for its service, what it lacks, and what of it is not proved needed. */
#ifndef WHITTLE_JUDGE_VERIFY_H
#define WHITTLE_JUDGE_VERIFY_H

#include "judge/trial.h"

enum wh_verify_apparmor {
	WH_VERIFY_APPARMOR_NONE,     /* the bundle has no profile */
	WH_VERIFY_APPARMOR_ENFORCED, /* loaded, and entered by the service */
	WH_VERIFY_APPARMOR_COMPILED, /* the kernel has no AppArmor: it was compiled only */
	WH_VERIFY_APPARMOR_UNTRIED,  /* nor is there an apparmor_parser */
};

/**
 * struct wh_verify - an opened bundle.
 * @caps: what its list adds, bit n is capability n
 * @available: what this process can hand out
 * @apparmor_name: of the profile in the kernel, when it is enforced
 */
struct wh_verify {
	char *dir;
	struct wh_filter *filter;
	uint64_t caps, available;
	bool no_new_privs;
	char *runtime; /* whose floor is in the filter, or NULL */
	enum wh_verify_apparmor apparmor;
	char *apparmor_path, *apparmor_name;
	bool apparmor_ours; /* loaded by us: to be unloaded */
};

/**
 * wh_verify_open() - read seccomp.json, capabilities.json and apparmor.profile of a bundle, each
 * with suspicion, and load or compile the last.
 * Return: 0; -EPERM when a capability of the list cannot be handed out by this process.
 */
int wh_verify_open(const char *dir, struct wh_verify **ret, struct wh_error *e);
/** wh_verify_read() - its files only: nothing is loaded, and nothing asked of this process. */
int wh_verify_read(const char *dir, struct wh_verify **ret, struct wh_error *e);
/** wh_verify_close() - what was loaded is unloaded. */
void wh_verify_close(struct wh_verify *v);
WH_DEFINE_AUTO(verify, struct wh_verify *, wh_verify_close)

/**
 * struct wh_verify_request - what to run. Strings are the caller's.
 * @progress: called before each further trial with what it is about; may be NULL
 */
struct wh_verify_request {
	const char *path;
	char *const *argv;
	const char *prepare, *ready, *load;
	double timeout, grace;
	const volatile sig_atomic_t *interrupted;
	void (*progress)(void *data, const char *what);
	void *progress_data;
};

/**
 * wh_verify_run() - the service under all that the bundle has. The result has the calls that were denied, where the
 * profile's answer is an errno, though it may have passed.
 */
int wh_verify_run(const struct wh_verify *v, const struct wh_verify_request *request,
		  struct wh_trial_result *ret_result, struct wh_error *e);

/**
 * struct wh_verify_cause - why it did not pass, found by trying parts of the bundle by themselves.
 * @unrestricted: it fails with nothing enforced, too: not the bundle's fault; then nothing else is set
 * @seccomp: it fails under the filter alone; @filtered has the calls that were denied
 * @caps: it fails under the capability list alone; @missing are those without which it does
 */
struct wh_verify_cause {
	bool unrestricted, seccomp, caps;
	struct wh_trial_result free, filtered;
	uint64_t missing;
};

/** wh_verify_find_cause() - of a failure. Takes a few more trials. */
int wh_verify_find_cause(const struct wh_verify *v, const struct wh_verify_request *request,
			 struct wh_verify_cause *ret_cause, struct wh_error *e);

/**
 * struct wh_verify_less - the bundle with less than it has.
 * @caps: in place of its list
 * @without: system calls whose rules are left out, @n_without of them
 */
struct wh_verify_less {
	uint64_t caps;
	const char *const *without;
	size_t n_without;
};

/** wh_verify_try() - the service under that, quietly. */
int wh_verify_try(const struct wh_verify *v, const struct wh_verify_request *request,
		  const struct wh_verify_less *less, struct wh_trial_result *ret_result,
		  struct wh_error *e);

/**
 * wh_verify_patience() - seconds to wait in a trial that may hang: several times what a good one took, and
 * never more than was asked for.
 */
double wh_verify_patience(const struct wh_verify_request *request, double seconds);

#endif
