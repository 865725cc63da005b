/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the BPF programs of the assisted engine and the engine itself share: the maps' contents. */
#ifndef WHITTLE_TRACER_BPF_ASSISTED_H
#define WHITTLE_TRACER_BPF_ASSISTED_H

#define WH_WATCH_NUMBERS 512   /* of calls: numbers at and above this always stop */
#define WH_WATCH_SLOTS	 4096  /* a task more than that is traced at each call */
#define WH_WATCH_KEYS	 32768 /* what is not kept stops again */
#define WH_WATCH_RECORDS                                                                           \
	8 /* a power of two; all but the first are for news that nobody could take */
#define WH_WATCH_TEXTS	 2  /* of the first ones */
#define WH_WATCH_TALLIES 64 /* a power of two; in pairs */
#define WH_WATCH_WORDS	 32
#define WH_WATCH_ENTERED 0x3ff /* as an errno: it was entered, and does not return */

/** What belongs to a call besides its number and its kept arguments. */
enum wh_watch_with {
	WH_WATCH_PASSES = 1 << 0, /* it is watched at all */
	WH_WATCH_PATH = 1 << 1,	  /* a string, and where it begins */
	WH_WATCH_OPENED = 1 << 2, /* the result is a descriptor: what that leads to */
	WH_WATCH_STAT = 1 << 3,	  /* struct stat in argument @buffer: which object it tells of */
	WH_WATCH_STATX = 1 << 4,  /* likewise, struct statx */
	WH_WATCH_SOCKET = 1 << 5, /* argument 0 is a descriptor: what kind of socket that is */
	WH_WATCH_MESSAGE =
		1 << 6, /* argument 1 is a struct msghdr: whether it has name and control */
	WH_WATCH_MAPPED =
		1 << 7, /* an mmap(): its file, and whether its address is a very low one */
	WH_WATCH_EVENT = 1 << 8,     /* argument 3 is a struct epoll_event: EPOLLWAKEUP in it */
	WH_WATCH_NO_RETURN = 1 << 9, /* it counts when it is entered */
	WH_WATCH_CREDS = 1 << 10,    /* who asks */
	WH_WATCH_TIMER = 1 << 11     /* argument 0 is a timer: its clock */
};

/**
 * struct wh_watch_row - of a number.
 * @with: enum wh_watch_with; 0: such calls are not watched
 * @keep: which arguments make a difference; bit 0 the first
 * @simple: nothing else does, and those few are small: a task remembers such calls itself
 * @path, @dirfd, @buffer: which arguments; @dirfd is 6 or more where there is none
 */
struct wh_watch_row {
	unsigned short with;
	unsigned char keep, simple, path, dirfd, buffer, unused;
};

/** Who fills a record: BPF one that is free, the tracer one that is full. */
enum wh_watch_state { WH_WATCH_FREE, WH_WATCH_FULL };

struct wh_watch_key {
	unsigned long long half[2];
};

/**
 * struct wh_watch_known - of a key: a call that tells nothing new.
 * @checked, @period: in seconds: when it was decoded last, and for how long that holds;
 *   period 0: for good
 */
struct wh_watch_known {
	unsigned int checked, period;
};

#define WH_WATCH_NAME	 1 /* as wh_watch_record.message: the message has an address … */
#define WH_WATCH_CONTROL 2 /* … and something else with it */

/**
 * struct wh_watch_record - one call.
 * @key: what it is by, if @keyed; else it is news whatever is known
 * @spelt: the string was readable at the entry, and is kept
 * @refused: by a filter that is not ours: the call was not made
 * @family, @type: of its socket; 0 where it is none
 */
struct wh_watch_record {
	unsigned long long nr, arg[6], ip, sp;
	long long ret;
	struct wh_watch_key key;
	unsigned int state, phase, returned, keyed, spelt, message, refused;
	unsigned short family, type;
};

/** struct wh_watch_text - a string; what lies behind its end is left over from others. */
struct wh_watch_text {
	union {
		char c[8 * WH_WATCH_WORDS];
		unsigned long long word[WH_WATCH_WORDS];
	};
};

/**
 * struct wh_watch_tally - how often a task has made a call that is known; @tag says which, see
 * wh_watch_tag(). @tag 0: none.
 */
struct wh_watch_tally {
	unsigned long long tag, count;
};

/**
 * struct wh_watch_slot - of a watched thread.
 * @tid: in the tracer's pid namespace, as it was born; 0: the slot is free
 * @program: names it; the same for all tasks of one program
 * @plain: the tracer stops it at each call: nothing is to be done here
 * @loud: all that it does is news
 * @decoded: 1 + number of the call that it is about to enter, and that the tracer sees itself
 * @child: 1 + the slot of the last task that it made, @child_tid
 * @in_call: it is in the call of record @at
 * @entered: it is in a call that began: one that another filter refuses does not, and yet it ends
 */
struct wh_watch_slot {
	unsigned int tid, program, plain, loud, decoded, child, child_tid, in_call, at, entered;
	struct wh_watch_record record[WH_WATCH_RECORDS];
	struct wh_watch_tally tally[WH_WATCH_TALLIES];
	struct wh_watch_text text[WH_WATCH_TEXTS];
};

/*
 * A tag holds number, errno and phase, and above them kept arguments: one of 32 bits or two of 16.
 * With phase 0 it only counts.
 */
#define WH_WATCH_TAG_NR(tag)  ((unsigned int)((tag)&0x3ff))
#define WH_WATCH_TAG_ERR(tag) ((unsigned int)((tag) >> 10 & 0x3ff))
#define WH_WATCH_TAG(nr, err, phase)                                                               \
	((unsigned long long)(nr) | (unsigned long long)(err) << 10 |                              \
	 (unsigned long long)(phase) << 20 | 1ULL << 31)

#endif
