/* SPDX-License-Identifier: Apache-2.0 */
/* The requests of ioctl() that ask for a capability; of interest to its rule alone. */
#ifndef WHITTLE_TRACER_CAPRULE_IOCTL_H
#define WHITTLE_TRACER_CAPRULE_IOCTL_H

#include "tracer/caprule_impl.h"

/** What a descriptor must be for a request to mean that: to other devices the number is another one's. */
enum wh_request_of {
	WH_REQUEST_ANY,
	WH_REQUEST_SOCKET,
	WH_REQUEST_CHAR,
	WH_REQUEST_TERMINAL, /* that is not the caller's own one */
	WH_REQUEST_BLOCK,
	WH_REQUEST_FILE,
};

struct wh_request {
	uint32_t request;
	enum wh_request_of of;
	int cap;
	enum wh_strength strength;
	const char *name;
};

/** wh_caprule_request() - what a request asks for, NULL for nothing. */
const struct wh_request *wh_caprule_request(uint32_t request);

#endif
