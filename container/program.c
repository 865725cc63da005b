// SPDX-License-Identifier: Apache-2.0
#include "container/program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <time.h>

#include "whittle/command.h"

#define OUTPUT_MAX (8 << 20)
#define LOOK_MS	   20

/* ---- its words ------------------------------------------------------------------------------- */

static void add_taken(struct wh_program *p, char *word)
{
	if (word && p->n + 2 > p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 16;
		char **argv = realloc(p->argv, cap * sizeof(*argv));

		if (argv) {
			p->argv = argv;
			p->cap = cap;
		} else {
			free(word);
			word = NULL;
		}
	}
	if (!word) {
		p->failed = true;
		return;
	}
	p->argv[p->n++] = word;
	p->argv[p->n] = NULL;
}

void wh_program_add(struct wh_program *p, const char *word)
{
	add_taken(p, strdup(word));
}

void wh_program_addf(struct wh_program *p, const char *format, ...)
{
	va_list ap;
	char *word;
	int n;

	va_start(ap, format);
	n = vasprintf(&word, format, ap);
	va_end(ap);
	add_taken(p, n < 0 ? NULL : word);
}

void wh_program_add_all(struct wh_program *p, char *const *words)
{
	for (size_t i = 0; words && words[i]; i++)
		wh_program_add(p, words[i]);
}

void wh_program_free(struct wh_program *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->argv[i]);
	free(p->argv);
	*p = (struct wh_program){0};
}

/* ---- starting -------------------------------------------------------------------------------- */

static bool take_stream(int from, int to)
{
	return from < 0 || dup2(from, to) >= 0;
}

int wh_program_start(const struct wh_program *p, const struct wh_program_setting *setting,
		     pid_t *ret_pid, struct wh_error *e)
{
	wh_auto(str) path = NULL;
	pid_t pid;
	int err;

	if (p->failed || !p->n)
		return wh_error_oom(e);
	err = wh_command_find(p->argv[0], &path, e);
	if (err < 0)
		return err;
	pid = fork();
	if (pid < 0)
		return wh_error_errno(e, errno, "cannot start %s: fork", p->argv[0]);
	if (!pid) {
		setpgid(0, 0);
		if (setting->mask)
			sigprocmask(SIG_SETMASK, setting->mask, NULL);
		if (take_stream(setting->in, STDIN_FILENO) &&
		    take_stream(setting->out, STDOUT_FILENO) &&
		    take_stream(setting->err, STDERR_FILENO))
			execv(path, p->argv);
		_exit(127);
	}
	*ret_pid = pid;
	return 0;
}

int wh_program_wait(pid_t pid, int ms, int *ret_status)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};

	for (;; ms -= LOOK_MS) {
		pid_t k = waitpid(pid, ret_status, WNOHANG);

		if (k == pid)
			return 1;
		if (k < 0 && errno != EINTR)
			return -errno;
		if (ms <= 0)
			return 0;
		nanosleep(&pause, NULL);
	}
}

/* ---- running to the end ---------------------------------------------------------------------- */

struct reading {
	int fd;
	struct wh_buf text;
};

static void read_some(struct reading *r)
{
	char buf[16384];
	ssize_t n = read(r->fd, buf, sizeof(buf));

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		close(r->fd);
		r->fd = -1;
	} else if (r->text.len + (size_t)n <= OUTPUT_MAX) {
		wh_buf_add(&r->text, buf, (size_t)n);
	}
}

static void read_both(struct reading *out, struct reading *err)
{
	while (out->fd >= 0 || err->fd >= 0) {
		struct pollfd p[2] = {
			{.fd = out->fd, .events = POLLIN},
			{.fd = err->fd, .events = POLLIN},
		};

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		if (p[0].revents)
			read_some(out);
		if (p[1].revents)
			read_some(err);
	}
}

/* The last line that says something; Docker ends with a hint at its help. */
static char *last_line(struct wh_buf *b)
{
	wh_auto(str) text = wh_buf_take(b);
	struct wh_error printable = {0};
	const char *last = "";
	char *rest = text;

	if (!text)
		return NULL;
	for (char *line; (line = strsep(&rest, "\r\n"));)
		if (line[strspn(line, " \t")] && !wh_util_has_prefix(line, "Run '") &&
		    !wh_util_has_prefix(line, "See '"))
			last = line;
	wh_error_set(&printable, EIO, "%s", last);
	return strdup(printable.text);
}

static int open_pipe(bool wanted, struct reading *r, int *ret_write, struct wh_error *e)
{
	int pipes[2];

	if (!wanted)
		return 0;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return wh_error_errno(e, errno, "pipe");
	r->fd = pipes[0];
	*ret_write = pipes[1];
	return 0;
}

int wh_program_run(const struct wh_program *p, char **ret_out, char **ret_err, int *ret_status,
		   struct wh_error *e)
{
	struct reading out = {.fd = -1}, error = {.fd = -1};
	wh_auto(fd) to_out = -1;
	wh_auto(fd) to_err = -1;
	wh_auto(fd) null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct wh_program_setting setting = {.in = null, .out = STDERR_FILENO, .err = -1};
	pid_t pid;
	int err = open_pipe(ret_out, &out, &to_out, e);

	if (err == 0)
		err = open_pipe(ret_err, &error, &to_err, e);
	if (to_out >= 0)
		setting.out = to_out;
	setting.err = to_err;
	if (err == 0)
		err = wh_program_start(p, &setting, &pid, e);
	if (err == 0) {
		wh_util_close(wh_take_fd(&to_out));
		wh_util_close(wh_take_fd(&to_err));
		read_both(&out, &error);
		while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
			;
		if (ret_out)
			*ret_out = wh_buf_take(&out.text);
		if (ret_err)
			*ret_err = last_line(&error.text);
		if ((ret_out && !*ret_out) || (ret_err && !*ret_err))
			err = wh_error_oom(e);
	}
	wh_util_close(out.fd);
	wh_util_close(error.fd);
	wh_buf_free(&out.text);
	wh_buf_free(&error.text);
	return err;
}
