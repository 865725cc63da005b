// SPDX-License-Identifier: Apache-2.0
#include "judge/verify.h"

#include <jansson.h>
#include <linux/seccomp.h>
#include <sys/stat.h>

#include "judge/verify_floor.h"
#include "judge/apparmor.h"
#include "whittle/capability.h"
#include "whittle/output.h"

#define CAPS_SIZE_MOST (4u << 20)

/* ---- the bundle ------------------------------------------------------------------------------- */

static int read_cap_list(json_t *json, struct wh_verify *v, struct wh_error *e)
{
	json_t *drop = json_object_get(json, "drop"), *add = json_object_get(json, "add"), *item;
	size_t i;

	/* A list that does not begin with nothing is not the least privilege that was asked for. */
	if (json_array_size(drop) != 1 || !json_is_string(json_array_get(drop, 0)) ||
	    strcmp(json_string_value(json_array_get(drop, 0)), "ALL") != 0)
		return wh_error_set(e, EINVAL, "drop: not [\"ALL\"]");
	if (!json_is_array(add))
		return wh_error_set(e, EINVAL, "add: %s", add ? "not an array" : "missing");
	json_array_foreach (add, i, item) {
		const char *name = json_string_value(item);
		int number = name ? wh_capability_number(name) : -1;

		if (number < 0)
			return wh_error_set(e, EINVAL, "add[%zu]: %s%s", i, name ? name : "",
					    name ? " is not a capability" : "not a string");
		v->caps |= 1ull << number;
	}
	return 0;
}

static int read_caps(const char *path, struct wh_verify *v, struct wh_error *e)
{
	wh_auto(str) text = NULL;
	json_error_t where;
	json_t *json, *profile, *value;
	size_t len;
	int r = wh_output_slurp(path, CAPS_SIZE_MOST, &text, &len, e);

	if (r < 0)
		return r;
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (!json)
		return wh_error_set(e, EINVAL, "%s: not valid JSON: line %d: %s", path, where.line,
				    where.text);
	profile = json_object_get(json, "profile");
	v->no_new_privs = json_is_true(json_object_get(profile, "no_new_privs"));
	value = json_object_get(profile, "runtime");
	if (json_is_string(value)) {
		v->runtime = strdup(json_string_value(value));
		r = v->runtime ? 0 : wh_error_oom(e);
	}
	if (r == 0)
		r = read_cap_list(json, v, e);
	json_decref(json);
	if (r < 0)
		wh_error_prefix(e, "%s", path);
	return r;
}

static int check_available(const struct wh_verify *v, struct wh_error *e)
{
	uint64_t lacking = v->caps & ~v->available;

	for (unsigned i = 0; i < WH_CAPABILITY_COUNT; i++) {
		if (lacking & 1ull << i)
			return wh_error_set(
				e, EPERM,
				"the bundle gives %s, which this process does not have; run "
				"it as root, outside of containers",
				wh_capability_row(i)->name);
	}
	return 0;
}

static int prepare_apparmor(struct wh_verify *v, struct wh_error *e)
{
	int r;

	if (access(v->apparmor_path, F_OK) < 0)
		return 0;
	if (!wh_apparmor_enabled()) {
		if (!wh_apparmor_parser()) {
			v->apparmor = WH_VERIFY_APPARMOR_UNTRIED;
			return 0;
		}
		v->apparmor = WH_VERIFY_APPARMOR_COMPILED;
		return wh_apparmor_compile(v->apparmor_path, e);
	}
	r = wh_apparmor_name(v->apparmor_path, &v->apparmor_name, e);
	if (r < 0)
		return r;
	/* Someone else's profile of that name is not replaced and taken from under running services. */
	if (wh_apparmor_loaded(v->apparmor_name))
		return wh_error_set(
			e, EEXIST,
			"the kernel has an AppArmor profile named %s already; unload it "
			"first: apparmor_parser -R %s",
			v->apparmor_name, v->apparmor_path);
	r = wh_apparmor_load(v->apparmor_path, e);
	if (r < 0)
		return r;
	v->apparmor_ours = true;
	v->apparmor = WH_VERIFY_APPARMOR_ENFORCED;
	return 0;
}

int wh_verify_read(const char *dir, struct wh_verify **ret, struct wh_error *e)
{
	wh_auto(verify) v = calloc(1, sizeof(*v));
	wh_auto(str) seccomp = NULL;
	wh_auto(str) caps = NULL;
	struct stat st;
	int r;

	if (!v)
		return wh_error_oom(e);
	if (stat(dir, &st) < 0)
		return wh_error_errno(e, errno, "cannot read bundle %s", dir);
	if (!S_ISDIR(st.st_mode))
		return wh_error_set(e, ENOTDIR,
				    "%s is not a bundle: a folder that 'whittle generate' made",
				    dir);
	v->dir = strdup(dir);
	if (!v->dir || asprintf(&seccomp, "%s/seccomp.json", dir) < 0 ||
	    asprintf(&caps, "%s/capabilities.json", dir) < 0 ||
	    asprintf(&v->apparmor_path, "%s/apparmor.profile", dir) < 0)
		return wh_error_oom(e);
	r = wh_filter_read(seccomp, &v->filter, e);
	if (r == 0)
		r = read_caps(caps, v, e);
	if (r < 0)
		return r;
	*ret = wh_take(v);
	return 0;
}

int wh_verify_open(const char *dir, struct wh_verify **ret, struct wh_error *e)
{
	wh_auto(verify) v = NULL;
	int r = wh_verify_read(dir, &v, e);

	if (r == 0)
		r = wh_sandbox_caps(&v->available, e);
	if (r == 0)
		r = check_available(v, e);
	if (r == 0)
		r = prepare_apparmor(v, e);
	if (r < 0)
		return r;
	*ret = wh_take(v);
	return 0;
}

void wh_verify_close(struct wh_verify *v)
{
	if (!v)
		return;
	if (v->apparmor_ours)
		wh_apparmor_unload(v->apparmor_path, NULL);
	wh_filter_free(v->filter);
	free(v->dir);
	free(v->runtime);
	free(v->apparmor_path);
	free(v->apparmor_name);
	free(v);
}

/* ---- trials ----------------------------------------------------------------------------------- */

enum parts {
	SECCOMP = 1 << 0,
	CAPS = 1 << 1,
	APPARMOR = 1 << 2,
	LISTEN = 1 << 3,
	LOUD = 1 << 4,
};

struct variation {
	unsigned parts;
	uint64_t caps;
	const char *const *without;
	size_t n_without;
	double timeout;
};

static int try(const struct wh_verify *v, const struct wh_verify_request *request,
	       const struct variation *variation, struct wh_trial_result *ret, struct wh_error *e)
{
	struct wh_filter_options options = {variation->without, variation->n_without,
					    variation->parts & LISTEN};
	wh_auto(program) program = {0};
	struct wh_trial trial = {
		.sandbox = {.path = request->path,
			    .argv = request->argv,
			    .caps = variation->parts & CAPS ? variation->caps : v->available,
			    .no_new_privs = v->no_new_privs},
		.filter = v->filter,
		.prepare = request->prepare,
		.ready = request->ready,
		.load = request->load,
		.timeout = variation->timeout,
		.grace = request->grace,
		.quiet = !(variation->parts & LOUD),
		.interrupted = request->interrupted,
	};
	int r;

	if (variation->parts & SECCOMP) {
		r = wh_filter_compile(v->filter, &options, &program, e);
		if (r < 0) {
			wh_error_prefix(e, "%s/seccomp.json", v->dir);
			return r;
		}
		trial.sandbox.program = &program;
		trial.sandbox.listen = options.notify;
	}
	if (variation->parts & APPARMOR)
		trial.sandbox.apparmor = v->apparmor_name;
	return wh_trial_run(&trial, ret, e);
}

static void tell(const struct wh_verify_request *request, const char *what)
{
	if (request->progress)
		request->progress(request->progress_data, what);
}

int wh_verify_run(const struct wh_verify *v, const struct wh_verify_request *request,
		  struct wh_trial_result *ret_result, struct wh_error *e)
{
	struct variation all = {SECCOMP | CAPS | APPARMOR | LOUD, v->caps, NULL, 0,
				request->timeout};
	uint32_t other = wh_filter_answer(v->filter, wh_syscall_abi_native(), 0);

	/* An errno is the same from a listener, which can tell of it; a killed thread would not be. */
	if ((other & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
		all.parts |= LISTEN;
	return try(v, request, &all, ret_result, e);
}

int wh_verify_try(const struct wh_verify *v, const struct wh_verify_request *request,
		  const struct wh_verify_less *less, struct wh_trial_result *ret_result,
		  struct wh_error *e)
{
	struct variation variation = {SECCOMP | CAPS | APPARMOR, less->caps, less->without,
				      less->n_without, request->timeout};

	return try(v, request, &variation, ret_result, e);
}

double wh_verify_patience(const struct wh_verify_request *request, double seconds)
{
	double t = 5 + 4 * seconds;

	return t < request->timeout ? t : request->timeout;
}

/* ---- causes ------------------------------------------------------------------------------------ */

/*
 * Which capabilities it takes beyond the list: the shortest beginning of those left out that makes it
 * pass ends with one that is needed; with that one added, the same again.
 */
static int find_missing(const struct wh_verify *v, const struct wh_verify_request *request,
			double timeout, uint64_t *ret_missing, struct wh_error *e)
{
	unsigned left[64], n = 0;
	uint64_t missing = 0;

	for (unsigned i = 0; i < 64; i++) {
		if (v->available & ~v->caps & 1ull << i)
			left[n++] = i;
	}
	for (;;) {
		struct variation with = {CAPS, v->caps | missing, NULL, 0, timeout};
		struct wh_trial_result result;
		unsigned low = 0, high = n;
		int r = try(v, request, &with, &result, e);

		if (r < 0 || result.passed || missing == (v->available & ~v->caps)) {
			*ret_missing = missing;
			return r;
		}
		tell(request, "looking for the capability that is missing");
		while (high - low > 1) {
			unsigned middle = (low + high) / 2;

			with.caps = v->caps | missing;
			for (unsigned i = 0; i < middle; i++)
				with.caps |= 1ull << left[i];
			r = try(v, request, &with, &result, e);
			if (r < 0)
				return r;
			if (result.passed)
				high = middle;
			else
				low = middle;
		}
		/* A trial that does not go the same way twice ends here, not never. */
		if (!high || missing & 1ull << left[high - 1]) {
			*ret_missing = missing;
			return 0;
		}
		missing |= 1ull << left[high - 1];
	}
}

int wh_verify_find_cause(const struct wh_verify *v, const struct wh_verify_request *request,
			 struct wh_verify_cause *ret_cause, struct wh_error *e)
{
	struct wh_verify_cause *cause = calloc(1, sizeof(*cause));
	struct variation free_run = {0, 0, NULL, 0, request->timeout},
			 filtered = {SECCOMP | LISTEN}, limited = {CAPS, v->caps};
	struct wh_trial_result result;
	int r;

	if (!cause)
		return wh_error_oom(e);
	tell(request, "trying it with nothing enforced");
	r = try(v, request, &free_run, &cause->free, e);
	if (r == 0 && !cause->free.passed) {
		cause->unrestricted = true;
	} else if (r == 0) {
		filtered.timeout = limited.timeout =
			wh_verify_patience(request, cause->free.seconds);
		tell(request, "trying it under the seccomp profile alone");
		r = try(v, request, &filtered, &cause->filtered, e);
		cause->seccomp = r == 0 && !cause->filtered.passed;
		if (r == 0) {
			tell(request, "trying it under the capability list alone");
			r = try(v, request, &limited, &result, e);
			cause->caps = r == 0 && !result.passed;
		}
		if (r == 0 && cause->caps)
			r = find_missing(v, request, limited.timeout, &cause->missing, e);
	}
	if (r == 0)
		*ret_cause = *cause;
	free(cause);
	return r;
}
