// SPDX-License-Identifier: Apache-2.0
/* Decisions of the policy, the way AppArmor patterns are written, and what never becomes a pattern. */
#include <CUnit/Basic.h>

#include "gen/aare.h"
#include "gen/bundle.h"
#include "gen/explain.h"
#include "gen/generalise.h"
#include "gen/pool.h"
#include "gen/text.h"

#include <sys/stat.h>

#define RUN                                                                                        \
	"{\"format\":\"whittle-trace\",\"version\":1,\"complete\":true,\"runs\":[{\"id\":"         \
	"\"0123456789abcdef\",\"name\":\"demo\",\"tool\":\"t\",\"kernel\":\"k\",\"arch\":"         \
	"\"x86_64\",\"argv\":[\"/bin/demo\"],\"outcome\":\"exited 0\",\"failed\":false,"           \
	"\"complete\":true,\"uid\":0,\"gid\":0,\"cap_effective\":[],\"cap_permitted\":[],"         \
	"\"cap_inheritable\":[],\"cap_bounding\":[],\"cap_ambient\":[],\"no_new_privs\":false,"    \
	"\"seccomp_mode\":0,\"ip_unprivileged_port_start\":1024,\"engine\":\"ptrace\","            \
	"\"stops\":0,\"tasks\":1,\"duration_ms\":1}],"
#define HEAD                                                                                       \
	"\"count\":1,\"phases\":[\"startup\"],\"programs\":[\"/bin/demo\"],\"runs\":"              \
	"[\"0123456789abcdef\"]}"
#define CALL(abi, name)                                                                            \
	"{\"abi\":\"" abi "\",\"name\":\"" name "\",\"number\":1,\"errors\":{}," HEAD
#define CAP(name, strength, denied, call)                                                          \
	"{\"cap\":\"CAP_" name "\",\"strength\":\"" strength "\",\"denied\":" denied               \
	",\"syscalls\":[\"" call "\"],\"evidence\":[\"because\"]," HEAD
#define FILE_BY(path, access, outcomes, calls)                                                     \
	"{\"path\":\"" path "\",\"access\":\"" access "\",\"type\":\"file\",\"syscalls\":[" calls  \
	"],\"outcomes\":" outcomes ",\"owner_always\":false,\"peers\":[]," HEAD
#define FILE_FACT(path, access, outcomes) FILE_BY(path, access, outcomes, "")

static struct wh_trace *trace;

static struct wh_policy *policy_with(const char *json, const struct wh_policy_options *options)
{
	struct wh_policy *p = NULL;
	struct wh_error e = {0};

	wh_trace_free(trace);
	trace = NULL;
	if (wh_trace_json_parse(json, strlen(json), &trace, &e) < 0 ||
	    wh_policy_new(trace, options, &p, &e) < 0)
		fprintf(stderr, "%s\n", e.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	return p;
}

static struct wh_policy *policy_of(const char *json)
{
	static const struct wh_policy_options options = {0};

	return policy_with(json, &options);
}

static void check_aare(const char *path, const char *expected)
{
	wh_auto(buf) b = {0};

	wh_aare_escape(&b, path, strlen(path));
	CU_ASSERT_STRING_EQUAL(b.data, expected);
}

static void test_escape(void)
{
	check_aare("/usr/bin/a-b_c.d", "/usr/bin/a-b_c.d");
	check_aare("/a b,c#", "/a b,c#");
	check_aare("/?*[x]{y}^\"\\", "/\\?\\*\\[x\\]\\{y\\}\\^\\\"[\\\\]");
	check_aare("/@{HOME}/@x", "/[@]\\{HOME\\}/@x");
	check_aare("/nl\n\t\x7f", "/nl\\012\\011\\177");
	check_aare("/\xc3\xa9\xff\xc3", "/\xc3\xa9\\377\\303");
	check_aare("/\xe2\x80\xa8", "/\\342\\200\\250");
}

static void check_quote(const char *pattern, const char *expected)
{
	wh_auto(buf) b = {0};

	wh_aare_quote(&b, pattern);
	CU_ASSERT_STRING_EQUAL(b.data, expected);
}

static void test_quote(void)
{
	check_quote("/a/@{pid}/*", "/a/@{pid}/*");
	check_quote("/a b", "\"/a b\"");
	check_quote("/a,", "\"/a,\"");
	check_quote("/a\\?", "\"/a\\?\"");
	check_quote("/#a", "\"/#a\"");
}

static void check_path(const char *path, unsigned use, const char *expected)
{
	wh_auto(generalise) g = NULL;
	wh_auto(buf) b = {0}, reasons = {0};
	struct wh_error e = {0};

	CU_ASSERT_EQUAL_FATAL(wh_generalise_load(&g, &e), 0);
	wh_generalise_path(g, path, use, &b, &reasons);
	CU_ASSERT_STRING_EQUAL(b.data, expected);
	/* Whoever writes a pattern owes a reason, but for the trace's own variables. */
	if (strcmp(path, expected) != 0 && !strstr(path, "@{") && !strchr(expected, '\\'))
		CU_ASSERT_NOT_EQUAL(reasons.len, 0);
}

static void test_generalise(void)
{
	const unsigned created = WH_GENERALISE_CREATED, read = WH_GENERALISE_READ;

	check_path("/dev/pts/12", 0, "/dev/pts/@{int}");
	check_path("/dev/pts/ptmx", 0, "/dev/pts/ptmx");
	check_path("/proc/@{pid}/status", read, "/proc/@{pid}/status");
	check_path("/proc/@{pid}/task/@{tid}/comm", 0, "/proc/@{pid}/task/@{tid}/comm");
	check_path("/tmp/proc/@{pid}/x", 0, "/tmp/proc/[@]\\{pid\\}/x");
	check_path("/proc/@{pid}x/y", 0, "/proc/[@]\\{pid\\}x/y");
	check_path("/srv/#@{int}", created, "/srv/#@{int}");
	check_path("/srv/many/*", 0, "/srv/many/*");
	check_path("/srv/a*", 0, "/srv/a\\*");
	/* Real names that read like a mark of the trace have a backslash in front there. */
	check_path("/srv/\\*", 0, "/srv/\\*");
	check_path("/srv/\\\\*", 0, "/srv/[\\\\]\\*");
	check_path("/srv/\\a*", 0, "/srv/[\\\\]a\\*");
	check_path("/srv/*/a", 0, "/srv/\\*/a");
	check_path("/proc/\\@{pid}/a", 0, "/proc/[@]\\{pid\\}/a");
	check_path("/tmp/x.AbC123", created, "/tmp/x.??????");
	check_path("/tmp/x.AbC123", read, "/tmp/x.AbC123");
	check_path("/tmp/x.config", created, "/tmp/x.config");
	check_path("/tmp/tmpab12cd_e/f", created, "/tmp/tmp???????\?/f");
	check_path("/var/lib/pg/base/5/16384", created, "/var/lib/pg/base/5/[0-9]*");
	check_path("/var/lib/pg/base/5/16384_fsm", 0, "/var/lib/pg/base/5/[0-9]*");
	check_path("/var/lib/pg/base/pgsql_tmp/pgsql_tmp63.1.fileset/0.0", created,
		   "/var/lib/pg/base/pgsql_tmp/pgsql_tmp[0-9]*/[0-9]*.[0-9]*");
	check_path("/var/lib/app/5/16384", created, "/var/lib/app/5/[0-9]*");
	check_path("/var/lib/app/5/16384_tmp", created, "/var/lib/app/5/[0-9]*_tmp");
	check_path("/var/lib/app/5/16384", 0, "/var/lib/app/5/16384");
	check_path("/pg_wal/00000001000000000000000A", created, "/pg_wal/[0-9A-F]*");
	check_path("/dev/shm/PostgreSQL.1804289383", created, "/dev/shm/PostgreSQL.[0-9]*");
	check_path("/usr/lib/x86_64-linux-gnu/libc.so.6", read, "/usr/lib/@{multiarch}/libc.so.6");
	check_path("/lib/aarch64-linux-gnu/libz.so.1.2.13", read,
		   "/lib/@{multiarch}/libz.so.[0-9]*");
	check_path("/usr/lib/x86_64-linux-gnu/libc.so.6", 0, "/usr/lib/x86_64-linux-gnu/libc.so.6");
	check_path("/etc/passwd", read, "/etc/passwd");
}

static void test_generalise_table(void)
{
	static const struct {
		const char *text, *error;
	} bad[] = {
		{"{}", "it lacks the list \"entries\""},
		{"{\"entries\":[{\"match\":\"(\",\"write\":\"\",\"reason\":\"\"}]}",
		 "entry 1: \"(\": "},
		{"{\"entries\":[{\"match\":\"a\",\"write\":\"\",\"reason\":\"\"}]}",
		 "entry 1: \"a\" has no group 1"},
		{"{\"entries\":[{\"match\":\"(a)\",\"write\":\"\",\"reason\":\"\",\"only\":\"x\"}]"
		 "}",
		 "entry 1: \"only\" is"},
		{"{", "line 1: "},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(bad); i++) {
		struct wh_generalise *g = NULL;
		struct wh_error e = {0};

		CU_ASSERT_EQUAL(wh_generalise_parse(bad[i].text, &g, &e), -EINVAL);
		CU_ASSERT_PTR_NULL(g);
		CU_ASSERT(wh_util_has_prefix(e.text, bad[i].error));
	}
}

static enum wh_policy_decision decision(const struct wh_policy *p, const char *name)
{
	const struct wh_policy_cap *cap = wh_policy_find_cap(p, name);

	CU_ASSERT_PTR_NOT_NULL_FATAL(cap);
	return cap->decision;
}

static void test_caps(void)
{
	wh_auto(policy) p = policy_of(
		RUN
		"\"syscalls\":[" CALL("x86_64", "read") "],\"caps\":[" CAP("CHOWN", "required", "false", "chown") "," CAP(
			"DAC_OVERRIDE", "required", "false",
			"openat") "," CAP("DAC_READ_SEARCH", "required", "false",
					  "openat") "," CAP("KILL", "likely", "false",
							    "kill") "," CAP("SETPCAP", "possible",
									    "false",
									    "execve") "," CAP("SYS_"
											      "ADMI"
											      "N",
											      "requ"
											      "ire"
											      "d",
											      "tru"
											      "e",
											      "moun"
											      "t") "," CAP("BPF",
													   "required",
													   "false",
													   "bpf") "]}");

	CU_ASSERT_EQUAL(decision(p, "CAP_CHOWN"), WH_POLICY_ADD);
	CU_ASSERT_EQUAL(decision(p, "dac_override"), WH_POLICY_ADD);
	CU_ASSERT_EQUAL(decision(p, "CAP_DAC_READ_SEARCH"), WH_POLICY_COVERED);
	CU_ASSERT_EQUAL(decision(p, "CAP_KILL"), WH_POLICY_ADD);
	CU_ASSERT_EQUAL(decision(p, "CAP_SETPCAP"), WH_POLICY_CONSIDERED);
	CU_ASSERT_EQUAL(decision(p, "CAP_SYS_ADMIN"), WH_POLICY_DENIED);
	/* SYS_ADMIN was denied, so it covers nothing. */
	CU_ASSERT_EQUAL(decision(p, "CAP_BPF"), WH_POLICY_ADD);
	CU_ASSERT_PTR_NULL(wh_policy_find_cap(p, "CAP_MKNOD"));
	CU_ASSERT_PTR_NULL(wh_policy_find_cap(p, "CAP_NONSENSE"));
}

/*
 * A refusal after which the recording went well says that it is not needed; after one that failed, nothing, nor where the
 * process did.
 */
static void test_caps_refused(void)
{
	static const char text[] = RUN "\"syscalls\":[" CALL("x86_64", "read") "],\"caps\":[" CAP(
		"CHOWN", "required", "true", "chown") "]}";
	static const struct {
		const char *is, *becomes;
		bool went_on;
	} cases[] = {
		{"\"failed\":false", "\"failed\":false", true},
		{"\"failed\":false", "\"failed\":true", false},
		{"\"denied\":true", "\"denied\":true,\"ended\":true", false},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(cases); i++) {
		const char *at = strstr(text, cases[i].is);
		wh_auto(str) json = NULL;
		bool warned = false;

		CU_ASSERT_FATAL(asprintf(&json, "%.*s%s%s", (int)(at - text), text,
					 cases[i].becomes, at + strlen(cases[i].is)) > 0);
		wh_auto(policy) p = policy_of(json);
		const struct wh_policy_cap *cap = wh_policy_find_cap(p, "CHOWN");

		CU_ASSERT_PTR_NOT_NULL_FATAL(cap);
		CU_ASSERT_EQUAL(cap->decision, WH_POLICY_DENIED);
		CU_ASSERT_EQUAL(wh_policy_went_on(p, cap->facts[0]), cases[i].went_on);
		CU_ASSERT_EQUAL(strstr(cap->reason, "not needed") != NULL, cases[i].went_on);
		CU_ASSERT_EQUAL(strstr(wh_policy_refused(p, cap->facts[0]), "went on") != NULL,
				cases[i].went_on);
		for (size_t k = 0; k < p->n_warnings; k++)
			warned |= strstr(p->warnings[k].text, "want of CAP_CHOWN") != NULL;
		CU_ASSERT_EQUAL(warned, !cases[i].went_on);
	}
}

/* Only DAC_READ_SEARCH itself opens a file by its handle. */
static void test_caps_handle(void)
{
	wh_auto(policy) p =
		policy_of(RUN "\"syscalls\":[" CALL("x86_64", "read") "],\"caps\":[" CAP(
			"DAC_OVERRIDE", "required", "false",
			"openat") "," CAP("DAC_READ_SEARCH", "required", "false",
					  "open_by_handle_at") "]}");

	CU_ASSERT_EQUAL(decision(p, "CAP_DAC_READ_SEARCH"), WH_POLICY_ADD);
}

/* Trials decide: what was proved stays; what one load did without goes, for the recordings of that load alone. */
static void test_caps_tried(void)
{
	static const char used[] = CAP("CHOWN", "required", "false", "chown");
	static const char proved[] = "," CAP("CHOWN", "proved", "false", "chown");
	static const char without[] = "," CAP("CHOWN", "not-needed", "false", "chown");
	static const char without_other[] =
		",{\"cap\":\"CAP_CHOWN\",\"strength\":\"not-needed\",\"denied\":false,\"count\":1,"
		"\"phases\":[],\"runs\":[\"fedcba9876543210\"]}";
	static const char without_any[] = ",{\"cap\":\"CAP_CHOWN\",\"strength\":\"not-needed\","
					  "\"denied\":false,\"count\":1,\"phases\":[]}";
	static const struct {
		const char *more, *too;
		enum wh_policy_decision decision;
		size_t warnings;
	} cases[] = {
		{"", "", WH_POLICY_ADD, 0},	      {proved, "", WH_POLICY_ADD, 0},
		{without, "", WH_POLICY_UNNEEDED, 1}, {without_other, "", WH_POLICY_ADD, 0},
		{without_any, "", WH_POLICY_ADD, 0},  {without, proved, WH_POLICY_ADD, 0},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(cases); i++) {
		char text[4096];

		snprintf(text, sizeof(text),
			 RUN "\"syscalls\":[" CALL("x86_64", "chown") "],\"caps\":[%s%s%s]}", used,
			 cases[i].more, cases[i].too);
		wh_auto(policy) p = policy_of(text);
		CU_ASSERT_EQUAL(decision(p, "CAP_CHOWN"), cases[i].decision);
		CU_ASSERT_EQUAL(p->n_warnings, cases[i].warnings);
	}
}

/* What a fact says would have done instead does, if it is added for something else anyway. */
static void test_caps_instead(void)
{
	static const char touch[] = "{\"cap\":\"CAP_FOWNER\",\"instead\":\"CAP_DAC_OVERRIDE\","
				    "\"strength\":\"required\",\"denied\":false,\"count\":1,"
				    "\"phases\":[\"startup\"],\"syscalls\":[\"utimes\"]}";
	static const char chmod[] = "," CAP("FOWNER", "required", "false", "chmod");
	static const char write[] = "," CAP("DAC_OVERRIDE", "required", "false", "openat");
	static const struct {
		const char *more, *too;
		enum wh_policy_decision decision;
	} cases[] = {
		{"", "", WH_POLICY_ADD},
		{write, "", WH_POLICY_COVERED},
		{write, chmod, WH_POLICY_ADD},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(cases); i++) {
		char text[4096];

		snprintf(text, sizeof(text),
			 RUN "\"syscalls\":[" CALL("x86_64", "read") "],\"caps\":[%s%s%s]}", touch,
			 cases[i].more, cases[i].too);
		wh_auto(policy) p = policy_of(text);
		CU_ASSERT_EQUAL(decision(p, "CAP_FOWNER"), cases[i].decision);
	}
}

static int answer(const struct wh_policy *p, const char *name)
{
	const struct wh_policy_syscall *s = wh_policy_find_syscall(p, name);

	return s ? s->error : -1;
}

static void test_syscalls(void)
{
	static const struct wh_policy_options none = {.runtime = "none"};
	wh_auto(policy) p = policy_with(
		RUN "\"syscalls\":[" CALL("x86_64", "read") "," CALL("x86_64", "rt_sigaction") "]}",
		&none);

	CU_ASSERT_EQUAL(answer(p, "read"), 0);
	CU_ASSERT_EQUAL(answer(p, "rt_sigreturn"), 0);
	CU_ASSERT_EQUAL(answer(p, "execve"), 0);
	CU_ASSERT_EQUAL(answer(p, "exit_group"), 0);
	CU_ASSERT_EQUAL(answer(p, "clone3"), ENOSYS);
	CU_ASSERT_EQUAL(answer(p, "write"), -1);
	CU_ASSERT_EQUAL(answer(p, "capset"), -1);
	/* No i386 was seen: neither its names nor its architecture. */
	CU_ASSERT_EQUAL(answer(p, "sigreturn"), -1);
	CU_ASSERT_EQUAL(p->n_architectures, 1);
	CU_ASSERT_STRING_EQUAL(p->architectures[0], "SCMP_ARCH_X86_64");
}

static void test_syscalls_floor(void)
{
	static const struct wh_policy_options on = {.no_new_privs = WH_POLICY_ON},
					      off = {.no_new_privs = WH_POLICY_OFF},
					      crun = {.runtime = "crun"};
	static const char json[] = RUN "\"syscalls\":[" CALL("i386", "rt_sigaction") "]}";
	struct wh_policy *p = policy_with(json, &on);

	CU_ASSERT_EQUAL(answer(p, "capset"), -1);
	CU_ASSERT_EQUAL(answer(p, "sigreturn"), 0);
	CU_ASSERT_STRING_EQUAL(p->architectures[0], "SCMP_ARCH_X86");
	wh_policy_free(p);
	p = policy_with(json, &off);
	CU_ASSERT_EQUAL(answer(p, "capset"), 0);
	CU_ASSERT_PTR_NOT_NULL(wh_policy_find_syscall(p, "capset")->floor);
	wh_policy_free(p);
	p = policy_with(json, &crun);
	CU_ASSERT_EQUAL(answer(p, "epoll_ctl"), -1);
	wh_policy_free(p);
}

static void test_enosys_only(void)
{
	wh_auto(policy) p = policy_of(
		RUN
		"\"syscalls\":[{\"abi\":\"x86_64\",\"name\":\"clone3\",\"number\":435,\"errors\":"
		"{\"ENOSYS\":1}," HEAD
		",{\"abi\":\"x86_64\",\"name\":\"faccessat2\",\"number\":439,"
		"\"errors\":{\"ENOENT\":1}," HEAD "]}");

	CU_ASSERT_EQUAL(answer(p, "clone3"), ENOSYS);
	CU_ASSERT_EQUAL(answer(p, "faccessat2"), 0);
}

static const struct wh_policy_file *file_of(const struct wh_policy *p, const char *path)
{
	for (size_t i = 0; i < p->n_files; i++) {
		if (strcmp(p->files[i].path, path) == 0)
			return &p->files[i];
	}
	return NULL;
}

static void test_files(void)
{
	/* clang-format off */
	wh_auto(policy) p = policy_of(RUN "\"syscalls\":[" CALL("x86_64", "read") "],\"files\":["
		FILE_FACT("/etc/a", "read", "{\"ok\":1}") ","
		FILE_FACT("/etc/b", "write", "{\"ok\":1}") ","
		FILE_FACT("/etc/b", "lock", "{\"ok\":1}") ","
		FILE_FACT("/etc/gone", "read", "{\"ENOENT\":1}") ","
		FILE_FACT("/etc/no", "read", "{\"EACCES\":1}") ","
		FILE_FACT("/etc/pending", "read", "{}") ","
		FILE_FACT("/fifo", "write", "{\"ENXIO\":1}") ","
		FILE_FACT("/log", "append", "{\"ok\":1}") ","
		FILE_FACT("/own", "inherit-write", "{\"ok\":1}") ","
		FILE_FACT("/own", "read", "{\"ok\":1}") ","
		FILE_FACT("/recorder/stdout", "inherit-write", "{\"ok\":1}") ","
		FILE_BY("/recorder/stdin", "inherit-read", "{\"ok\":1}", "\"execve\"") ","
		FILE_BY("/sent", "inherit-read", "{\"ok\":1}", "\"execve\",\"recvmsg\"") ","
		FILE_FACT("/stat", "stat", "{\"ok\":1}") ","
		FILE_FACT("/times", "utime", "{\"ok\":1}") ","
		FILE_FACT("pipe:[1]", "write", "{\"ok\":1}")
		"]}");
	/* clang-format on */

	/* Two names in a folder are two rules, with no more letters than each had. */
	CU_ASSERT_EQUAL(file_of(p, "/etc/a")->letters, WH_POLICY_R);
	CU_ASSERT_EQUAL(file_of(p, "/etc/b")->letters, WH_POLICY_W | WH_POLICY_K);
	CU_ASSERT_STRING_EQUAL(file_of(p, "/etc/a")->pattern, "/etc/a");
	CU_ASSERT_PTR_NULL(file_of(p, "/etc/gone"));
	CU_ASSERT_PTR_NULL(file_of(p, "/etc/no"));
	CU_ASSERT_PTR_NOT_NULL(file_of(p, "/etc/pending"));
	CU_ASSERT_PTR_NOT_NULL(file_of(p, "/fifo"));
	CU_ASSERT_EQUAL(file_of(p, "/log")->letters, WH_POLICY_W);
	CU_ASSERT_PTR_NULL(file_of(p, "/recorder/stdout"));
	CU_ASSERT_PTR_NULL(file_of(p, "/recorder/stdin"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(file_of(p, "/sent"));
	CU_ASSERT_EQUAL(file_of(p, "/sent")->letters, WH_POLICY_R);
	CU_ASSERT_EQUAL(file_of(p, "/own")->letters, WH_POLICY_R | WH_POLICY_W);
	CU_ASSERT_PTR_NULL(file_of(p, "/stat"));
	CU_ASSERT_PTR_NULL(file_of(p, "/times"));
	CU_ASSERT_PTR_NULL(file_of(p, "pipe:[1]"));
}

static void test_no_new_privs(void)
{
	wh_auto(policy) p = policy_of(RUN "\"syscalls\":[" CALL(
		"x86_64", "execve") "],\"execs\":[{\"to\":\"/su\\n-x\",\"argv\":"
				    "[],\"gains\":true,\"gain_lost\":false," HEAD "]}");

	CU_ASSERT_FALSE(p->no_new_privs);
	CU_ASSERT_TRUE(p->kubernetes_escalation);
	CU_ASSERT_EQUAL(answer(p, "capset"), 0);
	/* It goes into comments: a newline in a file's name must not end them. */
	CU_ASSERT_PTR_NULL(strchr(p->no_new_privs_reason, '\n'));
}

/* Kubernetes takes no allowPrivilegeEscalation: false with CAP_SYS_ADMIN: the floor must hold there. */
static void test_sys_admin_floor(void)
{
	wh_auto(policy) p =
		policy_of(RUN "\"syscalls\":[" CALL("x86_64", "mount") "],\"caps\":[" CAP(
			"SYS_ADMIN", "required", "false", "mount") "]}");

	CU_ASSERT_TRUE(p->no_new_privs);
	CU_ASSERT_TRUE(p->kubernetes_escalation);
	CU_ASSERT_EQUAL(answer(p, "capset"), 0);
}

static void test_gaps(void)
{
	wh_auto(policy) p = policy_of(RUN "\"syscalls\":[" CALL("x86_64", "read") "," CALL(
		"x86_64",
		"syscall_999") "],"
			       "\"gaps\":[{\"kind\":\"lost-exit\",\"detail\":\"x\\ny\"," HEAD ","
			       "{\"kind\":\"never-heard-of\",\"detail\":\"\"," HEAD "]}");
	struct wh_policy_numbers n;

	wh_policy_numbers(p, &n);
	CU_ASSERT_EQUAL(n.gaps, 2);
	CU_ASSERT_EQUAL(n.refusals, 2);
	CU_ASSERT_EQUAL(answer(p, "syscall_999"), -1);
	for (size_t i = 0; i < p->n_warnings; i++)
		CU_ASSERT_PTR_NULL(strchr(p->warnings[i].text, '\n'));
}

#define ATTACHED "\"gaps\":[{\"kind\":\"attached\",\"detail\":\"/bin/served\"," HEAD "]"
#define STARTS(program)                                                                            \
	"\"execs\":[{\"to\":\"" program "\",\"argv\":[],\"gains\":false,\"gain_lost\":false," HEAD \
	"],"

/* A start is seen by whoever has seen that program's. */
static void test_attached(void)
{
	static const struct {
		const char *json;
		size_t refusals;
	} cases[] = {
		{RUN "\"syscalls\":[" CALL("x86_64", "read") "]," ATTACHED "}", 1},
		{RUN STARTS("/bin/other") "\"syscalls\":[" CALL("x86_64", "read") "]," ATTACHED "}",
		 1},
		{RUN STARTS("/bin/served") "\"syscalls\":[" CALL("x86_64", "read") "]," ATTACHED
										   "}",
		 0},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(cases); i++) {
		wh_auto(policy) p = policy_of(cases[i].json);
		struct wh_policy_numbers n;

		wh_policy_numbers(p, &n);
		CU_ASSERT_EQUAL(n.refusals, cases[i].refusals);
	}
}

static void test_refused_options(void)
{
	static const char json[] = RUN "\"syscalls\":[" CALL("x86_64", "read") "]}";
	static const struct wh_policy_options bad[] = {
		{.name = ""},	 {.name = "a b"}, {.name = "-a"},   {.name = ".."},
		{.name = "a/b"}, {.name = "x\n"}, {.runtime = "x"}, {.runtime = "../runc"},
	};

	wh_trace_free(trace);
	trace = NULL;
	CU_ASSERT_EQUAL_FATAL(wh_trace_json_parse(json, strlen(json), &trace, NULL), 0);
	for (size_t i = 0; i < WH_ARRAY_SIZE(bad); i++) {
		struct wh_policy *p = NULL;
		struct wh_error e = {0};

		CU_ASSERT_EQUAL(wh_policy_new(trace, &bad[i], &p, &e), -EINVAL);
		CU_ASSERT_PTR_NULL(p);
	}
}

static void test_formats(void)
{
	unsigned formats = 0;

	CU_ASSERT_EQUAL(wh_emit_formats("caps,seccomp,caps", &formats, NULL), 0);
	CU_ASSERT_EQUAL(formats, 1u << WH_EMIT_SECCOMP | 1u << WH_EMIT_CAPS);
	CU_ASSERT_EQUAL(wh_emit_formats("", &formats, NULL), -EINVAL);
	CU_ASSERT_EQUAL(wh_emit_formats("seccomp,", &formats, NULL), -EINVAL);
	CU_ASSERT_EQUAL(wh_emit_formats("sec", &formats, NULL), -EINVAL);
	CU_ASSERT_EQUAL(formats, 1u << WH_EMIT_SECCOMP | 1u << WH_EMIT_CAPS);
}

static void test_docker_dir(void)
{
	static const char *const bad[] = {"a b", "x;y", "$(id)", "a*", "t\tx", "n\nl"};
	wh_auto(policy) p = policy_of(RUN "\"syscalls\":[" CALL("x86_64", "read") "]}");

	for (size_t i = 0; i < WH_ARRAY_SIZE(bad); i++) {
		struct wh_emit emit = {.policy = p, .dir = bad[i], .formats = WH_EMIT_ALL};
		char *text = NULL;

		CU_ASSERT_EQUAL(wh_emit_text(&emit, WH_EMIT_DOCKER, &text, NULL), -EINVAL);
		CU_ASSERT_PTR_NULL(text);
	}
}

/* The same facts in any order make the same bytes. */
static void test_deterministic(void)
{
	static const char *const traces[] = {
		RUN "\"syscalls\":[" CALL("x86_64", "read") "," CALL("x86_64", "write") "]}",
		RUN "\"syscalls\":[" CALL("x86_64", "write") "," CALL("x86_64", "read") "]}",
	};
	char *texts[2][WH_EMIT_FORMATS] = {0};

	for (size_t i = 0; i < WH_ARRAY_SIZE(traces); i++) {
		wh_auto(policy) p = policy_of(traces[i]);
		struct wh_emit emit = {.policy = p, .dir = "bundle", .formats = WH_EMIT_ALL};

		for (int f = 0; f < WH_EMIT_FORMATS; f++)
			CU_ASSERT_EQUAL_FATAL(
				wh_emit_text(&emit, (enum wh_emit_format)f, &texts[i][f], NULL), 0);
	}
	for (int f = 0; f < WH_EMIT_FORMATS; f++) {
		CU_ASSERT_STRING_EQUAL(texts[0][f], texts[1][f]);
		free(texts[0][f]);
		free(texts[1][f]);
	}
}

static int explained(const struct wh_policy *p, const char *item, const char *expected)
{
	wh_auto(buf) b = {0};
	int r = wh_explain_item(p, item, &b, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(b.data);
	if (!strstr(b.data, expected))
		fprintf(stderr, "%s: %s", item, b.data);
	CU_ASSERT_PTR_NOT_NULL(strstr(b.data, expected));
	return r;
}

static void test_explain(void)
{
	wh_auto(policy) p =
		policy_of(RUN "\"syscalls\":[" CALL("x86_64", "chown") "],\"caps\":[" CAP(
			"CHOWN", "required", "false",
			"chown") "],\"files\":[" FILE_FACT("/dev/pts/7", "read",
							   "{\"ok\":1}") "," FILE_FACT("/only/stat",
										       "stat",
										       "{\"ok\":1}") "]}");

	CU_ASSERT_EQUAL(explained(p, "chown", "capability CAP_CHOWN"), 1);
	CU_ASSERT_EQUAL(explained(p, "CHOWN", "because\n"), 1);
	CU_ASSERT_EQUAL(explained(p, "clone3", "ENOSYS"), 1);
	CU_ASSERT_EQUAL(explained(p, "execve", "runc needs it"), 1);
	CU_ASSERT_EQUAL(explained(p, "mount", "not in the profile"), 0);
	CU_ASSERT_EQUAL(explained(p, "CAP_MKNOD", "not in the list"), 0);
	CU_ASSERT_EQUAL(explained(p, "/dev/pts/7", "terminal"), 1);
	CU_ASSERT_EQUAL(explained(p, "/dev/pts/9", "was not seen itself"), 1);
	CU_ASSERT_EQUAL(explained(p, "/dev/pts/@{int}", "read /dev/pts/7"), 1);
	CU_ASSERT_EQUAL(explained(p, "/only/stat", "needs no rule"), 0);
	CU_ASSERT_EQUAL(explained(p, "/etc/shadow", "was not observed"), 0);
	CU_ASSERT_EQUAL(explained(p, "io-uring", "has none"), 0);
	/* What the template has answers with the template's reason. */
	CU_ASSERT_EQUAL(explained(p, "/dev/null",
				  "AppArmor rule /dev/null rw: in each profile\n"
				  "  because\n    Standard input and output"),
			1);
	CU_ASSERT_EQUAL(explained(p, "/dev/console", "Standard input and output"), 1);
	CU_ASSERT_EQUAL(explained(p, "/dev/pts/9", "AppArmor rule /dev/pts/@{int} rw"), 1);
	CU_ASSERT_EQUAL(explained(p, "/dev/pts/x", "was not observed"), 0);
	CU_ASSERT_EQUAL(explained(p, "/dev/nullx", "was not observed"), 0);
	CU_ASSERT_EQUAL(explained(p, "signal", "signal (receive) peer=crun"), 1);
	CU_ASSERT_EQUAL(explained(p, "SIGTERM", "may stop it"), 1);
	CU_ASSERT_EQUAL(explained(p, "signal (receive) peer=runc", "may stop it"), 1);
	CU_ASSERT_EQUAL(explained(p, "SIGNONE", "is not in the profile"), 0);
	CU_ASSERT_EQUAL(explained(p, "/proc/kcore", "deny /proc/kcore rwklx: denied"), 0);
	CU_ASSERT_EQUAL(explained(p, "/proc/kcore", "because the memory of the kernel"), 0);
	CU_ASSERT_EQUAL(explained(p, "/proc/kcore2", "was not observed"), 0);
	CU_ASSERT_EQUAL(explained(p, "/sys/firmware/efi", "firmware variables"), 0);
	CU_ASSERT_EQUAL(explained(p, "deny /sys/** wklx", "devices and settings"), 0);
	CU_ASSERT_EQUAL(explained(p, "no\nsuch\x1b", "no\\x0asuch\\x1b is not"), 0);
}

static void test_bundle(void)
{
	wh_auto(policy) p = policy_of(RUN "\"syscalls\":[" CALL("x86_64", "read") "]}");
	char base[] = "/tmp/test-policy.XXXXXX", dir[64], file[96], command[96];
	struct wh_emit emit = {.policy = p, .dir = dir, .formats = WH_EMIT_ALL};
	struct wh_bundle_settings settings;
	struct wh_error e = {0};
	struct stat st;
	FILE *f;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(base));
	snprintf(dir, sizeof(dir), "%s/bundle", base);
	CU_ASSERT_EQUAL(wh_bundle_write(&emit, &e), 0);
	CU_ASSERT_EQUAL(wh_bundle_write(&emit, &e), 0);
	CU_ASSERT_EQUAL_FATAL(wh_bundle_settings_read(dir, &settings, &e), 0);
	CU_ASSERT_STRING_EQUAL(settings.name, "whittle-demo");
	CU_ASSERT_STRING_EQUAL(settings.runtime, "runc");
	CU_ASSERT_EQUAL(settings.no_new_privs, WH_POLICY_ON);
	wh_bundle_settings_free(&settings);

	/* Somebody's own file stays as it is, and so does all else. */
	snprintf(file, sizeof(file), "%s/compose.yaml", dir);
	f = fopen(file, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs("services: {}\n", f);
	fclose(f);
	CU_ASSERT_EQUAL(wh_bundle_write(&emit, &e), -EEXIST);
	CU_ASSERT_EQUAL(stat(file, &st), 0);
	CU_ASSERT_EQUAL(st.st_size, 13);
	emit.formats &= ~(1u << WH_EMIT_COMPOSE);
	CU_ASSERT_EQUAL(wh_bundle_write(&emit, NULL), 0);

	/* A name that does not fit into docker-run.args: nothing is left behind. */
	snprintf(dir, sizeof(dir), "%s/a b", base);
	CU_ASSERT_EQUAL(wh_bundle_write(&emit, NULL), -EINVAL);
	CU_ASSERT_EQUAL(stat(dir, &st), -1);
	snprintf(command, sizeof(command), "test \"$(ls %s)\" = bundle", base);
	CU_ASSERT_EQUAL(system(command), 0);
	snprintf(command, sizeof(command), "rm -r %s", base);
	CU_ASSERT_EQUAL(system(command), 0);
}

/* Templates of one's own are foreign: a bad one is an error, and nothing is written or freed twice. */
static void test_bad_templates(void)
{
	static const char json[] = RUN "\"syscalls\":[" CALL("x86_64", "read") "]}";
	static const char *const bad[] = {
		"{\"entries\":3}", "{\"entries\":[{}]}", "[", "{}",
		"{\"entries\":[{\"when\":1,\"allow\":[],\"reason\":\"\"}]}"};
	static const struct wh_policy_options options = {0};
	char dir[] = "/tmp/test-policy.XXXXXX", command[256];
	struct wh_policy *p = NULL;
	FILE *f;

	wh_trace_free(trace);
	trace = NULL;
	CU_ASSERT_EQUAL_FATAL(wh_trace_json_parse(json, strlen(json), &trace, NULL), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	setenv("WHITTLE_TEMPLATES", dir, 1);
	CU_ASSERT_EQUAL(wh_policy_new(trace, &options, &p, NULL), -ENOENT);
	snprintf(command, sizeof(command), "cp -r %s/templates/. %s", WH_TEST_SOURCE, dir);
	CU_ASSERT_EQUAL_FATAL(system(command), 0);
	CU_ASSERT_EQUAL_FATAL(wh_policy_new(trace, &options, &p, NULL), 0);
	wh_policy_free(p);
	p = NULL;
	for (size_t i = 0; i < WH_ARRAY_SIZE(bad); i++) {
		snprintf(command, sizeof(command), "%s/implied.json", dir);
		f = fopen(command, "w");
		CU_ASSERT_PTR_NOT_NULL_FATAL(f);
		fputs(bad[i], f);
		fclose(f);
		CU_ASSERT_EQUAL(wh_policy_new(trace, &options, &p, NULL), -EINVAL);
		CU_ASSERT_PTR_NULL(p);
	}
	unsetenv("WHITTLE_TEMPLATES");
	snprintf(command, sizeof(command), "rm -r %s", dir);
	CU_ASSERT_EQUAL(system(command), 0);
}

static void test_pool(void)
{
	struct wh_pool pool = {0};
	size_t n = 0, *array = NULL;

	for (size_t i = 0; i < 10000; i++) {
		size_t *place = wh_pool_append(&pool, &array, &n, sizeof(*place));

		CU_ASSERT_PTR_NOT_NULL_FATAL(place);
		CU_ASSERT_EQUAL(*place, 0);
		*place = i;
	}
	for (size_t i = 0; i < n; i++)
		CU_ASSERT_EQUAL(array[i], i);
	CU_ASSERT_STRING_EQUAL(wh_pool_printf(&pool, "%d%s", 42, "x"), "42x");
	CU_ASSERT_STRING_EQUAL(wh_pool_strndup(&pool, "abc", 2), "ab");
	wh_pool_free(&pool);
	wh_pool_free(&pool);
}

static void test_safe_text(void)
{
	wh_auto(buf) b = {0};

	wh_text_safe(&b, "a\n\x1b[1m\xff\xc3\xa9\xe2\x80\xae");
	CU_ASSERT_STRING_EQUAL(b.data, "a\\x0a\\x1b[1m\\xff\xc3\xa9\\u202e");
}

int main(void)
{
	static const struct {
		const char *name;
		CU_TestFunc run;
	} tests[] = {
		{"pool", test_pool},
		{"safe text", test_safe_text},
		{"escape", test_escape},
		{"quote", test_quote},
		{"generalise", test_generalise},
		{"generalise: bad tables", test_generalise_table},
		{"capabilities", test_caps},
		{"capabilities: handles", test_caps_handle},
		{"what a refusal says depends on how the recording ended", test_caps_refused},
		{"a capability that another one stands in for", test_caps_instead},
		{"a capability that was taken away", test_caps_tried},
		{"syscalls", test_syscalls},
		{"syscalls: floors", test_syscalls_floor},
		{"syscalls: only ENOSYS", test_enosys_only},
		{"files", test_files},
		{"no_new_privs", test_no_new_privs},
		{"no_new_privs and SYS_ADMIN", test_sys_admin_floor},
		{"gaps", test_gaps},
		{"attached", test_attached},
		{"refused options", test_refused_options},
		{"formats", test_formats},
		{"docker folder names", test_docker_dir},
		{"deterministic", test_deterministic},
		{"explain", test_explain},
		{"bundle", test_bundle},
		{"bad templates", test_bad_templates},
	};
	unsigned failed;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	CU_pSuite suite = CU_add_suite("policy", NULL, NULL);

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
