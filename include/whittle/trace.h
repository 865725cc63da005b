/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a service did, as a set of facts.
 *
 * This is the one thing that the tracer and the generators share. A trace is not a log: doing a
 * thing a million times is one fact with a count of a million, so its size is bounded by the
 * variety of behaviour. Each kind of fact is a plain struct below; which of its members are its
 * key, how two values of a member are merged, and its name in the file are said once, by the table
 * in core/schema.c, and reading, writing, merging and ordering all follow that table.
 *
 * Facts are made and found by wh_trace_put(); they live as long as the trace and do not move. Every
 * string and set in a fact belongs to its trace: change them only through the functions here.
 */
#ifndef WHITTLE_TRACE_H
#define WHITTLE_TRACE_H

#include "whittle/error.h"

#define WH_TRACE_FORMAT	 "whittle-trace"
#define WH_TRACE_VERSION 1

/* ---- the parts that facts are made of -------------------------------------------------------- */

/** struct wh_strset - a sorted set of strings. */
struct wh_strset {
	const char **v;
	size_t n;
	/* More were offered than the field's limit in core/schema.c: those kept are the least ones.
	 */
	bool overflow;
};

/** wh_trace_has_str() - whether it is among those that are kept. */
bool wh_trace_has_str(const struct wh_strset *set, const char *s);

/** struct wh_strlist - strings whose order means something (an argv, a call stack). */
struct wh_strlist {
	const char **v;
	size_t n;
};

/** struct wh_counts - how often for each name ("ok", "ENOENT", …), sorted by name. */
struct wh_counts {
	struct wh_counts_item {
		const char *name;
		uint64_t count;
	} * v;
	size_t n;
};

#define WH_TUPLE_MAX 6

/**
 * struct wh_tuples - the distinct values that some arguments of a system call had, together.
 *
 * @args: which arguments (bit 0 is the first), the same for all tuples of a set
 * @v: one array of WH_TUPLE_MAX a tuple, in argument order, unused places 0; sorted
 * @overflow: there were more distinct tuples than the limit; then @n is 0, as no list is whole
 */
struct wh_tuples {
	unsigned args;
	uint64_t (*v)[WH_TUPLE_MAX];
	size_t n;
	bool overflow;
};

/**
 * struct wh_site - where a fact was first seen.
 *
 * @program: path of the executable, as the kernel resolved it
 * @argv: its arguments, cut to a bounded size
 * @stack: innermost first, "libc.so.6:openat64+0x1b"; offsets, not addresses, so that two runs
 * agree
 */
struct wh_site {
	const char *program;
	struct wh_strlist argv;
	struct wh_strlist stack;
};

/** When a fact was seen; a set. */
enum wh_phase {
	WH_PHASE_RUNTIME = 1 << 0, /* the container runtime's own doing, before the entrypoint */
	WH_PHASE_STARTUP = 1 << 1, /* from the entrypoint's execve until the service was ready */
	WH_PHASE_SERVING = 1 << 2, /* after that */
	WH_PHASE_EXEC =
		1
		<< 3, /* by what was executed in a running container: docker exec, a health check */
	WH_PHASE_FOUND = 1 << 4, /* it was so when the recording began: not seen to happen */
	WH_PHASE_AUDIT =
		1
		<< 5, /* the kernel's log says so: what enforced a profile refused it, or let it pass */
};

/**
 * struct wh_fact - what all facts (but struct wh_run) begin with.
 *
 * @count: how often; merging adds
 * @phases: enum wh_phase bits
 * @programs: the executables that did it
 * @runs: ids of the runs in which it was seen
 * @site: the first sight, or NULL; of two merged ones the lesser by content
 * @logged: of phase audit: what the kernel's log has of it, with when and where that stands
 */
struct wh_fact {
	uint64_t count;
	unsigned phases;
	struct wh_strset programs;
	struct wh_strset runs;
	const struct wh_site *site;
	struct wh_strset logged;
};

/* ---- the kinds of fact ----------------------------------------------------------------------- */

/**
 * struct wh_run - one recording. Key: id. Has no struct wh_fact in front: it is where facts come
 * from.
 *
 * Capability sets are names ("CAP_CHOWN"); they, uid, gid, no_new_privs, seccomp_mode and
 * apparmor_label are those in force when the entrypoint was executed. A run under a filter or an
 * enforcing label is censored: what was denied did not happen.
 *
 * uid and gid are as the entrypoint's user namespace counts, and so are the ids in evidence: with rootless Podman
 * 0 is the container's root, who is somebody else outside. What has no number in there is 65534.
 */
struct wh_run {
	const char *id;	    /* 16 hex digits, unique to the recording */
	const char *name;   /* --name, or the command's base name */
	const char *tool;   /* "whittle 0.1.0" */
	const char *kernel; /* "Linux 6.1.0-…" */
	const char *arch;   /* ABI name of the machine */
	const char *libc;   /* "glibc 2.36", "musl", "static", "go" … or NULL */
	struct wh_strlist argv;
	const char *cwd;
	const char *outcome; /* "exited 0", "killed by SIGTERM", "stopped by whittle", … */
	bool failed;	     /* the workload or its load failed: see outcome and load_outcome */
	bool complete;	     /* false: the recording was cut short */
	uint64_t uid, gid;
	struct wh_strset cap_effective, cap_permitted, cap_inheritable, cap_bounding, cap_ambient;
	bool no_new_privs;
	uint64_t seccomp_mode;
	const char *apparmor_label;	     /* NULL: the kernel has no AppArmor */
	uint64_t ip_unprivileged_port_start; /* of the network namespace of the entrypoint */
	const char *engine, *engine_reason;
	bool counts_partial; /* counts and errno counts are the least there were; facts are whole */
	struct wh_strset engine_notes; /* what the engine did, and did not, in words */
	/*
	 * Whether the questions (struct wh_question) are "all" that the kernel asked, so that a capability that none
	 * granted was used by nothing, or a "part"; NULL: nobody listened.
	 */
	const char *questions;
	const char *ready;	  /* --ready as given, or NULL */
	const char *load;	  /* --load as given, or NULL */
	const char *load_outcome; /* "exited 0" …, or NULL */
	/*
	 * Of a container, as far as it is known: its engine ("docker", "podman", …), id, name and image; the OCI runtime
	 * that started it, with its version ("runc 1.1.5"), whose own calls under the container's filter are
	 * the facts of phase runtime.
	 */
	const char *container_engine, *container_id, *container_name, *container_image;
	const char *runtime;
	bool attached; /* it was running when the recording began: its start-up was not seen */
	bool audit; /* no recording but the kernel's log (name is the AppArmor profile): it knows what was refused, no more */
	/*
	 * Of a recording in a container only: what was mounted when the entrypoint was executed, a mount as
	 * "WORD ro|rw FSTYPE POINT". WORD is "root", "kernel" (proc and its like), "tmpfs", "volume" (of Docker's or Podman's),
	 * "bind" (a part of another file system), or "mount".
	 */
	struct wh_strset mounts;
	struct wh_strset groups; /* supplementary ones of the entrypoint, as decimal numbers */
	/* The most threads that there were at once since the entrypoint's execve; 0: not counted. */
	uint64_t peak_tasks;
	uint64_t stops, tasks, duration_ms; /* counters of the tracer */
};

/** struct wh_syscall - a system call that was entered. Key: abi, name. */
struct wh_syscall {
	struct wh_fact f;
	const char *abi;  /* "x86_64", "i386", "x32", "aarch64" */
	const char *name; /* libseccomp's name, or "syscall_470" for a number it does not know */
	uint64_t number;  /* in that ABI */
	struct wh_counts
		errors; /* by errno name; calls that succeeded or never returned are not in it */
	struct wh_tuples args; /* of the arguments that core/syscall.c marks as worth keeping */
	/* What was found by taking it away, in words with the load: without it, that failed, or was served. */
	struct wh_strset proved, not_needed;
};

/**
 * What was asked of a path. X(identifier, name in the file, AppArmor letters it needs)
 * The letters: r w a x(any exec) m k l; "" needs no rule. They are a fact about Linux's AppArmor
 * hooks (security/apparmor/lsm.c, file.c; there is none for times and extended attributes), kept
 * beside the names so that nothing is listed twice.
 */
#define WH_ACCESS_LIST(X)                                                                          \
	X(READ, "read", "r")	     /* opened for reading */                                      \
	X(WRITE, "write", "w")	     /* opened for writing */                                      \
	X(APPEND, "append", "a")     /* opened for writing with O_APPEND */                        \
	X(CREATE, "create", "w")     /* open with O_CREAT made it */                               \
	X(TRUNCATE, "truncate", "w") /* truncate, ftruncate, O_TRUNC */                            \
	X(LIST, "list", "r")	     /* opened as a directory */                                   \
	X(MKDIR, "mkdir", "w")                                                                     \
	X(RMDIR, "rmdir", "w")                                                                     \
	X(UNLINK, "unlink", "w")                                                                   \
	X(RENAME_FROM, "rename-from", "rw")                                                        \
	X(RENAME_TO, "rename-to", "w")                                                             \
	X(LINK_FROM, "link-from", "") /* the existing name; see peers */                           \
	X(LINK_TO, "link-to", "l")    /* the new name */                                           \
	X(SYMLINK, "symlink", "w")    /* the link that was made */                                 \
	X(MKNOD, "mknod", "w")                                                                     \
	X(CHMOD, "chmod", "w")                                                                     \
	X(CHOWN, "chown", "w")                                                                     \
	X(UTIME, "utime", "")                                                                      \
	X(SETXATTR, "setxattr", "")                                                                \
	X(REMOVEXATTR, "removexattr", "")                                                          \
	X(GETXATTR, "getxattr", "")                                                                \
	X(EXEC, "exec", "x")		   /* the file given to execve */                          \
	X(INTERPRETER, "interpreter", "x") /* #! program of an executed script */                  \
	X(LOADER, "loader", "mr")	   /* PT_INTERP of an executed program */                  \
	X(MMAP_EXEC, "mmap-exec", "m")	   /* mapped with PROT_EXEC */                             \
	X(LOCK, "lock", "k")                                                                       \
	X(INHERIT_READ, "inherit-read", "r") /* open across an execve */                           \
	X(INHERIT_WRITE, "inherit-write", "w")                                                     \
	X(CONNECT, "connect", "rw") /* unix socket by path, connected or sent to */                \
	X(BIND, "bind", "w")	    /* unix socket by path */                                      \
	X(CHROOT, "chroot", "")                                                                    \
	X(CHDIR, "chdir", "")                                                                      \
	X(STAT, "stat", "") /* stat, access, statfs … */                                         \
	X(READLINK, "readlink", "")                                                                \
	X(PATH, "path", "") /* opened with O_PATH */

enum wh_access {
#define X(id, name, letters) WH_ACCESS_##id,
	WH_ACCESS_LIST(X)
#undef X
		WH_ACCESSES
};

/** The file's name for an access ("mmap-exec"), and the AppArmor letters it needs. Static. */
const char *wh_trace_access_name(enum wh_access access);
const char *wh_trace_access_letters(enum wh_access access);
/** wh_trace_access_makes() - it makes a name that may not have been there; the folder's mode decides. */
bool wh_trace_access_makes(enum wh_access access);
/** wh_trace_access_removes() - it takes a name away; likewise. */
bool wh_trace_access_removes(enum wh_access access);

/**
 * struct wh_file - something was asked of a path. Key: path, access.
 *
 * @path: as the kernel resolved it, in the mount namespace of the task. Ends in '/' for a
 * directory. Ends in a literal "/" WH_FILE_MANY when a directory had more distinct names than the
 * tracer keeps. A part that is never the same twice is written as a variable, so that variety stays
 * bounded: a process of the proc filesystem as "/proc/@{pid}" (its threads as
 * "/proc/@{pid}/task/@{tid}"), the number of an O_TMPFILE file as "DIR/#@{int}".
 * What lies on no mount of the task's mount namespace (it was opened outside of the container and handed in, or its
 * mount is gone) has WH_FILE_UNREACHABLE in front, as getcwd(2) says it: "(unreachable)/var/log/x" is another
 * namespace's /var/log/x, whatever has that name in the container.
 * A real last name WH_FILE_MANY, and a real "/proc/@{pid}", would read like these: such a name, behind
 * any number of backslashes of its own, is written with one more backslash in front.
 * @type: "file", "dir", "chr", "blk", "fifo", "socket", "link", or "missing"
 * @outcomes: "ok" and errno names
 * @owner_always: each time it was there, the task's fsuid owned it
 * @restricted: at least once not everybody could have done it: what the mode has for others, of the object, its folder or
 *   one on the way there, was not enough, or it is the owner's alone (chmod). Capabilities and ACLs aside.
 * @peers: the other side of a rename or link; the target text of a symlink
 */
struct wh_file {
	struct wh_fact f;
	const char *path;
	enum wh_access access;
	const char *type;
	struct wh_strset syscalls;
	struct wh_counts outcomes;
	bool owner_always;
	bool restricted;
	struct wh_strset peers;
};

#define WH_FILE_MANY	    "*"
#define WH_FILE_UNREACHABLE "(unreachable)"

/** struct wh_exec - a program was executed. Key: from, to, interpreter. */
struct wh_exec {
	struct wh_fact f;
	const char *from, *to;	 /* executables, as resolved; a script is its own "to" */
	const char *interpreter; /* what really runs for a script, else NULL */
	const char *loader;	 /* PT_INTERP, NULL if static */
	struct wh_strlist argv;	 /* of the first time */
	bool gains;		 /* set-id bits or file capabilities would raise privilege … */
	bool gain_lost; /* … and did not, because it was traced or no_new_privs was set */
};

#define WH_SOCKET_INHERIT "inherit"

/**
 * struct wh_socket - Key: op, family, type, protocol, address.
 * @op: "socket", "socketpair", "bind", "connect", "send", "listen", "accept"; "inherit": it was open across an execve
 * @address: "127.0.0.1:80", "[::1]:80", "unix:/path", "unix:@abstract", "" where there is none,
 *   WH_FILE_MANY when there were more than the tracer keeps
 */
struct wh_socket {
	struct wh_fact f;
	const char *op, *family, *type; /* "AF_INET", "SOCK_STREAM" */
	uint64_t protocol;
	const char *address;
	struct wh_counts outcomes;
};

/** struct wh_signal - a signal was sent. Key: signal, target, peer. */
struct wh_signal {
	struct wh_fact f;
	const char *signal; /* "SIGTERM"; "0" for a probe */
	const char *target; /* "self", "tree" (a traced process), "group", "outside" */
	const char *peer;   /* the target's program, or NULL */
	struct wh_counts outcomes;
};

/** struct wh_ptrace - Key: request, target, peer. Includes process_vm_*, kcmp, pidfd_getfd. */
struct wh_ptrace {
	struct wh_fact f;
	const char *
		request; /* "PTRACE_ATTACH", "process_vm_readv" …; of phase audit "trace", "read" */
	const char *target, *peer;
	struct wh_counts outcomes;
};

/** struct wh_mount - Key: op, source, target, fstype, flags. */
struct wh_mount {
	struct wh_fact f;
	const char *op; /* "mount", "remount", "bind", "move", "propagation", "umount", "pivot_root"
			   … */
	const char *source, *target, *fstype,
		*flags; /* flags: "ro,nosuid", options as AppArmor says */
	struct wh_counts outcomes;
};

/** struct wh_rlimit - Key: resource, change. */
struct wh_rlimit {
	struct wh_fact f;
	const char *resource; /* "RLIMIT_NOFILE" */
	const char *change;   /* "read", "lower", "raise-soft", "raise-hard" */
	uint64_t max;	      /* highest hard limit that was asked for; UINT64_MAX is unlimited */
	struct wh_counts outcomes;
};

/** struct wh_namespace - Key: op, type. */
struct wh_namespace {
	struct wh_fact f;
	const char *op;	  /* "clone", "unshare", "setns" */
	const char *type; /* "user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time" */
	struct wh_counts outcomes;
};

/**
 * How sure it is that a capability was needed, in rising order; the last two are not seen in a recording but by taking
 * it away.
 */
#define WH_STRENGTH_LIST(X)                                                                        \
	X(POSSIBLE, "possible")	    /* may have mattered; what decides could not be seen */        \
	X(LIKELY, "likely")	    /* the rule says so, with one input assumed */                 \
	X(REQUIRED, "required")	    /* the kernel's rule, evaluated on what was seen, needs it */  \
	X(NOT_NEEDED, "not-needed") /* the same load was served without it */                      \
	X(PROVED, "proved")	    /* without it the load was not served */

enum wh_strength {
#define X(id, name) WH_STRENGTH_##id,
	WH_STRENGTH_LIST(X)
#undef X
		WH_STRENGTHS
};

/** "required" and so on. Static. */
const char *wh_trace_strength_name(enum wh_strength strength);

/**
 * struct wh_cap - a capability was used, or asked for in vain. Key: cap, instead, strength, denied.
 * @instead: another capability that would have done as well (CAP_DAC_OVERRIDE, where a read or a
 *   search used CAP_DAC_READ_SEARCH), or NULL: who needs that one anyway does not need @cap
 * @denied: the call failed for want of it: what the workload wanted, not what it had
 * @ended: and a process to which that happened ended with a failure within seconds: that may be why
 * @evidence: in words: "chown /var/lib/nginx/body to uid 33 by uid 0 needs CAP_CHOWN"
 *
 * Of strength proved and not-needed the count is that of the runs that said so, and f.runs are the recordings of the same
 * command and load: of others nothing was tried.
 */
struct wh_cap {
	struct wh_fact f;
	const char *cap; /* "CAP_CHOWN" */
	const char *instead;
	enum wh_strength strength;
	bool denied, ended;
	struct wh_strset syscalls;
	struct wh_strset evidence;
};

/**
 * struct wh_question - the kernel looked for a capability, and its answer. Key: all members. No sign of need: it also asks
 * where nothing hangs on the answer. But what it never granted was not used.
 * @abi, @syscall: the call it was asked in; NULL: in none (a page fault)
 * @userns: where it has to be held: "initial" (the outermost user namespace), "home" (that of the entrypoint, if it is another
 *   one), "own" (that of who is asked, who has made one) or "other"
 * @creds: whose are looked at: "own", "overridden" (such as the kernel puts on it for a while: access(), a file system's
 *   own), or "foreign" (those that a file was opened with)
 */
struct wh_question {
	struct wh_fact f;
	const char *cap; /* "CAP_CHOWN" */
	const char *abi, *syscall;
	const char *userns, *creds;
	bool granted;
};

/**
 * struct wh_gap - something we failed to see. Key: kind, detail.
 *
 * @kind: one of core/schema.c's gap table, which gives each a sentence and says whether generate
 * must refuse without --allow-gaps
 * @detail: what exactly
 */
struct wh_gap {
	struct wh_fact f;
	const char *kind;
	const char *detail;
};

enum wh_kind {
	WH_KIND_RUN,
	WH_KIND_SYSCALL,
	WH_KIND_FILE,
	WH_KIND_EXEC,
	WH_KIND_SOCKET,
	WH_KIND_SIGNAL,
	WH_KIND_PTRACE,
	WH_KIND_MOUNT,
	WH_KIND_RLIMIT,
	WH_KIND_NAMESPACE,
	WH_KIND_CAP,
	WH_KIND_QUESTION,
	WH_KIND_GAP,
	WH_KINDS
};

/* ---- the trace ------------------------------------------------------------------------------- */

struct wh_trace;

/** wh_trace_new() - an empty trace; NULL when memory ran out. */
struct wh_trace *wh_trace_new(void);
void wh_trace_free(struct wh_trace *t);
WH_DEFINE_AUTO(trace, struct wh_trace *, wh_trace_free)

/**
 * wh_trace_put() - find the fact with these key members, or make it.
 * @key: a struct of that kind of which only the key members are read; its strings may be anyone's
 * @ret_fact: the fact, a pointer to the struct of @kind; other members of a new one are zero, but
 *   bools that merge by AND (owner_always) start true
 *
 * Return: 1 when it was made, 0 when it was there, -ENOSPC when the kind is full (a gap of kind
 * "limit" says so, and *ret_fact is untouched), -ENOMEM.
 */
int wh_trace_put(struct wh_trace *t, enum wh_kind kind, const void *key, void *ret_fact);

/** wh_trace_facts() - all facts of a kind, sorted by key; valid until the next put. NULL if none.
 */
const void *const *wh_trace_facts(struct wh_trace *t, enum wh_kind kind, size_t *ret_n);

/** wh_trace_find() - the fact with that key, or NULL. */
const void *wh_trace_find(const struct wh_trace *t, enum wh_kind kind, const void *key);

/** wh_trace_count() - the number of facts of a kind. */
size_t wh_trace_count(const struct wh_trace *t, enum wh_kind kind);

/**
 * wh_trace_censored() - what it means that @run was under a seccomp filter when it began, and how to do without one, as a
 * sentence without its dot; NULL if it was not.
 */
const char *wh_trace_censored(const struct wh_run *run);

/**
 * wh_trace_of_service() - whether it is the service's doing, or that of what was executed beside it in its container: only
 * a container's runtime did what has phase runtime and no other.
 */
bool wh_trace_of_service(const struct wh_fact *f);
/** wh_trace_count_of_service() - the number of such facts of a kind, which is not WH_KIND_RUN. */
size_t wh_trace_count_of_service(struct wh_trace *t, enum wh_kind kind);

/** wh_trace_intern() - the trace's own copy of a string, equal strings the same pointer; NULL: OOM.
 */
const char *wh_trace_intern(struct wh_trace *t, const char *s);

/*
 * Adding to the members of a fact. @set and the like must belong to a fact of @t. The limit of a
 * field is found by the caller's own knowledge of core/schema.c's WH_LIMIT_* below.
 * Return: 1 when it was new, 0 when known, -ENOMEM.
 */
#define WH_LIMIT_PROGRAMS 32
#define WH_LIMIT_RUNS	  64
#define WH_LIMIT_SYSCALLS 16
#define WH_LIMIT_PEERS	  16
#define WH_LIMIT_EVIDENCE 16
#define WH_LIMIT_TUPLES	  64
#define WH_LIMIT_CAPS	  64
#define WH_LIMIT_NOTES	  64
#define WH_LIMIT_MOUNTS	  64
#define WH_LIMIT_GROUPS	  64

int wh_trace_add_str(struct wh_trace *t, struct wh_strset *set, size_t limit, const char *s);
int wh_trace_add_count(struct wh_trace *t, struct wh_counts *counts, const char *name, uint64_t n);
int wh_trace_add_tuple(struct wh_trace *t, struct wh_tuples *tuples, unsigned args,
		       const uint64_t values[WH_TUPLE_MAX]);
int wh_trace_set_list(struct wh_trace *t, struct wh_strlist *list, const char *const *v, size_t n);

/** wh_trace_site() - the trace's own copy of a site; NULL: OOM. */
const struct wh_site *wh_trace_site(struct wh_trace *t, const struct wh_site *site);

/** wh_trace_gap() - record a gap; a shorthand for put and count. @f may be NULL: program and run.
 */
int wh_trace_gap(struct wh_trace *t, const char *kind, const char *detail, unsigned phase,
		 const char *program, const char *run);

/** wh_trace_complete() - false as soon as any run in it was cut short. */
bool wh_trace_complete(const struct wh_trace *t);

/**
 * wh_trace_merge() - put all facts of @from into @into: set union, counts added.
 * Commutative and associative, and idempotent in everything but the counts.
 * On failure (memory) @into holds a part of @from and is only good to be freed.
 */
int wh_trace_merge(struct wh_trace *into, struct wh_trace *from, struct wh_error *e);

/* ---- its file -------------------------------------------------------------------------------- */

/**
 * wh_trace_json_read() - read a trace. The text is foreign: everything in it is checked, and what
 * is wrong is said with its place ("files[3].access: …"), the path in front.
 * @path: a file, "-" for standard input, or a folder that has a trace.json (a bundle)
 */
int wh_trace_json_read(const char *path, struct wh_trace **ret, struct wh_error *e);
/** wh_trace_json_parse() - the same from memory. */
int wh_trace_json_parse(const char *text, size_t len, struct wh_trace **ret, struct wh_error *e);
/** wh_trace_json_write() - whole or not at all; equal traces give equal bytes. */
int wh_trace_json_write(struct wh_trace *t, const char *path, struct wh_error *e);
/** wh_trace_json_print() - the text itself, the caller's to free. */
int wh_trace_json_print(struct wh_trace *t, char **ret_text, struct wh_error *e);

#endif
