/* SPDX-License-Identifier: Apache-2.0 */
/* One recording, from launch to the finished trace. What `whittle record` calls. */
#ifndef WHITTLE_TRACER_RECORD_H
#define WHITTLE_TRACER_RECORD_H

#include <signal.h>

#include "whittle/trace.h"

/** struct wh_record_progress - a moment of a recording. Times in seconds. */
struct wh_record_progress {
	double elapsed, since_news;
	size_t syscalls, files, caps, gaps;
	const char *stage; /* "starting", "waiting until ready", "load", "serving", "stopping" */
};

/**
 * struct wh_record_container - a container whose init waits for its runtime to let it go on, such as it does while
 * hooks run. Strings may be NULL where it is not known.
 * @init: pid, in our pid namespace; with @start 0
 * @expendable: it may end when we are killed. Else "auto" takes the only engine that leaves nothing behind in it: plain
 * @background: we are but an onlooker: no signal that we get is passed on, and one that would end us lets the container go on
 * @control: path of the socket by which others join; tracer/control.h
 * @stop_signal: what it is asked to end by; 0: SIGTERM
 * @start: brings the container about, so far that its init waits; NULL: it does already. Signals that are for the
 *   recording are blocked meanwhile, and stay pending. What it starts gets the signal mask @mask, and where they are
 *   not -1 @out and @err (closed by the caller) as the container's standard output and error.
 * @seized: called when all the container does from now on will be seen: the runtime may go on
 * @child: a child of ours that @start has made is gone, with waitpid()'s status; may be NULL
 * @over: called at the end, for whatever @err: what @start has made and still runs may be waited for, while what it says is passed
 *   on; may be NULL
 */
struct wh_record_container {
	pid_t init;
	bool expendable;
	bool background;
	const char *engine, *id, *name, *image, *runtime;
	const char *control;
	int stop_signal;
	int (*start)(void *data, const sigset_t *mask, int out, int err, pid_t *ret_init,
		     struct wh_error *e);
	void (*seized)(void *data);
	void (*child)(void *data, pid_t pid, int status);
	void (*over)(void *data, int err, const struct wh_error *why);
	void *data;
};

/**
 * struct wh_record_attach - a service that is running already, and goes on afterwards.
 * @pid: its main process, in our pid namespace
 * @container: what it is of, if it is a container: of that only the strings count; or NULL
 */
struct wh_record_attach {
	pid_t pid;
	const struct wh_record_container *container;
};

/** Whose the service is, and so what may be done to it. */
enum wh_record_source {
	WH_RECORD_LAUNCHED, /* ours: stopped at the end, by SIGKILL if need be, and dies with us */
	WH_RECORD_CONTAINER, /* a runtime's: stopped if we are told to, but it outlives us, and what fails here */
	WH_RECORD_ATTACHED, /* nobody's that we know: never sent a signal, let go as it was */
};

/** struct wh_record_options - what the command line says; strings are the caller's. */
struct wh_record_options {
	char *const
		*argv; /* NULL-terminated; argv[0] is searched in PATH; NULL with the next two */
	const struct wh_record_container *container; /* to be recorded instead, or NULL */
	const struct wh_record_attach *attach;	     /* likewise */
	const char *name;			     /* NULL: base name of the program */
	const char *ready; /* as on the command line, or NULL: ready at once */
	const char *load;  /* a command for /bin/sh -c, given by the user as such; or NULL */
	/* Seconds; 0: not given (grace: 10, ready_timeout: 60). */
	double duration, until_stable, grace, ready_timeout;
	bool stdout_to_stderr; /* of the workload and its load: ours carries the trace */
	const char *engine;
	bool no_new_privs;
	/* Called now and then with what has been found so far; may be NULL. */
	void (*progress)(void *data, const struct wh_record_progress *progress);
	void *progress_data;
};

static inline enum wh_record_source wh_record_source(const struct wh_record_options *options)
{
	return options->attach	    ? WH_RECORD_ATTACHED
	       : options->container ? WH_RECORD_CONTAINER
				    : WH_RECORD_LAUNCHED;
}

/**
 * wh_record_run() - launch, trace, drive the load, stop the service, and hand over the trace.
 *
 * A workload or load that fails is not a failure of this function: the trace says so (run.failed).
 * Return: 0 with *ret_trace; -ENOENT/-EACCES … when the program cannot be run, -EPERM when ptrace
 * is not allowed, and so on, with nothing left running.
 */
int wh_record_run(const struct wh_record_options *options, struct wh_trace **ret_trace,
		  struct wh_error *e);

#endif
