// SPDX-License-Identifier: Apache-2.0
#include <CUnit/Basic.h>

#include "judge/diff.h"
#include "judge/risk.h"

static struct wh_trace *new_trace(void)
{
	struct wh_trace *t = wh_trace_new();
	struct wh_run key = {.id = "0123456789abcdef"}, *run;

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT_EQUAL(wh_trace_put(t, WH_KIND_RUN, &key, &run), 1);
	run->name = wh_trace_intern(t, "web");
	run->tool = run->kernel = run->engine = run->outcome = run->cwd = wh_trace_intern(t, "x");
	run->arch = wh_trace_intern(t, "x86_64");
	run->complete = true;
	return t;
}

static void seen(struct wh_trace *t, struct wh_fact *f)
{
	f->count++;
	f->phases |= WH_PHASE_SERVING;
	wh_trace_add_str(t, &f->programs, WH_LIMIT_PROGRAMS, "/bin/web");
	wh_trace_add_str(t, &f->runs, WH_LIMIT_RUNS, "0123456789abcdef");
}

static void add_call(struct wh_trace *t, const char *abi, const char *name, unsigned number)
{
	struct wh_syscall key = {.abi = abi, .name = name}, *s;

	wh_trace_put(t, WH_KIND_SYSCALL, &key, &s);
	s->number = number;
	seen(t, &s->f);
}

static void add_file(struct wh_trace *t, const char *path, enum wh_access access, bool owner)
{
	struct wh_file key = {.path = path, .access = access}, *f;

	wh_trace_put(t, WH_KIND_FILE, &key, &f);
	f->type = wh_trace_intern(t, "file");
	f->owner_always = owner;
	wh_trace_add_count(t, &f->outcomes, "ok", 1);
	seen(t, &f->f);
}

static void add_exec(struct wh_trace *t, const char *from, const char *to)
{
	struct wh_exec key = {.from = from, .to = to}, *x;

	wh_trace_put(t, WH_KIND_EXEC, &key, &x);
	seen(t, &x->f);
}

static void add_socket(struct wh_trace *t, const char *op, const char *family, const char *address)
{
	struct wh_socket key = {.op = op,
				.family = family,
				.type = "SOCK_STREAM",
				.address = address},
			 *s;

	wh_trace_put(t, WH_KIND_SOCKET, &key, &s);
	wh_trace_add_count(t, &s->outcomes, "ok", 1);
	seen(t, &s->f);
}

static void add_cap(struct wh_trace *t, const char *cap, enum wh_strength strength, bool denied)
{
	struct wh_cap key = {.cap = cap, .strength = strength, .denied = denied}, *c;

	wh_trace_put(t, WH_KIND_CAP, &key, &c);
	wh_trace_add_str(t, &c->evidence, WH_LIMIT_EVIDENCE, "it was seen");
	seen(t, &c->f);
}

/* "high file /etc/shadow r\n…" of the widening; traces are freed. */
static void check(struct wh_trace *old, struct wh_trace *new, const char *wider,
		  const char *narrower)
{
	wh_auto(diff) d = NULL;
	struct wh_error e = {0};
	const char *const want[] = {wider, narrower};

	CU_ASSERT_EQUAL_FATAL(wh_diff_new(old, new, &d, &e), 0);
	CU_ASSERT_STRING_EQUAL(e.text, "");
	for (int side = 0; side < 2; side++) {
		const struct wh_diff_entry *entries = side ? d->narrowing : d->widening;
		size_t n = side ? d->n_narrowing : d->n_widening, len = 0;
		char got[4096] = "";

		for (size_t i = 0; i < n; i++)
			len += (size_t)snprintf(got + len, sizeof(got) - len, "%s %s %s\n",
						wh_syscall_risk_name(entries[i].risk),
						wh_diff_kind_name(entries[i].kind),
						entries[i].what);
		CU_ASSERT_STRING_EQUAL(got, want[side]);
		if (strcmp(got, want[side]) != 0)
			fprintf(stderr, "got:\n%swanted:\n%s", got, want[side]);
	}
	wh_trace_free(old);
	wh_trace_free(new);
}

static void test_nothing(void)
{
	struct wh_trace *old = new_trace(), *new = new_trace();

	add_call(old, "x86_64", "read", 0);
	add_call(new, "x86_64", "read", 0);
	add_call(new, "x86_64", "read", 0);
	/* Looks that no policy asks about. */
	add_file(new, "/etc/x", WH_ACCESS_STAT, false);
	add_file(new, "/etc/y", WH_ACCESS_READLINK, false);
	add_socket(new, "accept", "AF_INET", "192.0.2.1:40000");
	check(old, new, "", "");
}

static void test_calls(void)
{
	struct wh_trace *old = new_trace(), *new = new_trace();

	add_call(old, "x86_64", "read", 0);
	add_call(old, "x86_64", "close", 3);
	add_call(new, "x86_64", "read", 0);
	add_call(new, "i386", "read", 3);
	add_call(new, "x86_64", "init_module", 175);
	check(old, new, "critical syscall init_module (x86_64)\nlow syscall read (i386)\n",
	      "low syscall close (x86_64)\n");
}

static void test_files(void)
{
	struct wh_trace *old = new_trace(), *new = new_trace();

	add_call(old, "x86_64", "read", 0);
	add_call(new, "x86_64", "read", 0);
	add_file(old, "/srv/a", WH_ACCESS_READ, false);
	add_file(new, "/srv/a", WH_ACCESS_READ, false);
	add_file(new, "/srv/a", WH_ACCESS_WRITE, false);
	add_file(old, "/srv/log", WH_ACCESS_WRITE, false);
	add_file(new, "/srv/log", WH_ACCESS_APPEND, false);
	add_file(new, "/etc/shadow", WH_ACCESS_READ, false);
	add_file(new, "/proc/sys/kernel/x", WH_ACCESS_WRITE, false);
	check(old, new,
	      "critical file /proc/sys/kernel/x w\nhigh file /etc/shadow r\nmedium file /srv/a w\n",
	      "");
}

static void test_owner(void)
{
	struct wh_trace *old = new_trace(), *new = new_trace();

	add_call(old, "x86_64", "read", 0);
	add_call(new, "x86_64", "read", 0);
	add_file(old, "/srv/a", WH_ACCESS_WRITE, true);
	add_file(new, "/srv/a", WH_ACCESS_WRITE, false);
	check(old, new, "medium file /srv/a w (no longer as owner only)\n", "");
}

static void test_caps(void)
{
	struct wh_trace *old = new_trace(), *new = new_trace();

	add_call(old, "x86_64", "read", 0);
	add_call(new, "x86_64", "read", 0);
	add_cap(old, "CAP_CHOWN", WH_STRENGTH_REQUIRED, false);
	add_cap(new, "CAP_SYS_MODULE", WH_STRENGTH_REQUIRED, false);
	add_cap(new, "CAP_KILL", WH_STRENGTH_REQUIRED, true);
	check(old, new, "critical capability CAP_SYS_MODULE\n", "high capability CAP_CHOWN\n");
}

static void test_execs_and_sockets(void)
{
	struct wh_trace *old = new_trace(), *new = new_trace();

	add_call(old, "x86_64", "read", 0);
	add_call(new, "x86_64", "read", 0);
	add_exec(old, NULL, "/bin/web");
	add_exec(new, NULL, "/bin/web");
	add_exec(new, "/bin/web", "/bin/dash");
	add_exec(new, "/bin/web", "/bin/web-helper");
	add_socket(new, "connect", "AF_INET", "127.0.0.1:1");
	add_socket(new, "connect", "AF_INET", "192.0.2.1:1");
	add_socket(new, "connect", "AF_UNIX", "unix:/run/docker.sock");
	add_socket(new, "socket", "AF_PACKET", NULL);
	check(old, new,
	      "critical socket connect AF_UNIX SOCK_STREAM unix:/run/docker.sock\n"
	      "high exec /bin/web → /bin/dash\n"
	      "high socket socket AF_PACKET SOCK_STREAM\n"
	      "medium exec /bin/web → /bin/web-helper\n"
	      "medium socket connect AF_INET SOCK_STREAM 192.0.2.1:1\n"
	      "low socket connect AF_INET SOCK_STREAM 127.0.0.1:1\n"
	      "low rule unix (create, getattr, setattr, getopt, setopt, shutdown, send, receive, "
	      "connect) type=stream\n",
	      "");
}

static void test_notes(void)
{
	struct wh_trace *old = new_trace(), *new = new_trace();
	struct wh_error e = {0};
	wh_auto(diff) d = NULL;

	add_call(old, "x86_64", "read", 0);
	add_call(new, "x86_64", "read", 0);
	wh_trace_gap(new, "io-uring", "io_uring_setup", WH_PHASE_SERVING, "/bin/web",
		     "0123456789abcdef");
	CU_ASSERT_EQUAL(wh_diff_new(old, new, &d, &e), 0);
	CU_ASSERT_EQUAL(d->n_notes, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(d->notes[0], "NEW: gap: io_uring"));
	CU_ASSERT_EQUAL(d->n_widening, 0);
	wh_trace_free(old);
	wh_trace_free(new);
}

static void test_file_risks(void)
{
	static const struct {
		const char *path;
		unsigned letters;
		enum wh_risk risk;
	} rows[] = {
		{"/srv/x", WH_POLICY_R, WH_RISK_LOW},
		{"/srv/x", WH_POLICY_W, WH_RISK_MEDIUM},
		{"/srv/x", WH_POLICY_A, WH_RISK_MEDIUM},
		{"/usr/bin/x", WH_POLICY_X, WH_RISK_MEDIUM},
		{"/tmp/x", WH_POLICY_X, WH_RISK_HIGH},
		{"/etc/x", WH_POLICY_R, WH_RISK_LOW},
		{"/etc/x", WH_POLICY_W, WH_RISK_HIGH},
		{"/etc/passwd", WH_POLICY_R, WH_RISK_LOW},
		{"/etc/passwd", WH_POLICY_W, WH_RISK_CRITICAL},
		{"/etc/shadow", WH_POLICY_R, WH_RISK_HIGH},
		{"/proc/1/mem", WH_POLICY_R, WH_RISK_HIGH},
		{"/proc/sys/net/x", WH_POLICY_R, WH_RISK_LOW},
		{"/run/docker.sock", WH_POLICY_R | WH_POLICY_W, WH_RISK_CRITICAL},
		{"/home/a/.ssh/id", WH_POLICY_R, WH_RISK_HIGH},
		{"/dev/sda", WH_POLICY_R, WH_RISK_CRITICAL},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(rows); i++)
		CU_ASSERT_EQUAL(wh_risk_file(rows[i].path, rows[i].letters).risk, rows[i].risk);
}

int main(void)
{
	unsigned failures;
	CU_pSuite suite;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("diff", NULL, NULL);
	CU_ADD_TEST(suite, test_nothing);
	CU_ADD_TEST(suite, test_calls);
	CU_ADD_TEST(suite, test_files);
	CU_ADD_TEST(suite, test_owner);
	CU_ADD_TEST(suite, test_caps);
	CU_ADD_TEST(suite, test_execs_and_sockets);
	CU_ADD_TEST(suite, test_notes);
	CU_ADD_TEST(suite, test_file_risks);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}
