/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A random program: threads, forks, vforks and executions, each of which does random things, gets
 * hot, and then does something new. SEED decides everything; no fact hangs on timing, so that two
 * recordings of one seed must hold the same facts, whatever engine made them.
 *
 *   random SEED SIZE              the whole program, in the current folder
 *   random SEED SIZE ready FILE   makes FILE half-way
 *   random SEED SIZE alone        one thing after the other: what came first is the same, too
 *   random SEED SIZE each         in order, everything that it can do
 *   random SEED SIZE only NAME    one of these
 *   random SEED SIZE child DIR DEPTH   what it executes itself as
 */
#include "random.h"

#include <linux/futex.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define STACK (256 * 1024) /* so small that libc keeps all stacks: unmapping them would be chance */

static unsigned size;

struct doing {
	const char *name;
	void (*run)(struct actor *a);
};

#define X(name) {#name, act_##name},
static const struct doing acts[] = {WH_ACTS(X)};
#undef X
#define X(name) {#name, deed_##name},
static const struct doing deeds[] = {WH_DEEDS(X)};
#undef X
#define X(name) {#name, grow_##name},
static const struct doing grows[] = {WH_GROWS(X)};
#undef X

void must(int condition, const char *what)
{
	if (condition)
		return;
	dprintf(2, "random: %s: %s\n", what, strerror(errno));
	_exit(99);
}

static uint64_t next(struct actor *a)
{
	uint64_t z = a->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

unsigned pick(struct actor *a, unsigned n)
{
	return (unsigned)(next(a) % n);
}

const char *in_dir(const struct actor *a, const char *name)
{
	static __thread char text[8][96];
	static __thread unsigned turn;
	char *s = text[turn++ % 8];

	snprintf(s, sizeof(text[0]), "%s/%s", a->dir, name);
	return s;
}

int make(const struct actor *a, const char *name)
{
	int fd = open(in_dir(a, name), O_CREAT | O_RDWR | O_CLOEXEC, 0644);

	must(fd >= 0, name);
	return fd;
}

void child_of(struct actor *a, struct actor *child)
{
	child->state = next(a);
	child->depth = a->depth ? a->depth - 1 : 0;
	snprintf(child->dir, sizeof(child->dir), "w%012llx",
		 (unsigned long long)(child->state >> 16));
	must(mkdir(child->dir, 0755) == 0, child->dir);
}

/* What libc does only when threads happen to meet, or what parent and child do first by chance. */
static void foregone(void)
{
	static const int ops[] = {FUTEX_WAIT_PRIVATE,
				  FUTEX_WAIT,
				  FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME,
				  FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME,
				  FUTEX_WAKE_PRIVATE,
				  FUTEX_WAKE};
	struct timespec none = {0, 1};
	int word = 0;

	for (size_t i = 0; i < COUNT(ops); i++)
		syscall(SYS_futex, &word, ops[i], word + 1, &none, NULL, ~0u);
	for (size_t i = 0; i < COUNT(ops); i++)
		syscall(SYS_futex, &word, ops[i], word, &none, NULL, ~0u);
	sched_yield();
	/* And what the child does that only some engines hear of, see grow_untraced(). */
	if (!fork()) {
		close(-1);
		_exit(0);
	}
	while (waitpid(-1, NULL, 0) > 0)
		;
	syscall(SYS_waitid, P_ALL, 0, NULL, WEXITED, NULL);
}

void wait_for(pid_t pid, int want)
{
	int status = -1;

	must(pid > 0 && waitpid(pid, &status, 0) == pid, "waitpid");
	if (status != want)
		dprintf(2, "random: status %x\n", status);
	must(status == want, "a child's status");
}

void execute(struct actor *child, int fd)
{
	char seed[24], n[8], depth[8], name[] = "random", word[] = "child", empty[] = "";
	char *argv[] = {name, seed, n, word, child->dir, depth, NULL}, *env[] = {NULL};

	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)child->state);
	snprintf(n, sizeof(n), "%u", size);
	snprintf(depth, sizeof(depth), "%u", child->depth);
	if (fd < 0)
		execve("/proc/self/exe", argv, env);
	else
		syscall(SYS_execveat, fd, empty, argv, env, AT_EMPTY_PATH);
	must(0, "execve");
}

/* A deed is of a process of its own: nobody else's hangs on it. */
static void do_deed(struct actor *a, const struct doing *deed)
{
	struct actor child;
	pid_t pid;

	child_of(a, &child);
	pid = fork();
	if (!pid) {
		hot(&child);
		deed->run(&child);
		_exit(0);
	}
	wait_for(pid, 0);
}

void act(struct actor *a)
{
	acts[pick(a, COUNT(acts))].run(a);
}

static void grow(struct actor *a)
{
	unsigned which = pick(a, COUNT(grows) + COUNT(deeds));

	if (which < COUNT(grows))
		grows[which].run(a);
	else
		do_deed(a, &deeds[which - COUNT(grows)]);
}

void live(struct actor *a)
{
	unsigned n = 2 + pick(a, 3);

	for (unsigned i = 0; i < n; i++)
		act(a);
	hot(a);
	/* The late news. */
	n = 2 + pick(a, size + 1);
	for (unsigned i = 0; i < n; i++) {
		if (a->depth && pick(a, 3) == 0)
			grow(a);
		else
			act(a);
	}
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void *thread_main(void *data)
{
	live(data);
	return NULL;
}

static void crowd(struct actor *root)
{
	struct actor child[4];
	pthread_t thread[4];
	pthread_attr_t attr;
	unsigned n = 1 + pick(root, 3);

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	for (unsigned i = 0; i < n; i++) {
		child_of(root, &child[i]);
		must(pthread_create(&thread[i], &attr, thread_main, &child[i]) == 0, "thread");
	}
	live(root);
	for (unsigned i = 0; i < n; i++)
		must(pthread_join(thread[i], NULL) == 0, "pthread_join");
	pthread_attr_destroy(&attr);
}

/*
 * The phase changes while nothing happens but sleep; what was done before, hot and cold, is done
 * again.
 */
static void become_ready(const struct actor *a, const char *file)
{
	struct actor before = *a;
	struct timespec ts = {0, 800000000};

	before.depth = 0;
	child_of(&before, &before);
	nanosleep(&(struct timespec){0, 1}, NULL);
	hot(&before);
	close(open(file, O_CREAT | O_WRONLY, 0644));
	/* The last call of one phase, or the first of the next: so it is made in both. */
	nanosleep(&ts, NULL);
	nanosleep(&(struct timespec){0, 1}, NULL);
	foregone();
	/* The same dice once more. */
	before.state = a->state;
	next(&before);
	hot(&before);
}

static int named(const char *name, const char *wanted)
{
	return !wanted || strcmp(name, wanted) == 0;
}

/* All that there is, or what has that name: each with dice of its own. */
static void each(struct actor *a, const char *name)
{
	unsigned done = 0;

	for (size_t i = 0; i < COUNT(acts); i++)
		if (named(acts[i].name, name) && ++done)
			acts[i].run(a);
	for (size_t i = 0; i < COUNT(deeds); i++)
		if (named(deeds[i].name, name) && ++done)
			do_deed(a, &deeds[i]);
	a->depth = 1;
	for (size_t i = 0; i < COUNT(grows); i++)
		if (named(grows[i].name, name) && ++done)
			grows[i].run(a);
	must(done > 0, "no such thing to do");
}

int main(int argc, char **argv)
{
	struct actor root = {0};
	const char *way = argc > 3 ? argv[3] : "", *more = argc > 4 ? argv[4] : NULL;

	mallopt(M_ARENA_MAX, 1);
	must(argc >= 3, "usage: random SEED SIZE [WAY [ARG…]]");
	root.state = strtoull(argv[1], NULL, 10);
	size = (unsigned)strtoul(argv[2], NULL, 10);
	foregone();
	umask(022);
	if (strcmp(way, "child") == 0 && argc == 6) {
		snprintf(root.dir, sizeof(root.dir), "%s", more);
		root.depth = (unsigned)strtoul(argv[5], NULL, 10);
		live(&root);
		return 0;
	}
	root.depth = 2;
	snprintf(root.dir, sizeof(root.dir), "root");
	must(mkdir(root.dir, 0755) == 0, "mkdir");
	if (strcmp(way, "ready") == 0 && more)
		become_ready(&root, more);
	if (strcmp(way, "alone") == 0)
		live(&root);
	else if (strcmp(way, "each") == 0 || strcmp(way, "only") == 0)
		each(&root, more);
	else
		crowd(&root);
	return 0;
}
