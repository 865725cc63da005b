/* SPDX-License-Identifier: Apache-2.0 */
/* Between the modules of audit/ only: one record, and what it becomes. */
#ifndef WHITTLE_AUDIT_RECORD_H
#define WHITTLE_AUDIT_RECORD_H

#include "whittle/trace.h"

#define WH_AUDIT_FIELDS 48
#define WH_AUDIT_LINE	16384

enum wh_audit_type { WH_AUDIT_APPARMOR, WH_AUDIT_SECCOMP, WH_AUDIT_LOST };

/** struct wh_audit_field - NAME=VALUE; @quoted: VALUE stood in quotes, which are not part of it. */
struct wh_audit_field {
	char *name, *value;
	bool quoted;
};

/**
 * struct wh_audit_record - a line of a log.
 * @text: from its first field on, its own copy
 * @epoch, @milli, @serial: what the kernel stamped it with; epoch 0: it has no stamp
 * @cut: why the line is not whole, or NULL
 */
struct wh_audit_record {
	enum wh_audit_type type;
	const char *source;
	size_t line;
	char *text;
	int64_t epoch;
	unsigned milli;
	uint64_t serial;
	const char *cut;
};

/** struct wh_audit_fields - the fields of a record; they point into @copy. */
struct wh_audit_fields {
	struct wh_audit_field v[WH_AUDIT_FIELDS];
	size_t n;
	char *copy;
};

static inline void wh_audit_fields_free(struct wh_audit_fields f)
{
	free(f.copy);
}
WH_DEFINE_AUTO(audit_fields, struct wh_audit_fields, wh_audit_fields_free)

/**
 * wh_audit_record_find() - whether a line (NUL-terminated, without its newline) is a record.
 * Return: 1 with @ret but for its source and line, the text the caller's to free; 0; -ENOMEM.
 */
int wh_audit_record_find(const char *line, struct wh_audit_record *ret);

/** wh_audit_record_split() - its fields. Return: 0; -EBADMSG with *ret_why in words; -ENOMEM. */
int wh_audit_record_split(const struct wh_audit_record *r, struct wh_audit_fields *ret,
			  const char **ret_why);
/** wh_audit_record_field() - the field of that name, or NULL. */
const struct wh_audit_field *wh_audit_record_field(const struct wh_audit_fields *f,
						   const char *name);
/** wh_audit_record_value() - its value, or NULL. */
const char *wh_audit_record_value(const struct wh_audit_fields *f, const char *name);
/** wh_audit_record_hex() - whether the kernel encoded a value: not in quotes, pairs of hex digits, none of them 00. */
bool wh_audit_record_hex(const struct wh_audit_field *f);
/** wh_audit_record_text() - a value that may be encoded so; NULL: it is not there, or *ret_err is set. */
char *wh_audit_record_text(const struct wh_audit_fields *f, const char *name, int *ret_err);

/** struct wh_audit_sink - where the facts of a record go. */
struct wh_audit_sink {
	struct wh_trace *trace;
	const char *run;     /* id */
	const char *profile; /* whose records count: peers of that label are one's own */
	const char *said;    /* the evidence, for the record at hand */
	const char *program; /* its executable, or NULL */
	unsigned gaps;	     /* made of the record at hand */
};

/** wh_audit_put() - find or make the fact, and note that the record at hand says so; 0, or -errno (-ENOSPC is a gap by then). */
int wh_audit_put(struct wh_audit_sink *s, enum wh_kind kind, const void *key, void *ret_fact);
/** wh_audit_gap() - the record at hand is not understood, or lost. */
int wh_audit_gap(struct wh_audit_sink *s, const char *kind, const char *detail);

/** wh_audit_apparmor() - the facts of a record, which is AppArmor's. Return: 0, -ENOMEM. */
int wh_audit_apparmor(struct wh_audit_sink *s, const struct wh_audit_fields *f);
/** wh_audit_rule() - of those that are about no file; 1 when it was one. @denied: it was refused */
int wh_audit_rule(struct wh_audit_sink *s, const struct wh_audit_fields *f, const char *operation,
		  bool denied);
/** wh_audit_seccomp() - of one of seccomp's. */
int wh_audit_seccomp(struct wh_audit_sink *s, const struct wh_audit_fields *f);
/** wh_audit_seccomp_action() - what was done with the call, in words; NULL if it is not known. */
const char *wh_audit_seccomp_action(const struct wh_audit_fields *f);

#endif
