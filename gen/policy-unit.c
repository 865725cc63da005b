// SPDX-License-Identifier: Apache-2.0
/*
 * How a systemd service is to be confined: systemd.exec(5). It runs on a machine with others, so what it reads of
 * the machine is left as it is, but for what it has not touched.
 */
#include "gen/policy-internal.h"

#include "gen/text.h"
#include "whittle/syscall.h"

/* Folders to write in, above which they are not told one by one. */
#define PATHS 64

static int put(struct wh_policy *p, bool on, const char *name, const char *value,
	       const char *reason, struct wh_error *e)
{
	struct wh_policy_directive *d =
		wh_pool_append(&p->pool, &p->directives, &p->n_directives, sizeof(*d));

	reason = reason ? wh_text_safe_dup(&p->pool, reason) : NULL;
	if (!d || !reason)
		return wh_error_oom(e);
	*d = (struct wh_policy_directive){.name = name, .value = value, .reason = reason, .on = on};
	return 0;
}

static bool is_below_or(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* ---- files ----------------------------------------------------------------------------------- */

static bool writes(const struct wh_file *fact)
{
	switch (fact->access) {
	case WH_ACCESS_WRITE:
	case WH_ACCESS_APPEND:
	case WH_ACCESS_TRUNCATE:
	case WH_ACCESS_CHMOD:
	case WH_ACCESS_CHOWN:
	case WH_ACCESS_UTIME:
	case WH_ACCESS_SETXATTR:
	case WH_ACCESS_REMOVEXATTR:
		return true;
	default:
		return wh_trace_access_makes(fact->access) || wh_trace_access_removes(fact->access);
	}
}

/* The first use of one of @folders (NULL-terminated); failed ones count, since why they failed may hang on it. */
static const struct wh_file *use_of(const struct wh_policy *p, const char *const *folders,
				    bool written)
{
	size_t n;
	const void *const *files = wh_trace_facts(p->trace, WH_KIND_FILE, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_file *fact = files[i];

		if (!wh_policy_own(&fact->f) || fact->access == WH_ACCESS_INHERIT_READ ||
		    fact->access == WH_ACCESS_INHERIT_WRITE || (written && !writes(fact)))
			continue;
		for (size_t j = 0; folders[j]; j++) {
			if (is_below_or(fact->path, folders[j]))
				return fact;
		}
	}
	return NULL;
}

static const char *used(struct wh_policy *p, const struct wh_file *fact)
{
	return wh_pool_printf(&p->pool, "%s %s", wh_trace_access_name(fact->access), fact->path);
}

static int judge_home(struct wh_policy *p, struct wh_error *e)
{
	static const char *const homes[] = {"/home", "/root", "/run/user", NULL};
	const struct wh_file *any = use_of(p, homes, false), *written = use_of(p, homes, true);

	if (!any)
		return put(p, true, "ProtectHome", "yes", "nothing in a home was touched", e);
	return put(p, !written, "ProtectHome", "read-only", used(p, written ? written : any), e);
}

/* A /tmp of its own hides what others have there, and from others what it makes there. */
static int judge_tmp(struct wh_policy *p, struct wh_error *e)
{
	static const char *const folders[] = {"/tmp", "/var/tmp", NULL};
	size_t n;
	const void *const *files = wh_trace_facts(p->trace, WH_KIND_FILE, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_file *fact = files[i];

		if ((is_below_or(fact->path, folders[0]) || is_below_or(fact->path, folders[1])) &&
		    wh_policy_own(&fact->f) &&
		    (fact->access == WH_ACCESS_BIND || fact->access == WH_ACCESS_CONNECT))
			return put(p, false, "PrivateTmp", "yes", used(p, fact), e);
	}
	return put(p, true, "PrivateTmp", "yes",
		   use_of(p, folders, false) ? "no socket in /tmp is shared with others"
					     : "it has no use for the /tmp of others",
		   e);
}

/* systemd.exec(5): what PrivateDevices= leaves. */
static bool is_private_device(const char *path)
{
	static const char *const kept[] = {
		"null",	  "zero", "full", "random", "urandom", "tty",	 "pts",	      "shm", "ptmx",
		"mqueue", "fd",	  "log",  "stdin",  "stdout",  "stderr", "hugepages", "core"};
	size_t len = strcspn(path + 5, "/");

	for (size_t i = 0; i < WH_ARRAY_SIZE(kept); i++) {
		if (strlen(kept[i]) == len && strncmp(path + 5, kept[i], len) == 0)
			return true;
	}
	return !len;
}

static int judge_devices(struct wh_policy *p, struct wh_error *e)
{
	size_t n;
	const void *const *files = wh_trace_facts(p->trace, WH_KIND_FILE, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_file *fact = files[i];

		if (wh_util_has_prefix(fact->path, "/dev/") && wh_policy_own(&fact->f) &&
		    !is_private_device(fact->path))
			return put(p, false, "PrivateDevices", "yes", used(p, fact), e);
	}
	return put(p, true, "PrivateDevices", "yes", "no device but the harmless ones was used", e);
}

static bool devices_on(const struct wh_policy *p)
{
	for (size_t i = 0; i < p->n_directives; i++) {
		if (strcmp(p->directives[i].name, "PrivateDevices") == 0)
			return p->directives[i].on;
	}
	return false;
}

static int judge_kernel(struct wh_policy *p, struct wh_error *e)
{
	static const struct {
		const char *directive, *folders[5], *cap, *reason;
	} rows[] = {
		{"ProtectKernelTunables",
		 {"/proc/sys", "/sys", "/proc/sysrq-trigger", NULL},
		 NULL,
		 "no setting of the kernel was changed"},
		{"ProtectControlGroups", {"/sys/fs/cgroup", NULL}, NULL, "no cgroup was changed"},
		{"ProtectKernelModules",
		 {"/lib/modules", "/usr/lib/modules", NULL},
		 "CAP_SYS_MODULE",
		 "no module was loaded"},
		{"ProtectKernelLogs",
		 {"/dev/kmsg", "/proc/kmsg", NULL},
		 "CAP_SYSLOG",
		 "the kernel's log was not read"},
		{"ProtectClock",
		 {"/dev/rtc", "/dev/rtc0", NULL},
		 "CAP_SYS_TIME",
		 "no clock was set"},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < WH_ARRAY_SIZE(rows); i++) {
		/* Of the first two reading is left. */
		const struct wh_file *fact = use_of(p, rows[i].folders, i < 2);
		const struct wh_policy_cap *cap =
			rows[i].cap ? wh_policy_find_cap(p, rows[i].cap) : NULL;
		bool needed = cap && cap->decision == WH_POLICY_ADD;
		/* It allows one device by name, and so denies all others. */
		bool alone = strcmp(rows[i].directive, "ProtectClock") == 0 && !devices_on(p);

		r = put(p, !fact && !needed && !alone, rows[i].directive, "yes",
			fact	 ? used(p, fact)
			: needed ? wh_pool_printf(&p->pool, "%s is needed", rows[i].cap)
			: alone	 ? "it would deny the devices that are used"
				 : rows[i].reason,
			e);
	}
	return r;
}

static const char *folder_of(struct wh_policy *p, const struct wh_file *fact)
{
	size_t len = strlen(fact->path);

	while (len && fact->path[len - 1] == '/')
		len--;
	while (len && fact->path[len - 1] != '/')
		len--;
	while (len && fact->path[len - 1] == '/')
		len--;
	return wh_pool_strndup(&p->pool, fact->path, len);
}

/* ProtectSystem=strict, with the folders that are written to: those that are no home or /tmp of its own, which are not. */
static int judge_system(struct wh_policy *p, struct wh_error *e)
{
	size_t n;
	const void *const *files = wh_trace_facts(p->trace, WH_KIND_FILE, &n);
	const char *last = NULL;
	size_t first = p->n_directives;

	if (put(p, true, "ProtectSystem", "strict", "all that it writes to is named below", e) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct wh_file *fact = files[i];
		const char *folder, *value;

		if (fact->path[0] != '/' || !writes(fact) || !wh_policy_own(&fact->f) ||
		    !wh_policy_happened(&fact->f, &fact->outcomes) ||
		    is_below_or(fact->path, "/dev") || is_below_or(fact->path, "/proc") ||
		    is_below_or(fact->path, "/sys"))
			continue;
		folder = folder_of(p, fact);
		if (!folder)
			return wh_error_oom(e);
		/* Sorted by path: what is below the last one follows it. */
		if (last && is_below_or(folder, last))
			continue;
		last = folder;
		if (!*folder || !wh_policy_is_plain(folder) || p->n_directives - first > PATHS) {
			p->directives[first].on = false;
			p->directives[first].reason = wh_text_safe_dup(&p->pool, used(p, fact));
			p->n_directives = first + 1;
			return p->directives[first].reason ? 0 : wh_error_oom(e);
		}
		value = wh_pool_printf(&p->pool, "-%s", folder);
		if (!value || put(p, true, "ReadWritePaths", value, used(p, fact), e) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (; list && *list; list += strcspn(list, " "), list += *list == ' ') {
		if (strcspn(list, " ") == len && strncmp(list, word, len) == 0)
			return true;
	}
	return false;
}

static int judge_families(struct wh_policy *p, struct wh_error *e)
{
	size_t n;
	const void *const *sockets = wh_trace_facts(p->trace, WH_KIND_SOCKET, &n);
	wh_auto(buf) list = {0};
	const char *last = NULL, *value;

	/* Sorted by operation, then family; a socket made elsewhere needs no permission here. */
	for (size_t i = 0; i < n; i++) {
		const struct wh_socket *s = sockets[i];

		if ((strcmp(s->op, "socket") != 0 && strcmp(s->op, "socketpair") != 0) ||
		    !wh_policy_own(&s->f) || (last && strcmp(last, s->family) == 0))
			continue;
		/* A number, where we know no name. */
		if (!wh_util_has_prefix(s->family, "AF_") || strpbrk(s->family, "@./+-") ||
		    !wh_policy_is_plain(s->family) || (s->family[3] >= '0' && s->family[3] <= '9'))
			return put(p, false, "RestrictAddressFamilies", "",
				   "a family has no name that systemd knows", e);
		last = s->family;
		if (!has_word(list.data, s->family))
			wh_buf_addf(&list, "%s%s", list.len ? " " : "", s->family);
	}
	value = wh_pool_strdup(&p->pool, list.len ? list.data : "none");
	if (!value || list.failed)
		return wh_error_oom(e);
	return put(p, true, "RestrictAddressFamilies", value,
		   list.len ? "the kinds of sockets that it made" : "it made no socket", e);
}

static bool called(const struct wh_policy *p, const char *const *names)
{
	for (size_t i = 0; names[i]; i++) {
		const struct wh_policy_syscall *s = wh_policy_find_syscall(p, names[i]);

		if (s && s->origins & WH_POLICY_OBSERVED)
			return true;
	}
	return false;
}

static int judge_calls(struct wh_policy *p, struct wh_error *e)
{
	static const struct {
		const char *directive, *calls[4], *reason;
	} rows[] = {
		{"LockPersonality", {"personality"}, "it asked for no other personality"},
		{"RestrictRealtime",
		 {"sched_setscheduler", "sched_setattr"},
		 "it did not change how it is scheduled"},
		{"ProtectHostname",
		 {"sethostname", "setdomainname"},
		 "it did not name the machine"},
	};
	bool namespaces = wh_trace_count(p->trace, WH_KIND_NAMESPACE) > 0;
	int r = put(p, !namespaces, "RestrictNamespaces", "yes",
		    namespaces ? "it made or entered one" : "it made no namespace and entered none",
		    e);

	for (size_t i = 0; r == 0 && i < WH_ARRAY_SIZE(rows); i++) {
		bool made = called(p, rows[i].calls);

		r = put(p, !made, rows[i].directive, "yes",
			made ? wh_pool_printf(&p->pool, "it called %s or the like",
					      rows[i].calls[0])
			     : rows[i].reason,
			e);
	}
	return r;
}

static int judge_abis(struct wh_policy *p, struct wh_error *e)
{
	size_t n;
	const void *const *runs = wh_policy_facts(p, WH_KIND_RUN, &n);
	const struct wh_run *run = runs[0];
	const struct wh_abi *native = wh_syscall_abi(run->arch);
	bool alone =
		native && p->n_architectures == 1 && strcmp(p->architectures[0], native->oci) == 0;

	return put(p, alone, "SystemCallArchitectures", "native",
		   alone ? "no other ABI was used" : "programs of another ABI were executed", e);
}

/* A network of its own also has abstract unix sockets of its own. */
static int judge_network(struct wh_policy *p, struct wh_error *e)
{
	const struct wh_policy_hint *hint = &p->hints[WH_POLICY_HINT_NETWORK];
	size_t n;
	const void *const *sockets = wh_trace_facts(p->trace, WH_KIND_SOCKET, &n);
	const char *reason = hint->reason;
	bool on = hint->on;

	for (size_t i = 0; i < n; i++) {
		const struct wh_socket *s = sockets[i];

		if (on && s->address && wh_util_has_prefix(s->address, "unix:@")) {
			on = false;
			reason = "it used abstract unix sockets, which belong to the network";
		}
	}
	return put(p, on, "PrivateNetwork", "yes", reason, e);
}

int wh_policy_unit(struct wh_policy *p, struct wh_error *e)
{
	static int (*const steps[])(struct wh_policy *, struct wh_error *) = {
		judge_system,	judge_home,  judge_tmp,	    judge_devices, judge_kernel,
		judge_families, judge_calls, judge_network, judge_abis,
	};
	const char *unsure = wh_policy_unsure(p);
	const struct wh_policy_hint *pids = &p->hints[WH_POLICY_HINT_PIDS_LIMIT];
	int r = put(p, pids->on, "TasksMax", pids->value, pids->reason, e);

	if (r == 0 && unsure)
		return put(p, false, "ProtectSystem", "strict", unsure, e);
	for (size_t i = 0; r == 0 && i < WH_ARRAY_SIZE(steps); i++)
		r = steps[i](p, e);
	return r;
}
