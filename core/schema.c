/* SPDX-License-Identifier: Apache-2.0 */
#include "whittle/schema.h"

#include "core/set.h"

static const char *const access_names[] = {
#define X(id, name, letters) name,
	WH_ACCESS_LIST(X)
#undef X
};

static const char *const access_letters[] = {
#define X(id, name, letters) letters,
	WH_ACCESS_LIST(X)
#undef X
};

static const char *const strength_names[] = {
#define X(id, name) name,
	WH_STRENGTH_LIST(X)
#undef X
};

static const char *const phase_names[] = {"runtime", "startup", "serving",
					  "exec",    "found",	"audit"};

const char *wh_trace_access_name(enum wh_access access)
{
	wh_assert(access < WH_ACCESSES);
	return access_names[access];
}

const char *wh_trace_access_letters(enum wh_access access)
{
	wh_assert(access < WH_ACCESSES);
	return access_letters[access];
}

bool wh_trace_access_makes(enum wh_access access)
{
	switch (access) {
	case WH_ACCESS_CREATE:
	case WH_ACCESS_MKDIR:
	case WH_ACCESS_RENAME_TO:
	case WH_ACCESS_LINK_TO:
	case WH_ACCESS_SYMLINK:
	case WH_ACCESS_MKNOD:
	case WH_ACCESS_BIND:
		return true;
	default:
		return false;
	}
}

bool wh_trace_access_removes(enum wh_access access)
{
	return access == WH_ACCESS_RMDIR || access == WH_ACCESS_UNLINK ||
	       access == WH_ACCESS_RENAME_FROM;
}

const char *wh_trace_strength_name(enum wh_strength strength)
{
	wh_assert(strength < WH_STRENGTHS);
	return strength_names[strength];
}

#define FIELD(s, member, kind, ...)                                                                \
	{                                                                                          \
		.name = #member, .type = WH_FIELD_##kind, .offset = offsetof(struct s, member),    \
		##__VA_ARGS__                                                                      \
	}
#define KEY	 .key = true
#define NULLABLE .nullable = true
#define NAMES(n) .names = (n), .n_names = WH_ARRAY_SIZE(n)

/* Every fact but a run begins with a struct wh_fact named f; these come last in the file. */
#define HEAD                                                                                       \
	{.name = "count", .type = WH_FIELD_COUNT, .offset = offsetof(struct wh_fact, count)},      \
		{.name = "phases",                                                                 \
		 .type = WH_FIELD_BITS,                                                            \
		 .offset = offsetof(struct wh_fact, phases),                                       \
		 NAMES(phase_names)},                                                              \
		{.name = "programs",                                                               \
		 .type = WH_FIELD_SET,                                                             \
		 .offset = offsetof(struct wh_fact, programs),                                     \
		 .limit = WH_LIMIT_PROGRAMS},                                                      \
		{.name = "runs",                                                                   \
		 .type = WH_FIELD_SET,                                                             \
		 .offset = offsetof(struct wh_fact, runs),                                         \
		 .limit = WH_LIMIT_RUNS},                                                          \
		{.name = "site", .type = WH_FIELD_SITE, .offset = offsetof(struct wh_fact, site)}, \
	{                                                                                          \
		.name = "logged", .type = WH_FIELD_SET,                                            \
		.offset = offsetof(struct wh_fact, logged), .limit = WH_LIMIT_EVIDENCE             \
	}

static const struct wh_field run_fields[] = {
	FIELD(wh_run, id, STR, KEY),
	FIELD(wh_run, name, STR),
	FIELD(wh_run, tool, STR),
	FIELD(wh_run, kernel, STR),
	FIELD(wh_run, arch, STR),
	FIELD(wh_run, libc, STR, NULLABLE),
	FIELD(wh_run, argv, LIST),
	FIELD(wh_run, cwd, STR, NULLABLE),
	FIELD(wh_run, outcome, STR),
	FIELD(wh_run, failed, ANY),
	FIELD(wh_run, complete, ALL),
	FIELD(wh_run, uid, U64),
	FIELD(wh_run, gid, U64),
	FIELD(wh_run, cap_effective, SET, .limit = WH_LIMIT_CAPS),
	FIELD(wh_run, cap_permitted, SET, .limit = WH_LIMIT_CAPS),
	FIELD(wh_run, cap_inheritable, SET, .limit = WH_LIMIT_CAPS),
	FIELD(wh_run, cap_bounding, SET, .limit = WH_LIMIT_CAPS),
	FIELD(wh_run, cap_ambient, SET, .limit = WH_LIMIT_CAPS),
	FIELD(wh_run, no_new_privs, ANY),
	FIELD(wh_run, seccomp_mode, U64),
	FIELD(wh_run, apparmor_label, STR, NULLABLE),
	FIELD(wh_run, ip_unprivileged_port_start, U64),
	FIELD(wh_run, engine, STR),
	FIELD(wh_run, engine_reason, STR, NULLABLE),
	FIELD(wh_run, counts_partial, ANY, NULLABLE),
	FIELD(wh_run, engine_notes, SET, .limit = WH_LIMIT_NOTES),
	FIELD(wh_run, questions, STR, NULLABLE),
	FIELD(wh_run, ready, STR, NULLABLE),
	FIELD(wh_run, load, STR, NULLABLE),
	FIELD(wh_run, load_outcome, STR, NULLABLE),
	FIELD(wh_run, container_engine, STR, NULLABLE),
	FIELD(wh_run, container_id, STR, NULLABLE),
	FIELD(wh_run, container_name, STR, NULLABLE),
	FIELD(wh_run, container_image, STR, NULLABLE),
	FIELD(wh_run, runtime, STR, NULLABLE),
	FIELD(wh_run, attached, ANY, NULLABLE),
	FIELD(wh_run, audit, ANY, NULLABLE),
	FIELD(wh_run, mounts, SET, .limit = WH_LIMIT_MOUNTS),
	FIELD(wh_run, groups, SET, .limit = WH_LIMIT_GROUPS),
	FIELD(wh_run, peak_tasks, U64, NULLABLE),
	FIELD(wh_run, stops, U64),
	FIELD(wh_run, tasks, U64),
	FIELD(wh_run, duration_ms, U64),
};

static const struct wh_field syscall_fields[] = {
	FIELD(wh_syscall, abi, STR, KEY),
	FIELD(wh_syscall, name, STR, KEY),
	FIELD(wh_syscall, number, U64),
	FIELD(wh_syscall, errors, COUNTS),
	FIELD(wh_syscall, args, TUPLES),
	FIELD(wh_syscall, proved, SET, .limit = WH_LIMIT_EVIDENCE),
	FIELD(wh_syscall, not_needed, SET, .limit = WH_LIMIT_EVIDENCE),
	HEAD,
};

static const struct wh_field file_fields[] = {
	FIELD(wh_file, path, STR, KEY),
	FIELD(wh_file, access, ENUM, KEY, NAMES(access_names)),
	FIELD(wh_file, type, STR),
	FIELD(wh_file, syscalls, SET, .limit = WH_LIMIT_SYSCALLS),
	FIELD(wh_file, outcomes, COUNTS),
	FIELD(wh_file, owner_always, ALL),
	FIELD(wh_file, restricted, ANY, NULLABLE),
	FIELD(wh_file, peers, SET, .limit = WH_LIMIT_PEERS),
	HEAD,
};

static const struct wh_field exec_fields[] = {
	FIELD(wh_exec, from, STR, KEY, NULLABLE),
	FIELD(wh_exec, to, STR, KEY),
	FIELD(wh_exec, interpreter, STR, KEY, NULLABLE),
	FIELD(wh_exec, loader, STR, NULLABLE),
	FIELD(wh_exec, argv, LIST),
	FIELD(wh_exec, gains, ANY),
	FIELD(wh_exec, gain_lost, ANY),
	HEAD,
};

static const struct wh_field socket_fields[] = {
	FIELD(wh_socket, op, STR, KEY),
	FIELD(wh_socket, family, STR, KEY),
	FIELD(wh_socket, type, STR, KEY, NULLABLE),
	FIELD(wh_socket, protocol, U64, KEY),
	FIELD(wh_socket, address, STR, KEY, NULLABLE),
	FIELD(wh_socket, outcomes, COUNTS),
	HEAD,
};

static const struct wh_field signal_fields[] = {
	FIELD(wh_signal, signal, STR, KEY),
	FIELD(wh_signal, target, STR, KEY),
	FIELD(wh_signal, peer, STR, KEY, NULLABLE),
	FIELD(wh_signal, outcomes, COUNTS),
	HEAD,
};

static const struct wh_field ptrace_fields[] = {
	FIELD(wh_ptrace, request, STR, KEY),
	FIELD(wh_ptrace, target, STR, KEY),
	FIELD(wh_ptrace, peer, STR, KEY, NULLABLE),
	FIELD(wh_ptrace, outcomes, COUNTS),
	HEAD,
};

static const struct wh_field mount_fields[] = {
	FIELD(wh_mount, op, STR, KEY),
	FIELD(wh_mount, source, STR, KEY, NULLABLE),
	FIELD(wh_mount, target, STR, KEY, NULLABLE),
	FIELD(wh_mount, fstype, STR, KEY, NULLABLE),
	FIELD(wh_mount, flags, STR, KEY, NULLABLE),
	FIELD(wh_mount, outcomes, COUNTS),
	HEAD,
};

static const struct wh_field rlimit_fields[] = {
	FIELD(wh_rlimit, resource, STR, KEY),
	FIELD(wh_rlimit, change, STR, KEY),
	FIELD(wh_rlimit, max, U64),
	FIELD(wh_rlimit, outcomes, COUNTS),
	HEAD,
};

static const struct wh_field namespace_fields[] = {
	FIELD(wh_namespace, op, STR, KEY),
	FIELD(wh_namespace, type, STR, KEY),
	FIELD(wh_namespace, outcomes, COUNTS),
	HEAD,
};

static const struct wh_field cap_fields[] = {
	FIELD(wh_cap, cap, STR, KEY),
	FIELD(wh_cap, instead, STR, KEY, NULLABLE),
	FIELD(wh_cap, strength, ENUM, KEY, NAMES(strength_names)),
	FIELD(wh_cap, denied, ANY, KEY),
	FIELD(wh_cap, ended, ANY, NULLABLE),
	FIELD(wh_cap, syscalls, SET, .limit = WH_LIMIT_SYSCALLS),
	FIELD(wh_cap, evidence, SET, .limit = WH_LIMIT_EVIDENCE),
	HEAD,
};

static const struct wh_field question_fields[] = {
	FIELD(wh_question, cap, STR, KEY),
	FIELD(wh_question, abi, STR, KEY, NULLABLE),
	FIELD(wh_question, syscall, STR, KEY, NULLABLE),
	FIELD(wh_question, userns, STR, KEY),
	FIELD(wh_question, creds, STR, KEY),
	FIELD(wh_question, granted, ANY, KEY),
	HEAD,
};

static const struct wh_field gap_fields[] = {
	FIELD(wh_gap, kind, STR, KEY),
	FIELD(wh_gap, detail, STR, KEY, NULLABLE),
	HEAD,
};

#define KIND(id, array, one, most)                                                                 \
	[WH_KIND_##id] = {                                                                         \
		.name = #array,                                                                    \
		.singular = #one,                                                                  \
		.size = sizeof(struct wh_##one),                                                   \
		.fields = one##_fields,                                                            \
		.n_fields = WH_ARRAY_SIZE(one##_fields),                                           \
		.limit = (most),                                                                   \
	}

static const struct wh_kind_info kinds[WH_KINDS] = {
	KIND(RUN, runs, run, 256),	     KIND(SYSCALL, syscalls, syscall, 4096),
	KIND(FILE, files, file, 65536),	     KIND(EXEC, execs, exec, 4096),
	KIND(SOCKET, sockets, socket, 8192), KIND(SIGNAL, signals, signal, 4096),
	KIND(PTRACE, ptraces, ptrace, 1024), KIND(MOUNT, mounts, mount, 4096),
	KIND(RLIMIT, rlimits, rlimit, 256),  KIND(NAMESPACE, namespaces, namespace, 256),
	KIND(CAP, caps, cap, 512),	     KIND(QUESTION, questions, question, 4096),
	KIND(GAP, gaps, gap, 4096),
};

const struct wh_kind_info *wh_schema_kind(enum wh_kind kind)
{
	wh_assert(kind < WH_KINDS);
	return &kinds[kind];
}

static const struct wh_gap_info gaps[] = {
	{"attached",
	 "the service was running already: its start-up was not seen; that takes a recording from "
	 "the start",
	 true},
	{"audit-lost",
	 "the kernel's log says that it has lost records: what was refused then is not known",
	 false},
	{"audit-record",
	 "a record in the kernel's log could not be made a fact: what it was about is not in a "
	 "profile",
	 true},
	{"cut-short", "the recording was cut short", true},
	{"decode", "a call's arguments could not be read", true},
	{"io-uring", "io_uring does its work without system calls: what it did was not seen", true},
	{"joined-late",
	 "a process was there before it could be watched: what it did until then was not seen",
	 true},
	{"limit", "there were more facts of one kind than are kept", true},
	{"listener-refused",
	 "a program was refused a listener for its seccomp filter, because it was traced", true},
	{"lost-exit", "a call's result was not seen, as its task died in it, or was let go", false},
	{"lost-news", "calls were made that may have been new, and could not be kept", true},
	{"many-addresses",
	 "one kind of socket had more addresses than are kept: the rest is known as \"*\"", false},
	{"many-files", "one folder had more names than are kept: the rest is known as a pattern",
	 false},
	{"nested-ptrace", "a traced process wanted to trace, which a tracer's presence forbids",
	 true},
	{"not-seized", "a process could not be traced: what it did was not seen", true},
	{"own-seccomp",
	 "the workload has a seccomp filter of its own: what that denied did not happen", false},
	{"path-changed",
	 "where a path led was changed from outside while its calls were not looked at", true},
	{"privilege-not-gained", "a program did not gain its privilege, because it was traced",
	 true},
	{"tracee-died", "a task died before it could be looked at", false},
	{"unheard",
	 "what others execute in the container was only looked for, every 50 ms: what ended sooner "
	 "may have been missed",
	 false},
	{"unjoined", "something was executed in the container that could not be traced", true},
	{"unknown-syscall", "a system call that this whittle has no name for", true},
	{"unresolved-path", "a path could not be resolved", true},
	{"untraced-child", "a child was made in a way that no tracer is told of", true},
};

const struct wh_gap_info *wh_schema_gaps(size_t *ret_n)
{
	*ret_n = WH_ARRAY_SIZE(gaps);
	return gaps;
}

const struct wh_gap_info *wh_schema_gap(const char *kind)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(gaps); i++)
		if (strcmp(gaps[i].kind, kind) == 0)
			return &gaps[i];
	return NULL;
}
