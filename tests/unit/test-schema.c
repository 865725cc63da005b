// SPDX-License-Identifier: Apache-2.0
/* docs/trace.schema.json says of the trace what core/schema.c says. */
#include <CUnit/Basic.h>
#include <jansson.h>

#include "whittle/schema.h"

static json_t *schema;

/* The $ref of a member's schema, "" if it is something else. */
static const char *ref_of(json_t *member)
{
	const char *ref = json_string_value(json_object_get(member, "$ref"));

	return ref && wh_util_has_prefix(ref, "#/$defs/") ? ref + strlen("#/$defs/") : "";
}

static void check_names(const struct wh_field *field, json_t *names)
{
	size_t i;
	json_t *name;

	CU_ASSERT_EQUAL(json_array_size(names), field->n_names);
	json_array_foreach (names, i, name) {
		if (i < field->n_names)
			CU_ASSERT_STRING_EQUAL(json_string_value(name), field->names[i]);
	}
}

static void check_type(const struct wh_field *field, json_t *member)
{
	static const char *const refs[] = {
		[WH_FIELD_STR] = "text",      [WH_FIELD_U64] = "u64",
		[WH_FIELD_COUNT] = "u64",     [WH_FIELD_SET] = "set",
		[WH_FIELD_LIST] = "list",     [WH_FIELD_COUNTS] = "counts",
		[WH_FIELD_TUPLES] = "tuples", [WH_FIELD_SITE] = "site",
	};

	switch (field->type) {
	case WH_FIELD_ENUM:
		check_names(field, json_object_get(member, "enum"));
		break;
	case WH_FIELD_BITS:
		check_names(field, json_object_get(json_object_get(member, "items"), "enum"));
		break;
	case WH_FIELD_ANY:
	case WH_FIELD_ALL:
		CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(member, "type")),
				       "boolean");
		break;
	default:
		CU_ASSERT_STRING_EQUAL(ref_of(member), refs[field->type]);
	}
}

static bool is_optional(const struct wh_field *field)
{
	return field->type == WH_FIELD_SET || field->type == WH_FIELD_LIST ||
	       field->type == WH_FIELD_COUNTS || field->type == WH_FIELD_TUPLES ||
	       field->type == WH_FIELD_SITE || field->nullable;
}

static bool is_required(json_t *def, const char *name)
{
	size_t i;
	json_t *item;

	json_array_foreach (json_object_get(def, "required"), i, item) {
		if (strcmp(json_string_value(item), name) == 0)
			return true;
	}
	return false;
}

static void test_kinds(void)
{
	json_t *top = json_object_get(schema, "properties"),
	       *defs = json_object_get(schema, "$defs");

	/* format, version and complete are not facts. */
	CU_ASSERT_EQUAL(json_object_size(top), WH_KINDS + 3);
	CU_ASSERT_TRUE(json_is_false(json_object_get(schema, "additionalProperties")));
	for (unsigned kind = 0; kind < WH_KINDS; kind++) {
		const struct wh_kind_info *info = wh_schema_kind((enum wh_kind)kind);
		json_t *array = json_object_get(top, info->name);
		json_t *def = json_object_get(defs, info->singular);
		json_t *properties = json_object_get(def, "properties");

		CU_ASSERT_STRING_EQUAL(ref_of(json_object_get(array, "items")), info->singular);
		CU_ASSERT_EQUAL(json_object_size(properties), info->n_fields);
		CU_ASSERT_TRUE(json_is_false(json_object_get(def, "additionalProperties")));
		for (size_t i = 0; i < info->n_fields; i++) {
			const struct wh_field *field = &info->fields[i];
			json_t *member = json_object_get(properties, field->name);

			CU_ASSERT_PTR_NOT_NULL(member);
			if (!member)
				continue;
			check_type(field, member);
			CU_ASSERT_EQUAL(is_required(def, field->name), !is_optional(field));
		}
	}
}

static void test_head(void)
{
	json_t *top = json_object_get(schema, "properties");

	CU_ASSERT_STRING_EQUAL(
		json_string_value(json_object_get(json_object_get(top, "format"), "const")),
		WH_TRACE_FORMAT);
	CU_ASSERT_EQUAL(
		json_integer_value(json_object_get(json_object_get(top, "version"), "const")),
		WH_TRACE_VERSION);
}

int main(void)
{
	unsigned failures;
	CU_pSuite suite;

	schema = json_load_file(WH_TEST_SOURCE "/docs/trace.schema.json", JSON_REJECT_DUPLICATES,
				NULL);
	if (!schema) {
		fputs("docs/trace.schema.json cannot be read\n", stderr);
		return 2;
	}
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	suite = CU_add_suite("schema", NULL, NULL);
	CU_ADD_TEST(suite, test_kinds);
	CU_ADD_TEST(suite, test_head);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	json_decref(schema);
	return failures ? 1 : 0;
}
