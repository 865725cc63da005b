/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a trace's file: members in the table's order, facts sorted, one fact a line, so that
 * equal traces are equal bytes and a line-based diff of two traces can be read.
 */
#include <jansson.h>

#include "core/field.h"
#include "whittle/trace.h"
#include "whittle/buf.h"
#include "whittle/escape.h"
#include "whittle/output.h"

/* Larger integers are not exact in the many JSON readers that keep numbers as doubles. */
#define EXACT_MAX ((uint64_t)1 << 53)

WH_DEFINE_AUTO(json, json_t *, json_decref)

static json_t *print_string(const char *s)
{
	wh_auto(str) text = wh_escape_utf8(s);

	return text ? json_string(text) : NULL;
}

static json_t *print_u64(uint64_t value)
{
	char text[20];

	if (value <= EXACT_MAX)
		return json_integer((json_int_t)value);
	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)value);
	return json_string(text);
}

static json_t *print_strings(const char *const *v, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < n; i++) {
		if (json_array_append_new(array, print_string(v[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *print_set(const struct wh_strset *set)
{
	json_t *array = print_strings(set->v, set->n);

	if (!set->overflow || !array)
		return array;
	return json_pack("{s:o, s:b}", "least", array, "overflow", 1);
}

static json_t *print_bits(const struct wh_field *field, unsigned bits)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < field->n_names; i++) {
		if (bits & 1u << i &&
		    json_array_append_new(array, json_string(field->names[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *print_counts(const struct wh_counts *counts)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < counts->n; i++) {
		if (json_object_set_new(object, counts->v[i].name, print_u64(counts->v[i].count)) <
		    0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *print_tuples(const struct wh_tuples *tuples)
{
	size_t n_args = (size_t)__builtin_popcount(tuples->args);
	wh_auto(json) index = json_array();
	wh_auto(json) values = json_array();
	int failed = !index || !values;

	for (int i = 0; !failed && i < WH_TUPLE_MAX; i++)
		if (tuples->args & 1u << i)
			failed |= json_array_append_new(index, json_integer(i)) < 0;
	for (size_t i = 0; !failed && i < tuples->n; i++) {
		json_t *value = json_array();

		for (size_t k = 0; value && k < n_args; k++)
			failed |= json_array_append_new(value, print_u64(tuples->v[i][k])) < 0;
		failed |= json_array_append_new(values, value) < 0;
	}
	if (failed)
		return NULL;
	if (tuples->overflow)
		return json_pack("{s:O, s:b}", "index", index, "overflow", 1);
	return json_pack("{s:O, s:O}", "index", index, "values", values);
}

static json_t *print_site(const struct wh_site *site)
{
	wh_auto(json) object = json_object();

	if (!object ||
	    (site->program &&
	     json_object_set_new(object, "program", print_string(site->program)) < 0) ||
	    (site->argv.n &&
	     json_object_set_new(object, "argv", print_strings(site->argv.v, site->argv.n)) < 0) ||
	    (site->stack.n &&
	     json_object_set_new(object, "stack", print_strings(site->stack.v, site->stack.n)) < 0))
		return NULL;
	return wh_take(object);
}

/* Whether a member is left out of the file: the counterpart of the reader's may_be_absent(). */
static bool is_empty(const struct wh_field *field, const void *p)
{
	switch (field->type) {
	case WH_FIELD_STR:
		return !*(const char *const *)p;
	case WH_FIELD_ANY:
		return field->nullable && !*(const bool *)p;
	case WH_FIELD_U64:
		return field->nullable && !*(const uint64_t *)p;
	case WH_FIELD_SET:
		return !((const struct wh_strset *)p)->n;
	case WH_FIELD_LIST:
		return !((const struct wh_strlist *)p)->n;
	case WH_FIELD_COUNTS:
		return !((const struct wh_counts *)p)->n;
	case WH_FIELD_TUPLES:
		return !((const struct wh_tuples *)p)->args;
	case WH_FIELD_SITE:
		return !*(const struct wh_site *const *)p;
	default:
		return false;
	}
}

static json_t *print_value(const struct wh_field *field, const void *p)
{
	switch (field->type) {
	case WH_FIELD_STR:
		return print_string(*(const char *const *)p);
	case WH_FIELD_U64:
	case WH_FIELD_COUNT:
		return print_u64(*(const uint64_t *)p);
	case WH_FIELD_ENUM:
		return json_string(field->names[*(const unsigned *)p]);
	case WH_FIELD_ANY:
	case WH_FIELD_ALL:
		return json_boolean(*(const bool *)p);
	case WH_FIELD_BITS:
		return print_bits(field, *(const unsigned *)p);
	case WH_FIELD_SET:
		return print_set(p);
	case WH_FIELD_LIST:
		return print_strings(((const struct wh_strlist *)p)->v,
				     ((const struct wh_strlist *)p)->n);
	case WH_FIELD_COUNTS:
		return print_counts(p);
	case WH_FIELD_TUPLES:
		return print_tuples(p);
	case WH_FIELD_SITE:
		return print_site(*(const struct wh_site *const *)p);
	}
	wh_assert(!"a field of this type");
	return NULL;
}

static int print_fact(const struct wh_kind_info *info, const void *fact, struct wh_buf *b)
{
	wh_auto(json) object = json_object();
	wh_auto(str) text = NULL;

	if (!object)
		return -ENOMEM;
	for (size_t i = 0; i < info->n_fields; i++) {
		const struct wh_field *field = &info->fields[i];
		const void *p = wh_field_at(field, fact);

		if (!is_empty(field, p) &&
		    json_object_set_new(object, field->name, print_value(field, p)) < 0)
			return -ENOMEM;
	}
	text = json_dumps(object, JSON_COMPACT);
	if (!text)
		return -ENOMEM;
	wh_buf_adds(b, text);
	return 0;
}

int wh_trace_json_print(struct wh_trace *t, char **ret_text, struct wh_error *e)
{
	wh_auto(buf) b = {};
	char *text;
	size_t n;

	wh_buf_addf(&b, "{\"format\":\"%s\",\"version\":%d,\"complete\":%s", WH_TRACE_FORMAT,
		    WH_TRACE_VERSION, wh_trace_complete(t) ? "true" : "false");
	for (unsigned kind = 0; kind < WH_KINDS; kind++) {
		const struct wh_kind_info *info = wh_schema_kind(kind);
		const void *const *facts = wh_trace_facts(t, kind, &n);

		wh_buf_addf(&b, ",\n\"%s\":[", info->name);
		for (size_t i = 0; i < n; i++) {
			wh_buf_adds(&b, i ? ",\n" : "\n");
			if (print_fact(info, facts[i], &b) < 0)
				return wh_error_oom(e);
		}
		wh_buf_adds(&b, n ? "\n]" : "]");
	}
	wh_buf_adds(&b, "}\n");
	text = wh_buf_take(&b);
	if (!text)
		return wh_error_oom(e);
	*ret_text = text;
	return 0;
}

int wh_trace_json_write(struct wh_trace *t, const char *path, struct wh_error *e)
{
	wh_auto(str) text = NULL;
	int r;

	r = wh_trace_json_print(t, &text, e);
	if (r < 0)
		return r;
	return wh_output_write(path, text, strlen(text), e);
}
