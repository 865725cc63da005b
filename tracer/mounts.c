// SPDX-License-Identifier: Apache-2.0
#include "tracer/mounts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tracer/procfs.h"

/* A container has a few dozen; what is beyond is told of by the set's overflow. */
#define TEXT_MAX ((size_t)256 << 10)

/* ---- a line ---------------------------------------------------------------------------------- */

/* The kernel writes blank, tab, newline, backslash and '#' as octal numbers (fs/proc_namespace.c, mangle()). */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++, to++) {
		*to = *s;
		if (s[0] != '\\' || s[1] < '0' || s[1] > '3' || s[2] < '0' || s[2] > '7' ||
		    s[3] < '0' || s[3] > '7')
			continue;
		*to = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
		s += 3;
	}
	*to = '\0';
}

static bool has_option(const char *options, const char *word)
{
	size_t len = strlen(word);

	for (; options; options = strchr(options, ',')) {
		options += *options == ',';
		if (strncmp(options, word, len) == 0 &&
		    (options[len] == ',' || options[len] == '\0'))
			return true;
	}
	return false;
}

int wh_mounts_parse(char *line, struct wh_mounts_line *ret_line)
{
	char *word[6], *save = NULL, *options;
	unsigned major, minor;
	struct wh_mounts_line parsed;

	/* id, parent, device, root, mount point, its options, then any number of fields up to a "-". */
	for (size_t i = 0; i < WH_ARRAY_SIZE(word); i++) {
		word[i] = strtok_r(i ? NULL : line, " ", &save);
		if (!word[i])
			return -EINVAL;
	}
	for (options = word[5]; options && strcmp(options, "-") != 0;)
		options = strtok_r(NULL, " ", &save);
	if (sscanf(word[2], "%u:%u", &major, &minor) != 2)
		return -EINVAL;
	parsed.dev = makedev(major, minor);
	parsed.root = word[3];
	parsed.point = word[4];
	parsed.fstype = options ? strtok_r(NULL, " ", &save) : NULL;
	if (!parsed.fstype || parsed.root[0] != '/' || parsed.point[0] != '/')
		return -EINVAL;
	/* The source may be empty, and is not used: the options of the file system are the last word. */
	options = strrchr(save ? save : "", ' ');
	parsed.read_only = has_option(word[5], "ro") || (options && has_option(options + 1, "ro"));
	parsed.served = strcmp(parsed.fstype, "fuse") == 0 ||
			strcmp(parsed.fstype, "fuseblk") == 0 ||
			wh_util_has_prefix(parsed.fstype, "fuse.");
	parsed.lenient =
		parsed.served && !(options && has_option(options + 1, "default_permissions"));
	unescape(parsed.root);
	unescape(parsed.point);
	*ret_line = parsed;
	return 0;
}

/* Docker and Podman keep volumes as …/volumes/NAME/_data. */
static bool is_volume(const char *root)
{
	const char *volumes = strstr(root, "/volumes/");
	size_t len = strlen(root);

	return volumes && len > 6 && strcmp(root + len - 6, "/_data") == 0;
}

const char *wh_mounts_word(const struct wh_mounts_line *line)
{
	static const char *const kernel[] = {
		"proc",	    "sysfs", "cgroup",	 "cgroup2", "devpts",	  "devtmpfs",  "mqueue",
		"debugfs",  "bpf",   "tracefs",	 "fusectl", "securityfs", "pstore",    "hugetlbfs",
		"configfs", "nsfs",  "efivarfs", "ramfs",   "autofs",	  "selinuxfs",
	};

	if (strcmp(line->point, "/") == 0)
		return "root";
	for (size_t i = 0; i < WH_ARRAY_SIZE(kernel); i++) {
		if (strcmp(line->fstype, kernel[i]) == 0)
			return "kernel";
	}
	if (is_volume(line->root))
		return "volume";
	if (strcmp(line->root, "/") != 0)
		return "bind";
	return strcmp(line->fstype, "tmpfs") == 0 ? "tmpfs" : "mount";
}

/* ---- all of them ----------------------------------------------------------------------------- */

static bool own_namespace(struct wh_recorder *r, pid_t pid)
{
	char path[32];
	struct stat own, first;

	snprintf(path, sizeof(path), "%d/ns/mnt", (int)pid);
	return fstatat(r->proc_fd, path, &own, 0) == 0 &&
	       fstatat(r->proc_fd, "1/ns/mnt", &first, 0) == 0 &&
	       (own.st_ino != first.st_ino || own.st_dev != first.st_dev);
}

static bool is_there(struct wh_recorder *r, pid_t pid, const char *name)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "%d/root/%s", (int)pid, name);
	return fstatat(r->proc_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* @root: the mount at "/". A subvolume of the machine's own disk is no folder that somebody made a root of. */
static bool is_container(struct wh_recorder *r, pid_t pid, const struct wh_mounts_line *root)
{
	if (strcmp(root->fstype, "overlay") == 0 ||
	    strcmp(root->fstype, "fuse.fuse-overlayfs") == 0)
		return true;
	return strcmp(root->root, "/") != 0 &&
	       (own_namespace(r, pid) || is_there(r, pid, ".dockerenv") ||
		is_there(r, pid, "run/.containerenv"));
}

static int add(struct wh_recorder *r, const struct wh_mounts_line *line, struct wh_run *run)
{
	wh_auto(str) text = NULL;

	if (asprintf(&text, "%s %s %s %s", wh_mounts_word(line), line->read_only ? "ro" : "rw",
		     line->fstype, line->point) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return wh_trace_add_str(r->trace, &run->mounts, WH_LIMIT_MOUNTS, text) < 0 ? -ENOMEM : 0;
}

static int add_all(struct wh_recorder *r, pid_t pid, bool container, char *text, bool whole,
		   struct wh_run *run)
{
	struct wh_mounts_line *lines = NULL, root = {0};
	size_t n = 0, most = 1;
	char *save = NULL;
	int err = 0;

	for (const char *c = text; *c; c++)
		most += *c == '\n';
	lines = calloc(most, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	for (char *at = strtok_r(text, "\n", &save); at && n < most;
	     at = strtok_r(NULL, "\n", &save)) {
		if (wh_mounts_parse(at, &lines[n]) < 0)
			continue;
		/* Of several on one place the last one counts. */
		if (strcmp(lines[n].point, "/") == 0)
			root = lines[n];
		n++;
	}
	container = container || (root.point && is_container(r, pid, &root));
	for (size_t i = 0; i < n && container && err == 0; i++) {
		bool hidden = false;

		for (size_t j = i + 1; j < n && !hidden; j++)
			hidden = strcmp(lines[j].point, lines[i].point) == 0;
		if (!hidden)
			err = add(r, &lines[i], run);
	}
	run->mounts.overflow |= container && !whole;
	free(lines);
	return err;
}

int wh_mounts_fill(struct wh_recorder *r, pid_t pid, bool container, struct wh_run *run)
{
	wh_auto(str) text = malloc(TEXT_MAX);
	char path[32];
	ssize_t len;
	bool whole;

	if (!text)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%d/mountinfo", (int)pid);
	len = wh_procfs_read(r->proc_fd, path, text, TEXT_MAX);
	if (len <= 0)
		return 0;
	whole = (size_t)len < TEXT_MAX - 1;
	if (!whole && strrchr(text, '\n'))
		strrchr(text, '\n')[1] = '\0';
	return add_all(r, pid, container, text, whole, run);
}
