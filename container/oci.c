// SPDX-License-Identifier: Apache-2.0
#include "container/oci.h"

#include <math.h>

#include "container/jsonfile.h"
#include "container/splice.h"
#include "whittle/output.h"

#define ID_MAX_LEN 1024 /* as long as containerd and CRI-O allow, many times over */

struct wh_oci {
	json_t *state, *config; /* NULL where there is none */
	char *text;		/* of the state */
	char *id, *bundle;
	pid_t pid;
};

void wh_oci_free(struct wh_oci *oci)
{
	if (!oci)
		return;
	json_decref(oci->state);
	json_decref(oci->config);
	free(oci->text);
	free(oci->id);
	free(oci->bundle);
	free(oci);
}

/* It becomes part of the names of files. The same letters as runc and crun allow. */
static bool is_id(const char *id)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";

	return *id && strlen(id) <= ID_MAX_LEN && strspn(id, letters) == strlen(id) &&
	       strcmp(id, ".") != 0 && strcmp(id, "..") != 0;
}

static int new_oci(const char *id, const char *bundle, struct wh_oci **ret, struct wh_error *e)
{
	wh_auto(oci) oci = NULL;

	if (!is_id(id))
		return wh_error_set(e, EINVAL, "'%s' cannot be the id of a container", id);
	oci = calloc(1, sizeof(*oci));
	if (oci) {
		oci->id = strdup(id);
		oci->bundle = strdup(bundle);
	}
	if (!oci || !oci->id || !oci->bundle)
		return wh_error_oom(e);
	*ret = wh_take(oci);
	return 0;
}

static int not_a_state(const char *lacks, struct wh_error *e)
{
	return wh_error_set(e, EINVAL,
			    "this is not the state of a container that is being created, as an OCI "
			    "runtime gives it to its hooks: it has no %s",
			    lacks);
}

/* Numbers are read as reals, of which all that can be a process id are exact. */
static int get_pid(const json_t *state, pid_t *ret, struct wh_error *e)
{
	double pid = json_real_value(json_object_get(state, "pid"));

	if (pid != floor(pid) || pid < 1 || pid > INT32_MAX)
		return not_a_state("pid", e);
	*ret = (pid_t)pid;
	return 0;
}

/* Hooks of later stages come when it is too late: the entrypoint has been executed. */
static int check_status(const json_t *state, struct wh_error *e)
{
	const char *status = wh_jsonfile_string(state, "status");

	if (!status || strcmp(status, "creating") == 0 || strcmp(status, "created") == 0)
		return 0;
	return wh_error_set(e, EINVAL,
			    "the container is %.32s already; whittle must be a createRuntime hook",
			    status);
}

int wh_oci_state_read(const char *path, struct wh_oci **ret, struct wh_error *e)
{
	wh_auto(oci) oci = NULL;
	wh_auto(json) state = NULL;
	wh_auto(str) text = NULL;
	wh_auto(str) config = NULL;
	const char *id, *bundle;
	int err = wh_jsonfile_read(path, &state, &text, e);

	if (err < 0)
		return wh_error_errno(e, err, "cannot read %s", path);
	id = wh_jsonfile_string(state, "id");
	bundle = wh_jsonfile_string(state, "bundle");
	if (!id || !bundle)
		return not_a_state(id ? "bundle" : "id", e);
	err = check_status(state, e);
	if (err == 0)
		err = new_oci(id, bundle, &oci, e);
	if (err == 0)
		err = get_pid(state, &oci->pid, e);
	if (err < 0)
		return err;
	oci->state = wh_take(state);
	oci->text = wh_take(text);
	if (asprintf(&config, "%s/config.json", bundle) < 0) {
		config = NULL;
		return wh_error_oom(e);
	}
	err = wh_jsonfile_read(config, &oci->config, NULL, e);
	/* crun takes one from elsewhere; then the state is all there is. */
	if (err < 0 && err != -ENOENT)
		return err;
	*ret = wh_take(oci);
	return 0;
}

int wh_oci_config_read(const char *id, const char *bundle, const char *config, struct wh_oci **ret,
		       struct wh_error *e)
{
	wh_auto(oci) oci = NULL;
	int err = new_oci(id, bundle, &oci, e);

	if (err == 0)
		err = wh_jsonfile_read(config, &oci->config, NULL, e);
	if (err == -ENOENT)
		return wh_error_errno(e, err, "cannot read %s", config);
	if (err == 0)
		*ret = wh_take(oci);
	return err;
}

const char *wh_oci_state(const struct wh_oci *oci)
{
	return oci->text;
}

const char *wh_oci_id(const struct wh_oci *oci)
{
	return oci->id;
}

pid_t wh_oci_pid(const struct wh_oci *oci)
{
	return oci->pid;
}

const char *wh_oci_bundle(const struct wh_oci *oci)
{
	return oci->bundle;
}

const char *wh_oci_annotation(const struct wh_oci *oci, const char *name)
{
	const char *of_state = wh_jsonfile_string(json_object_get(oci->state, "annotations"), name);

	return of_state ? of_state
			: wh_jsonfile_string(json_object_get(oci->config, "annotations"), name);
}

const char *wh_oci_env(const struct wh_oci *oci, const char *name)
{
	const json_t *env = json_object_get(json_object_get(oci->config, "process"), "env");
	size_t i, len = strlen(name);
	const char *found = NULL;
	json_t *item;

	json_array_foreach (env, i, item) {
		const char *s = json_string_value(item);

		if (s && strncmp(s, name, len) == 0 && s[len] == '=')
			found = s + len + 1;
	}
	return found;
}

const char *wh_oci_mount_source(const struct wh_oci *oci, const char *destination)
{
	const json_t *mounts = json_object_get(oci->config, "mounts");
	const char *found = NULL;
	json_t *item;
	size_t i;

	json_array_foreach (mounts, i, item) {
		const char *at = wh_jsonfile_string(item, "destination");

		if (at && strcmp(at, destination) == 0)
			found = wh_jsonfile_string(item, "source");
	}
	return found;
}

/* ---- hooks ----------------------------------------------------------------------------------- */

static json_t *list(const char *const *words)
{
	json_t *array = json_array();

	for (size_t i = 0; array && words[i]; i++) {
		if (json_array_append_new(array, json_string(words[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *make_hook(const char *path, const char *const *argv, const char *const *env)
{
	json_t *hook = json_pack("{s:s, s:o}", "path", path, "args", list(argv));

	if (hook && env && json_object_set_new(hook, "env", list(env)) < 0) {
		json_decref(hook);
		return NULL;
	}
	return hook;
}

static bool is_ours(json_t *hook)
{
	const json_t *args = json_object_get(hook, "args");
	const char *program = json_string_value(json_array_get(args, 0));
	const char *word = json_string_value(json_array_get(args, 1));

	return program && word && strcmp(program, "whittle") == 0 && strcmp(word, "hook") == 0;
}

/* The hooks there are, without ours. Here whole numbers stay such: a hook has a timeout, of a few seconds. */
static int other_hooks(const char *text, const char *const *place, json_t **ret, struct wh_error *e)
{
	wh_auto(str) value = NULL;
	json_error_t error;
	int err = wh_splice_get(text, place, &value);

	if (err == -ENOMEM)
		return wh_error_oom(e);
	*ret = err < 0 || strcmp(value, "null") == 0 ? json_array() : json_loads(value, 0, &error);
	if (!*ret)
		return wh_error_set(e, EINVAL, "hooks.createRuntime: %s",
				    err < 0 ? "out of memory" : error.text);
	if (!json_is_array(*ret))
		return wh_error_set(e, EINVAL, "hooks.createRuntime is not a list");
	for (size_t i = json_array_size(*ret); i-- > 0;)
		if (is_ours(json_array_get(*ret, i)))
			json_array_remove(*ret, i);
	return 0;
}

static int put_hooks(const char *text, const char *const *place, const json_t *hooks,
		     char **ret_text, struct wh_error *e)
{
	static const char *const all[] = {"hooks", NULL};
	wh_auto(str) value = json_dumps(hooks, JSON_COMPACT);
	wh_auto(str) without = NULL;
	wh_auto(str) present = NULL;
	int err;

	if (!value)
		return wh_error_oom(e);
	/* Some engines write "hooks": null. */
	if (wh_splice_get(text, all, &present) == 0 && strcmp(present, "null") == 0 &&
	    wh_splice_put(text, all, "{}", &without) < 0)
		return wh_error_oom(e);
	err = wh_splice_put(without ? without : text, place, value, ret_text);
	if (err == -ENOTDIR)
		return wh_error_set(e, EINVAL, "hooks is not an object");
	return err < 0 ? wh_error_oom(e) : 0;
}

int wh_oci_add_hook(const char *config, const char *path, const char *const *argv,
		    const char *const *env, struct wh_error *e)
{
	static const char *const place[] = {"hooks", "createRuntime", NULL};
	wh_auto(json) json = NULL;
	wh_auto(json) hooks = NULL;
	wh_auto(str) text = NULL;
	wh_auto(str) changed = NULL;
	int err = wh_jsonfile_read(config, &json, &text, e);

	if (err < 0)
		return wh_error_errno(e, err, "cannot read %s", config);
	err = other_hooks(text, place, &hooks, e);
	if (err == 0 && json_array_append_new(hooks, make_hook(path, argv, env)) < 0)
		err = wh_error_oom(e);
	if (err == 0)
		err = put_hooks(text, place, hooks, &changed, e);
	if (err < 0) {
		wh_error_prefix(e, "%s", config);
		return err;
	}
	return wh_jsonfile_replace(config, changed, e);
}

char *wh_oci_hooks_file(const char *path, const char *const *argv, const char *const *env,
			const char *annotation)
{
	wh_auto(json) json = NULL;
	wh_auto(json) when = annotation ? json_pack("{s:{s:s}}", "annotations", annotation, ".*")
					: json_pack("{s:b}", "always", 1);

	json = json_pack("{s:s, s:o, s:O, s:[s]}", "version", "1.0.0", "hook",
			 make_hook(path, argv, env), "when", when, "stages", "createRuntime");
	return json ? json_dumps(json, JSON_INDENT(4)) : NULL;
}
