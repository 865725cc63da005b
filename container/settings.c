// SPDX-License-Identifier: Apache-2.0
#include "container/settings.h"

#include "container/jsonfile.h"

void wh_settings_release(struct wh_settings *settings)
{
	free(settings->output);
	free(settings->runtime);
	*settings = (struct wh_settings){0};
}

int wh_settings_read(const char *path, struct wh_settings *ret, struct wh_error *e)
{
	const struct {
		const char *key;
		char **to;
	} known[] = {{"output", &ret->output}, {"runtime", &ret->runtime}};
	wh_auto(json) json = NULL;
	const char *key;
	json_t *value;
	int err = wh_jsonfile_read(path, &json, NULL, e);

	if (err == -ENOENT)
		return 0;
	if (err < 0)
		return err;
	json_object_foreach (json, key, value) {
		size_t i = 0;

		while (i < WH_ARRAY_SIZE(known) && strcmp(known[i].key, key) != 0)
			i++;
		if (i == WH_ARRAY_SIZE(known))
			return wh_error_set(e, EINVAL,
					    "%s: '%.64s' is no setting; there are output and "
					    "runtime",
					    path, key);
		if (!json_is_string(value) || !json_string_length(value))
			return wh_error_set(e, EINVAL, "%s: %s must be a text", path, key);
		*known[i].to = strdup(json_string_value(value));
		if (!*known[i].to)
			return wh_error_oom(e);
	}
	return 0;
}
