// SPDX-License-Identifier: Apache-2.0
#include "tracer/control.h"

#include <sys/socket.h>

#include "core/socket.h"
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

int wh_control_new(const char *path, struct wh_control **ret, struct wh_error *e)
{
	struct wh_control *control;
	wh_auto(fd) fd = wh_socket_listen(path, GUESTS, e);

	if (fd < 0)
		return fd;
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

static int tell_unjoined(struct wh_recorder *r, const char *why)
{
	int err = wh_trace_gap(r->trace, "unjoined", why, WH_PHASE_EXEC, NULL, r->run);

	return err == -ENOMEM ? err : 0;
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
		/* It goes on all the same, unless it is gone. */
		return err == -ESRCH ? 0 : tell_unjoined(r, e.text);
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

int wh_control_tick(struct wh_control *control, struct wh_recorder *r, unsigned long options)
{
	while (control->n_guests < GUESTS) {
		int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			break;
		if (wh_socket_trusts(fd))
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

int wh_control_ask(const char *path, const char *line, int timeout_ms, struct wh_error *e)
{
	char text[sizeof(((struct wh_error *)0)->text) + 16];
	wh_auto(fd) fd = wh_socket_connect(path, e);
	int err;

	if (fd < 0)
		return fd;
	snprintf(text, sizeof(text), "%s\n", line);
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return wh_error_errno(e, errno, "%s", path);
	err = wh_socket_hear(fd, text, sizeof(text), timeout_ms);
	if (err < 0)
		return wh_error_errno(e, -err, "%s: no answer", path);
	if (strcmp(text, "ok") == 0)
		return 0;
	return wh_error_set(e, EREMOTE, "%s: %s", path,
			    wh_util_has_prefix(text, "error ") ? text + strlen("error ")
							       : "no answer");
}
