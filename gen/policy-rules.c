// SPDX-License-Identifier: Apache-2.0
/* AppArmor rules that are no file rules: capability, network, unix, signal, ptrace. */
#include "gen/policy-internal.h"

#include <ctype.h>

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

bool wh_policy_only(const struct wh_fact *fact, const struct wh_counts *outcomes,
		    const char *const *names)
{
	if (fact->phases & WH_PHASE_AUDIT)
		return false;
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

int wh_policy_rule_put(struct wh_policy *p, enum wh_policy_section section, enum wh_kind kind,
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
		return wh_policy_rule_put(p, WH_POLICY_NETWORK, WH_KIND_SOCKET, &text,
					  "the type of the socket cannot be named in a rule", s, e);
	} else {
		/* Nothing was created here: the socket was inherited, or made by a fact of its own. */
		return 0;
	}
	return wh_policy_rule_put(p, WH_POLICY_NETWORK, WH_KIND_SOCKET, &text, NULL, s, e);
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
	const void *const *facts = wh_policy_facts(p, WH_KIND_SOCKET, &n);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		const struct wh_socket *s = facts[i];

		if (wh_policy_only(&s->f, &s->outcomes, refused) ||
		    wh_util_streq(domain_of(s), "UNIX"))
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

bool wh_policy_signal_word(const struct wh_signal *s, struct wh_buf *word)
{
	if (!is_signal(s->signal) || wh_policy_only(&s->f, &s->outcomes, no_target))
		return false;
	signal_word(word, s->signal);
	return true;
}

static int add_signals_to(struct wh_policy *p, bool outside, struct wh_error *e)
{
	size_t n;
	const void *const *facts = wh_policy_facts(p, WH_KIND_SIGNAL, &n);
	wh_auto(buf) text = {0};
	struct wh_policy_rule *rule;
	const char *last = NULL;
	int r;

	wh_buf_adds(&text, outside ? "signal (send) set=(" : "signal (send, receive) set=(");
	for (size_t i = 0; i < n; i++) {
		const struct wh_signal *s = facts[i];

		if ((strcmp(s->target, "outside") == 0) != outside || !is_signal(s->signal) ||
		    wh_policy_only(&s->f, &s->outcomes, no_target) ||
		    wh_util_streq(last, s->signal))
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
		    !wh_policy_only(&s->f, &s->outcomes, no_target))
			r = add_fact(p, rule, s, e);
	}
	return r;
}

/* kcmp() asks for PTRACE_MODE_READ, all others for PTRACE_MODE_ATTACH (kernel/ptrace.c). */
const char *wh_policy_ptrace_word(const struct wh_ptrace *s)
{
	/* A process may always look into itself. */
	if (wh_policy_only(&s->f, &s->outcomes, no_target) ||
	    (strcmp(s->target, "self") == 0 && strcmp(s->request, "PTRACE_TRACEME") != 0))
		return NULL;
	return strcmp(s->request, "kcmp") == 0 || strcmp(s->request, "read") == 0 ? "read"
										  : "trace";
}

static int add_ptraces(struct wh_policy *p, struct wh_error *e)
{
	size_t n;
	const void *const *facts = wh_policy_facts(p, WH_KIND_PTRACE, &n);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		const struct wh_ptrace *s = facts[i];
		bool outside = strcmp(s->target, "outside") == 0;
		const char *word = wh_policy_ptrace_word(s);
		bool reads = word && strcmp(word, "read") == 0;
		wh_auto(buf) text = {0};

		/* Within, the rules have other profiles as their peers. */
		if (!word || (p->whole && !outside))
			continue;
		wh_buf_addf(&text, "ptrace (%s%s) peer=%s", word,
			    outside ? ""
			    : reads ? ", readby"
				    : ", tracedby",
			    outside ? "unconfined" : "@{profile_name}");
		r = wh_policy_rule_put(p, WH_POLICY_PTRACE, WH_KIND_PTRACE, &text, NULL, s, e);
	}
	return r;
}

bool wh_policy_proc_guarded(const char *path)
{
	static const char *const guarded[] = {
		"auxv",	 "environ", "exe",     "maps",	"mem", "numa_maps",  "pagemap",
		"smaps", "stack",   "syscall", "wchan", "io",  "personality"};
	static const char prefix[] = "/proc/@{pid}/";

	if (!wh_util_has_prefix(path, prefix))
		return false;
	for (size_t i = 0; i < WH_ARRAY_SIZE(guarded); i++)
		if (strcmp(path + strlen(prefix), guarded[i]) == 0)
			return true;
	return false;
}

/* Files of other processes under /proc that the kernel shows only to who may trace them. */
static int add_proc_reads(struct wh_policy *p, struct wh_error *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < p->n_files; i++) {
		const struct wh_policy_file *file = &p->files[i];
		wh_auto(buf) text = {0};

		if (!wh_policy_proc_guarded(file->path))
			continue;
		wh_buf_adds(&text, "ptrace (read, readby) peer=@{profile_name}");
		for (size_t j = 0; r >= 0 && j < file->n_facts; j++)
			r = wh_policy_rule_put(
				p, WH_POLICY_PTRACE, WH_KIND_FILE, &text,
				"of another process, the kernel shows these files only to who "
				"may trace it",
				file->facts[j], e);
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
		add_caps, add_sockets, add_ptraces, wh_policy_mounts, wh_policy_links,
	};
	int r;

	for (size_t i = 0; i < WH_ARRAY_SIZE(steps); i++) {
		r = steps[i](p, e);
		if (r < 0)
			return r;
	}
	if (p->whole) {
		r = wh_policy_peers(p, e);
	} else {
		r = add_proc_reads(p, e);
		if (r >= 0)
			r = add_signals_to(p, false, e);
	}
	if (r >= 0)
		r = add_signals_to(p, true, e);
	if (r >= 0 && p->n_rules)
		qsort(p->rules, p->n_rules, sizeof(*p->rules), by_section);
	return r;
}
