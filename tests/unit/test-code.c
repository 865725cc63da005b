/* SPDX-License-Identifier: Apache-2.0 */
/* Where code is, which calls change that, and filters that ask for it. */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/shm.h>

#include "tracer/gate.h"

#define DATA 0x1234
#define GB   (UINT64_C(1) << 30)

static void test_ranges(void)
{
	struct wh_code code = {0}, other = {0};

	CU_ASSERT_EQUAL(wh_code_add(&code, 0x1000, 0x2000), 0);
	CU_ASSERT_EQUAL(wh_code_add(&code, 0x5000, 0x6000), 0);
	CU_ASSERT_EQUAL(code.n, 1);
	CU_ASSERT_EQUAL(wh_code_add(&code, GB, GB + 0x1000), 0);
	CU_ASSERT_EQUAL(code.n, 2);
	CU_ASSERT(wh_code_overlaps(&code, 0x5fff, 0x8000) && wh_code_overlaps(&code, 0, GB * 4));
	CU_ASSERT(!wh_code_overlaps(&code, 0x7000, GB - 1) &&
		  !wh_code_overlaps(&code, 2 * GB, 3 * GB));
	/* Behind a call that stands last in a mapping is the first address that is not in it. */
	CU_ASSERT(wh_code_overlaps(&code, 0x6000, 0x7000));
	CU_ASSERT_EQUAL(wh_code_add(&other, 2 * GB, 3 * GB), 0);
	CU_ASSERT(wh_code_apart(&code, &other) && wh_code_apart(&other, &code));
	CU_ASSERT_EQUAL(wh_code_add(&code, 2 * GB + 5, 2 * GB + 6), 0);
	CU_ASSERT(!wh_code_apart(&code, &other) && !wh_code_apart(&other, &code));
	for (uint64_t i = 3; i < WH_CODE_RANGES; i++)
		CU_ASSERT_EQUAL(wh_code_add(&code, 4 * i * GB, 4 * i * GB + 1), 0);
	CU_ASSERT_EQUAL(wh_code_add(&code, 100 * GB, 101 * GB), -E2BIG);
}

static enum wh_code_change change(const char *abi, const char *name, uint64_t a, uint64_t b,
				  uint64_t c, uint64_t d, struct wh_code_range *range)
{
	const struct wh_call call = {.abi = wh_syscall_abi(abi),
				     .name = name,
				     .row = wh_syscall_row(name),
				     .arg = {a, b, c, d}};

	return wh_code_call(&call, range);
}

static void test_calls(void)
{
	const uint64_t rx = PROT_READ | PROT_EXEC, fixed = MAP_PRIVATE | MAP_FIXED;
	struct wh_code_range r = {0};

	CU_ASSERT_EQUAL(change("x86_64", "read", 0, 0, rx, 0, &r), WH_CODE_STAYS);
	CU_ASSERT_EQUAL(change("x86_64", "mmap", 0, 1, PROT_READ, MAP_PRIVATE, &r), WH_CODE_STAYS);
	CU_ASSERT_EQUAL(change("x86_64", "mmap", 0, 1, rx, MAP_PRIVATE, &r), WH_CODE_UNKNOWN);
	CU_ASSERT_EQUAL(change("x86_64", "mmap", 0x5000, 0x1001, rx, fixed, &r), WH_CODE_COMES);
	CU_ASSERT(r.start == 0x5000 && r.end == 0x7000);
	CU_ASSERT_EQUAL(change("x86_64", "mprotect", 0x5000, 1, rx, 0, &r), WH_CODE_COMES);
	CU_ASSERT(r.start == 0x5000 && r.end == 0x6000);
	CU_ASSERT_EQUAL(change("x86_64", "mprotect", 0x5000, 1, rx | PROT_GROWSDOWN, 0, &r),
			WH_CODE_UNKNOWN);
	CU_ASSERT_EQUAL(change("x86_64", "pkey_mprotect", 0x5000, 1, rx, 0, &r), WH_CODE_COMES);
	CU_ASSERT_EQUAL(change("x86_64", "mprotect", UINT64_MAX - 10, 100, rx, 0, &r),
			WH_CODE_UNKNOWN);
	CU_ASSERT_EQUAL(change("i386", "mmap", 0, 0, 0, 0, &r), WH_CODE_UNKNOWN);
	CU_ASSERT_EQUAL(change("x86_64", "mremap", 0, 0, 0, 0, &r), WH_CODE_UNKNOWN);
	CU_ASSERT_EQUAL(change("x86_64", "shmat", 0, 0, 0, 0, &r), WH_CODE_STAYS);
	CU_ASSERT_EQUAL(change("x86_64", "shmat", 0, 0, SHM_EXEC, 0, &r), WH_CODE_UNKNOWN);
	CU_ASSERT_EQUAL(change("x86_64", "personality", READ_IMPLIES_EXEC, 0, 0, 0, &r),
			WH_CODE_UNKNOWN);
	CU_ASSERT_EQUAL(change("x86_64", "personality", UINT32_MAX, 0, 0, 0, &r), WH_CODE_STAYS);
	CU_ASSERT_EQUAL(change("x86_64", "personality", ADDR_NO_RANDOMIZE, 0, 0, 0, &r),
			WH_CODE_STAYS);
}

/* As the kernel does (net/core/filter.c); only what such filters are made of. */
static uint32_t run(const struct sock_fprog *filter, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (unsigned pc = 0; pc < filter->len; pc++) {
		const struct sock_filter *i = &filter->filter[pc];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)data + i->k, sizeof(a));
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
		case BPF_JMP | BPF_JGT | BPF_K:
			pc += a > i->k ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			CU_FAIL("another instruction");
			return 0;
		}
	}
	CU_FAIL("the filter has no end");
	return 0;
}

static void test_filter(void)
{
	/* Low, across 4 GB, ending at 8 GB, and high. */
	const struct wh_code code = {{{0x1000, 0x3000},
				      {4 * GB - 0x1000, 4 * GB + 0x1000},
				      {8 * GB - 0x2000, 8 * GB},
				      {UINT64_C(0x7f0000001000), UINT64_C(0x7f0080000000)}},
				     4};
	const uint64_t offsets[] = {
		(uint64_t)-0x1000, (uint64_t)-1, 0, 1, 2, 0xfff, 0x1000, 0x1001};
	struct wh_quiet_set inside = {0}, outside = {0};
	struct sock_fprog filter = {0};

	for (uint16_t nr = 0; nr < 40; nr++) {
		if (nr % 3 == 0)
			CU_ASSERT_EQUAL(wh_quiet_add(&inside, &(struct wh_quiet_item){.nr = nr}),
					1);
		if (nr % 2 == 0)
			CU_ASSERT_EQUAL(wh_quiet_add(&outside, &(struct wh_quiet_item){.nr = nr}),
					1);
	}
	CU_ASSERT_EQUAL_FATAL(wh_gate_compile_by_code(&code, &inside, &outside, DATA, &filter), 0);
	for (size_t i = 0; i < 2 * code.n * WH_ARRAY_SIZE(offsets) * 40; i++) {
		const struct wh_code_range *at = &code.v[i / 2 % code.n];
		struct seccomp_data data = {
			.nr = (int)(i % 40),
			.arch = AUDIT_ARCH_X86_64,
			.instruction_pointer = (i % 2 ? at->start : at->end) +
					       offsets[i / 8 % WH_ARRAY_SIZE(offsets)],
		};
		uint64_t ip = data.instruction_pointer;
		bool in = false;

		/* It is that of the next instruction, which may be the first that is not in there. */
		for (size_t k = 0; k < code.n; k++)
			in |= ip >= code.v[k].start && ip <= code.v[k].end;
		CU_ASSERT_EQUAL(run(&filter, &data), data.nr % (in ? 3 : 2) == 0
							     ? (uint32_t)SECCOMP_RET_ALLOW
							     : SECCOMP_RET_TRACE | DATA);
		data.arch = AUDIT_ARCH_I386;
		CU_ASSERT_EQUAL(run(&filter, &data), SECCOMP_RET_TRACE | DATA);
		/* A vsyscall. */
		data.arch = AUDIT_ARCH_X86_64;
		data.instruction_pointer = UINT64_C(0xffffffffff600402);
		CU_ASSERT_EQUAL(run(&filter, &data), SECCOMP_RET_TRACE | DATA);
	}
	free(filter.filter);
	wh_quiet_clear(&inside);
	wh_quiet_clear(&outside);
}

int main(void)
{
	CU_pSuite suite;
	unsigned failed;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("code", NULL, NULL);
	CU_add_test(suite, "ranges", test_ranges);
	CU_add_test(suite, "calls that change where code is", test_calls);
	CU_add_test(suite, "filters that ask for code", test_filter);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed ? 1 : 0;
}
