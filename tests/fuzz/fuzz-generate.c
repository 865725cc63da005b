/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From any trace that can be read to every format of a bundle. What is emitted is text without NUL,
 * the same when emitted again; the JSON is JSON; the seccomp profile is one that whittle's own strict
 * reader takes, and no observed system call is missing from it.
 */
#include "tests/fuzz/fuzz.h"

#include <jansson.h>

#include "gen/emit.h"
#include "gen/policy.h"
#include "judge/filter.h"

#define ALL_FORMATS ((1u << WH_EMIT_FORMATS) - 1)

static void check_json(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	wh_assert(json);
	json_decref(json);
}

static void check_seccomp(struct wh_trace *t, const char *text)
{
	wh_auto(filter) filter = NULL;
	const struct wh_syscall *const *calls;
	const char *const *names;
	struct wh_error e = {};
	size_t n, n_names;

	if (wh_filter_parse(text, strlen(text), &filter, &e) < 0) {
		fprintf(stderr, "%s\n%s\n", e.text, text);
		abort();
	}
	names = wh_filter_names(filter, &n_names);
	calls = (const struct wh_syscall *const *)wh_trace_facts(t, WH_KIND_SYSCALL, &n);
	for (size_t i = 0; i < n; i++) {
		bool there = wh_util_has_prefix(calls[i]->name, "syscall_");

		/* A name that no table knows is a trace made by hand: nothing can be said of it. */
		if (there || !wh_syscall_row(calls[i]->name) || !wh_syscall_abi(calls[i]->abi) ||
		    wh_syscall_number(wh_syscall_abi(calls[i]->abi), calls[i]->name) < 0)
			continue;
		for (size_t k = 0; k < n_names && !there; k++)
			there = strcmp(names[k], calls[i]->name) == 0;
		if (!there) {
			fprintf(stderr, "%s is not allowed\n", calls[i]->name);
			abort();
		}
	}
}

static void check_format(struct wh_trace *t, const struct wh_emit *emit, enum wh_emit_format format)
{
	const char *file = wh_emit_file(format), *dot = strrchr(file, '.');
	wh_auto(str) text = NULL;
	wh_auto(str) again = NULL;
	struct wh_error e = {};
	int r = wh_emit_text(emit, format, &text, &e);

	wh_assert((r == 0) == (text != NULL));
	wh_assert(r == 0 || (e.text[0] && !strchr(e.text, '\n')));
	if (r < 0)
		return;
	wh_assert(wh_emit_text(emit, format, &again, NULL) == 0);
	wh_assert(strcmp(text, again) == 0);
	if (dot && strcmp(dot, ".json") == 0)
		check_json(text);
	if (format == WH_EMIT_SECCOMP)
		check_seccomp(t, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const runtimes[] = {"runc", "crun", "none"};
	wh_auto(trace) t = NULL;

	if (!size || wh_trace_json_parse((const char *)data, size, &t, NULL) < 0)
		return 0;
	/* The first bytes are always the same in JSON: the options follow from the last ones. */
	for (unsigned i = 0; i < 3; i++) {
		wh_auto(policy) policy = NULL;
		struct wh_policy_options options = {
			.subprofiles = size % 2,
			.runtime = runtimes[i],
			.no_new_privs = (enum wh_policy_choice)((data[size - 1] + i) % 3),
		};
		struct wh_emit emit = {.dir = "bundle", .formats = ALL_FORMATS};
		struct wh_error e = {};

		if (wh_policy_new(t, &options, &policy, &e) < 0) {
			wh_assert(e.text[0] && !strchr(e.text, '\n'));
			continue;
		}
		emit.policy = policy;
		for (unsigned format = 0; format < WH_EMIT_FORMATS; format++)
			check_format(t, &emit, format);
	}
	return 0;
}
