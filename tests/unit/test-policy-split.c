// SPDX-License-Identifier: Apache-2.0
/* An AppArmor profile for each program: who is together, what is whose, and what has to be allowed on both sides. */
#include <CUnit/Basic.h>

#include "gen/emit.h"

#define RUN                                                                                        \
	"{\"format\":\"whittle-trace\",\"version\":1,\"complete\":true,\"runs\":[{\"id\":"         \
	"\"0123456789abcdef\",\"name\":\"demo\",\"tool\":\"t\",\"kernel\":\"k\",\"arch\":"         \
	"\"x86_64\",\"argv\":[\"/bin/demo\"],\"outcome\":\"exited 0\",\"failed\":false,"           \
	"\"complete\":true,\"uid\":0,\"gid\":0,\"cap_effective\":[],\"cap_permitted\":[],"         \
	"\"cap_inheritable\":[],\"cap_bounding\":[],\"cap_ambient\":[],\"no_new_privs\":false,"    \
	"\"seccomp_mode\":0,\"ip_unprivileged_port_start\":1024,\"engine\":\"ptrace\","            \
	"\"stops\":0,\"tasks\":1,\"duration_ms\":1}]"
#define BY(programs)                                                                               \
	"\"count\":1,\"phases\":[\"startup\"],\"programs\":[" programs                             \
	"],\"runs\":[\"0123456789abcdef\"]}"
#define CALL(name, args, programs)                                                                 \
	"{\"abi\":\"x86_64\",\"name\":\"" name "\",\"number\":1,\"errors\":{}" args "," BY(programs)
#define FILE_FACT(path, access, programs)                                                          \
	"{\"path\":\"" path "\",\"access\":\"" access "\",\"type\":\"file\",\"syscalls\":[],"      \
	"\"outcomes\":{\"ok\":1},\"owner_always\":false,\"peers\":[]," BY(programs)
#define EXEC(from, to, more)                                                                       \
	"{" from "\"to\":\"" to "\"," more                                                         \
	"\"loader\":\"/lib/ld.so\",\"argv\":[],\"gains\":false,\"gain_lost\":false," BY("\"/x\"")
#define FROM(program)	 "\"from\":\"" program "\","
#define RUNS_AS(program) "\"interpreter\":\"" program "\","
#define SIGNAL(name, target, peer, programs)                                                       \
	"{\"signal\":\"" name "\",\"target\":\"" target "\"" peer                                  \
	",\"outcomes\":{\"ok\":1}," BY(programs)
#define CAP(name, instead, strength, programs)                                                     \
	"{\"cap\":\"CAP_" name "\"" instead ",\"strength\":\"" strength                            \
	"\",\"denied\":false,\"syscalls\":[\"chown\"],\"evidence\":[\"because\"]," BY(programs)

#define SH  "\"/bin/sh\""
#define SRV "\"/bin/srv\""
#define CAT "\"/bin/cat\""
/* A script, that executes a server, that executes cat. */
#define EXECS                                                                                      \
	EXEC("", "/entry", RUNS_AS("/bin/sh"))                                                     \
	"," EXEC(FROM("/bin/sh"), "/bin/srv", "") "," EXEC(FROM("/bin/srv"), "/bin/cat", "")
#define CALLS ",\"syscalls\":[" CALL("read", "", SH) "]"
#define OWN_FILES                                                                                  \
	FILE_FACT("/entry", "exec", "\"/x\"")                                                      \
	"," FILE_FACT("/bin/sh", "interpreter", "\"/x\"") "," FILE_FACT(                           \
		"/lib/ld.so", "loader",                                                            \
		"\"/x\"," SH "," SRV) "," FILE_FACT("/bin/srv", "exec", SH) "," FILE_FACT("/bin/"  \
											  "cat",   \
											  "exec",  \
											  SRV)

static struct wh_trace *trace;

static int parse(const char *json, const struct wh_policy_options *options, struct wh_policy **ret)
{
	struct wh_error e = {0};
	int r;

	wh_trace_free(trace);
	trace = NULL;
	*ret = NULL;
	r = wh_trace_json_parse(json, strlen(json), &trace, &e);
	if (r < 0)
		fprintf(stderr, "%s\n", e.text);
	CU_ASSERT_FATAL(r >= 0);
	return wh_policy_new(trace, options, ret, &e);
}

static struct wh_policy *split(const char *json)
{
	static const struct wh_policy_options options = {
		.name = "p", .runtime = "none", .subprofiles = true};
	struct wh_policy *p;

	CU_ASSERT_EQUAL_FATAL(parse(json, &options, &p), 0);
	return p;
}

/* "rm", "rx", "x>p//cat"; "" if there is no rule. */
static const char *file(const struct wh_policy *p, const char *pattern)
{
	static const char order[] = "rwalkmx";
	static char text[200];

	text[0] = '\0';
	for (size_t i = 0; i < p->n_files; i++) {
		size_t n = 0;

		if (strcmp(p->files[i].pattern, pattern) != 0)
			continue;
		for (size_t k = 0; order[k]; k++)
			if (p->files[i].letters & (1u << k))
				text[n++] = order[k];
		snprintf(text + n, sizeof(text) - n, "%s%s", p->files[i].to ? ">" : "",
			 p->files[i].to ? p->files[i].to->name : "");
	}
	return text;
}

static bool has_rule(const struct wh_policy *p, const char *text)
{
	for (size_t i = 0; i < p->n_rules; i++)
		if (strcmp(p->rules[i].text, text) == 0)
			return true;
	return false;
}

static void test_share(void)
{
	wh_auto(policy) p = split(
		RUN CALLS
		",\"execs\":[" EXECS "],\"files\":[" OWN_FILES
		"," FILE_FACT("/key", "read", SH) "," FILE_FACT("/all", "read", "") "," FILE_FACT(
			"/log", "append",
			SH) "," FILE_FACT("/log", "inherit-write",
					  SRV "," CAT) "," FILE_FACT("/dev/"
								     "stdin"
								     "-of-"
								     "ours",
								     "inherit-read", SRV) "]}");

	CU_ASSERT_EQUAL_FATAL(p->n_profiles, 3);
	const struct wh_policy *sh = p->profiles[0], *cat = p->profiles[1], *srv = p->profiles[2];

	CU_ASSERT_STRING_EQUAL(sh->name, "p");
	CU_ASSERT_STRING_EQUAL(cat->name, "p//cat");
	CU_ASSERT_STRING_EQUAL(srv->name, "p//srv");
	CU_ASSERT_FALSE(p->no_new_privs);
	/* The change to another is by what was executed; its file and loader are mapped there. */
	CU_ASSERT_STRING_EQUAL(file(sh, "/entry"), "x");
	CU_ASSERT_STRING_EQUAL(file(sh, "/bin/sh"), "rm");
	CU_ASSERT_STRING_EQUAL(file(sh, "/bin/srv"), "x>p//srv");
	CU_ASSERT_STRING_EQUAL(file(sh, "/bin/cat"), "");
	CU_ASSERT_STRING_EQUAL(file(srv, "/bin/srv"), "rm");
	CU_ASSERT_STRING_EQUAL(file(srv, "/bin/cat"), "x>p//cat");
	CU_ASSERT_STRING_EQUAL(file(cat, "/bin/cat"), "rm");
	CU_ASSERT_STRING_EQUAL(file(cat, "/lib/ld.so"), "rm");
	/* What only one did is its alone; who did it is not always known. */
	CU_ASSERT_STRING_EQUAL(file(sh, "/key"), "r");
	CU_ASSERT_STRING_EQUAL(file(srv, "/key"), "");
	CU_ASSERT_STRING_EQUAL(file(srv, "/all"), "r");
	CU_ASSERT_STRING_EQUAL(file(cat, "/all"), "r");
	/* What is open across an execve is asked about again; what the recorder had open is not ours. */
	CU_ASSERT_STRING_EQUAL(file(srv, "/log"), "w");
	CU_ASSERT_STRING_EQUAL(file(cat, "/log"), "w");
	CU_ASSERT_STRING_EQUAL(file(srv, "/dev/stdin-of-ours"), "");
	/* The whole stays what it is without. */
	CU_ASSERT_STRING_EQUAL(file(p, "/bin/srv"), "x");
	CU_ASSERT_STRING_EQUAL(file(p, "/key"), "r");
}

static void test_back(void)
{
	wh_auto(policy) p = split(RUN CALLS ",\"execs\":[" EXECS "," EXEC(
		FROM("/bin/cat"), "/helper", RUNS_AS("/bin/sh")) "],\"files\":[" OWN_FILES
								 "," FILE_FACT("/helper", "exec",
									       CAT) "]}");

	CU_ASSERT_EQUAL_FATAL(p->n_profiles, 3);
	CU_ASSERT_STRING_EQUAL(file(p->profiles[1], "/helper"), "x>p");
	CU_ASSERT_STRING_EQUAL(file(p->profiles[0], "/helper"), "");
}

static void test_peers(void)
{
	wh_auto(policy) p = split(
		RUN CALLS ",\"execs\":[" EXECS "],\"files\":[" OWN_FILES "],\"signals\":[" SIGNAL(
			"SIGHUP", "tree", ",\"peer\":\"/bin/srv\"",
			SRV) "," SIGNAL("SIGTERM", "tree", ",\"peer\":\"/bin/cat\"",
					SRV) "," SIGNAL("SIGUSR1", "group", "", SH) "]}");

	CU_ASSERT_EQUAL_FATAL(p->n_profiles, 3);
	const struct wh_policy *sh = p->profiles[0], *cat = p->profiles[1], *srv = p->profiles[2];

	CU_ASSERT(has_rule(srv, "signal (send, receive) set=(hup) peer=p//srv"));
	CU_ASSERT(has_rule(srv, "signal (send) set=(term) peer=p//cat"));
	CU_ASSERT(has_rule(cat, "signal (receive) set=(term) peer=p//srv"));
	CU_ASSERT_FALSE(has_rule(sh, "signal (receive) set=(term) peer=p//srv"));
	CU_ASSERT(has_rule(sh, "signal (send) set=(usr1) peer=p{,//*}"));
	CU_ASSERT(has_rule(cat, "signal (receive) set=(usr1) peer=p"));
	CU_ASSERT(has_rule(sh, "signal (receive) set=(usr1) peer=p"));
	CU_ASSERT(has_rule(p, "signal (send, receive) set=(hup, term, usr1) peer=@{profile_name}"));
}

static void test_caps(void)
{
	wh_auto(policy) p =
		split(RUN CALLS ",\"execs\":[" EXECS "],\"files\":[" OWN_FILES
				"],\"caps\":[" CAP("CHOWN", "", "required", SH) "," CAP(
					"DAC_OVERRIDE", "", "required",
					SH) "," CAP("DAC_READ_SEARCH",
						    ",\"instead\":\"CAP_DAC_OVERRIDE\"", "required",
						    SRV) "," CAP("KILL", "", "possible", CAT) "]}");

	CU_ASSERT_EQUAL_FATAL(p->n_profiles, 3);
	const struct wh_policy *sh = p->profiles[0], *cat = p->profiles[1], *srv = p->profiles[2];

	CU_ASSERT(has_rule(sh, "capability chown"));
	CU_ASSERT_FALSE(has_rule(srv, "capability chown"));
	/* The container has no other that would do: it must be allowed where its stand-in was needed. */
	CU_ASSERT(has_rule(srv, "capability dac_override"));
	CU_ASSERT_FALSE(has_rule(srv, "capability dac_read_search"));
	CU_ASSERT_EQUAL(cat->n_caps, 0);
}

/* What varies in a name is told by who makes it; and one path must not lead to two profiles. */
static void test_patterns(void)
{
	wh_auto(policy) p = split(
		RUN CALLS
		",\"execs\":[" EXECS "," EXEC(FROM("/bin/sh"), "/tmp/a.Ab1xYz", "") "," EXEC(
			FROM("/bin/sh"), "/tmp/a.Zz9xYz",
			RUNS_AS("/bin/cat")) "],\"files\":[" OWN_FILES
					     "," FILE_FACT("/tmp/a.Ab1xYz", "create", SRV) "," FILE_FACT(
						     "/tmp/a.Zz9xYz", "create",
						     SRV) "," FILE_FACT("/tmp/a.Ab1xYz", "exec",
									SH) "," FILE_FACT("/tmp/"
											  "a."
											  "Zz9xYz",
											  "exec",
											  SH) "]}");

	CU_ASSERT_EQUAL_FATAL(p->n_profiles, 3);
	CU_ASSERT_STRING_EQUAL(p->profiles[1]->title, "/bin/cat, /tmp/a.Ab1xYz");
	CU_ASSERT_STRING_EQUAL(file(p->profiles[0], "/tmp/a.??????"), "x>p//cat");
}

/* apparmor_parser takes no more than twelve names to change to: those that hold least stay where they are. */
static void test_many(void)
{
	wh_auto(buf) b = {0};
	wh_auto(policy) p = NULL;
	const struct wh_policy *sh;
	size_t changes = 0;

	wh_buf_adds(&b, RUN CALLS ",\"execs\":[" EXECS);
	for (int i = 0; i < 20; i++)
		wh_buf_addf(&b, "," EXEC(FROM("/bin/sh"), "/bin/t%02d", ""), i);
	wh_buf_adds(&b, "],\"files\":[" OWN_FILES);
	for (int i = 0; i < 20; i++) {
		wh_buf_addf(&b, "," FILE_FACT("/bin/t%02d", "exec", SH), i);
		for (int j = 0; j < i; j++)
			wh_buf_addf(&b, "," FILE_FACT("/f%d-%d", "read", "\"/bin/t%02d\""), i, j,
				    i);
	}
	wh_buf_adds(&b, "," FILE_FACT("/big", "read", SRV) "]}");
	p = split(b.data);
	CU_ASSERT_FATAL(p->n_profiles > 2);
	sh = p->profiles[0];
	for (size_t i = 0; i < sh->n_files; i++)
		changes += sh->files[i].to != NULL;
	CU_ASSERT_EQUAL(changes, 12);
	CU_ASSERT_STRING_EQUAL(file(sh, "/bin/t19"), "x>p//t19");
	CU_ASSERT_STRING_EQUAL(file(sh, "/bin/t01"), "rmx");
	CU_ASSERT_STRING_EQUAL(file(sh, "/f1-0"), "r");
	CU_ASSERT_EQUAL(p->n_warnings, 1);
}

static void test_names(void)
{
	wh_auto(policy) p = split(
		RUN CALLS ",\"execs\":[" EXECS "," EXEC(FROM("/bin/sh"), "/usr/bin/[", "") "," EXEC(
			FROM("/bin/sh"), "/opt/.a b\\\"{*}",
			"") "," EXEC(FROM("/bin/sh"), "/opt/cat", "") "],\"files\":[" OWN_FILES
								      "]}");

	CU_ASSERT_EQUAL_FATAL(p->n_profiles, 6);
	CU_ASSERT_STRING_EQUAL(p->profiles[3]->child, "program.a-b----");
	CU_ASSERT_STRING_EQUAL(p->profiles[4]->child, "cat-2");
	CU_ASSERT_STRING_EQUAL(p->profiles[5]->child, "_");
}

static void test_not(void)
{
	static const struct wh_policy_options on = {
		.name = "p", .runtime = "none", .subprofiles = true, .no_new_privs = WH_POLICY_ON};
	struct wh_policy *p;
	wh_auto(policy) sets = split(RUN ",\"syscalls\":[" CALL(
		"prctl", ",\"args\":{\"index\":[0],\"values\":[[38]]}",
		SRV) "],\"execs\":[" EXECS "],\"files\":[" OWN_FILES "]}");

	/* Under no_new_privs the kernel refuses the change. */
	CU_ASSERT_EQUAL(sets->n_profiles, 0);
	CU_ASSERT_EQUAL(sets->n_warnings, 1);
	CU_ASSERT_EQUAL(
		parse(RUN CALLS ",\"execs\":[" EXECS "],\"files\":[" OWN_FILES "]}", &on, &p),
		-EINVAL);
	/* One program has nothing to change to, and keeps no_new_privs. */
	wh_auto(policy) one =
		split(RUN CALLS ",\"execs\":[" EXEC("", "/entry", RUNS_AS("/bin/sh")) "]}");

	CU_ASSERT_EQUAL(one->n_profiles, 0);
	CU_ASSERT(one->no_new_privs);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
		{"share", test_share},	     {"back", test_back}, {"peers", test_peers},
		{"caps", test_caps},	     {"many", test_many}, {"names", test_names},
		{"patterns", test_patterns}, {"not", test_not},
	};
	unsigned failed;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	CU_pSuite suite = CU_add_suite("policy-split", NULL, NULL);

	for (size_t i = 0; i < WH_ARRAY_SIZE(tests); i++) {
		if (!CU_add_test(suite, tests[i].name, tests[i].run))
			return 1;
	}
	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	wh_trace_free(trace);
	return failed != 0;
}
