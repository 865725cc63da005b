// SPDX-License-Identifier: Apache-2.0
#include "gen/explain-internal.h"

#include <strings.h>

#include "gen/text.h"

/* A folder may have thousands: more are in the trace. */
#define SHOWN 8

static void add_facts(const struct wh_policy *p, struct wh_buf *b, enum wh_kind kind,
		      const void *const *facts, size_t n)
{
	for (size_t i = 0; i < n && i < SHOWN; i++)
		wh_explain_fact(p, b, kind, facts[i]);
	if (n > SHOWN)
		wh_buf_addf(b, "    and %zu more\n", n - SHOWN);
}

static int explain_hint(const struct wh_policy *p, enum wh_policy_hint_id id, struct wh_buf *b)
{
	const struct wh_policy_hint *hint = &p->hints[id];

	wh_buf_addf(b, "%s: %s%s%s\n  because %s\n", wh_policy_hint_name(id),
		    hint->on ? "suggested" : "not suggested", hint->value ? ", " : "",
		    hint->value ? hint->value : "", hint->reason);
	add_facts(p, b, hint->kind, hint->facts, hint->n_facts);
	return hint->on;
}

static int explain_place(const struct wh_policy *p, const struct wh_policy_place *place,
			 struct wh_buf *b)
{
	static const char *const words[] = {
		[WH_POLICY_TMPFS] = "a tmpfs",
		[WH_POLICY_VOLUME] = "a volume",
		[WH_POLICY_GIVEN] = "mount it again",
	};

	wh_buf_addf(b, "folder %s: %s%s%s\n  because %s\n", place->path, words[place->kind],
		    place->kind == WH_POLICY_TMPFS ? ", " : "",
		    place->kind == WH_POLICY_TMPFS ? place->options : "", place->reason);
	add_facts(p, b, WH_KIND_FILE, (const void *const *)place->facts, place->n_facts);
	return 1;
}

static int explain_places(const struct wh_policy *p, const char *item, struct wh_buf *b)
{
	bool tmpfs = strcmp(item, "tmpfs") == 0, volumes = strcmp(item, "volumes") == 0;
	int told = 0;

	for (size_t i = 0; i < p->n_places; i++) {
		const struct wh_policy_place *place = &p->places[i];

		if (strcmp(place->path, item) == 0 ||
		    (place->kind == WH_POLICY_TMPFS ? tmpfs : volumes))
			told += explain_place(p, place, b);
	}
	if (!told && (tmpfs || volumes))
		wh_buf_addf(b, "%s: none is suggested\n  because %s\n", item,
			    p->hints[WH_POLICY_HINT_READ_ONLY].reason);
	return told;
}

static int explain_ports(const struct wh_policy *p, struct wh_buf *b)
{
	int told = 0;

	for (size_t i = 0; i < p->n_ports; i++) {
		const struct wh_policy_port *port = &p->ports[i];

		wh_buf_addf(b, "port %u/%s: %s\n  because %s\n", port->port, port->protocol,
			    port->publish ? "published" : "not published", port->reason);
		wh_explain_fact(p, b, WH_KIND_SOCKET, port->fact);
		told += port->publish;
	}
	if (!p->n_ports)
		wh_buf_adds(b, "ports: none\n  because none was bound\n");
	return told;
}

static int explain_directives(const struct wh_policy *p, const char *item, struct wh_buf *b)
{
	int told = 0;

	for (size_t i = 0; i < p->n_directives; i++) {
		const struct wh_policy_directive *d = &p->directives[i];

		if (strcasecmp(d->name, item) != 0)
			continue;
		wh_buf_addf(b, "systemd %s=%s: %s\n  because %s\n", d->name,
			    d->value ? d->value : "", d->on ? "suggested" : "not suggested",
			    d->reason);
		told += d->on;
	}
	return told;
}

int wh_explain_run(const struct wh_policy *p, const char *item, struct wh_buf *b)
{
	int told = explain_places(p, item, b) + explain_directives(p, item, b);

	for (int id = 0; id < WH_POLICY_HINTS; id++) {
		if (strcmp(wh_policy_hint_name((enum wh_policy_hint_id)id), item) == 0)
			told += explain_hint(p, (enum wh_policy_hint_id)id, b);
	}
	if (strcmp(item, "ports") == 0)
		told += explain_ports(p, b);
	if (strcmp(item, "no-new-privileges") == 0) {
		wh_buf_addf(b, "no-new-privileges: %s\n  because %s\n",
			    p->no_new_privs ? "suggested" : "not suggested",
			    p->no_new_privs_reason);
		told += p->no_new_privs;
	}
	return told;
}

const char *wh_explain_how_known(const void *const *facts, size_t n)
{
	bool logged = n > 0;

	for (size_t i = 0; i < n; i++)
		logged &= ((const struct wh_fact *)facts[i])->phases == WH_PHASE_AUDIT;
	return logged ? "the kernel's log says that a profile was in its way" : "it was observed";
}
