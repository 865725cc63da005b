/* SPDX-License-Identifier: Apache-2.0 */
/* What makes threads, processes and programs. Each is waited for. */
#include "random.h"

#include <linux/futex.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static char true_name[] = "/bin/true";
static char *const true_argv[] = {true_name, NULL};
static char *const no_env[] = {NULL};

static void *thread_main(void *data)
{
	live(data);
	return NULL;
}

void grow_thread(struct actor *a)
{
	struct actor child;
	pthread_attr_t attr;
	pthread_t thread;

	child_of(a, &child);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	must(pthread_create(&thread, &attr, thread_main, &child) == 0, "pthread_create");
	pthread_attr_destroy(&attr);
	must(pthread_join(thread, NULL) == 0, "pthread_join");
}

void grow_fork(struct actor *a)
{
	struct actor child;
	pid_t pid;

	child_of(a, &child);
	pid = fork();
	if (!pid) {
		live(&child);
		_exit(0);
	}
	wait_for(pid, 0);
}

void grow_exec(struct actor *a)
{
	struct actor child;
	pid_t pid;

	child_of(a, &child);
	pid = fork();
	if (!pid) {
		/* This one stays open. */
		must(open(in_dir(&child, "kept"), O_CREAT | O_RDWR, 0600) >= 0, "open");
		execute(&child, -1);
	}
	wait_for(pid, 0);
}

void grow_exec_fd(struct actor *a)
{
	struct actor child;
	pid_t pid;

	child_of(a, &child);
	pid = fork();
	if (!pid) {
		hot(&child);
		execute(&child, open("/proc/self/exe", O_PATH | O_CLOEXEC));
	}
	wait_for(pid, 0);
}

/* Through a shared memory: what the child writes, its parent has. */
void grow_vfork(struct actor *a)
{
	static const char *const names[] = {"/bin/true", "/bin/none"};
	const char *name = names[pick(a, 2)], *file = in_dir(a, "vforked");
	volatile int seen = 0;
	pid_t pid = vfork();

	if (!pid) {
		seen = 1;
		syscall(SYS_close, syscall(SYS_open, file, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
		syscall(SYS_execve, name, true_argv, no_env);
		_exit(7);
	}
	wait_for(pid, strcmp(name, names[0]) == 0 ? 0 : 7 << 8);
	must(seen, "vfork");
}

void grow_spawn(struct actor *a)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t set;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 9, in_dir(a, "spawned"), O_CREAT | O_RDWR, 0600);
	posix_spawn_file_actions_adddup2(&actions, 9, 8);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &set);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	must(posix_spawn(&pid, true_name, &actions, &attr, true_argv, no_env) == 0, "posix_spawn");
	wait_for(pid, 0);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
}

static void *exec_thread(void *data)
{
	execute(data, -1);
	return NULL;
}

/* A thread executes, and takes over its leader, which waits. */
void grow_exec_thread(struct actor *a)
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

static pid_t clone_with(uint64_t flags, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = flags, .exit_signal = SIGCHLD, .pidfd = (uintptr_t)ret_pidfd};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* In new namespaces, and with a descriptor for itself. */
void grow_clone3(struct actor *a)
{
	static const uint64_t flags[] = {0,
					 CLONE_NEWUTS,
					 CLONE_NEWIPC,
					 CLONE_NEWNET,
					 CLONE_NEWNS,
					 CLONE_NEWPID,
					 CLONE_NEWCGROUP,
					 CLONE_NEWUSER,
					 CLONE_CLEAR_SIGHAND};
	struct actor child;
	int pidfd = -1;
	siginfo_t si;
	pid_t pid;

	child_of(a, &child);
	pid = clone_with(flags[pick(a, COUNT(flags))] | CLONE_PIDFD, &pidfd);
	if (!pid) {
		act_calls(&child);
		hot(&child);
		act_calls(&child);
		_exit(0);
	}
	must(pid > 0 && pidfd >= 0, "clone3");
	must(waitid(P_PIDFD, (id_t)pidfd, &si, WEXITED | WNOWAIT) == 0, "waitid");
	close(pidfd);
	wait_for(pid, 0);
}

/* Generation upon generation in a pid namespace: there the ids are others. */
void grow_nested(struct actor *a)
{
	struct actor child;
	pid_t pid;

	child_of(a, &child);
	pid = fork();
	if (!pid) {
		must(unshare(CLONE_NEWPID) == 0, "unshare");
		hot(&child);
		grow_fork(&child);
		_exit(0);
	}
	wait_for(pid, 0);
}

/* The folder of both is one: what the child changes holds for its hot parent. */
void grow_shared(struct actor *a)
{
	struct actor child;
	pid_t pid, other;

	child_of(a, &child);
	pid = fork();
	if (!pid) {
		const struct call look = {SYS_openat, 1, {AT_FDCWD, WH_TEXT("here"), O_RDONLY}};

		make_calls(&child, &look, 300);
		other = clone_with(CLONE_FS | CLONE_FILES, NULL);
		if (!other) {
			must(chdir(child.dir) == 0, "chdir");
			close(creat("here", 0600));
			_exit(0);
		}
		wait_for(other, 0);
		make_calls(&child, &look, 300);
		must(access("here", R_OK) == 0, "here");
		_exit(0);
	}
	wait_for(pid, 0);
}

/* No tracer hears of it, unless an engine has to. So it does nothing that its maker does not do. */
void grow_untraced(struct actor *a)
{
	struct actor child;
	pid_t pid;

	child_of(a, &child);
	if (pick(a, 2))
		hot(&child);
	pid = (pid_t)syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0);
	if (!pid) {
		close(-1);
		_exit(0);
	}
	close(-1);
	wait_for(pid, 0);
}

/* A child is stopped and continued, and then tells that it goes on. */
void grow_stop(struct actor *a)
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
		act(&child);
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
