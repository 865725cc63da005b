// SPDX-License-Identifier: Apache-2.0
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "tracer/libc.h"

static int in_memory(const void *data, size_t len)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	CU_ASSERT_EQUAL_FATAL(write(fd, data, len), (ssize_t)len);
	return fd;
}

/* A program of one header, with @behind after it. */
struct program {
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	char behind[256];
};

static struct program program(uint32_t type, const char *behind, size_t len)
{
	struct program p = {
		.eh = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		       .e_phoff = offsetof(struct program, ph),
		       .e_phentsize = sizeof(Elf64_Phdr),
		       .e_phnum = 1},
		.ph = {.p_type = type,
		       .p_offset = offsetof(struct program, behind),
		       .p_filesz = len},
	};

	memcpy(p.behind, behind, len);
	return p;
}

/* What is said of it; "error" if it is none. */
static const char *detect(const struct program *p, int root_fd)
{
	static char text[64];
	wh_auto(fd) fd = in_memory(p, sizeof(*p));
	wh_auto(str) name = NULL;

	if (wh_libc_detect(fd, root_fd, &name) < 0)
		return "error";
	snprintf(text, sizeof(text), "%s", name ? name : "(nothing)");
	return text;
}

static void put(int root_fd, const char *path, const char *text)
{
	wh_auto(fd) fd = openat(root_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CU_ASSERT_EQUAL_FATAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void test_dynamic(void)
{
	static const char glibc[] = "/lib64/ld-linux-x86-64.so.2",
			  musl[] = "/lib/ld-musl-x86_64.so.1";
	static const char other[] = "/system/bin/linker64";
	/* Longer than the least ELF header, as any real file is. */
	static const char with[] =
		"................................................................ "
		"stable release version 2.36.\n";
	static const char without[] =
		"................................................................"
		"................";
	char folder[] = "/tmp/test-libc.XXXXXX";
	struct program p = program(PT_INTERP, glibc, sizeof(glibc));
	int root_fd;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	root_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CU_ASSERT_STRING_EQUAL(detect(&p, root_fd), "glibc");
	mkdirat(root_fd, "lib64", 0700);
	put(root_fd, "lib64/ld-linux-x86-64.so.2", without);
	CU_ASSERT_STRING_EQUAL(detect(&p, root_fd), "glibc");
	put(root_fd, "lib64/libc.so.6", with);
	CU_ASSERT_STRING_EQUAL(detect(&p, root_fd), "glibc 2.36");
	unlinkat(root_fd, "lib64/libc.so.6", 0);
	put(root_fd, "lib64/ld-linux-x86-64.so.2", with);
	CU_ASSERT_STRING_EQUAL(detect(&p, root_fd), "glibc 2.36");
	p = program(PT_INTERP, musl, sizeof(musl));
	CU_ASSERT_STRING_EQUAL(detect(&p, root_fd), "musl");
	p = program(PT_INTERP, other, sizeof(other));
	CU_ASSERT_STRING_EQUAL(detect(&p, root_fd), "(nothing)");
	unlinkat(root_fd, "lib64/ld-linux-x86-64.so.2", 0);
	unlinkat(root_fd, "lib64", AT_REMOVEDIR);
	close(root_fd);
	CU_ASSERT_EQUAL(rmdir(folder), 0);
}

static void test_static(void)
{
	static const char go[] = "\xff Go buildinf:\x08\x02................\x08go1.19.8rest";
	static const char cut[] = "\xff Go buildinf:\x08\x02................\x7fgo1.19.8";
	static const char old[] = "\xff Go buildinf:\x08\x00................";
	struct program p = program(PT_LOAD, "", 0);

	CU_ASSERT_STRING_EQUAL(detect(&p, AT_FDCWD), "static");
	p = program(PT_LOAD, go, sizeof(go));
	CU_ASSERT_STRING_EQUAL(detect(&p, AT_FDCWD), "go1.19.8");
	p = program(PT_LOAD, cut, sizeof(cut));
	CU_ASSERT_STRING_EQUAL(detect(&p, AT_FDCWD), "go");
	p = program(PT_LOAD, old, sizeof(old));
	CU_ASSERT_STRING_EQUAL(detect(&p, AT_FDCWD), "go");
}

static void test_hostile(void)
{
	static const char interp[] = "/lib/ld-musl-x86_64.so.1";
	struct program p = program(PT_INTERP, interp, sizeof(interp));

	p.ph.p_filesz--; /* no NUL at its end */
	CU_ASSERT_STRING_EQUAL(detect(&p, AT_FDCWD), "error");
	p.ph.p_filesz = UINT64_MAX;
	CU_ASSERT_STRING_EQUAL(detect(&p, AT_FDCWD), "error");
	p.ph.p_filesz = 0;
	CU_ASSERT_STRING_EQUAL(detect(&p, AT_FDCWD), "error");
	p.ph.p_filesz = sizeof(interp);
	p.ph.p_offset = UINT64_MAX;
	CU_ASSERT_STRING_EQUAL(detect(&p, AT_FDCWD), "error");
	/* The headers themselves lie outside of the file: it has none. */
	p = program(PT_INTERP, interp, sizeof(interp));
	p.eh.e_phoff = UINT64_MAX - 8;
	CU_ASSERT_STRING_EQUAL(detect(&p, AT_FDCWD), "static");
	p.eh.e_phoff = offsetof(struct program, ph);
	p.eh.e_phnum = 65535;
	CU_ASSERT_STRING_EQUAL(detect(&p, AT_FDCWD), "static");
	p.eh.e_phnum = 1;
	p.eh.e_phentsize = 1;
	CU_ASSERT_STRING_EQUAL(detect(&p, AT_FDCWD), "static");
	p.eh.e_ident[0] = '#';
	CU_ASSERT_STRING_EQUAL(detect(&p, AT_FDCWD), "error");
}

static void test_short(void)
{
	for (size_t len = 0; len < sizeof(Elf64_Ehdr); len++) {
		struct program p = program(PT_LOAD, "", 0);
		wh_auto(fd) fd = in_memory(&p, len);
		char *name = NULL;
		int err = wh_libc_detect(fd, AT_FDCWD, &name);

		CU_ASSERT_TRUE(len < sizeof(Elf32_Ehdr) ? err == -EINVAL : err == 0);
		free(name);
	}
}

static void test_self(void)
{
	wh_auto(fd) fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	wh_auto(fd) root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	wh_auto(str) name = NULL;

	CU_ASSERT_EQUAL_FATAL(wh_libc_detect(fd, root, &name), 0);
#ifdef __GLIBC__
	char want[32];

	snprintf(want, sizeof(want), "glibc %d.%d", __GLIBC__, __GLIBC_MINOR__);
	CU_ASSERT_STRING_EQUAL(name, want);
#endif
}

int main(void)
{
	CU_pSuite suite;
	int failed;

	CU_initialize_registry();
	suite = CU_add_suite("libc", NULL, NULL);
	CU_add_test(suite, "dynamic programs", test_dynamic);
	CU_add_test(suite, "static programs", test_static);
	CU_add_test(suite, "hostile programs", test_hostile);
	CU_add_test(suite, "short files", test_short);
	CU_add_test(suite, "this program", test_self);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures() != 0 || CU_get_error() != CUE_SUCCESS;
	CU_cleanup_registry();
	return failed;
}
