/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/image.h"

#include <CUnit/Basic.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>

static bool script(const char *head, size_t len, const char *want)
{
	char program[WH_IMAGE_HEAD] = "untouched";
	bool is = wh_image_script(head, len, program);

	return want ? is && strcmp(program, want) == 0 : !is;
}

static void test_script(void)
{
	char long_line[300];

#define S(text) text, sizeof(text) - 1
	CU_ASSERT(script(S("#!/bin/sh\necho"), "/bin/sh"));
	CU_ASSERT(script(S("#! \t /usr/bin/env  python3\n"), "/usr/bin/env"));
	CU_ASSERT(script(S("#!sh"), "sh"));
	CU_ASSERT(script(S("#!/bin/sh"), "/bin/sh"));
	CU_ASSERT(script(S("#!/bin/sh\0x\n"), "/bin/sh"));
	CU_ASSERT(script(S("#!/bin/sh \n"), "/bin/sh"));
	CU_ASSERT(script(S("#!\n/bin/sh"), NULL));
	CU_ASSERT(script(S("#!   \n"), NULL));
	CU_ASSERT(script(S("#!"), NULL));
	CU_ASSERT(script(S("#"), NULL));
	CU_ASSERT(script(S(""), NULL));
	CU_ASSERT(script(S(" #!/bin/sh\n"), NULL));
#undef S
	/* A name that the kernel's buffer cuts is refused; arguments that it cuts are not. */
	memset(long_line, 'x', sizeof(long_line));
	memcpy(long_line, "#!/", 3);
	CU_ASSERT(script(long_line, sizeof(long_line), NULL));
	CU_ASSERT(script(long_line, WH_IMAGE_HEAD, NULL));
	long_line[9] = ' ';
	CU_ASSERT(script(long_line, sizeof(long_line), "/xxxxxx"));
	/* A short file is the whole line. */
	memset(long_line, 'x', sizeof(long_line));
	memcpy(long_line, "#!/", 3);
	CU_ASSERT(wh_image_script(long_line, 255, (char[WH_IMAGE_HEAD]){0}));
}

struct elf64 {
	Elf64_Ehdr e;
	Elf64_Phdr p[2];
	char text[64];
};

static struct elf64 sound(void)
{
	struct elf64 f = {
		.e = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64},
		      .e_phoff = offsetof(struct elf64, p),
		      .e_phentsize = sizeof(Elf64_Phdr),
		      .e_phnum = 2},
		.p = {{.p_type = PT_LOAD},
		      {.p_type = PT_INTERP,
		       .p_offset = offsetof(struct elf64, text),
		       .p_filesz = sizeof("/lib/ld.so")}},
		.text = "/lib/ld.so",
	};
	return f;
}

static bool loader(const void *data, size_t len, const char *want)
{
	wh_auto(fd) fd = memfd_create("elf", MFD_CLOEXEC);
	char text[4096];
	bool is;

	CU_ASSERT_FATAL(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	is = wh_image_loader(fd, text, sizeof(text));
	return want ? is && strcmp(text, want) == 0 : !is;
}

static void test_loader(void)
{
	struct elf64 f = sound();

	CU_ASSERT(loader(&f, sizeof(f), "/lib/ld.so"));
	f.p[1].p_type = PT_NOTE;
	CU_ASSERT(loader(&f, sizeof(f), ""));
	f = sound();
	f.p[1].p_filesz = 5; /* no NUL where it ends */
	CU_ASSERT(loader(&f, sizeof(f), NULL));
	f.p[1].p_filesz = 1;
	CU_ASSERT(loader(&f, sizeof(f), NULL));
	f.p[1].p_filesz = UINT64_MAX;
	CU_ASSERT(loader(&f, sizeof(f), NULL));
	f = sound();
	f.p[1].p_offset = UINT64_MAX - 4;
	CU_ASSERT(loader(&f, sizeof(f), NULL));
	f = sound();
	f.p[1].p_offset = 1 << 20;
	CU_ASSERT(loader(&f, sizeof(f), NULL));
	f = sound();
	f.e.e_phoff = UINT64_MAX;
	CU_ASSERT(loader(&f, sizeof(f), NULL));
	f = sound();
	f.e.e_phoff = INT64_MAX;
	CU_ASSERT(loader(&f, sizeof(f), NULL));
	f = sound();
	f.e.e_phnum = 0;
	CU_ASSERT(loader(&f, sizeof(f), NULL));
	f.e.e_phnum = 0xffff;
	CU_ASSERT(loader(&f, sizeof(f), NULL));
	f = sound();
	f.e.e_phentsize = 1;
	CU_ASSERT(loader(&f, sizeof(f), NULL));
	f = sound();
	f.e.e_ident[EI_CLASS] = 7;
	CU_ASSERT(loader(&f, sizeof(f), NULL));
}

/* Whatever is cut off or turned over, nothing is read that is not there. */
static void test_hostile(void)
{
	struct elf64 f = sound();
	wh_auto(fd) real = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	char text[4096];

	for (size_t len = 0; len < sizeof(f); len++)
		loader(&f, len, NULL);
	for (size_t i = 0; i < offsetof(struct elf64, text); i++) {
		f = sound();
		((unsigned char *)&f)[i] ^= 0xff;
		loader(&f, sizeof(f), NULL);
	}
	CU_ASSERT(loader(&f, 10, NULL));
	CU_ASSERT(wh_image_loader(real, text, sizeof(text)) && text[0] == '/');
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"#! lines", test_script},
		{"PT_INTERP", test_loader},
		{"hostile files", test_hostile},
		CU_TEST_INFO_NULL,
	};
	static CU_SuiteInfo suites[] = {
		{"image", NULL, NULL, NULL, NULL, tests},
		CU_SUITE_INFO_NULL,
	};
	unsigned failures;

	if (CU_initialize_registry() || CU_register_suites(suites))
		return 2;
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}
