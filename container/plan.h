/* SPDX-License-Identifier: Apache-2.0 */
/* How one container is brought about to be recorded, whoever makes it: what the ways of doing that have in common. */
#ifndef WHITTLE_CONTAINER_PLAN_H
#define WHITTLE_CONTAINER_PLAN_H

#include "container/program.h"
#include "tracer/record.h"

struct wh_intercept;

enum wh_plan_way { WH_PLAN_BUNDLE, WH_PLAN_DOCKER, WH_PLAN_PODMAN };

/**
 * struct wh_plan_request - what the user asks for.
 * @bundle: folder of the bundle, for WH_PLAN_BUNDLE
 * @runtime: for WH_PLAN_BUNDLE: name or path of the OCI runtime; NULL: runc, else crun
 * @args: what follows "--", NULL-terminated: of a bundle what to execute instead, of engines what "run" takes
 */
struct wh_plan_request {
	enum wh_plan_way way;
	const char *bundle, *runtime;
	char **args;
};

/**
 * struct wh_plan - all strings are its own.
 * @folder: temporary, removed with the plan
 * @log: file in which the runtime notes its errors, or NULL
 * @start: runs the container, and ends when that does; @start_silent: without its output, where that is not wanted
 * @clean: removes what is left of the container; run at the end if it has words, unless it is to be kept, and was started
 * @status: says on standard output whether the container runs ("running"), if it has words
 * @control: the recording's socket
 * @intercept: how the hook gets into the container, and others join; NULL: it is in there
 * @with_input: the container reads our standard input; @silent: its output is not wanted
 * @stop_signal: 0: SIGTERM; @stop_timeout: seconds, 0: not said
 */
struct wh_plan {
	char *engine, *id, *name, *image, *runtime, *control;
	char *folder, *log;
	struct wh_program start, start_silent, clean, status;
	struct wh_intercept *intercept;
	bool with_input, silent, keep;
	int stop_signal;
	double stop_timeout;
};

/** wh_plan_set() - *@member becomes a copy of @text. Return: 0 or -ENOMEM. */
int wh_plan_set(char **member, const char *text, struct wh_error *e);
/** wh_plan_identify() - @plan->id, and what follows from it: @plan->control. */
int wh_plan_identify(struct wh_plan *plan, const char *id, struct wh_error *e);
/** wh_plan_folder() - make @plan->folder. */
int wh_plan_folder(struct wh_plan *plan, struct wh_error *e);
/** wh_plan_runtime() - @plan->runtime: name and version of the OCI runtime that waits for us: the parent of the init. */
int wh_plan_runtime(struct wh_plan *plan, pid_t init, struct wh_error *e);
/** wh_plan_parent() - of the init, while that waits: the process of the OCI runtime; 0. */
pid_t wh_plan_parent(pid_t init);
/** wh_plan_free() - what it points to; the container is left alone. */
void wh_plan_free(struct wh_plan *plan);

#endif
