// SPDX-License-Identifier: Apache-2.0
#include "container/rundir.h"

#include <sys/stat.h>

#include "core/strtab.h"
#include "whittle/buf.h"

#define FOLDER "/run/whittle"
/* The address of a socket has 108 bytes; of a longer id the beginning and a hash of all of it must do. */
#define ID_MAX_LEN 64

/* Nobody else may put sockets there, to which the state of containers would be told. */
static int own_folder(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (lstat(path, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
		return -EPERM;
	return access(path, W_OK) < 0 ? -errno : 0;
}

int wh_rundir_find(char **ret_path, struct wh_error *e)
{
	const char *mine = getenv("XDG_RUNTIME_DIR");
	wh_auto(str) path = NULL;
	int err = own_folder(FOLDER);

	if (err < 0 && mine && *mine == '/') {
		if (asprintf(&path, "%s/whittle", mine) < 0) {
			path = NULL;
			return wh_error_oom(e);
		}
		err = own_folder(path);
	} else {
		path = strdup(FOLDER);
		if (!path)
			return wh_error_oom(e);
	}
	if (err < 0)
		return wh_error_errno(
			e, err, "%s: must be a folder that only this user can write to", path);
	*ret_path = wh_take(path);
	return 0;
}

int wh_rundir_socket(const char *id, const char *root, const char *what, char **ret_path,
		     struct wh_error *e)
{
	wh_auto(str) real = root ? realpath(root, NULL) : NULL;
	wh_auto(str) folder = NULL;
	bool is_long = strlen(id) > ID_MAX_LEN;
	struct wh_buf b = {0};
	int err = wh_rundir_find(&folder, e);

	if (err < 0)
		return err;
	wh_buf_addf(&b, "%s/%.*s", folder, ID_MAX_LEN, id);
	if (root || is_long) {
		uint64_t hash = wh_strtab_hash(real ? real : root ? root : "", 0);

		wh_buf_addf(&b, "@%08x", (unsigned)wh_strtab_hash(id, hash));
	}
	wh_buf_addf(&b, ".%s", what);
	*ret_path = wh_buf_take(&b);
	return *ret_path ? 0 : wh_error_oom(e);
}

int wh_rundir_control(const char *id, const char *root, char **ret_path, struct wh_error *e)
{
	return wh_rundir_socket(id, root, "sock", ret_path, e);
}
