/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the randomised program share. See random.c. */
#ifndef WHITTLE_TESTS_RANDOM_H
#define WHITTLE_TESTS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct actor - a thread, or a process of one thread, with a stream of chance and a folder of its
 * own: whatever runs beside it, it does the same.
 * @depth: how many generations may still come from it
 * @alone: no other thread is in its process
 */
struct actor {
	uint64_t state;
	unsigned depth;
	int alone;
	char dir[40];
};

/** A random number below @n. */
unsigned pick(struct actor *a, unsigned n);
/** DIR/NAME in one of a few buffers of this thread. */
const char *in_dir(const struct actor *a, const char *name);
/** Ends the program with 99: the test itself is broken. */
void must(int condition, const char *what);

/** act() - one random thing, or the one with that number; act_count() is how many there are. */
void act(struct actor *a, unsigned which);
unsigned act_count(void);

/** hot() - many repetitions of a few calls. */
void hot(struct actor *a);

/** Things that make processes, and so need random.c. */
void grow(struct actor *a, unsigned which);
unsigned grow_count(void);

#endif
