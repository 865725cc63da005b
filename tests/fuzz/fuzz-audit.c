/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's log. Whatever it is, each record that counts is a fact or a gap, and the trace is one that can be read again;
 * twice the same log says no more than once.
 */
#include "tests/fuzz/fuzz.h"

#include "audit/audit.h"
#include "whittle/schema.h"

static char *make(const uint8_t *data, size_t size, int times, const char *profile,
		  struct wh_audit_summary *ret_sum)
{
	const struct wh_audit_options options = {.profile = profile};
	wh_auto(audit) a = wh_audit_new();
	wh_auto(trace) t = NULL;
	struct wh_error e = {0};
	char *text = NULL;
	int r;

	wh_assert(a);
	for (int i = 0; i < times; i++) {
		wh_auto(file) f = fmemopen((void *)(uintptr_t)data, size, "r");

		wh_assert(f && wh_audit_read(a, f, "log", &e) == 0);
	}
	r = wh_audit_trace(a, &options, &t, ret_sum, &e);
	wh_assert((r == 0) == (t != NULL));
	wh_assert(r == 0 || (r == -EINVAL && !profile && e.text[0] && !strchr(e.text, '\n')));
	if (r < 0)
		return NULL;
	wh_assert(wh_trace_json_print(t, &text, &e) == 0);
	return text;
}

static size_t records(const struct wh_audit_summary *s)
{
	return s->denied + s->allowed + s->seccomp + s->unread;
}

/* None was dropped: it is in one of the counts of the facts. */
static void check(const char *text, const struct wh_audit_summary *s)
{
	wh_auto(trace) t = NULL;
	struct wh_error e = {0};
	uint64_t counts = 0;

	wh_assert(wh_trace_json_parse(text, strlen(text), &t, &e) == 0);
	for (enum wh_kind kind = WH_KIND_RUN + 1; kind < WH_KINDS; kind++) {
		size_t n;
		const void *const *facts = wh_trace_facts(t, kind, &n);

		for (size_t i = 0; i < n; i++) {
			const struct wh_fact *f = facts[i];

			wh_assert(f->phases == WH_PHASE_AUDIT && f->logged.n && f->runs.n == 1);
			counts += f->count;
		}
	}
	wh_assert(counts >= s->unread + s->lost && (records(s) == 0 || counts > 0));
	wh_assert(wh_trace_count(t, WH_KIND_RUN) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const profiles[] = {NULL, "whittle-demo"};

	for (size_t i = 0; size && i < WH_ARRAY_SIZE(profiles); i++) {
		struct wh_audit_summary once = {0}, twice = {0};
		wh_auto(str) a = make(data, size, 1, profiles[i], &once);
		wh_auto(str) b = NULL;

		if (!a)
			continue;
		check(a, &once);
		if (!profiles[i])
			continue;
		b = make(data, size, 2, profiles[i], &twice);
		/* A record without a time cannot be told from another like it. */
		wh_assert(b && records(&twice) >= records(&once));
	}
	return 0;
}
