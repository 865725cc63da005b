// SPDX-License-Identifier: Apache-2.0
#include "container/intercept.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/fanotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "container/bundle.h"
#include "container/joiner.h"

/* What the helper has to say: one character each, the first with the reason behind it. */
#define NEWS_NO_HOOK "h"
#define NEWS_MISSED  "m"

struct wh_intercept {
	pid_t helper;
	int leash; /* it ends when this is closed */
	int news;  /* what it has to say */
	unsigned missed;
};

/* ---- what to wait for ------------------------------------------------------------------------ */

static int mark(int fan, const char *path)
{
	return fanotify_mark(fan, FAN_MARK_ADD, FAN_OPEN_EXEC_PERM, AT_FDCWD, path) < 0 ? -errno
											: 0;
}

static int mark_all(int fan, const char *runtime)
{
	static const char *const dirs[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
					   "/usr/bin",	      "/sbin",		"/bin"};
	int found = 0;

	if (strchr(runtime, '/'))
		return mark(fan, runtime);
	for (size_t i = 0; i < WH_ARRAY_SIZE(dirs); i++) {
		char path[PATH_MAX];
		int err;

		snprintf(path, sizeof(path), "%s/%s", dirs[i], runtime);
		err = mark(fan, path);
		if (err < 0 && err != -ENOENT)
			return err;
		found += err == 0;
	}
	return found ? 0 : -ENOENT;
}

/* ---- the helper ------------------------------------------------------------------------------ */

struct helper {
	const struct wh_intercept_aim *aim;
	int fan, leash, news;
	bool hooked;
};

/* Engines have the runtime begin in the folder of the container's bundle, which is named after it, or below that. */
static bool concerns(pid_t pid, const char *id)
{
	char path[40], cwd[PATH_MAX];
	size_t len = strlen(id);
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/cwd", (int)pid);
	n = readlink(path, cwd, sizeof(cwd) - 1);
	if (n <= 0)
		return false;
	cwd[n] = '\0';
	for (const char *p = strchr(cwd, '/'); p; p = strchr(p + 1, '/'))
		if (strncmp(p + 1, id, len) == 0 && (!p[1 + len] || p[1 + len] == '/'))
			return true;
	return false;
}

static void let(const struct helper *h, int asked, bool go_on)
{
	struct fanotify_response response = {.fd = asked, .response = go_on ? FAN_ALLOW : FAN_DENY};

	(void)!write(h->fan, &response, sizeof(response));
	close(asked);
}

static int add_hook(const struct helper *h, pid_t pid)
{
	struct wh_error e = {0};
	char path[64];

	/* Through the process itself: its mount namespace may be another one. */
	snprintf(path, sizeof(path), "/proc/%d/cwd/config.json", (int)pid);
	if (wh_bundle_add_hook(path, &e) == 0)
		return 0;
	(void)!write(h->news, NEWS_NO_HOOK, 1);
	(void)!write(h->news, e.text, strlen(e.text));
	return -e.err;
}

static void answer(struct helper *h, int asked, pid_t pid)
{
	if (!concerns(pid, h->aim->id) || wh_joiner_has(pid, getppid())) {
		let(h, asked, true);
	} else if (!h->hooked) {
		h->hooked = add_hook(h, pid) == 0;
		let(h, asked, h->hooked);
	} else {
		/* It waits at the end of its execve(), not in it, where it can be seized. */
		kill(pid, SIGSTOP);
		let(h, asked, true);
		if (wh_joiner_join(pid, h->aim->control))
			(void)!write(h->news, NEWS_MISSED, 1);
		kill(pid, SIGCONT);
	}
}

static void answer_all(struct helper *h)
{
	struct fanotify_event_metadata event;

	/* A buffer for one of them: the kernel gives no part of another. */
	while (read(h->fan, &event, sizeof(event)) == (ssize_t)sizeof(event))
		if (event.fd >= 0)
			answer(h, event.fd, event.pid);
}

/* What others wait for must not be held open, nor any terminal stop it. */
static void stand_alone(struct helper *h)
{
	int *const keep[] = {&h->fan, &h->leash, &h->news};
	sigset_t none;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 0; i < (int)WH_ARRAY_SIZE(keep); i++)
		*keep[i] = fcntl(*keep[i], F_DUPFD_CLOEXEC, 100 + i);
	syscall(SYS_close_range, 0, 99, 0);
	syscall(SYS_close_range, 100 + WH_ARRAY_SIZE(keep), ~0U, 0);
}

static _Noreturn void serve(struct helper *h)
{
	stand_alone(h);
	for (;;) {
		struct pollfd p[2] = {
			{.fd = h->fan, .events = POLLIN},
			{.fd = h->leash, .events = POLLIN},
		};

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			_exit(1);
		answer_all(h);
		if (p[1].revents)
			_exit(0);
	}
}

/* ---- from outside ---------------------------------------------------------------------------- */

static int start(struct helper *h, struct wh_intercept *ic, struct wh_error *e)
{
	int leash[2], news[2];

	if (pipe2(leash, O_CLOEXEC) < 0)
		return wh_error_errno(e, errno, "pipe");
	ic->leash = leash[1];
	if (pipe2(news, O_CLOEXEC | O_NONBLOCK) < 0) {
		close(leash[0]);
		return wh_error_errno(e, errno, "pipe");
	}
	ic->news = news[0];
	h->leash = leash[0];
	h->news = news[1];
	ic->helper = fork();
	if (!ic->helper) {
		close(ic->leash);
		serve(h);
	}
	close(h->leash);
	close(h->news);
	return ic->helper < 0 ? wh_error_errno(e, errno, "fork") : 0;
}

int wh_intercept_new(const struct wh_intercept_aim *aim, struct wh_intercept **ret,
		     struct wh_error *e)
{
	struct wh_intercept *ic = calloc(1, sizeof(*ic));
	struct helper h = {.aim = aim, .hooked = !aim->add_hook};
	int err;

	if (!ic)
		return wh_error_oom(e);
	ic->leash = ic->news = -1;
	h.fan = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK,
			      O_RDONLY | O_CLOEXEC | O_LARGEFILE);
	if (h.fan < 0) {
		err = wh_error_errno(e, errno, "fanotify");
	} else {
		/* Who asks before there is anybody to answer waits, for so long. */
		err = mark_all(h.fan, aim->runtime);
		err = err < 0 ? wh_error_errno(e, -err, "%s cannot be waited for", aim->runtime)
			      : start(&h, ic, e);
		close(h.fan);
	}
	if (err < 0) {
		wh_intercept_free(ic);
		return err;
	}
	*ret = ic;
	return 0;
}

void wh_intercept_free(struct wh_intercept *ic)
{
	if (!ic)
		return;
	wh_util_close(ic->leash);
	wh_util_close(ic->news);
	/* If it is gone before, the recording has heard of that. */
	while (ic->helper > 0 && waitpid(ic->helper, NULL, 0) < 0 && errno == EINTR)
		;
	free(ic);
}

int wh_intercept_check(struct wh_intercept *ic, struct wh_error *e)
{
	char text[sizeof(e->text)];
	ssize_t n = read(ic->news, text, sizeof(text) - 1);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	if (*text == *NEWS_NO_HOOK)
		return wh_error_set(e, EREMOTE, "%s", text + 1);
	ic->missed += (unsigned)n;
	return 0;
}

unsigned wh_intercept_missed(struct wh_intercept *ic)
{
	wh_intercept_check(ic, NULL);
	return ic->missed;
}
