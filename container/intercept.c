// SPDX-License-Identifier: Apache-2.0
#include "container/intercept.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/fanotify.h>

#include "container/bundle.h"

struct wh_intercept {
	int fd;
	bool done;
};

static int mark(struct wh_intercept *ic, const char *path)
{
	return fanotify_mark(ic->fd, FAN_MARK_ADD, FAN_OPEN_EXEC_PERM, AT_FDCWD, path) < 0 ? -errno
											   : 0;
}

/* Return: how many there are; -errno. */
static int mark_all(struct wh_intercept *ic, const char *runtime)
{
	static const char *const dirs[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
					   "/usr/bin",	      "/sbin",		"/bin"};
	int found = 0;

	if (strchr(runtime, '/')) {
		int err = mark(ic, runtime);

		return err < 0 ? err : 1;
	}
	for (size_t i = 0; i < WH_ARRAY_SIZE(dirs); i++) {
		char path[PATH_MAX];
		int err;

		snprintf(path, sizeof(path), "%s/%s", dirs[i], runtime);
		err = mark(ic, path);
		if (err < 0 && err != -ENOENT)
			return err;
		found += err == 0;
	}
	return found ? found : -ENOENT;
}

int wh_intercept_new(const char *runtime, struct wh_intercept **ret, struct wh_error *e)
{
	struct wh_intercept *ic = calloc(1, sizeof(*ic));
	int err;

	if (!ic)
		return wh_error_oom(e);
	ic->fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK,
			       O_RDONLY | O_CLOEXEC | O_LARGEFILE);
	err = ic->fd < 0 ? -errno : mark_all(ic, runtime);
	if (err < 0) {
		wh_intercept_free(ic);
		return wh_error_errno(e, -err, "%s cannot be waited for", runtime);
	}
	*ret = ic;
	return 0;
}

void wh_intercept_free(struct wh_intercept *ic)
{
	if (!ic)
		return;
	/* Whoever still waits for an answer goes on with this. */
	wh_util_close(ic->fd);
	free(ic);
}

int wh_intercept_fd(const struct wh_intercept *ic)
{
	return ic->fd;
}

/* Engines execute the runtime in the folder of the container's bundle, which is named after it. */
static bool is_for(pid_t pid, const char *id)
{
	char path[40], cwd[PATH_MAX];
	const char *name;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/cwd", (int)pid);
	n = readlink(path, cwd, sizeof(cwd) - 1);
	if (n <= 0)
		return false;
	cwd[n] = '\0';
	name = strrchr(cwd, '/');
	return name && strcmp(name + 1, id) == 0;
}

static int add_hook(pid_t pid, struct wh_error *e)
{
	char path[64];

	/* Through the process itself: its mount namespace may be another one. */
	snprintf(path, sizeof(path), "/proc/%d/cwd/config.json", (int)pid);
	return wh_bundle_add_hook(path, e);
}

static int answer_one(struct wh_intercept *ic, const struct fanotify_event_metadata *event,
		      const char *id, struct wh_error *e)
{
	struct fanotify_response response = {.fd = event->fd, .response = FAN_ALLOW};
	int err = 0;

	if (!ic->done && is_for(event->pid, id)) {
		err = add_hook(event->pid, e);
		ic->done = err == 0;
		if (err < 0)
			response.response = FAN_DENY;
	}
	(void)!write(ic->fd, &response, sizeof(response));
	close(event->fd);
	return err;
}

int wh_intercept_answer(struct wh_intercept *ic, const char *id, struct wh_error *e)
{
	union {
		char bytes[4096];
		struct fanotify_event_metadata first;
	} buf;
	int failure = 0;

	for (;;) {
		ssize_t len = read(ic->fd, &buf, sizeof(buf));
		const struct fanotify_event_metadata *event = &buf.first;

		if (len <= 0)
			break;
		for (; FAN_EVENT_OK(event, len); event = FAN_EVENT_NEXT(event, len)) {
			int err = event->fd < 0 ? 0 : answer_one(ic, event, id, e);

			failure = failure ? failure : err;
		}
	}
	return failure ? failure : ic->done;
}
