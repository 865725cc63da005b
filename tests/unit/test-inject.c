// SPDX-License-Identifier: Apache-2.0
/* A filter put into a running thread: what changes and what must not. */
#ifdef __x86_64__

#include "tests/unit/inject.h"

#include <sys/resource.h>

/* ---- state ----------------------------------------------------------------------------------- */

/* Without a libc buffer: it may not map anything. */
static bool read_maps(char *text)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	ssize_t n, len = 0;

	while ((n = read(fd, text + len, MAPS_SIZE - 1 - (size_t)len)) > 0)
		len += n;
	close(fd);
	text[len] = '\0';
	return n == 0 && len > 0;
}

static int state_tracee(void)
{
	static const long arg[6] = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66};
	sigset_t before, after;

	memset(page->maps, 0, sizeof(page->maps));
	sigemptyset(&before);
	sigaddset(&before, SIGUSR2);
	sigprocmask(SIG_SETMASK, &before, NULL);
	probe_call(SYS_getppid, arg, &page->state[0]);
	if (!read_maps(page->maps[0]))
		return 1;
	page->nr = SYS_getppid;
	probe_call(SYS_getppid, arg, &page->state[1]);
	if (!read_maps(page->maps[1]))
		return 2;
	sigprocmask(SIG_SETMASK, NULL, &after);
	if (memcmp(&before, &after, 8) != 0)
		return 3;
	return filter_answers() ? 0 : 4;
}

static void test_state(void)
{
	struct plan plan = usual_plan();

	CU_ASSERT(follow(&plan, state_tracee) == 0);
	CU_ASSERT(plan.done == 1 && plan.result == WH_INJECT_DONE && plan.detail.err == 0);
	CU_ASSERT(page->state[0].rax == (uint64_t)getpid() && page->state[0].r15 == 0xb6);
	CU_ASSERT(page->state[0].red_zone[15] == 0x5a5a10);
	CU_ASSERT(memcmp(&page->state[0], &page->state[1], sizeof(page->state[0])) == 0);
	CU_ASSERT(strcmp(page->maps[0], page->maps[1]) == 0);
}

/* ---- listeners ------------------------------------------------------------------------------- */

#define FDS 64

/* Bits. Makes no descriptor itself. */
static uint64_t open_descriptors(void)
{
	uint64_t open = 0;

	for (int fd = 0; fd < FDS; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			open |= UINT64_C(1) << fd;
	return open;
}

static int listener_tracee(void)
{
	static const long arg[6] = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66};
	uint64_t before = open_descriptors();
	int fd = open("/", O_RDONLY);

	close(fd);
	probe_call(SYS_getppid, arg, &page->state[0]);
	page->nr = SYS_getppid;
	probe_call(SYS_getppid, arg, &page->state[1]);
	if (open_descriptors() != before || open("/", O_RDONLY) != fd)
		return 1;
	return filter_answers() ? 0 : 2;
}

static void test_listener(void)
{
	struct plan plan = usual_plan();
	char link[40], text[64] = "";

	plan.listen = true;
	CU_ASSERT(follow(&plan, listener_tracee) == 0);
	CU_ASSERT(plan.done == 1 && plan.result == WH_INJECT_DONE && plan.detail.err == 0);
	CU_ASSERT(memcmp(&page->state[0], &page->state[1], sizeof(page->state[0])) == 0);
	CU_ASSERT_FATAL(plan.detail.listener >= 0);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", plan.detail.listener);
	CU_ASSERT(readlink(link, text, sizeof(text) - 1) > 0);
	CU_ASSERT(strcmp(text, "anon_inode:seccomp notify") == 0);
	CU_ASSERT(fcntl(plan.detail.listener, F_GETFD) == FD_CLOEXEC);
	close(plan.detail.listener);
}

/* The filter is not there, and the call as if nothing had been. */
static int refused_tracee(void)
{
	struct rlimit limit = {FDS, FDS};
	struct sock_fprog prog = *answer_filter();

	if (page->word) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &prog) < 0)
			return 1;
	} else {
		setrlimit(RLIMIT_NOFILE, &limit);
		while (dup(0) >= 0)
			;
	}
	page->nr = SYS_getppid;
	return getppid() > 0 && filter_answers() == page->word ? 0 : 2;
}

static int refused_busy_tracee(void)
{
	page->word = 1;
	return refused_tracee();
}

static void test_listener_refused(void)
{
	struct plan full = usual_plan(), busy = usual_plan();
	int before = open("/", O_RDONLY), after;

	full.listen = busy.listen = true;
	CU_ASSERT(follow(&full, refused_tracee) == 0);
	CU_ASSERT(full.result == WH_INJECT_REFUSED && full.detail.err == EMFILE);
	CU_ASSERT(follow(&busy, refused_busy_tracee) == 0);
	CU_ASSERT(busy.result == WH_INJECT_REFUSED && busy.detail.err == EBUSY);
	CU_ASSERT(full.detail.listener < 0 && busy.detail.listener < 0);
	/* Nothing of ours is left open. */
	close(before);
	after = open("/", O_RDONLY);
	CU_ASSERT(after == before);
	close(after);
}

/* ---- results --------------------------------------------------------------------------------- */

/* Each call in turn gets a filter; the later ones pass the earlier filters. */
static int results_tracee(void)
{
	struct timespec ts = {0, 2000000};
	char c = 'x';
	int p[2];

	if (pipe(p) < 0)
		return 1;
	page->nr = SYS_write;
	if (write(p[1], &c, 1) != 1)
		return 2;
	c = 0;
	page->nr = SYS_read;
	if (read(p[0], &c, 1) != 1 || c != 'x')
		return 3;
	page->nr = SYS_nanosleep;
	if (syscall(SYS_nanosleep, &ts, NULL) != 0)
		return 4;
	page->word = 1;
	page->nr = SYS_futex;
	if (syscall(SYS_futex, &page->word, FUTEX_WAIT, 1, &ts, NULL, 0) != -1 ||
	    errno != ETIMEDOUT)
		return 5;
	page->word = 0;
	page->nr = SYS_close;
	if (syscall(SYS_close, -1) != -1 || errno != EBADF)
		return 6;
	page->nr = SYS_mmap;
	if (mmap(NULL, 12345, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
		return 7;
	return filter_answers() ? 0 : 8;
}

static void test_results(void)
{
	struct plan plan = usual_plan();

	CU_ASSERT(follow(&plan, results_tracee) == 0);
	CU_ASSERT(plan.done == 6 && plan.result == WH_INJECT_DONE);
}

static void *late_writer(void *data)
{
	const int *fd = data;
	struct timespec ts = {0, 20000000};

	/* The reader sleeps in its call by then; if not, the test is only weaker. */
	while (page->nr != -1)
		sched_yield();
	nanosleep(&ts, NULL);
	return write(*fd, "y", 1) == 1 && !filter_answers() ? NULL : data;
}

/* The filter is the reader's alone; the other thread's stack is as small as can be. */
static int blocked_tracee(void)
{
	static char stack[32768] __attribute__((aligned(4096)));
	pthread_attr_t attr;
	pthread_t thread;
	void *ret;
	char c = 0;
	int p[2];

	if (pipe(p) < 0 || pthread_attr_init(&attr) ||
	    pthread_attr_setstack(&attr, stack, sizeof(stack)))
		return 1;
	page->nr = SYS_read;
	if (pthread_create(&thread, &attr, late_writer, &p[1]))
		return 2;
	if (read(p[0], &c, 1) != 1 || c != 'y')
		return 3;
	if (pthread_join(thread, &ret) || ret)
		return 4;
	return filter_answers() ? 0 : 5;
}

static void test_blocked(void)
{
	struct plan plan = usual_plan();

	CU_ASSERT(follow(&plan, blocked_tracee) == 0);
	CU_ASSERT(plan.done == 1 && plan.result == WH_INJECT_DONE);
}

static void test_small(void)
{
	struct plan plan = usual_plan();

	CU_ASSERT(follow(&plan, small_tracee) == 0);
	CU_ASSERT(plan.done == 1 && plan.result == WH_INJECT_DONE);
}

static int twice_tracee(void)
{
	page->nr = SYS_getppid;
	if (syscall(SYS_getppid) != getppid() || filter_answers())
		return 1;
	page->nr = SYS_getppid;
	if (syscall(SYS_getppid) != getppid())
		return 2;
	return filter_answers() ? 0 : 3;
}

/* The second one passes the stops that the first one makes. */
static void test_traced(void)
{
	struct plan plan = usual_plan();

	plan.trace_first = true;
	CU_ASSERT(follow(&plan, twice_tracee) == 0);
	CU_ASSERT(plan.done == 2 && plan.result == WH_INJECT_DONE);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static int fork_tracee(void)
{
	int status;
	pid_t pid;

	page->nr = SYS_clone;
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		_exit(7);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 7)
		return 1;
	return filter_answers() ? 2 : 0;
}

static int exec_tracee(void)
{
	char *argv[] = {(char *)"true", NULL};

	page->nr = SYS_execve;
	execve("/bin/true", argv, argv + 1);
	return 1;
}

static int prctl_tracee(void)
{
	page->nr = SYS_prctl;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0)
		return 1;
	return filter_answers() ? 2 : 0;
}

static int exit_tracee(void)
{
	page->nr = SYS_exit_group;
	_exit(0);
}

static void test_not_now(void)
{
	static int (*const tracee[])(void) = {fork_tracee, exec_tracee, prctl_tracee, exit_tracee};

	for (size_t i = 0; i < sizeof(tracee) / sizeof(*tracee); i++) {
		struct plan plan = usual_plan();

		CU_ASSERT(follow(&plan, tracee[i]) == 0);
		CU_ASSERT(plan.done == 1 && plan.result == WH_INJECT_NOT_NOW);
	}
}

/* i386's own getppid() is 64, which is semget() here. */
static int i386_tracee(void)
{
	long value = 64;

	page->nr = 64;
	__asm__ volatile("int $0x80" : "+a"(value) : : "memory", "r8", "r9", "r10", "r11");
	if (value != getppid())
		return 1;
	return filter_answers() ? 2 : 0;
}

static void test_i386(void)
{
	struct plan plan = usual_plan();
	int status = follow(&plan, i386_tracee);

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV)
		return; /* a kernel without it */
	CU_ASSERT(status == 0);
	CU_ASSERT(plan.done == 1 && plan.result == WH_INJECT_NOT_NOW);
}

static void on_sigsys(int sig)
{
	page->signals += sig == SIGSYS;
}

/* Its own filter traps seccomp(), with a handler that our calls must neither run nor take away. */
static int trap_tracee(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof(insns) / sizeof(*insns), insns};

	signal(SIGSYS, on_sigsys);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, 2, &prog) ||
	    !read_maps(page->maps[0]))
		return 1;
	page->nr = SYS_getppid;
	if (syscall(SYS_getppid) != getppid() || page->signals != 0)
		return 2;
	if (!read_maps(page->maps[1]) || strcmp(page->maps[0], page->maps[1]) != 0)
		return 3;
	syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL);
	return page->signals == 1 && !filter_answers() ? 0 : 4;
}

static void test_trap(void)
{
	struct plan plan = usual_plan();

	CU_ASSERT(follow(&plan, trap_tracee) == 0);
	CU_ASSERT(plan.done == 1 && plan.result == WH_INJECT_REFUSED);
	CU_ASSERT(plan.detail.err == ENOSYS);
}

static int unprivileged_tracee(void)
{
	if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
		return 1;
	if (!read_maps(page->maps[0]))
		return 2;
	page->nr = SYS_getppid;
	if (syscall(SYS_getppid) <= 0)
		return 3;
	if (!read_maps(page->maps[1]) || strcmp(page->maps[0], page->maps[1]) != 0)
		return 4;
	page->word = filter_answers();
	page->signals = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	return 0;
}

static void test_unprivileged(void)
{
	struct plan plan = {.inject = true};

	CU_ASSERT(follow(&plan, unprivileged_tracee) == 0);
	CU_ASSERT(plan.done == 1 && plan.result == WH_INJECT_REFUSED);
	CU_ASSERT(plan.detail.err == EACCES);
	CU_ASSERT(page->word == 0 && page->signals == 0);

	plan = (struct plan){.inject = true, .no_new_privs = true};
	CU_ASSERT(follow(&plan, unprivileged_tracee) == 0);
	CU_ASSERT(plan.done == 1 && plan.result == WH_INJECT_DONE);
	CU_ASSERT(page->word == 1 && page->signals == 1);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"nothing but the filter is new", test_state},
		{"the calls' results, filter upon filter", test_results},
		{"a listener", test_listener},
		{"no listener to be had", test_listener_refused},
		{"a read that blocks", test_blocked},
		{"a thread with a small stack", test_small},
		{"past an earlier filter's stops", test_traced},
		{"a filter of the program's own", test_trap},
		{"not at this call", test_not_now},
		{"an i386 call", test_i386},
		{"without privilege", test_unprivileged},
		CU_TEST_INFO_NULL,
	};

	return run_tests("inject", tests);
}

#else

#include "tracer/inject.h"

int main(void)
{
	struct wh_inject_result result;
	struct sock_fprog none = {0, NULL};

	return wh_inject_filter(1, &none, false, &result) == WH_INJECT_NOT_NOW ? 0 : 1;
}

#endif
