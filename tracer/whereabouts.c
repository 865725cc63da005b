// SPDX-License-Identifier: Apache-2.0
#include "tracer/whereabouts.h"

#include <arpa/inet.h>

#include "core/netns.h"

void wh_whereabouts_fill(struct wh_whereabouts *w, const struct wh_record_container *c, pid_t init)
{
	char ip[INET6_ADDRSTRLEN];
	size_t n = 0;

	if (c->id) {
		snprintf(w->id, sizeof(w->id), "WHITTLE_CONTAINER_ID=%s", c->id);
		w->env[n++] = w->id;
	}
	snprintf(w->pid, sizeof(w->pid), "WHITTLE_CONTAINER_PID=%d", (int)init);
	w->env[n++] = w->pid;
	if (wh_netns_address(init, ip, sizeof(ip)) == 0 && *ip) {
		snprintf(w->ip, sizeof(w->ip), "WHITTLE_CONTAINER_IP=%s", ip);
		w->env[n++] = w->ip;
	}
	w->env[n] = NULL;
}
