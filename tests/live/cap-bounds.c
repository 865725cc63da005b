/* SPDX-License-Identifier: Apache-2.0 */
/* Timers that wake, pages of others, keys, and more processes than a user may have. */
#include <linux/keyctl.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>

#include "cap.h"

#define NEEDS(cap) CAP_##cap, CAP_NONE, "required"
#define NOBODY	   54321 /* who has no other process */

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

static int wakes, quiet;

static int set_timer(int fd)
{
	struct itimerspec when = {.it_value = {1000, 0}};

	return timerfd_settime(fd, 0, &when, NULL);
}
static int set_waking(void)
{
	return set_timer(wakes);
}
static int set_quiet(void)
{
	return set_timer(quiet);
}
static int make_waking(void)
{
	return timerfd_create(CLOCK_BOOTTIME_ALARM, TFD_CLOEXEC) < 0 ? -1 : 0;
}
static int make_quiet(void)
{
	return timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC) < 0 ? -1 : 0;
}

static int move_with(int flags)
{
	return (int)syscall(SYS_move_pages, 0, 0L, NULL, NULL, NULL, flags);
}
static int move_shared(void)
{
	return move_with(MPOL_MF_MOVE_ALL);
}
static int move_own(void)
{
	return move_with(MPOL_MF_MOVE);
}
static int bind_with(unsigned flags)
{
	return (int)syscall(SYS_mbind, 0x10000000L, 0L, MPOL_DEFAULT, NULL, 0L, flags);
}
static int bind_shared(void)
{
	return bind_with(MPOL_MF_MOVE_ALL);
}
static int bind_own(void)
{
	return bind_with(MPOL_MF_MOVE);
}
/* Node 40 is nobody's here: what is asked for is cut down to what there is, but asked first. */
static int migrate_to(unsigned long low, unsigned long high)
{
	unsigned long old[4] = {1}, new[4] = {low, 0};

	if (sizeof(long) == 8)
		new[0] |= high << 32;
	else
		new[1] = high;
	return (int)syscall(SYS_migrate_pages, 0, 64L, old, new);
}
static int migrate_far(void)
{
	return migrate_to(1, 1 << 8);
}
static int migrate_near(void)
{
	return migrate_to(1, 0);
}

/* A new one each time: a process keyring is its process's own, and what is given is not one's own any more. */
static int give_key(int uid, int gid)
{
	long key = syscall(SYS_add_key, "user", "whittle-test", "x", 1L, KEY_SPEC_PROCESS_KEYRING);

	return key < 0 ? -1 : (int)syscall(SYS_keyctl, KEYCTL_CHOWN, (int)key, uid, gid);
}
static int give_to_user(void)
{
	return give_key(OTHER, -1);
}
static int give_to_group(void)
{
	return give_key(-1, OTHER);
}
static int give_to_self(void)
{
	return give_key(0, 0);
}

static int stat_cache(const char *name, int flags)
{
	struct {
		uint64_t off, len;
	} range = {0, 4096};
	uint64_t counts[5];
	int fd = open(name, flags | O_CLOEXEC);

	return fd < 0 ? -1 : (int)syscall(SYS_cachestat, fd, &range, counts, 0);
}
static int cache_of_theirs(void)
{
	return stat_cache("theirs", O_RDONLY);
}
static int cache_of_own(void)
{
	return stat_cache("own", O_RDONLY);
}
static int cache_of_open(void)
{
	return stat_cache("open", O_RDONLY);
}

/* As a user who has but this process, and keeps its capabilities. */
static int fork_with(rlim_t limit)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];
	struct rlimit most = {limit, limit};
	int status;
	pid_t pid;

	if (setrlimit(RLIMIT_NPROC, &most) || prctl(PR_SET_KEEPCAPS, 1) ||
	    setresuid(NOBODY, NOBODY, NOBODY) || syscall(SYS_capget, &header, data))
		return -1;
	data[0].effective = data[0].permitted;
	data[1].effective = data[1].permitted;
	if (syscall(SYS_capset, &header, data))
		return -1;
	pid = fork();
	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}
static int fork_beyond(void)
{
	return fork_with(1);
}
static int fork_within(void)
{
	struct rlimit now;

	return getrlimit(RLIMIT_NPROC, &now) ? -1 : fork_with(now.rlim_max);
}

int main(void)
{
	const struct cap_case cases[] = {
		{NEEDS(WAKE_ALARM), set_waking, set_quiet, "set a timer that wakes the machine"},
		{NEEDS(WAKE_ALARM), make_waking, make_quiet, "use a clock that wakes the machine"},
		{NEEDS(SYS_NICE), move_shared, move_own, "move pages that others share"},
		{NEEDS(SYS_NICE), bind_shared, bind_own, "move pages that others share"},
		{NEEDS(SYS_NICE), migrate_far, migrate_near,
		 "migrate pages to a node that the process may not use"},
		{NEEDS(SYS_ADMIN), give_to_user, give_to_self, "give a key to uid 33", EACCES},
		{CAP_SYS_ADMIN, CAP_NONE, "likely", give_to_group, NULL, "give a key to gid 33",
		 EACCES},
		{CAP_FOWNER, CAP_DAC_OVERRIDE, "likely", cache_of_theirs, cache_of_own,
		 "see what of a file of uid 33 is in memory"},
		{CAP_SYS_RESOURCE, CAP_SYS_ADMIN, "likely", fork_beyond, fork_within,
		 "make a process beyond RLIMIT_NPROC by uid 54321", EAGAIN},
	};

	wakes = timerfd_create(CLOCK_REALTIME_ALARM, TFD_CLOEXEC);
	quiet = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	expect_that(wakes >= 0 && quiet >= 0);
	cap_make("theirs", false, 0644);
	cap_make("open", false, 0666);
	cap_make_own("own", 0600);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cap_try(&cases[i]);
	expect_that(cap_run(migrate_near, -1, -1) == 0);
	expect_that(cap_run(cache_of_open, CAP_FOWNER, CAP_DAC_OVERRIDE) == 0);
	cap_expect(NEEDS(SETUID), false, "become uid 54321", 0);
	cap_expect(CAP_SYS_NICE, CAP_NONE, "possible", false, "migrate pages that others share", 0);
	cap_done();
	return 0;
}
