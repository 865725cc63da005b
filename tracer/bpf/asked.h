/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the BPF programs of tracer/bpf/asked.bpf.c and the tracer share: see tracer/asked.c. */
#ifndef WHITTLE_TRACER_BPF_ASKED_H
#define WHITTLE_TRACER_BPF_ASKED_H

#define WH_ASKED_KEYS	 8192 /* different questions that are kept */
#define WH_ASKED_NEWS	 4096 /* a power of two */
#define WH_ASKED_MARGIN	 256  /* so many processors may find room for news at once */
#define WH_ASKED_CLASSES 16384

/* wh_asked_key.bits */
#define WH_ASKED_GRANTED    1
#define WH_ASKED_COMPAT	    2  /* a call of the 32-bit ABI */
#define WH_ASKED_OWN_NS	    4  /* in the user namespace of who is asked */
#define WH_ASKED_INITIAL    8  /* in the initial one; none of these three: in another one */
#define WH_ASKED_HOME	    64 /* in that of the entrypoint, which is not the initial one */
#define WH_ASKED_OVERRIDDEN 16 /* by credentials that the kernel put on it for a while … */
#define WH_ASKED_FOREIGN    32 /* … or others than those in force: those a file was opened with */

/** What is known of a process, by its id: none of it for the service's own. */
enum wh_asked_class {
	WH_ASKED_SERVICE,
	WH_ASKED_IGNORED,  /* the launcher, a container's runtime */
	WH_ASKED_EXECUTED, /* beside the service, in its container */
};

/**
 * struct wh_asked_key - one question, however often it was asked.
 * @exe: inode number of the program, mixed with the device
 * @nr: of the call, ~0: none
 * @class: enum wh_asked_class
 */
struct wh_asked_key {
	unsigned long long exe;
	unsigned int cap, nr, phase, bits, class, unused;
};

/**
 * struct wh_asked_news - its first time. @ready: 1 + its number, when all else is there.
 * @tid, @tgid: in the tracer's pid namespace; @ip, @sp: of the program
 */
struct wh_asked_news {
	struct wh_asked_key key;
	unsigned long long ip, sp;
	unsigned int tid, tgid, ready, unused;
};

#endif
