// SPDX-License-Identifier: Apache-2.0
#include "whittle/ready.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <regex.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include "core/netns.h"
#include "core/probe.h"

#define INTERVAL_MS 100
#define LINE_MAX_   65536 /* of a longer line, parts are looked at by themselves */

/* One stream of the service that is passed on. */
struct stream {
	int from, to;
	char line[LINE_MAX_];
	size_t len;
};

struct wh_ready {
	struct wh_probe probe;
	regex_t regex;
	bool has_regex;
	struct stream *stream; /* two of them, for log: only */
	int quit;	       /* an eventfd */
	int net, root;	       /* of the container that is looked at from inside, else -1 */
	int host;	       /* our own network namespace, if net is */
	pthread_t thread;
	bool running;
	atomic_bool ready;
};

bool wh_ready_is(struct wh_ready *ready)
{
	return atomic_load(&ready->ready);
}

/* ---- log ------------------------------------------------------------------------------------- */

static void match_line(struct wh_ready *ready, struct stream *s)
{
	if (!wh_ready_is(ready)) {
		for (size_t i = 0; i < s->len; i++)
			if (!s->line[i])
				s->line[i] = ' ';
		s->line[s->len] = '\0';
		if (regexec(&ready->regex, s->line, 0, NULL, 0) == 0)
			atomic_store(&ready->ready, true);
	}
	s->len = 0;
}

static void match(struct wh_ready *ready, struct stream *s, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] != '\n')
			s->line[s->len++] = data[i];
		if (data[i] == '\n' || s->len == sizeof(s->line) - 1)
			match_line(ready, s);
	}
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			struct pollfd p = {.fd = fd, .events = POLLOUT};

			poll(&p, 1, -1);
			continue;
		}
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static void stream_close(struct stream *s)
{
	wh_util_close(s->from);
	s->from = -1;
}

static void pass_on(struct wh_ready *ready, struct stream *s)
{
	char buf[16384];
	ssize_t n = read(s->from, buf, sizeof(buf));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		match_line(ready, s); /* a last line without its end */
		stream_close(s);
		return;
	}
	match(ready, s, buf, (size_t)n);
	/* Nobody reads it any more: the service is to see that as it would without us. */
	if (write_all(s->to, buf, (size_t)n) < 0)
		stream_close(s);
}

static void follow_log(struct wh_ready *ready)
{
	struct stream *s = ready->stream;
	bool quit = false;

	while (s[0].from >= 0 || s[1].from >= 0) {
		struct pollfd p[3] = {
			{.fd = s[0].from, .events = POLLIN},
			{.fd = s[1].from, .events = POLLIN},
			{.fd = quit ? -1 : ready->quit, .events = POLLIN},
		};
		int n = poll(p, 3, quit ? 0 : -1);

		if (n < 0 && errno == EINTR)
			continue;
		/* After the end, a process that was never ours may hold the pipe: do not wait for it. */
		if (n < 0 || (quit && n == 0))
			return;
		if (p[0].revents)
			pass_on(ready, &s[0]);
		if (p[1].revents)
			pass_on(ready, &s[1]);
		if (p[2].revents)
			quit = true;
	}
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* Return: false when it is time to end. */
static bool pause_ms(struct wh_ready *ready, int ms)
{
	struct pollfd p = {.fd = ready->quit, .events = POLLIN};

	return poll(&p, 1, ms) == 0;
}

/* As the container's processes would find it. */
static bool is_in_root(int root, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	wh_auto(fd) fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));

	return fd >= 0;
}

/*
 * A container's own network first: what it serves is there, whatever is published of it. From outside, a
 * connection proves little: who forwards a published port accepts it before anybody listens within.
 */
static bool look_once(const struct wh_ready *ready)
{
	bool found;

	if (ready->probe.kind == WH_PROBE_FILE && ready->root >= 0)
		return is_in_root(ready->root, ready->probe.text);
	if (ready->net < 0)
		return wh_probe_try(&ready->probe, false);
	if (wh_netns_enter(ready->net) < 0)
		return wh_probe_try(&ready->probe, true);
	found = wh_probe_try(&ready->probe, false);
	return wh_netns_enter(ready->host) == 0 && !found ? wh_probe_try(&ready->probe, true)
							  : found;
}

static void *look(void *data)
{
	struct wh_ready *ready = data;

	switch (ready->probe.kind) {
	case WH_PROBE_LOG:
		follow_log(ready);
		return NULL;
	case WH_PROBE_DELAY:
		if (ready->probe.delay < 1e6 && pause_ms(ready, (int)(ready->probe.delay * 1000)))
			atomic_store(&ready->ready, true);
		return NULL;
	case WH_PROBE_TCP:
	case WH_PROBE_HTTP:
	case WH_PROBE_FILE:
		break;
	}
	do {
		if (look_once(ready)) {
			atomic_store(&ready->ready, true);
			return NULL;
		}
	} while (pause_ms(ready, INTERVAL_MS));
	return NULL;
}

static int open_stream(struct stream *s, int to, int *ret_write)
{
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	s->from = pipes[0];
	s->to = to;
	*ret_write = pipes[1];
	return 0;
}

static int prepare_log(struct wh_ready *ready, bool to_err, int *ret_out, int *ret_err,
		       struct wh_error *e)
{
	wh_auto(fd) out = -1;
	wh_auto(fd) err = -1;
	int code = regcomp(&ready->regex, ready->probe.text, REG_EXTENDED | REG_NOSUB);

	if (code) {
		char text[256];

		regerror(code, &ready->regex, text, sizeof(text));
		return wh_error_set(e, EINVAL, "--ready log:%s: %s", ready->probe.text, text);
	}
	ready->has_regex = true;
	ready->stream = calloc(2, sizeof(*ready->stream));
	if (!ready->stream)
		return wh_error_oom(e);
	ready->stream[0].from = ready->stream[1].from = -1;
	if (open_stream(&ready->stream[0], to_err ? STDERR_FILENO : STDOUT_FILENO, &out) < 0 ||
	    open_stream(&ready->stream[1], STDERR_FILENO, &err) < 0)
		return wh_error_errno(e, errno, "--ready log: pipe");
	*ret_out = wh_take_fd(&out);
	*ret_err = wh_take_fd(&err);
	return 0;
}

int wh_ready_new(const char *spec, bool to_err, struct wh_ready **ret, int *ret_out, int *ret_err,
		 struct wh_error *e)
{
	wh_auto(ready) ready = calloc(1, sizeof(*ready));
	int out = -1, error = -1, err;

	if (!ready)
		return wh_error_oom(e);
	ready->net = ready->root = ready->host = -1;
	ready->quit = eventfd(0, EFD_CLOEXEC);
	if (ready->quit < 0)
		return wh_error_errno(e, errno, "eventfd");
	err = wh_probe_parse(spec, &ready->probe, e);
	if (err == 0 && ready->probe.kind == WH_PROBE_LOG)
		err = prepare_log(ready, to_err, &out, &error, e);
	if (err < 0)
		return err;
	*ret_out = out;
	*ret_err = error;
	*ret = wh_take(ready);
	return 0;
}

int wh_ready_inside(struct wh_ready *ready, pid_t init, struct wh_error *e)
{
	char path[40];
	int err;

	snprintf(path, sizeof(path), "/proc/%d/root", (int)init);
	ready->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ready->root < 0)
		return wh_error_errno(e, errno, "%s", path);
	err = wh_netns_open(init, &ready->net, &ready->host);
	return err < 0 ? wh_error_errno(e, err, "network namespace of process %d", (int)init) : 0;
}

int wh_ready_start(struct wh_ready *ready, struct wh_error *e)
{
	sigset_t all, old;
	int err;

	/* No signal is for this thread, a broken pipe included. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&ready->thread, NULL, look, ready);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		return wh_error_errno(e, err, "cannot start a thread");
	ready->running = true;
	return 0;
}

void wh_ready_free(struct wh_ready *ready)
{
	if (!ready)
		return;
	/* What did not start has said why, before anybody began to look. */
	if (!ready->running && ready->stream)
		wh_ready_start(ready, NULL);
	if (ready->running) {
		eventfd_write(ready->quit, 1);
		pthread_join(ready->thread, NULL);
	}
	if (ready->stream) {
		stream_close(&ready->stream[0]);
		stream_close(&ready->stream[1]);
	}
	free(ready->stream);
	if (ready->has_regex)
		regfree(&ready->regex);
	wh_probe_free(&ready->probe);
	wh_util_close(ready->quit);
	wh_util_close(ready->net);
	wh_util_close(ready->root);
	wh_util_close(ready->host);
	free(ready);
}
