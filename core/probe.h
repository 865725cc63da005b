/* SPDX-License-Identifier: Apache-2.0 */
/* What --ready says, and one look whether it holds. */
#ifndef WHITTLE_CORE_PROBE_H
#define WHITTLE_CORE_PROBE_H

#include "whittle/error.h"

enum wh_probe_kind {
	WH_PROBE_TCP,	/* the address accepts a connection */
	WH_PROBE_HTTP,	/* a GET is answered with 2xx or 3xx */
	WH_PROBE_LOG,	/* a line of stdout or stderr matches */
	WH_PROBE_FILE,	/* the path exists */
	WH_PROBE_DELAY, /* so much time has passed */
};

/**
 * struct wh_probe - a parsed --ready.
 * @host, @port: TCP, HTTP
 * @text: request target of HTTP, regular expression of LOG, path of FILE
 */
struct wh_probe {
	enum wh_probe_kind kind;
	char *host, *port, *text;
	double delay;
};

/**
 * wh_probe_parse() - tcp:HOST:PORT, tcp:PORT, http://HOST[:PORT][/PATH] (or http:URL), log:REGEX,
 * file:PATH, delay:SECONDS.
 */
int wh_probe_parse(const char *spec, struct wh_probe *ret_probe, struct wh_error *e);
void wh_probe_free(struct wh_probe *probe);

/**
 * wh_probe_try() - one look, of at most about two seconds; true when it holds. LOG and DELAY are not
 * looked for in this way: never.
 * @forwarded: somebody may be between who accepts a connection on behalf of the service, and drops it when that is not
 *   there: TCP then also has to last for a moment
 */
bool wh_probe_try(const struct wh_probe *probe, bool forwarded);

#endif
