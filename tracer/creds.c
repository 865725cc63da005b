/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/creds.h"

#include <fcntl.h>
#include <sched.h>

/*
 * A thread may be in 65536 groups, each up to 11 characters; the rest of the file is small. What is
 * longer is no status file.
 */
#define STATUS_MAX (65536 * 11 + 16384)
#define GROUPS_MAX 65536

static int read_status(int proc_fd, pid_t tid, char **ret_text)
{
	char name[32];
	wh_auto(fd) fd = -1;
	wh_auto(str) text = NULL;
	size_t len = 0, size = 4096;

	snprintf(name, sizeof(name), "%d/status", (int)tid);
	fd = openat(proc_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (;;) {
		char *more = realloc(text, size);
		ssize_t n;

		if (!more)
			return -ENOMEM;
		text = more;
		n = read(fd, text + len, size - len - 1);
		if (n < 0)
			return -errno;
		len += (size_t)n;
		text[len] = '\0';
		/* The file is made in one piece: what did not fill the buffer was all of it. */
		if (len + 1 < size)
			break;
		if (size >= STATUS_MAX)
			return -EFBIG;
		size *= 2;
	}
	*ret_text = wh_take(text);
	return 0;
}

/* The value of a line "Name:\tvalue"; the kernel escapes newlines in the one value that is foreign. */
static const char *field(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			return line + len + 1;
	}
	return NULL;
}

/* Up to @n numbers of a line. Return: how many there were, -EINVAL for anything else on the line. */
static ssize_t numbers(const char *s, int base, uint64_t *ret, size_t n)
{
	size_t i = 0;

	for (;;) {
		char *end;

		s += strspn(s, " \t");
		if (*s == '\n' || *s == '\0')
			return (ssize_t)i;
		if (i == n)
			return -EINVAL;
		errno = 0;
		ret[i++] = strtoull(s, &end, base);
		if (errno || end == s || *s == '-')
			return -EINVAL;
		s = end;
	}
}

static int parse_ids(const char *text, const char *name, uint32_t *ret[4])
{
	const char *s = field(text, name);
	uint64_t v[4];

	if (!s || numbers(s, 10, v, 4) != 4)
		return -EINVAL;
	for (size_t i = 0; i < 4; i++) {
		if (v[i] > UINT32_MAX)
			return -EINVAL;
		*ret[i] = (uint32_t)v[i];
	}
	return 0;
}

static int parse_groups(const char *text, struct wh_creds *c)
{
	const char *s = field(text, "Groups"), *end;
	uint64_t *v;
	ssize_t n;
	size_t most;

	if (!s)
		return -EINVAL;
	end = strchrnul(s, '\n');
	most = (size_t)(end - s) / 2 + 1;
	if (most > GROUPS_MAX)
		most = GROUPS_MAX;
	v = calloc(most, sizeof(*v));
	if (!v)
		return -ENOMEM;
	n = numbers(s, 10, v, most);
	if (n > 0) {
		c->groups = calloc((size_t)n, sizeof(*c->groups));
		for (ssize_t i = 0; c->groups && i < n; i++)
			c->groups[i] = (gid_t)v[i];
		c->n_groups = c->groups ? (size_t)n : 0;
	}
	free(v);
	if (n < 0)
		return -EINVAL;
	return n > 0 && !c->groups ? -ENOMEM : 0;
}

static int parse_caps(const char *text, struct wh_creds *c)
{
	const struct {
		const char *name;
		uint64_t *value;
	} sets[] = {
		{"CapInh", &c->inheritable}, {"CapPrm", &c->permitted}, {"CapEff", &c->effective},
		{"CapBnd", &c->bounding},    {"CapAmb", &c->ambient},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(sets); i++) {
		const char *s = field(text, sets[i].name);

		if (!s || numbers(s, 16, sets[i].value, 1) != 1)
			return -EINVAL;
	}
	return 0;
}

int wh_creds_parse(const char *text, struct wh_creds *ret_creds)
{
	struct wh_creds c = {0};
	uint32_t *uids[4] = {&c.ruid, &c.euid, &c.suid, &c.fsuid};
	uint32_t *gids[4] = {&c.rgid, &c.egid, &c.sgid, &c.fsgid};
	const char *nnp = field(text, "NoNewPrivs");
	uint64_t v = 0;
	int k = parse_ids(text, "Uid", uids);

	if (k == 0)
		k = parse_ids(text, "Gid", gids);
	if (k == 0)
		k = parse_caps(text, &c);
	if (k == 0 && (!nnp || numbers(nnp, 10, &v, 1) != 1))
		k = -EINVAL;
	c.no_new_privs = v != 0;
	if (k == 0)
		k = parse_groups(text, &c);
	if (k < 0) {
		wh_creds_free(&c);
		return k;
	}
	*ret_creds = c;
	return 0;
}

int wh_creds_read(struct wh_recorder *r, pid_t tid, struct wh_creds *ret_creds)
{
	wh_auto(str) text = NULL;
	struct wh_creds c;
	int k = read_status(r->proc_fd, tid, &text);

	if (k < 0)
		return k;
	k = wh_creds_parse(text, &c);
	if (k < 0)
		return k;
	c.userns = wh_userns_of(r->proc_fd, tid);
	if (!c.userns) {
		wh_creds_free(&c);
		return -ESRCH;
	}
	*ret_creds = c;
	return 0;
}

const struct wh_creds *wh_creds_get(struct wh_recorder *r, struct wh_task *task)
{
	if (!task->creds_valid) {
		struct wh_creds c;

		if (wh_creds_read(r, task->tid, &c) < 0)
			return NULL;
		wh_creds_free(&task->creds);
		task->creds = c;
		task->creds_valid = true;
	}
	return &task->creds;
}

void wh_creds_copy(struct wh_task *child, const struct wh_task *maker)
{
	struct wh_creds c = maker->creds;

	if (child->creds_valid || child->call.abi || !maker->creds_valid)
		return;
	c.groups = NULL;
	if (c.n_groups) {
		c.groups = malloc(c.n_groups * sizeof(*c.groups));
		if (!c.groups)
			return; /* then they are read when needed */
		memcpy(c.groups, maker->creds.groups, c.n_groups * sizeof(*c.groups));
	}
	wh_creds_free(&child->creds);
	child->creds = c;
	child->creds_valid = true;
}

void wh_creds_inherit(struct wh_recorder *r, struct wh_task *child, const struct wh_task *maker)
{
	const char *by = maker->in_call ? maker->call.name : NULL;
	bool same;

	if (child->creds_valid || child->call.abi || !maker->creds_valid || !by)
		return;
	same = strcmp(by, "clone3") == 0 &&
	       wh_userns_of(r->proc_fd, child->tid) == maker->creds.userns;
	if (same || (strcmp(by, "fork") == 0 || strcmp(by, "vfork") == 0 ||
		     (strcmp(by, "clone") == 0 && !(maker->call.arg[0] & CLONE_NEWUSER))))
		wh_creds_copy(child, maker);
}

void wh_creds_forget(struct wh_task *task)
{
	task->creds_valid = false;
}

void wh_creds_free(struct wh_creds *creds)
{
	free(wh_take(creds->groups));
	creds->n_groups = 0;
}

bool wh_creds_in_group(const struct wh_creds *creds, gid_t gid)
{
	if (creds->fsgid == gid)
		return true;
	for (size_t i = 0; i < creds->n_groups; i++)
		if (creds->groups[i] == gid)
			return true;
	return false;
}
