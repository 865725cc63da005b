// SPDX-License-Identifier: Apache-2.0
#include "container/destination.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "whittle/buf.h"
#include "whittle/output.h"

#define ANNOTATION "org.whittle.trace"
#define VARIABLE   "WHITTLE_TRACE"
#define SUFFIX	   ".trace.json"
#define PART_MAX   64 /* of a name that somebody else has chosen */
#define ID_LENGTH  12 /* of an id, as engines show it */
#define NUMBER_MAX 100000

void wh_destination_release(struct wh_destination *place)
{
	free(place->path);
	free(place->stem);
	*place = (struct wh_destination){0};
}

/* ---- its name -------------------------------------------------------------------------------- */

static void add_part(struct wh_buf *b, const char *text, size_t most)
{
	if (b->len)
		wh_buf_addc(b, '-');
	for (size_t i = 0; text[i] && i < most; i++) {
		char c = text[i];
		bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '_' || (c == '.' && b->len);

		wh_buf_addc(b, fine || (c == '-' && b->len) ? c : '_');
	}
}

static char *make_stem(const char *id, const struct wh_identity *identity)
{
	const char *image = identity->image, *slash = image ? strrchr(image, '/') : NULL;
	struct wh_buf b = {0};

	if (identity->name)
		add_part(&b, identity->name, PART_MAX);
	if (image)
		add_part(&b, slash ? slash + 1 : image, PART_MAX);
	/* Without an engine, people choose ids themselves: then it is the whole name. */
	add_part(&b, id, b.len ? ID_LENGTH : PART_MAX);
	return wh_buf_take(&b);
}

/* ---- where ----------------------------------------------------------------------------------- */

static bool has_suffix(const char *s, const char *suffix)
{
	size_t len = strlen(s), n = strlen(suffix);

	return len >= n && strcmp(s + len - n, suffix) == 0;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return has_suffix(path, "/") || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

/* What it begins with is enough: a whole trace may be large. */
static bool is_trace(const char *path)
{
	static const char *const words[] = {"\"format\"", "\"whittle-trace\""};
	wh_auto(fd) fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char head[256];
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head) - 1);

	if (n <= 0)
		return false;
	head[n] = '\0';
	return head[0] == '{' && strstr(head, words[0]) && strstr(head, words[1]);
}

static int check_strangers(const char *path, const char *who, struct wh_error *e)
{
	struct stat st;

	if (is_folder(path))
		return 0;
	if (!has_suffix(path, SUFFIX) && !has_suffix(path, ".trace"))
		return wh_error_set(e, EINVAL,
				    "%s: %s: must be a folder, or a file whose name ends with "
				    ".trace.json or .trace",
				    who, path);
	if (lstat(path, &st) == 0 && !(S_ISREG(st.st_mode) && is_trace(path)))
		return wh_error_set(e, EEXIST, "%s: %s is there and is no trace; name another file",
				    who, path);
	return 0;
}

struct source {
	const char *path, *who;
	bool strangers;
};

static int use(const struct source *source, const char *id, const struct wh_identity *identity,
	       struct wh_destination *ret, struct wh_error *e)
{
	int err;

	if (source->path[0] != '/')
		return wh_error_set(e, EINVAL,
				    "%s: '%s' is not an absolute path; say where the trace goes "
				    "from the root on",
				    source->who, source->path);
	err = source->strangers ? check_strangers(source->path, source->who, e) : 0;
	if (err < 0)
		return err;
	ret->who = source->who;
	ret->path = strdup(source->path);
	if (!ret->path)
		return wh_error_oom(e);
	if (!is_folder(ret->path))
		return 0;
	ret->stem = make_stem(id, identity);
	return ret->stem ? 0 : wh_error_oom(e);
}

static int make_default(struct wh_error *e)
{
	/* What a service does is nobody else's business. */
	if ((mkdir("/var/lib/whittle", 0755) < 0 && errno != EEXIST) ||
	    (mkdir(WH_DESTINATION_DEFAULT, 0700) < 0 && errno != EEXIST))
		return wh_error_errno(e, errno,
				      "cannot make %s for the trace; say where it goes by --output "
				      "or the annotation " ANNOTATION,
				      WH_DESTINATION_DEFAULT);
	return 0;
}

int wh_destination_find(const struct wh_oci *oci, const struct wh_identity *identity,
			const char *output, const struct wh_settings *settings,
			struct wh_destination *ret, struct wh_error *e)
{
	const struct source sources[] = {
		{wh_oci_annotation(oci, ANNOTATION), "annotation " ANNOTATION, true},
		{wh_oci_env(oci, VARIABLE), VARIABLE " in the container's environment", true},
		{identity->label, "label " ANNOTATION, true},
		{output, "--output", false},
		{settings->output, WH_SETTINGS_FILE, false},
		{WH_DESTINATION_DEFAULT "/", WH_DESTINATION_DEFAULT, false},
	};
	size_t i = 0;
	int err;

	while (!sources[i].path || !*sources[i].path)
		i++;
	err = i + 1 == WH_ARRAY_SIZE(sources) ? make_default(e) : 0;
	return err < 0 ? err : use(&sources[i], wh_oci_id(oci), identity, ret, e);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* @number 1: the name without one. */
static int path_of(const struct wh_destination *place, unsigned number, char **ret,
		   struct wh_error *e)
{
	struct wh_buf b = {0};

	wh_buf_adds(&b, place->path);
	if (place->stem) {
		if (!has_suffix(place->path, "/"))
			wh_buf_addc(&b, '/');
		wh_buf_adds(&b, place->stem);
		if (number > 1)
			wh_buf_addf(&b, "-%u", number);
		wh_buf_adds(&b, SUFFIX);
	}
	*ret = wh_buf_take(&b);
	return *ret ? 0 : wh_error_oom(e);
}

int wh_destination_check(const struct wh_destination *place, struct wh_error *e)
{
	wh_auto(output) output = NULL;
	wh_auto(str) path = NULL;
	int err = path_of(place, 1, &path, e);

	if (err == 0)
		err = wh_output_open(path, &output, e);
	if (err < 0)
		wh_error_prefix(e, "%s", place->who);
	return err;
}

int wh_destination_write(const struct wh_destination *place, struct wh_trace *trace,
			 char **ret_path, struct wh_error *e)
{
	/* Of several containers of one name, or of one that was started again, each gets its own. */
	wh_auto(fd) lock = place->stem ? open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	wh_auto(str) path = NULL;
	unsigned number = 1;
	int err;

	if (lock >= 0)
		flock(lock, LOCK_EX);
	err = path_of(place, number, &path, e);
	while (err == 0 && place->stem && number < NUMBER_MAX && access(path, F_OK) == 0) {
		free(wh_take(path));
		err = path_of(place, ++number, &path, e);
	}
	if (err == 0)
		err = wh_trace_json_write(trace, path, e);
	if (err == 0 && ret_path)
		*ret_path = wh_take(path);
	return err;
}
