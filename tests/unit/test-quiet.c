/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of quiet calls, and the filters that are made of them. */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "judge/simulate.h"
#include "tracer/gate.h"
#include "tracer/quiet.h"

#define DATA	0x1234
#define NUMBERS 600

static void test_set(void)
{
	struct wh_quiet_set a = {0}, b = {0}, both = {0};
	const struct wh_quiet_item all = {.nr = 7}, one = {.nr = 7, .args = 2, .value = {5}};
	const struct wh_quiet_item other = {.nr = 7, .args = 2, .value = {6}};
	const struct wh_quiet_item here = {
		.nr = 9, .args = 2, .conditions = WH_QUIET_IF_MEMORY, .memory = 1, .value = {5}};
	struct wh_quiet_item there = here;

	there.memory = 2;
	CU_ASSERT_EQUAL(wh_quiet_add(&a, &all), 1);
	CU_ASSERT_EQUAL(wh_quiet_add(&a, &all), 0);
	CU_ASSERT_EQUAL(wh_quiet_add(&a, &here), 1);
	CU_ASSERT(wh_quiet_covers(&a, &one) && !wh_quiet_has(&a, &one));
	CU_ASSERT(!wh_quiet_covers(&a, &there));
	CU_ASSERT_EQUAL(wh_quiet_add(&b, &one), 1);
	CU_ASSERT_EQUAL(wh_quiet_add(&b, &other), 1);
	CU_ASSERT_EQUAL(wh_quiet_add(&b, &there), 1);
	CU_ASSERT(!wh_quiet_covers(&b, &all));
	/* The narrower of the two sides, whichever it is; and nothing of another address space. */
	CU_ASSERT_EQUAL(wh_quiet_both(&both, &a, &b), 0);
	CU_ASSERT_EQUAL(both.n, 2);
	CU_ASSERT(wh_quiet_has(&both, &one) && wh_quiet_has(&both, &other));
	wh_quiet_clear(&a);
	wh_quiet_clear(&b);
	wh_quiet_clear(&both);
	CU_ASSERT_EQUAL(a.n, 0);
}

/* So many values are no enumeration. */
static void test_bound(void)
{
	struct wh_quiet_set set = {0};
	struct wh_quiet_item item = {.nr = 16, .args = 2};
	int k = 1;

	while (k == 1 && item.value[0] < 1000) {
		item.value[0]++;
		k = wh_quiet_add(&set, &item);
	}
	CU_ASSERT_EQUAL(k, -ENOSPC);
	item.nr++;
	CU_ASSERT_EQUAL(wh_quiet_add(&set, &item), 1);
	wh_quiet_clear(&set);
}

/* Of what a filter may let pass the results are not seen. */
static void test_may(void)
{
	static const struct {
		const char *name;
		bool may;
	} calls[] = {
		{"getppid", true},    {"read", true},	 {"fcntl", true},    {"sendto", true},
		{"newfstatat", true}, {"socket", false}, {"openat", false},  {"execve", false},
		{"seccomp", false},   {"chmod", false},	 {"connect", false}, {"setresuid", false},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(calls); i++)
		CU_ASSERT_EQUAL(wh_quiet_may(wh_syscall_row(calls[i].name)), calls[i].may);
}

static uint32_t answer(const struct sock_fprog *filter, const char *abi, uint64_t nr,
		       const uint64_t arg[6])
{
	const struct wh_filter_program program = {.n = filter->len, .insn = filter->filter};
	struct wh_error e = {0};
	uint32_t action = 0;

	CU_ASSERT_EQUAL(wh_simulate_run(&program, wh_syscall_abi(abi), nr, arg, &action, &e), 0);
	return action;
}

/*
 * What the kernel does before a filter is used (seccomp_is_const_allow() in kernel/seccomp.c): an
 * answer that is found without a look at arguments is kept in its bitmap.
 */
static bool is_constant(const struct sock_fprog *filter, uint32_t nr, uint32_t arch)
{
	uint32_t a = 0;

	for (unsigned pc = 0; pc < filter->len; pc++) {
		const struct sock_filter *i = &filter->filter[pc];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (i->k == offsetof(struct seccomp_data, nr))
				a = nr;
			else if (i->k == offsetof(struct seccomp_data, arch))
				a = arch;
			else
				return false;
			break;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += a >= i->k ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K:
			return true;
		default:
			return false;
		}
	}
	CU_FAIL("the filter has no end");
	return false;
}

static bool in_set(const struct wh_quiet_set *set, uint64_t nr, const uint64_t arg[6])
{
	for (size_t i = 0; i < set->n; i++) {
		const struct wh_quiet_item *item = &set->v[i];
		bool same = item->nr == nr;
		size_t k = 0;

		for (unsigned n = 0; n < 6; n++)
			if ((item->args & 1u << n && item->value[k++] != arg[n]) ||
			    (item->high & 1u << n && !(arg[n] >> 32)))
				same = false;
		if (same)
			return true;
	}
	return false;
}

static bool has_values(const struct wh_quiet_set *set, uint64_t nr)
{
	const struct wh_quiet_item all = {.nr = (uint16_t)nr};
	bool values = false;

	for (size_t i = 0; i < set->n; i++)
		values |= set->v[i].nr == nr && (set->v[i].args || set->v[i].high);
	return values && !wh_quiet_has(set, &all);
}

static void check_filter(const struct wh_quiet_set *set)
{
	const uint64_t values[] = {0, 1, 2, 5, UINT64_C(1) << 32, (UINT64_C(1) << 32) | 5};
	struct sock_fprog filter;

	CU_ASSERT_EQUAL_FATAL(wh_gate_compile(set, DATA, &filter), 0);
	for (uint64_t nr = 0; nr < NUMBERS; nr++) {
		for (size_t i = 0; i < WH_ARRAY_SIZE(values) * WH_ARRAY_SIZE(values); i++) {
			uint64_t arg[6] = {0, values[i % 6], values[i / 6], 0, values[i % 5], 0};
			uint32_t want = in_set(set, nr, arg) ? (uint32_t)SECCOMP_RET_ALLOW
							     : SECCOMP_RET_TRACE | DATA;

			if (answer(&filter, "x86_64", nr, arg) != want) {
				CU_FAIL("the filter and the set differ");
				goto out;
			}
			CU_ASSERT_EQUAL(answer(&filter, "i386", nr, arg), SECCOMP_RET_TRACE | DATA);
			CU_ASSERT_EQUAL(answer(&filter, "x32", nr, arg), SECCOMP_RET_TRACE | DATA);
		}
		CU_ASSERT_EQUAL(is_constant(&filter, (uint32_t)nr, wh_syscall_abi("x86_64")->audit),
				!has_values(set, nr));
	}
out:
	free(filter.filter);
}

static void test_filter(void)
{
	const uint64_t values[] = {0, 1, 2, 5, UINT64_C(1) << 32, (UINT64_C(1) << 32) | 5};
	const uint8_t args[] = {0, 0, 2, 4, 6, 2 | 4 | 16};
	struct wh_quiet_set set = {0};

	srand(7);
	check_filter(&set);
	for (unsigned round = 0; round < 60; round++) {
		struct wh_quiet_item item = {
			/* Often neighbours, the first and the last: where halving goes wrong. */
			.nr = (uint16_t)(round % 4 == 0	  ? rand() % 5
					 : round % 4 == 1 ? NUMBERS - 1 - rand() % 4
							  : rand() % NUMBERS),
			.args = args[(unsigned)rand() % WH_ARRAY_SIZE(args)],
		};

		if (round % 3 == 0)
			item.high = (uint8_t)(22 & ~item.args);

		for (int k = 0; k < __builtin_popcount(item.args); k++)
			item.value[k] = values[(unsigned)rand() % WH_ARRAY_SIZE(values)];
		CU_ASSERT(wh_quiet_add(&set, &item) >= 0);
		if (round % 6 == 0 || round > 55)
			check_filter(&set);
	}
	wh_quiet_clear(&set);
}

/* A further filter: what it tells of, and that it leaves all else to the others. */
static void test_told(void)
{
	const struct wh_gate_told told[] = {{257, 2, 0x43}, {262, -1, 0}, {0, -1, 0}};
	struct wh_quiet_set inside = {0}, outside = {0};
	struct sock_fprog filter;

	CU_ASSERT(wh_quiet_add(&inside, &(struct wh_quiet_item){
						.nr = 262, .args = 2 | 8, .value = {7, 1}}) == 1);
	CU_ASSERT(wh_quiet_add(&outside, &(struct wh_quiet_item){.nr = 262, .high = 2}) == 1);
	CU_ASSERT(wh_quiet_add(&outside, &(struct wh_quiet_item){.nr = 1}) == 1);
	CU_ASSERT_EQUAL_FATAL(
		wh_gate_compile_told(told, WH_ARRAY_SIZE(told), &inside, &outside, DATA, &filter),
		0);
	for (uint64_t nr = 0; nr < NUMBERS; nr++) {
		const uint64_t none[6] = {0}, makes[6] = {0, 0, 0x40}, high[6] = {0, 0, 1ULL << 38},
			       item[6] = {3, 7, 8, 1}, far[6] = {3, 1ULL << 33};
		bool open = nr == 257, stat = nr == 262, any = open || stat || nr == 0;
		uint32_t tells = any ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW;

		CU_ASSERT_EQUAL(answer(&filter, "x86_64", nr, none), tells);
		CU_ASSERT_EQUAL(answer(&filter, "x86_64", nr, makes),
				open ? SECCOMP_RET_TRACE | DATA : tells);
		CU_ASSERT_EQUAL(answer(&filter, "x86_64", nr, high), tells);
		CU_ASSERT_EQUAL(answer(&filter, "x86_64", nr, item),
				stat ? SECCOMP_RET_ALLOW : tells);
		CU_ASSERT_EQUAL(answer(&filter, "x86_64", nr, far),
				stat ? SECCOMP_RET_ALLOW : tells);
		CU_ASSERT_EQUAL(answer(&filter, "i386", nr, none), SECCOMP_RET_ALLOW);
		CU_ASSERT_EQUAL(answer(&filter, "x32", nr, none), SECCOMP_RET_ALLOW);
		if (!any)
			CU_ASSERT(is_constant(&filter, (uint32_t)nr,
					      wh_syscall_abi("x86_64")->audit));
	}
	free(filter.filter);
	wh_quiet_clear(&inside);
	wh_quiet_clear(&outside);
}

static void test_too_long(void)
{
	struct wh_quiet_set set = {0};
	struct sock_fprog filter = {0};

	for (unsigned nr = 0; nr < 60; nr++)
		for (unsigned i = 0; i < 20; i++)
			CU_ASSERT(wh_quiet_add(&set, &(struct wh_quiet_item){.nr = (uint16_t)nr,
									     .args = 7,
									     .value = {i, i, i}}) ==
				  1);
	CU_ASSERT_EQUAL(wh_gate_compile(&set, DATA, &filter), -E2BIG);
	wh_quiet_clear(&set);
}

int main(void)
{
	CU_pSuite suite;
	unsigned failed;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("quiet", NULL, NULL);
	CU_add_test(suite, "sets", test_set);
	CU_add_test(suite, "values are bounded", test_bound);
	CU_add_test(suite, "calls whose results may not be seen", test_may);
	CU_add_test(suite, "filters say what the sets say", test_filter);
	CU_add_test(suite, "calls that are told of", test_told);
	CU_add_test(suite, "a filter that is too long", test_too_long);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed ? 1 : 0;
}
