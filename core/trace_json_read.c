/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a trace's file. The text is foreign: types, bounds and names are all checked, and
 * whatever the table of core/schema.c does not know is refused rather than ignored, since a fact
 * that is passed over is a privilege that is missing.
 */
#include "whittle/trace.h"

#include <jansson.h>
#include <sys/stat.h>

#include "core/field.h"
#include "core/set.h"
#include "whittle/escape.h"
#include "whittle/output.h"

#define FILE_MAX   ((size_t)256 << 20)
#define STRING_MAX ((size_t)64 << 10)
#define LIST_MAX   4096

WH_DEFINE_AUTO(json, json_t *, json_decref)

static int bad(struct wh_error *e, const char *what)
{
	return wh_error_set(e, EINVAL, "%s", what);
}

static int read_string(struct wh_trace *t, json_t *json, const char **ret, struct wh_error *e)
{
	wh_auto(str) bytes = NULL;
	const char *own;
	int r;

	if (!json_is_string(json))
		return bad(e, "must be a string");
	if (json_string_length(json) > STRING_MAX)
		return bad(e, "is too long");
	if (strlen(json_string_value(json)) != json_string_length(json))
		return bad(e, "has a NUL in it");
	r = wh_escape_decode(json_string_value(json), &bytes);
	if (r == -EINVAL)
		return bad(e, "has a '%' that is not followed by two hexadecimal digits");
	own = r < 0 ? NULL : wh_trace_intern(t, bytes);
	if (!own)
		return wh_error_oom(e);
	*ret = own;
	return 0;
}

/* A number above 2^53 is a hexadecimal string, as many JSON readers would round it. */
static int read_u64(json_t *json, uint64_t *ret, struct wh_error *e)
{
	const char *s;
	char *end;
	uint64_t value;

	if (json_is_integer(json) && json_integer_value(json) >= 0) {
		*ret = (uint64_t)json_integer_value(json);
		return 0;
	}
	s = json_string_value(json);
	if (!s || strncmp(s, "0x", 2) != 0 || strlen(s) < 3 || strlen(s) > 18 ||
	    strspn(s + 2, "0123456789abcdef") != strlen(s + 2))
		return bad(e, "must be a number that is not negative, or \"0x…\"");
	value = strtoull(s, &end, 16);
	*ret = value;
	return 0;
}

static int find_name(const struct wh_field *field, json_t *json, unsigned *ret, struct wh_error *e)
{
	const char *s = json_string_value(json);

	for (size_t i = 0; s && i < field->n_names; i++) {
		if (strcmp(field->names[i], s) == 0) {
			*ret = (unsigned)i;
			return 0;
		}
	}
	return s ? wh_error_set(e, EINVAL, "has the unknown value \"%.64s\"", s)
		 : bad(e, "must be a string");
}

static int read_bits(const struct wh_field *field, json_t *json, unsigned *bits, struct wh_error *e)
{
	unsigned bit = 0;
	json_t *item;
	size_t i;
	int r;

	if (!json_is_array(json))
		return bad(e, "must be an array");
	json_array_foreach (json, i, item) {
		r = find_name(field, item, &bit, e);
		if (r < 0)
			return r;
		*bits |= 1u << bit;
	}
	return 0;
}

static int read_set(struct wh_trace *t, const struct wh_field *field, json_t *json,
		    struct wh_strset *set, struct wh_error *e)
{
	json_t *items = json, *item;
	const char *s = NULL;
	size_t i;
	int r;

	if (json_is_object(json)) {
		items = json_object_get(json, "least");
		if (!json_is_true(json_object_get(json, "overflow")) || json_object_size(json) != 2)
			return bad(e, "must be an array, or {\"least\":[…],\"overflow\":true}");
		set->overflow = true;
	}
	if (!json_is_array(items))
		return bad(e, "must be an array");
	if (json_array_size(items) > field->limit)
		return bad(e, "has too many members");
	json_array_foreach (items, i, item) {
		r = read_string(t, item, &s, e);
		if (r < 0)
			return r;
		if (wh_set_add_str(set, field->limit, s) < 0)
			return wh_error_oom(e);
	}
	return 0;
}

static int read_list(struct wh_trace *t, json_t *json, struct wh_strlist *list, struct wh_error *e)
{
	json_t *item;
	size_t i;
	int r;

	if (!json_is_array(json))
		return bad(e, "must be an array");
	if (json_array_size(json) > LIST_MAX)
		return bad(e, "has too many members");
	if (json_array_size(json) == 0)
		return 0;
	list->v = calloc(json_array_size(json), sizeof(*list->v));
	if (!list->v)
		return wh_error_oom(e);
	json_array_foreach (json, i, item) {
		r = read_string(t, item, &list->v[i], e);
		if (r < 0)
			return r;
		list->n++;
	}
	return 0;
}

static int read_counts(struct wh_trace *t, json_t *json, struct wh_counts *counts,
		       struct wh_error *e)
{
	const char *name;
	uint64_t n = 0;
	json_t *item;
	int r;

	if (!json_is_object(json))
		return bad(e, "must be an object");
	if (json_object_size(json) > LIST_MAX)
		return bad(e, "has too many members");
	json_object_foreach (json, name, item) {
		r = read_u64(item, &n, e);
		if (r < 0)
			return r;
		if (wh_trace_add_count(t, counts, name, n) < 0)
			return wh_error_oom(e);
	}
	return 0;
}

static int read_tuple(json_t *json, unsigned args, struct wh_tuples *tuples, struct wh_error *e)
{
	uint64_t v[WH_TUPLE_MAX] = {};
	json_t *item;
	size_t i;
	int r;

	if (!json_is_array(json) || json_array_size(json) != (size_t)__builtin_popcount(args))
		return bad(e, "must have arrays with a value for each of its arguments");
	json_array_foreach (json, i, item) {
		r = read_u64(item, &v[i], e);
		if (r < 0)
			return r;
	}
	return wh_set_add_tuple(tuples, args, v) < 0 ? wh_error_oom(e) : 0;
}

static int read_tuples(json_t *json, struct wh_tuples *tuples, struct wh_error *e)
{
	json_t *index = json_object_get(json, "index"), *values = json_object_get(json, "values");
	bool overflow = json_is_true(json_object_get(json, "overflow"));
	unsigned args = 0;
	json_t *item;
	size_t i;
	int r;

	if (!json_is_array(index) || json_object_size(json) != 2 || overflow == !!values)
		return bad(e, "must be {\"index\":[…],\"values\":[…]} or "
			      "{\"index\":[…],\"overflow\":true}");
	json_array_foreach (index, i, item) {
		json_int_t at = json_is_integer(item) ? json_integer_value(item) : -1;

		/* Rising order, so that it is clear which value belongs to which argument. */
		if (at < 0 || at >= WH_TUPLE_MAX || args >> at)
			return bad(e, "must have rising numbers from 0 to 5 as its index");
		args |= 1u << at;
	}
	if (!args)
		return bad(e, "has an empty index");
	tuples->args = args;
	if (overflow)
		wh_set_overflow_tuples(tuples);
	else if (!json_is_array(values) || json_array_size(values) > WH_LIMIT_TUPLES)
		return bad(e, "has too many values, or none");
	json_array_foreach (values, i, item) {
		r = read_tuple(item, args, tuples, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_site(struct wh_trace *t, json_t *json, const struct wh_site **ret,
		     struct wh_error *e)
{
	struct wh_site site = {};
	const char *name;
	json_t *item;
	int r = 0;

	if (!json_is_object(json))
		return bad(e, "must be an object");
	json_object_foreach (json, name, item) {
		if (strcmp(name, "program") == 0)
			r = read_string(t, item, &site.program, e);
		else if (strcmp(name, "argv") == 0 && !site.argv.v)
			r = read_list(t, item, &site.argv, e);
		else if (strcmp(name, "stack") == 0 && !site.stack.v)
			r = read_list(t, item, &site.stack, e);
		else
			r = wh_error_set(e, EINVAL, "has an unknown member \"%.64s\"", name);
		if (r < 0)
			goto out;
	}
	*ret = wh_trace_site(t, &site);
	if (!*ret)
		r = wh_error_oom(e);
out:
	free(site.argv.v);
	free(site.stack.v);
	return r;
}

static int read_value(struct wh_trace *t, const struct wh_field *field, json_t *json, void *fact,
		      struct wh_error *e)
{
	void *p = wh_field_at(field, fact);

	switch (field->type) {
	case WH_FIELD_STR:
		return read_string(t, json, p, e);
	case WH_FIELD_U64:
	case WH_FIELD_COUNT:
		return read_u64(json, p, e);
	case WH_FIELD_ENUM:
		return find_name(field, json, p, e);
	case WH_FIELD_ANY:
	case WH_FIELD_ALL:
		if (!json_is_boolean(json))
			return bad(e, "must be true or false");
		*(bool *)p = json_is_true(json);
		return 0;
	case WH_FIELD_BITS:
		return read_bits(field, json, p, e);
	case WH_FIELD_SET:
		return read_set(t, field, json, p, e);
	case WH_FIELD_LIST:
		return read_list(t, json, p, e);
	case WH_FIELD_COUNTS:
		return read_counts(t, json, p, e);
	case WH_FIELD_TUPLES:
		return read_tuples(json, p, e);
	case WH_FIELD_SITE:
		return read_site(t, json, p, e);
	}
	wh_assert(!"a field of this type");
	return -EINVAL;
}

static const struct wh_field *find_field(const struct wh_kind_info *info, const char *name)
{
	for (size_t i = 0; i < info->n_fields; i++)
		if (strcmp(info->fields[i].name, name) == 0)
			return &info->fields[i];
	return NULL;
}

/* Sets and such may be left out when they are empty, and what is nullable; nothing else. */
static bool may_be_absent(const struct wh_field *field)
{
	switch (field->type) {
	case WH_FIELD_SET:
	case WH_FIELD_LIST:
	case WH_FIELD_COUNTS:
	case WH_FIELD_TUPLES:
	case WH_FIELD_SITE:
		return true;
	default:
		return field->nullable;
	}
}

static int read_members(struct wh_trace *t, const struct wh_kind_info *info, json_t *json,
			void *fact, struct wh_error *e)
{
	const struct wh_field *field;
	const char *name;
	json_t *item;
	int r;

	if (!json_is_object(json))
		return wh_error_set(e, EINVAL, "must be an object");
	json_object_foreach (json, name, item) {
		field = find_field(info, name);
		if (!field)
			return wh_error_set(e, EINVAL, "has an unknown member \"%.64s\"", name);
		r = read_value(t, field, item, fact, e);
		if (r < 0) {
			wh_error_prefix(e, "%s", name);
			return r;
		}
	}
	for (size_t i = 0; i < info->n_fields; i++) {
		field = &info->fields[i];
		if (!may_be_absent(field) && !json_object_get(json, field->name))
			return wh_error_set(e, EINVAL, "lacks \"%s\"", field->name);
	}
	return 0;
}

/* Read into a fact of its own first: only once its key is known can its place be found. */
static int read_fact(struct wh_trace *t, enum wh_kind kind, json_t *json, struct wh_error *e)
{
	const struct wh_kind_info *info = wh_schema_kind(kind);
	void *read, *fact;
	int r;

	read = calloc(1, info->size);
	if (!read)
		return wh_error_oom(e);
	r = read_members(t, info, json, read, e);
	if (r < 0)
		goto out;
	r = wh_trace_put(t, kind, read, &fact);
	if (r == 0)
		r = bad(e, "is there twice");
	else if (r == -ENOSPC)
		r = bad(e, "is one too many");
	else if (r < 0)
		r = wh_error_oom(e);
	for (size_t i = 0; r > 0 && i < info->n_fields; i++)
		if (!info->fields[i].key && wh_field_merge(t, &info->fields[i], fact, read) < 0)
			r = wh_error_oom(e);
out:
	for (size_t i = 0; i < info->n_fields; i++)
		wh_field_release(&info->fields[i], read);
	free(read);
	return r < 0 ? r : 0;
}

static int read_head(json_t *root, struct wh_error *e)
{
	const char *format = json_string_value(json_object_get(root, "format"));
	json_t *version = json_object_get(root, "version");

	if (!format || strcmp(format, WH_TRACE_FORMAT) != 0)
		return bad(e, "not a whittle trace: it has no \"format\":\"" WH_TRACE_FORMAT "\"");
	if (!json_is_integer(version))
		return bad(e, "not a whittle trace: it has no \"version\"");
	if (json_integer_value(version) != WH_TRACE_VERSION)
		return wh_error_set(e, EPROTO,
				    "trace version %lld, but this whittle reads version %d: record "
				    "it again, or use the whittle that made it",
				    (long long)json_integer_value(version), WH_TRACE_VERSION);
	if (!json_is_boolean(json_object_get(root, "complete")))
		return bad(e, "\"complete\" must be true or false");
	return 0;
}

static int find_kind(const char *name)
{
	for (unsigned kind = 0; kind < WH_KINDS; kind++)
		if (strcmp(wh_schema_kind(kind)->name, name) == 0)
			return (int)kind;
	return -1;
}

static bool is_head(const char *name)
{
	return strcmp(name, "format") == 0 || strcmp(name, "version") == 0 ||
	       strcmp(name, "complete") == 0;
}

static int read_trace(struct wh_trace *t, json_t *root, struct wh_error *e)
{
	json_t *item, *array;
	const char *name;
	int kind, r;
	size_t i;

	r = read_head(root, e);
	if (r < 0)
		return r;
	json_object_foreach (root, name, array) {
		if (is_head(name))
			continue;
		kind = find_kind(name);
		if (kind < 0)
			return wh_error_set(e, EINVAL, "unknown member \"%.64s\"", name);
		if (!json_is_array(array))
			return wh_error_set(e, EINVAL, "%s: must be an array", name);
		json_array_foreach (array, i, item) {
			r = read_fact(t, (enum wh_kind)kind, item, e);
			if (r < 0) {
				wh_error_prefix(e, "%s[%zu]", name, i);
				return r;
			}
		}
	}
	if (json_is_true(json_object_get(root, "complete")) != wh_trace_complete(t))
		return bad(e, "\"complete\" does not agree with its runs");
	return 0;
}

int wh_trace_json_parse(const char *text, size_t len, struct wh_trace **ret, struct wh_error *e)
{
	wh_auto(trace) t = wh_trace_new();
	wh_auto(json) root = NULL;
	json_error_t where;
	int r;

	if (!t)
		return wh_error_oom(e);
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (!root)
		return wh_error_set(e, EINVAL, "not valid JSON: line %d: %s", where.line,
				    where.text);
	if (!json_is_object(root))
		return bad(e, "not a whittle trace: it is no JSON object");
	r = read_trace(t, root, e);
	if (r < 0)
		return r;
	*ret = wh_take(t);
	return 0;
}

int wh_trace_json_read(const char *path, struct wh_trace **ret, struct wh_error *e)
{
	wh_auto(str) inside = NULL;
	wh_auto(str) text = NULL;
	struct stat st;
	size_t len;
	int r;

	if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		if (asprintf(&inside, "%s/trace.json", path) < 0) {
			inside = NULL;
			return wh_error_oom(e);
		}
		path = inside;
	}
	r = wh_output_slurp(path, FILE_MAX, &text, &len, e);
	if (r < 0)
		return r;
	r = wh_trace_json_parse(text, len, ret, e);
	if (r < 0)
		wh_error_prefix(e, "%s", strcmp(path, "-") == 0 ? "standard input" : path);
	return r;
}
