/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From facts to decisions: all judgement of the generators is here and in policy-*.c. A policy says
 * what is to be allowed, and each entry carries what it was decided from, so that emitters only
 * write and `whittle explain` only looks up.
 */
#ifndef WHITTLE_GEN_POLICY_H
#define WHITTLE_GEN_POLICY_H

#include "gen/pool.h"
#include "whittle/schema.h"
#include "whittle/trace.h"

/** Why an entry is there; a set. */
enum wh_policy_origin {
	WH_POLICY_OBSERVED = 1 << 0, /* the service did it: see facts */
	WH_POLICY_FLOOR =
		1 << 1, /* the container runtime needs it: measured, or in templates/floors */
	WH_POLICY_IMPLIED = 1 << 2, /* what was observed can lead to it: templates/implied.json */
	WH_POLICY_PROBED = 1 << 3,  /* refused in the way that makes libc fall back */
};

/** How much is asked of arguments: of what is an interface with a fixed set of values, of none, of all that are known. */
enum wh_policy_args_choice { WH_POLICY_ARGS_SAFE, WH_POLICY_ARGS_NONE, WH_POLICY_ARGS_STRICT };

/** What becomes of a call that no rule is for: EPERM, the end of its process, a line in the log alone, SIGSYS, or what a listener says. */
enum wh_policy_action {
	WH_POLICY_ACTION_ERRNO,
	WH_POLICY_ACTION_KILL,
	WH_POLICY_ACTION_LOG,
	WH_POLICY_ACTION_TRAP,
	WH_POLICY_ACTION_NOTIFY,
};

/** struct wh_policy_args_test - holds when the argument with that index has @value in the bits of @mask. */
struct wh_policy_args_test {
	unsigned index;
	uint32_t mask, value;
};

/** struct wh_policy_args_rule - holds when all its tests do; no index is in it twice. */
struct wh_policy_args_rule {
	struct wh_policy_args_test arg[WH_TUPLE_MAX];
	size_t n;
};

/**
 * struct wh_policy_args - the arguments with which a call is allowed: when one of the rules holds.
 * @only: those that were seen, in words; "" where the rule is about what is never there
 * @also, @also_reason: those that need no fact, and why; "" for none
 * @closes: what is worth knowing that it is refused; "" for nothing with a name
 */
struct wh_policy_args {
	struct wh_policy_args_rule *rules;
	size_t n_rules;
	const char *only, *also, *also_reason, *closes, *reason;
};

/**
 * struct wh_policy_syscall - one name in the filter.
 * @error: 0 if allowed, else the errno it is answered with
 * @args: with which arguments it is allowed, or NULL: with any
 * @floor, @implied, @probed: the reason in words for each origin, else NULL
 * @floor_source: how that is known: that it was measured in the recording, the table that has it and how that knows
 * @floor_fact: of the runtime's own call in the recording that it was taken from, or NULL
 * @facts: one an ABI, of the service
 */
struct wh_policy_syscall {
	const char *name;
	unsigned origins;
	int error;
	const char *floor, *floor_source, *implied, *probed;
	const struct wh_syscall *floor_fact;
	const struct wh_policy_args *args;
	const struct wh_syscall **facts;
	size_t n_facts;
};

enum wh_policy_decision {
	WH_POLICY_ADD,	      /* it goes into the list */
	WH_POLICY_COVERED,    /* needed, but another one that is added does it as well */
	WH_POLICY_CONSIDERED, /* not sure enough */
	WH_POLICY_DENIED,     /* the service wanted it and did without */
	WH_POLICY_UNNEEDED,   /* each load that seemed to need it was served without it */
};

/**
 * struct wh_policy_cap - a capability that has facts. @reason: of the decision, in words; @evidence: the first of what it was
 * decided from, fit for a comment; @kernel: what the kernel itself was seen to answer, or NULL.
 */
struct wh_policy_cap {
	const char *name; /* "CAP_CHOWN" */
	enum wh_policy_decision decision;
	const char *reason, *evidence, *kernel;
	const struct wh_policy_cap *by; /* of COVERED: the one that does it as well */
	const struct wh_cap **facts;	/* none: only the kernel asked for it */
	size_t n_facts;
};

/** struct wh_policy_asked - a capability that only the kernel asked for, and why nothing needs it. @first: time that it did. */
struct wh_policy_asked {
	const char *name, *reason;
	const struct wh_question *first;
};

/** The letters of an AppArmor file rule, in the order they are written. */
enum wh_policy_letter {
	WH_POLICY_R = 1 << 0,
	WH_POLICY_W = 1 << 1,
	WH_POLICY_A = 1 << 2,
	WH_POLICY_L = 1 << 3,
	WH_POLICY_K = 1 << 4,
	WH_POLICY_M = 1 << 5,
	WH_POLICY_X = 1 << 6, /* see struct wh_policy_file's to */
};

/**
 * struct wh_policy_file - one AppArmor file rule.
 * @path: as in the trace; of a generalised rule, the first that it came from
 * @pattern: what goes into the profile, escaped but not quoted
 * @reason: why the pattern is not the path itself, or NULL
 * @to: the profile that what is executed runs under; NULL: the same one
 */
struct wh_policy_file {
	const char *path, *pattern;
	unsigned letters; /* enum wh_policy_letter */
	bool owner;
	const char *reason;
	const struct wh_policy *to;
	const struct wh_file **facts;
	size_t n_facts;
};

enum wh_policy_section {
	WH_POLICY_CAPABILITY,
	WH_POLICY_NETWORK,
	WH_POLICY_UNIX,
	WH_POLICY_SIGNAL,
	WH_POLICY_PTRACE,
	WH_POLICY_MOUNT,
	WH_POLICY_LINK,
	WH_POLICY_SECTIONS,
};

/**
 * struct wh_policy_rule - one AppArmor rule that is no file rule.
 * @text: the rule, without the comma at its end
 * @kind: what @facts are
 */
struct wh_policy_rule {
	enum wh_policy_section section;
	const char *text;
	const char *reason; /* in words, or NULL: the facts say it */
	enum wh_kind kind;
	const void **facts;
	size_t n_facts;
};

/** struct wh_policy_warning - something a person must know before using the result. */
struct wh_policy_warning {
	const char *text;
	bool refuse;		  /* generate needs --allow-gaps */
	const struct wh_gap *gap; /* or NULL */
};

/**
 * How a container is to be run, beyond its profiles. X(identifier, its name for `whittle explain`)
 * USER's value is "UID:GID", that of PIDS_LIMIT a number; NETWORK's is "none", and SYSCTL's "NAME=VALUE".
 */
#define WH_POLICY_HINT_LIST(X)                                                                     \
	X(READ_ONLY, "read-only")                                                                  \
	X(USER, "user")                                                                            \
	X(NETWORK, "network")                                                                      \
	X(PIDS_LIMIT, "pids-limit")                                                                \
	X(SYSCTL, "sysctl")

enum wh_policy_hint_id {
#define X(id, name) WH_POLICY_HINT_##id,
	WH_POLICY_HINT_LIST(X)
#undef X
		WH_POLICY_HINTS
};

/**
 * struct wh_policy_hint - a suggestion, or why there is none.
 * @reason: in words, on one line
 * @kind: what @facts are
 */
struct wh_policy_hint {
	bool on;
	const char *value; /* or NULL */
	const char *reason;
	enum wh_kind kind;
	const void **facts;
	size_t n_facts;
};

enum wh_policy_place_kind {
	WH_POLICY_TMPFS,  /* empty memory will do */
	WH_POLICY_VOLUME, /* a volume, that begins with what the image has there */
	WH_POLICY_GIVEN, /* something was mounted there while it was recorded: whoever starts it must do so again */
};

/**
 * struct wh_policy_place - a folder that the service needs to write to, or that was mounted for it.
 * @path: of TMPFS and VOLUME one that needs no quotes anywhere
 * @keeps: what the image has there is used: it must not be hidden
 * @executes: programs or libraries in it were executed or mapped
 * @given: something was mounted there while it was recorded
 * @options, @podman_options: of a tmpfs, without the size, which no trace shows; Podman has no uid= among them
 */
struct wh_policy_place {
	const char *path;
	enum wh_policy_place_kind kind;
	bool keeps, executes, read_only, given;
	const char *options, *podman_options;
	const char *reason;
	const struct wh_file **facts;
	size_t n_facts;
};

/** struct wh_policy_port - something was bound to. @publish: others than this machine can reach it. */
struct wh_policy_port {
	unsigned port; /* 0: the kernel chose one */
	const char *protocol;
	bool publish;
	const char *reason;
	const struct wh_socket *fact;
};

/** struct wh_policy_directive - a line of a systemd unit; not @on: left out, and why. */
struct wh_policy_directive {
	const char *name, *value, *reason;
	bool on;
};

enum wh_policy_choice { WH_POLICY_AUTO, WH_POLICY_ON, WH_POLICY_OFF };

/** struct wh_policy_options - strings are the caller's and only read while the policy is made. */
struct wh_policy_options {
	const char *name;    /* NULL: made from the names of the runs */
	const char *runtime; /* "runc", "crun", "none"; NULL: that of the recording, else runc */
	enum wh_policy_choice no_new_privs;
	bool subprofiles; /* an AppArmor profile for each program */
	enum wh_policy_args_choice args;
	enum wh_policy_action action;
	const char *listener; /* path of the socket, with NOTIFY */
};

/** struct wh_policy - read it, do not change it. Everything is sorted; equal traces give equal
 * ones. */
struct wh_policy {
	struct wh_pool pool;
	struct wh_trace *trace;
	const char *name, *service, *runtime;
	const char *runtime_version; /* what the table of its needs was measured with, or NULL */
	const char
		*runtime_recorded; /* whose calls in the recording count ("runc 1.1.5"), or NULL */
	bool no_new_privs;	   /* nothing gains privilege by exec */
	const char *no_new_privs_reason;
	enum wh_policy_args_choice args;
	enum wh_policy_action action;
	const char *listener; /* or NULL */
	bool floor_with_nnp;  /* the floor is the small one, that holds under no_new_privs only */
	bool kubernetes_escalation;
	uint64_t uid, gid;
	bool same_user; /* all runs started as that uid and gid */
	/* The trace's facts that are not the runtime's own doing alone; of runs the recordings, not logs. */
	struct wh_policy_facts {
		const void **v;
		size_t n;
	} of_service[WH_KINDS];

	const char **architectures; /* OCI names */
	size_t n_architectures;
	struct wh_policy_syscall *syscalls;
	size_t n_syscalls;
	struct wh_policy_cap *caps;
	size_t n_caps;
	struct wh_policy_asked *asked; /* none of them is in @caps */
	size_t n_asked;
	struct wh_policy_file *files;
	size_t n_files;
	struct wh_policy_rule *rules;
	size_t n_rules;
	struct wh_policy_warning *warnings;
	size_t n_warnings;

	bool container;	   /* all runs were in one */
	const char *image; /* of all runs, or NULL */
	struct wh_policy_hint hints[WH_POLICY_HINTS];
	uint64_t run_uid, run_gid; /* of the hint USER, if it is on */
	const char **groups;	   /* the supplementary ones to go with it */
	size_t n_groups;
	struct wh_policy_place *places;
	size_t n_places;
	struct wh_policy_port *ports;
	size_t n_ports;
	struct wh_policy_directive *directives;
	size_t n_directives;

	/*
	 * With subprofiles, where there is more than one program: a policy for each AppArmor profile, of its own facts, files,
	 * rules and capabilities alone. What is executed from outside runs under the first, the others are its children.
	 */
	struct wh_policy **profiles;
	size_t n_profiles;
	struct wh_policy_split *split; /* gen/policy-split.h */
	/* Of one of them: whose it is, and its place there; its name is "NAME//CHILD", and the first has no child. */
	const struct wh_policy *whole;
	size_t index;
	const char *child;
	const char *title; /* its programs, fit for a comment */
};

/**
 * wh_policy_new() - judge a trace.
 * @trace: stays the caller's and must outlive the policy; nothing may be put into it meanwhile
 */
int wh_policy_new(struct wh_trace *trace, const struct wh_policy_options *options,
		  struct wh_policy **ret, struct wh_error *e);
void wh_policy_free(struct wh_policy *p);
WH_DEFINE_AUTO(policy, struct wh_policy *, wh_policy_free)

/** wh_policy_file_letters() - the letters (enum wh_policy_letter) that AppArmor asks for what a fact did. */
unsigned wh_policy_file_letters(const struct wh_file *fact);

/**
 * wh_policy_cap_does() - whether another capability would have done for a fact: the fact says so itself, or the kernel takes
 * it for this one always.
 */
bool wh_policy_cap_does(const struct wh_cap *fact, const char *other);

/** wh_policy_check_name() - a profile name is 1 to 100 of [A-Za-z0-9_.-], and no option or dot
 * file. */
int wh_policy_check_name(const char *name, struct wh_error *e);

/** wh_policy_find_syscall() - by name, or NULL. */
const struct wh_policy_syscall *wh_policy_find_syscall(const struct wh_policy *p, const char *name);
/**
 * wh_policy_went_on() - whether a call that was refused for want of a capability was in a recording that went well,
 * and its process went on: then it is evidence that the capability is not needed.
 */
bool wh_policy_went_on(const struct wh_policy *p, const struct wh_cap *denied);
/** What is put behind the evidence of a fact; "" for one that is not denied. */
const char *wh_policy_refused(const struct wh_policy *p, const struct wh_cap *fact);
/** wh_policy_find_cap() - by name with or without "CAP_", or NULL. */
const struct wh_policy_cap *wh_policy_find_cap(const struct wh_policy *p, const char *name);

/** wh_policy_args_word() - "safe", "none", "strict". Static. */
const char *wh_policy_args_word(enum wh_policy_args_choice choice);
/** wh_policy_args_choice() - from its word; -EINVAL for another one. */
int wh_policy_args_choice(const char *word, enum wh_policy_args_choice *ret);

/** wh_policy_action_oci() - the OCI name of an action. Static. */
const char *wh_policy_action_oci(enum wh_policy_action action);
/**
 * wh_policy_action_parse() - from "errno", "kill", "log", "trap" or "notify:SOCKET".
 * @ret_listener: within @text, or NULL
 */
int wh_policy_action_parse(const char *text, enum wh_policy_action *ret, const char **ret_listener,
			   struct wh_error *e);

/** wh_policy_hint_name() - the name of a hint, as in WH_POLICY_HINT_LIST. Static. */
const char *wh_policy_hint_name(enum wh_policy_hint_id id);

/** struct wh_policy_numbers - before and after, for people. */
struct wh_policy_numbers {
	size_t caps_before, caps_after;
	size_t syscalls_before; /* all that the native ABI has */
	size_t syscalls_observed, syscalls_floor, syscalls_implied, syscalls_answered;
	size_t syscalls_args; /* allowed with certain arguments only */
	size_t syscalls_measured; /* of the floor and of those observed: the runtime called them while recording */
	size_t file_rules, other_rules, gaps, refusals;
};

void wh_policy_numbers(const struct wh_policy *p, struct wh_policy_numbers *ret);

#endif
