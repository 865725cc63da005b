/* SPDX-License-Identifier: Apache-2.0 */
/* The emitters: each writes one format of a policy and decides nothing. */
#ifndef WHITTLE_GEN_EMIT_H
#define WHITTLE_GEN_EMIT_H

#include "gen/policy.h"
#include "whittle/buf.h"

/** X(identifier, word for --format, file in the bundle) */
#define WH_EMIT_LIST(X)                                                                            \
	X(SECCOMP, "seccomp", "seccomp.json", wh_seccomp_emit)                                     \
	X(APPARMOR, "apparmor", "apparmor.profile", wh_apparmor_emit)                              \
	X(CAPS, "caps", "capabilities.json", wh_caps_emit)                                         \
	X(DOCKER, "docker", "docker-run.args", wh_docker_emit)                                     \
	X(COMPOSE, "compose", "compose.yaml", wh_compose_emit)                                     \
	X(KUBERNETES, "kubernetes", "kubernetes.yaml", wh_kubernetes_emit)                         \
	X(QUADLET, "quadlet", "quadlet.container", wh_quadlet_emit)                                \
	X(SYSTEMD, "systemd", "systemd.conf", wh_systemd_emit)                                     \
	X(REPORT, "report", "report.html", wh_report_emit)                                         \
	X(NOTES, "notes", "NOTES.txt", wh_notes_emit)

enum wh_emit_format {
#define X(id, word, file, fn) WH_EMIT_##id,
	WH_EMIT_LIST(X)
#undef X
		WH_EMIT_FORMATS
};

#define WH_EMIT_ALL ((1u << WH_EMIT_FORMATS) - 1)

/**
 * struct wh_emit - what an emitter gets.
 * @dir: the bundle's folder as the user named it, without a slash at its end
 * @formats: a bit for each format that the bundle has, so that no file points to one that is not
 * there
 */
struct wh_emit {
	const struct wh_policy *policy;
	const char *dir;
	unsigned formats;
};

static inline bool wh_emit_has(const struct wh_emit *emit, enum wh_emit_format format)
{
	return emit->formats & (1u << format);
}

/** wh_emit_text() - one format as text, the caller's to free. */
int wh_emit_text(const struct wh_emit *emit, enum wh_emit_format format, char **ret_text,
		 struct wh_error *e);

/** wh_emit_formats() - bits of a list like "seccomp,caps". */
int wh_emit_formats(const char *list, unsigned *ret_formats, struct wh_error *e);

const char *wh_emit_file(enum wh_emit_format format);

/*
 * Each appends its text to @b. A failed allocation is left to the buffer, which remembers it. No
 * NUL, no time of day: equal policies give equal bytes.
 */
#define X(id, word, file, fn)                                                                      \
	int fn(const struct wh_emit *emit, struct wh_buf *b, struct wh_error *e);
WH_EMIT_LIST(X)
#undef X

#endif
