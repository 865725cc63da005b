// SPDX-License-Identifier: Apache-2.0
#include "container/real.h"

#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "whittle/command.h"

#define PATIENCE_MS 2000

/* Ourselves, by whatever name: that would go round for ever. */
static bool is_self(const char *path)
{
	struct stat a, b;

	return stat(path, &a) == 0 && stat("/proc/self/exe", &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

int wh_real_find(const char *name, char **ret_path, struct wh_error *e)
{
	wh_auto(str) path = NULL;
	int err;

	if (name) {
		err = wh_command_find(name, &path, e);
	} else {
		err = wh_command_find("runc", &path, NULL);
		if (err < 0)
			err = wh_command_find("crun", &path, NULL);
		if (err < 0)
			return wh_error_set(e, err,
					    "no container runtime: there is neither runc nor crun "
					    "in PATH; install one, or name it with --runtime");
	}
	if (err < 0)
		return err;
	if (is_self(path))
		return wh_error_set(e, ELOOP,
				    "%s is whittle itself; name the runtime that it is to call",
				    path);
	*ret_path = wh_take(path);
	return 0;
}

/* ---- its version ----------------------------------------------------------------------------- */

static _Noreturn void ask(const char *path, int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (dup2(null, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    dup2(null, STDERR_FILENO) >= 0)
		execl(path, path, "--version", (char *)NULL);
	_exit(127);
}

static void hear(int fd, char *text, size_t size)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t len = 0;

	while (len + 1 < size && !memchr(text, '\n', len) && poll(&p, 1, PATIENCE_MS) > 0) {
		ssize_t n = read(fd, text + len, size - 1 - len);

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

static void first_line(const char *path, char *text, size_t size)
{
	int pipes[2];
	pid_t pid;

	*text = '\0';
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (!pid)
		ask(path, pipes[1]);
	close(pipes[1]);
	if (pid > 0) {
		hear(pipes[0], text, size);
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(pipes[0]);
}

int wh_real_version(const char *path, char **ret)
{
	wh_auto(str) real = realpath(path, NULL);
	char line[256], *version;
	char *name = basename(real ? real : line);

	first_line(path, line, sizeof(line));
	version = strstr(line, " version ");
	if (version && version > line)
		return asprintf(ret, "%.*s %s", (int)(version - line), line,
				version + strlen(" version ")) < 0
			       ? -ENOMEM
			       : 0;
	*ret = strdup(real ? name : path);
	return *ret ? 0 : -ENOMEM;
}
