// SPDX-License-Identifier: Apache-2.0
#include "container/bundle.h"

#include <dirent.h>
#include <jansson.h>
#include <limits.h>

#include "container/rendezvous.h"
#include "whittle/output.h"

#define CONFIG_MAX   (8 << 20)
#define LOG_LINE_MAX 8192

/* ---- the hook -------------------------------------------------------------------------------- */

/*
 * By the kernel's own link to this very program: it is there in every mount namespace that a runtime may be in, and
 * stays when the file is replaced.
 */
static json_t *make_hook(void)
{
	const char *runtime_dir = geteuid() ? getenv("XDG_RUNTIME_DIR") : NULL;
	char program[40];
	json_t *hook;

	snprintf(program, sizeof(program), "/proc/%d/exe", (int)getpid());
	hook = json_pack("{s:s, s:[s, s]}", "path", program, "args", "whittle", "hook");
	if (hook && runtime_dir)
		json_object_set_new(hook, "env",
				    json_pack("[s+]", "XDG_RUNTIME_DIR=", runtime_dir));
	return hook;
}

/* Return: the array below these names, made if it is not there; NULL: something else is. */
static json_t *array_at(json_t *config, const char *object, const char *array)
{
	json_t *o = json_object_get(config, object), *a;

	if (!o && json_object_set_new(config, object, json_object()) == 0)
		o = json_object_get(config, object);
	if (json_is_null(json_object_get(o, array)))
		json_object_del(o, array);
	a = json_object_get(o, array);
	if (!a && json_object_set_new(o, array, json_array()) == 0)
		a = json_object_get(o, array);
	return json_is_array(a) ? a : NULL;
}

static int add_hook(json_t *config, struct wh_error *e)
{
	json_t *hooks = array_at(config, "hooks", "createRuntime");

	if (!hooks)
		return wh_error_set(e, EINVAL, "hooks.createRuntime is no list");
	return json_array_append_new(hooks, make_hook()) < 0 ? wh_error_oom(e) : 0;
}

/* ---- reading and writing --------------------------------------------------------------------- */

static int read_config(const char *path, json_t **ret, struct wh_error *e)
{
	wh_auto(str) text = NULL;
	json_error_t error;
	json_t *config;
	size_t len;
	int err = wh_output_slurp(path, CONFIG_MAX, &text, &len, e);

	if (err < 0)
		return err;
	config = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(config)) {
		json_decref(config);
		return wh_error_set(e, EINVAL, "%s: not the configuration of a container: %s", path,
				    config ? "no object" : error.text);
	}
	*ret = config;
	return 0;
}

static int write_json(const char *path, const json_t *json, struct wh_error *e)
{
	wh_auto(str) text = json_dumps(json, JSON_INDENT(2));

	return text ? wh_output_write(path, text, strlen(text), e) : wh_error_oom(e);
}

int wh_bundle_add_hook(const char *path, struct wh_error *e)
{
	json_t *config;
	int err = read_config(path, &config, e);

	if (err < 0)
		return err;
	err = add_hook(config, e);
	if (err == 0)
		err = write_json(path, config, e);
	else
		wh_error_prefix(e, "%s", path);
	json_decref(config);
	return err;
}

int wh_bundle_hooks_folder(const char *dir, struct wh_error *e)
{
	char path[PATH_MAX];
	json_t *file = json_pack("{s:s, s:o, s:{s:b}, s:[s]}", "version", "1.0.0", "hook",
				 make_hook(), "when", "always", 1, "stages", "createRuntime");
	int err;

	snprintf(path, sizeof(path), "%s/whittle.json", dir);
	err = file ? write_json(path, file, e) : wh_error_oom(e);
	json_decref(file);
	return err;
}

/* ---- a copy of a bundle ---------------------------------------------------------------------- */

/* A path that is relative to the bundle (config.md: root.path, and what is bound into it). */
static int make_absolute(json_t *object, const char *key, const char *from, struct wh_error *e)
{
	const char *path = json_string_value(json_object_get(object, key));
	wh_auto(str) joined = NULL;
	wh_auto(str) real = NULL;

	if (!path || (*path == '/' && strcmp(key, "path") != 0))
		return 0;
	if (asprintf(&joined, "%s%s%s", *path == '/' ? "" : from, *path == '/' ? "" : "/", path) <
	    0) {
		joined = NULL;
		return wh_error_oom(e);
	}
	real = realpath(joined, NULL);
	if (!real)
		return wh_error_errno(e, errno, "%s", joined);
	return json_object_set_new(object, key, json_string(real)) < 0 ? wh_error_oom(e) : 0;
}

static bool is_bind(const json_t *mount)
{
	const char *type = json_string_value(json_object_get(mount, "type"));
	const json_t *option;
	size_t i;

	if (wh_util_streq(type, "bind"))
		return true;
	json_array_foreach (json_object_get(mount, "options"), i, option) {
		const char *word = json_string_value(option);

		if (wh_util_streq(word, "bind") || wh_util_streq(word, "rbind"))
			return true;
	}
	return false;
}

static int make_all_absolute(json_t *config, const char *from, struct wh_error *e)
{
	json_t *root = json_object_get(config, "root"), *mount;
	size_t i;
	int err;

	if (!json_is_string(json_object_get(root, "path")))
		return wh_error_set(e, EINVAL, "root.path is missing");
	err = make_absolute(root, "path", from, e);
	json_array_foreach (json_object_get(config, "mounts"), i, mount) {
		if (err == 0 && is_bind(mount))
			err = make_absolute(mount, "source", from, e);
	}
	return err;
}

static int change_process(json_t *config, char *const *args, struct wh_error *e)
{
	json_t *process = json_object_get(config, "process"), *list;

	if (!json_is_object(process))
		return wh_error_set(e, EINVAL, "process is missing: there is nothing to execute");
	json_object_del(process, "consoleSize");
	if (json_object_set_new(process, "terminal", json_false()) < 0)
		return wh_error_oom(e);
	if (!args || !args[0])
		return 0;
	list = json_array();
	for (size_t i = 0; args[i]; i++)
		if (json_array_append_new(list, json_stringn_nocheck(args[i], strlen(args[i]))) < 0)
			break;
	return json_object_set_new(process, "args", list) < 0 ? wh_error_oom(e) : 0;
}

/* Hooks of the user's own may look for more than the configuration. */
static int link_others(const char *from, const char *to, struct wh_error *e)
{
	struct dirent *d;
	DIR *dir = opendir(from);
	int err = 0;

	if (!dir)
		return wh_error_errno(e, errno, "%s", from);
	while (err == 0 && (d = readdir(dir))) {
		char source[PATH_MAX], target[PATH_MAX];
		int n;

		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 ||
		    strcmp(d->d_name, "config.json") == 0)
			continue;
		n = snprintf(source, sizeof(source), "%s/%s", from, d->d_name);
		snprintf(target, sizeof(target), "%s/%s", to, d->d_name);
		if (n >= PATH_MAX || symlink(source, target) < 0)
			err = wh_error_errno(e, errno, "%s", target);
	}
	closedir(dir);
	return err;
}

int wh_bundle_copy(const char *from, char *const *args, const char *to, struct wh_error *e)
{
	wh_auto(str) real = realpath(from, NULL);
	char config_from[PATH_MAX], config_to[PATH_MAX];
	json_t *config;
	int err;

	if (!real)
		return wh_error_errno(e, errno, "--bundle %s", from);
	snprintf(config_from, sizeof(config_from), "%s/config.json", real);
	snprintf(config_to, sizeof(config_to), "%s/config.json", to);
	if (access(config_from, F_OK) < 0 && errno == ENOENT)
		return wh_error_set(e, ENOENT,
				    "--bundle %s: there is no config.json in it, so it is no OCI "
				    "bundle; umoci unpack makes one of an image, runc spec of a "
				    "folder",
				    from);
	err = read_config(config_from, &config, e);
	if (err < 0)
		return err;
	err = make_all_absolute(config, real, e);
	if (err == 0)
		err = change_process(config, args, e);
	if (err == 0)
		err = add_hook(config, e);
	if (err < 0)
		wh_error_prefix(e, "%s", config_from);
	else
		err = link_others(real, to, e);
	if (err == 0)
		err = write_json(config_to, config, e);
	json_decref(config);
	return err;
}

/* ---- what the runtime says ----------------------------------------------------------------- */

void wh_bundle_last_note(const char *log, struct wh_error *ret_note)
{
	wh_auto(file) f = fopen(log, "re");
	char line[LOG_LINE_MAX];

	while (f && fgets(line, sizeof(line), f)) {
		json_t *note = json_loads(line, 0, NULL);
		const char *msg = json_string_value(json_object_get(note, "msg"));

		if (msg) {
			wh_error_clear(ret_note);
			wh_error_set(ret_note, EREMOTE, "%s", msg);
		}
		json_decref(note);
	}
}

/* ---- the state ------------------------------------------------------------------------------- */

int wh_bundle_state(const char *text, const char *id, pid_t *ret_init, struct wh_error *e)
{
	json_error_t error;
	json_t *state = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	const char *of;
	json_int_t pid;
	int err = 0;

	if (!state || json_unpack_ex(state, &error, 0, "{s:s, s:I}", "id", &of, "pid", &pid) < 0)
		err = wh_error_set(e, EPROTO, "the hook brought no state of a container: %s",
				   error.text);
	else if (strcmp(of, id) != 0)
		err = wh_error_set(e, EPROTO, "the hook brought the state of another container, %s",
				   of);
	else if (pid < 2 || pid > INT32_MAX)
		err = wh_error_set(e, EPROTO,
				   "the hook says that the container's init is process %lld",
				   (long long)pid);
	else
		*ret_init = (pid_t)pid;
	json_decref(state);
	return err;
}
