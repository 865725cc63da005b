// SPDX-License-Identifier: Apache-2.0
#include "core/probe.h"

#include <math.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#define PATIENCE_MS 2000
#define LASTS_MS    200
#define ANSWER_MAX  (1 << 20)

/* ---- reading the option ---------------------------------------------------------------------- */

/* "HOST:PORT", "[HOST]:PORT" or, if there is a default, HOST alone. */
static int split_address(const char *s, size_t len, const char *default_port, char **ret_host,
			 char **ret_port)
{
	wh_auto(str) text = strndup(s, len);
	const char *host = text, *port = NULL;
	uint64_t number;
	char *end;

	if (!text)
		return -ENOMEM;
	if (*host == '[') {
		host++;
		end = strchr(host, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		port = end[1] ? end + 2 : NULL;
		*end = '\0';
	} else if ((end = strrchr(text, ':'))) {
		/* Of "::1:80" nobody can say where the port begins. */
		if (strchr(text, ':') != end)
			return -EINVAL;
		*end = '\0';
		port = end + 1;
	}
	if (!port)
		port = default_port;
	if (!port || !*host || wh_util_parse_u64(port, &number) < 0 || !number || number > 65535)
		return -EINVAL;
	*ret_host = strdup(host);
	*ret_port = strdup(port);
	return *ret_host && *ret_port ? 0 : -ENOMEM;
}

static int parse_tcp(const char *rest, struct wh_probe *probe)
{
	uint64_t port;

	if (wh_util_parse_u64(rest, &port) < 0)
		return split_address(rest, strlen(rest), NULL, &probe->host, &probe->port);
	if (!port || port > 65535)
		return -EINVAL;
	probe->host = strdup("localhost");
	probe->port = strdup(rest);
	return probe->host && probe->port ? 0 : -ENOMEM;
}

static int parse_http(const char *rest, struct wh_probe *probe)
{
	size_t len;

	if (wh_util_has_prefix(rest, "http:"))
		rest += strlen("http:");
	if (wh_util_has_prefix(rest, "//"))
		rest += 2;
	len = strcspn(rest, "/?#");
	/* A blank or a line end would make another request of it. */
	for (const char *p = rest; *p; p++)
		if ((unsigned char)*p <= ' ')
			return -EINVAL;
	if (asprintf(&probe->text, "%s%.*s", rest[len] == '/' ? "" : "/",
		     (int)strcspn(rest + len, "#"), rest + len) < 0) {
		probe->text = NULL;
		return -ENOMEM;
	}
	return split_address(rest, len, "80", &probe->host, &probe->port);
}

static int parse_text(const char *rest, struct wh_probe *probe)
{
	probe->text = strdup(rest);
	return !probe->text ? -ENOMEM : *rest ? 0 : -EINVAL;
}

static int parse_delay(const char *rest, struct wh_probe *probe)
{
	char *end;

	errno = 0;
	probe->delay = strtod(rest, &end);
	if (end != rest && *end == 's')
		end++;
	return end == rest || *end || errno || !isfinite(probe->delay) || probe->delay < 0 ? -EINVAL
											   : 0;
}

static const struct {
	const char *prefix;
	enum wh_probe_kind kind;
	int (*parse)(const char *rest, struct wh_probe *probe);
	const char *form;
} kinds[] = {
	{"tcp:", WH_PROBE_TCP, parse_tcp, "tcp:HOST:PORT"},
	{"http:", WH_PROBE_HTTP, parse_http, "http://HOST:PORT/PATH"},
	{"log:", WH_PROBE_LOG, parse_text, "log:REGEX"},
	{"file:", WH_PROBE_FILE, parse_text, "file:PATH"},
	{"delay:", WH_PROBE_DELAY, parse_delay, "delay:SECONDS"},
};

int wh_probe_parse(const char *spec, struct wh_probe *ret_probe, struct wh_error *e)
{
	if (wh_util_has_prefix(spec, "https:"))
		return wh_error_set(
			e, EINVAL,
			"--ready %s: whittle does not speak TLS; use tcp:HOST:PORT, which "
			"waits for the port",
			spec);
	for (size_t i = 0; i < WH_ARRAY_SIZE(kinds); i++) {
		struct wh_probe probe = {.kind = kinds[i].kind};
		int err;

		if (!wh_util_has_prefix(spec, kinds[i].prefix))
			continue;
		err = kinds[i].parse(spec + strlen(kinds[i].prefix), &probe);
		if (err < 0) {
			wh_probe_free(&probe);
			return err == -ENOMEM ? wh_error_oom(e)
					      : wh_error_set(e, EINVAL, "--ready %s: expected %s",
							     spec, kinds[i].form);
		}
		*ret_probe = probe;
		return 0;
	}
	return wh_error_set(e, EINVAL,
			    "--ready %s: expected tcp:HOST:PORT, http://HOST:PORT/PATH, log:REGEX, "
			    "file:PATH or delay:SECONDS",
			    spec);
}

void wh_probe_free(struct wh_probe *probe)
{
	free(probe->host);
	free(probe->port);
	free(probe->text);
	*probe = (struct wh_probe){0};
}

/* ---- looking --------------------------------------------------------------------------------- */

static int left_ms(const struct timespec *start)
{
	struct timespec now;
	long gone;

	clock_gettime(CLOCK_MONOTONIC, &now);
	gone = (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
	return gone >= PATIENCE_MS ? 0 : (int)(PATIENCE_MS - gone);
}

static bool wait_for(int fd, short events, const struct timespec *start)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n;

	do
		n = poll(&p, 1, left_ms(start));
	while (n < 0 && errno == EINTR);
	return n > 0;
}

static int connect_one(const struct addrinfo *ai, const struct timespec *start)
{
	wh_auto(fd) fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err = 0;
	socklen_t len = sizeof(err);

	if (fd < 0)
		return -1;
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0 &&
	    (errno != EINPROGRESS || !wait_for(fd, POLLOUT, start) ||
	     getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 || err))
		return -1;
	return wh_take_fd(&fd);
}

static int connect_to(const struct wh_probe *probe, const struct timespec *start)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	int fd = -1;

	if (getaddrinfo(probe->host, probe->port, &hints, &list) != 0)
		return -1;
	for (const struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next)
		fd = connect_one(ai, start);
	freeaddrinfo(list);
	return fd;
}

/*
 * The answer is read to its end, though its first line would do: a connection that is closed with
 * bytes unread is reset, and the service would be seen to handle an error that no real client makes.
 */
static bool http_answer(int fd, const struct timespec *start)
{
	char head[16] = "", buf[4096];
	size_t len = 0, total = 0;

	while (total < ANSWER_MAX && wait_for(fd, POLLIN, start)) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n && len < sizeof(head) - 1; i++)
			head[len++] = buf[i];
		total += (size_t)n;
	}
	/* "HTTP/1.1 200" */
	return len >= 12 && memcmp(head, "HTTP/1.", 7) == 0 && head[8] == ' ' &&
	       (head[9] == '2' || head[9] == '3');
}

static bool try_http(const struct wh_probe *probe, int fd, const struct timespec *start)
{
	wh_auto(str) request = NULL;
	bool v6 = strchr(probe->host, ':');
	int len = asprintf(&request,
			   "GET %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nUser-Agent: whittle\r\n"
			   "Accept: */*\r\nConnection: close\r\n\r\n",
			   probe->text, v6 ? "[" : "", probe->host, v6 ? "]" : "", probe->port);

	if (len < 0) {
		request = NULL;
		return false;
	}
	/* A request of this size fits the empty send buffer of a new connection. */
	return send(fd, request, (size_t)len, MSG_NOSIGNAL) == len && http_answer(fd, start);
}

/* Nothing is sent, so that an end of the stream is a refusal that came late. */
static bool lasts(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c;

	return poll(&p, 1, LASTS_MS) == 0 || recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

bool wh_probe_try(const struct wh_probe *probe, bool forwarded)
{
	wh_auto(fd) fd = -1;
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	switch (probe->kind) {
	case WH_PROBE_FILE:
		return access(probe->text, F_OK) == 0;
	case WH_PROBE_TCP:
		fd = connect_to(probe, &start);
		return fd >= 0 && (!forwarded || lasts(fd));
	case WH_PROBE_HTTP:
		fd = connect_to(probe, &start);
		return fd >= 0 && try_http(probe, fd, &start);
	case WH_PROBE_LOG:
	case WH_PROBE_DELAY:
		break;
	}
	return false;
}
