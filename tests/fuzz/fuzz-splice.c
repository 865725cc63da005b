/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of one place in a foreign JSON text. Whatever text the reader accepts is valid afterwards, too, has what was put
 * into it, and is the same as before, to the byte, when that is taken out again.
 */
#include "tests/fuzz/fuzz.h"

#include "container/jsonfile.h"
#include "container/splice.h"

static const char *const outer[] = {"hooks", NULL}, *const inner[] = {"hooks", "createRuntime",
								      NULL};

static json_t *parse(const char *text)
{
	struct wh_error e = {0};
	json_t *json = NULL;
	int r = wh_jsonfile_parse(text, strlen(text), "input", &json, &e);

	wh_assert((r == 0) == (json != NULL));
	wh_assert(r == 0 || (e.text[0] && !strchr(e.text, '\n')));
	return json;
}

/* What there is of it afterwards. */
static void check_removed(const char *text, const char *const *path)
{
	wh_auto(json) json = NULL;
	wh_auto(str) without = NULL;

	wh_assert(wh_splice_remove(text, path, &without) == 0);
	json = parse(without);
	wh_assert(json);
}

static void check_put(const char *text, const char *const *path, const json_t *before)
{
	static const char value[] = "[1, {\"a\": \"]}\"}]";
	wh_auto(json) after = NULL;
	wh_auto(str) changed = NULL;
	wh_auto(str) got = NULL;
	wh_auto(str) back = NULL;
	int r = wh_splice_put(text, path, value, &changed);
	json_t *first = json_object_get(before, path[0]);

	wh_assert((r == -ENOTDIR) == (path[1] && first && !json_is_object(first)));
	if (r < 0)
		return;
	after = parse(changed);
	wh_assert(after);
	wh_assert(wh_splice_get(changed, path, &got) == 0 && strcmp(got, value) == 0);
	if (first) {
		check_removed(text, outer);
		return;
	}
	wh_assert(wh_splice_remove(changed, outer, &back) == 0);
	/* White space between two braces is nobody's. */
	wh_assert(!json_object_size(before) || strcmp(back, text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	wh_auto(str) text = strndup((const char *)data, size);
	wh_auto(json) json = text ? parse(text) : NULL;

	if (!json)
		return 0;
	check_put(text, outer, json);
	check_put(text, inner, json);
	return 0;
}
