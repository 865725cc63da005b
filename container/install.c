// SPDX-License-Identifier: Apache-2.0
#include "container/install.h"

#include <libgen.h>
#include <sys/stat.h>

#include "container/jsonfile.h"
#include "container/splice.h"
#include "whittle/output.h"

#define RUNTIMES "runtimes"

static bool is_ours(const json_t *runtime)
{
	const char *path = wh_jsonfile_string(runtime, "path");
	const char *slash = path ? strrchr(path, '/') : NULL;
	const char *word =
		json_string_value(json_array_get(json_object_get(runtime, "runtimeArgs"), 0));

	return slash && wh_util_has_prefix(slash, "/whittle") && word &&
	       strcmp(word, "runtime") == 0;
}

static json_t *make_runtime(const char *program, const char *const *args)
{
	json_t *list = json_pack("[s]", "runtime");

	for (size_t i = 0; list && args[i]; i++)
		json_array_append_new(list, json_string(args[i]));
	if (list)
		json_array_append_new(list, json_string("--"));
	return json_pack("{s:s, s:o}", "path", program, "runtimeArgs", list);
}

/* *ret: the runtime of that name, or NULL. Return: -EEXIST when it is somebody else's. */
static int find(const json_t *json, const char *config, const char *name, const json_t **ret,
		struct wh_error *e)
{
	const json_t *runtimes = json_object_get(json, RUNTIMES);

	if (runtimes && !json_is_object(runtimes))
		return wh_error_set(e, EINVAL, "%s: " RUNTIMES " is not an object", config);
	*ret = json_object_get(runtimes, name);
	if (*ret && !is_ours(*ret))
		return wh_error_set(e, EEXIST,
				    "%s has a runtime '%s' that is not whittle's; choose another "
				    "name with --name",
				    config, name);
	return 0;
}

static int make_folder(const char *config, struct wh_error *e)
{
	wh_auto(str) copy = strdup(config);

	if (!copy)
		return wh_error_oom(e);
	if (mkdir(dirname(copy), 0755) < 0 && errno != EEXIST)
		return wh_error_errno(e, errno, "cannot make the folder of %s", config);
	return 0;
}

int wh_install_add(const char *config, const char *name, const char *program,
		   const char *const *args, struct wh_error *e)
{
	const char *const place[] = {RUNTIMES, name, NULL};
	wh_auto(json) json = NULL;
	wh_auto(json) runtime = make_runtime(program, args);
	wh_auto(str) value = runtime ? json_dumps(runtime, 0) : NULL;
	wh_auto(str) text = NULL;
	wh_auto(str) changed = NULL;
	const json_t *before = NULL;
	int err = value ? wh_jsonfile_read(config, &json, &text, e) : wh_error_oom(e);
	bool is_new = err == -ENOENT;

	if (err == 0)
		err = find(json, config, name, &before, e);
	if (err < 0 && !is_new)
		return err;
	if (before && json_equal(before, runtime))
		return 0;
	err = wh_splice_put(is_new ? "{}\n" : text, place, value, &changed);
	if (err < 0)
		return wh_error_oom(e);
	err = is_new ? make_folder(config, e) : 0;
	if (err == 0)
		err = is_new ? wh_output_write(config, changed, strlen(changed), e)
			     : wh_jsonfile_replace(config, changed, e);
	return err < 0 ? err : 1;
}

/* With the object around it, if that has become empty. */
static int take_out(const char *text, const char *name, char **ret)
{
	static const char *const around[] = {RUNTIMES, NULL};
	const char *const place[] = {RUNTIMES, name, NULL};
	wh_auto(str) without = NULL;
	wh_auto(str) rest = NULL;
	int err = wh_splice_remove(text, place, &without);

	if (err == 0)
		err = wh_splice_get(without, around, &rest);
	if (err < 0)
		return err;
	if (strcmp(rest, "{}") == 0)
		return wh_splice_remove(without, around, ret);
	*ret = wh_take(without);
	return 0;
}

int wh_install_remove(const char *config, const char *name, struct wh_error *e)
{
	wh_auto(json) json = NULL;
	wh_auto(str) text = NULL;
	wh_auto(str) changed = NULL;
	const json_t *runtime = NULL;
	const char *standard;
	int err = wh_jsonfile_read(config, &json, &text, e);

	if (err == -ENOENT)
		return 0;
	if (err == 0)
		err = find(json, config, name, &runtime, e);
	if (err < 0 || !runtime)
		return err;
	standard = wh_jsonfile_string(json, "default-runtime");
	if (standard && strcmp(standard, name) == 0)
		return wh_error_set(e, EBUSY,
				    "%s has '%s' as its default-runtime, and the engine would not "
				    "start without it; change that first",
				    config, name);
	if (take_out(text, name, &changed) < 0)
		return wh_error_oom(e);
	if (json_object_size(json) == 1 && json_object_size(json_object_get(json, RUNTIMES)) == 1)
		err = unlink(config) < 0 ? wh_error_errno(e, errno, "cannot remove %s", config) : 0;
	else
		err = wh_jsonfile_replace(config, changed, e);
	return err < 0 ? err : 1;
}
