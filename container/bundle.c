// SPDX-License-Identifier: Apache-2.0
#include "container/bundle.h"

#include <dirent.h>
#include <jansson.h>
#include <limits.h>

#include "container/jsonfile.h"
#include "container/oci.h"
#include "container/rendezvous.h"
#include "container/splice.h"
#include "whittle/output.h"

#define LOG_LINE_MAX 8192

/* ---- the hook -------------------------------------------------------------------------------- */

/* What of it differs: where it meets us is below a folder of the user's, if that is not root. */
struct hook {
	char program[PATH_MAX], runtime_dir[PATH_MAX];
	const char *env[3];
};

static const char *const hook_argv[] = {"whittle", "hook", NULL};

/*
 * By the kernel's own link to this very program: it is there in every mount namespace that a runtime may be in, and
 * stays when the file is replaced. A user's Podman looks at it from a user namespace, which may not follow that link of ours;
 * its mount namespace has what ours has.
 */
static void fill_hook(struct hook *hook)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");

	if (!geteuid() || !realpath("/proc/self/exe", hook->program))
		snprintf(hook->program, sizeof(hook->program), "/proc/%d/exe", (int)getpid());
	snprintf(hook->runtime_dir, sizeof(hook->runtime_dir), "XDG_RUNTIME_DIR=%s",
		 dir ? dir : "");
	hook->env[0] = WH_RENDEZVOUS_EXPECTED "=1";
	hook->env[1] = dir ? hook->runtime_dir : NULL;
	hook->env[2] = NULL;
}

int wh_bundle_add_hook(const char *path, struct wh_error *e)
{
	struct hook hook;

	fill_hook(&hook);
	return wh_oci_add_hook(path, hook.program, hook_argv, hook.env, e);
}

int wh_bundle_hooks_folder(const char *dir, struct wh_error *e)
{
	wh_auto(str) text = NULL;
	struct hook hook;
	char path[PATH_MAX];

	fill_hook(&hook);
	text = wh_oci_hooks_file(hook.program, hook_argv, hook.env, NULL);
	if (!text)
		return wh_error_oom(e);
	snprintf(path, sizeof(path), "%s/whittle.json", dir);
	return wh_output_write(path, text, strlen(text), e);
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

/* Put @value, which is given up, into *@text. */
static int put(char **text, const char *const *place, json_t *value, struct wh_error *e)
{
	wh_auto(json) given = value;
	wh_auto(str) dumped = given ? json_dumps(given, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	char *changed;
	int err = dumped ? wh_splice_put(*text, place, dumped, &changed) : -ENOMEM;

	if (err == -ENOTDIR)
		return wh_error_set(e, EINVAL, "%s is not an object", place[0]);
	if (err < 0)
		return wh_error_oom(e);
	free(*text);
	*text = changed;
	return 0;
}

static int make_root_absolute(char **text, const char *from, struct wh_error *e)
{
	static const char *const place[] = {"root", NULL};
	wh_auto(str) value = NULL;
	wh_auto(json) root = NULL;

	if (wh_splice_get(*text, place, &value) == 0)
		root = json_loads(value, 0, NULL);
	if (!json_is_string(json_object_get(root, "path")))
		return wh_error_set(e, EINVAL, "root.path is missing");
	if (make_absolute(root, "path", from, e) < 0)
		return -EINVAL;
	return put(text, place, wh_take(root), e);
}

static int make_mounts_absolute(char **text, const char *from, struct wh_error *e)
{
	static const char *const place[] = {"mounts", NULL};
	wh_auto(str) value = NULL;
	wh_auto(json) mounts = NULL;
	json_t *mount;
	size_t i;

	if (wh_splice_get(*text, place, &value) < 0)
		return 0;
	mounts = json_loads(value, 0, NULL);
	json_array_foreach (mounts, i, mount) {
		if (is_bind(mount) && make_absolute(mount, "source", from, e) < 0)
			return -EINVAL;
	}
	return mounts ? put(text, place, wh_take(mounts), e)
		      : wh_error_set(e, EINVAL, "mounts is not to be understood");
}

static int change_process(char **text, char *const *args, struct wh_error *e)
{
	static const char *const process[] = {"process", NULL};
	static const char *const terminal[] = {"process", "terminal", NULL};
	static const char *const console[] = {"process", "consoleSize", NULL};
	static const char *const words[] = {"process", "args", NULL};
	wh_auto(str) value = NULL;
	char *without;
	json_t *list;
	int err;

	if (wh_splice_get(*text, process, &value) < 0)
		return wh_error_set(e, EINVAL, "process is missing: there is nothing to execute");
	if (wh_splice_remove(*text, console, &without) == 0) {
		free(*text);
		*text = without;
	}
	err = put(text, terminal, json_false(), e);
	if (err < 0 || !args || !args[0])
		return err;
	list = json_array();
	for (size_t i = 0; args[i]; i++) {
		if (json_array_append_new(list, json_string(args[i])) < 0) {
			json_decref(list);
			return wh_error_set(e, EILSEQ, "an argument of the command is not UTF-8");
		}
	}
	return put(text, words, list, e);
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
	wh_auto(json) config = NULL;
	wh_auto(str) text = NULL;
	int err;

	if (!real)
		return wh_error_errno(e, errno, "--bundle %s", from);
	snprintf(config_from, sizeof(config_from), "%s/config.json", real);
	snprintf(config_to, sizeof(config_to), "%s/config.json", to);
	err = wh_jsonfile_read(config_from, &config, &text, e);
	if (err == -ENOENT)
		return wh_error_set(e, ENOENT,
				    "--bundle %s: there is no config.json in it, so it is no OCI "
				    "bundle; umoci unpack makes one of an image, runc spec of a "
				    "folder",
				    from);
	if (err < 0)
		return err;
	err = make_root_absolute(&text, real, e);
	if (err == 0)
		err = make_mounts_absolute(&text, real, e);
	if (err == 0)
		err = change_process(&text, args, e);
	if (err < 0)
		wh_error_prefix(e, "%s", config_from);
	else
		err = link_others(real, to, e);
	if (err == 0)
		err = wh_output_write(config_to, text, strlen(text), e);
	return err < 0 ? err : wh_bundle_add_hook(config_to, e);
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
