// SPDX-License-Identifier: Apache-2.0
/* What the container's runtime calls itself: whose it is, and which of it a profile has. */
#include <CUnit/Basic.h>

#include "gen/explain.h"
#include "gen/policy.h"
#include "judge/diff.h"

#define RUN(id, nnp, runtime)                                                                      \
	"{\"id\":\"" id "\",\"name\":\"demo\",\"tool\":\"t\",\"kernel\":\"k\",\"arch\":"           \
	"\"x86_64\",\"argv\":[\"/bin/demo\"],\"outcome\":\"exited 0\",\"failed\":false,"           \
	"\"complete\":true,\"uid\":0,\"gid\":0,\"cap_effective\":[],\"cap_permitted\":[],"         \
	"\"cap_inheritable\":[],\"cap_bounding\":[],\"cap_ambient\":[],\"no_new_privs\":" nnp      \
	",\"seccomp_mode\":2,\"ip_unprivileged_port_start\":1024,\"engine\":\"plain\","            \
	"\"stops\":0,\"tasks\":1,\"duration_ms\":1" runtime "}"
#define ID_A	"000000000000000a"
#define ID_B	"000000000000000b"
#define IN_RUNC ",\"runtime\":\"runc 1.1.5\""
#define IN_CRUN ",\"runtime\":\"crun 1.8.1\""
#define TRACE(runs)                                                                                \
	"{\"format\":\"whittle-trace\",\"version\":1,\"complete\":true,\"runs\":[" runs "],"
#define TRACE_RUNC(nnp) TRACE(RUN(ID_A, nnp, IN_RUNC))
#define HEAD(phases, id)                                                                           \
	"\"count\":1,\"phases\":[" phases "],\"programs\":[],\"runs\":[\"" id "\"]}"
#define CALL(name, phases, id)                                                                     \
	"{\"abi\":\"x86_64\",\"name\":\"" name "\",\"number\":1,\"errors\":{}," HEAD(phases, id)
#define SERVICE(name) CALL(name, "\"startup\"", ID_A)
#define RUNTIME(name) CALL(name, "\"runtime\"", ID_A)
#define BOTH(name)    CALL(name, "\"runtime\",\"serving\"", ID_A)
#define CALLS(...)    "\"syscalls\":[" __VA_ARGS__ "]}"

static struct wh_trace *trace;

static struct wh_policy *policy_of(const char *json, const char *runtime,
				   enum wh_policy_choice no_new_privs)
{
	const struct wh_policy_options options = {.runtime = runtime, .no_new_privs = no_new_privs};
	struct wh_policy *p = NULL;
	struct wh_error e = {0};

	wh_trace_free(trace);
	trace = NULL;
	if (wh_trace_json_parse(json, strlen(json), &trace, &e) < 0 ||
	    wh_policy_new(trace, &options, &p, &e) < 0)
		fprintf(stderr, "%s\n", e.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	return p;
}

static unsigned origins(const struct wh_policy *p, const char *name)
{
	const struct wh_policy_syscall *s = wh_policy_find_syscall(p, name);

	return s && !s->error ? s->origins : 0;
}

static bool says(const struct wh_policy *p, const char *name, const char *words)
{
	const struct wh_policy_syscall *s = wh_policy_find_syscall(p, name);

	return s && s->floor_source && strstr(s->floor_source, words);
}

static bool warns(const struct wh_policy *p, const char *words)
{
	for (size_t i = 0; i < p->n_warnings; i++) {
		if (strstr(p->warnings[i].text, words))
			return true;
	}
	return false;
}

static const char measured[] = TRACE_RUNC("false")
	CALLS(SERVICE("read") "," RUNTIME("capset") "," BOTH("futex") "," RUNTIME("quotactl"));

static void test_not_the_services(void)
{
	wh_auto(policy) p = policy_of(measured, NULL, WH_POLICY_OFF);
	struct wh_policy_numbers n;

	wh_policy_numbers(p, &n);
	CU_ASSERT_EQUAL(n.syscalls_observed, 2);
	CU_ASSERT_EQUAL(n.syscalls_measured, 3);
	CU_ASSERT_EQUAL(origins(p, "capset"), WH_POLICY_FLOOR);
	CU_ASSERT_EQUAL(wh_policy_find_syscall(p, "capset")->n_facts, 0);
	CU_ASSERT_EQUAL(origins(p, "futex"), WH_POLICY_FLOOR | WH_POLICY_OBSERVED);
	CU_ASSERT_EQUAL(wh_trace_count_of_service(trace, WH_KIND_SYSCALL), 2);
}

static void test_only_runtime(void)
{
	static const char json[] = TRACE_RUNC("false") CALLS(RUNTIME("capset"));
	const struct wh_policy_options options = {0};
	struct wh_policy *p;
	struct wh_error e = {0};

	wh_trace_free(trace);
	CU_ASSERT_EQUAL_FATAL(wh_trace_json_parse(json, strlen(json), &trace, &e), 0);
	CU_ASSERT_EQUAL(wh_policy_new(trace, &options, &p, &e), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.text, "no system calls"));
}

static void test_other_kinds(void)
{
	wh_auto(policy) p = policy_of(
		TRACE_RUNC("false") "\"caps\":[{\"cap\":\"CAP_SYS_ADMIN\",\"strength\":"
				    "\"required\",\"denied\":false,\"syscalls\":[],\"evidence\":[]"
				    "," HEAD("\"runtime\"",
					     ID_A) "],\"files\":[{\"path\":\"/"
						   "runc\",\"access\":\"read\","
						   "\"type\":\"file\",\"syscalls\":[],\"outcomes\":"
						   "{\"ok\":"
						   "1},\"owner_always\":false,\"peers\":[]," HEAD(
							   "\"runtime\"",
							   ID_A) "]," CALLS(SERVICE("read")),
		NULL, WH_POLICY_AUTO);

	CU_ASSERT_EQUAL(p->n_caps, 0);
	CU_ASSERT_EQUAL(p->n_files, 0);
}

static void test_sources(void)
{
	wh_auto(policy) p = policy_of(measured, NULL, WH_POLICY_OFF);
	wh_auto(buf) b = {0};
	struct wh_error e = {0};

	CU_ASSERT_STRING_EQUAL(p->runtime_recorded, "runc 1.1.5");
	CU_ASSERT(says(p, "capset",
		       "measured in this recording with runc 1.1.5; templates/floors/runc.json, "
		       "measured with"));
	CU_ASSERT(says(p, "futex", "measured in this recording with runc 1.1.5; "));
	CU_ASSERT_FALSE(says(p, "capget", "this recording"));
	CU_ASSERT(says(p, "capget", "templates/floors/runc.json, measured with"));
	CU_ASSERT(says(p, "clone", "source code"));
	CU_ASSERT(says(p, "quotactl", "measured in this recording with runc 1.1.5"));
	CU_ASSERT_FALSE(says(p, "quotactl", "templates"));
	/* What the table lacks is said aloud. */
	CU_ASSERT(warns(p, "floors/runc.json"));
	CU_ASSERT(warns(p, "does not have: quotactl."));
	CU_ASSERT_EQUAL(wh_explain_item(p, "capset", &b, &e), 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(b.data, "container runtime"));
}

/* The recording's runtime loaded the filter early, with no_new_privs it is loaded late. */
static void test_no_new_privs(void)
{
	struct wh_policy *p = policy_of(measured, NULL, WH_POLICY_ON);

	CU_ASSERT_EQUAL(origins(p, "capset"), 0);
	CU_ASSERT_FALSE(says(p, "futex", "this recording"));
	CU_ASSERT_EQUAL(origins(p, "quotactl"), WH_POLICY_FLOOR);
	wh_policy_free(p);
	/* What it calls under a filter that is loaded late, it calls under one that is loaded early. */
	p = policy_of(TRACE_RUNC("true")
			      CALLS(SERVICE("read") "," RUNTIME("futex") "," RUNTIME("capset")),
		      NULL, WH_POLICY_OFF);
	CU_ASSERT(says(p, "futex", "this recording"));
	CU_ASSERT_FALSE(warns(p, "does not have"));
	wh_policy_free(p);
	/* The table has it for the other setting only. */
	p = policy_of(TRACE_RUNC("true") CALLS(SERVICE("read") "," RUNTIME("capset")), NULL,
		      WH_POLICY_ON);
	CU_ASSERT_EQUAL(origins(p, "capset"), WH_POLICY_FLOOR);
	CU_ASSERT(warns(p, "does not have: capset."));
	wh_policy_free(p);
}

static void test_other_runtime(void)
{
	static const char *const others[] = {"crun", "none"};

	for (size_t i = 0; i < WH_ARRAY_SIZE(others); i++) {
		wh_auto(policy) p = policy_of(measured, others[i], WH_POLICY_OFF);
		wh_auto(buf) b = {0};
		struct wh_error e = {0};

		CU_ASSERT_PTR_NULL(p->runtime_recorded);
		CU_ASSERT_EQUAL(origins(p, "quotactl"), 0);
		CU_ASSERT_EQUAL(origins(p, "futex"), WH_POLICY_OBSERVED);
		CU_ASSERT_FALSE(warns(p, "quotactl"));
		CU_ASSERT_EQUAL(wh_explain_item(p, "quotactl", &b, &e), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(b.data, "Only the container's runtime"));
	}
}

static void test_choice(void)
{
	struct wh_policy *p = policy_of(TRACE(RUN(ID_A, "false", IN_CRUN)) CALLS(SERVICE("read")),
					NULL, WH_POLICY_OFF);

	CU_ASSERT_STRING_EQUAL(p->runtime, "crun");
	CU_ASSERT_EQUAL(origins(p, "epoll_ctl"), 0);
	wh_policy_free(p);
	p = policy_of(TRACE(RUN(ID_A, "false", "")) CALLS(SERVICE("read")), NULL, WH_POLICY_OFF);
	CU_ASSERT_STRING_EQUAL(p->runtime, "runc");
	wh_policy_free(p);
	/* Of two runtimes that of the profile counts, whose profile it is is said, and order is nothing. */
	p = policy_of(TRACE(RUN(ID_A, "false", IN_RUNC) "," RUN(ID_B, "false", IN_CRUN))
			      CALLS(SERVICE("read") "," RUNTIME("quotactl") "," CALL(
				      "acct", "\"runtime\"", ID_B)),
		      NULL, WH_POLICY_OFF);
	CU_ASSERT_STRING_EQUAL(p->runtime, "crun");
	CU_ASSERT(warns(p, "more than one container runtime"));
	CU_ASSERT_EQUAL(origins(p, "quotactl"), 0);
	CU_ASSERT(says(p, "acct", "measured in this recording with crun 1.8.1"));
	wh_policy_free(p);
}

static void test_unknown_runtime(void)
{
	static const char json[] = TRACE(RUN(ID_A, "false", ",\"runtime\":\"youki 0.3\""))
		CALLS(SERVICE("read") "," RUNTIME("capset"));
	static const char bad[] =
		TRACE(RUN(ID_A, "false", ",\"runtime\":\"../../x 0.3\"")) CALLS(SERVICE("read"));
	const struct wh_policy_options options = {0};
	struct wh_policy *p = policy_of(json, NULL, WH_POLICY_OFF);
	struct wh_error e = {0};

	CU_ASSERT_STRING_EQUAL(p->runtime, "youki");
	CU_ASSERT_EQUAL(origins(p, "capset"), WH_POLICY_FLOOR);
	CU_ASSERT_EQUAL(origins(p, "execve"), WH_POLICY_FLOOR);
	CU_ASSERT(warns(p, "there is no table"));
	wh_policy_free(p);
	wh_trace_free(trace);
	trace = NULL;
	CU_ASSERT_EQUAL_FATAL(wh_trace_json_parse(bad, strlen(bad), &trace, &e), 0);
	CU_ASSERT_EQUAL(wh_policy_new(trace, &options, &p, &e), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.text, "use --runtime"));
}

/* What the runtime calls is no privilege that the service has gained. */
static void test_diff(void)
{
	static const char plain[] = TRACE_RUNC("false") CALLS(SERVICE("read") "," SERVICE("futex"));
	wh_auto(trace) old = NULL, new = NULL;
	wh_auto(diff) d = NULL;
	struct wh_error e = {0};

	CU_ASSERT_EQUAL_FATAL(wh_trace_json_parse(plain, strlen(plain), &old, &e), 0);
	CU_ASSERT_EQUAL_FATAL(wh_trace_json_parse(measured, strlen(measured), &new, &e), 0);
	CU_ASSERT_EQUAL_FATAL(wh_diff_new(old, new, &d, &e), 0);
	CU_ASSERT_EQUAL(d->n_widening, 0);
	CU_ASSERT_EQUAL(d->n_narrowing, 0);
}

int main(void)
{
	static const struct {
		const char *name;
		CU_TestFunc run;
	} tests[] = {
		{"what only the runtime called is not the service's", test_not_the_services},
		{"a trace of nothing but the runtime", test_only_runtime},
		{"neither are its capabilities and files", test_other_kinds},
		{"where each entry comes from", test_sources},
		{"a measurement holds for its no_new_privs", test_no_new_privs},
		{"and for its runtime", test_other_runtime},
		{"the runtime is the recorded one", test_choice},
		{"a runtime that there is no table of", test_unknown_runtime},
		{"a comparison leaves it out", test_diff},
	};
	CU_pSuite suite;
	unsigned failed;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	suite = CU_add_suite("floor", NULL, NULL);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (!CU_add_test(suite, tests[i].name, tests[i].run))
			return 1;
	}
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	wh_trace_free(trace);
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed != 0;
}
