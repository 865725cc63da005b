// SPDX-License-Identifier: Apache-2.0
/*
 * What the filter asks of arguments: profiles are made of the samples' traces and of random ones, read and compiled as a
 * runtime would, and asked about calls.
 */
#include <CUnit/Basic.h>
#include <linux/seccomp.h>

#include "gen/args.h"
#include "gen/bundle.h"
#include "judge/replay.h"
#include "judge/simulate.h"
#include "tests/attacks/attacks.h"

#define RUN                                                                                        \
	"{\"format\":\"whittle-trace\",\"version\":1,\"complete\":true,\"runs\":[{\"id\":"         \
	"\"0123456789abcdef\",\"name\":\"demo\",\"tool\":\"t\",\"kernel\":\"k\",\"arch\":"         \
	"\"x86_64\",\"argv\":[\"/bin/demo\"],\"outcome\":\"exited 0\",\"failed\":false,"           \
	"\"complete\":true,\"uid\":0,\"gid\":0,\"cap_effective\":[],\"cap_permitted\":[],"         \
	"\"cap_inheritable\":[],\"cap_bounding\":[],\"cap_ambient\":[],\"no_new_privs\":false,"    \
	"\"seccomp_mode\":0,\"ip_unprivileged_port_start\":1024,\"engine\":\"ptrace\","            \
	"\"stops\":0,\"tasks\":1,\"duration_ms\":1}]}"

enum { NONE, SAFE, STRICT, LEVELS };

static const enum wh_policy_args_choice choices[] = {
	[NONE] = WH_POLICY_ARGS_NONE,
	[SAFE] = WH_POLICY_ARGS_SAFE,
	[STRICT] = WH_POLICY_ARGS_STRICT,
};
static const char *const samples[] = {"nginx", "redis", "postgresql", "python", "node"};

/* A profile, as it was judged and as the kernel gets it. */
struct made {
	struct wh_policy *policy;
	char *text;
	struct wh_filter_program program;
};

static void make(struct wh_trace *trace, enum wh_policy_args_choice args, const char *runtime,
		 struct made *ret)
{
	const struct wh_policy_options options = {.name = "demo", .runtime = runtime, .args = args};
	static const struct wh_filter_options usual;
	struct wh_emit emit = {.dir = "bundle", .formats = WH_EMIT_ALL};
	wh_auto(filter) filter = NULL;
	struct wh_error e = {0};

	*ret = (struct made){0};
	CU_ASSERT_EQUAL_FATAL(wh_policy_new(trace, &options, &ret->policy, &e), 0);
	emit.policy = ret->policy;
	CU_ASSERT_EQUAL_FATAL(wh_emit_text(&emit, WH_EMIT_SECCOMP, &ret->text, &e), 0);
	CU_ASSERT_EQUAL_FATAL(wh_filter_parse(ret->text, strlen(ret->text), &filter, &e), 0);
	CU_ASSERT_EQUAL_FATAL(wh_filter_compile(filter, &usual, &ret->program, &e), 0);
	CU_ASSERT_STRING_EQUAL(e.text, "");
}

static void unmake(struct made *m)
{
	wh_policy_free(m->policy);
	free(m->text);
	wh_filter_program_free(m->program);
}

static bool allows(const struct made *m, const char *abi_name, const char *name,
		   const uint64_t arg[6])
{
	const struct wh_abi *abi = wh_syscall_abi(abi_name);
	int nr = wh_syscall_number(abi, name);
	uint32_t action = 0;

	if (nr < 0)
		return false;
	CU_ASSERT_EQUAL(wh_simulate_run(&m->program, abi, (uint64_t)nr, arg, &action, NULL), 0);
	return (action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW;
}

/* What the policy says of a call, which its compiled filter must say as well. */
static bool intends(const struct made *m, const char *name, const uint64_t arg[6])
{
	const struct wh_policy_syscall *s = wh_policy_find_syscall(m->policy, name);

	if (!s || s->error)
		return false;
	for (size_t i = 0; s->args && i < s->args->n_rules; i++) {
		const struct wh_policy_args_rule *rule = &s->args->rules[i];
		bool holds = true;

		for (size_t j = 0; j < rule->n; j++)
			holds &= ((uint32_t)arg[rule->arg[j].index] & rule->arg[j].mask) ==
				 rule->arg[j].value;
		if (holds)
			return true;
	}
	return !s->args;
}

/* A name that the libseccomp at hand does not know is in no filter that it makes. */
static bool is_known(const char *abi, const char *name)
{
	return !wh_syscall_row(name)->newer && wh_syscall_number(wh_syscall_abi(abi), name) >= 0;
}

static uint64_t state;

static uint32_t some(uint32_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % below;
}

/* A value that means something to the call, mostly; with rubbish in the upper half, sometimes. */
static uint64_t some_value(const struct wh_args_row *row, unsigned kept)
{
	const struct wh_args_name *name =
		row->n_names ? &row->names[some((uint32_t)row->n_names)] : NULL;
	uint64_t v = name && name->n > kept ? name->v[kept] : some(8);

	if (some(6) == 0)
		v = some(0x7fffffff);
	if (some(4) == 0)
		v |= some(16);
	return some(3) ? v : v | (uint64_t)some(0x7fffffff) << 32;
}

/* The arguments of a call of @row; NULL tuple: all by chance. */
static void some_call(const struct wh_args_row *row, const uint64_t *tuple, uint64_t arg[6])
{
	unsigned keep = wh_syscall_row(row->name)->keep, kept = 0;

	for (unsigned i = 0; i < 6; i++) {
		if (!(keep & 1u << i)) {
			arg[i] = some(0x7fffffff);
			continue;
		}
		arg[i] = tuple ? tuple[kept] : some_value(row, kept);
		kept++;
	}
}

/* ---- properties ------------------------------------------------------------------------------ */

/* Each level is within the one before; the filter says what the policy says. */
static void check_call(const struct made made[LEVELS], const char *abi, const char *name,
		       const uint64_t arg[6])
{
	bool allowed[LEVELS];

	if (!is_known(abi, name))
		return;
	for (int level = 0; level < LEVELS; level++) {
		allowed[level] = allows(&made[level], abi, name, arg);
		if (strcmp(abi, "x86_64") == 0 &&
		    allowed[level] != intends(&made[level], name, arg)) {
			fprintf(stderr, "%s(%#llx, %#llx, %#llx) is %s\n", name,
				(unsigned long long)arg[0], (unsigned long long)arg[1],
				(unsigned long long)arg[2], allowed[level] ? "allowed" : "denied");
			CU_FAIL("the filter is not what the policy says");
		}
	}
	CU_ASSERT(!allowed[STRICT] || allowed[SAFE]);
	CU_ASSERT(!allowed[SAFE] || allowed[NONE]);
}

/* All that the trace has is allowed, whatever is in the half of an argument that the kernel does not read. */
static void check_observed(const struct made made[LEVELS], struct wh_trace *trace)
{
	size_t n;
	const void *const *facts = wh_trace_facts(trace, WH_KIND_SYSCALL, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_syscall *fact = facts[i];
		const struct wh_args_row *row = wh_args_row(fact->name);

		for (size_t j = 0; row && is_known(fact->abi, fact->name) && j < fact->args.n;
		     j++) {
			uint64_t arg[6];

			some_call(row, fact->args.v[j], arg);
			for (int level = 0; level < LEVELS; level++)
				CU_ASSERT(allows(&made[level], fact->abi, fact->name, arg));
			if (strcmp(fact->abi, "x86_64") != 0)
				continue;
			for (unsigned k = 0; k < 6; k++)
				arg[k] |= (uint64_t)some(0x7fffffff) << 32;
			for (int level = 0; level < LEVELS; level++)
				CU_ASSERT(allows(&made[level], fact->abi, fact->name, arg));
		}
	}
}

static void make_all(struct wh_trace *trace, const char *runtime, struct made made[LEVELS])
{
	for (int level = 0; level < LEVELS; level++)
		make(trace, choices[level], runtime, &made[level]);
}

static void check_trace(struct wh_trace *trace, const char *runtime, unsigned calls)
{
	struct made made[LEVELS], again;
	size_t n;
	const struct wh_args_row *rows = wh_args_rows(&n);

	make_all(trace, runtime, made);
	check_observed(made, trace);
	for (size_t i = 0; i < n; i++) {
		uint64_t arg[6];

		for (unsigned j = 0; j < calls; j++) {
			some_call(&rows[i], NULL, arg);
			check_call(made, "x86_64", rows[i].name, arg);
			check_call(made, "i386", rows[i].name, arg);
		}
		for (size_t j = 0; j < rows[i].n_also; j++) {
			const uint64_t tuple[6] = {rows[i].also[j][0], rows[i].also[j][1]};

			some_call(&rows[i], tuple, arg);
			check_call(made, "x86_64", rows[i].name, arg);
			/* What needs no fact passes where the name does. */
			CU_ASSERT(allows(&made[STRICT], "x86_64", rows[i].name, arg) ==
				  allows(&made[NONE], "x86_64", rows[i].name, arg));
		}
	}
	for (int level = 0; level < LEVELS; level++) {
		make(trace, choices[level], runtime, &again);
		CU_ASSERT_STRING_EQUAL(made[level].text, again.text);
		unmake(&again);
		unmake(&made[level]);
	}
}

static struct wh_trace *read_sample(const char *name)
{
	struct wh_trace *trace = NULL;
	struct wh_error e = {0};
	char path[4096];

	snprintf(path, sizeof(path), WH_TEST_SOURCE "/samples/%s/bundle/trace.json", name);
	CU_ASSERT_EQUAL_FATAL(wh_trace_json_read(path, &trace, &e), 0);
	return trace;
}

/* A profile lets the recording pass that it was made from, judged offline. */
static void check_replay(struct wh_trace *trace)
{
	for (int level = 0; level < LEVELS; level++) {
		wh_auto(filter) filter = NULL;
		struct wh_replay replay = {0};
		struct wh_error e = {0};
		struct made m;

		make(trace, choices[level], "runc", &m);
		CU_ASSERT_EQUAL_FATAL(wh_filter_parse(m.text, strlen(m.text), &filter, &e), 0);
		CU_ASSERT_EQUAL(wh_replay_run(m.policy, filter, UINT64_MAX, NULL, &replay, &e), 0);
		CU_ASSERT(wh_replay_passed(&replay));
		wh_replay_free(&replay);
		unmake(&m);
	}
}

static void test_samples(void)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(samples); i++) {
		wh_auto(trace) trace = read_sample(samples[i]);

		check_replay(trace);
		check_trace(trace, "none", 20);
		check_trace(trace, "runc", 20);
		check_trace(trace, "crun", 5);
	}
}

/* ---- random traces --------------------------------------------------------------------------- */

static void add_some(struct wh_trace *trace, const char *abi, const struct wh_args_row *row,
		     unsigned tuples)
{
	const struct wh_syscall key = {.abi = abi, .name = row->name};
	unsigned keep = wh_syscall_row(row->name)->keep;
	struct wh_syscall *fact = NULL;

	if (wh_syscall_number(wh_syscall_abi(abi), row->name) < 0)
		return;
	CU_ASSERT_FATAL(wh_trace_put(trace, WH_KIND_SYSCALL, &key, &fact) >= 0);
	fact->f.count++;
	fact->f.phases |= WH_PHASE_STARTUP;
	for (unsigned i = 0; i < tuples; i++) {
		uint64_t v[WH_TUPLE_MAX] = {0};

		for (unsigned k = 0; k < (unsigned)__builtin_popcount(keep); k++)
			v[k] = strcmp(abi, "i386") == 0 ? (uint32_t)some_value(row, k)
							: some_value(row, k);
		CU_ASSERT(wh_trace_add_tuple(trace, &fact->args, keep, v) >= 0);
	}
}

static struct wh_trace *new_trace(void)
{
	struct wh_trace *trace = NULL;

	CU_ASSERT_EQUAL_FATAL(wh_trace_json_parse(RUN, strlen(RUN), &trace, NULL), 0);
	return trace;
}

static void add_many(struct wh_trace *trace)
{
	size_t n;
	const struct wh_args_row *rows = wh_args_rows(&n);

	for (size_t i = 0; i < n; i++) {
		if (some(3))
			add_some(trace, "x86_64", &rows[i], 1 + some(4));
		if (some(40) == 0)
			add_some(trace, "i386", &rows[i], 1 + some(4));
		/* More than a list takes: it is known not to be whole. */
		if (some(20) == 0)
			add_some(trace, "x86_64", &rows[i], 2 * WH_LIMIT_TUPLES);
	}
}

static void test_random(void)
{
	for (unsigned seed = 1; seed <= 30; seed++) {
		wh_auto(trace) trace = new_trace();

		state = seed;
		add_many(trace);
		check_trace(trace, seed % 3 == 0 ? "runc" : seed % 3 == 1 ? "crun" : "none", 8);
	}
}

/* More facts never allow less. */
static void test_more_facts(void)
{
	size_t n;
	const struct wh_args_row *rows = wh_args_rows(&n);

	for (unsigned seed = 100; seed < 120; seed++) {
		wh_auto(trace) trace = new_trace();
		const char *runtime = seed % 2 ? "runc" : "none";
		struct made before[LEVELS], after[LEVELS];
		uint64_t arg[6];

		state = seed;
		add_many(trace);
		make_all(trace, runtime, before);
		for (int level = 0; level < LEVELS; level++) {
			wh_policy_free(before[level].policy);
			before[level].policy = NULL;
		}
		add_many(trace);
		make_all(trace, runtime, after);
		for (size_t i = 0; i < n * 12; i++) {
			some_call(&rows[i % n], NULL, arg);
			for (int level = 0; level < LEVELS; level++)
				CU_ASSERT(
					!allows(&before[level], "x86_64", rows[i % n].name, arg) ||
					allows(&after[level], "x86_64", rows[i % n].name, arg));
		}
		for (int level = 0; level < LEVELS; level++) {
			unmake(&before[level]);
			unmake(&after[level]);
		}
	}
}

/* ---- attacks --------------------------------------------------------------------------------- */

static bool was_seen(struct wh_trace *trace, const struct attack *a)
{
	const struct wh_syscall_row *row = wh_syscall_row(a->call);
	unsigned k = (unsigned)__builtin_popcount(row->keep & ((1u << a->essence) - 1));
	size_t n;
	const void *const *facts = wh_trace_facts(trace, WH_KIND_SYSCALL, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_syscall *fact = facts[i];

		if (strcmp(fact->name, a->call) != 0)
			continue;
		if (!a->mask || fact->args.overflow)
			return true;
		for (size_t j = 0; j < fact->args.n; j++) {
			if ((fact->args.v[j][k] & a->mask) == a->value)
				return true;
		}
	}
	return false;
}

static void test_attacks(void)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(samples); i++) {
		wh_auto(trace) trace = read_sample(samples[i]);
		struct made made[LEVELS];

		make_all(trace, "runc", made);
		for (size_t j = 0; j < WH_ARRAY_SIZE(attacks); j++) {
			const struct attack *a = &attacks[j];
			bool seen = was_seen(trace, a);

			for (int level = SAFE; level <= STRICT; level++) {
				if (allows(&made[level], "x86_64", a->call, a->arg) != seen &&
				    (level == SAFE || !seen)) {
					fprintf(stderr, "%s: %s\n", samples[i], a->what);
					CU_FAIL("an attack is allowed that was not observed, or "
						"what was observed is not");
				}
			}
		}
		for (int level = 0; level < LEVELS; level++)
			unmake(&made[level]);
	}
}

/* ---- the table, and single decisions ---------------------------------------------------------- */

static void test_table(void)
{
	size_t n, n_calls;
	const struct wh_args_row *rows = wh_args_rows(&n);
	const struct wh_syscall_row *calls = wh_syscall_rows(&n_calls);

	for (size_t i = 0; i < n; i++) {
		const struct wh_syscall_row *call = wh_syscall_row(rows[i].name);

		CU_ASSERT(i == 0 || strcmp(rows[i - 1].name, rows[i].name) < 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(call);
		CU_ASSERT(rows[i].reason && *rows[i].reason);
		CU_ASSERT(!rows[i].n_also == !rows[i].also_reason);
		CU_ASSERT_EQUAL(rows[i].args & ~call->keep, 0);
		for (unsigned k = 0; k < WH_TUPLE_MAX; k++)
			CU_ASSERT(!rows[i].mask[k] || call->keep & 1u << k);
		/* Bits are guarded in one argument, the first that is kept. */
		if (rows[i].safe == WH_ARGS_BITS || rows[i].safe == WH_ARGS_APART)
			CU_ASSERT(rows[i].mask[__builtin_ctz(call->keep)] != 0);
	}
	for (size_t i = 0; i < n_calls; i++)
		CU_ASSERT_EQUAL(!wh_args_row(calls[i].name), !calls[i].keep);
}

static void check_line(const struct made *m, const char *line, bool expected)
{
	CU_ASSERT_EQUAL(strstr(m->text, line) != NULL, expected);
}

static void test_words(void)
{
	const struct wh_syscall key = {.abi = "x86_64", .name = "socket"};
	wh_auto(trace) trace = new_trace();
	struct wh_syscall *fact = NULL;
	const struct wh_policy_syscall *s;
	struct made m;

	CU_ASSERT_FATAL(wh_trace_put(trace, WH_KIND_SYSCALL, &key, &fact) >= 0);
	CU_ASSERT(wh_trace_add_tuple(
			  trace, &fact->args, 7,
			  (const uint64_t[WH_TUPLE_MAX]){AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC}) > 0);
	CU_ASSERT(wh_trace_add_tuple(trace, &fact->args, 7,
				     (const uint64_t[WH_TUPLE_MAX]){AF_UNIX, SOCK_STREAM}) > 0);
	make(trace, WH_POLICY_ARGS_SAFE, "none", &m);
	s = wh_policy_find_syscall(m.policy, "socket");
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s->args);
	/* Two that differ in SOCK_CLOEXEC are one. */
	CU_ASSERT_EQUAL(s->args->n_rules, 1);
	CU_ASSERT_EQUAL(s->args->rules[0].n, 3);
	CU_ASSERT_STRING_EQUAL(s->args->only, "AF_UNIX");
	CU_ASSERT_PTR_NOT_NULL(strstr(s->args->closes, "AF_ALG"));
	CU_ASSERT_PTR_NOT_NULL(strstr(s->args->closes, "AF_VSOCK"));
	check_line(&m, "SCMP_CMP_MASKED_EQ", true);
	unmake(&m);
	make(trace, WH_POLICY_ARGS_STRICT, "none", &m);
	CU_ASSERT_EQUAL(wh_policy_find_syscall(m.policy, "socket")->args->n_rules, 2);
	unmake(&m);
	make(trace, WH_POLICY_ARGS_NONE, "none", &m);
	CU_ASSERT_PTR_NULL(wh_policy_find_syscall(m.policy, "socket")->args);
	check_line(&m, "args", false);
	unmake(&m);
}

/* A list that was cut off, one of other arguments, none at all, or a log's word: it is not known what all was asked. */
static void test_not_whole(void)
{
	static const uint64_t v[WH_TUPLE_MAX] = {AF_UNIX, SOCK_STREAM};
	const struct wh_syscall key = {.abi = "x86_64", .name = "socket"};
	struct made m;

	for (int how = 0; how < 4; how++) {
		wh_auto(trace) trace = new_trace();
		struct wh_syscall *fact = NULL;

		CU_ASSERT_FATAL(wh_trace_put(trace, WH_KIND_SYSCALL, &key, &fact) >= 0);
		for (unsigned i = 0; how == 0 && i <= WH_LIMIT_TUPLES; i++)
			wh_trace_add_tuple(trace, &fact->args, 7,
					   (const uint64_t[WH_TUPLE_MAX]){i});
		if (how == 1)
			wh_trace_add_tuple(trace, &fact->args, 3, v);
		/* It was refused in production, by a rule of these arguments, maybe. */
		if (how == 3) {
			wh_trace_add_tuple(trace, &fact->args, 7, v);
			fact->f.phases = WH_PHASE_STARTUP | WH_PHASE_AUDIT;
		}
		for (int level = SAFE; level <= STRICT; level++) {
			make(trace, choices[level], "none", &m);
			CU_ASSERT_PTR_NULL(wh_policy_find_syscall(m.policy, "socket")->args);
			CU_ASSERT(allows(&m, "x86_64", "socket",
					 (const uint64_t[6]){AF_ALG, SOCK_SEQPACKET}));
			unmake(&m);
		}
	}
}

/* The first mmap of i386 has its arguments in memory, where no filter looks. */
static void test_indirect(void)
{
	wh_auto(trace) trace = new_trace();
	struct made m;

	state = 1;
	add_some(trace, "i386", wh_args_row("mmap"), 1);
	make(trace, WH_POLICY_ARGS_STRICT, "none", &m);
	CU_ASSERT_PTR_NULL(wh_policy_find_syscall(m.policy, "mmap")->args);
	unmake(&m);
}

/* clone3 is answered so that libc falls back to clone, where no namespace was made and arguments are asked for. */
static void test_clone3(void)
{
	static const uint64_t none[6], thread[6] = {0x3d0f00}, user[6] = {CLONE_NEWUSER | 17};
	const struct wh_syscall key = {.abi = "x86_64", .name = "clone3"};
	const struct wh_namespace made_key = {.op = "clone", .type = "user"};
	wh_auto(trace) trace = new_trace();
	struct wh_syscall *fact = NULL;
	struct wh_namespace *namespace = NULL;
	struct made made[LEVELS];

	CU_ASSERT_FATAL(wh_trace_put(trace, WH_KIND_SYSCALL, &key, &fact) >= 0);
	fact->f.phases = WH_PHASE_SERVING;
	make_all(trace, "none", made);
	for (int level = 0; level < LEVELS; level++) {
		CU_ASSERT_EQUAL(allows(&made[level], "x86_64", "clone3", none), level == NONE);
		CU_ASSERT(allows(&made[level], "x86_64", "clone", thread));
		CU_ASSERT_EQUAL(allows(&made[level], "x86_64", "clone", user), level == NONE);
		unmake(&made[level]);
	}
	/* A log of production says that it was refused: it did not get by. */
	fact->f.phases |= WH_PHASE_AUDIT;
	make_all(trace, "none", made);
	for (int level = 0; level < LEVELS; level++) {
		CU_ASSERT(allows(&made[level], "x86_64", "clone3", none));
		unmake(&made[level]);
	}
	fact->f.phases = WH_PHASE_SERVING;
	CU_ASSERT_FATAL(wh_trace_put(trace, WH_KIND_NAMESPACE, &made_key, &namespace) >= 0);
	namespace->f.phases = WH_PHASE_SERVING;
	make_all(trace, "none", made);
	for (int level = 0; level < LEVELS; level++) {
		CU_ASSERT(allows(&made[level], "x86_64", "clone3", none));
		unmake(&made[level]);
	}
}

/* What becomes of a call that no rule is for; what is answered ENOSYS stays so. */
static void test_actions(void)
{
	static const struct {
		const char *text;
		uint32_t answer;
	} rows[] = {
		{"errno", SECCOMP_RET_ERRNO | EPERM},
		{"kill", SECCOMP_RET_KILL_PROCESS},
		{"log", SECCOMP_RET_LOG},
		{"trap", SECCOMP_RET_TRAP},
	};
	static const struct wh_filter_options usual;
	const struct wh_abi *abi = wh_syscall_abi("x86_64");
	const char *listener;
	enum wh_policy_action action;
	struct wh_error e = {0};

	for (size_t i = 0; i < WH_ARRAY_SIZE(rows); i++) {
		struct wh_policy_options options = {.name = "demo", .runtime = "none"};
		struct wh_emit emit = {.dir = "bundle", .formats = WH_EMIT_ALL};
		wh_auto(trace) trace = read_sample("redis");
		wh_auto(policy) policy = NULL;
		wh_auto(filter) filter = NULL;
		wh_auto(program) program = {0};
		wh_auto(str) text = NULL;
		uint64_t arg[6] = {AF_ALG};
		uint32_t answer = 0;

		CU_ASSERT_EQUAL(wh_policy_action_parse(rows[i].text, &options.action,
						       &options.listener, &e),
				0);
		CU_ASSERT_EQUAL_FATAL(wh_policy_new(trace, &options, &policy, &e), 0);
		CU_ASSERT_EQUAL(policy->n_warnings, i != 0);
		emit.policy = policy;
		CU_ASSERT_EQUAL_FATAL(wh_emit_text(&emit, WH_EMIT_SECCOMP, &text, &e), 0);
		CU_ASSERT_EQUAL_FATAL(wh_filter_parse(text, strlen(text), &filter, &e), 0);
		CU_ASSERT_EQUAL_FATAL(wh_filter_compile(filter, &usual, &program, &e), 0);
		CU_ASSERT_EQUAL(wh_simulate_run(&program, abi, 165 /* mount */, arg, &answer, &e),
				0);
		CU_ASSERT_EQUAL(answer, rows[i].answer);
		CU_ASSERT_EQUAL(wh_simulate_run(&program, abi, 41 /* socket */, arg, &answer, &e),
				0);
		CU_ASSERT_EQUAL(answer, rows[i].answer);
		CU_ASSERT_EQUAL(wh_simulate_run(&program, abi, 437 /* openat2 */, arg, &answer, &e),
				0);
		CU_ASSERT_EQUAL(answer, SECCOMP_RET_ERRNO | ENOSYS);
	}
	CU_ASSERT_EQUAL(wh_policy_action_parse("notify:/run/a.sock", &action, &listener, &e), 0);
	CU_ASSERT_EQUAL(action, WH_POLICY_ACTION_NOTIFY);
	CU_ASSERT_STRING_EQUAL(listener, "/run/a.sock");
	CU_ASSERT_EQUAL(wh_policy_action_parse("notify", &action, &listener, NULL), -EINVAL);
	CU_ASSERT_EQUAL(wh_policy_action_parse("notify:a", &action, &listener, NULL), -EINVAL);
	CU_ASSERT_EQUAL(wh_policy_action_parse("notify:/a\"b", &action, &listener, NULL), -EINVAL);
	CU_ASSERT_EQUAL(wh_policy_action_parse("allow", &action, &listener, NULL), -EINVAL);
}

/* Each call gets its answer from a rule or is left to the listener; write, by which runtimes pass it on, never is. */
static void test_notify(void)
{
	const struct wh_policy_options options = {.name = "demo",
						  .runtime = "none",
						  .action = WH_POLICY_ACTION_NOTIFY,
						  .listener = "/run/a.sock"};
	struct wh_emit emit = {.dir = "bundle", .formats = WH_EMIT_ALL};
	wh_auto(trace) trace = new_trace();
	wh_auto(policy) policy = NULL;
	wh_auto(str) text = NULL;
	const char *rule;

	state = 1;
	add_some(trace, "x86_64", wh_args_row("socket"), 1);
	CU_ASSERT_EQUAL_FATAL(wh_policy_new(trace, &options, &policy, NULL), 0);
	emit.policy = policy;
	CU_ASSERT_EQUAL_FATAL(wh_emit_text(&emit, WH_EMIT_SECCOMP, &text, NULL), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"listenerPath\": \"/run/a.sock\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"defaultAction\": \"SCMP_ACT_ERRNO\""));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"SCMP_ACT_NOTIFY\""));
	rule = strstr(text, "\"mount\"");
	CU_ASSERT_PTR_NOT_NULL(rule);
	CU_ASSERT_PTR_NULL(strstr(text, "\"write\""));
	/* Once, where it is allowed. */
	rule = strstr(text, "\"socket\"");
	CU_ASSERT_PTR_NOT_NULL_FATAL(rule);
	CU_ASSERT_PTR_NULL(strstr(rule + 1, "\"socket\""));
}

int main(void)
{
	CU_pSuite suite;
	unsigned failed;

	setenv("WHITTLE_TEMPLATES", WH_TEST_SOURCE "/templates", 1);
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	suite = CU_add_suite("args", NULL, NULL);
	CU_add_test(suite, "table", test_table);
	CU_add_test(suite, "words", test_words);
	CU_add_test(suite, "not whole", test_not_whole);
	CU_add_test(suite, "indirect", test_indirect);
	CU_add_test(suite, "clone3", test_clone3);
	CU_add_test(suite, "actions", test_actions);
	CU_add_test(suite, "notify", test_notify);
	CU_add_test(suite, "attacks", test_attacks);
	CU_add_test(suite, "samples", test_samples);
	CU_add_test(suite, "random", test_random);
	CU_add_test(suite, "more facts", test_more_facts);
	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed ? 1 : 0;
}
