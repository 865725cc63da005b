// SPDX-License-Identifier: Apache-2.0
/*
 * A load for memcached: CONNECTIONS connections to 127.0.0.1:PORT, on each a request at a time, one
 * set in ten and nine gets, for SECONDS. Prints "REQUESTS SECONDS"; anything but the answer that the
 * request must have is a failure.
 *
 *   memload PORT CONNECTIONS SECONDS
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	MAX_CONNECTIONS = 512,
	KEYS = 200,
	VALUE = 100,
	SILENCE_MS = 20000, /* no answer for so long: it does not serve */
};

struct connection {
	int fd;
	bool set;
	size_t length;
	char answer[512];
};

struct load {
	int epoll;
	unsigned long asked, answered;
	struct connection connections[MAX_CONNECTIONS];
};

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "memload: ");
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void ask(struct load *load, struct connection *c, bool set)
{
	char request[256], value[VALUE + 1];
	unsigned long key = load->asked++ % KEYS;
	int length;

	c->set = set;
	c->length = 0;
	memset(value, 'x', VALUE);
	value[VALUE] = '\0';
	if (set)
		length = snprintf(request, sizeof(request), "set key-%lu 0 0 %d\r\n%s\r\n", key,
				  VALUE, value);
	else
		length = snprintf(request, sizeof(request), "get key-%lu\r\n", key);
	if (send(c->fd, request, (size_t)length, MSG_NOSIGNAL) != length)
		die("send");
}

/* Return: whether the answer is whole. Dies of a wrong one. */
static bool hear(struct connection *c)
{
	static const char end[] = "END\r\n";
	const char *want = c->set ? "STORED\r\n" : "VALUE key-";
	size_t wanted = strlen(want);
	ssize_t n = recv(c->fd, c->answer + c->length, sizeof(c->answer) - 1 - c->length, 0);

	if (n <= 0)
		die("recv");
	c->length += (size_t)n;
	c->answer[c->length] = '\0';
	if (strncmp(c->answer, want, c->length < wanted ? c->length : wanted) != 0 ||
	    c->length == sizeof(c->answer) - 1) {
		fprintf(stderr, "memload: a wrong answer: %.80s\n", c->answer);
		exit(1);
	}
	if (c->length < wanted)
		return false;
	return c->set || strcmp(c->answer + c->length - strlen(end), end) == 0;
}

/* All keys are there before the first get. */
static void fill(struct load *load)
{
	struct connection *c = &load->connections[0];

	for (int i = 0; i < KEYS; i++) {
		ask(load, c, true);
		while (!hear(c))
			;
	}
}

static void open_all(struct load *load, long port, long count)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons((unsigned short)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (load->epoll < 0)
		die("epoll_create1");
	for (long i = 0; i < count; i++) {
		struct connection *c = &load->connections[i];
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

		c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
			die("connect");
		if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
			die("epoll_ctl");
	}
}

static void run(struct load *load, long count, double until)
{
	struct epoll_event events[64];

	for (long i = 0; i < count; i++)
		ask(load, &load->connections[i], false);
	while (now() < until) {
		int n = epoll_wait(load->epoll, events, 64, SILENCE_MS);

		if (n <= 0)
			die(n == 0 ? "no answer" : "epoll_wait");
		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (!hear(c))
				continue;
			load->answered++;
			ask(load, c, load->asked % 10 == 0);
		}
	}
}

int main(int argc, char **argv)
{
	static struct load load;
	long port = argc == 4 ? strtol(argv[1], NULL, 10) : 0;
	long count = argc == 4 ? strtol(argv[2], NULL, 10) : 0;
	double seconds = argc == 4 ? strtod(argv[3], NULL) : 0, from;

	if (port <= 0 || port > 65535 || count <= 0 || count > MAX_CONNECTIONS || seconds <= 0) {
		fprintf(stderr, "usage: memload PORT CONNECTIONS SECONDS\n");
		return 2;
	}
	open_all(&load, port, count);
	fill(&load);
	from = now();
	run(&load, count, from + seconds);
	printf("%lu %.6f\n", load.answered, now() - from);
	return 0;
}
