/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the BPF program of the assisted engine and the engine itself share: the maps' contents. */
#ifndef WHITTLE_TRACER_BPF_ASSISTED_H
#define WHITTLE_TRACER_BPF_ASSISTED_H

#define WH_WATCH_NUMBERS 1024  /* of calls: numbers at and above this always stop */
#define WH_WATCH_TASKS	 16384 /* a task more than that is traced at each call */
#define WH_WATCH_KEYS	 16384 /* what is not kept stops again */
#define WH_WATCH_SLOTS	 2
#define WH_WATCH_SKIP	 0x80 /* as a row: calls of this number are not watched */
#define WH_WATCH_RULES	 16
#define WH_WATCH_TESTS	 2

/**
 * struct wh_watch_rule - which calls of a number are watched, where not all are: those whose arguments
 * pass all tests, of their low halves. The others stop by the filter.
 * @empty: 1 more than the argument with a string that must be empty; if it is not, it is always news
 */
struct wh_watch_rule {
	struct {
		unsigned int arg, mask, value;
	} test[WH_WATCH_TESTS];
	unsigned int empty;
};

/**
 * struct wh_watch_record - one call.
 * @arg: six; the rest is 0
 * @always: it is news whatever is known
 */
struct wh_watch_record {
	unsigned long long nr, arg[8], ip, sp;
	long long ret;
	unsigned int phase, returned, always, unused;
};

/**
 * struct wh_watch_task - of a watched thread, by its id.
 * @program: names it; the same for all tasks of one program
 * @seq: how many calls it has entered
 * @in_call: it is in the call of slot @slot
 * @asked: bit n: the call of slot n is news, and the tracer has not taken it yet
 */
struct wh_watch_task {
	unsigned long long program, seq;
	unsigned int tgid, in_call, slot, asked;
	struct wh_watch_record record[WH_WATCH_SLOTS];
};

/** struct wh_watch_key - a call that tells nothing new. @err: positive errno; @arg: those kept. */
struct wh_watch_key {
	unsigned long long program, arg[6];
	unsigned short nr, err, phase, unused;
};

#define WH_WATCH_ENTERED 0xffff /* as @err: nothing but that it was entered */

static inline void wh_watch_key_set(struct wh_watch_key *key, unsigned long long program,
				    const struct wh_watch_record *record, unsigned char keep)
{
	key->program = program;
	for (int i = 0; i < 6; i++)
		key->arg[i] = keep & 1 << i ? record->arg[i] : 0;
	key->nr = (unsigned short)record->nr;
	key->err = record->ret < 0 && record->ret >= -4095 ? (unsigned short)-record->ret : 0;
	key->phase = (unsigned short)record->phase;
	key->unused = 0;
}

#endif
