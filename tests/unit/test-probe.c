// SPDX-License-Identifier: Apache-2.0
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include "core/probe.h"

static void test_good(void)
{
	static const struct {
		const char *spec;
		enum wh_probe_kind kind;
		const char *host, *port, *text;
	} good[] = {
		{"tcp:localhost:80", WH_PROBE_TCP, "localhost", "80", NULL},
		{"tcp:8080", WH_PROBE_TCP, "localhost", "8080", NULL},
		{"tcp:[::1]:65535", WH_PROBE_TCP, "::1", "65535", NULL},
		{"http://localhost/", WH_PROBE_HTTP, "localhost", "80", "/"},
		{"http://localhost", WH_PROBE_HTTP, "localhost", "80", "/"},
		{"http:http://a:81/b/c?d=e#f", WH_PROBE_HTTP, "a", "81", "/b/c?d=e"},
		{"http://a?x", WH_PROBE_HTTP, "a", "80", "/?x"},
		{"http://[::1]:8080/x", WH_PROBE_HTTP, "::1", "8080", "/x"},
		{"http://[::1]", WH_PROBE_HTTP, "::1", "80", "/"},
		{"http:localhost:81/x", WH_PROBE_HTTP, "localhost", "81", "/x"},
		{"log:a|b: c", WH_PROBE_LOG, NULL, NULL, "a|b: c"},
		{"file:/run/x", WH_PROBE_FILE, NULL, NULL, "/run/x"},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(good); i++) {
		struct wh_error e = {0};
		struct wh_probe probe;

		CU_ASSERT_EQUAL_FATAL(wh_probe_parse(good[i].spec, &probe, &e), 0);
		CU_ASSERT_EQUAL(probe.kind, good[i].kind);
		CU_ASSERT_TRUE(wh_util_streq(probe.host, good[i].host));
		CU_ASSERT_TRUE(wh_util_streq(probe.port, good[i].port));
		CU_ASSERT_TRUE(wh_util_streq(probe.text, good[i].text));
		wh_probe_free(&probe);
	}
}

static void test_delay(void)
{
	struct wh_probe probe;

	CU_ASSERT_EQUAL_FATAL(wh_probe_parse("delay:1.5", &probe, NULL), 0);
	CU_ASSERT_EQUAL(probe.kind, WH_PROBE_DELAY);
	CU_ASSERT_EQUAL(probe.delay, 1.5);
	CU_ASSERT_EQUAL_FATAL(wh_probe_parse("delay:2s", &probe, NULL), 0);
	CU_ASSERT_EQUAL(probe.delay, 2);
}

static void test_bad(void)
{
	static const char *const bad[] = {
		"",
		"tcp:",
		"tcp:0",
		"tcp:65536",
		"tcp:host",
		"tcp:host:",
		"tcp::80",
		"tcp:host:x",
		"tcp:host:-1",
		"tcp:1:2:3",
		"tcp:[::1",
		"tcp:[::1]80",
		"http:",
		"http://",
		"http://:80/",
		"http://a:0/",
		"http://a b/",
		"http://a/\r\nX: y",
		"https://a/",
		"log:",
		"file:",
		"delay:",
		"delay:x",
		"delay:-1",
		"delay:1x",
		"delay:inf",
		"delay:1e999",
		"TCP:a:1",
		"udp:a:1",
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(bad); i++) {
		struct wh_error e = {0};
		struct wh_probe probe = {.delay = 42};

		CU_ASSERT_EQUAL(wh_probe_parse(bad[i], &probe, &e), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.text, "--ready "));
		CU_ASSERT_PTR_NULL(strchr(e.text, '\n'));
		CU_ASSERT_EQUAL(probe.delay, 42);
	}
}

struct server {
	int fd;
	const char *answer;
	char request[512];
};

static void *serve(void *data)
{
	struct server *s = data;
	int c = accept(s->fd, NULL, NULL);
	ssize_t n = read(c, s->request, sizeof(s->request) - 1);

	s->request[n > 0 ? n : 0] = '\0';
	if (write(c, s->answer, strlen(s->answer)) < 0)
		s->answer = NULL;
	close(c);
	return NULL;
}

static int listen_somewhere(unsigned *ret_port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	CU_ASSERT_EQUAL_FATAL(listen(fd, 4), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	*ret_port = ntohs(in.sin_port);
	return fd;
}

static bool try_spec(const char *fmt, unsigned port)
{
	struct wh_probe probe;
	char spec[64];
	bool ready;

	snprintf(spec, sizeof(spec),
		 strcmp(fmt, "tcp") == 0 ? "tcp:127.0.0.1:%u" : "http://127.0.0.1:%u/a?b", port);
	CU_ASSERT_EQUAL_FATAL(wh_probe_parse(spec, &probe, NULL), 0);
	ready = wh_probe_try(&probe, false);
	wh_probe_free(&probe);
	return ready;
}

static void test_http(void)
{
	static const struct {
		const char *answer;
		bool ready;
	} answers[] = {
		{"HTTP/1.1 200 OK\r\n\r\nhello", true},
		{"HTTP/1.0 204 No Content\r\n\r\n", true},
		{"HTTP/1.1 302 Found\r\n\r\n", true},
		{"HTTP/1.1 404 Not Found\r\n\r\n", false},
		{"HTTP/1.1 503 Later\r\n\r\n", false},
		{"HTTP/1.1 100 Continue\r\n\r\n", false},
		{"SSH-2.0-OpenSSH_9.2\r\n", false},
		{"", false},
		{"HTTP/1.1", false},
		{"HTTP/2.0 200 OK\r\n\r\n", false},
		{"HTTP/1.1-200 OK\r\n\r\n", false},
	};
	unsigned port;

	for (size_t i = 0; i < WH_ARRAY_SIZE(answers); i++) {
		struct server s = {.fd = listen_somewhere(&port), .answer = answers[i].answer};
		pthread_t thread;

		CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, serve, &s), 0);
		CU_ASSERT_EQUAL(try_spec("http", port), answers[i].ready);
		pthread_join(thread, NULL);
		close(s.fd);
		CU_ASSERT_TRUE(
			wh_util_has_prefix(s.request, "GET /a?b HTTP/1.1\r\nHost: 127.0.0.1:"));
		CU_ASSERT_PTR_NOT_NULL(strstr(s.request, "\r\n\r\n"));
	}
	/* Nobody there any more. */
	CU_ASSERT_FALSE(try_spec("http", port));
}

static void test_tcp_and_file(void)
{
	struct wh_probe probe;
	unsigned port;
	int fd = listen_somewhere(&port);

	CU_ASSERT_TRUE(try_spec("tcp", port));
	close(fd);
	CU_ASSERT_FALSE(try_spec("tcp", port));
	CU_ASSERT_EQUAL_FATAL(wh_probe_parse("file:/proc/self", &probe, NULL), 0);
	CU_ASSERT_TRUE(wh_probe_try(&probe, false));
	wh_probe_free(&probe);
	CU_ASSERT_EQUAL_FATAL(wh_probe_parse("file:/proc/self/no", &probe, NULL), 0);
	CU_ASSERT_FALSE(wh_probe_try(&probe, false));
	wh_probe_free(&probe);
}

int main(void)
{
	CU_pSuite suite;
	int failed;

	CU_initialize_registry();
	suite = CU_add_suite("probe", NULL, NULL);
	CU_add_test(suite, "what is a --ready", test_good);
	CU_add_test(suite, "delays", test_delay);
	CU_add_test(suite, "what is none", test_bad);
	CU_add_test(suite, "answers of a web server", test_http);
	CU_add_test(suite, "ports and files", test_tcp_and_file);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures() != 0 || CU_get_error() != CUE_SUCCESS;
	CU_cleanup_registry();
	return failed;
}
