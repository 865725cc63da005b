// SPDX-License-Identifier: Apache-2.0
#include "gen/skeleton.h"

#include "gen/template.h"

static const char *text_of(const char *name, size_t len, const struct wh_skeleton_part *parts,
			   size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strlen(parts[i].name) == len && strncmp(parts[i].name, name, len) == 0)
			return parts[i].text;
	}
	return NULL;
}

int wh_skeleton_fill(const char *file, const struct wh_skeleton_part *parts, size_t n,
		     struct wh_buf *b, struct wh_error *e)
{
	wh_auto(str) text = NULL;
	const char *at, *open;
	int r = wh_template_text(file, &text, e);

	if (r < 0)
		return r;
	for (at = text; (open = strstr(at, "{{"));) {
		const char *name = open + 2, *close = strstr(name, "}}"), *with;

		if (!close)
			return wh_error_set(e, EINVAL, "template %s: \"{{\" without \"}}\"", file);
		with = text_of(name, (size_t)(close - name), parts, n);
		if (!with)
			return wh_error_set(e, EINVAL, "template %s: nothing is known of {{%.*s}}",
					    file, (int)(close - name < 40 ? close - name : 40),
					    name);
		wh_buf_add(b, at, (size_t)(open - at));
		wh_buf_adds(b, with);
		at = close + 2;
	}
	wh_buf_adds(b, at);
	return 0;
}
