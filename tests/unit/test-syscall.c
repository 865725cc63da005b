/* SPDX-License-Identifier: Apache-2.0 */
#include "whittle/syscall.h"

#include <CUnit/Basic.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <sys/syscall.h>

static bool is_path(uint8_t arg)
{
	return arg == WH_ARG_PATH || arg == WH_ARG_PATH_NOFOLLOW;
}

static void test_sorted(void)
{
	size_t n;
	const struct wh_syscall_row *rows = wh_syscall_rows(&n);

	CU_ASSERT_FATAL(n > 450);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(rows[i - 1].name, rows[i].name) >= 0)
			printf("%s is not before %s\n", rows[i - 1].name, rows[i].name);
		CU_ASSERT(strcmp(rows[i - 1].name, rows[i].name) < 0);
	}
	for (size_t i = 0; i < n; i++)
		CU_ASSERT(wh_syscall_row(rows[i].name) == &rows[i]);
	CU_ASSERT(wh_syscall_row("") == NULL);
	CU_ASSERT(wh_syscall_row("zzz") == NULL);
	CU_ASSERT(wh_syscall_row("syscall_470") == NULL);
}

/* libseccomp has a name for every number we might meet, and each of its names has a row. */
static void test_complete(void)
{
	size_t n;
	const struct wh_abi *abis = wh_syscall_abis(&n);
	unsigned named = 0;

	for (size_t i = 0; i < n; i++) {
		bool x32 = strcmp(abis[i].name, "x32") == 0;

		for (int nr = 0; nr < 1000; nr++) {
			int full = x32 ? nr | 0x40000000 : nr;
			wh_auto(str) name = seccomp_syscall_resolve_num_arch(abis[i].scmp, full);
			const char *ours = wh_syscall_name(&abis[i], (uint64_t)full);

			if (!name)
				continue;
			named++;
			if (!wh_syscall_row(name))
				printf("%s (%s %d) has no row\n", name, abis[i].name, nr);
			CU_ASSERT(wh_syscall_row(name) != NULL);
			CU_ASSERT(wh_util_streq(ours, name));
			CU_ASSERT(wh_syscall_name(&abis[i], (uint64_t)full) == ours);
			CU_ASSERT(wh_syscall_number(&abis[i], name) == full);
		}
	}
	CU_ASSERT(named > 1200);
}

/* The other way round: no row is made up. */
static void test_known(void)
{
	size_t n, n_abis;
	const struct wh_syscall_row *rows = wh_syscall_rows(&n);
	const struct wh_abi *abis = wh_syscall_abis(&n_abis);

	for (size_t i = 0; i < n; i++) {
		unsigned has = 0;

		for (size_t k = 0; k < n_abis; k++) {
			int nr = wh_syscall_number(&abis[k], rows[i].name);

			if (nr < 0)
				continue;
			has++;
			CU_ASSERT(wh_util_streq(wh_syscall_name(&abis[k], (uint64_t)nr),
						rows[i].name));
		}
		if (!has)
			printf("%s has no number anywhere\n", rows[i].name);
		CU_ASSERT(has > 0);
		if (!rows[i].newer) {
			int known = __NR_SCMP_ERROR;

			for (size_t k = 0; k < n_abis && known == __NR_SCMP_ERROR; k++)
				known = seccomp_syscall_resolve_name_arch(abis[k].scmp,
									  rows[i].name);
			if (known == __NR_SCMP_ERROR)
				printf("%s is unknown and not marked newer\n", rows[i].name);
			CU_ASSERT(known != __NR_SCMP_ERROR);
		}
	}
}

/* A path is relative to the descriptor in front, or the call has none at all. */
static void test_arguments(void)
{
	/* Names that end in "at" for another reason. */
	static const char *const not_at[] = {
		"stat",	    "lstat",	 "fstat", "ustat", "oldstat",		"oldlstat",
		"oldfstat", "cachestat", "shmat", "creat", "open_by_handle_at",
	};
	size_t n;
	const struct wh_syscall_row *rows = wh_syscall_rows(&n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_syscall_row *row = &rows[i];
		unsigned paths = 0, dirfds = 0, atflags = 0;
		size_t len = strlen(row->name);
		bool at, none = false;

		for (unsigned k = 0; k < 6; k++) {
			uint8_t arg = row->arg[k];

			CU_ASSERT(arg <= WH_ARG_MODE);
			CU_ASSERT(!(none && arg != WH_ARG_NONE)); /* no holes */
			none = arg == WH_ARG_NONE;
			paths += is_path(arg);
			atflags += arg == WH_ARG_ATFLAGS;
			if (arg == WH_ARG_DIRFD) {
				dirfds++;
				CU_ASSERT(k < 5 && is_path(row->arg[k + 1]));
			}
			if (arg == WH_ARG_SOCKADDR)
				CU_ASSERT(k < 5 && row->arg[k + 1] == WH_ARG_INT);
			/* What is kept must be a value, not a place, an identity or an address. */
			if (row->keep & (1 << k))
				CU_ASSERT(arg == WH_ARG_INT || arg == WH_ARG_FLAGS ||
					  arg == WH_ARG_SIGNAL);
		}
		if (dirfds != 0 && dirfds != paths)
			printf("%s: a path without its directory\n", row->name);
		CU_ASSERT(dirfds == 0 || dirfds == paths);
		CU_ASSERT(paths <= 2 && dirfds <= 2);
		CU_ASSERT(atflags == 0 || dirfds > 0);
		CU_ASSERT(!(row->keep & ~0x3fu));
		at = len > 2 && strcmp(row->name + len - 2, "at") == 0;
		for (size_t k = 0; k < WH_ARRAY_SIZE(not_at); k++)
			at = at && strcmp(row->name, not_at[k]) != 0;
		if (at) {
			if (!dirfds)
				printf("%s has no directory argument\n", row->name);
			CU_ASSERT(dirfds > 0);
		}
		/* A regular access is about a path or a descriptor. */
		if (row->access != WH_ACCESSES)
			CU_ASSERT(paths > 0 || row->arg[0] == WH_ARG_FD);
		CU_ASSERT(row->access <= WH_ACCESSES);
		CU_ASSERT(row->risk < WH_RISKS);
	}
}

static void test_irregular(void)
{
	static const char *const names[] = {
#define X(id) #id,
		WH_IRREGULAR_LIST(X)
#undef X
	};
	bool used[WH_IRREGULARS] = {false};
	size_t n;
	const struct wh_syscall_row *rows = wh_syscall_rows(&n);

	for (size_t i = 0; i < n; i++) {
		CU_ASSERT_FATAL(rows[i].irregular < WH_IRREGULARS);
		used[rows[i].irregular] = true;
	}
	for (size_t i = 0; i < WH_IRREGULARS; i++) {
		if (!used[i])
			printf("no row is %s\n", names[i]);
		CU_ASSERT(used[i]);
	}
}

static void check_row(const char *name, enum wh_irregular irregular, enum wh_access access,
		      unsigned keep)
{
	const struct wh_syscall_row *row = wh_syscall_row(name);

	CU_ASSERT_FATAL(row != NULL);
	CU_ASSERT(row->irregular == irregular);
	CU_ASSERT(row->access == access);
	CU_ASSERT(row->keep == keep);
}

static void test_samples(void)
{
	check_row("openat", WH_IRREGULAR_OPEN, WH_ACCESSES, 0);
	check_row("socket", WH_IRREGULAR_SOCKET, WH_ACCESSES, 7);
	check_row("ioctl", WH_IRREGULAR_NONE, WH_ACCESSES, 2);
	check_row("chmod", WH_IRREGULAR_NONE, WH_ACCESS_CHMOD, 0);
	check_row("setsockopt", WH_IRREGULAR_NONE, WH_ACCESSES, 6);
	check_row("read", WH_IRREGULAR_NONE, WH_ACCESSES, 0);
	CU_ASSERT(wh_syscall_row("lchown")->arg[0] == WH_ARG_PATH_NOFOLLOW);
	CU_ASSERT(wh_syscall_row("clone3")->probed);
	CU_ASSERT(wh_syscall_row("faccessat2")->probed);
	CU_ASSERT(!wh_syscall_row("read")->probed);
	CU_ASSERT(wh_syscall_row("mseal")->newer);
	CU_ASSERT_STRING_EQUAL(wh_syscall_risk_name(WH_RISK_LOW), "low");
	CU_ASSERT_STRING_EQUAL(wh_syscall_risk_name(wh_syscall_row("init_module")->risk),
			       "critical");
}

static void test_abis(void)
{
	const struct wh_abi *x86_64 = wh_syscall_abi("x86_64"), *i386 = wh_syscall_abi("i386");
	const struct wh_abi *x32 = wh_syscall_abi("x32"), *arm = wh_syscall_abi("aarch64");

	CU_ASSERT_FATAL(x86_64 && i386 && x32 && arm);
	CU_ASSERT(wh_syscall_abi("mips") == NULL);
	CU_ASSERT(wh_syscall_abi_audit(AUDIT_ARCH_X86_64, 1) == x86_64);
	CU_ASSERT(wh_syscall_abi_audit(AUDIT_ARCH_X86_64, 0x40000001) == x32);
	/* A cancelled call has number -1, in 32 or 64 bits, and is no x32 call. */
	CU_ASSERT(wh_syscall_abi_audit(AUDIT_ARCH_X86_64, UINT64_MAX) == x86_64);
	CU_ASSERT(wh_syscall_abi_audit(AUDIT_ARCH_X86_64, UINT32_MAX) == x86_64);
	CU_ASSERT(wh_syscall_abi_audit(AUDIT_ARCH_I386, 4) == i386);
	CU_ASSERT(wh_syscall_abi_audit(AUDIT_ARCH_AARCH64, 4) == arm);
	CU_ASSERT(wh_syscall_abi_audit(AUDIT_ARCH_S390X, 4) == NULL);
	CU_ASSERT(wh_syscall_number(wh_syscall_abi_native(), "getpid") == SYS_getpid);
	CU_ASSERT_STRING_EQUAL(x86_64->oci, "SCMP_ARCH_X86_64");
}

static void test_numbers(void)
{
	const struct wh_abi *x86_64 = wh_syscall_abi("x86_64"), *i386 = wh_syscall_abi("i386");
	const struct wh_abi *x32 = wh_syscall_abi("x32"), *arm = wh_syscall_abi("aarch64");

	CU_ASSERT_STRING_EQUAL(wh_syscall_name(x86_64, 0), "read");
	CU_ASSERT_STRING_EQUAL(wh_syscall_name(i386, 0), "restart_syscall");
	CU_ASSERT_STRING_EQUAL(wh_syscall_name(i386, 359), "socket");
	CU_ASSERT(wh_syscall_number(i386, "socket") == 359);
	CU_ASSERT(wh_syscall_number(i386, "accept") == -1); /* only through socketcall */
	CU_ASSERT(wh_syscall_number(x86_64, "socketcall") == -1);
	CU_ASSERT_STRING_EQUAL(wh_syscall_name(x32, 0x40000000 | 520), "execve");
	CU_ASSERT(wh_syscall_number(x32, "execve") == (0x40000000 | 520));
	CU_ASSERT_STRING_EQUAL(wh_syscall_name(x86_64, 335), "uretprobe");
	CU_ASSERT(wh_syscall_name(i386, 335) == NULL ||
		  strcmp(wh_syscall_name(i386, 335), "uretprobe") != 0);
	for (int nr = 451; nr <= 469; nr++) {
		CU_ASSERT(wh_syscall_name(x86_64, (uint64_t)nr) != NULL);
		CU_ASSERT(wh_util_streq(wh_syscall_name(arm, (uint64_t)nr),
					wh_syscall_name(x86_64, (uint64_t)nr)));
	}
	CU_ASSERT_STRING_EQUAL(wh_syscall_name(x86_64, 462), "mseal");
	CU_ASSERT(wh_syscall_name(x86_64, 999) == NULL);
	CU_ASSERT(wh_syscall_name(x86_64, UINT64_MAX) == NULL);
	CU_ASSERT(wh_syscall_name(x32, UINT64_MAX) == NULL);
	CU_ASSERT(wh_syscall_number(x86_64, "") == -1);
	CU_ASSERT(wh_syscall_number(x86_64, "no_such_call") == -1);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"sorted and unique", test_sorted},
		{"every name of libseccomp has a row", test_complete},
		{"every row has a number", test_known},
		{"arguments", test_arguments},
		{"irregular ones", test_irregular},
		{"samples", test_samples},
		{"ABIs", test_abis},
		{"numbers", test_numbers},
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = {{.pName = "syscall", .pTests = tests}, CU_SUITE_INFO_NULL};
	unsigned failed;

	if (CU_initialize_registry() || CU_register_suites(suites))
		return EXIT_FAILURE;
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
