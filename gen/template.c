// SPDX-License-Identifier: Apache-2.0
#include "gen/template.h"

#include "whittle/output.h"

#define TEMPLATE_MAX ((size_t)1024 * 1024)

/* Is this the installed whittle? One from a build tree goes with the templates of its source tree. */
static bool is_installed(void)
{
	static const char bindir[] = WH_BINDIR_INSTALLED "/";
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n < 0)
		return true;
	exe[n] = '\0';
	return wh_util_has_prefix(exe, bindir);
}

static int template_path(const char *name, char **ret, struct wh_error *e)
{
	const char *dir = getenv("WHITTLE_TEMPLATES");
	char *path;

	if (!dir || !*dir)
		dir = is_installed() ? WH_TEMPLATES_INSTALLED : WH_TEMPLATES_SOURCE;
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return wh_error_oom(e);
	if (access(path, R_OK) == 0) {
		*ret = path;
		return 0;
	}
	free(path);
	return wh_error_errno(e, errno,
			      "cannot read the template %s in %s (install whittle again, or set "
			      "WHITTLE_TEMPLATES)",
			      name, dir);
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

int wh_template_entries(json_t *json, json_t **ret_entries, struct wh_error *e)
{
	json_t *entries = json_object_get(json, "entries");

	if (!json_is_array(entries))
		return wh_error_set(e, EINVAL, "it lacks the list \"entries\"");
	*ret_entries = entries;
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
