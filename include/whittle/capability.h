/* SPDX-License-Identifier: Apache-2.0 */
/* What whittle knows of the Linux capabilities: one row each, in the kernel's order. */
#ifndef WHITTLE_CAPABILITY_H
#define WHITTLE_CAPABILITY_H

#include "whittle/syscall.h"

struct wh_capability {
	const char *name;  /* "CAP_CHOWN" */
	const char *means; /* what it lets a process do, in a few words */
	enum wh_risk risk;
	bool docker_default; /* in the set that Docker and Podman give when nothing is said */
};

#define WH_CAPABILITY_COUNT 41

/** wh_capability_row() - by the kernel's number, 0 … WH_CAPABILITY_COUNT - 1; NULL beyond. */
const struct wh_capability *wh_capability_row(unsigned number);
/** wh_capability_number() - by name, with or without "CAP_", any case; -1 if there is none. */
int wh_capability_number(const char *name);

#endif
