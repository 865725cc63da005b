/* SPDX-License-Identifier: Apache-2.0 */
/* Less common checks: limits, tracing, scheduling, keys of other kinds than cap-machine's. */
/* LIVE: m32 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/fanotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "cap.h"

#define NEEDS(cap) CAP_##cap, CAP_NONE, "required"

static int own_queue;

static int pipe_of(int size)
{
	int fd[2];

	return pipe(fd) || fcntl(fd[0], F_SETPIPE_SZ, size) < 0 ? -1 : 0;
}
static int pipe_large(void)
{
	return pipe_of(16 << 20);
}
static int pipe_small(void)
{
	return pipe_of(65536);
}
static int reset(int policy)
{
	struct sched_param param = {0};

	return sched_setscheduler(0, policy, &param);
}
static int reset_off(void)
{
	return reset(SCHED_OTHER | SCHED_RESET_ON_FORK) ? -1 : reset(SCHED_OTHER);
}
static int reset_on(void)
{
	return reset(SCHED_OTHER | SCHED_RESET_ON_FORK) ? -1
							: reset(SCHED_OTHER | SCHED_RESET_ON_FORK);
}
static int watch_with(unsigned flags)
{
	return fanotify_init(FAN_CLOEXEC | flags, O_RDONLY | O_CLOEXEC) < 0 ? -1 : 0;
}
static int watch_threads(void)
{
	return watch_with(FAN_REPORT_FID | FAN_REPORT_TID);
}
static int watch_directories(void)
{
	return watch_with(FAN_REPORT_DIR_FID);
}
static int enter_own(void)
{
	return setns(open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC), CLONE_NEWUTS);
}
static int set_nothing(void)
{
	/* Neither a time nor a zone: past the question there is nothing to do. */
	return (int)syscall(SYS_settimeofday, NULL, NULL);
}
static int io_priority(int class)
{
	return (int)syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, class << 13 | 4);
}
static int io_real_time(void)
{
	return io_priority(1);
}
static int io_best_effort(void)
{
	return io_priority(2);
}
static int queue_of_messages(long most)
{
	/* struct mq_attr: flags, maxmsg, msgsize, curmsgs. */
	long attr[8] = {0, most, 64};

	return syscall(SYS_mq_open, "whittle-test", O_CREAT | O_RDONLY | O_CLOEXEC, 0600, attr) < 0
		       ? -1
		       : (int)syscall(SYS_mq_unlink, "whittle-test");
}
static int many_messages(void)
{
	return queue_of_messages(4096);
}
static int few_messages(void)
{
	return queue_of_messages(4);
}
static int priority_of_others(void)
{
	return setpriority(PRIO_USER, OTHER, 5);
}
static int priority_of_own(void)
{
	return setpriority(PRIO_PROCESS, 0, 5);
}
static int queue_of(unsigned long more)
{
	struct msqid_ds queue;

	if (msgctl(own_queue, IPC_STAT, &queue))
		return -1;
	queue.msg_qbytes += more;
	return msgctl(own_queue, IPC_SET, &queue);
}
static int queue_larger(void)
{
	return queue_of(1 << 20);
}
static int queue_same(void)
{
	return queue_of(0);
}
static void scheduling(void)
{
	pid_t pid;
	int ready[2];
	char c;
	const struct cap_case of_others = {NEEDS(SYS_NICE), priority_of_others, priority_of_own,
					   "change the priority of the processes of uid 33"};

	expect_that(pipe(ready) == 0 && (pid = fork()) >= 0);
	if (pid == 0) {
		expect_that(setresuid(OTHER, OTHER, OTHER) == 0);
		expect_that(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
		expect_that(write(ready[1], "", 1) == 1);
		for (;;)
			pause();
	}
	expect_that(read(ready[0], &c, 1) == 1);
	cap_expect(NEEDS(SETUID), false, "become uid 33", 0);
	cap_try(&of_others);
	expect_that(kill(pid, SIGKILL) == 0);
	cap_expect(NEEDS(KILL), false, "send SIGKILL to a process of uid 33", 0);
}

/* All to come is bounded by the limit, and goes beyond it only with the capability. */
static int lock_future(void)
{
	struct rlimit limit = {1 << 20, 1 << 20};

	return setrlimit(RLIMIT_MEMLOCK, &limit) || mlockall(MCL_FUTURE) ? -1 : 0;
}

/* One that does go beyond, by memory that it is only given: refused, where nothing lets it. */
static int lock_beyond(void)
{
	return lock_future() || mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
		       ? -1
		       : 0;
}

int main(void)
{
	const struct cap_case cases[] = {
		{NEEDS(SYS_RESOURCE), pipe_large, pipe_small,
		 "make a pipe larger than pipe-max-size"},
		{NEEDS(SYS_NICE), reset_off, reset_on, "take SCHED_RESET_ON_FORK away"},
		{NEEDS(SYS_ADMIN), enter_own, NULL, "enter another namespace"},
		{NEEDS(SYS_TIME), set_nothing, NULL, "set the clock"},
		{CAP_SYS_NICE, CAP_SYS_ADMIN, "required", io_real_time, io_best_effort,
		 "use the real-time I/O class"},
		{NEEDS(SYS_ADMIN), watch_threads, watch_directories, "watch with fanotify"},
	};
	const struct cap_case messages = {NEEDS(SYS_RESOURCE), many_messages, few_messages,
					  "make a message queue beyond fs.mqueue's limits", EINVAL};
	const struct cap_case queue = {NEEDS(SYS_RESOURCE), queue_larger, queue_same,
				       "let a message queue hold more than kernel.msgmnb"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cap_try(&cases[i]);
	expect_that(unshare(CLONE_NEWIPC) == 0);
	cap_expect(NEEDS(SYS_ADMIN), false, "make a new IPC namespace", 0);
	cap_try(&messages);
	own_queue = msgget(IPC_PRIVATE, 0600);
	expect_that(own_queue >= 0);
	if (sizeof(long) == 8)
		cap_try(&queue);
	scheduling();
	expect_that(cap_run(lock_future, CAP_IPC_LOCK, -1) == 0);
	expect_that(cap_run(lock_future, -1, -1) == 0);
	cap_expect(CAP_IPC_LOCK, CAP_NONE, "possible", false,
		   "lock all memory to come, which RLIMIT_MEMLOCK bounds", 0);
	expect_that(cap_run(lock_beyond, CAP_IPC_LOCK, -1) == EAGAIN);
	if (cap_effective() >> CAP_IPC_LOCK & 1) {
		expect_that(cap_run(lock_beyond, -1, -1) == 0);
		cap_expect(NEEDS(IPC_LOCK), false, "lock all memory to come beyond RLIMIT_MEMLOCK",
			   0);
	}
	cap_done();
	return 0;
}
