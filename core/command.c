// SPDX-License-Identifier: Apache-2.0
#include "whittle/command.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* What execvp() searches where there is no PATH, but for the current directory. */
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

WH_DEFINE_AUTO(words, const char **, free)

static int check_file(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return -EACCES;
	return 0;
}

static int search(const char *command, const char *dirs, char **ret_path)
{
	int result = -ENOENT;

	for (const char *dir = dirs;; dir++) {
		size_t len = strcspn(dir, ":");
		wh_auto(str) path = NULL;
		int err;

		/* An empty entry is the current directory. */
		if (asprintf(&path, "%.*s%s%s", (int)len, dir, len ? "/" : "./", command) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		err = check_file(path);
		if (err == 0) {
			*ret_path = wh_take(path);
			return 0;
		}
		/* As execvp() does: a file that may not be run is remembered, the search goes on. */
		if (err == -EACCES)
			result = err;
		dir += len;
		if (!*dir)
			return result;
	}
}

int wh_command_find(const char *command, char **ret_path, struct wh_error *e)
{
	const char *dirs = getenv("PATH");
	int err;

	if (!*command)
		return wh_error_set(e, ENOENT, "cannot run \"\": no program was named");
	if (strchr(command, '/')) {
		err = check_file(command);
		if (err == 0) {
			*ret_path = strdup(command);
			return *ret_path ? 0 : wh_error_oom(e);
		}
		if (err == -EISDIR)
			return wh_error_set(e, err, "cannot run %s: it is a folder", command);
		return wh_command_exec_failed(command, -err, e);
	}
	err = search(command, dirs ? dirs : DEFAULT_PATH, ret_path);
	if (err == -ENOENT)
		return wh_error_set(
			e, err,
			"cannot run %s: there is no such program in PATH (%s); give its "
			"full path",
			command, dirs ? dirs : DEFAULT_PATH);
	if (err == -EACCES)
		return wh_command_exec_failed(command, EACCES, e);
	return err < 0 ? wh_error_oom(e) : 0;
}

int wh_command_exec_failed(const char *path, int err, struct wh_error *e)
{
	const char *hint = "";

	switch (err) {
	case EACCES:
		hint = access(path, X_OK) < 0 ? "; is it executable (chmod +x), and its folder "
						"searchable?"
					      : "; is its file system mounted noexec?";
		break;
	case ENOENT:
		if (access(path, F_OK) == 0)
			hint = "; the file is there, but its #! interpreter or dynamic loader is "
			       "not";
		break;
	case ENOEXEC:
		hint = "; a script must begin with #! and a program be built for this machine";
		break;
	case ELIBBAD:
		hint = "; its dynamic loader is damaged";
		break;
	}
	return wh_error_set(e, err, "cannot run %s: %s%s", path, strerror(err), hint);
}

static size_t count(const char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

int wh_command_shell(const char *command, int out, const sigset_t *mask, const char *const *env,
		     pid_t *ret_pid, struct wh_error *e)
{
	wh_auto(fd) null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const char *const *ours = (const char *const *)environ;
	size_t n = count(env), n_ours = count(ours);
	wh_auto(words) all = calloc(n + n_ours + 1, sizeof(*all));
	pid_t pid;

	if (null < 0)
		return wh_error_errno(e, errno, "/dev/null");
	if (!all)
		return wh_error_oom(e);
	/* Before the fork: other threads of ours may hold what allocating takes. */
	for (size_t i = 0; i < n + n_ours; i++)
		all[i] = i < n ? env[i] : ours[i - n];
	pid = fork();
	if (pid < 0)
		return wh_error_errno(e, errno, "cannot start %s: fork", command);
	if (!pid) {
		setpgid(0, 0);
		sigprocmask(SIG_SETMASK, mask, NULL);
		if (dup2(null, STDIN_FILENO) >= 0 && (out < 0 || dup2(out, STDOUT_FILENO) >= 0))
			execle("/bin/sh", "sh", "-c", command, (char *)NULL, all);
		_exit(127);
	}
	/* Both sides: whoever comes first, the group is there when it is to be killed. */
	setpgid(pid, pid);
	*ret_pid = pid;
	return 0;
}

void wh_command_signal(struct wh_buf *b, int sig)
{
	const char *name = sigabbrev_np(sig);

	if (name)
		wh_buf_addf(b, "SIG%s", name);
	else if (sig >= SIGRTMIN && sig <= SIGRTMAX)
		wh_buf_addf(b, "SIGRTMIN+%d", sig - SIGRTMIN);
	else
		wh_buf_addf(b, "signal %d", sig);
}

void wh_command_status(struct wh_buf *b, int status)
{
	if (WIFEXITED(status)) {
		wh_buf_addf(b, "exited %d", WEXITSTATUS(status));
	} else {
		wh_buf_adds(b, "killed by ");
		wh_command_signal(b, WTERMSIG(status));
	}
}
