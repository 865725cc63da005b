/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the capability rules share; of no interest outside tracer/caprule*.c. */
#ifndef WHITTLE_TRACER_CAPRULE_IMPL_H
#define WHITTLE_TRACER_CAPRULE_IMPL_H

#include <limits.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tracer/caprule.h"
#include "tracer/creds.h"

#define WH_CAP(name) (UINT64_C(1) << CAP_##name)

struct wh_caprule_text {
	char buf[2 * PATH_MAX + 64];
};

/**
 * struct wh_caprule_ask - one evaluation of a rule.
 * @creds: at the entry of the call; NULL at its exit
 * @oom: memory ran out, the rest of the evaluation is in vain
 */
struct wh_caprule_ask {
	struct wh_recorder *r;
	struct wh_task *task;
	struct wh_call *call;
	const struct wh_creds *creds;
	const struct wh_caprule *rule;
	bool oom;
	struct wh_need *last;		/* what wh_caprule_need() has just said, or NULL */
	const struct wh_userns *userns; /* of the task, once asked; @room is for it */
	struct wh_userns *room;
	unsigned next_text;
	struct wh_caprule_text *text; /* two of them */
};

/**
 * struct wh_caprule - one rule, named by rows of the system call table.
 * @enter: says with wh_caprule_need() what the call cannot do without
 * @exit: looks at the result and changes the needs, for calls that do not fail but do less
 * @caps: all that it can give
 * @cap, @what: of a rule that says the same for every call
 * @error: an errno other than EPERM and EACCES by which the kernel refuses
 * @late: a refused call leaves all as it was, so that @enter may as well be asked at the exit
 * @any: it can give whatever the caller names, beyond @caps
 */
struct wh_caprule {
	const char *name;
	void (*enter)(struct wh_caprule_ask *ask);
	uint64_t caps;
	int cap;
	const char *what;
	int error;
	void (*exit)(struct wh_caprule_ask *ask);
	bool late;
	bool any;
};

/* Each family has its table, ended by a row without a name. */
extern const struct wh_caprule wh_caprule_file[];
extern const struct wh_caprule wh_caprule_owner[];
extern const struct wh_caprule wh_caprule_id[];
extern const struct wh_caprule wh_caprule_net[];
extern const struct wh_caprule wh_caprule_ioctl[];
extern const struct wh_caprule wh_caprule_task[];
extern const struct wh_caprule wh_caprule_signal[];
extern const struct wh_caprule wh_caprule_memory[];
extern const struct wh_caprule wh_caprule_admin[];
extern const struct wh_caprule wh_caprule_tracing[];

/**
 * wh_caprule_need() - the call needs @cap (or @instead, unless -1) to go through.
 * The text says for what: "chown /x to uid 33"; by whom and the capability are put behind it.
 */
void wh_caprule_need(struct wh_caprule_ask *ask, int cap, int instead, enum wh_strength strength,
		     const char *fmt, ...) wh_printf(5, 6);

/** wh_caprule_drop() - the last need is none after all. */
void wh_caprule_drop(struct wh_caprule_ask *ask);

/** wh_caprule_silent() - the last need is one without which the call does less, but does not fail. */
void wh_caprule_silent(struct wh_caprule_ask *ask);

/** wh_caprule_by() - for want of the last need the kernel says @err, and nothing else. */
void wh_caprule_by(struct wh_caprule_ask *ask, int err);

/** wh_caprule_outer() - the last need was decided by what the task held where it made its user namespace. */
void wh_caprule_outer(struct wh_caprule_ask *ask);

/** wh_caprule_answered() - who lacks the last need is told so by a later message (netlink). */
void wh_caprule_answered(struct wh_caprule_ask *ask);

/** wh_caprule_simple() - the enter of rules with @cap and @what. */
void wh_caprule_simple(struct wh_caprule_ask *ask);

/** wh_caprule_path() - a place as evidence names it; never NULL, good until the next but one call. */
const char *wh_caprule_path(struct wh_caprule_ask *ask, const struct wh_place *place);

/* ---- in which user namespace, caprule_scope.c -------------------------------------------------- */

/*
 * What is said of the last need. Without any of these it is asked for in the task's own user namespace; or, of some
 * capabilities, always in the initial one.
 */

/** wh_caprule_is_vain() - whether @cap is of those, and the task is not there. */
bool wh_caprule_is_vain(const struct wh_caprule_ask *ask, int cap);
/** wh_caprule_initial() - capable(): in the initial one. */
void wh_caprule_initial(struct wh_caprule_ask *ask);
/** wh_caprule_over() - in that to which the task's namespace of @type ("net", "mnt" …) belongs. */
void wh_caprule_over(struct wh_caprule_ask *ask, const char *type);
/** wh_caprule_over_socket() - in that to which the network of the socket @fd of the task belongs. */
void wh_caprule_over_socket(struct wh_caprule_ask *ask, int fd);
/** wh_caprule_over_process() - in that of the process @pid. */
void wh_caprule_over_process(struct wh_caprule_ask *ask, pid_t pid);
/** wh_caprule_over_inode() - in the task's, which must have the file's owner, and its group unless -1. */
void wh_caprule_over_inode(struct wh_caprule_ask *ask, uid_t uid, gid_t gid);

/** wh_caprule_reaches() - whether a capability of the task counts over the process @pid. */
bool wh_caprule_reaches(struct wh_caprule_ask *ask, pid_t pid);

/** wh_caprule_uid() - a uid as the task says it, as the tracer's; -1 stays that. */
uint32_t wh_caprule_uid(struct wh_caprule_ask *ask, uint32_t uid);
uint32_t wh_caprule_gid(struct wh_caprule_ask *ask, uint32_t gid);
/** wh_caprule_uid_arg() - the same of argument @n; i386's first calls have 16-bit ones. */
uint32_t wh_caprule_uid_arg(struct wh_caprule_ask *ask, unsigned n);
uint32_t wh_caprule_gid_arg(struct wh_caprule_ask *ask, unsigned n);
/** wh_caprule_say_uid() - a uid of the tracer's as evidence gives it: as the container counts. */
uint32_t wh_caprule_say_uid(const struct wh_caprule_ask *ask, uint32_t uid);
uint32_t wh_caprule_say_gid(const struct wh_caprule_ask *ask, uint32_t gid);

/* ---- looking around -------------------------------------------------------------------------- */

/** wh_caprule_arg() - argument @n as a signed int, as the kernel takes ints. */
static inline int wh_caprule_arg(const struct wh_caprule_ask *ask, unsigned n)
{
	return (int)(uint32_t)ask->call->arg[n];
}

/** wh_caprule_column() - the first argument of that kind, -1 if there is none. */
int wh_caprule_column(const struct wh_caprule_ask *ask, enum wh_arg kind);

/** wh_caprule_sysctl() - a number below /proc/sys, @fallback where there is none. */
uint64_t wh_caprule_sysctl(struct wh_caprule_ask *ask, const char *name, uint64_t fallback);

/**
 * wh_caprule_in_ns() - read a small file of /proc as a task of the caller's namespace sees it.
 * @ns: "net" or "ipc"
 * Return: the text, the caller's to free; NULL when it cannot be had.
 */
char *wh_caprule_in_ns(struct wh_caprule_ask *ask, const char *ns, const char *path);

/** wh_caprule_stat_fd() - fstat() of a descriptor of the task. */
bool wh_caprule_stat_fd(struct wh_caprule_ask *ask, int fd, struct stat *ret_st);

/** wh_caprule_limit() - RLIMIT_… @resource of the process @pid (ours). */
bool wh_caprule_limit(struct wh_caprule_ask *ask, pid_t pid, int resource,
		      struct rlimit *ret_limit);

/** wh_caprule_status() - a number of /proc/TID/status in its unit (kB), 0 without it. */
uint64_t wh_caprule_status(struct wh_caprule_ask *ask, const char *name);

/**
 * wh_caprule_pid() - a pid that the task wrote, in the tracer's pid namespace.
 * Return: 0 when there is none.
 */
pid_t wh_caprule_pid(struct wh_caprule_ask *ask, pid_t pid);

/** wh_caprule_pidfd() - our number of the process that a pidfd of the task is; 0: it is none. */
pid_t wh_caprule_pidfd(struct wh_caprule_ask *ask, int fd);
/** wh_caprule_is_own() - whether our number @pid is of the task's own process, or a thread of it. */
bool wh_caprule_is_own(const struct wh_caprule_ask *ask, pid_t pid);
/** wh_caprule_stat() - a field of /proc/PID/stat behind the name, which may hold anything; 3 is the state. */
long wh_caprule_stat(struct wh_caprule_ask *ask, pid_t pid, int number);
/** wh_caprule_session_of() - the session of a process for which @has says yes of @dev; 0: of none. */
pid_t wh_caprule_session_of(struct wh_caprule_ask *ask, dev_t dev,
			    bool (*has)(struct wh_caprule_ask *ask, pid_t pid, dev_t dev));

/**
 * wh_caprule_may_access() - would __ptrace_may_access() let the task at @pid without CAP_SYS_PTRACE?
 * @fscreds: by fsuid and effective capabilities (files of /proc), else by real ids and permitted ones
 * @ret_sure: false where a guess was needed
 */
bool wh_caprule_may_access(struct wh_caprule_ask *ask, pid_t pid, bool fscreds, bool *ret_sure);

/** wh_caprule_read() - @len bytes of the task's memory; false when they are not there. */
bool wh_caprule_read(struct wh_caprule_ask *ask, uint64_t addr, void *ret_data, size_t len);

/** wh_caprule_words() - longs or pointers of the task's ABI. */
bool wh_caprule_words(struct wh_caprule_ask *ask, uint64_t addr, uint64_t *ret, size_t n);

bool wh_caprule_is32(const struct wh_caprule_ask *ask);

/** wh_caprule_refused() - @fact is of a refusal that has just come to @task. */
void wh_caprule_refused(struct wh_task *task, struct wh_cap *fact);

/** wh_caprule_fork() - one thread or process more is made. */
void wh_caprule_fork(struct wh_caprule_ask *ask);

/* ---- netlink, caprule_netlink.c -------------------------------------------------------------- */

/** wh_caprule_netlink_send() - data that goes out by the task's socket in argument 0, if that is one. */
void wh_caprule_netlink_send(struct wh_caprule_ask *ask, uint64_t addr, uint64_t len);
/** wh_caprule_netlink_bind() - a netlink address is bound: its groups. */
void wh_caprule_netlink_bind(struct wh_caprule_ask *ask);
/** wh_caprule_netlink_to() - one is connected or sent to: others than the kernel. */
void wh_caprule_netlink_to(struct wh_caprule_ask *ask);
/** wh_caprule_netlink_is_open() - whether anyone may listen to groups of @protocol. */
bool wh_caprule_netlink_is_open(int protocol);

/* ---- the rule of discretionary access, caprule_dac.c ----------------------------------------- */

enum { WH_DAC_X = 1, WH_DAC_W = 2, WH_DAC_R = 4 };

/** struct wh_caprule_object - what the permission check looks at. */
struct wh_caprule_object {
	uint32_t mode;
	uid_t uid;
	gid_t gid;
	const char *path;  /* for its ACL; NULL: mode alone */
	uint64_t dev, ino; /* 0: not known */
};

/** wh_caprule_dac() - may @creds do @want (WH_DAC_*) without a capability? */
bool wh_caprule_dac(struct wh_caprule_ask *ask, const struct wh_creds *creds,
		    const struct wh_caprule_object *object, unsigned want);

/**
 * wh_caprule_is_barred() - may_follow_link(): the call names a link that another one has put into /tmp or its like, which
 * nobody else follows, whatever he holds (fs.protected_symlinks).
 */
bool wh_caprule_is_barred(struct wh_caprule_ask *ask);

/** wh_caprule_knows() - kernel/sysctl.c: permissions below /proc/sys know root, but no capability. */
bool wh_caprule_knows(const char *path);

/** wh_caprule_reach() - a path as the tracer can reach it: through the root of the task, which may be a chroot. */
bool wh_caprule_reach(struct wh_caprule_ask *ask, const char *path, char *buf, size_t size);

/** wh_caprule_search() - the directories on the way. */
void wh_caprule_search(struct wh_caprule_ask *ask, const struct wh_place *place);
/** wh_caprule_object() - the object itself. @verb: "read", "write" … */
void wh_caprule_object(struct wh_caprule_ask *ask, const struct wh_place *place, unsigned want,
		       const char *verb);
/** wh_caprule_dir() - write to the directory that holds it. @verb: "create", "remove" … */
void wh_caprule_dir(struct wh_caprule_ask *ask, const struct wh_place *place, const char *verb);
/** wh_caprule_link() - use a link in /proc of the process @pid (ours). @verb: "follow", "read" */
void wh_caprule_link(struct wh_caprule_ask *ask, pid_t pid, const char *verb);
/** wh_caprule_readlink() - a link is read; it may be one of those. */
void wh_caprule_readlink(struct wh_caprule_ask *ask, const struct wh_place *place);
/** wh_caprule_has_smack() - whether this kernel runs Smack. */
bool wh_caprule_has_smack(void);
/** wh_caprule_special() - files whose open asks for more, caprule_special.c. */
void wh_caprule_special(struct wh_caprule_ask *ask, const struct wh_place *place, unsigned want);

#endif
