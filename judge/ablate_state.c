// SPDX-License-Identifier: Apache-2.0
/* ablation.json: what runs of an ablation have said, so that one that was cut off goes on. */
#include <jansson.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "judge/ablate.h"
#include "whittle/escape.h"
#include "whittle/output.h"

#define FORMAT	   "whittle-ablation"
#define VERSION	   1
#define STATE_MOST (16u << 20)
#define RUNS_MOST  1000000
#define DIGITS	   (WH_REDUCE_MAX / 4)

WH_DEFINE_AUTO(json, json_t *, json_decref)

/* ---- what the answers hold for ------------------------------------------------------------------ */

static json_t *text_json(const char *text)
{
	wh_auto(str) utf8 = text ? wh_escape_utf8(text) : NULL;

	return text ? json_string(utf8) : json_null();
}

static int file_in(const struct wh_ablate *a, const char *name, char **ret, struct wh_error *e)
{
	if (asprintf(ret, "%s/%s", a->v->dir, name) >= 0)
		return 0;
	*ret = NULL;
	return wh_error_oom(e);
}

/* FNV-1a: it tells an edit, and need not withstand anybody. */
static uint64_t digest(uint64_t hash, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)data[i]) * 0x100000001b3;
	return hash;
}

/* Of the filter and the AppArmor profile; what the list of capabilities says is in the entries. */
static int profiles_json(const struct wh_ablate *a, json_t **ret, struct wh_error *e)
{
	static const char *const names[] = {"seccomp.json", "apparmor.profile"};
	uint64_t hash = digest(0xcbf29ce484222325, a->v->no_new_privs ? "1" : "0", 1);
	char text[20];

	for (size_t i = 0; i < WH_ARRAY_SIZE(names); i++) {
		wh_auto(str) path = NULL;
		wh_auto(str) data = NULL;
		size_t len;
		int r = file_in(a, names[i], &path, e);

		if (r < 0)
			return r;
		r = wh_output_slurp(path, STATE_MOST, &data, &len, NULL);
		if (r == 0)
			hash = digest(hash, data, len + 1);
	}
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)hash);
	*ret = json_string(text);
	return 0;
}

/* Another program by the same name is another release. */
static json_t *program_json(const struct wh_ablate *a)
{
	struct stat st = {0};
	json_t *path = text_json(a->request->path);

	if (stat(a->request->path, &st) < 0)
		st = (struct stat){0};
	return json_pack("{s:o, s:I, s:I, s:I}", "path", path, "size", (json_int_t)st.st_size,
			 "changed", (json_int_t)st.st_mtim.tv_sec, "ns",
			 (json_int_t)st.st_mtim.tv_nsec);
}

static json_t *command_json(const struct wh_ablate *a)
{
	json_t *list = json_array();

	for (char *const *arg = a->request->argv; *arg; arg++)
		json_array_append_new(list, text_json(*arg));
	return list;
}

static json_t *entries_json(const struct wh_ablate *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->n_entries; i++)
		json_array_append_new(list, text_json(a->entries[i].name));
	return list;
}

static int key_json(const struct wh_ablate *a, json_t **ret, struct wh_error *e)
{
	struct utsname u;
	json_t *profiles;
	char kernel[160];
	int r = profiles_json(a, &profiles, e);

	if (r < 0)
		return r;
	if (uname(&u) < 0)
		return wh_error_errno(e, errno, "uname");
	snprintf(kernel, sizeof(kernel), "%.70s %.70s", u.sysname, u.release);
	*ret = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:f, s:o}", "tool",
			 "whittle " WH_VERSION, "kernel", kernel, "profiles", profiles, "program",
			 program_json(a), "command", command_json(a), "prepare",
			 text_json(a->request->prepare), "ready", text_json(a->request->ready),
			 "load", text_json(a->request->load), "timeout", a->request->timeout,
			 "grace", a->request->grace, "entries", entries_json(a));
	return *ret ? 0 : wh_error_oom(e);
}

/* ---- writing ------------------------------------------------------------------------------------ */

static size_t digits_of(const struct wh_ablate *a)
{
	return (a->n_entries + 3) / 4;
}

static void set_text(const struct wh_ablate *a, const struct wh_reduce_set *set, char *ret)
{
	size_t n = digits_of(a);

	for (size_t i = 0; i < n; i++)
		ret[i] = "0123456789abcdef"[set->bit[i / 16] >> i % 16 * 4 & 15];
	ret[n] = '\0';
}

static json_t *runs_json(const struct wh_ablate *a)
{
	json_t *list = json_array();
	char set[DIGITS + 1];

	for (size_t i = 0; i < a->reduce.n_tried; i++) {
		const struct wh_reduce_tried *t = &a->reduce.tried[i];

		set_text(a, &t->kept, set);
		json_array_append_new(list,
				      json_pack("{s:s, s:I, s:I, s:o}", "kept", set, "passed",
						(json_int_t)t->passed, "failed",
						(json_int_t)t->failed, "why", text_json(t->why)));
	}
	return list;
}

static json_t *verdicts_json(const struct wh_ablate *a)
{
	json_t *object = json_object();

	for (size_t i = 0; i < a->n_entries; i++) {
		const struct wh_ablate_entry *entry = &a->entries[i];
		json_t *verdict;

		if (entry->verdict == WH_ABLATE_UNTRIED)
			continue;
		verdict =
			json_pack("{s:s, s:I, s:I, s:o}", "verdict", wh_ablate_word(entry->verdict),
				  "passed", (json_int_t)entry->passed, "failed",
				  (json_int_t)entry->failed, "why", text_json(entry->why));
		if (entry->instead)
			json_object_set_new(verdict, "instead", json_string(entry->instead));
		json_object_set_new(object, entry->name, verdict);
	}
	return object;
}

int wh_ablate_state_write(const struct wh_ablate *a, struct wh_error *e)
{
	wh_auto(json) root = NULL;
	wh_auto(str) path = NULL;
	wh_auto(str) text = NULL;
	json_t *key;
	int r = key_json(a, &key, e);

	if (r < 0)
		return r;
	root = json_pack("{s:s, s:i, s:o, s:s, s:I, s:f, s:b, s:b, s:o, s:o}", "format", FORMAT,
			 "version", VERSION, "of", key, "ends", a->ends, "runs",
			 (json_int_t)a->runs, "seconds", a->seconds, "finished_caps",
			 a->finished_caps, "finished_syscalls", a->finished_syscalls, "sets",
			 runs_json(a), "verdicts", verdicts_json(a));
	text = root ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) : NULL;
	if (!text)
		return wh_error_oom(e);
	r = file_in(a, "ablation.json", &path, e);
	return r < 0 ? r : wh_output_write(path, text, strlen(text), e);
}

/* ---- reading ------------------------------------------------------------------------------------ */

static int read_count(json_t *object, const char *name, unsigned *ret, struct wh_error *e)
{
	json_t *value = json_object_get(object, name);

	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > RUNS_MOST)
		return wh_error_set(e, EINVAL, "%s: not a number from 0 to %d", name, RUNS_MOST);
	*ret = (unsigned)json_integer_value(value);
	return 0;
}

static int read_set(const struct wh_ablate *a, const char *text, struct wh_reduce_set *ret,
		    struct wh_error *e)
{
	size_t n = digits_of(a);

	*ret = (struct wh_reduce_set){0};
	if (!text || strlen(text) != n || strspn(text, "0123456789abcdef") != n)
		return wh_error_set(e, EINVAL, "kept: not %zu hexadecimal digits", n);
	for (size_t i = 0; i < n; i++) {
		uint64_t digit = (uint64_t)(text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10);

		ret->bit[i / 16] |= digit << i % 16 * 4;
	}
	for (unsigned i = (unsigned)a->n_entries; i < 4 * n; i++) {
		if (wh_reduce_has(ret, i))
			return wh_error_set(e, EINVAL, "kept: has more than the %zu entries",
					    a->n_entries);
	}
	return 0;
}

static int read_one(struct wh_ablate *a, json_t *json, struct wh_error *e)
{
	const char *why = json_string_value(json_object_get(json, "why"));
	wh_auto(str) bytes = NULL;
	struct wh_reduce_set kept;
	unsigned passed, failed;
	int r = read_set(a, json_string_value(json_object_get(json, "kept")), &kept, e);

	if (r == 0)
		r = read_count(json, "passed", &passed, e);
	if (r == 0)
		r = read_count(json, "failed", &failed, e);
	if (r < 0)
		return r;
	if (!why || wh_escape_decode(why, &bytes) < 0)
		return wh_error_set(e, EINVAL, "why: not a text");
	if (!passed && !failed)
		return wh_error_set(e, EINVAL, "was never run");
	if (wh_reduce_known(&a->reduce, &kept))
		return wh_error_set(e, EINVAL, "is there twice");
	r = wh_reduce_log(&a->reduce, &kept, !failed, bytes, e);
	if (r == 0) {
		struct wh_reduce_tried *t = &a->reduce.tried[a->reduce.n_tried - 1];

		t->passed = passed;
		t->failed = failed;
	}
	return r;
}

static int read_sets(struct wh_ablate *a, json_t *root, struct wh_error *e)
{
	json_t *list = json_object_get(root, "sets"), *item;
	const char *ends = json_string_value(json_object_get(root, "ends"));
	json_t *seconds = json_object_get(root, "seconds");
	size_t i;
	int r = read_count(root, "runs", &a->runs, e);

	if (r < 0)
		return r;
	if (!json_is_array(list))
		return wh_error_set(e, EINVAL, "sets: not a list");
	if (!ends || !json_is_number(seconds) || json_number_value(seconds) < 0)
		return wh_error_set(e, EINVAL, "lacks ends or seconds");
	snprintf(a->ends, sizeof(a->ends), "%s", ends);
	a->seconds = json_number_value(seconds);
	json_array_foreach (list, i, item) {
		r = read_one(a, item, e);
		if (r < 0) {
			wh_error_prefix(e, "sets[%zu]", i);
			return r;
		}
	}
	a->finished_caps = json_is_true(json_object_get(root, "finished_caps"));
	a->finished_syscalls = json_is_true(json_object_get(root, "finished_syscalls"));
	return 0;
}

int wh_ablate_state_forget(struct wh_ablate *a, const char *why, struct wh_error *e)
{
	wh_reduce_forget(&a->reduce);
	a->resumed = a->runs = 0;
	a->seconds = 0;
	a->ends[0] = '\0';
	a->finished_caps = a->finished_syscalls = false;
	free(a->anew);
	a->anew = strdup(why);
	return a->anew ? 0 : wh_error_oom(e);
}

/* What was asked for came to an end then: who asks again wants to see it again. */
static bool is_finished(const struct wh_ablate *a)
{
	return (a->options.caps && a->finished_caps) ||
	       (a->options.syscalls && a->finished_syscalls);
}

static int take_up(struct wh_ablate *a, json_t *root, bool any, struct wh_error *e)
{
	wh_auto(json) key = NULL;
	json_t *old = json_object_get(root, "of"), *value;
	const char *name;
	int r;

	if (!wh_util_streq(json_string_value(json_object_get(root, "format")), FORMAT))
		return wh_error_set(e, EINVAL, "it has no \"format\":\"" FORMAT "\"");
	if (json_integer_value(json_object_get(root, "version")) != VERSION)
		return wh_ablate_state_forget(a, "another version of whittle wrote it", e);
	r = key_json(a, &key, e);
	if (r < 0)
		return r;
	json_object_foreach (key, name, value) {
		wh_auto(str) why = NULL;

		if (any || json_equal(json_object_get(old, name), value))
			continue;
		if (asprintf(&why, "not the same: %s", name) < 0) {
			why = NULL;
			return wh_error_oom(e);
		}
		return wh_ablate_state_forget(a, why, e);
	}
	r = read_sets(a, root, e);
	if (r < 0)
		return r;
	a->resumed = a->runs;
	return is_finished(a) ? wh_ablate_state_forget(a, "the last one came to its end", e) : 0;
}

int wh_ablate_state_parse(struct wh_ablate *a, const char *text, size_t len, bool any,
			  struct wh_error *e)
{
	json_error_t where;
	wh_auto(json) root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);

	if (!root)
		return wh_error_set(e, EINVAL, "not valid JSON: line %d: %s", where.line,
				    where.text);
	return take_up(a, root, any, e);
}

int wh_ablate_state_read(struct wh_ablate *a, struct wh_error *e)
{
	wh_auto(str) path = NULL;
	wh_auto(str) text = NULL;
	size_t len;
	int r = file_in(a, "ablation.json", &path, e);

	if (r < 0)
		return r;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	r = wh_output_slurp(path, STATE_MOST, &text, &len, e);
	if (r == 0) {
		r = wh_ablate_state_parse(a, text, len, false, e);
		if (r < 0)
			wh_error_prefix(e, "%s (remove it to start anew)", path);
	}
	return r;
}
