/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the randomised program share. See random.c. */
#ifndef WHITTLE_TESTS_RANDOM_H
#define WHITTLE_TESTS_RANDOM_H

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/**
 * struct actor - a thread, or a process of one thread, with a stream of chance and a folder of its
 * own: whatever runs beside it, it does the same.
 * @depth: how many generations may still come from it
 */
struct actor {
	uint64_t state;
	unsigned depth;
	char dir[40];
};

/* clang-format off */
/*
 * What any thread may do: acts.c, calls.c, late.c, sockets.c. Often: those that pick among many. First: what
 * must come from a thread that was not hot.
 */
#define WH_ACTS(X)                                                                                 \
	X(lates) X(file) X(file) X(file) X(replace) X(appear) X(dup) X(map) X(acl)                 \
	X(pipes) X(mqueue) X(ipc) X(pidfd) X(watch) X(ring) X(crypto) X(signal)                    \
	X(meet) X(meet) X(pass) X(family) X(option) X(netlink)                                     \
	X(calls) X(calls) X(calls) X(calls) X(error) X(old) X(old) X(low) X(table)                 \
	X(late) X(late) X(late) X(shown)

/* What changes the whole process: done in one of its own, which has been hot. deeds.c, filters.c. */
#define WH_DEEDS(X)                                                                                \
	X(user) X(rights) X(limits) X(chdir) X(mounts) X(names)                                    \
	X(filter) X(trap) X(restart) X(masked) X(killed) X(duty)

/* What makes threads, processes and programs: grow.c. */
#define WH_GROWS(X)                                                                                \
	X(thread) X(fork) X(exec) X(vfork) X(spawn) X(exec_fd) X(exec_thread)                      \
	X(clone3) X(nested) X(shared) X(untraced) X(stop)
/* clang-format on */

#define X(name) void act_##name(struct actor *a);
WH_ACTS(X)
#undef X
#define X(name) void deed_##name(struct actor *a);
WH_DEEDS(X)
#undef X
#define X(name) void grow_##name(struct actor *a);
WH_GROWS(X)
#undef X

/** A random number below @n. */
unsigned pick(struct actor *a, unsigned n);
/** DIR/NAME in one of a few buffers of this thread. */
const char *in_dir(const struct actor *a, const char *name);
/** Makes a file there, closed on execution; must succeed. */
int make(const struct actor *a, const char *name);
/** Ends the program with 99: the test itself is broken. */
void must(int condition, const char *what);
/** A new actor with a folder of its own beside the others. */
void child_of(struct actor *a, struct actor *child);
/** What a new actor does. */
void live(struct actor *a);
/** Waits for that child, whose status must be @want. */
void wait_for(pid_t pid, int want);
/** Executes the program anew as @child: by its name, or by @fd if that is not -1. */
void execute(struct actor *child, int fd);
/** One random act; hot() many repetitions of a few calls. */
void act(struct actor *a);
void hot(struct actor *a);

/** struct call - placeholders among the arguments stand for things that the actor makes first */
struct call {
	int nr, makes_fd;
	long arg[6];
};
/** Makes the call @times times, and closes what it returned. */
void make_calls(struct actor *a, const struct call *call, unsigned times);

/* Placeholders. */
enum {
	WH_FIRST = 0x5a5a0000,
	WH_FD = WH_FIRST, /* an open file */
	WH_DIR,		  /* an open folder */
	WH_PATH,	  /* the name of that file */
	WH_NONE,	  /* of one that is missing */
	WH_BUF,		  /* zeros */
	WH_PAGE,	  /* a page that may be changed */
	WH_PID,
	WH_TID,
	WH_LAST = WH_TID,
};
#define WH_TEXT(text) ((long)(uintptr_t)(text))

#endif
