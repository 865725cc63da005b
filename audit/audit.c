// SPDX-License-Identifier: Apache-2.0
#include "audit/audit.h"

#include <inttypes.h>

#include "audit/record.h"
#include "audit/select.h"
#include "whittle/buf.h"

/* A machine that logs more than that about AppArmor has another trouble. */
#define RECORDS_MAX 1000000
#define BYTES_MAX   (256u << 20)

struct wh_audit {
	struct wh_audit_record *v;
	size_t n, room, bytes;
};

struct wh_audit *wh_audit_new(void)
{
	return calloc(1, sizeof(struct wh_audit));
}

void wh_audit_free(struct wh_audit *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n; i++) {
		free(a->v[i].text);
		free((char *)(uintptr_t)a->v[i].source);
	}
	free(a->v);
	free(a);
}

/* ---- reading --------------------------------------------------------------------------------- */

static int keep(struct wh_audit *a, struct wh_audit_record *r, struct wh_error *e)
{
	if (a->n == RECORDS_MAX || a->bytes > BYTES_MAX)
		return wh_error_set(e, EFBIG,
				    "%s line %zu: there are too many audit records; give a part of "
				    "the log, or --since",
				    r->source, r->line);
	if (a->n == a->room) {
		size_t room = a->room ? 2 * a->room : 64;
		struct wh_audit_record *v = reallocarray(a->v, room, sizeof(*v));

		if (!v)
			return wh_error_oom(e);
		a->v = v;
		a->room = room;
	}
	a->bytes += strlen(r->text);
	a->v[a->n++] = *r;
	return 0;
}

static int read_line(struct wh_audit *a, const char *line, const char *cut, const char *source,
		     size_t number, struct wh_error *e)
{
	struct wh_audit_record r;
	int err = wh_audit_record_find(line, &r);

	if (err <= 0)
		return err < 0 ? wh_error_oom(e) : 0;
	r.cut = cut;
	r.line = number;
	r.source = strdup(source);
	err = r.source ? keep(a, &r, e) : wh_error_oom(e);
	if (err < 0) {
		free(r.text);
		free((char *)(uintptr_t)r.source);
	}
	return err;
}

/* Not getline(): a line may have no end. */
int wh_audit_read(struct wh_audit *a, FILE *f, const char *source, struct wh_error *e)
{
	wh_auto(str) line = malloc(WH_AUDIT_LINE + 1);
	const char *cut = NULL;
	size_t len = 0, number = 1;
	int err = 0, c;

	if (!line)
		return wh_error_oom(e);
	while (err == 0 && (c = getc(f)) != EOF) {
		if (c == '\n') {
			line[len] = '\0';
			err = read_line(a, line, cut, source, number++, e);
			len = 0;
			cut = NULL;
		} else if (len == WH_AUDIT_LINE) {
			cut = "the line is too long";
		} else {
			/* What is behind it would be out of sight. */
			if (c == '\0')
				cut = "the line has a zero byte";
			line[len++] = (char)(c ? c : '?');
		}
	}
	if (err == 0 && ferror(f))
		return wh_error_errno(e, errno ? errno : EIO, "cannot read %s", source);
	line[len] = '\0';
	if (err == 0 && len)
		err = read_line(a, line, cut ? cut : "the log ends in it", source, number, e);
	return err;
}

/* ---- facts ----------------------------------------------------------------------------------- */

int wh_audit_put(struct wh_audit_sink *s, enum wh_kind kind, const void *key, void *ret_fact)
{
	int err = wh_trace_put(s->trace, kind, key, ret_fact);
	struct wh_fact *f;

	if (err < 0)
		return err;
	f = *(struct wh_fact **)ret_fact;
	f->count++;
	f->phases |= WH_PHASE_AUDIT;
	if ((s->program &&
	     wh_trace_add_str(s->trace, &f->programs, WH_LIMIT_PROGRAMS, s->program) < 0) ||
	    wh_trace_add_str(s->trace, &f->runs, WH_LIMIT_RUNS, s->run) < 0 ||
	    wh_trace_add_str(s->trace, &f->logged, WH_LIMIT_EVIDENCE, s->said) < 0)
		return -ENOMEM;
	return 0;
}

int wh_audit_gap(struct wh_audit_sink *s, const char *kind, const char *detail)
{
	const struct wh_gap key = {.kind = kind, .detail = detail};
	struct wh_gap *gap;
	int err = wh_audit_put(s, WH_KIND_GAP, &key, &gap);

	s->gaps++;
	return err == -ENOSPC ? 0 : err;
}

static void add_time(struct wh_buf *b, const struct wh_audit_record *r)
{
	time_t t = (time_t)r->epoch;
	char text[64];
	struct tm tm;

	if (r->epoch && gmtime_r(&t, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ ", &tm))
		wh_buf_adds(b, text);
}

/* "2026-11-28T01:19:53Z DENIED open "r" to perl[115] of web (dmesg:24)" */
static char *evidence(const struct wh_audit_record *r, const struct wh_audit_fields *f)
{
	const char *pid = wh_audit_record_value(f, "pid");
	const char *operation = wh_audit_record_value(f, "operation");
	const char *action = r->type == WH_AUDIT_SECCOMP ? wh_audit_seccomp_action(f) : NULL;
	const char *verdict = wh_audit_record_value(f, "apparmor");
	const char *mask = wh_audit_record_value(f, "requested_mask"),
		   *label = wh_audit_record_value(f,
						  r->type == WH_AUDIT_SECCOMP ? "subj" : "profile");
	int bad;
	wh_auto(str) comm = wh_audit_record_text(f, "comm", &bad);
	wh_auto(buf) b = {0};

	add_time(&b, r);
	if (r->type == WH_AUDIT_LOST)
		wh_buf_adds(&b, "records were lost");
	else if (r->type == WH_AUDIT_SECCOMP)
		wh_buf_addf(&b, "seccomp: %s", action ? action : "a record");
	else
		wh_buf_addf(&b, "%s %s", verdict ? verdict : "?", operation ? operation : "?");
	if (mask)
		wh_buf_addf(&b, " \"%s\"", mask);
	if (comm && *comm)
		wh_buf_addf(&b, " to %s", comm);
	if (pid)
		wh_buf_addf(&b, "[%s]", pid);
	if (label)
		wh_buf_addf(&b, " of %s", label);
	wh_buf_addf(&b, " (%s:%zu)", r->source, r->line);
	return bad == -ENOMEM ? NULL : wh_buf_take(&b);
}

/* Where the label tells which program it is: one that was executed under a complaining profile. */
static char *program_of(const struct wh_audit_record *r, const struct wh_audit_fields *f,
			int *ret_err)
{
	static const char null[] = "//null-";
	char *label, *last = NULL, *program;

	if (r->type == WH_AUDIT_SECCOMP)
		return wh_audit_record_text(f, "exe", ret_err);
	label = wh_audit_record_text(f, "profile", ret_err);
	/* Of several the last. */
	for (char *p = label; p && (p = strstr(p, null)); p++)
		last = p;
	program = last ? strdup(last + strlen(null)) : NULL;
	if (last && !program)
		*ret_err = -ENOMEM;
	free(label);
	return program;
}

static int add_record(struct wh_audit_sink *s, const struct wh_audit_record *r,
		      struct wh_audit_summary *sum)
{
	wh_auto(audit_fields) f = {0};
	wh_auto(str) said = NULL;
	wh_auto(str) program = NULL;
	const char *why, *verdict;
	int err = wh_audit_record_split(r, &f, &why), bad = 0;

	if (err == -ENOMEM)
		return err;
	said = evidence(r, &f);
	program = program_of(r, &f, &bad);
	if (!said || bad == -ENOMEM)
		return -ENOMEM;
	s->said = said;
	s->program = program && program[0] == '/' ? program : NULL;
	s->gaps = 0;
	if (r->type == WH_AUDIT_LOST) {
		sum->lost++;
		return wh_audit_gap(s, "audit-lost", NULL);
	}
	verdict = wh_audit_record_value(&f, "apparmor");
	if (err < 0)
		err = wh_audit_gap(s, "audit-record", why);
	else
		err = r->type == WH_AUDIT_SECCOMP ? wh_audit_seccomp(s, &f)
						  : wh_audit_apparmor(s, &f);
	if (s->gaps)
		sum->unread++;
	else if (r->type == WH_AUDIT_SECCOMP)
		sum->seccomp++;
	else if (verdict && strcmp(verdict, "ALLOWED") == 0)
		sum->allowed++;
	else
		sum->denied++;
	return err;
}

/* ---- the trace ------------------------------------------------------------------------------- */

/* FNV-1a: the same records, the same run. */
static uint64_t hash(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	return h * 0x100000001b3u;
}

static int add_run(struct wh_trace *t, const char *profile, uint64_t id, const char **ret)
{
	char text[17];
	const struct wh_run key = {.id = text};
	struct wh_run *run;

	snprintf(text, sizeof(text), "%016" PRIx64, id);
	if (wh_trace_put(t, WH_KIND_RUN, &key, &run) < 0)
		return -ENOMEM;
	run->name = wh_trace_intern(t, *profile ? profile : "audit");
	run->tool = wh_trace_intern(t, "whittle " WH_VERSION);
	run->kernel = run->arch = wh_trace_intern(t, "unknown");
	run->outcome = wh_trace_intern(t, "read from the kernel's log");
	run->engine = wh_trace_intern(t, "log");
	run->audit = true;
	*ret = run->id;
	return run->name && run->tool && run->kernel && run->outcome && run->engine ? 0 : -ENOMEM;
}

static int build(struct wh_audit_record *const *v, size_t n, struct wh_trace *t,
		 struct wh_audit_summary *sum)
{
	struct wh_audit_sink sink = {.trace = t, .profile = sum->profile};
	uint64_t id = hash(0xcbf29ce484222325u, sum->profile);
	char stamp[64];
	int err;

	for (size_t i = 0; i < n; i++) {
		snprintf(stamp, sizeof(stamp), "%" PRId64 ".%03u:%" PRIu64, v[i]->epoch,
			 v[i]->milli, v[i]->serial);
		id = hash(hash(id, stamp), v[i]->text);
	}
	err = add_run(t, sum->profile, id, &sink.run);
	for (size_t i = 0; err >= 0 && i < n; i++)
		err = add_record(&sink, v[i], sum);
	return err < 0 ? err : 0;
}

int wh_audit_trace(struct wh_audit *a, const struct wh_audit_options *options,
		   struct wh_trace **ret, struct wh_audit_summary *ret_summary, struct wh_error *e)
{
	wh_auto(trace) t = wh_trace_new();
	struct wh_audit_record **v = calloc(a->n + 1, sizeof(struct wh_audit_record *));
	size_t n = 0;
	int err = t && v ? 0 : wh_error_oom(e);

	*ret_summary = (struct wh_audit_summary){0};
	for (size_t i = 0; err == 0 && i < a->n; i++)
		v[i] = &a->v[i];
	if (err == 0)
		err = wh_audit_select(v, a->n, options, &n, ret_summary, e);
	if (err == 0 && build(v, n, t, ret_summary) < 0)
		err = wh_error_oom(e);
	free(v);
	if (err == 0)
		*ret = wh_take(t);
	return err;
}
