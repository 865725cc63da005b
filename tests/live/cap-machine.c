/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts, namespaces, devices, scheduling, memory, System V IPC and clocks. */
/* LIVE: m32 */
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/timex.h>

#include "cap.h"

#define NEEDS(cap) CAP_##cap, CAP_NONE, "required"

static int namespace(void)
{
	return unshare(CLONE_NEWUTS);
}
static int files(void)
{
	return unshare(CLONE_FILES);
}
static int mounting(void)
{
	return mount("none", "mnt", "tmpfs", 0, NULL) || umount("mnt") ? -1 : 0;
}
static int unmounting(void)
{
	return umount2("mnt", 0) < 0 && errno == EINVAL ? 0 : -1;
}
static int rooting(void)
{
	return chroot("mnt");
}
static int device(void)
{
	int k = mknod("null", S_IFCHR | 0600, makedev(1, 3));

	return k ? k : unlink("null");
}
static int fifo(void)
{
	int k = mknod("fifo", S_IFIFO | 0600, 0);

	return k ? k : unlink("fifo");
}
static int faster(void)
{
	return setpriority(PRIO_PROCESS, 0, -3);
}
static int slower(void)
{
	return setpriority(PRIO_PROCESS, 0, 3);
}
static int real_time(void)
{
	struct sched_param param = {1};

	return sched_setscheduler(0, SCHED_FIFO, &param);
}
static int batch(void)
{
	struct sched_param param = {0};

	return sched_setscheduler(0, SCHED_BATCH, &param);
}
static int lock(size_t len)
{
	struct rlimit limit = {65536, 65536};
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return setrlimit(RLIMIT_MEMLOCK, &limit) || mlock(p, len) ? -1 : 0;
}
static int lock_much(void)
{
	return lock(1 << 20);
}
static int lock_little(void)
{
	return lock(4096);
}
static int shm_other, shm_own;
/* Who makes it stays its owner too: so the other user himself must. */
static int make_shm_other(void)
{
	int id[2];
	pid_t pid;

	expect_that(pipe(id) == 0 && (pid = fork()) >= 0);
	if (pid == 0) {
		int made;

		expect_that(setresuid(OTHER, OTHER, OTHER) == 0);
		made = shmget(IPC_PRIVATE, 4096, 0600);
		_exit(write(id[1], &made, sizeof(made)) != sizeof(made));
	}
	expect_that(waitpid(pid, NULL, 0) == pid);
	expect_that(read(id[0], &pid, sizeof(pid)) == sizeof(pid));
	return pid;
}
static int attach(int id)
{
	return shmat(id, NULL, 0) == (void *)-1 ? -1 : 0;
}
static int attach_other(void)
{
	return attach(shm_other);
}
static int attach_own(void)
{
	return attach(shm_own);
}
static int alarm_clock(void)
{
	return timerfd_create(CLOCK_BOOTTIME_ALARM, 0) < 0 ? -1 : 0;
}
static int clock_plain(void)
{
	return timerfd_create(CLOCK_BOOTTIME, 0) < 0 ? -1 : 0;
}
static int adjust(void)
{
	struct timex t = {.modes = ADJ_TICK};

	t.tick = 10000;
	return adjtimex(&t) < 0 ? -1 : 0;
}
static int adjust_read(void)
{
	struct timex t = {0};

	return adjtimex(&t) < 0 ? -1 : 0;
}
static int raise_hard(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_CORE, &limit);
	limit.rlim_max = limit.rlim_cur = 4096;
	if (setrlimit(RLIMIT_CORE, &limit))
		return -1;
	limit.rlim_max = 8192;
	return setrlimit(RLIMIT_CORE, &limit);
}
static int lower_hard(void)
{
	struct rlimit limit = {0, 4096};

	return setrlimit(RLIMIT_CORE, &limit);
}
static int lease_of(const char *name)
{
	return fcntl(open(name, O_RDONLY | O_CLOEXEC), F_SETLEASE, F_RDLCK);
}
static int lease_other(void)
{
	return lease_of("theirs");
}
static int lease_own(void)
{
	return lease_of("mine");
}
static int hostname(void)
{
	char name[64];

	/* What it is already. */
	return gethostname(name, sizeof(name)) || sethostname(name, strlen(name)) ? -1 : 0;
}

int main(void)
{
	const char *here = expect_here();
	const struct cap_case cases[] = {
		{NEEDS(SYS_ADMIN), namespace, files, "make a new UTS namespace"},
		{NEEDS(SYS_CHROOT), rooting, NULL, cap_text("chroot to %s/mnt", here)},
		{NEEDS(MKNOD), device, fifo, cap_text("make the character device %s/null", here)},
		{NEEDS(SYS_NICE), faster, slower, "raise the priority to nice -3", EACCES},
		{NEEDS(SYS_NICE), real_time, batch, "use a real-time policy beyond RLIMIT_RTPRIO"},
		{NEEDS(IPC_LOCK), lock_much, lock_little, "lock memory beyond RLIMIT_MEMLOCK",
		 ENOMEM},
		{NEEDS(IPC_OWNER), attach_other, attach_own,
		 "attach shared memory of uid 33 and mode 600", EACCES},
		{NEEDS(WAKE_ALARM), alarm_clock, clock_plain, "use a clock that wakes the machine"},
		{NEEDS(SYS_TIME), adjust, adjust_read, "adjust the clock"},
		{NEEDS(SYS_RESOURCE), raise_hard, lower_hard,
		 "raise the hard limit of RLIMIT_CORE"},
		{NEEDS(LEASE), lease_other, lease_own, "take a lease on a file of uid 33", EACCES},
		{NEEDS(SYS_ADMIN), hostname, NULL, "set the host or domain name"},
	};

	expect_that(mkdir("mnt", 0755) == 0);
	cap_make("theirs", false, 0644);
	cap_make_own("mine", 0644);
	/* Namespaces of its own: nothing of it stays when it ends. */
	expect_that(unshare(CLONE_NEWNS | CLONE_NEWIPC) == 0);
	cap_expect(NEEDS(SYS_ADMIN), false, "make a new mount namespace", 0);
	expect_that(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	cap_expect(NEEDS(SYS_ADMIN), false, "mount /", 0);
	expect_that(mounting() == 0);
	cap_expect(NEEDS(SYS_ADMIN), false, cap_text("mount %s/mnt", here), 0);
	cap_expect(NEEDS(SYS_ADMIN), false, cap_text("umount2 %s/mnt", here), 0);
	expect_that(cap_run(mounting, CAP_SYS_ADMIN, -1) == EPERM);
	cap_expect(NEEDS(SYS_ADMIN), true, cap_text("mount %s/mnt", here), 0);
	expect_that(cap_run(unmounting, CAP_SYS_ADMIN, -1) == EPERM);
	cap_expect(NEEDS(SYS_ADMIN), true, cap_text("umount2 %s/mnt", here), 0);
	shm_own = shmget(IPC_PRIVATE, 4096, 0600);
	shm_other = make_shm_other();
	expect_that(shm_own >= 0 && shm_other >= 0);
	cap_expect(NEEDS(SETUID), false, "become uid 33", 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cap_try(&cases[i]);
	cap_done();
	return 0;
}
