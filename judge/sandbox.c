// SPDX-License-Identifier: Apache-2.0
#include "judge/sandbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/apparmor.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "whittle/capability.h"
#include "whittle/command.h"

/* The steps of a start, in order; what failed is told to the parent by its place here. */
enum step {
	STEP_SETUP,
	STEP_APPARMOR,
	STEP_NO_NEW_PRIVS,
	STEP_BOUNDING,
	STEP_CAPS,
	STEP_FILTER,
	STEP_EXEC,
};

static const char *const step_names[] = {
	[STEP_SETUP] = "cannot set up the process",
	[STEP_APPARMOR] = "cannot enter the AppArmor profile",
	[STEP_NO_NEW_PRIVS] = "cannot set no_new_privs",
	[STEP_BOUNDING] = "cannot drop from the capability bounding set (run it as root)",
	[STEP_CAPS] = "cannot set capabilities (run it as root)",
	[STEP_FILTER] = "cannot load the seccomp filter",
	[STEP_EXEC] = "exec",
};

/*
 * Memory shared with the child. Once the filter is loaded the child must not need any system call but
 * execve, since the profile may allow no other: it speaks through this.
 */
struct shared {
	atomic_int step, err; /* err is set last, and means failure */
	atomic_int listener;  /* its number in the child, + 1 */
	atomic_int taken;     /* the parent has it */
};

static bool set_caps(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	for (unsigned i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(effective >> 32 * i);
		data[i].permitted = (uint32_t)(permitted >> 32 * i);
		data[i].inheritable = (uint32_t)(inheritable >> 32 * i);
	}
	return syscall(SYS_capset, &header, data) == 0;
}

static int get_caps(uint64_t *ret_permitted)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	*ret_permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	return 0;
}

int wh_sandbox_caps(uint64_t *ret_caps, struct wh_error *e)
{
	uint64_t permitted = 0, caps = 0;
	int r = get_caps(&permitted);

	if (r < 0)
		return wh_error_errno(e, r, "capget");
	for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++) {
		if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1 && permitted & 1ull << i)
			caps |= 1ull << i;
	}
	*ret_caps = caps;
	return 0;
}

static bool drop_bounding(uint64_t keep)
{
	for (int i = 0; i < 64 && prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++) {
		if (!(keep & 1ull << i) && prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1 &&
		    prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
			return false;
	}
	return true;
}

static long load_filter(const struct wh_sandbox *s)
{
	struct sock_fprog program = {(unsigned short)s->program->n, s->program->insn};
	unsigned flags = s->program->flags;

	if (s->listen)
		flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static _Noreturn void fail(struct shared *shared, int err)
{
	atomic_store(&shared->err, err ? err : EINVAL);
	_exit(127);
}

/*
 * Without no_new_privs a filter needs CAP_SYS_ADMIN, so runc loads it before it drops capabilities.
 * Here the sets that exec works from (bounding, inheritable; ambient is emptied) are cut first, and
 * what is left in permitted goes with the execve: then the filter need not allow what only the starting
 * needs.
 */
static _Noreturn void child(const struct wh_sandbox *s, uint64_t permitted, struct shared *shared)
{
	sigset_t none;
	long listener;

	atomic_store(&shared->step, STEP_SETUP);
	sigemptyset(&none);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	/* Were we killed now, a child that waits for its listener to be taken would spin for ever. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || setpgid(0, 0) < 0 ||
	    (s->out >= 0 && dup2(s->out, STDOUT_FILENO) < 0) ||
	    (s->err >= 0 && dup2(s->err, STDERR_FILENO) < 0) ||
	    sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		fail(shared, errno);
	atomic_store(&shared->step, STEP_APPARMOR);
	if (s->apparmor && aa_change_onexec(s->apparmor) < 0)
		fail(shared, errno);
	atomic_store(&shared->step, STEP_NO_NEW_PRIVS);
	if (s->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		fail(shared, errno);
	atomic_store(&shared->step, STEP_BOUNDING);
	if (!drop_bounding(s->caps))
		fail(shared, errno);
	atomic_store(&shared->step, STEP_CAPS);
	if (!set_caps(permitted, permitted, s->caps) ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		fail(shared, errno);
	atomic_store(&shared->step, STEP_FILTER);
	listener = s->program ? load_filter(s) : 0;
	if (listener < 0)
		fail(shared, errno);
	if (s->listen) {
		atomic_store(&shared->listener, (int)listener + 1);
		/* Nobody listens yet: a system call here, even sched_yield, might wait for ever. */
		while (!atomic_load(&shared->taken))
			__asm__ volatile("" ::: "memory");
	}
	atomic_store(&shared->step, STEP_EXEC);
	execv(s->path, s->argv);
	fail(shared, errno);
}

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* Leaves it to be reaped. */
static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	       info.si_pid == pid;
}

/* The child's listener, which it cannot send: its calls are filtered. */
static int take_listener(pid_t pid, struct shared *shared, struct wh_error *e)
{
	wh_auto(fd) pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int fd;

	if (pidfd < 0)
		return wh_error_errno(e, errno, "pidfd_open");
	while (!atomic_load(&shared->listener)) {
		if (atomic_load(&shared->err) || has_ended(pid))
			return -ECHILD;
		nap();
	}
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, atomic_load(&shared->listener) - 1, 0);
	if (fd < 0)
		return wh_error_errno(e, errno, "pidfd_getfd");
	atomic_store(&shared->taken, 1);
	return fd;
}

static int say_failure(const struct wh_sandbox *s, const struct shared *shared, struct wh_error *e)
{
	int err = atomic_load(&shared->err), step = atomic_load(&shared->step);

	if (!err)
		return wh_error_set(e, ECHILD, "%s ended before it executed %s: %s",
				    "the starting process", s->path, step_names[step]);
	if (step != STEP_EXEC)
		return wh_error_errno(e, err, "%s", step_names[step]);
	return wh_command_exec_failed(s->path, err, e);
}

/*
 * Wait until the program has been executed: a pipe that closes on exec says so. A listening parent does
 * not wait: the execve itself may be what is asked about.
 */
static int wait_for_exec(int fd)
{
	char c;
	ssize_t n;

	do {
		n = read(fd, &c, 1);
	} while (n < 0 && errno == EINTR);
	return 0;
}

int wh_sandbox_start(const struct wh_sandbox *s, pid_t *ret_pid, int *ret_listener,
		     struct wh_error *e)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	wh_auto(fd) listener = -1;
	int pipes[2], r = 0;
	uint64_t permitted = 0;
	pid_t pid;

	if (shared == MAP_FAILED)
		return wh_error_oom(e);
	r = get_caps(&permitted);
	if (r == 0 && pipe2(pipes, O_CLOEXEC) < 0)
		r = -errno;
	if (r < 0) {
		munmap(shared, sizeof(*shared));
		return wh_error_errno(e, r, "cannot start a process");
	}
	pid = fork();
	if (pid == 0)
		child(s, permitted, shared);
	close(pipes[1]);
	if (pid < 0)
		r = wh_error_errno(e, errno, "cannot start a process: fork");
	if (r == 0 && s->listen) {
		r = listener = take_listener(pid, shared, e);
	} else if (r == 0) {
		wait_for_exec(pipes[0]);
	}
	close(pipes[0]);
	if (pid > 0 && (r < 0 || atomic_load(&shared->err))) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		r = say_failure(s, shared, e);
	}
	munmap(shared, sizeof(*shared));
	if (r < 0)
		return r;
	*ret_pid = pid;
	*ret_listener = wh_take_fd(&listener);
	return 0;
}

/* The parent of a process; -1 if it is gone. */
static pid_t parent_of(const char *pid)
{
	wh_auto(str) path = NULL;
	wh_auto(file) f = NULL;
	char line[512], *end;
	int parent;

	if (asprintf(&path, "/proc/%s/stat", pid) < 0) {
		path = NULL;
		return -1;
	}
	f = fopen(path, "re");
	/* The name in parentheses may hold anything; it ends at the last one. */
	if (!f || !fgets(line, sizeof(line), f) || !(end = strrchr(line, ')')) ||
	    sscanf(end + 1, " %*c %d", &parent) != 1)
		return -1;
	return parent;
}

static void kill_children(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;

	while (proc && (d = readdir(proc))) {
		uint64_t pid;

		if (wh_util_parse_u64(d->d_name, &pid) == 0 && parent_of(d->d_name) == getpid())
			kill((pid_t)pid, SIGKILL);
	}
	if (proc)
		closedir(proc);
}

void wh_sandbox_kill_all(void)
{
	/* The children of the dead become ours: until there are none. */
	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG | __WALL);

		if (pid < 0 && errno != EINTR)
			return;
		if (pid == 0) {
			kill_children();
			nap();
		}
	}
}
