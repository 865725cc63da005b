// SPDX-License-Identifier: Apache-2.0
#include "container/jsonfile.h"

#include <sys/stat.h>

#include "whittle/output.h"

/* Of a container with thousands of mounts it is a few hundred kilobytes. */
#define MAX_BYTES ((size_t)16 << 20)

int wh_jsonfile_parse(const char *text, size_t len, const char *name, json_t **ret_json,
		      struct wh_error *e)
{
	json_error_t error;
	json_t *json =
		json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);

	if (!json)
		return wh_error_set(e, EINVAL, "%s is not valid JSON: line %d: %s", name,
				    error.line, error.text);
	if (!json_is_object(json)) {
		json_decref(json);
		return wh_error_set(e, EINVAL, "%s is not a JSON object", name);
	}
	*ret_json = json;
	return 0;
}

int wh_jsonfile_read(const char *path, json_t **ret_json, char **ret_text, struct wh_error *e)
{
	bool is_stdin = strcmp(path, "-") == 0;
	struct wh_error own = {0};
	wh_auto(str) text = NULL;
	size_t len;
	int err = wh_output_slurp(path, MAX_BYTES, &text, &len, &own);

	if (err == -ENOENT)
		return err;
	if (err < 0)
		return wh_error_set(e, err, "%s", own.text);
	err = wh_jsonfile_parse(text, len, is_stdin ? "standard input" : path, ret_json, e);
	if (err == 0 && ret_text)
		*ret_text = wh_take(text);
	return err;
}

int wh_jsonfile_replace(const char *path, const char *text, struct wh_error *e)
{
	wh_auto(output) output = NULL;
	wh_auto(str) real = NULL;
	struct stat st;
	int err;

	/* Only where it must be: of what lies in another mount namespace, behind /proc/PID/cwd, the name is none here. */
	if (lstat(path, &st) == 0)
		real = S_ISLNK(st.st_mode) ? realpath(path, NULL) : strdup(path);
	if (!real || stat(real, &st) < 0)
		return wh_error_errno(e, errno, "%s", path);
	err = wh_output_open(real, &output, e);
	if (err < 0)
		return err;
	/* Before anything is in it: others must not read what they could not read before. */
	if (fchown(fileno(wh_output_stream(output)), st.st_uid, st.st_gid) < 0 ||
	    fchmod(fileno(wh_output_stream(output)), st.st_mode & 07777) < 0)
		return wh_error_errno(e, errno, "cannot write %s", real);
	fputs(text, wh_output_stream(output));
	return wh_output_commit(output, e);
}

const char *wh_jsonfile_string(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}
