/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tracer remembers of the threads and processes it traces.
 *
 * The loop (tracer/loop.c) owns these and says when a call is entered and has returned; decoding
 * (tracer/decode.c) fills the call in and puts facts into the trace.
 */
#ifndef WHITTLE_TRACER_TASK_H
#define WHITTLE_TRACER_TASK_H

#include <sys/types.h>

#include "tracer/userns.h"
#include "whittle/capability.h"
#include "whittle/syscall.h"
#include "whittle/trace.h"

/** struct wh_creds - credentials of a thread, from /proc/TID/status. */
struct wh_creds {
	uid_t ruid, euid, suid, fsuid;
	gid_t rgid, egid, sgid, fsgid;
	gid_t *groups;
	size_t n_groups;
	uint64_t effective, permitted, inheritable, bounding, ambient; /* bit n is capability n */
	bool no_new_privs;
	uint64_t userns; /* inode number of the user namespace in which the capabilities are held */
};

/** struct wh_status_read - the end of what was last read of a /proc/PID/status; tracer/disguise.h. */
struct wh_status_read {
	int fd;
	uint64_t end; /* where in the file it ends */
	char text[24];
	size_t n;
};

/** enum wh_outside - how a process of a container's runtime becomes the container's; tracer/outside.h. */
enum wh_outside {
	WH_INSIDE,
	WH_OUTSIDE_INIT,    /* by the next program that it executes: the entrypoint */
	WH_OUTSIDE_JOINING, /* by the first program that it executes in there, if ever */
};

#define WH_REFUSED_MAX 8

/** enum wh_pidns - whose numbers of processes a process knows; tracer/pidns.h. */
enum wh_pidns { WH_PIDNS_UNKNOWN, WH_PIDNS_OURS, WH_PIDNS_OTHER };

/** struct wh_process - what threads of a thread group share. Counted, as a leader may die first. */
struct wh_process {
	unsigned refs;		/* tasks */
	pid_t tgid;		/* as all ids here: in the tracer's pid namespace */
	const char *program;	/* executable as resolved, interned in the trace */
	struct wh_strlist argv; /* tracer/argv.h; bounded */
	bool executed;	   /* has executed since it was forked: no longer a copy of its parent */
	bool knows_caps;   /* may have asked which capabilities it has */
	bool reads_status; /* has a /proc/PID/status open, as far as is known; tracer/disguise.h */
	struct wh_status_read status_read;
	bool adjusts_oom; /* has an oom_score_adj open for writing, tracer/oom.h: … */
	uint64_t oom_ino; /* … this one, … */
	int oom_floor;	  /* … and least it was that */
	enum wh_pidns pidns;
	enum wh_outside outside;
	struct wh_cap
		*refused[WH_REFUSED_MAX]; /* the last facts of a refusal, tracer/caprule_end.c; … */
	unsigned n_refused;
	uint64_t refused_ms; /* … and when the last one was */
	/* mlockall(): all to come is locked, of this many bytes nobody minds; 0: it is not */
	uint64_t locks_beyond;
	bool filtered;	      /* outside: it has put itself under the container's filter … */
	bool entering;	      /* … and is in the call by which it becomes the container's */
	unsigned phase;	      /* enum wh_phase of all that it does; 0: the service's */
	unsigned asked_class; /* what BPF knows of it; tracer/asked.c */
	struct wh_process *next;
};

/** One end of a call: a path that was named, resolved before the call ran. */
struct wh_place {
	bool valid;    /* there is a path here */
	bool resolved; /* @path is what the kernel would reach; else a gap was recorded */
	char *path;    /* as resolved; the last component may not exist */
	bool exists;   /* and if so: */
	uint32_t mode; /* st_mode */
	uid_t uid;
	gid_t gid;
	uint64_t dev, ino;
	uint64_t changed; /* st_ctim, in ns */
	unsigned nlink;
	/* Of the directory that holds the last component: it decides on create, unlink, rename. */
	uint32_t dir_mode;
	uid_t dir_uid;
	gid_t dir_gid;
	uint64_t dir_dev;
	/*
	 * The least a search of the directories on the way needed: true if @dac_search_uid had no x
	 * on one of them, so that only CAP_DAC_READ_SEARCH or CAP_DAC_OVERRIDE let it pass.
	 */
	bool search_denied;
	bool search_restricted; /* others than owner and group have no x on one of them */
	pid_t link_pid; /* a process whose link in /proc was followed on the way; 0: one's own, or none */
	/* What tracer/recent.c does it again with; only where it is used. */
	char *asked;	/* the text that was resolved; */
	unsigned flags; /* of tracer/path.h; */
	int from;	/* and the descriptor of a relative one */
};

/**
 * struct wh_need - a capability without which the call in flight cannot go through, as far as its
 * entry tells. Made, judged and freed by tracer/caprule.c.
 * @instead: another one that would do as well, or -1
 * @search: it was used before the call got to anything else: even if that failed then
 * @silent: without it the call goes through all the same, and does less
 * @vain: it is asked for in a user namespace in which the task can hold nothing
 * @outer: it was decided when the task was not yet in the user namespace that it has made
 * @answered: the call goes through all the same, and the refusal comes as a message later
 * @err: the one errno by which the kernel refuses for want of it; 0: EPERM, EACCES, or the rule's own
 * @evidence: what for, in words
 */
struct wh_need {
	int cap, instead;
	enum wh_strength strength;
	bool search, silent, vain, answered, outer;
	int err;
	char *evidence;
};

#define WH_NEEDS_MAX 48 /* capset() may need each capability there is */

/** struct wh_call - one system call in flight. */
struct wh_call {
	const struct wh_abi *abi;
	uint64_t nr;
	const char *name;		  /* never NULL: "syscall_470" for an unknown one */
	const struct wh_syscall_row *row; /* NULL for an unknown one */
	uint64_t arg[6];
	uint64_t ip, sp;
	struct wh_place place[2]; /* in argument order; a dirfd alone or an fd counts too */
	/* What a string was when the call was made, where it is decoded later; NULL: read it. */
	const char *spelt;
	uint64_t spelt_at; /* its address */
	char *text;	   /* WH_ARG_TEXT */
	uint8_t addr[128]; /* WH_ARG_SOCKADDR: struct sockaddr_storage */
	size_t addr_len;
	uint64_t detail;       /* an irregular function's own note from entry to exit */
	uint64_t number[4];    /* more of these … */
	const char *note[4];   /* … and in words; interned in the trace or static */
	struct wh_need *needs; /* an array of WH_NEEDS_MAX, or NULL while there are none */
	unsigned n_needs;
	uint64_t cap_held; /* at the entry: the effective capabilities, … */
	uid_t cap_uid; /* … the uid that asks, and whether it does so in another user namespace than … */
	bool cap_foreign; /* … the container */
	bool cap_late; /* nothing is held: the rule is asked at the exit, if the call is refused */
	/* Set when it has returned: */
	bool returned;
	int64_t ret; /* as the kernel returned it */
	int err;     /* positive errno, or 0 */
};

/**
 * struct wh_changes - what the tree itself does to names, modes, mounts and credentials; tracer/known.c.
 * @in_flight: calls that may do so
 * @generation: grows at the entry and the end of each that changes what a look at a place may not show,
 *   or where a root is
 * @names: grows at the entry and the end of each
 * @slow: those in flight that may take as long as somebody else likes
 */
struct wh_changes {
	unsigned in_flight, slow;
	uint64_t generation, names;
};

/** struct wh_directory - which directory it is, and by which mount. */
struct wh_directory {
	uint64_t dev, ino, mount;
};

struct wh_task {
	pid_t tid;
	struct wh_process *process;
	struct wh_creds creds; /* valid only if creds_valid; see tracer/creds.h */
	bool creds_valid;
	struct wh_call call;
	bool in_call;		     /* between entry and exit */
	struct wh_changes *changing; /* where the call in flight is counted, or NULL */
	bool changing_unseen;	     /* tracer/known.c: and what it changes a look does not show */
	bool changing_slow;	     /* … and it may take long */
	bool strict; /* tracer/strict.h: it is in seccomp's strict mode, as far as it can tell */
	uint64_t
		held; /* in its first stop since (ms), as nobody has told yet who made it; 0: not */
	int64_t loads_filter; /* outside: by the call that it is in, if the result is less than this */
	bool learnt;	      /* tracer/known.c: the last call decoded to its end is known now */
	uint64_t root_known; /* generation of changes, plus 1, at which its root was ours, … */
	uint64_t root_at;    /* … and at which its root was this one: */
	struct wh_directory root;
	/* Below: the loop's own. */
	bool interrupted; /* PTRACE_INTERRUPT was asked of it, and the stop is yet to come */
	bool seized; /* … and that is its first one: it may be in a call that it entered untraced */
	bool left;   /* it has been let go, and goes on untraced */
	uint64_t entered; /* when its call was (ms), where that matters; 0: not known */
	bool vfork_child; /* shares its parent's memory until it executes */
	bool had_child;	  /* an event told of a child that this call made */
	bool exiting;	  /* seen in PTRACE_EVENT_EXIT: only its death can follow */
	bool executing;	  /* in PTRACE_EVENT_EXEC, or not yet the program that was asked for */
	const struct wh_site *exec_site; /* where the call was that it executed by, or NULL */
	uint64_t stepped_back;		 /* tracer/restart.c: the call that it makes again, or 0 */
	bool has_pending; /* an engine has waited for it itself, and a status is left to handle */
	int pending;
	void *watch; /* the engine's own, freed with the task */
	struct wh_task *next;
};

/** struct wh_path_devices - which devices are file systems in user space; see tracer/path.h. */
struct wh_path_devices {
	uint64_t dev[32];
	bool waits[32], lenient[32];
	size_t n;
};

#define WH_MOUNTS_MAX 1024

/** struct wh_mounts - the mounts of the mount namespace @ns, as last read; tracer/unreachable.h. */
struct wh_mounts {
	uint64_t ns, generation;
	uint64_t ours; /* the tracer's own namespace, once asked */
	bool known;
	uint64_t unreachable; /* the last one that is not among them */
	size_t n;
	uint64_t id[WH_MOUNTS_MAX];
};

/** struct wh_tasks - all tasks by tid and all processes by tgid. */
struct wh_tasks;

/**
 * struct wh_recorder - a recording in progress: where facts go, and what every module of the tracer
 * needs to put them there.
 */
struct wh_recorder {
	struct wh_trace *trace;
	const char *run; /* id of the run, interned */
	unsigned phase;	 /* enum wh_phase, as of now, of the process that is being looked at … */
	unsigned service_phase; /* … and of the service */
	uint64_t news;	/* how many facts were new; the loop looks at it for --until-stable */
	uint64_t stops; /* counted by the loop: names a stop, for what is kept while it lasts */
	struct wh_tasks *tasks;
	struct wh_site_finder *sites;	 /* tracer/site.h */
	struct wh_decode_memory *decode; /* tracer/decode.h */
	struct wh_path_devices devices;	 /* tracer/path.h */
	struct wh_mounts mounts;	 /* tracer/unreachable.h */
	struct wh_known *known;		 /* tracer/known.h; may be NULL */
	struct wh_recent *recent;	 /* tracer/recent.h; likewise */
	struct wh_notify *notify;	 /* tracer/notify.h; likewise */
	struct wh_questions *asked;	 /* tracer/asked.h; likewise */
	struct wh_changes changes;	 /* tracer/known.h */
	bool securebits;		 /* some task has set its own */
	struct wh_userns home; /* user namespace of the entrypoint: facts give ids as it does */
	uint64_t container_mnt_dev,
		container_mnt_ino; /* mount namespace of the entrypoint of a container */
	uint64_t container_root;   /* and the device of its root */
	void *watch;		   /* the engine's own, tracer/engine.h */
	int proc_fd;		   /* /proc of the tracer's pid namespace */
};

struct wh_tasks *wh_task_table_new(void);
void wh_task_table_free(struct wh_tasks *tasks);
size_t wh_task_count(const struct wh_tasks *tasks);
/** wh_task_peak() - the most that there were at once since wh_task_peak_reset(). */
size_t wh_task_peak(const struct wh_tasks *tasks);
void wh_task_peak_reset(struct wh_tasks *tasks);
/** wh_task_total() - how many there have been. */
uint64_t wh_task_total(const struct wh_tasks *tasks);

/** wh_task_find() - a traced thread, NULL if that is none. */
struct wh_task *wh_task_find(const struct wh_tasks *tasks, pid_t tid);
/** wh_task_process() - a traced process, NULL if that is none. */
struct wh_process *wh_task_process(const struct wh_tasks *tasks, pid_t tgid);
/** wh_task_each_process() - call @each for every process; it must not add or remove tasks. */
void wh_task_each_process(const struct wh_tasks *tasks,
			  void (*each)(void *data, const struct wh_process *process), void *data);

/**
 * wh_task_add() - a new thread, or the one that is known already.
 * @maker: the task whose clone, fork or vfork made it, or NULL when that is not known (it stopped
 *   before its parent's event was seen): then /proc says whose thread or child it is
 */
int wh_task_add(struct wh_recorder *r, pid_t tid, const struct wh_task *maker,
		struct wh_task **ret_task);
/** wh_task_on_remove() - call @removed before a task is freed; NULL for no more. */
void wh_task_on_remove(struct wh_tasks *tasks, void (*removed)(void *data, struct wh_task *task),
		       void *data);
/** wh_task_each() - call @each for every task; it must not add or remove any. */
void wh_task_each(const struct wh_tasks *tasks, void (*each)(void *data, struct wh_task *task),
		  void *data);
/** wh_task_remove() - it is gone. @task is freed, its process too when this was the last thread. */
void wh_task_remove(struct wh_tasks *tasks, struct wh_task *task);
/** wh_task_remove_process() - all its threads are gone. */
void wh_task_remove_process(struct wh_tasks *tasks, struct wh_process *process);
/** wh_task_remove_left() - all that have been let go. */
void wh_task_remove_left(struct wh_tasks *tasks);
/**
 * wh_task_rename() - a thread other than the leader has executed: it takes over the leader's id,
 * and the task that had it is gone.
 */
void wh_task_rename(struct wh_tasks *tasks, struct wh_task *task, pid_t tid);

/**
 * wh_record_fact() - count a fact that @task has shown: find or make it, and fill its struct
 * wh_fact (count, phase, program, run, and the site if it is new and @want_site). Return: 1 new, 0
 * known, -ENOSPC full (a gap was recorded), -ENOMEM.
 */
int wh_record_fact(struct wh_recorder *r, struct wh_task *task, enum wh_kind kind, const void *key,
		   bool want_site, void *ret_fact);

/** wh_record_gap() - the same for a gap; @detail is a format. */
int wh_record_gap(struct wh_recorder *r, const struct wh_task *task, const char *kind,
		  const char *detail, ...) wh_printf(4, 5);

#endif
