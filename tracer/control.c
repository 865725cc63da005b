// SPDX-License-Identifier: Apache-2.0
#include "tracer/control.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tracer/outside.h"
#include "tracer/seize.h"

#define LINE_MAX_BYTES 256
#define GUESTS	       16  /* at a time */
#define PATIENCE_TICKS 100 /* for who has come and says nothing */

struct guest {
	int fd;
	unsigned ticks;
	size_t n;
	char line[LINE_MAX_BYTES];
};

struct wh_control {
	int fd;
	char *path;
	struct guest guest[GUESTS];
	size_t n_guests;
};

static int address(const char *path, struct sockaddr_un *ret, struct wh_error *e)
{
	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(ret->sun_path))
		return wh_error_set(e, ENAMETOOLONG, "%s: too long for the name of a socket", path);
	strcpy(ret->sun_path, path);
	return 0;
}

/* A socket whose owner was killed refuses, and stays. */
static void remove_dead(const struct sockaddr_un *at)
{
	wh_auto(fd) fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 &&
	    errno == ECONNREFUSED)
		unlink(at->sun_path);
}

int wh_control_new(const char *path, struct wh_control **ret, struct wh_error *e)
{
	struct wh_control *control;
	struct sockaddr_un at;
	wh_auto(fd) fd = -1;
	int err = address(path, &at, e);

	if (err < 0)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return wh_error_errno(e, errno, "socket");
	remove_dead(&at);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || chmod(path, 0600) < 0 ||
	    listen(fd, GUESTS) < 0)
		return wh_error_errno(e, errno, "%s", path);
	control = calloc(1, sizeof(*control));
	if (control)
		control->path = strdup(path);
	if (!control || !control->path) {
		free(control);
		unlink(path);
		return wh_error_oom(e);
	}
	control->fd = wh_take_fd(&fd);
	*ret = control;
	return 0;
}

static void leave(struct wh_control *control, size_t i)
{
	close(control->guest[i].fd);
	control->guest[i] = control->guest[--control->n_guests];
}

void wh_control_free(struct wh_control *control)
{
	if (!control)
		return;
	while (control->n_guests)
		leave(control, 0);
	close(control->fd);
	unlink(control->path);
	free(control->path);
	free(control);
}

static void answer(const struct guest *guest, const char *format, ...) wh_printf(2, 3);

static void answer(const struct guest *guest, const char *format, ...)
{
	char text[sizeof(((struct wh_error *)0)->text) + 16];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	/* Who does not wait for it does not get it. */
	if (n > 0)
		(void)!send(guest->fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int join(struct wh_recorder *r, const struct guest *guest, const char *who,
		unsigned long options)
{
	struct wh_error e = {0};
	uint64_t pid;
	int err;

	if (wh_util_parse_u64(who, &pid) < 0 || pid < 2 || pid > INT32_MAX) {
		answer(guest, "error join: a process id is wanted\n");
		return 0;
	}
	err = wh_seize_process(r, (pid_t)pid, options, &e);
	if (err == -ENOMEM)
		return err;
	if (err < 0) {
		answer(guest, "error %s\n", e.text);
		return 0;
	}
	wh_outside_put(wh_task_process(r->tasks, (pid_t)pid), WH_OUTSIDE_JOINING);
	answer(guest, "ok\n");
	return 0;
}

/* Return: 1 when it may leave, 0, -ENOMEM. */
static int listen_to(struct wh_recorder *r, struct guest *guest, unsigned long options)
{
	ssize_t n = recv(guest->fd, guest->line + guest->n, sizeof(guest->line) - 1 - guest->n,
			 MSG_DONTWAIT);
	char *end;
	int err;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return ++guest->ticks > PATIENCE_TICKS;
	if (n <= 0)
		return 1;
	guest->n += (size_t)n;
	guest->line[guest->n] = '\0';
	end = strchr(guest->line, '\n');
	if (!end)
		return guest->n + 1 >= sizeof(guest->line);
	*end = '\0';
	if (!wh_util_has_prefix(guest->line, "join ")) {
		answer(guest, "error '%s' is not understood\n", guest->line);
		return 1;
	}
	err = join(r, guest, guest->line + strlen("join "), options);
	return err < 0 ? err : 1;
}

static bool is_welcome(int fd)
{
	struct ucred who;
	socklen_t size = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
	       (who.uid == 0 || who.uid == geteuid());
}

int wh_control_tick(struct wh_control *control, struct wh_recorder *r, unsigned long options)
{
	while (control->n_guests < GUESTS) {
		int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			break;
		if (is_welcome(fd))
			control->guest[control->n_guests++] = (struct guest){.fd = fd};
		else
			close(fd);
	}
	for (size_t i = control->n_guests; i-- > 0;) {
		int k = listen_to(r, &control->guest[i], options);

		if (k)
			leave(control, i);
		if (k < 0)
			return k;
	}
	return 0;
}

/* ---- the other side -------------------------------------------------------------------------- */

static int hear(int fd, char *text, size_t size, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t len = 0;

	while (len + 1 < size && !memchr(text, '\n', len)) {
		int k = poll(&p, 1, timeout_ms);
		ssize_t n;

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k < 0 ? -errno : -ETIMEDOUT;
		n = read(fd, text + len, size - 1 - len);
		if (n < 0)
			return -errno;
		if (!n)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

int wh_control_ask(const char *path, const char *line, int timeout_ms, struct wh_error *e)
{
	char text[sizeof(((struct wh_error *)0)->text) + 16];
	struct sockaddr_un at;
	wh_auto(fd) fd = -1;
	int err = address(path, &at, e);

	if (err < 0)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return wh_error_errno(e, errno, "%s", path);
	snprintf(text, sizeof(text), "%s\n", line);
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return wh_error_errno(e, errno, "%s", path);
	err = hear(fd, text, sizeof(text), timeout_ms);
	if (err < 0)
		return wh_error_errno(e, -err, "%s: no answer", path);
	if (strcmp(text, "ok") == 0)
		return 0;
	return wh_error_set(e, EREMOTE, "%s: %s", path,
			    wh_util_has_prefix(text, "error ") ? text + strlen("error ")
							       : "no answer");
}
