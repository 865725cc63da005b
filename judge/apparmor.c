// SPDX-License-Identifier: Apache-2.0
#include "judge/apparmor.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/apparmor.h>
#include <sys/wait.h>

#define PROFILES "/sys/kernel/security/apparmor/profiles"

bool wh_apparmor_enabled(void)
{
	return aa_is_enabled() == 1 && access(PROFILES, R_OK) == 0;
}

const char *wh_apparmor_parser(void)
{
	/* sbin is not in everyone's PATH. */
	static const char *const places[] = {"/usr/sbin/apparmor_parser", "/sbin/apparmor_parser",
					     "/usr/local/sbin/apparmor_parser"};

	for (size_t i = 0; i < WH_ARRAY_SIZE(places); i++) {
		if (access(places[i], X_OK) == 0)
			return places[i];
	}
	return NULL;
}

/* Of what the parser printed, the line to show: its error, which other notes may come before. */
static const char *error_line(char *text)
{
	char *error = strstr(text, "AppArmor parser error");
	char *line = error ? error : text;

	line[strcspn(line, "\n")] = '\0';
	return *line ? line : "it does not say why";
}

/* Runs the parser. @ret_text: the beginning of what it printed, without the last newline. */
static int run_parser(const char *mode, const char *path, char *ret_text, size_t size,
		      struct wh_error *e)
{
	const char *parser = wh_apparmor_parser();
	char *argv[] = {strdup("apparmor_parser"),
			strdup(mode),
			strdup("-K"),
			strdup("--"),
			strdup(path),
			NULL};
	posix_spawn_file_actions_t actions;
	wh_auto(fd) from = -1;
	size_t len = 0;
	int pipes[2], status = 0, err;
	pid_t pid = -1;
	ssize_t n;

	if (!parser)
		err = ENOENT;
	else if (pipe2(pipes, O_CLOEXEC) < 0)
		err = errno;
	else {
		from = pipes[0];
		err = posix_spawn_file_actions_init(&actions);
		if (!err) {
			posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
			posix_spawn_file_actions_adddup2(&actions, pipes[1], STDERR_FILENO);
			err = posix_spawn(&pid, parser, &actions, NULL, argv, environ);
			posix_spawn_file_actions_destroy(&actions);
		}
		close(pipes[1]);
	}
	for (size_t i = 0; i < WH_ARRAY_SIZE(argv); i++)
		free(argv[i]);
	if (err)
		return wh_error_errno(e, err, "cannot run apparmor_parser");
	/* All of it is read, so that it never waits for us; what does not fit is dropped. */
	for (;;) {
		char rest[512];
		bool room = len < size - 1;

		n = room ? read(from, ret_text + len, size - 1 - len)
			 : read(from, rest, sizeof(rest));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += room ? (size_t)n : 0;
	}
	while (len && ret_text[len - 1] == '\n')
		len--;
	ret_text[len] = '\0';
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return wh_error_set(e, EINVAL, "apparmor_parser does not take %s: %s", path,
				    error_line(ret_text));
	return 0;
}

int wh_apparmor_compile(const char *path, struct wh_error *e)
{
	char text[1024];

	return run_parser("-Q", path, text, sizeof(text), e);
}

int wh_apparmor_name(const char *path, char **ret_name, struct wh_error *e)
{
	char text[4096];
	int r = run_parser("-N", path, text, sizeof(text), e);

	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	if (!*text)
		return wh_error_set(e, EINVAL, "%s holds no profile", path);
	*ret_name = strdup(text);
	return *ret_name ? 0 : wh_error_oom(e);
}

bool wh_apparmor_loaded(const char *name)
{
	wh_auto(file) f = fopen(PROFILES, "re");
	char line[4096];
	size_t len = strlen(name);

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, name, len) == 0 && line[len] == ' ')
			return true;
	}
	return false;
}

int wh_apparmor_load(const char *path, struct wh_error *e)
{
	char text[1024];

	return run_parser("-r", path, text, sizeof(text), e);
}

int wh_apparmor_unload(const char *path, struct wh_error *e)
{
	char text[1024];

	return run_parser("-R", path, text, sizeof(text), e);
}
