// SPDX-License-Identifier: Apache-2.0
/* Records of AppArmor about files; libapparmor reads them. The kernel writes them in security/apparmor/{audit,file,lsm}.c. */
#include "audit/record.h"

#include <aalogparse/aalogparse.h>
#include <ctype.h>

#include "whittle/buf.h"

static void record_free(aa_log_record *r)
{
	if (r)
		free_record(r);
}
WH_DEFINE_AUTO(record, aa_log_record *, record_free)

/*
 * What libapparmor 3.0 knows and we ask it for. At a field that it does not know ("class") it gives up on the whole line, and
 * then, or when it finds one twice, it leaks: it gets each once, and in the form that it reads.
 */
static const struct {
	const char *name;
	bool number;
} known[] = {
	{"apparmor", false}, {"operation", false},	{"error", true},
	{"profile", false},  {"name", false},		{"pid", true},
	{"comm", false},     {"requested_mask", false}, {"fsuid", true},
	{"ouid", true},	     {"denied_mask", false},	{"target", false},
};

static bool is_number(const struct wh_audit_field *f)
{
	const char *digits = f->value + (f->value[0] == '-');
	size_t len = strlen(digits);

	return !f->quoted && len && len < 12 && strspn(digits, "0123456789") == len;
}

/* Of the parser's verdicts only these are for us; its grammar has a word for each. */
static bool is_verdict(const char *s)
{
	return s && (strcmp(s, "DENIED") == 0 || strcmp(s, "ALLOWED") == 0);
}

static int parse(const struct wh_audit_fields *f, aa_log_record **ret)
{
	wh_auto(buf) line = {0};

	wh_buf_adds(&line, "type=AVC msg=audit(1000000000.000:1):");
	for (size_t k = 0; k < WH_ARRAY_SIZE(known); k++) {
		const struct wh_audit_field *field = wh_audit_record_field(f, known[k].name);
		const char *quote = field && field->quoted ? "\"" : "";

		if (!field)
			continue;
		if (known[k].number ? !is_number(field)
				    : !field->quoted && !wh_audit_record_hex(field))
			return -EBADMSG;
		wh_buf_addf(&line, " %s=%s%s%s", field->name, quote, field->value, quote);
	}
	if (line.failed)
		return -ENOMEM;
	*ret = parse_record(line.data);
	return *ret ? 0 : -ENOMEM;
}

/* What a letter of the mask means of a path, and what it means in some operations. */
static const struct letter {
	const char *operation; /* NULL: any */
	char letter;
	enum wh_access access;
} letters[] = {
	{"mkdir", 'c', WH_ACCESS_MKDIR},
	{"rmdir", 'd', WH_ACCESS_RMDIR},
	{"symlink", 'c', WH_ACCESS_SYMLINK},
	{"rename_src", 'r', WH_ACCESS_RENAME_FROM},
	{"rename_src", 'w', WH_ACCESS_RENAME_FROM},
	{"rename_src", 'd', WH_ACCESS_RENAME_FROM},
	{"rename_dest", 'w', WH_ACCESS_RENAME_TO},
	{"rename_dest", 'c', WH_ACCESS_RENAME_TO},
	{"chmod", 'w', WH_ACCESS_CHMOD},
	{"chown", 'w', WH_ACCESS_CHOWN},
	{"truncate", 'w', WH_ACCESS_TRUNCATE},
	{NULL, 'r', WH_ACCESS_READ},
	{NULL, 'w', WH_ACCESS_WRITE},
	{NULL, 'a', WH_ACCESS_APPEND},
	{NULL, 'c', WH_ACCESS_CREATE},
	{NULL, 'd', WH_ACCESS_UNLINK},
	{NULL, 'l', WH_ACCESS_LINK_TO},
	{NULL, 'k', WH_ACCESS_LOCK},
	{NULL, 'm', WH_ACCESS_MMAP_EXEC},
	{NULL, 'x', WH_ACCESS_EXEC},
};

static const struct letter *meaning(const char *operation, char c)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(letters); i++)
		if (letters[i].letter == c &&
		    (!letters[i].operation || strcmp(letters[i].operation, operation) == 0))
			return &letters[i];
	return NULL;
}

/* "PID" at *s, as the trace writes it. */
static void add_pid(struct wh_buf *b, const char **s, const char *variable)
{
	size_t len = strspn(*s, "0123456789");

	if (len && ((*s)[len] == '/' || !(*s)[len])) {
		wh_buf_adds(b, variable);
		*s += len;
	}
}

/* A path as a trace has it: see struct wh_file. */
static char *trace_path(const char *name)
{
	wh_auto(buf) b = {0};
	const char *last;

	/* Below no mount of the namespace: the kernel has no more of the name than this. */
	if (name[0] != '/')
		wh_buf_adds(&b, WH_FILE_UNREACHABLE "/");
	if (wh_util_has_prefix(name, "/proc/")) {
		wh_buf_adds(&b, "/proc/");
		name += strlen("/proc/");
		add_pid(&b, &name, "@{pid}");
		if (wh_util_has_prefix(name, "/task/")) {
			wh_buf_adds(&b, "/task/");
			name += strlen("/task/");
			add_pid(&b, &name, "@{tid}");
		}
	}
	last = strrchr(name, '/');
	last = last ? last + 1 : name;
	wh_buf_add(&b, name, (size_t)(last - name));
	if (strcmp(last + strspn(last, "\\"), WH_FILE_MANY) == 0)
		wh_buf_addc(&b, '\\');
	wh_buf_adds(&b, last);
	return wh_buf_take(&b);
}

static int add_file(struct wh_audit_sink *s, const aa_log_record *r, const char *path,
		    enum wh_access access)
{
	bool folder = *path && path[strlen(path) - 1] == '/';
	struct wh_file key = {.path = path, .access = access}, *file;
	int err;

	if (folder && access == WH_ACCESS_READ)
		key.access = WH_ACCESS_LIST;
	err = wh_audit_put(s, WH_KIND_FILE, &key, &file);
	if (err < 0)
		return err == -ENOSPC ? 0 : err;
	if (!file->type)
		file->type = wh_trace_intern(s->trace, folder ? "dir" : "file");
	/* Not logged, both are the greatest number. */
	file->owner_always &= r->fsuid == r->ouid && r->fsuid != (unsigned long)-1;
	if (access == WH_ACCESS_LINK_TO && r->name2) {
		wh_auto(str) peer = trace_path(r->name2);

		if (!peer || wh_trace_add_str(s->trace, &file->peers, WH_LIMIT_PEERS, peer) < 0)
			return -ENOMEM;
	}
	/* The log does not say what came of a call that was let pass. */
	if (r->event == AA_RECORD_DENIED &&
	    wh_trace_add_count(s->trace, &file->outcomes, wh_util_errno_name(EACCES), 1) < 0)
		return -ENOMEM;
	return file->type ? 0 : -ENOMEM;
}

static int add_exec(struct wh_audit_sink *s, const char *path)
{
	const struct wh_exec key = {.from = s->program, .to = path};
	struct wh_exec *exec;
	int err = wh_audit_put(s, WH_KIND_EXEC, &key, &exec);

	return err == -ENOSPC ? 0 : err;
}

static int add_files(struct wh_audit_sink *s, const aa_log_record *r)
{
	const char *mask = r->requested_mask ? r->requested_mask : r->denied_mask;
	wh_auto(str) path = trace_path(r->name);
	bool done[WH_ACCESSES] = {false};
	int err = path ? 0 : -ENOMEM;

	for (const char *c = mask; err >= 0 && *c; c++) {
		const struct letter *letter = meaning(r->operation, *c);

		/* "r::w": of the owner, and of others, before Linux 5. */
		if (*c == ':')
			continue;
		if (!letter) {
			wh_auto(buf) why = {0};

			wh_buf_addf(&why, "the mask \"%s\" of operation %s is not known", mask,
				    r->operation);
			err = why.failed ? -ENOMEM : wh_audit_gap(s, "audit-record", why.data);
			break;
		}
		if (done[letter->access])
			continue;
		done[letter->access] = true;
		err = add_file(s, r, path, letter->access);
		if (err >= 0 && letter->access == WH_ACCESS_EXEC)
			err = add_exec(s, path);
	}
	return err;
}

/* Names may be encoded; one that is not whole would be taken for another file. */
static bool is_whole(const struct wh_audit_fields *f)
{
	static const char *const names[] = {"profile", "name", "comm", "target", "srcname"};

	for (size_t i = 0; i < WH_ARRAY_SIZE(names); i++) {
		const struct wh_audit_field *field = wh_audit_record_field(f, names[i]);

		if (field && !field->quoted && !wh_audit_record_hex(field))
			return false;
	}
	return true;
}

int wh_audit_apparmor(struct wh_audit_sink *s, const struct wh_audit_fields *f)
{
	const char *operation = wh_audit_record_value(f, "operation");
	wh_auto(record) r = NULL;
	wh_auto(buf) why = {0};
	int err;

	if (!is_whole(f))
		return wh_audit_gap(s, "audit-record", "a name in it is encoded, and not whole");
	err = is_verdict(wh_audit_record_value(f, "apparmor")) ? parse(f, &r) : -EBADMSG;
	if (err == -ENOMEM)
		return err;
	if (err < 0 || !operation || !r->operation ||
	    (r->event != AA_RECORD_DENIED && r->event != AA_RECORD_ALLOWED))
		return wh_audit_gap(s, "audit-record", "libapparmor cannot read it");
	err = wh_audit_rule(s, f, operation, r->event == AA_RECORD_DENIED);
	if (err)
		return err < 0 ? err : 0;
	/* A profile's name (change_profile) is no file's, and has no mask. */
	if (r->name && *r->name && (r->requested_mask || r->denied_mask) &&
	    !wh_audit_record_field(f, "family"))
		return add_files(s, r);
	wh_buf_addf(&why, "no rule is made of operation %s%s%s", operation, r->name ? " " : "",
		    r->name ? r->name : "");
	return why.failed ? -ENOMEM : wh_audit_gap(s, "audit-record", why.data);
}
