// SPDX-License-Identifier: Apache-2.0
/* AppArmor rules that are no file rules: capability, network, unix, signal, ptrace, mount, link. */
#include "gen/policy-internal.h"

#include <ctype.h>

#include "gen/aare.h"
#include "gen/generalise.h"
#include "gen/text.h"

/* @text is taken over; facts are added by add_fact(). */
static int add_rule(struct wh_policy *p, enum wh_policy_section section, enum wh_kind kind,
		    struct wh_buf *text, const char *reason, struct wh_policy_rule **ret,
		    struct wh_error *e)
{
	struct wh_policy_rule *rule =
		wh_pool_append(&p->pool, &p->rules, &p->n_rules, sizeof(*rule));

	if (!rule || text->failed)
		return wh_error_oom(e);
	rule->section = section;
	rule->kind = kind;
	rule->reason = reason;
	rule->text = wh_pool_strndup(&p->pool, text->data ? text->data : "", text->len);
	if (!rule->text)
		return wh_error_oom(e);
	*ret = rule;
	return 0;
}

static int add_fact(struct wh_policy *p, struct wh_policy_rule *rule, const void *fact,
		    struct wh_error *e)
{
	const void **place = wh_pool_append(&p->pool, &rule->facts, &rule->n_facts, sizeof(*place));

	if (!place)
		return wh_error_oom(e);
	*place = fact;
	return 0;
}

static bool has_outcome(const struct wh_counts *outcomes, const char *name)
{
	for (size_t i = 0; i < outcomes->n; i++) {
		if (strcmp(outcomes->v[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Did it ever get so far that AppArmor was asked, and was not refused anyway? */
static bool only(const struct wh_counts *outcomes, const char *const *names)
{
	for (size_t i = 0; i < outcomes->n; i++) {
		bool known = false;

		for (size_t j = 0; names[j]; j++)
			known |= strcmp(outcomes->v[i].name, names[j]) == 0;
		if (!known)
			return false;
	}
	return outcomes->n > 0;
}

static const char *const refused[] = {"EPERM", "EACCES", NULL};
static const char *const no_target[] = {"ESRCH", "EPERM", "EACCES", "EINVAL", NULL};
static const char *const no_place[] = {"ENOENT", "ENOTDIR", "EPERM",  "EACCES",
				       "EINVAL", "ELOOP",   "ENOSYS", NULL};

static void add_lower(struct wh_buf *b, const char *s)
{
	for (; *s; s++)
		wh_buf_addc(b, (char)tolower((unsigned char)*s));
}

/* ---- capabilities ---------------------------------------------------------------------------- */

static int add_caps(struct wh_policy *p, struct wh_error *e)
{
	for (size_t i = 0; i < p->n_caps; i++) {
		const struct wh_policy_cap *cap = &p->caps[i];
		wh_auto(buf) text = {0};
		struct wh_policy_rule *rule;
		int r;

		if (cap->decision != WH_POLICY_ADD)
			continue;
		wh_buf_adds(&text, "capability ");
		add_lower(&text, cap->name + strlen("CAP_"));
		r = add_rule(p, WH_POLICY_CAPABILITY, WH_KIND_CAP, &text, cap->reason, &rule, e);
		for (size_t j = 0; r >= 0 && j < cap->n_facts; j++)
			r = add_fact(p, rule, cap->facts[j], e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- sockets --------------------------------------------------------------------------------- */

/* The domains that apparmor_parser 3.0 knows, as the kernel's names without "AF_". */
static const char *const domains[] = {
	"UNIX",	   "INET",	"AX25",	   "IPX",    "APPLETALK", "NETROM",   "BRIDGE",
	"ATMPVC",  "X25",	"INET6",   "ROSE",   "NETBEUI",	  "SECURITY", "KEY",
	"NETLINK", "PACKET",	"ASH",	   "ECONET", "ATMSVC",	  "RDS",      "SNA",
	"IRDA",	   "PPPOX",	"WANPIPE", "LLC",    "IB",	  "MPLS",     "CAN",
	"TIPC",	   "BLUETOOTH", "IUCV",	   "RXRPC",  "ISDN",	  "PHONET",   "IEEE802154",
	"CAIF",	   "ALG",	"NFC",	   "VSOCK",  "KCM",	  "QIPCRTR",  "SMC",
	"XDP",	   "MCTP",
};

static const char *const types[] = {"STREAM", "DGRAM", "SEQPACKET", "RDM", "RAW", "PACKET"};

static const char *known(const char *name, const char *prefix, const char *const *words, size_t n)
{
	if (!name || !wh_util_has_prefix(name, prefix))
		return NULL;
	name += strlen(prefix);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(name, words[i]) == 0)
			return words[i];
	}
	return NULL;
}

static const char *domain_of(const struct wh_socket *s)
{
	return known(s->family, "AF_", domains, WH_ARRAY_SIZE(domains));
}

static const char *type_of(const struct wh_socket *s)
{
	return known(s->type, "SOCK_", types, WH_ARRAY_SIZE(types));
}

/* The rule of a domain and type, made at its first fact. */
static int find_or_add(struct wh_policy *p, enum wh_policy_section section, enum wh_kind kind,
		       struct wh_buf *text, const char *reason, const void *fact,
		       struct wh_error *e)
{
	struct wh_policy_rule *rule = NULL;
	int r;

	if (text->failed)
		return wh_error_oom(e);
	for (size_t i = 0; i < p->n_rules && !rule; i++) {
		if (p->rules[i].section == section && strcmp(p->rules[i].text, text->data) == 0)
			rule = &p->rules[i];
	}
	if (!rule) {
		r = add_rule(p, section, kind, text, reason, &rule, e);
		if (r < 0)
			return r;
	}
	return add_fact(p, rule, fact, e);
}

static int add_network(struct wh_policy *p, const struct wh_socket *s, struct wh_error *e)
{
	const char *domain = domain_of(s), *type = type_of(s);
	wh_auto(buf) text = {0};

	if (!domain)
		return wh_policy_warn(
			p,
			wh_pool_printf(&p->pool,
				       "sockets of family %s cannot be named in an "
				       "AppArmor rule: its profile does not allow them",
				       s->family),
			false, NULL, e);
	wh_buf_adds(&text, "network ");
	add_lower(&text, domain);
	if (type) {
		wh_buf_addc(&text, ' ');
		add_lower(&text, type);
	} else if (s->type) {
		/* A type without a name (DCCP): all of the family's, as it cannot be told apart. */
		return find_or_add(p, WH_POLICY_NETWORK, WH_KIND_SOCKET, &text,
				   "the type of the socket cannot be named in a rule", s, e);
	} else {
		/* Nothing was created here: the socket was inherited, or made by a fact of its own. */
		return 0;
	}
	return find_or_add(p, WH_POLICY_NETWORK, WH_KIND_SOCKET, &text, NULL, s, e);
}

/*
 * One unix rule a socket type, with what was done with sockets of it. apparmor_parser always makes a
 * "network unix" rule of it too, for kernels that mediate unix sockets no finer.
 */
static int add_unix(struct wh_policy *p, const void *const *facts, size_t n, const char *type,
		    struct wh_error *e)
{
	static const char *const ops[] = {"bind", "listen", "accept", "connect"};
	wh_auto(buf) text = {0};
	struct wh_policy_rule *rule;
	bool seen[WH_ARRAY_SIZE(ops)] = {0}, any = false;
	int r;

	for (size_t i = 0; i < n; i++) {
		const struct wh_socket *s = facts[i];

		if (!wh_util_streq(domain_of(s), "UNIX") || !wh_util_streq(type_of(s), type))
			continue;
		any = true;
		for (size_t j = 0; j < WH_ARRAY_SIZE(ops); j++)
			seen[j] |= strcmp(s->op, ops[j]) == 0;
	}
	if (!any)
		return 0;
	wh_buf_adds(&text,
		    "unix (create, getattr, setattr, getopt, setopt, shutdown, send, receive");
	for (size_t j = 0; j < WH_ARRAY_SIZE(ops); j++) {
		if (seen[j])
			wh_buf_addf(&text, ", %s", ops[j]);
	}
	wh_buf_adds(&text, ") type=");
	add_lower(&text, type);
	r = add_rule(p, WH_POLICY_UNIX, WH_KIND_SOCKET, &text, NULL, &rule, e);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		const struct wh_socket *s = facts[i];

		if (wh_util_streq(domain_of(s), "UNIX") && wh_util_streq(type_of(s), type))
			r = add_fact(p, rule, s, e);
	}
	return r;
}

static int add_sockets(struct wh_policy *p, struct wh_error *e)
{
	size_t n;
	const void *const *facts = wh_trace_facts(p->trace, WH_KIND_SOCKET, &n);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		const struct wh_socket *s = facts[i];

		if (only(&s->outcomes, refused) || wh_util_streq(domain_of(s), "UNIX"))
			continue;
		/* The family of an address may be another (AF_UNSPEC ends a connection). */
		if (!domain_of(s) && !wh_util_has_prefix(s->op, "socket"))
			continue;
		r = add_network(p, s, e);
	}
	for (size_t i = 0; r >= 0 && i < WH_ARRAY_SIZE(types); i++)
		r = add_unix(p, facts, n, types[i], e);
	return r;
}

/* ---- signals and ptrace ---------------------------------------------------------------------- */

/* AppArmor's words for signals, where they are not the kernel's in lower case. */
static const struct {
	const char *kernel, *apparmor;
} signals[] = {
	{"0", "exists"},    {"SIGTSTP", "stp"}, {"SIGPOLL", "io"},
	{"SIGCLD", "chld"}, {"SIGIOT", "abrt"},
};

static void signal_word(struct wh_buf *b, const char *signal)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(signals); i++) {
		if (strcmp(signals[i].kernel, signal) == 0) {
			wh_buf_adds(b, signals[i].apparmor);
			return;
		}
	}
	add_lower(b, wh_util_has_prefix(signal, "SIG") ? signal + strlen("SIG") : signal);
}

/* Words and the "+" of "SIGRTMIN+3": what goes into a rule is never just any foreign text. */
static bool is_signal(const char *signal)
{
	return strcmp(signal, "0") == 0 ||
	       (wh_util_has_prefix(signal, "SIG") &&
		strspn(signal, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+") == strlen(signal));
}

static int add_signals_to(struct wh_policy *p, bool outside, struct wh_error *e)
{
	size_t n;
	const void *const *facts = wh_trace_facts(p->trace, WH_KIND_SIGNAL, &n);
	wh_auto(buf) text = {0};
	struct wh_policy_rule *rule;
	const char *last = NULL;
	int r;

	wh_buf_adds(&text, outside ? "signal (send) set=(" : "signal (send, receive) set=(");
	for (size_t i = 0; i < n; i++) {
		const struct wh_signal *s = facts[i];

		if ((strcmp(s->target, "outside") == 0) != outside || !is_signal(s->signal) ||
		    only(&s->outcomes, no_target) || wh_util_streq(last, s->signal))
			continue;
		if (last)
			wh_buf_adds(&text, ", ");
		signal_word(&text, s->signal);
		last = s->signal;
	}
	if (!last)
		return 0;
	wh_buf_addf(&text, ") peer=%s", outside ? "unconfined" : "@{profile_name}");
	r = add_rule(p, WH_POLICY_SIGNAL, WH_KIND_SIGNAL, &text, NULL, &rule, e);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		const struct wh_signal *s = facts[i];

		if ((strcmp(s->target, "outside") == 0) == outside &&
		    !only(&s->outcomes, no_target))
			r = add_fact(p, rule, s, e);
	}
	return r;
}

/* kcmp() asks for PTRACE_MODE_READ, all others for PTRACE_MODE_ATTACH (kernel/ptrace.c). */
static int add_ptraces(struct wh_policy *p, struct wh_error *e)
{
	size_t n;
	const void *const *facts = wh_trace_facts(p->trace, WH_KIND_PTRACE, &n);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		const struct wh_ptrace *s = facts[i];
		bool outside = strcmp(s->target, "outside") == 0;
		bool reads = strcmp(s->request, "kcmp") == 0;
		wh_auto(buf) text = {0};

		/* A process may always look into itself. */
		if (only(&s->outcomes, no_target) ||
		    (strcmp(s->target, "self") == 0 && strcmp(s->request, "PTRACE_TRACEME") != 0))
			continue;
		wh_buf_addf(&text, "ptrace (%s%s) peer=%s", reads ? "read" : "trace",
			    outside ? ""
			    : reads ? ", readby"
				    : ", tracedby",
			    outside ? "unconfined" : "@{profile_name}");
		r = find_or_add(p, WH_POLICY_PTRACE, WH_KIND_PTRACE, &text, NULL, s, e);
	}
	return r;
}

/* Files of other processes under /proc that the kernel shows only to who may trace them. */
static int add_proc_reads(struct wh_policy *p, struct wh_error *e)
{
	static const char *const guarded[] = {
		"auxv",	 "environ", "exe",     "maps",	"mem", "numa_maps",  "pagemap",
		"smaps", "stack",   "syscall", "wchan", "io",  "personality"};
	static const char prefix[] = "/proc/@{pid}/";
	int r = 0;

	for (size_t i = 0; r >= 0 && i < p->n_files; i++) {
		const struct wh_policy_file *file = &p->files[i];
		wh_auto(buf) text = {0};
		bool found = false;

		if (!wh_util_has_prefix(file->path, prefix))
			continue;
		for (size_t j = 0; j < WH_ARRAY_SIZE(guarded); j++)
			found |= strcmp(file->path + strlen(prefix), guarded[j]) == 0;
		if (!found)
			continue;
		wh_buf_adds(&text, "ptrace (read, readby) peer=@{profile_name}");
		for (size_t j = 0; r >= 0 && j < file->n_facts; j++)
			r = find_or_add(
				p, WH_POLICY_PTRACE, WH_KIND_FILE, &text,
				"of another process, the kernel shows these files only to who "
				"may trace it",
				file->facts[j], e);
	}
	return r;
}

/* ---- mounts and links ------------------------------------------------------------------------ */

/* The options that apparmor_parser 3.0 knows. */
static bool options_known(const char *flags)
{
	static const char *const words[] = {
		"ro",	      "rw",	     "nosuid",	    "suid",	"nodev",      "dev",
		"noexec",     "exec",	     "sync",	    "async",	"remount",    "mand",
		"nomand",     "dirsync",     "noatime",	    "atime",	"nodiratime", "diratime",
		"bind",	      "rbind",	     "move",	    "silent",	"loud",	      "acl",
		"noacl",      "unbindable",  "runbindable", "private",	"rprivate",   "slave",
		"rslave",     "shared",	     "rshared",	    "relatime", "norelatime", "iversion",
		"noiversion", "strictatime",
	};

	while (*flags) {
		size_t len = strcspn(flags, ","), i = 0;

		while (i < WH_ARRAY_SIZE(words) &&
		       (strlen(words[i]) != len || strncmp(words[i], flags, len) != 0))
			i++;
		if (i == WH_ARRAY_SIZE(words))
			return false;
		flags += len + (flags[len] == ',');
	}
	return true;
}

/* A folder's name has a slash at its end in AppArmor's eyes; whether it is one may not be known. */
static void add_place(struct wh_buf *b, const char *path)
{
	wh_auto(buf) pattern = {0};
	size_t len = strlen(path);

	wh_aare_escape(&pattern, path, len);
	if (path[0] == '/' && path[len - 1] != '/')
		wh_buf_adds(&pattern, "{,/}");
	wh_aare_quote(b, pattern.data ? pattern.data : "");
}

static void mount_options(struct wh_buf *b, const struct wh_mount *m)
{
	const char *flags = m->flags && *m->flags ? m->flags : "rw";

	if (!options_known(flags))
		return;
	wh_buf_adds(b, " options=(");
	for (; *flags; flags++) {
		if (*flags == ',')
			wh_buf_adds(b, ", ");
		else
			wh_buf_addc(b, *flags);
	}
	wh_buf_addc(b, ')');
}

static bool is_word(const char *s)
{
	return s && *s &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
		       strlen(s);
}

/*
 * Which kind of rule each operation needs. The steps of the newer mount calls are not asked about,
 * but their last: move_mount(), from Linux 6.8 on.
 */
static const struct mount_op {
	const char *op, *rule;
	bool fstype, options, source;
} mount_ops[] = {
	{"mount", "mount", true, true, true},
	{"remount", "remount", false, true, false},
	{"bind", "mount", false, true, true},
	{"move", "mount", false, true, true},
	{"propagation", "mount", false, true, false},
	{"move_mount", "mount", false, false, false},
	{"umount", "umount", false, false, false},
	{"pivot_root", "pivot_root", false, false, false},
};

static void mount_text(struct wh_buf *b, const struct mount_op *op, const struct wh_mount *m)
{
	bool arrow = strcmp(op->rule, "mount") == 0;

	wh_buf_adds(b, op->rule);
	if (op->fstype && is_word(m->fstype))
		wh_buf_addf(b, " fstype=%s", m->fstype);
	if (op->options)
		mount_options(b, m);
	if (op->source && m->source && *m->source) {
		wh_buf_addc(b, ' ');
		add_place(b, m->source);
	}
	if (strcmp(op->rule, "pivot_root") == 0 && m->source && *m->source) {
		wh_buf_adds(b, " oldroot=");
		add_place(b, m->source);
	}
	if (m->target && *m->target) {
		wh_buf_adds(b, arrow ? " -> " : " ");
		add_place(b, m->target);
	}
}

static int add_mounts(struct wh_policy *p, struct wh_error *e)
{
	size_t n;
	const void *const *facts = wh_trace_facts(p->trace, WH_KIND_MOUNT, &n);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		const struct wh_mount *m = facts[i];
		wh_auto(buf) text = {0};
		size_t j = 0;

		if (only(&m->outcomes, no_place))
			continue;
		while (j < WH_ARRAY_SIZE(mount_ops) && strcmp(mount_ops[j].op, m->op) != 0)
			j++;
		if (j == WH_ARRAY_SIZE(mount_ops))
			continue;
		mount_text(&text, &mount_ops[j], m);
		r = find_or_add(p, WH_POLICY_MOUNT, WH_KIND_MOUNT, &text, NULL, m, e);
	}
	return r;
}

/* One of the names of a link, quoted. A name that a file rule has as a pattern is one here too. */
static void add_name(const struct wh_policy *p, const struct wh_generalise *g, const char *path,
		     unsigned use, struct wh_buf *b)
{
	wh_auto(buf) pattern = {0}, reasons = {0};

	for (size_t i = 0; i < p->n_files; i++) {
		for (size_t j = 0; j < p->files[i].n_facts; j++) {
			if (strcmp(p->files[i].facts[j]->path, path) == 0) {
				wh_aare_quote(b, p->files[i].pattern);
				return;
			}
		}
	}
	wh_generalise_path(g, path, use, &pattern, &reasons);
	b->failed |= pattern.failed || reasons.failed;
	wh_aare_quote(b, pattern.data ? pattern.data : "");
}

/* Both names of a hard link: the new one may only ever point to that old one. */
static int add_link(struct wh_policy *p, const struct wh_generalise *g, const struct wh_file *f,
		    struct wh_error *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < f->peers.n; i++) {
		wh_auto(buf) text = {0};

		wh_buf_adds(&text, "link ");
		add_name(p, g, f->path, WH_GENERALISE_CREATED, &text);
		wh_buf_adds(&text, " -> ");
		add_name(p, g, f->peers.v[i], 0, &text);
		r = find_or_add(p, WH_POLICY_LINK, WH_KIND_FILE, &text, NULL, f, e);
	}
	return r;
}

static int add_links(struct wh_policy *p, struct wh_error *e)
{
	wh_auto(generalise) g = NULL;
	size_t n;
	const void *const *facts = wh_trace_facts(p->trace, WH_KIND_FILE, &n);
	int r = wh_generalise_load(&g, e);

	for (size_t i = 0; r >= 0 && i < n; i++) {
		const struct wh_file *f = facts[i];

		if (f->access == WH_ACCESS_LINK_TO && !f->peers.overflow &&
		    (has_outcome(&f->outcomes, "ok") || f->outcomes.n == 0))
			r = add_link(p, g, f, e);
	}
	return r;
}

static int by_section(const void *a, const void *b)
{
	const struct wh_policy_rule *x = a, *y = b;

	if (x->section != y->section)
		return x->section < y->section ? -1 : 1;
	return strcmp(x->text, y->text);
}

int wh_policy_rules(struct wh_policy *p, struct wh_error *e)
{
	static int (*const steps[])(struct wh_policy * p, struct wh_error * e) = {
		add_caps, add_sockets, add_ptraces, add_proc_reads, add_mounts, add_links,
	};
	int r;

	for (size_t i = 0; i < WH_ARRAY_SIZE(steps); i++) {
		r = steps[i](p, e);
		if (r < 0)
			return r;
	}
	r = add_signals_to(p, false, e);
	if (r >= 0)
		r = add_signals_to(p, true, e);
	if (r >= 0 && p->n_rules)
		qsort(p->rules, p->n_rules, sizeof(*p->rules), by_section);
	return r;
}
