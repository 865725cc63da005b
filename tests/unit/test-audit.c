// SPDX-License-Identifier: Apache-2.0
/* Records of the kernel's log: what is one, its fields, whose it is, and what a log without an end does. */
#include <CUnit/Basic.h>

#include "audit/audit.h"
#include "audit/record.h"
#include "whittle/syscall.h"

#define STAMP "type=1400 audit(1795828911.028:94): "

static int find(const char *line, struct wh_audit_record *ret)
{
	int r = wh_audit_record_find(line, ret);

	CU_ASSERT(r == 0 || r == 1);
	return r;
}

static void test_find(void)
{
	static const struct {
		const char *line, *text;
		enum wh_audit_type type;
		int64_t epoch;
	} rows[] = {
		{"[    3.8] audit: " STAMP "apparmor=\"DENIED\" a=b", "apparmor=\"DENIED\" a=b",
		 WH_AUDIT_APPARMOR, 1795828911},
		{"type=AVC msg=audit(1.5:7): apparmor=\"DENIED\"\x1d"
		 "FSUID=\"root\"",
		 "apparmor=\"DENIED\"", WH_AUDIT_APPARMOR, 1},
		{"host audit[1]: AVC apparmor=\"ALLOWED\"", "apparmor=\"ALLOWED\"",
		 WH_AUDIT_APPARMOR, 0},
		{"host audit[1]: SECCOMP auid=1 uid=2", "auid=1 uid=2", WH_AUDIT_SECCOMP, 0},
		{"audit: type=1326 audit(9.000:1): auid=1", "auid=1", WH_AUDIT_SECCOMP, 9},
		{"audit: rate limit exceeded", "audit: rate limit exceeded", WH_AUDIT_LOST, 0},
		/* None. */
		{"web: said \"" STAMP "apparmor=\"DENIED\"", NULL, 0, 0},
		{"web: said \"x]: AVC apparmor=\"DENIED\"", NULL, 0, 0},
		{"web: AVC apparmor=\"DENIED\"", NULL, 0, 0},
		{"type=1400 audit(1795828911.028): apparmor=\"DENIED\"", NULL, 0, 0},
		{"type=1400 audit(x.028:1): apparmor=\"DENIED\"", NULL, 0, 0},
		{"type=1400 audit(99999999999999999999.028:1): apparmor=\"DENIED\"", NULL, 0, 0},
		{"type=1300 audit(1.028:1): arch=c000003e", NULL, 0, 0},
		{"", NULL, 0, 0},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(rows); i++) {
		struct wh_audit_record r;

		CU_ASSERT_EQUAL(find(rows[i].line, &r), rows[i].text != NULL);
		if (!r.text) {
			CU_ASSERT_PTR_NULL(rows[i].text);
			continue;
		}
		CU_ASSERT_STRING_EQUAL(r.text, rows[i].text ? rows[i].text : "");
		CU_ASSERT_EQUAL(r.type, rows[i].type);
		CU_ASSERT_EQUAL(r.epoch, rows[i].epoch);
		free(r.text);
	}
}

static void test_fields(void)
{
	static char text[] =
		"apparmor=\"DENIED\" name=2F62 info=\"a b\" subj=web (enforce) comm=2F00 empty=";
	const struct wh_audit_record r = {.text = text};
	struct wh_audit_fields f;
	const char *why;
	char *name;
	int bad;

	CU_ASSERT_EQUAL(wh_audit_record_split(&r, &f, &why), 0);
	CU_ASSERT_EQUAL(f.n, 6);
	CU_ASSERT_STRING_EQUAL(wh_audit_record_value(&f, "info"), "a b");
	CU_ASSERT_STRING_EQUAL(wh_audit_record_value(&f, "subj"), "web (enforce)");
	CU_ASSERT_STRING_EQUAL(wh_audit_record_value(&f, "empty"), "");
	CU_ASSERT_PTR_NULL(wh_audit_record_value(&f, "none"));
	name = wh_audit_record_text(&f, "name", &bad);
	CU_ASSERT_EQUAL(bad, 0);
	CU_ASSERT_STRING_EQUAL(name ? name : "", "/b");
	free(name);
	CU_ASSERT_PTR_NULL(wh_audit_record_text(&f, "comm", &bad));
	CU_ASSERT_EQUAL(bad, -EBADMSG);
	wh_audit_fields_free(f);
}

/* Made of @log; NULL: refused. */
static struct wh_trace *trace_of(const char *log, const char *profile, struct wh_audit_summary *ret)
{
	const struct wh_audit_options options = {.profile = profile};
	wh_auto(audit) a = wh_audit_new();
	wh_auto(file) f = fmemopen((void *)(uintptr_t)log, strlen(log), "r");
	struct wh_trace *t = NULL;
	struct wh_error e = {0};

	CU_ASSERT_EQUAL(wh_audit_read(a, f, "log", &e), 0);
	if (wh_audit_trace(a, &options, &t, ret, &e) < 0)
		CU_ASSERT_PTR_NOT_NULL(strstr(e.text, "--profile"));
	return t;
}

static void test_select(void)
{
	static const char log[] =
		STAMP "apparmor=\"DENIED\" operation=\"capable\" profile=\"web//null-/bin/sh\" "
		      "pid=1 capability=0 capname=\"chown\"\n" STAMP
		      "apparmor=\"DENIED\" operation=\"capable\" profile=\"website\" pid=1 "
		      "capability=5 capname=\"kill\"\n";
	const struct wh_cap chown = {.cap = "CAP_CHOWN", .strength = WH_STRENGTH_LIKELY};
	struct wh_audit_summary sum;
	wh_auto(trace) none = trace_of(log, NULL, &sum);
	wh_auto(trace) t = trace_of(log, "web", &sum);
	const struct wh_cap *cap;

	CU_ASSERT_PTR_NULL(none);
	CU_ASSERT_EQUAL_FATAL(wh_trace_count(t, WH_KIND_CAP), 1);
	cap = wh_trace_find(t, WH_KIND_CAP, &chown);
	CU_ASSERT_PTR_NOT_NULL_FATAL(cap);
	CU_ASSERT_STRING_EQUAL(cap->f.programs.n ? cap->f.programs.v[0] : "", "/bin/sh");
	CU_ASSERT_EQUAL(sum.denied, 1);
	CU_ASSERT_EQUAL(sum.others, 1);
	CU_ASSERT_STRING_EQUAL(sum.other_names, "website");
}

/* A call that another recording knows all arguments of was made with others here: none may be ruled out. */
static void test_arguments(void)
{
	static const char log[] =
		"type=1326 audit(1.000:1): auid=1 uid=0 subj=web (enforce) pid=3 comm=\"x\" "
		"exe=\"/bin/x\" sig=0 arch=c000003e syscall=41 compat=0 ip=0x7f code=0x50001\n";
	const struct wh_syscall key = {.abi = "x86_64", .name = "socket"};
	const uint64_t values[WH_TUPLE_MAX] = {2, 1, 6};
	struct wh_audit_summary sum;
	wh_auto(trace) t = trace_of(log, "web", &sum);
	wh_auto(trace) recorded = wh_trace_new();
	const struct wh_syscall *found;
	struct wh_syscall *call;
	struct wh_error e = {0};

	CU_ASSERT_EQUAL_FATAL(wh_trace_put(recorded, WH_KIND_SYSCALL, &key, &call), 1);
	CU_ASSERT_EQUAL(
		wh_trace_add_tuple(recorded, &call->args, wh_syscall_row("socket")->keep, values),
		1);
	CU_ASSERT_EQUAL(call->args.n, 1);
	CU_ASSERT_EQUAL(wh_trace_merge(recorded, t, &e), 0);
	found = wh_trace_find(recorded, WH_KIND_SYSCALL, &key);
	CU_ASSERT_PTR_NOT_NULL_FATAL(found);
	CU_ASSERT(found->args.overflow);
	CU_ASSERT_EQUAL(found->args.n, 0);
	CU_ASSERT_EQUAL(sum.seccomp, 1);
}

static void test_since(void)
{
	static const struct {
		const char *text;
		int64_t since;
	} rows[] = {
		{"90", 910},
		{"30s", 970},
		{"5m", 700},
		{"@17", 17},
		{"1970-01-02", 86400},
		{"1970-01-01 00:01", 60},
		{"1970-01-01 00:00:07", 7},
	};
	static const char *const bad[] = {"",  "x",   "-5",	    "5y",
					  "@", "@-1", "1970-13-01", "99999999999999999999s"};
	struct wh_error e = {0};
	int64_t since;

	for (size_t i = 0; i < WH_ARRAY_SIZE(rows); i++) {
		since = -1;
		CU_ASSERT_EQUAL(wh_audit_since(rows[i].text, 1000, &since, &e), 0);
		CU_ASSERT_EQUAL(since, rows[i].since);
	}
	for (size_t i = 0; i < WH_ARRAY_SIZE(bad); i++) {
		struct wh_error why = {0};

		CU_ASSERT_EQUAL(wh_audit_since(bad[i], 1000, &since, &why), -EINVAL);
	}
}

int main(void)
{
	CU_pSuite suite;
	unsigned failures;

	CU_initialize_registry();
	suite = CU_add_suite("audit", NULL, NULL);
	CU_add_test(suite, "find", test_find);
	CU_add_test(suite, "fields", test_fields);
	CU_add_test(suite, "select", test_select);
	CU_add_test(suite, "arguments", test_arguments);
	CU_add_test(suite, "since", test_since);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}
