// SPDX-License-Identifier: Apache-2.0
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <elf.h>
#include <fcntl.h>

#include "tracer/procfs.h"
#include "tracer/symbol.h"

int test_symbol_alpha(int n);
int test_symbol_alpha(int n)
{
	return n * 3 + 1;
}

/* Aliases of one function: the plainest name is to be taken. */
int __test_symbol_beta_long(int n);
int __test_symbol_beta_long(int n)
{
	return n * 5 + 2;
}
int test_symbol_beta(int n) __attribute__((alias("__test_symbol_beta_long")));
int test_symbol_beta_2(int n) __attribute__((alias("__test_symbol_beta_long")));

/* Where in the program's file this address comes from. */
static uint64_t offset_of(const void *address)
{
	wh_auto(file) f = fopen("/proc/self/maps", "re");
	uint64_t a = (uint64_t)(uintptr_t)address;
	char line[4352];

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	while (fgets(line, sizeof(line), f)) {
		struct wh_procfs_map map;

		line[strcspn(line, "\n")] = '\0';
		if (wh_procfs_map_parse(line, &map) == 0 && a >= map.start && a < map.end)
			return a - map.start + map.offset;
	}
	CU_FAIL_FATAL("no such mapping");
	return 0;
}

static void test_names(void)
{
	struct wh_symbols s;
	const char *name;
	uint64_t into;

	CU_ASSERT_EQUAL_FATAL(wh_symbol_open(AT_FDCWD, "/proc/self/exe", &s), 0);
	CU_ASSERT_TRUE_FATAL(
		wh_symbol_find(&s, offset_of((const void *)test_symbol_alpha), &name, &into));
	CU_ASSERT_STRING_EQUAL(name, "test_symbol_alpha");
	CU_ASSERT_EQUAL(into, 0);
	CU_ASSERT_TRUE_FATAL(
		wh_symbol_find(&s, offset_of((const void *)test_symbol_alpha) + 2, &name, &into));
	CU_ASSERT_STRING_EQUAL(name, "test_symbol_alpha");
	CU_ASSERT_EQUAL(into, 2);
	CU_ASSERT_TRUE_FATAL(
		wh_symbol_find(&s, offset_of((const void *)__test_symbol_beta_long), &name, &into));
	CU_ASSERT_STRING_EQUAL(name, "test_symbol_beta");
	/* The ELF header is no function, and behind the file there is none. */
	CU_ASSERT_FALSE(wh_symbol_find(&s, 4, &name, &into));
	CU_ASSERT_FALSE(wh_symbol_find(&s, UINT64_MAX, &name, &into));
	wh_symbol_close(&s);
}

static void test_no_programs(void)
{
	struct wh_symbols s;

	CU_ASSERT_EQUAL(wh_symbol_open(AT_FDCWD, "/no/such", &s), -ENOENT);
	CU_ASSERT_EQUAL(wh_symbol_open(AT_FDCWD, "/proc", &s), -ENOEXEC);
	CU_ASSERT_EQUAL(wh_symbol_open(AT_FDCWD, "/dev/null", &s), -ENOEXEC);
}

/* Headers that lie: whatever is said, nothing outside of the file is read. */
static void test_hostile(void)
{
	struct wh_symbols s;
	unsigned char *copy;
	uint64_t seed = 88172645463325252, sections, symtab = 0;
	Elf64_Ehdr eh;

	CU_ASSERT_EQUAL_FATAL(wh_symbol_open(AT_FDCWD, "/proc/self/exe", &s), 0);
	copy = malloc(s.len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	memcpy(&eh, s.data, sizeof(eh));
	sections = (uint64_t)eh.e_shnum * sizeof(Elf64_Shdr);
	for (unsigned i = 0; i < eh.e_shnum; i++) {
		Elf64_Shdr sh;

		memcpy(&sh, s.data + eh.e_shoff + i * sizeof(sh), sizeof(sh));
		if (sh.sh_type == SHT_SYMTAB)
			symtab = sh.sh_offset;
	}
	for (unsigned round = 0; round < 3000; round++) {
		struct wh_symbols bad = {copy, s.len};
		const char *name;
		uint64_t into;

		if (round % 100 == 0)
			memcpy(copy, s.data, s.len);
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		switch (round % 4) {
		case 0: /* the headers, but for what says that it is an ELF file */
			copy[4 + seed % (sizeof(eh) - 4)] = (unsigned char)(seed >> 32);
			break;
		case 1:
			copy[eh.e_phoff + seed % (eh.e_phnum * sizeof(Elf64_Phdr))] =
				(unsigned char)(seed >> 32);
			break;
		case 2:
			copy[eh.e_shoff + seed % sections] = (unsigned char)(seed >> 32);
			break;
		case 3:
			copy[symtab + seed % 4096] = (unsigned char)(seed >> 32);
			break;
		}
		for (uint64_t offset = 0x1000; offset < 0x3000; offset += 0x200)
			if (wh_symbol_find(&bad, offset, &name, &into))
				CU_ASSERT_TRUE(strlen(name) < 200);
	}
	free(copy);
	wh_symbol_close(&s);
}

int main(void)
{
	CU_pSuite suite;
	int failed;

	CU_initialize_registry();
	suite = CU_add_suite("symbol", NULL, NULL);
	CU_add_test(suite, "names of functions", test_names);
	CU_add_test(suite, "files that are no programs", test_no_programs);
	CU_add_test(suite, "hostile files", test_hostile);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures() != 0 || CU_get_error() != CUE_SUCCESS;
	CU_cleanup_registry();
	return failed;
}
