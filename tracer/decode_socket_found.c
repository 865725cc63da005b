/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets that were there already: what must have been done to make them what they are. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "tracer/caprule_impl.h"
#include "tracer/decode_impl.h"

#define USUAL_FIRST_PORT 1024

struct end {
	struct sockaddr_storage addr;
	socklen_t len; /* 0: there is none */
};

static void ask_end(int fd, struct end *end,
		    int (*ask)(int fd, struct sockaddr *addr, socklen_t *len))
{
	end->len = sizeof(end->addr);
	if (ask(fd, (struct sockaddr *)&end->addr, &end->len) < 0)
		end->len = 0;
	else if (end->len > sizeof(end->addr))
		end->len = sizeof(end->addr);
}

static bool has_name(const struct end *end)
{
	char text[WH_SOCKADDR_TEXT];

	wh_sockaddr_text(&end->addr, end->len, text);
	return text[0];
}

static unsigned port_of(const struct end *end)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (end->addr.ss_family == AF_INET && end->len >= sizeof(in)) {
		memcpy(&in, &end->addr, sizeof(in));
		return ntohs(in.sin_port);
	}
	if (end->addr.ss_family == AF_INET6 && end->len >= sizeof(in6)) {
		memcpy(&in6, &end->addr, sizeof(in6));
		return ntohs(in6.sin6_port);
	}
	return 0;
}

/* One operation on one end of it; of a path the file, too. */
static int fact(struct wh_recorder *r, struct wh_task *task, const char *op,
		const struct wh_decode_kind *kind, const struct end *end, enum wh_access access)
{
	char address[WH_SOCKADDR_TEXT] = "", path[128];
	struct wh_place place = {0};
	int k = 0;

	if (end)
		wh_sockaddr_text(&end->addr, end->len, address);
	/* A relative one is from a directory of then. */
	if (end && access != WH_ACCESSES && wh_sockaddr_path(&end->addr, end->len, path) &&
	    path[0] == '/') {
		k = wh_path_resolve(r, task, AT_FDCWD, path,
				    access == WH_ACCESS_CONNECT ? WH_PATH_FOLLOW : 0, &place);
		if (k == 0 && place.path)
			snprintf(address, sizeof(address), "unix:%s", place.path);
		if (k == 0 && place.resolved)
			k = wh_decode_fact_file(r, task, &place, access, NULL, NULL);
	}
	wh_path_clear(&place);
	return k < 0 ? k : wh_decode_socket_fact(r, task, op, kind, address);
}

/*
 * A low port was bound with the capability, unless everybody could then, or it was handed down: one input of the rule
 * is assumed. inet_bind() in net/ipv4/af_inet.c.
 */
static int port_cap(struct wh_recorder *r, struct wh_task *task, const struct end *own)
{
	struct wh_cap key = {.cap = "CAP_NET_BIND_SERVICE", .strength = WH_STRENGTH_LIKELY}, *cap;
	struct wh_caprule_ask ask = {.r = r, .task = task};
	wh_auto(str) first = NULL;
	unsigned port = port_of(own);
	char text[128];
	int k;

	if (!port)
		return 0;
	first = wh_caprule_in_ns(&ask, "net", "sys/net/ipv4/ip_unprivileged_port_start");
	if (port >= (first ? strtoul(first, NULL, 10) : USUAL_FIRST_PORT))
		return 0;
	k = wh_record_fact(r, task, WH_KIND_CAP, &key, false, &cap);
	if (k < 0)
		return wh_decode_fact_err(k);
	snprintf(text, sizeof(text), "bound to port %u when found", port);
	k = wh_trace_add_str(r->trace, &cap->evidence, WH_LIMIT_EVIDENCE, text);
	return wh_decode_fact_err(k);
}

static bool was_bound(const struct wh_recorder *r, const struct wh_decode_kind *kind, int family,
		      const char *address)
{
	char name[16], type[16];
	struct wh_socket key = {
		.op = "bind",
		.family = wh_sockaddr_family(family, name, sizeof(name)),
		.type = wh_sockaddr_type(kind->type, type, sizeof(type)),
		.protocol = kind->protocol,
		.address = address,
	};

	return wh_trace_find(r->trace, WH_KIND_SOCKET, &key);
}

/* Whether one of them has bound the port: then the connection came in there, and was not made from here. */
static bool is_served(const struct wh_recorder *r, const struct end *own,
		      const struct wh_decode_kind *kind)
{
	unsigned port = port_of(own);
	char text[WH_SOCKADDR_TEXT];

	if (!port)
		return false;
	wh_sockaddr_text(&own->addr, own->len, text);
	if (was_bound(r, kind, kind->family, text))
		return true;
	snprintf(text, sizeof(text), "0.0.0.0:%u", port);
	if (was_bound(r, kind, AF_INET, text))
		return true;
	snprintf(text, sizeof(text), "[::]:%u", port);
	return was_bound(r, kind, AF_INET6, text);
}

static int connected(struct wh_recorder *r, struct wh_task *task, const struct wh_decode_kind *kind,
		     const struct end *own, const struct end *peer)
{
	char none[WH_SOCKADDR_TEXT] = "";
	bool unix_ = kind->family == AF_UNIX, accepted;

	/* Of a pair neither has a name. */
	if (unix_ && !has_name(own) && !has_name(peer))
		return wh_decode_socket_fact(r, task, "socketpair", kind, none);
	accepted = unix_ ? has_name(own) && kind->type != SOCK_DGRAM : is_served(r, own, kind);
	return accepted ? fact(r, task, "accept", kind, NULL, WH_ACCESSES)
			: fact(r, task, "connect", kind, peer, WH_ACCESS_CONNECT);
}

static int found(struct wh_recorder *r, struct wh_task *task, int fd, bool connections)
{
	struct wh_decode_kind kind;
	char none[WH_SOCKADDR_TEXT] = "";
	struct end own, peer;
	socklen_t len = sizeof(int);
	int listens = 0, k;

	if (!wh_decode_socket_ask(fd, &kind))
		return -EINVAL;
	ask_end(fd, &own, getsockname);
	ask_end(fd, &peer, getpeername);
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0)
		listens = 0;
	if (!peer.len == connections)
		return 0;
	if (connections)
		return connected(r, task, &kind, &own, &peer);
	k = wh_decode_socket_fact(r, task, "socket", &kind, none);
	if (k == 0 && has_name(&own) && (port_of(&own) || own.addr.ss_family == AF_UNIX)) {
		k = fact(r, task, "bind", &kind, &own, WH_ACCESS_BIND);
		if (k == 0)
			k = port_cap(r, task, &own);
	}
	if (k == 0 && listens)
		k = fact(r, task, "listen", &kind, NULL, WH_ACCESSES);
	return k;
}

int wh_decode_socket_found(struct wh_recorder *r, struct wh_task *task, int fd, bool connections)
{
	wh_auto(fd) copy = wh_decode_socket_copy(task, fd);
	int k = copy < 0 ? copy : found(r, task, copy, connections);

	if (k >= 0 || k == -ENOMEM)
		return k < 0 ? k : 0;
	return wh_decode_fact_err(wh_record_gap(r, task, wh_decode_fact_blind(r, task, "decode"),
						"what socket was there already"));
}
