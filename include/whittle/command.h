/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that the user named: finding them, and saying why they cannot be run. */
#ifndef WHITTLE_COMMAND_H
#define WHITTLE_COMMAND_H

#include <signal.h>
#include <sys/types.h>

#include "whittle/buf.h"
#include "whittle/error.h"

/**
 * wh_command_find() - what execvp() would run: @command itself if it has a slash, else the first
 * executable file of that name in PATH. What cannot be run is said here, before anything is started.
 */
int wh_command_find(const char *command, char **ret_path, struct wh_error *e);

/** wh_command_exec_failed() - say why an execve() of @path was refused, with what may mend it. */
int wh_command_exec_failed(const char *path, int err, struct wh_error *e);

/**
 * wh_command_shell() - a plain child in a process group of its own: /bin/sh -c @command.
 * @out: becomes its stdout; -1: as it is
 * @mask: its signal mask
 * @env: "NAME=VALUE" for it alone, in front of our own environment; NULL-terminated, or NULL
 */
int wh_command_shell(const char *command, int out, const sigset_t *mask, const char *const *env,
		     pid_t *ret_pid, struct wh_error *e);

/** wh_command_status() - a wait status in words: "exited 0", "killed by SIGTERM". */
void wh_command_status(struct wh_buf *b, int status);
/** wh_command_signal() - "SIGTERM", "SIGRTMIN+3". */
void wh_command_signal(struct wh_buf *b, int sig);

#endif
