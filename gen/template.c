// SPDX-License-Identifier: Apache-2.0
#include "gen/template.h"

#include "whittle/output.h"

#define TEMPLATE_MAX ((size_t)1024 * 1024)

/* Only whittle's own names come here, but a folder of one's own is foreign input. */
static int template_path(const char *name, char **ret, struct wh_error *e)
{
	const char *own = getenv("WHITTLE_TEMPLATES");
	const char *places[] = {WH_TEMPLATES_INSTALLED, WH_TEMPLATES_SOURCE};
	char *path;

	if (own && *own) {
		if (asprintf(ret, "%s/%s", own, name) < 0)
			return wh_error_oom(e);
		return 0;
	}
	for (size_t i = 0; i < WH_ARRAY_SIZE(places); i++) {
		if (asprintf(&path, "%s/%s", places[i], name) < 0)
			return wh_error_oom(e);
		if (access(path, R_OK) == 0) {
			*ret = path;
			return 0;
		}
		free(path);
	}
	return wh_error_set(e, ENOENT,
			    "template %s is missing from %s: install whittle again or set "
			    "WHITTLE_TEMPLATES",
			    name, WH_TEMPLATES_INSTALLED);
}

int wh_template_text(const char *name, char **ret_text, struct wh_error *e)
{
	wh_auto(str) path = NULL;
	char *text;
	size_t len;
	int r;

	r = template_path(name, &path, e);
	if (r < 0)
		return r;
	r = wh_output_slurp(path, TEMPLATE_MAX, &text, &len, e);
	if (r < 0)
		return r;
	if (strlen(text) != len) {
		free(text);
		return wh_error_set(e, EINVAL, "template %s: a NUL byte in it", path);
	}
	*ret_text = text;
	return 0;
}

int wh_template_json(const char *name, json_t **ret, struct wh_error *e)
{
	wh_auto(str) text = NULL;
	json_error_t error;
	json_t *json;
	int r;

	r = wh_template_text(name, &text, e);
	if (r < 0)
		return r;
	json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		return wh_error_set(e, EINVAL, "template %s: line %d: %s", name, error.line,
				    error.text);
	*ret = json;
	return 0;
}
