// SPDX-License-Identifier: Apache-2.0
/*
 * How the container is to be run: what is suggested, and why not more. A suggestion rests on what the trace
 * does not have as well as on what it has, so none is made of a trace that is known to lack something.
 */
#include "gen/policy-internal.h"

#include "gen/text.h"

/*
 * Threads at once, while it was recorded, times this, at least that many, in steps of fifty: a heavier load may have more of
 * them, and the runtime has up to a dozen of its own in the container while it starts it or executes something in it.
 */
#define PIDS_FACTOR 4
#define PIDS_LEAST  100
#define PIDS_STEP   50

static const char *const names[] = {
#define X(id, name) name,
	WH_POLICY_HINT_LIST(X)
#undef X
};

const char *wh_policy_hint_name(enum wh_policy_hint_id id)
{
	return names[id];
}

int wh_policy_hint_set(struct wh_policy *p, enum wh_policy_hint_id id, bool on, const char *value,
		       const char *reason, struct wh_error *e)
{
	struct wh_policy_hint *hint = &p->hints[id];

	reason = reason ? wh_text_safe_dup(&p->pool, reason) : NULL;
	if (!reason)
		return wh_error_oom(e);
	hint->on = on;
	hint->value = value;
	hint->reason = reason;
	return 0;
}

int wh_policy_hint_fact(struct wh_policy *p, enum wh_policy_hint_id id, enum wh_kind kind,
			const void *fact, struct wh_error *e)
{
	struct wh_policy_hint *hint = &p->hints[id];
	const void **place = wh_pool_append(&p->pool, &hint->facts, &hint->n_facts, sizeof(*place));

	if (!place)
		return wh_error_oom(e);
	*place = fact;
	hint->kind = kind;
	return 0;
}

bool wh_policy_happened(const struct wh_fact *fact, const struct wh_counts *outcomes)
{
	if (fact->phases & WH_PHASE_AUDIT)
		return true;
	for (size_t i = 0; i < outcomes->n; i++) {
		if (strcmp(outcomes->v[i].name, "ok") == 0)
			return true;
	}
	return outcomes->n == 0;
}

bool wh_policy_own(const struct wh_fact *fact)
{
	return fact->phases != WH_PHASE_RUNTIME;
}

bool wh_policy_within(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && path[len] == '/' && path[len + 1] != '\0';
}

bool wh_policy_is_plain(const char *path)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/+@";

	/* No trace of ours has ".." in a path: who wrote it may mean something else. */
	return strspn(path, plain) == strlen(path) && !strstr(path, "/..") && !strstr(path, "//");
}

const char *wh_policy_unsure(const struct wh_policy *p)
{
	size_t n;
	const void *const *runs = wh_policy_facts(p, WH_KIND_RUN, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_run *run = runs[i];

		if (run->attached)
			return "it was running when the recording began: what it did before was "
			       "not seen";
	}
	for (size_t i = 0; i < p->n_warnings; i++) {
		if (p->warnings[i].refuse)
			return "the trace is known to lack something, see NOTES.txt";
	}
	return NULL;
}

/* ---- the recordings -------------------------------------------------------------------------- */

/* A name of an image as it can stand anywhere without quotes. */
static bool is_image(const char *image)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "._/:@-";

	return image && *image && image[0] != '-' && strlen(image) < 512 &&
	       strspn(image, chars) == strlen(image);
}

static void look_at_runs(struct wh_policy *p)
{
	size_t n;
	const void *const *runs = wh_policy_facts(p, WH_KIND_RUN, &n);

	p->container = true;
	for (size_t i = 0; i < n; i++) {
		const struct wh_run *run = runs[i];

		p->container &= run->container_engine || run->mounts.n > 0;
		if (i == 0)
			p->image = run->container_image;
		else if (!wh_util_streq(p->image, run->container_image))
			p->image = NULL;
	}
	if (!is_image(p->image))
		p->image = NULL;
}

/* ---- network --------------------------------------------------------------------------------- */

static int judge_network(struct wh_policy *p, struct wh_error *e)
{
	size_t n;
	const void *const *sockets = wh_trace_facts(p->trace, WH_KIND_SOCKET, &n);
	const char *unsure = wh_policy_unsure(p);
	const struct wh_socket *used = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct wh_socket *s = sockets[i];

		/* Unix sockets are as they were; the kernel's ciphers (AF_ALG) are no network either. */
		if (!wh_policy_own(&s->f) || !wh_policy_happened(&s->f, &s->outcomes) ||
		    strcmp(s->family, "AF_UNIX") == 0 || strcmp(s->family, "AF_ALG") == 0)
			continue;
		if (wh_policy_hint_fact(p, WH_POLICY_HINT_NETWORK, WH_KIND_SOCKET, s, e) < 0)
			return -ENOMEM;
		if (!used)
			used = s;
	}
	if (used)
		return wh_policy_hint_set(
			p, WH_POLICY_HINT_NETWORK, false, NULL,
			wh_pool_printf(&p->pool, "it used sockets of %s", used->family), e);
	return wh_policy_hint_set(
		p, WH_POLICY_HINT_NETWORK, !unsure, unsure ? NULL : "none",
		unsure ? unsure : "no socket was used but unix ones, which work without a network",
		e);
}

/* ---- ports ----------------------------------------------------------------------------------- */

static const char *protocol_of(const struct wh_socket *s)
{
	if (strcmp(s->family, "AF_INET") != 0 && strcmp(s->family, "AF_INET6") != 0)
		return NULL;
	if (!s->type)
		return NULL;
	if (s->protocol == 132 || strcmp(s->type, "SOCK_SEQPACKET") == 0)
		return "sctp";
	if (strcmp(s->type, "SOCK_STREAM") == 0)
		return "tcp";
	return strcmp(s->type, "SOCK_DGRAM") == 0 ? "udp" : NULL;
}

static bool is_listened(const struct wh_policy *p, const struct wh_socket *bound)
{
	size_t n;
	const void *const *sockets = wh_trace_facts(p->trace, WH_KIND_SOCKET, &n);

	/* A datagram socket that is bound receives. */
	if (strcmp(bound->type, "SOCK_DGRAM") == 0)
		return true;
	for (size_t i = 0; i < n; i++) {
		const struct wh_socket *s = sockets[i];

		if (strcmp(s->op, "listen") == 0 && strcmp(s->family, bound->family) == 0 &&
		    wh_util_streq(s->type, bound->type) && wh_policy_happened(&s->f, &s->outcomes))
			return true;
	}
	return false;
}

static struct wh_policy_port *find_port(const struct wh_policy *p, unsigned port,
					const char *protocol)
{
	for (size_t i = 0; i < p->n_ports; i++) {
		if (p->ports[i].port == port && strcmp(p->ports[i].protocol, protocol) == 0)
			return &p->ports[i];
	}
	return NULL;
}

static int add_port(struct wh_policy *p, const struct wh_socket *s, const char *protocol,
		    struct wh_error *e)
{
	const char *colon = s->address ? strrchr(s->address, ':') : NULL;
	bool local, named;
	struct wh_policy_port *port;
	const char *reason;
	uint64_t number = 0;

	named = colon && wh_util_parse_u64(colon + 1, &number) == 0 && number <= 65535;
	if (!named)
		number = 0;
	local = colon &&
		(wh_util_has_prefix(s->address, "127.") || wh_util_has_prefix(s->address, "[::1]"));
	port = find_port(p, (unsigned)number, protocol);
	if (port && (port->publish || local || !number))
		return 0;
	if (!port) {
		port = wh_pool_append(&p->pool, &p->ports, &p->n_ports, sizeof(*port));
		if (!port)
			return wh_error_oom(e);
	}
	*port = (struct wh_policy_port){
		.port = (unsigned)number,
		.protocol = protocol,
		.publish = named && number && !local,
		.fact = s,
	};
	reason = wh_pool_printf(&p->pool, "it was bound to %s%s",
				colon ? s->address : "more addresses than are kept",
				local	  ? ": nobody else can reach it"
				: !colon  ? ": publish those that are needed"
				: !number ? ": the kernel chose a port"
					  : "");
	port->reason = reason ? wh_text_safe_dup(&p->pool, reason) : NULL;
	return port->reason ? 0 : wh_error_oom(e);
}

static int by_port(const void *a, const void *b)
{
	const struct wh_policy_port *x = a, *y = b;

	return x->port != y->port ? (x->port < y->port ? -1 : 1) : strcmp(x->protocol, y->protocol);
}

static int judge_ports(struct wh_policy *p, struct wh_error *e)
{
	size_t n;
	const void *const *sockets = wh_trace_facts(p->trace, WH_KIND_SOCKET, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_socket *s = sockets[i];
		const char *protocol = protocol_of(s);
		int r = 0;

		if (protocol && strcmp(s->op, "bind") == 0 && wh_policy_own(&s->f) &&
		    wh_policy_happened(&s->f, &s->outcomes) && is_listened(p, s))
			r = add_port(p, s, protocol, e);
		if (r < 0)
			return r;
	}
	if (p->n_ports)
		qsort(p->ports, p->n_ports, sizeof(*p->ports), by_port);
	return 0;
}

/*
 * Docker lets everyone bind every port of a container's own network; Kubernetes and Podman do not. A
 * recording made where that was so has no CAP_NET_BIND_SERVICE in it, and serves there only.
 */
static int judge_sysctl(struct wh_policy *p, struct wh_error *e)
{
	const struct wh_policy_cap *cap = wh_policy_find_cap(p, "CAP_NET_BIND_SERVICE");
	const struct wh_policy_port *low = NULL;

	for (size_t i = 0; i < p->n_ports && !low; i++) {
		if (p->ports[i].port && p->ports[i].port < 1024)
			low = &p->ports[i];
	}
	if (!low)
		return wh_policy_hint_set(p, WH_POLICY_HINT_SYSCTL, false, NULL,
					  "no port below 1024 was bound", e);
	if (wh_policy_hint_fact(p, WH_POLICY_HINT_SYSCTL, WH_KIND_SOCKET, low->fact, e) < 0)
		return -ENOMEM;
	if (cap && cap->decision == WH_POLICY_ADD)
		return wh_policy_hint_set(
			p, WH_POLICY_HINT_SYSCTL, false, NULL,
			"CAP_NET_BIND_SERVICE, which is added, lets it bind ports below 1024", e);
	return wh_policy_hint_set(
		p, WH_POLICY_HINT_SYSCTL, true, "net.ipv4.ip_unprivileged_port_start=0",
		wh_pool_printf(
			&p->pool,
			"it binds port %u without a capability, as Docker lets it; Podman and "
			"Kubernetes have to be told",
			low->port),
		e);
}

/* ---- threads --------------------------------------------------------------------------------- */

static int judge_pids(struct wh_policy *p, struct wh_error *e)
{
	size_t n;
	const void *const *runs = wh_policy_facts(p, WH_KIND_RUN, &n);
	uint64_t peak = 0, limit;
	const char *value;

	for (size_t i = 0; i < n; i++) {
		const struct wh_run *run = runs[i];

		if (!run->peak_tasks)
			return wh_policy_hint_set(p, WH_POLICY_HINT_PIDS_LIMIT, false, NULL,
						  "the trace does not have how many threads there "
						  "were at once",
						  e);
		if (run->peak_tasks > peak)
			peak = run->peak_tasks;
	}
	/* More than Linux can have (PID_MAX_LIMIT): no count of threads. */
	if (peak > (UINT64_C(1) << 22))
		return wh_policy_hint_set(p, WH_POLICY_HINT_PIDS_LIMIT, false, NULL,
					  "the number of threads in the trace cannot be true", e);
	limit = (peak * PIDS_FACTOR + PIDS_STEP - 1) / PIDS_STEP * PIDS_STEP;
	if (limit < PIDS_LEAST)
		limit = PIDS_LEAST;
	value = wh_pool_printf(&p->pool, "%llu", (unsigned long long)limit);
	if (!value)
		return wh_error_oom(e);
	return wh_policy_hint_set(
		p, WH_POLICY_HINT_PIDS_LIMIT, true, value,
		wh_pool_printf(&p->pool,
			       "%llu thread%s at once at the most, times %d, at least %d: a load "
			       "with more of them needs a higher limit",
			       (unsigned long long)peak, peak == 1 ? "" : "s", PIDS_FACTOR,
			       PIDS_LEAST),
		e);
}

int wh_policy_run(struct wh_policy *p, struct wh_error *e)
{
	static int (*const steps[])(struct wh_policy *, struct wh_error *) = {
		judge_network,	    judge_ports,    judge_sysctl,   judge_pids,
		wh_policy_writable, wh_policy_user, wh_policy_unit,
	};
	int r = 0;

	look_at_runs(p);
	for (size_t i = 0; r >= 0 && i < WH_ARRAY_SIZE(steps); i++)
		r = steps[i](p, e);
	return r;
}
