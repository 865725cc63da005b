// SPDX-License-Identifier: Apache-2.0
#include "container/rendezvous.h"

#include <poll.h>
#include <sys/socket.h>

#include "container/rundir.h"
#include "core/socket.h"
#include "whittle/buf.h"

#define STATE_MAX	  (1 << 20)
#define STATE_PATIENCE_MS 5000
#define OFFER_PATIENCE_MS 60000

struct wh_rendezvous {
	int fd, hook; /* hook: who has come and waits for an answer, or -1 */
	char *path;
};

/* ---- the place ------------------------------------------------------------------------------- */

/* It becomes a file name, and must not lead anywhere else. */
static bool is_id(const char *id)
{
	return *id && *id != '.' && !strchr(id, '/');
}

static int place(const char *id, char **ret_path, struct wh_error *e)
{
	if (!is_id(id))
		return wh_error_set(e, EINVAL, "'%s' is no id of a container", id);
	return wh_rundir_socket(id, NULL, "wait", ret_path, e);
}

/* ---- who waits ------------------------------------------------------------------------------- */

int wh_rendezvous_new(const char *id, struct wh_rendezvous **ret, struct wh_error *e)
{
	struct wh_rendezvous *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return wh_error_oom(e);
	r->fd = r->hook = -1;
	err = place(id, &r->path, e);
	if (err == 0)
		r->fd = err = wh_socket_listen(r->path, 4, e);
	if (err < 0) {
		wh_rendezvous_free(r);
		return err;
	}
	*ret = r;
	return 0;
}

void wh_rendezvous_free(struct wh_rendezvous *r)
{
	if (!r)
		return;
	wh_rendezvous_answer(r, "the recording was given up");
	if (r->fd >= 0) {
		close(r->fd);
		unlink(r->path);
	}
	free(r->path);
	free(r);
}

int wh_rendezvous_fd(const struct wh_rendezvous *r)
{
	return r->fd;
}

static int read_state(int fd, char **ret_state, struct wh_error *e)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	wh_auto(buf) text = {0};

	for (;;) {
		char some[4096];
		int k = poll(&p, 1, STATE_PATIENCE_MS);
		ssize_t n;

		if (k < 0 && errno == EINTR)
			continue;
		n = k > 0 ? recv(fd, some, sizeof(some), 0) : -1;
		if (n < 0 || text.len + (size_t)n > STATE_MAX)
			return wh_error_set(e, EPROTO, "a hook has come, and said no state");
		if (!n)
			break;
		wh_buf_add(&text, some, (size_t)n);
	}
	*ret_state = wh_buf_take(&text);
	return *ret_state ? 1 : wh_error_oom(e);
}

int wh_rendezvous_take(struct wh_rendezvous *r, char **ret_state, struct wh_error *e)
{
	int fd = accept4(r->fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return 0;
	if (r->hook >= 0 || !wh_socket_trusts(fd)) {
		close(fd);
		return 0;
	}
	r->hook = fd;
	return read_state(fd, ret_state, e);
}

void wh_rendezvous_answer(struct wh_rendezvous *r, const char *why)
{
	char line[sizeof(((struct wh_error *)0)->text) + 16];

	if (r->hook < 0)
		return;
	if (why)
		snprintf(line, sizeof(line), "error %s\n", why);
	else
		strcpy(line, "ok\n");
	(void)!send(r->hook, line, strlen(line), MSG_NOSIGNAL);
	close(wh_take_fd(&r->hook));
}

/* ---- the hook's side ------------------------------------------------------------------------- */

/* Return: the descriptor; 0 when nobody waits there. */
static int find(const char *id, struct wh_error *e)
{
	wh_auto(str) path = NULL;
	struct wh_error no = {0};
	int fd, err = place(id, &path, e);

	if (err < 0)
		return err;
	fd = wh_socket_connect(path, &no);
	if (fd == -ENOENT || fd == -ECONNREFUSED || fd == -ENAMETOOLONG)
		return 0;
	if (fd < 0)
		return wh_error_set(e, fd, "%s", no.text);
	if (wh_socket_trusts(fd))
		return fd;
	close(fd);
	return wh_error_set(e, EPERM, "%s is somebody else's", path);
}

static int say(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return shutdown(fd, SHUT_WR) < 0 ? -errno : 0;
}

int wh_rendezvous_offer(const char *id, const char *state_json, struct wh_error *e)
{
	char answer[sizeof(((struct wh_error *)0)->text) + 16];
	int err, found = find(id, e);
	wh_auto(fd) fd = found > 0 ? found : -1;

	if (found == 0 && getenv(WH_RENDEZVOUS_EXPECTED))
		return wh_error_set(e, ECONNREFUSED, "the whittle that waited for it has ended");
	if (found <= 0)
		return found;
	err = say(fd, state_json);
	if (err == 0)
		err = wh_socket_hear(fd, answer, sizeof(answer), OFFER_PATIENCE_MS);
	if (err < 0)
		return wh_error_errno(e, -err, "the whittle that waits for %s does not answer", id);
	if (strcmp(answer, "ok") == 0)
		return 1;
	return wh_error_set(e, EREMOTE, "%s",
			    wh_util_has_prefix(answer, "error ")
				    ? answer + strlen("error ")
				    : "the whittle that waited for it has ended");
}
