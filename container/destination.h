/* SPDX-License-Identifier: Apache-2.0 */
/* Where the trace of a container goes, and what it is called. */
#ifndef WHITTLE_CONTAINER_DESTINATION_H
#define WHITTLE_CONTAINER_DESTINATION_H

#include "container/identity.h"
#include "container/settings.h"
#include "whittle/trace.h"

#define WH_DESTINATION_DEFAULT "/var/lib/whittle/traces"

/**
 * struct wh_destination - a file, or a folder, in which no trace replaces another.
 * @who: has said so; static
 * @stem: of the name in a folder, NULL for a file
 */
struct wh_destination {
	const char *who;
	char *path, *stem;
};

/**
 * wh_destination_find() - the first there is of: the annotation org.whittle.trace, WHITTLE_TRACE in the environment of the
 * container's process, the label org.whittle.trace, @output, the settings, WH_DESTINATION_DEFAULT.
 *
 * What is no absolute path is an error. The first three may come with an image, from a stranger: they may name a folder, or a
 * file whose name is that of a trace (*.trace.json, *.trace), and no file that is there and is no trace is replaced.
 * @output: of the command line, or NULL
 * @ret: zeroed; wh_destination_release() it, also after an error
 */
int wh_destination_find(const struct wh_oci *oci, const struct wh_identity *identity,
			const char *output, const struct wh_settings *settings,
			struct wh_destination *ret, struct wh_error *e);
/** wh_destination_check() - better before the container starts than after it has ended: the trace can be written there. */
int wh_destination_check(const struct wh_destination *place, struct wh_error *e);
/**
 * wh_destination_write() - in a folder as STEM.trace.json, or STEM-2.trace.json … when there is one of that name.
 * @ret_path: what it was written as; the caller's to free; may be NULL
 */
int wh_destination_write(const struct wh_destination *place, struct wh_trace *trace,
			 char **ret_path, struct wh_error *e);
void wh_destination_release(struct wh_destination *place);

#endif
