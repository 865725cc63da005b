/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a path leads where it did: cheaper than to walk it again, through whatever symlinks. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include "tracer/path_impl.h"

bool wh_path_again(struct wh_recorder *r, struct wh_task *task, const char *path,
		   struct wh_place *place)
{
	/* RESOLVE_CACHED asks no file system for anything. */
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_NO_MAGICLINKS | RESOLVE_CACHED,
	};
	char link[32], text[WH_PATH_TEXT];
	wh_auto(fd) fd = -1;
	struct stat st;
	ssize_t n;

	if (path[0] != '/' || !place->path || !wh_path_same_root(r, task))
		return false;
	fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	if (fd < 0)
		return false;
	snprintf(link, sizeof(link), "self/fd/%d", fd);
	n = readlinkat(r->proc_fd, link, text, sizeof(text) - 1);
	if (n < 0)
		return false;
	text[n] = '\0';
	/* Another name of the same file is another place. */
	if (strcmp(text, place->path) != 0 || wh_path_look_fd(fd, &st) < 0 ||
	    st.st_dev != place->dev || st.st_ino != place->ino)
		return false;
	wh_path_fill(place, &st);
	return true;
}
