/* SPDX-License-Identifier: Apache-2.0 */
/* The recorder of a container, in the background: it stays until the container has ended, and writes the trace then. */
#ifndef WHITTLE_CONTAINER_DAEMON_H
#define WHITTLE_CONTAINER_DAEMON_H

#include "container/destination.h"
#include "tracer/record.h"

/**
 * struct wh_daemon - what it is to record.
 * @container: its init waits; @control, @seized and @data are not looked at
 * @root: as for wh_rundir_control()
 */
struct wh_daemon {
	struct wh_record_container container;
	const char *root;
	const struct wh_destination *place;
};

/**
 * wh_daemon_start() - returns when the init is seized, so that the runtime may let it go on.
 *
 * The recorder has a session of its own and no descriptor of the caller's, nor its standard streams: runtimes wait until nobody
 * holds the streams of their hooks. What goes wrong later it writes into a file beside the trace, PATH.log, or,
 * where it cannot, into the system's log.
 * Return: 0; or the recorder's own error, and there is no recorder.
 */
int wh_daemon_start(const struct wh_daemon *what, struct wh_error *e);

#endif
