// SPDX-License-Identifier: Apache-2.0
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

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
	wh_auto(fd) exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct wh_symbols bad = {.fd = memfd_create("bad", MFD_CLOEXEC)};
	unsigned char *real;
	uint64_t seed = 88172645463325252, sections, symtab = 0;
	struct stat st;
	Elf64_Ehdr eh;

	CU_ASSERT_FATAL(exe >= 0 && bad.fd >= 0 && fstat(exe, &st) == 0);
	real = malloc((size_t)st.st_size);
	CU_ASSERT_PTR_NOT_NULL_FATAL(real);
	CU_ASSERT_EQUAL_FATAL(read(exe, real, (size_t)st.st_size), st.st_size);
	memcpy(&eh, real, sizeof(eh));
	sections = (uint64_t)eh.e_shnum * sizeof(Elf64_Shdr);
	for (unsigned i = 0; i < eh.e_shnum; i++) {
		Elf64_Shdr sh;

		memcpy(&sh, real + eh.e_shoff + i * sizeof(sh), sizeof(sh));
		if (sh.sh_type == SHT_SYMTAB)
			symtab = sh.sh_offset;
	}
	for (unsigned round = 0; round < 1000; round++) {
		uint64_t into, address, index, where = 0;
		unsigned char byte;
		const char *name;

		if (round % 50 == 0)
			CU_ASSERT_EQUAL_FATAL(pwrite(bad.fd, real, (size_t)st.st_size, 0),
					      st.st_size);
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		byte = (unsigned char)(seed >> 32);
		switch (round % 4) {
		case 0: /* the headers, but for what says that it is an ELF file */
			where = 4 + seed % (sizeof(eh) - 4);
			break;
		case 1:
			where = eh.e_phoff + seed % (eh.e_phnum * sizeof(Elf64_Phdr));
			break;
		case 2:
			where = eh.e_shoff + seed % sections;
			break;
		case 3:
			where = symtab + seed % 4096;
			break;
		}
		CU_ASSERT_EQUAL_FATAL(pwrite(bad.fd, &byte, 1, (off_t)where), 1);
		for (uint64_t offset = 0x1000; offset < 0x3000; offset += 0x400) {
			if (wh_symbol_find(&bad, offset, &name, &into))
				CU_ASSERT_TRUE(strlen(name) < WH_SYMBOL_NAME);
			wh_symbol_unwind_table(&bad, offset, &address, &index);
		}
	}
	free(real);
	wh_symbol_close(&bad);
}

/* Who truncates the file while it is open for looking gets no answer, and kills nobody. */
static void test_truncated(void)
{
	wh_auto(fd) exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct wh_symbols s;
	uint64_t offset = offset_of((const void *)test_symbol_alpha), into, address, index;
	char path[64], block[4096];
	const char *name;
	wh_auto(fd) copy = memfd_create("copy", MFD_CLOEXEC);
	ssize_t n;

	CU_ASSERT_FATAL(exe >= 0 && copy >= 0);
	while ((n = read(exe, block, sizeof(block))) > 0)
		CU_ASSERT_EQUAL_FATAL(write(copy, block, (size_t)n), n);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", copy);
	CU_ASSERT_EQUAL_FATAL(wh_symbol_open(AT_FDCWD, path, &s), 0);
	CU_ASSERT_TRUE(wh_symbol_find(&s, offset, &name, &into));
	CU_ASSERT_TRUE_FATAL(wh_symbol_unwind_table(&s, offset, &address, &index));
	CU_ASSERT_TRUE(address >= offset && index > 0);
	/* The program's headers are still there; its sections are not. */
	CU_ASSERT_EQUAL_FATAL(ftruncate(copy, 4096), 0);
	CU_ASSERT_FALSE(wh_symbol_find(&s, offset, &name, &into));
	CU_ASSERT_EQUAL_FATAL(ftruncate(copy, 0), 0);
	CU_ASSERT_FALSE(wh_symbol_find(&s, offset, &name, &into));
	CU_ASSERT_FALSE(wh_symbol_unwind_table(&s, offset, &address, &index));
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
	CU_add_test(suite, "a file that is truncated meanwhile", test_truncated);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures() != 0 || CU_get_error() != CUE_SUCCESS;
	CU_cleanup_registry();
	return failed;
}
