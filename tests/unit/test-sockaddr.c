/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/sockaddr.h"

#include <CUnit/Basic.h>
#include <arpa/inet.h>
#include <linux/if_alg.h>
#include <linux/vm_sockets.h>
#include <sys/socket.h>
#include <sys/un.h>

static void check(const void *addr, size_t len, const char *want)
{
	char text[WH_SOCKADDR_TEXT];

	wh_sockaddr_text(addr, len, text);
	if (strcmp(text, want) != 0)
		printf("\n  must be: %s\n  but is:  %s\n", want, text);
	CU_ASSERT_STRING_EQUAL(text, want);
}

static void test_inet(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(80)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(65535)};

	in.sin_addr.s_addr = htonl(0x7f000001);
	check(&in, sizeof(in), "127.0.0.1:80");
	check(&in, sizeof(in) - 1, "");
	check(&in, 2, "");
	check(&in, 1, "");
	check(&in, 0, "");
	in6.sin6_addr = in6addr_loopback;
	check(&in6, sizeof(in6), "[::1]:65535");
	/* The length before there were scope ids. */
	check(&in6, 24, "[::1]:65535");
	check(&in6, 23, "");
}

static void test_unix(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	size_t head = offsetof(struct sockaddr_un, sun_path);
	char path[128];

	CU_ASSERT(!wh_sockaddr_path(&un, head, path));
	check(&un, head, "");
	strcpy(un.sun_path, "/run/a b%");
	check(&un, sizeof(un), "unix:/run/a%20b%25");
	CU_ASSERT(wh_sockaddr_path(&un, sizeof(un), path));
	CU_ASSERT_STRING_EQUAL(path, "/run/a b%");
	/* No NUL: the length ends it. */
	check(&un, head + 4, "unix:/run");
	CU_ASSERT(wh_sockaddr_path(&un, head + 4, path));
	CU_ASSERT_STRING_EQUAL(path, "/run");
	/* The whole array without a NUL, and a length beyond it. */
	memset(un.sun_path, 'x', sizeof(un.sun_path));
	CU_ASSERT(wh_sockaddr_path(&un, sizeof(un), path));
	CU_ASSERT(strlen(path) == sizeof(un.sun_path));
	CU_ASSERT(wh_sockaddr_path(&un, 128, path));
	CU_ASSERT(strlen(path) == sizeof(un.sun_path));
	memcpy(un.sun_path, "\0ab\0\xff", 5);
	check(&un, head + 5, "unix:@ab%00%FF");
	check(&un, head + 1, "unix:@");
	CU_ASSERT(!wh_sockaddr_path(&un, head + 5, path));
}

static void test_others(void)
{
	struct sockaddr_vm vm = {.svm_family = AF_VSOCK, .svm_cid = 2, .svm_port = 1024};
	struct sockaddr_alg alg = {.salg_family = AF_ALG};
	struct sockaddr any = {.sa_family = AF_NETLINK};

	check(&vm, sizeof(vm), "vsock:2:1024");
	check(&vm, 8, "");
	memset(alg.salg_type, 'h', sizeof(alg.salg_type));
	memset(alg.salg_name, 0, sizeof(alg.salg_name));
	memcpy(alg.salg_name, "sha256", 6);
	check(&alg, sizeof(alg), "alg:hhhhhhhhhhhhhh:sha256");
	check(&any, sizeof(any), "");
}

static void test_names(void)
{
	char buf[16];

	CU_ASSERT_STRING_EQUAL(wh_sockaddr_family(AF_INET6, buf, sizeof(buf)), "AF_INET6");
	CU_ASSERT_STRING_EQUAL(wh_sockaddr_family(AF_VSOCK, buf, sizeof(buf)), "AF_VSOCK");
	CU_ASSERT_STRING_EQUAL(wh_sockaddr_family(-7, buf, sizeof(buf)), "AF_-7");
	CU_ASSERT_STRING_EQUAL(wh_sockaddr_family(999, buf, sizeof(buf)), "AF_999");
	CU_ASSERT_STRING_EQUAL(
		wh_sockaddr_type(SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, buf, sizeof(buf)),
		"SOCK_STREAM");
	CU_ASSERT_STRING_EQUAL(wh_sockaddr_type(SOCK_PACKET, buf, sizeof(buf)), "SOCK_PACKET");
	CU_ASSERT_STRING_EQUAL(wh_sockaddr_type(8, buf, sizeof(buf)), "SOCK_8");
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"inet", test_inet},   {"unix", test_unix}, {"other families", test_others},
		{"names", test_names}, CU_TEST_INFO_NULL,
	};
	static CU_SuiteInfo suites[] = {
		{"sockaddr", NULL, NULL, NULL, NULL, tests},
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
