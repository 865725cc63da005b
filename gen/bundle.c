// SPDX-License-Identifier: Apache-2.0
#include "gen/bundle.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>

#include "whittle/output.h"

#define FILE_MAX ((size_t)64 * 1024 * 1024)
#define TRACE	 "trace.json"

static int path_in(const char *dir, const char *file, char **ret, struct wh_error *e)
{
	return asprintf(ret, "%s/%s", dir, file) < 0 ? wh_error_oom(e) : 0;
}

/*
 * May we replace DIR/FILE? Only what whittle wrote: a compose.yaml may well be somebody's own. All our
 * files name whittle near their beginning, but seccomp.json, which is pure OCI: its neighbour vouches
 * for it.
 */
static int check_replace(const char *dir, const char *file, struct wh_error *e)
{
	bool seccomp = strcmp(file, "seccomp.json") == 0;
	wh_auto(str) path = NULL, marked = NULL, head = NULL;
	size_t len;
	int r;

	r = path_in(dir, file, &path, e);
	if (r < 0)
		return r;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	r = path_in(dir, seccomp ? TRACE : file, &marked, e);
	if (r < 0)
		return r;
	r = wh_output_slurp(marked, FILE_MAX, &head, &len, NULL);
	if (r == -ENOMEM)
		return wh_error_oom(e);
	if (r >= 0 && memmem(head, len, "whittle", 7))
		return 0;
	return wh_error_set(
		e, EEXIST,
		"%s is there and was not written by whittle: choose another folder with "
		"-o, or leave it out with --format",
		path);
}

static int write_files(const struct wh_emit *emit, const char *dir, struct wh_error *e)
{
	wh_auto(str) trace = NULL;
	int r = path_in(dir, TRACE, &trace, e);

	if (r < 0)
		return r;
	r = wh_trace_json_write(emit->policy->trace, trace, e);
	if (r < 0)
		return r;
	for (int format = 0; format < WH_EMIT_FORMATS; format++) {
		wh_auto(str) path = NULL, text = NULL;

		if (!wh_emit_has(emit, (enum wh_emit_format)format))
			continue;
		r = wh_emit_text(emit, (enum wh_emit_format)format, &text, e);
		if (r < 0)
			return r;
		r = path_in(dir, wh_emit_file((enum wh_emit_format)format), &path, e);
		if (r < 0)
			return r;
		r = wh_output_write(path, text, strlen(text), e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The files of the bundle one by one: "trace.json", then those of the formats; NULL at the end. */
static const char *nth_file(const struct wh_emit *emit, int n)
{
	if (n == 0)
		return TRACE;
	for (int format = 0; format < WH_EMIT_FORMATS; format++) {
		if (wh_emit_has(emit, (enum wh_emit_format)format) && --n == 0)
			return wh_emit_file((enum wh_emit_format)format);
	}
	return NULL;
}

static int move_files(const struct wh_emit *emit, const char *from, struct wh_error *e)
{
	const char *file;

	for (int i = 0; (file = nth_file(emit, i)); i++) {
		wh_auto(str) old = NULL, new = NULL;
		int r = path_in(from, file, &old, e);

		if (r >= 0)
			r = path_in(emit->dir, file, &new, e);
		if (r < 0)
			return r;
		if (rename(old, new) < 0)
			return wh_error_errno(e, errno, "cannot write %s", new);
	}
	return 0;
}

static void remove_dir(const struct wh_emit *emit, const char *dir)
{
	const char *file;

	for (int i = 0; (file = nth_file(emit, i)); i++) {
		wh_auto(str) path = NULL;

		if (path_in(dir, file, &path, NULL) == 0)
			unlink(path);
	}
	rmdir(dir);
}

static int fill_and_place(const struct wh_emit *emit, const char *temporary, struct wh_error *e)
{
	struct stat st;
	const char *file;
	mode_t mask;
	int r;

	r = write_files(emit, temporary, e);
	if (r < 0)
		return r;
	if (stat(emit->dir, &st) < 0) {
		if (errno != ENOENT)
			return wh_error_errno(e, errno, "cannot use %s", emit->dir);
		/* mkdtemp() is right to make it private; the result is as open as any other. */
		mask = umask(0);
		umask(mask);
		if (chmod(temporary, 0777 & ~mask) < 0 || rename(temporary, emit->dir) < 0)
			return wh_error_errno(e, errno, "cannot make %s", emit->dir);
		return 0;
	}
	if (!S_ISDIR(st.st_mode))
		return wh_error_set(e, ENOTDIR, "%s is not a folder", emit->dir);
	for (int i = 0; (file = nth_file(emit, i)); i++) {
		r = check_replace(emit->dir, file, e);
		if (r < 0)
			return r;
	}
	return move_files(emit, temporary, e);
}

int wh_bundle_write(const struct wh_emit *emit, struct wh_error *e)
{
	wh_auto(str) temporary = NULL;
	int r;

	if (asprintf(&temporary, "%s.XXXXXX", emit->dir) < 0)
		return wh_error_oom(e);
	if (!mkdtemp(temporary))
		return wh_error_errno(e, errno, "cannot make a folder beside %s", emit->dir);
	r = fill_and_place(emit, temporary, e);
	remove_dir(emit, temporary);
	return r;
}

int wh_bundle_settings_read(const char *path, struct wh_bundle_settings *ret, struct wh_error *e)
{
	wh_auto(str) file = NULL, text = NULL;
	struct wh_bundle_settings settings = {0};
	const char *name, *runtime, *args = "none"; /* as it was before there was a choice */
	json_error_t error;
	json_t *json;
	size_t len;
	int r, nnp, subprofiles = 0;

	r = path_in(path, wh_emit_file(WH_EMIT_CAPS), &file, e);
	if (r < 0)
		return r;
	r = wh_output_slurp(file, FILE_MAX, &text, &len, NULL);
	if (r < 0) {
		*ret = settings;
		return 0;
	}
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		return wh_error_set(e, EINVAL, "%s: line %d: %s", file, error.line, error.text);
	if (json_unpack_ex(json, &error, 0, "{s:{s:s, s:s, s:b, s?s, s?b}}", "profile", "name",
			   &name, "runtime", &runtime, "no_new_privs", &nnp, "args", &args,
			   "subprofiles", &subprofiles) < 0) {
		json_decref(json);
		return wh_error_set(e, EINVAL, "%s: %s", file, error.text);
	}
	if (wh_policy_args_choice(args, &settings.args) < 0) {
		r = wh_error_set(e, EINVAL, "%s: args: '%s' is not none, safe or strict", file,
				 args);
		json_decref(json);
		return r;
	}
	settings.name = strdup(name);
	settings.runtime = strdup(runtime);
	settings.subprofiles = subprofiles;
	settings.no_new_privs = nnp ? WH_POLICY_ON : WH_POLICY_OFF;
	json_decref(json);
	if (!settings.name || !settings.runtime) {
		wh_bundle_settings_free(&settings);
		return wh_error_oom(e);
	}
	*ret = settings;
	return 0;
}

void wh_bundle_settings_free(struct wh_bundle_settings *s)
{
	free(s->name);
	free(s->runtime);
	*s = (struct wh_bundle_settings){0};
}
