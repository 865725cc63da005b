/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changes a whole process: what it may, what it sees, how it is interrupted. Each is done in a child that has been hot, and gets
 * hot again in between.
 */
#include "random.h"

#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static void touch(const char *name)
{
	close(open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0644));
}

/* ---- who it is and what it may --------------------------------------------------------------- */

/* For good, or there and back. */
void deed_user(struct actor *a)
{
	int back = (int)pick(a, 2);
	const struct call own = {SYS_openat, 1, {AT_FDCWD, WH_TEXT("/etc/shadow"), O_RDONLY}};

	make_calls(a, &own, 250);
	must(chmod(a->dir, 0777) == 0, "chmod");
	if (back) {
		must(setresgid(-1, 65534, -1) == 0, "setresgid");
		must(setresuid(-1, 65534, -1) == 0, "setresuid");
	} else {
		must(setresgid(65534, 65534, 65534) == 0, "setresgid");
		must(setresuid(65534, 65534, 65534) == 0, "setresuid");
	}
	touch(in_dir(a, "mine"));
	must(open("/etc/shadow", O_RDONLY) == -1 || back, "shadow");
	hot(a);
	if (back) {
		must(setresuid(-1, 0, -1) == 0 && setresgid(-1, 0, -1) == 0, "back");
		make_calls(a, &own, 1);
		must(chown(in_dir(a, "mine"), 0, 0) == 0, "chown");
	} else {
		must(setuid(0) == -1, "setuid");
	}
}

static void set_caps(uint64_t effective)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	must(syscall(SYS_capget, &head, data) == 0, "capget");
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted & (uint32_t)(effective >> 32 * i);
	must(syscall(SYS_capset, &head, data) == 0, "capset");
}

/* What it may do it can give up for a while; what it asks for is then refused, and not. */
void deed_rights(struct actor *a)
{
	const char *name = in_dir(a, "denied");
	const struct call look = {SYS_openat, 1, {AT_FDCWD, WH_TEXT(name), O_RDONLY}};
	const struct call own = {SYS_fchown, 0, {WH_FD, 65534, 65534}};

	touch(name);
	must(chown(name, 65534, 65534) == 0 && chmod(name, 0) == 0, "chmod");
	make_calls(a, &look, 250);
	set_caps(0);
	make_calls(a, &look, 250);
	make_calls(a, &own, 1);
	set_caps(~0ull);
	make_calls(a, &look, 1);
	make_calls(a, &own, 1);
	must(prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT, 0, 0, 0) == 0, "PR_CAPBSET_DROP");
	must(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0, "PR_SET_KEEPCAPS");
	must(setresuid(65534, 65534, 65534) == 0, "setresuid");
	make_calls(a, &look, 1);
	set_caps(~0ull);
	make_calls(a, &look, 1);
}

void deed_limits(struct actor *a)
{
	static const int resources[] = {RLIMIT_NOFILE, RLIMIT_FSIZE, RLIMIT_CORE, RLIMIT_NICE,
					RLIMIT_MEMLOCK};
	struct rlimit limit;
	int resource = resources[pick(a, COUNT(resources))];
	const struct call dup = {SYS_dup, 1, {1}};

	make_calls(a, &dup, 250);
	must(getrlimit(resource, &limit) == 0, "getrlimit");
	limit.rlim_cur = resource == RLIMIT_NOFILE ? 3 : 0;
	must(setrlimit(resource, &limit) == 0, "setrlimit");
	make_calls(a, &dup, 1);
	limit.rlim_max = 20;
	setrlimit(resource, &limit);
	limit.rlim_max = 40;
	setrlimit(resource, &limit);
	make_calls(a, &dup, 1);
	setpriority(PRIO_PROCESS, 0, 3);
	setpriority(PRIO_PROCESS, 0, 2);
}

/* ---- what it sees ---------------------------------------------------------------------------- */

/* The same relative name in another folder, and then in another root. */
void deed_chdir(struct actor *a)
{
	const struct call look = {SYS_openat, 1, {AT_FDCWD, WH_TEXT("x/same"), O_RDONLY}};
	int dir;

	must(mkdir(in_dir(a, "x"), 0755) == 0, "mkdir");
	make_calls(a, &look, 400);
	dir = open(a->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(pick(a, 2) ? fchdir(dir) == 0 : chdir(a->dir) == 0, "chdir");
	touch("x/same");
	make_calls(a, &look, 400);
	must(rename("x", "y") == 0 && mkdir("x", 0755) == 0, "rename");
	make_calls(a, &look, 1);
	must(chroot("y") == 0, "chroot");
	touch("same");
	touch("/same");
	make_calls(a, &look, 1);
	must(fchdir(dir) == 0, "fchdir");
	touch("../out");
}

/* What is mounted over a name that is known, and taken away again. */
void deed_mounts(struct actor *a)
{
	const char *place = in_dir(a, "place"), *other = in_dir(a, "other");
	char name[64];
	const struct call look = {SYS_openat, 1, {AT_FDCWD, WH_TEXT(name), O_RDONLY}};
	const struct call state = {SYS_stat, 0, {WH_TEXT(name), WH_BUF}};

	snprintf(name, sizeof(name), "%s/file", place);
	must(unshare(CLONE_NEWNS) == 0, "unshare");
	must(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private");
	must(mkdir(place, 0755) == 0 && mkdir(other, 0755) == 0, "mkdir");
	touch(name);
	make_calls(a, &look, 300);
	must(mount("tmpfs", place, "tmpfs", MS_NOSUID, "size=64k") == 0, "mount");
	make_calls(a, &look, 1);
	make_calls(a, &state, 300);
	touch(name);
	make_calls(a, &look, 300);
	must(mount(place, other, NULL, MS_BIND, NULL) == 0, "bind");
	must(mount(NULL, other, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0, "remount");
	must(open(in_dir(a, "other/file"), O_RDWR | O_CLOEXEC) == -1 && errno == EROFS, "EROFS");
	must(umount2(place, MNT_DETACH) == 0, "umount2");
	make_calls(a, &look, 1);
	must(umount(other) == 0, "umount");
}

/* Namespaces that are left and entered. */
void deed_names(struct actor *a)
{
	static const struct {
		const char *name;
		int flag;
	} spaces[] = {
		{"/proc/self/ns/uts", CLONE_NEWUTS},	   {"/proc/self/ns/ipc", CLONE_NEWIPC},
		{"/proc/self/ns/cgroup", CLONE_NEWCGROUP}, {"/proc/self/ns/net", CLONE_NEWNET},
		{"/proc/self/ns/mnt", CLONE_NEWNS},
	};
	unsigned k = pick(a, COUNT(spaces));
	int fd = open(spaces[k].name, O_RDONLY | O_CLOEXEC);
	int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	must(fd >= 0 && unshare(spaces[k].flag) == 0, "unshare");
	if (spaces[k].flag == CLONE_NEWUTS) {
		must(sethostname("random", 6) == 0, "sethostname");
		syscall(SYS_setdomainname, "random", 6);
	}
	hot(a);
	must(setns(fd, spaces[k].flag) == 0, "setns");
	/* A mount namespace is entered at its root. */
	must(fchdir(here) == 0, "fchdir");
	act_calls(a);
	if (pick(a, 2))
		unshare(CLONE_FS | CLONE_FILES);
	must(unshare(CLONE_NEWUSER) == 0, "user");
	act_calls(a);
	act_calls(a);
}

/* ---- interruptions --------------------------------------------------------------------------- */

static void on_signal(int sig)
{
	(void)sig;
}

/* Until that process sleeps: then it is in the call it has announced. */
static void wait_asleep(pid_t pid)
{
	char name[32], text[256], *state;
	ssize_t n;
	int fd, seen = 0;

	snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	while (seen < 3) {
		nanosleep(&(struct timespec){0, 1000000}, NULL);
		fd = open(name, O_RDONLY | O_CLOEXEC);
		n = read(fd, text, sizeof(text) - 1);
		must(n > 0, "stat");
		text[n] = '\0';
		close(fd);
		state = strrchr(text, ')');
		seen = state && state[2] == 'S' ? seen + 1 : 0;
	}
}

/* Sleeping calls that go on after a signal (restart_syscall, the same call again) or end by it. */
static void sleep_in(unsigned how, int fd)
{
	struct timespec ts = {30, 0}; /* until the signal */
	char c;

	switch (how) {
	case 0:
		nanosleep(&ts, NULL);
		break;
	case 1:
		clock_nanosleep(CLOCK_BOOTTIME, 0, &ts, NULL);
		break;
	case 2:
		must(read(fd, &c, 1) <= 1, "read");
		break;
	}
}

void deed_restart(struct actor *a)
{
	static const int flags[] = {0, SA_RESTART};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags[pick(a, 2)]};
	unsigned how = pick(a, 3), stop = pick(a, 2);
	int told[2], p[2];
	sigset_t chld;
	pid_t pid;
	char c;

	must(pipe(told) == 0 && pipe(p) == 0, "pipe");
	must(sigaction(SIGUSR1, &action, NULL) == 0, "sigaction");
	/* A child that goes on wakes a parent that is traced: by chance, it sleeps just then. */
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	must(sigprocmask(SIG_BLOCK, &chld, NULL) == 0, "sigprocmask");
	/* Of what both will do, this is the first. */
	nanosleep(&(struct timespec){0, 1}, NULL);
	pid = fork();
	if (!pid) {
		hot(a);
		must(write(told[1], "x", 1) == 1, "write");
		sleep_in(how, p[0]);
		act_calls(a);
		_exit(0);
	}
	must(read(told[0], &c, 1) == 1, "read");
	wait_asleep(pid);
	if (stop) {
		must(kill(pid, SIGSTOP) == 0 && waitpid(pid, NULL, WUNTRACED) == pid, "stop");
		must(kill(pid, SIGCONT) == 0, "SIGCONT");
		wait_asleep(pid);
	}
	must(kill(pid, SIGUSR1) == 0, "kill");
	if (how == 2 && action.sa_flags)
		must(write(p[1], "x", 1) == 1, "write");
	wait_for(pid, 0);
}

/* A signal that waits comes in the middle of a call that lets it. */
void deed_masked(struct actor *a)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct timespec ts = {5, 0};
	sigset_t usr, none;

	sigemptyset(&none);
	sigemptyset(&usr);
	sigaddset(&usr, SIGUSR1);
	must(sigaction(SIGUSR1, &action, NULL) == 0, "sigaction");
	must(sigprocmask(SIG_BLOCK, &usr, NULL) == 0, "sigprocmask");
	for (int i = 0; i < 200; i++) {
		raise(SIGUSR1);
		must(sigtimedwait(&usr, NULL, &ts) == SIGUSR1, "sigtimedwait");
	}
	raise(SIGUSR1);
	if (pick(a, 2))
		must(sigsuspend(&none) == -1 && errno == EINTR, "sigsuspend");
	else
		must(syscall(SYS_ppoll, NULL, 0, &ts, &none, 8) == -1 && errno == EINTR, "ppoll");
	act_calls(a);
}

void deed_killed(struct actor *a)
{
	static const int signals[] = {SIGUSR2, SIGKILL, SIGTERM, SIGSEGV};
	int sig = signals[pick(a, COUNT(signals))];
	struct rlimit none = {1, 1}; /* not 0: a core_pattern with a pipe takes that for no limit */
	pid_t pid;

	must(setrlimit(RLIMIT_CORE, &none) == 0, "setrlimit");
	pid = fork();
	if (!pid) {
		hot(a);
		syscall(SYS_getpgid, 0);
		kill(getpid(), sig);
		_exit(0);
	}
	wait_for(pid, sig);
}

/* A process that serves: a request is a few calls, the last one a new kind of request. */
void deed_duty(struct actor *a)
{
	static const char requests[] = "aaaabbbbccccd";
	int in[2], out[2];
	char c, names[4][64];
	pid_t pid;

	must(pipe(in) == 0 && pipe(out) == 0, "pipe");
	for (unsigned i = 0; i < 4; i++)
		snprintf(names[i], sizeof(names[i]), "%s/%c", a->dir, 'a' + i);
	pid = fork();
	if (!pid) {
		close(in[1]);
		while (read(in[0], &c, 1) == 1) {
			touch(names[c - 'a']);
			for (int i = 0; c != 'd' && i < 60; i++)
				must(access(names[c - 'a'], R_OK) == 0, "access");
			must(write(out[1], &c, 1) == 1, "write");
		}
		_exit(0);
	}
	close(in[0]);
	for (size_t i = 0; i < sizeof(requests) - 1; i++) {
		must(write(in[1], &requests[i], 1) == 1, "write");
		must(read(out[0], &c, 1) == 1, "read");
	}
	close(in[1]);
	wait_for(pid, 0);
}
