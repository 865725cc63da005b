// SPDX-License-Identifier: Apache-2.0
/* Records of AppArmor that are about no file: capabilities, sockets, signals, ptrace, mounts, limits, user namespaces. */
#include "audit/record.h"

#include <ctype.h>

#include "whittle/buf.h"
#include "whittle/capability.h"

struct rule {
	struct wh_audit_sink *s;
	const struct wh_audit_fields *f;
	const char *operation;
	bool denied;
};

static const char *value(const struct rule *r, const char *name)
{
	return wh_audit_record_value(r->f, name);
}

static void add_upper(struct wh_buf *b, const char *s)
{
	for (; *s; s++)
		wh_buf_addc(b, (char)toupper((unsigned char)*s));
}

static int gap(const struct rule *r, const char *why, const char *what)
{
	wh_auto(buf) text = {0};

	wh_buf_addf(&text, "operation %s: %s%s%s", r->operation, why, what ? " " : "",
		    what ? what : "");
	return text.failed ? -ENOMEM : wh_audit_gap(r->s, "audit-record", text.data);
}

/* The fact, with its outcome: 0, 1 if there was no room (then there is a gap), or -ENOMEM. */
static int put(const struct rule *r, enum wh_kind kind, const void *key, void *ret_fact,
	       size_t outcomes)
{
	int err = wh_audit_put(r->s, kind, key, ret_fact);
	struct wh_counts *counts;

	if (err < 0)
		return err == -ENOSPC ? 1 : err;
	counts = (struct wh_counts *)(*(char **)ret_fact + outcomes);
	if (r->denied && wh_trace_add_count(r->s->trace, counts, wh_util_errno_name(EACCES), 1) < 0)
		return -ENOMEM;
	return 0;
}

/* The kernel asks AppArmor only for what the task has: so it would have been used. */
static int add_cap(const struct rule *r)
{
	const char *name = value(r, "capname"), *number = value(r, "capability");
	uint64_t n = WH_CAPABILITY_COUNT;
	struct wh_cap key = {.strength = WH_STRENGTH_LIKELY}, *cap;
	int err;

	if (number && wh_util_parse_u64(number, &n) == 0 && n < WH_CAPABILITY_COUNT)
		key.cap = wh_capability_row((unsigned)n)->name;
	else if (name && wh_capability_number(name) >= 0)
		key.cap = wh_capability_row((unsigned)wh_capability_number(name))->name;
	else
		return gap(r, "a capability that is not known:", name ? name : number);
	err = wh_audit_put(r->s, WH_KIND_CAP, &key, &cap);
	if (err < 0)
		return err == -ENOSPC ? 0 : err;
	return wh_trace_add_str(r->s->trace, &cap->evidence, WH_LIMIT_EVIDENCE, r->s->said) < 0
		       ? -ENOMEM
		       : 0;
}

static const char *const socket_ops[][2] = {
	{"create", "socket"}, {"bind", "bind"},	    {"connect", "connect"},
	{"listen", "listen"}, {"accept", "accept"}, {"sendmsg", "send"},
};

static void add_address(const struct rule *r, bool ours, struct wh_buf *b)
{
	const char *address = value(r, ours ? "laddr" : "faddr"),
		   *port = value(r, ours ? "lport" : "fport"),
		   *name = value(r, ours ? "addr" : "peer_addr");

	if (address && port)
		wh_buf_addf(b, strchr(address, ':') ? "[%s]:%s" : "%s:%s", address, port);
	else if (name && *name && strcmp(name, "none") != 0)
		wh_buf_addf(b, "unix:%s", name);
}

static int add_socket(const struct rule *r)
{
	const char *family = value(r, "family"), *type = value(r, "sock_type"),
		   *protocol = value(r, "protocol");
	wh_auto(buf) af = {0}, sock = {0}, address = {0};
	struct wh_socket key = {.op = "socket"}, *socket;
	int err;

	if (!family || !type || !*family || !*type ||
	    (protocol && wh_util_parse_u64(protocol, &key.protocol) < 0))
		return gap(r, "the socket is not told", NULL);
	for (size_t i = 0; i < WH_ARRAY_SIZE(socket_ops); i++)
		if (strcmp(socket_ops[i][0], r->operation) == 0)
			key.op = socket_ops[i][1];
	wh_buf_adds(&af, "AF_");
	add_upper(&af, family);
	wh_buf_adds(&sock, "SOCK_");
	add_upper(&sock, type);
	if (strcmp(key.op, "socket") != 0)
		add_address(r, strcmp(key.op, "bind") == 0 || strcmp(key.op, "listen") == 0,
			    &address);
	if (af.failed || sock.failed || address.failed)
		return -ENOMEM;
	key.family = af.data;
	key.type = sock.data;
	key.address = address.data;
	err = put(r, WH_KIND_SOCKET, &key, &socket, offsetof(struct wh_socket, outcomes));
	return err < 0 ? err : 0;
}

/* Who is at the other end: "tree" for the profile's own, "outside" for one that has none; NULL: a profile of its own. */
static const char *target(const struct rule *r)
{
	const char *peer = value(r, "peer");
	size_t len = strlen(r->s->profile);

	if (!peer)
		return NULL;
	if (strcmp(peer, "unconfined") == 0)
		return "outside";
	return strncmp(peer, r->s->profile, len) == 0 &&
			       (!peer[len] || wh_util_has_prefix(peer + len, "//"))
		       ? "tree"
		       : NULL;
}

static const char *mask(const struct rule *r)
{
	const char *m = value(r, "requested_mask");

	m = m ? m : value(r, "requested");
	return m ? m : "";
}

static int add_signal(const struct rule *r)
{
	static const char *const words[][2] = {
		{"exists", "0"}, {"stp", "SIGTSTP"}, {"io", "SIGPOLL"}};
	const char *name = value(r, "signal"), *to = target(r);
	struct wh_signal key = {.target = to}, *signal;
	wh_auto(buf) word = {0};
	int err;

	if (!name || !*name || !to)
		return gap(r, "no rule is made of one with the profile",
			   value(r, "peer") ? value(r, "peer") : "(not told)");
	/* The templates let it receive what it needs from outside: this was something else. */
	if (strcmp(to, "outside") == 0 && strstr(mask(r), "receive"))
		return gap(r, "no rule is made to receive from outside", name);
	for (size_t i = 0; i < WH_ARRAY_SIZE(words) && !key.signal; i++)
		if (strcmp(words[i][0], name) == 0)
			key.signal = words[i][1];
	if (!key.signal) {
		wh_buf_adds(&word, "SIG");
		add_upper(&word, name);
		if (word.failed)
			return -ENOMEM;
		key.signal = word.data;
	}
	err = put(r, WH_KIND_SIGNAL, &key, &signal, offsetof(struct wh_signal, outcomes));
	return err < 0 ? err : 0;
}

static int add_ptrace(const struct rule *r)
{
	const char *m = mask(r), *to = target(r);
	bool by = strstr(m, "by") != NULL;
	struct wh_ptrace key = {.target = to, .request = strstr(m, "read") ? "read" : "trace"},
			 *ptrace;
	int err;

	if (!to || !*m)
		return gap(r, "no rule is made of one with the profile",
			   value(r, "peer") ? value(r, "peer") : "(not told)");
	if (by && strcmp(to, "outside") == 0)
		return gap(r, "no rule is made to be traced from outside", NULL);
	err = put(r, WH_KIND_PTRACE, &key, &ptrace, offsetof(struct wh_ptrace, outcomes));
	return err < 0 ? err : 0;
}

static bool has_flag(const char *flags, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = flags; (at = strstr(at, word)); at += len)
		if ((at == flags || at[-1] == ',') && (!at[len] || at[len] == ','))
			return true;
	return false;
}

/* In the order in which the kernel looks at them (security/apparmor/lsm.c, apparmor_sb_mount()). */
static const char *mount_op(const char *operation, const char *flags)
{
	static const struct {
		const char *flag, *op;
	} rows[] = {
		{"remount", "remount"},
		{"bind", "bind"},
		{"rbind", "bind"},
		{"shared", "propagation"},
		{"rshared", "propagation"},
		{"slave", "propagation"},
		{"rslave", "propagation"},
		{"private", "propagation"},
		{"rprivate", "propagation"},
		{"unbindable", "propagation"},
		{"runbindable", "propagation"},
		{"move", "move"},
	};

	if (strcmp(operation, "umount") == 0)
		return "umount";
	if (strcmp(operation, "pivotroot") == 0)
		return "pivot_root";
	for (size_t i = 0; i < WH_ARRAY_SIZE(rows); i++)
		if (has_flag(flags, rows[i].flag))
			return rows[i].op;
	return "mount";
}

static char *without_slash(char *path)
{
	size_t len = path ? strlen(path) : 0;

	if (len > 1 && path[len - 1] == '/')
		path[len - 1] = '\0';
	return path;
}

static int add_mount(const struct rule *r)
{
	const char *flags = value(r, "flags");
	int bad_name, bad_source, err;
	wh_auto(str) name = without_slash(wh_audit_record_text(r->f, "name", &bad_name));
	wh_auto(str) source = without_slash(wh_audit_record_text(r->f, "srcname", &bad_source));
	wh_auto(buf) words = {0};
	struct wh_mount key = {.target = name, .source = source, .fstype = value(r, "fstype")},
			*mount;

	if (bad_name || bad_source)
		return bad_name == -ENOMEM || bad_source == -ENOMEM
			       ? -ENOMEM
			       : gap(r, "a name in it cannot be read", NULL);
	for (const char *c = flags ? flags : ""; *c; c++)
		if (*c != ' ')
			wh_buf_addc(&words, *c);
	if (words.failed)
		return -ENOMEM;
	key.op = mount_op(r->operation, words.data ? words.data : "");
	key.flags = words.data;
	err = put(r, WH_KIND_MOUNT, &key, &mount, offsetof(struct wh_mount, outcomes));
	return err < 0 ? err : 0;
}

static int add_rlimit(const struct rule *r)
{
	const char *name = value(r, "rlimit"), *max = value(r, "value");
	wh_auto(buf) resource = {0};
	struct wh_rlimit key = {.change = "raise-hard"}, *limit;
	uint64_t n = 0;
	int err;

	if (!name || !*name || (max && wh_util_parse_u64(max, &n) < 0))
		return gap(r, "the limit is not told", NULL);
	wh_buf_adds(&resource, "RLIMIT_");
	add_upper(&resource, name);
	if (resource.failed)
		return -ENOMEM;
	key.resource = resource.data;
	err = put(r, WH_KIND_RLIMIT, &key, &limit, offsetof(struct wh_rlimit, outcomes));
	if (err == 0 && n > limit->max)
		limit->max = n;
	return err < 0 ? err : 0;
}

static int add_userns(const struct rule *r)
{
	const struct wh_namespace key = {.op = "unshare", .type = "user"};
	struct wh_namespace *namespace;
	int err = put(r, WH_KIND_NAMESPACE, &key, &namespace,
		      offsetof(struct wh_namespace, outcomes));

	return err < 0 ? err : 0;
}

static const struct {
	const char *operation;
	int (*add)(const struct rule *r);
} rules[] = {
	{"capable", add_cap},	   {"signal", add_signal},	  {"ptrace", add_ptrace},
	{"mount", add_mount},	   {"umount", add_mount},	  {"pivotroot", add_mount},
	{"setrlimit", add_rlimit}, {"userns_create", add_userns},
};

int wh_audit_rule(struct wh_audit_sink *s, const struct wh_audit_fields *f, const char *operation,
		  bool denied)
{
	const struct rule r = {.s = s, .f = f, .operation = operation, .denied = denied};
	int err;

	for (size_t i = 0; i < WH_ARRAY_SIZE(rules); i++) {
		if (strcmp(rules[i].operation, operation) != 0)
			continue;
		err = rules[i].add(&r);
		return err < 0 ? err : 1;
	}
	/* A socket with a name in the file system is asked about as a file as well, in a record of its own. */
	if (!wh_audit_record_field(f, "family"))
		return 0;
	err = add_socket(&r);
	return err < 0 ? err : 1;
}
