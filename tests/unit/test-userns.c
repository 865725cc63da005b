/* SPDX-License-Identifier: Apache-2.0 */
#include <CUnit/Basic.h>
#include <fcntl.h>

#include "tracer/userns.h"

static void test_parse(void)
{
	static const char *const bad[] = {
		"0",	      "0 1000\n",     "0 1000 1", /* no newline */
		"0 1000 0\n", "0 1000 1 5\n", "x 1000 1\n", "0 4294967295 2\n", "4294967296 0 1\n",
	};
	struct wh_id_map map;

	CU_ASSERT(wh_userns_parse("", &map) == 0 && map.n == 0);
	CU_ASSERT(wh_userns_parse("         0       1000          1\n"
				  "         1     100000      65536\n",
				  &map) == 0);
	CU_ASSERT(map.n == 2 && map.extent[1].inside == 1 && map.extent[1].outside == 100000 &&
		  map.extent[1].count == 65536);
	CU_ASSERT(wh_userns_parse("0 0 4294967295\n", &map) == 0 && map.n == 1);
	for (size_t i = 0; i < WH_ARRAY_SIZE(bad); i++)
		CU_ASSERT(wh_userns_parse(bad[i], &map) == -EINVAL);
}

static void test_too_many(void)
{
	char text[(WH_USERNS_EXTENTS + 1) * 16 + 1] = "";
	struct wh_id_map map;
	size_t len = 0;

	for (unsigned i = 0; i < WH_USERNS_EXTENTS; i++)
		len += (size_t)sprintf(text + len, "%u %u 1\n", i, i + 1000);
	CU_ASSERT(wh_userns_parse(text, &map) == 0 && map.n == WH_USERNS_EXTENTS);
	sprintf(text + len, "9999 9999 1\n");
	CU_ASSERT(wh_userns_parse(text, &map) == -EINVAL);
}

static void test_ids(void)
{
	struct wh_userns ns = {.ino = 1}, ours = {.ino = 2, .ours = true};
	uint32_t id;

	CU_ASSERT(wh_userns_parse("0 1000 1\n1 100000 65536\n", &ns.uid) == 0);
	CU_ASSERT(wh_userns_outside(&ns, &ns.uid, 0, &id) && id == 1000);
	CU_ASSERT(wh_userns_outside(&ns, &ns.uid, 33, &id) && id == 100032);
	CU_ASSERT(wh_userns_outside(&ns, &ns.uid, 65536, &id) && id == 165535);
	CU_ASSERT(!wh_userns_outside(&ns, &ns.uid, 65537, &id));
	CU_ASSERT(wh_userns_inside(&ns, &ns.uid, 1000, &id) && id == 0);
	CU_ASSERT(wh_userns_inside(&ns, &ns.uid, 100032, &id) && id == 33);
	CU_ASSERT(!wh_userns_inside(&ns, &ns.uid, 0, &id));
	CU_ASSERT(!wh_userns_inside(&ns, &ns.uid, 1001, &id));
	CU_ASSERT(!wh_userns_inside(&ns, &ns.gid, 1000, &id)); /* its map is not written yet */
	CU_ASSERT(wh_userns_inside(&ours, &ours.uid, 7, &id) && id == 7);
	CU_ASSERT(wh_userns_outside(&ours, &ours.uid, 7, &id) && id == 7);
}

static void test_our_own(void)
{
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int net = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct wh_userns ns;

	CU_ASSERT_FATAL(proc >= 0 && net >= 0);
	CU_ASSERT(wh_userns_read(proc, getpid(), &ns) == 0 && ns.ours && ns.ino);
	CU_ASSERT(wh_userns_read(proc, 0x7ffffff0, &ns) < 0);
	CU_ASSERT(wh_userns_reach(wh_userns_of(proc, getpid()), geteuid(), net) == WH_REACH_CAP);
	CU_ASSERT(wh_userns_reach(1, geteuid(), net) == WH_REACH_NONE);
	close(net);
	close(proc);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"the text of a map", test_parse},
		{"more than the kernel has", test_too_many},
		{"ids in and out", test_ids},
		{"our own", test_our_own},
		CU_TEST_INFO_NULL,
	};
	CU_SuiteInfo suites[] = {{.pName = "userns", .pTests = tests}, CU_SUITE_INFO_NULL};
	unsigned failed;

	if (CU_initialize_registry() || CU_register_suites(suites))
		return EXIT_FAILURE;
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
