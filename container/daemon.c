// SPDX-License-Identifier: Apache-2.0
#include "container/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>

#include "container/rundir.h"

#define SEIZED "ok"

struct daemon {
	const struct wh_daemon *what;
	int pipe; /* to who waits for us; -1 once it has been told */
};

/* ---- in the background ----------------------------------------------------------------------- */

/* What would end it before the trace is written; while it records, the recording decides. */
static const int ignored[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE};

/* Nothing of who started us stays: streams, descriptors, signals, folder, file mode mask. */
static int let_go(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	if (null < 0 || setsid() < 0 || chdir("/") < 0)
		return -errno;
	for (int i = 0; i <= STDERR_FILENO; i++)
		if (dup2(null, i) < 0)
			return -errno;
	if (fd != STDERR_FILENO + 1 && dup3(fd, STDERR_FILENO + 1, O_CLOEXEC) < 0)
		return -errno;
	closefrom(STDERR_FILENO + 2);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	for (size_t i = 0; i < WH_ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Of containerd it is 0, and everybody could write to the trace. */
	umask(022);
	return 0;
}

static void tell(struct daemon *d, const char *text)
{
	(void)!write(d->pipe, text, strlen(text));
	wh_util_close(wh_take_fd(&d->pipe));
}

static void on_seized(void *data)
{
	tell(data, SEIZED);
}

static void complain(const struct wh_daemon *what, const struct wh_error *e)
{
	const struct wh_destination *place = what->place;
	wh_auto(str) path = NULL;
	wh_auto(fd) fd = -1;

	if (asprintf(&path, "%s%s%s.log", place->path, place->stem ? "/" : "",
		     place->stem ? place->stem : "") < 0) {
		path = NULL;
		return;
	}
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0 || dprintf(fd, "container %s: %s\n", what->container.id, e->text) < 0)
		syslog(LOG_DAEMON | LOG_ERR, "whittle: container %s: %s", what->container.id,
		       e->text);
}

static int record(struct daemon *d, struct wh_error *e)
{
	struct wh_record_container container = d->what->container;
	struct wh_record_options options = {.container = &container};
	wh_auto(trace) trace = NULL;
	wh_auto(str) control = NULL;
	int err = wh_rundir_control(container.id, d->what->root, &control, e);

	if (err < 0)
		return err;
	container.background = true;
	container.control = control;
	container.seized = on_seized;
	container.data = d;
	err = wh_record_run(&options, &trace, e);
	return err < 0 ? err : wh_destination_write(d->what->place, trace, NULL, e);
}

static _Noreturn void run(const struct wh_daemon *what, int fd)
{
	struct daemon d = {.what = what, .pipe = fd};
	struct wh_error e = {0};
	int err = let_go(fd);

	if (err < 0) {
		wh_error_errno(&e, err, "cannot go into the background");
	} else {
		d.pipe = STDERR_FILENO + 1;
		err = record(&d, &e);
	}
	if (d.pipe >= 0)
		tell(&d, e.err ? e.text : "nothing was recorded");
	else if (err < 0 && err != -ECHILD) /* a container that was never started has no trace */
		complain(what, &e);
	_exit(err < 0);
}

/* ---- who starts it --------------------------------------------------------------------------- */

/* Until it has told: the other end is closed then. */
static size_t hear(int fd, char *text, size_t size)
{
	size_t len = 0;

	while (len + 1 < size) {
		ssize_t n = read(fd, text + len, size - 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	return len;
}

int wh_daemon_start(const struct wh_daemon *what, struct wh_error *e)
{
	char text[sizeof(e->text)];
	wh_auto(fd) mine = -1;
	int pipes[2], status = 0;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return wh_error_errno(e, errno, "pipe");
	mine = pipes[0];
	pid = fork();
	if (pid < 0) {
		close(pipes[1]);
		return wh_error_errno(e, errno, "cannot start the recorder: fork");
	}
	if (!pid)
		run(what, pipes[1]);
	close(pipes[1]);
	hear(mine, text, sizeof(text));
	if (strcmp(text, SEIZED) == 0)
		return 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return wh_error_set(e, ECHILD, "%s", *text ? text : "the recorder ended unexpectedly");
}
