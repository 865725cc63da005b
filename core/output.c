/* SPDX-License-Identifier: Apache-2.0 */
#include "whittle/output.h"

#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>

#include "whittle/buf.h"

struct wh_output {
	FILE *stream;
	char *path;	 /* NULL: standard output */
	char *temporary; /* NULL once renamed */
};

static int open_temporary(struct wh_output *o, struct wh_error *e)
{
	mode_t mask;
	int fd, r;

	if (asprintf(&o->temporary, "%s.XXXXXX", o->path) < 0) {
		o->temporary = NULL;
		return wh_error_oom(e);
	}
	fd = mkostemp(o->temporary, O_CLOEXEC);
	if (fd < 0) {
		r = wh_error_errno(e, errno, "cannot write %s", o->path);
		free(wh_take(o->temporary));
		return r;
	}
	/* mkostemp() gives 0600; the result is to be read like any file its user makes. */
	mask = umask(0);
	umask(mask);
	if (fchmod(fd, 0666 & ~mask) < 0 || !(o->stream = fdopen(fd, "w"))) {
		r = wh_error_errno(e, errno, "cannot write %s", o->path);
		wh_util_close(fd);
		return r;
	}
	return 0;
}

int wh_output_open(const char *path, struct wh_output **ret, struct wh_error *e)
{
	wh_auto(output) o = calloc(1, sizeof(*o));
	struct stat st;
	int r;

	if (!o)
		return wh_error_oom(e);
	if (strcmp(path, "-") == 0) {
		o->stream = stdout;
	} else {
		if (!*path)
			return wh_error_set(e, EINVAL, "the name of the output is empty");
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			return wh_error_set(e, EISDIR, "cannot write %s: it is a folder", path);
		o->path = strdup(path);
		if (!o->path)
			return wh_error_oom(e);
		r = open_temporary(o, e);
		if (r < 0)
			return r;
	}
	*ret = wh_take(o);
	return 0;
}

FILE *wh_output_stream(struct wh_output *o)
{
	return o->stream;
}

/* The rename is only safe from a power cut once the folder that holds the name is on disk too. */
static void sync_folder(const char *path)
{
	wh_auto(str) copy = strdup(path);
	wh_auto(fd) fd = -1;

	if (!copy)
		return;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		fsync(fd);
}

int wh_output_commit(struct wh_output *o, struct wh_error *e)
{
	const char *name = o->path ? o->path : "standard output";

	errno = 0;
	if (fflush(o->stream) != 0 || ferror(o->stream))
		return wh_error_errno(e, errno ? errno : EIO, "cannot write %s", name);
	if (!o->path)
		return 0;
	if (fsync(fileno(o->stream)) < 0 && errno != EINVAL && errno != EROFS)
		return wh_error_errno(e, errno, "cannot write %s", name);
	if (rename(o->temporary, o->path) < 0)
		return wh_error_errno(e, errno, "cannot write %s", name);
	free(wh_take(o->temporary));
	sync_folder(o->path);
	return 0;
}

void wh_output_free(struct wh_output *o)
{
	if (!o)
		return;
	if (o->stream && o->stream != stdout)
		fclose(o->stream);
	if (o->temporary)
		unlink(o->temporary);
	free(o->temporary);
	free(o->path);
	free(o);
}

int wh_output_write(const char *path, const void *data, size_t len, struct wh_error *e)
{
	wh_auto(output) o = NULL;
	int r;

	r = wh_output_open(path, &o, e);
	if (r < 0)
		return r;
	errno = 0;
	if (fwrite(data, 1, len, o->stream) != len)
		return wh_error_errno(e, errno ? errno : EIO, "cannot write %s",
				      o->path ? o->path : "standard output");
	return wh_output_commit(o, e);
}

int wh_output_slurp(const char *path, size_t max, char **ret_data, size_t *ret_len,
		    struct wh_error *e)
{
	bool is_stdin = strcmp(path, "-") == 0;
	const char *name = is_stdin ? "standard input" : path;
	wh_auto(buf) b = {};
	wh_auto(fd) own = -1;
	char chunk[65536], *data;
	int fd = STDIN_FILENO;
	size_t len;
	ssize_t n;

	if (!is_stdin) {
		fd = own = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (own < 0)
			return wh_error_errno(e, errno, "cannot read %s", name);
	}
	for (;;) {
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return wh_error_errno(e, errno, "cannot read %s", name);
		if (n == 0)
			break;
		if ((size_t)n > max - b.len)
			return wh_error_set(e, EFBIG, "cannot read %s: it is larger than %zu KiB",
					    name, max >> 10);
		wh_buf_add(&b, chunk, (size_t)n);
		if (b.failed)
			return wh_error_oom(e);
	}
	len = b.len;
	data = wh_buf_take(&b);
	if (!data)
		return wh_error_oom(e);
	if (ret_len)
		*ret_len = len;
	*ret_data = data;
	return 0;
}
