/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A random program: threads, forks, vforks and executions, each of which does random things, gets
 * hot, and then does something new. SEED decides everything; no fact hangs on timing, so that two
 * recordings of one seed must hold the same facts, whatever engine made them.
 *
 *   random SEED SIZE [READY-FILE]      the whole program, in the current folder
 *   random SEED SIZE - DIR DEPTH       what it executes itself as
 */
#include "random.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STACK (256 * 1024) /* so small that libc keeps all stacks: unmapping them would be chance */

static unsigned size;
static const char *self;

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

/* A new actor with a folder of its own beside the others. */
static void child_of(struct actor *a, struct actor *child)
{
	child->state = next(a);
	child->depth = a->depth ? a->depth - 1 : 0;
	child->alone = 0;
	snprintf(child->dir, sizeof(child->dir), "w%012llx",
		 (unsigned long long)(child->state >> 16));
	must(mkdir(child->dir, 0755) == 0, child->dir);
}

/* What libc does only when threads happen to meet, done for certain. */
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

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		syscall(SYS_futex, &word, ops[i], 1, &none, NULL, ~0u);
	sched_yield();
}

static void live(struct actor *a)
{
	unsigned n = 2 + pick(a, 3);

	for (unsigned i = 0; i < n; i++)
		act(a, pick(a, act_count()));
	hot(a);
	/* The late news. */
	n = 2 + pick(a, size + 1);
	for (unsigned i = 0; i < n; i++) {
		if (a->depth && pick(a, 3) == 0)
			grow(a, pick(a, grow_count()));
		else
			act(a, pick(a, act_count()));
	}
}

static void *thread_main(void *data)
{
	live(data);
	return NULL;
}

static void spawn(pthread_t *thread, struct actor *a)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	must(pthread_create(thread, &attr, thread_main, a) == 0, "pthread_create");
	pthread_attr_destroy(&attr);
}

static void wait_for(pid_t pid, int want)
{
	int status = -1;

	must(pid > 0 && waitpid(pid, &status, 0) == pid, "waitpid");
	if (status != want)
		dprintf(2, "random: status %x\n", status);
	must(status == want, "a child's status");
}

/* ---- what makes threads and processes -------------------------------------------------------- */

static void grow_thread(struct actor *a)
{
	struct actor child;
	pthread_t thread;

	child_of(a, &child);
	spawn(&thread, &child);
	must(pthread_join(thread, NULL) == 0, "pthread_join");
}

static void grow_fork(struct actor *a)
{
	struct actor child;
	pid_t pid;

	child_of(a, &child);
	child.alone = 1;
	pid = fork();
	if (!pid) {
		live(&child);
		_exit(0);
	}
	wait_for(pid, 0);
}

static void execute(struct actor *child)
{
	char seed[24], n[8], depth[8];
	char *argv[] = {(char *)(uintptr_t) "random",
			seed,
			n,
			(char *)(uintptr_t) "-",
			child->dir,
			depth,
			NULL};
	char *env[] = {NULL};

	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)child->state);
	snprintf(n, sizeof(n), "%u", size);
	snprintf(depth, sizeof(depth), "%u", child->depth);
	execve(self, argv, env);
	must(0, "execve");
}

static void grow_exec(struct actor *a)
{
	struct actor child;
	pid_t pid;

	child_of(a, &child);
	pid = fork();
	if (!pid) {
		/* This one stays open. */
		must(open(in_dir(&child, "kept"), O_CREAT | O_RDWR, 0600) >= 0, "open");
		execute(&child);
	}
	wait_for(pid, 0);
}

/* Through a shared memory: what the child writes, its parent has. */
static void grow_vfork(struct actor *a)
{
	static char name[] = "/bin/true";
	char *const argv[] = {name, NULL}, *const env[] = {NULL};
	volatile int seen = 0;
	pid_t pid = vfork();

	if (!pid) {
		seen = 1;
		execve(name, argv, env);
		_exit(99);
	}
	(void)a;
	wait_for(pid, 0);
	must(seen, "vfork");
}

static void *exec_thread(void *data)
{
	execute(data);
	return NULL;
}

/* A thread executes, and takes over its leader, which waits. */
static void grow_exec_thread(struct actor *a)
{
	struct actor child;
	pthread_t thread;
	pid_t pid;

	child_of(a, &child);
	pid = fork();
	if (!pid) {
		must(pthread_create(&thread, NULL, exec_thread, &child) == 0, "pthread_create");
		/* A call that is foregone, as it may not get there any more. */
		for (int word = 0;;)
			syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
	}
	wait_for(pid, 0);
}

/* The child is hot before it takes another user's part. */
static void grow_user(struct actor *a)
{
	struct actor child;
	pid_t pid;

	child_of(a, &child);
	pid = fork();
	if (!pid) {
		hot(&child);
		must(chmod(child.dir, 0777) == 0, "chmod");
		must(setresgid(65534, 65534, 65534) == 0, "setresgid");
		must(setresuid(65534, 65534, 65534) == 0, "setresuid");
		close(open(in_dir(&child, "mine"), O_CREAT | O_RDWR, 0600));
		must(open("/etc/shadow", O_RDONLY) == -1, "shadow");
		must(setuid(0) == -1, "setuid");
		_exit(0);
	}
	wait_for(pid, 0);
}

/* The same relative name in another folder, and then in another root. */
static void grow_chdir(struct actor *a)
{
	struct actor child;
	pid_t pid;

	child_of(a, &child);
	pid = fork();
	if (!pid) {
		must(mkdir(in_dir(&child, "x"), 0755) == 0, "mkdir");
		for (int i = 0; i < 400; i++)
			close(open("x/same", O_RDONLY));
		hot(&child);
		must(chdir(child.dir) == 0, "chdir");
		close(open("x/same", O_CREAT | O_RDWR, 0644));
		close(open("x/same", O_RDONLY));
		must(chroot("x") == 0, "chroot");
		close(open("same", O_RDONLY));
		close(open("/same", O_RDONLY));
		_exit(0);
	}
	wait_for(pid, 0);
}

/* A child is stopped and continued, and then tells that it goes on. */
static void grow_stop(struct actor *a)
{
	struct actor child;
	int status, p[2];
	pid_t pid;
	char c = 0;

	child_of(a, &child);
	must(pipe(p) == 0, "pipe");
	pid = fork();
	if (!pid) {
		hot(&child);
		kill(getpid(), SIGSTOP);
		act(&child, pick(&child, act_count()));
		must(write(p[1], "x", 1) == 1, "write");
		_exit(7);
	}
	must(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status), "WUNTRACED");
	must(kill(pid, SIGCONT) == 0, "SIGCONT");
	must(read(p[0], &c, 1) == 1 && c == 'x', "read");
	wait_for(pid, 7 << 8);
	close(p[0]);
	close(p[1]);
}

static void grow_killed(struct actor *a)
{
	struct actor child;
	pid_t pid;

	child_of(a, &child);
	pid = fork();
	if (!pid) {
		hot(&child);
		syscall(SYS_getpgid, 0);
		signal(SIGUSR2, SIG_DFL);
		raise(SIGUSR2);
		_exit(0);
	}
	wait_for(pid, SIGUSR2);
}

static void (*const grows[])(struct actor *) = {
	grow_thread, grow_fork,	 grow_exec, grow_vfork,	 grow_exec_thread,
	grow_user,   grow_chdir, grow_stop, grow_killed,
};

unsigned grow_count(void)
{
	return sizeof(grows) / sizeof(grows[0]);
}

void grow(struct actor *a, unsigned which)
{
	grows[which](a);
}

/* ---- the whole ------------------------------------------------------------------------------- */

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
	nanosleep(&ts, NULL);
	foregone();
	/* The same dice once more. */
	before.state = a->state;
	next(&before);
	hot(&before);
}

int main(int argc, char **argv)
{
	struct actor root = {0}, child[4];
	pthread_t thread[4];
	unsigned n;

	mallopt(M_ARENA_MAX, 1);
	must(argc >= 3, "usage: random SEED SIZE [READY-FILE]");
	root.state = strtoull(argv[1], NULL, 10);
	size = (unsigned)strtoul(argv[2], NULL, 10);
	self = "/proc/self/exe";
	foregone();
	umask(022);
	if (argc == 6) {
		snprintf(root.dir, sizeof(root.dir), "%s", argv[4]);
		root.depth = (unsigned)strtoul(argv[5], NULL, 10);
		live(&root);
		return 0;
	}
	root.depth = 2;
	snprintf(root.dir, sizeof(root.dir), "root");
	must(mkdir(root.dir, 0755) == 0, "mkdir");
	if (argc == 4)
		become_ready(&root, argv[3]);
	n = 1 + pick(&root, 3);
	for (unsigned i = 0; i < n; i++) {
		child_of(&root, &child[i]);
		spawn(&thread[i], &child[i]);
	}
	live(&root);
	for (unsigned i = 0; i < n; i++)
		must(pthread_join(thread[i], NULL) == 0, "pthread_join");
	return 0;
}
