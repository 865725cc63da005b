/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of the machine that whittle makes use of: a runtime, an engine's client. No shell is between. */
#ifndef WHITTLE_CONTAINER_PROGRAM_H
#define WHITTLE_CONTAINER_PROGRAM_H

#include <signal.h>
#include <sys/types.h>

#include "whittle/error.h"

/** struct wh_program - words of a command line, the program first; zero-initialised is empty. */
struct wh_program {
	char **argv; /* NULL-terminated */
	size_t n, cap;
	bool failed; /* memory ran out: starting it will say so */
};

void wh_program_add(struct wh_program *p, const char *word);
void wh_program_addf(struct wh_program *p, const char *format, ...) wh_printf(2, 3);
/** wh_program_add_all() - each of a NULL-terminated list; NULL is an empty one. */
void wh_program_add_all(struct wh_program *p, char *const *words);
void wh_program_free(struct wh_program *p);

static inline void wh_program_auto_free(struct wh_program p)
{
	wh_program_free(&p);
}
WH_DEFINE_AUTO(container_program, struct wh_program, wh_program_auto_free)

/**
 * struct wh_program_setting - what a program is started with.
 * @mask: its signal mask; NULL: ours
 * @in, @out, @err: become its streams; -1: as ours are
 */
struct wh_program_setting {
	const sigset_t *mask;
	int in, out, err;
};

/**
 * wh_program_start() - in a process group of its own, which a terminal's signals do not reach: they are whittle's.
 * Return: 0; -ENOENT, -EACCES … when it cannot be run.
 */
int wh_program_start(const struct wh_program *p, const struct wh_program_setting *setting,
		     pid_t *ret_pid, struct wh_error *e);

/**
 * wh_program_run() - to its end, without input.
 * @ret_out: what it wrote; NULL: that goes to our standard error instead
 * @ret_err: the last line of what it complained of, made printable; NULL: that goes to ours
 * @ret_status: waitpid()'s
 * Both texts are the caller's to free. Return: 0 however it ended; -errno when it could not be run.
 */
int wh_program_run(const struct wh_program *p, char **ret_out, char **ret_err, int *ret_status,
		   struct wh_error *e);

/**
 * wh_program_wait() - for at most @ms.
 * Return: 1 it is gone, with its status; 0 not yet; -ECHILD somebody has waited for it.
 */
int wh_program_wait(pid_t pid, int ms, int *ret_status);

#endif
