// SPDX-License-Identifier: Apache-2.0
#include "core/socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

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

int wh_socket_listen(const char *path, int backlog, struct wh_error *e)
{
	struct sockaddr_un at;
	wh_auto(fd) fd = -1;
	int err = address(path, &at, e);

	if (err < 0)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return wh_error_errno(e, errno, "socket");
	remove_dead(&at);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return wh_error_errno(e, errno, "%s", path);
	if (chmod(path, 0600) < 0 || listen(fd, backlog) < 0) {
		err = wh_error_errno(e, errno, "%s", path);
		unlink(path);
		return err;
	}
	return wh_take_fd(&fd);
}

int wh_socket_connect(const char *path, struct wh_error *e)
{
	struct sockaddr_un at;
	wh_auto(fd) fd = -1;
	int err = address(path, &at, e);

	if (err < 0)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return wh_error_errno(e, errno, "%s", path);
	return wh_take_fd(&fd);
}

bool wh_socket_trusts(int fd)
{
	struct ucred who;
	socklen_t size = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
	       (who.uid == 0 || who.uid == geteuid());
}

int wh_socket_hear(int fd, char *text, size_t size, int timeout_ms)
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
